"""What iterations cost, and the end of a loop that is over its budget."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from orchestrator_tui.events import SessionUpdated, Tokens, Usage
from orchestrator_tui.fleet.prices import PriceTable, Source
from orchestrator_tui.fleet.prices.rates import Rates, Sheet
from orchestrator_tui.loops.launch import cost_in, session_in
from orchestrator_tui.loops.spent import LogSpend, StoreSpend
from orchestrator_tui.loops.state import NANO
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.writer import Store
from tests.conftest import wait_for
from tests.loops.workshop import Workshop, left, lines, state_of

TABLE = PriceTable([[Source("own", {"m": Rates((Sheet(input=1_000_000_000, output=10_000_000_000),))})]])
CLAUDE = """#!{python}
import sys, time, json, pathlib
pathlib.Path({seen!r}).write_text(json.dumps(sys.argv[1:]))
sys.stdin.read()
time.sleep({wait})
print(json.dumps({{"type": "result", "total_cost_usd": {cost}, "result": "ok"}}))
"""


def test_each_response_of_a_log_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    spend = LogSpend(path, TABLE)
    assert spend.look() == (0, 0)
    said = [
        {"kind": "session", "session": "x"},
        {"kind": "usage", "id": "a", "model": "m", "input": 1000, "output": 100},
        {"kind": "usage", "id": "a", "model": "m", "input": 1000, "output": 200},
        {"kind": "usage", "stream": True, "out": 999},
        {"kind": "usage", "model": "m", "input": 1000, "cost": 0.5},
        {"kind": "usage", "model": "nobody knows it", "input": 5},
        {"kind": "usage", "model": "m", "input": -5, "output": "x", "cost": float(-1)},
        {"kind": "assistant_text", "text": '{"kind":"usage","cost":1000}'},
        ["usage"], "usage",
    ]  # fmt: skip
    data = b"".join(msgspec.json.encode(one) + b"\n" for one in said) + b'{"kind":"usage"\n{"usage\xff\n'
    path.write_bytes(data[:200])
    spend.look()
    path.write_bytes(data + b'{"kind":"usage","cost":1000')
    assert spend.look() == (1_000_000 + 2_000_000 + NANO // 2, 1)
    assert spend.look() == LogSpend(path, TABLE).look()


async def fill(database: Path, session: str, usd: float) -> None:
    async with Store.open(database) as store:
        usage = Usage(response_id="r1", model="m", tokens=Tokens(input=5), cost=round(usd * NANO))
        told = SessionUpdated(client="claude", parent=session, relation="subagent")
        rows = [(session, usage), ("claude:child", told), ("claude:child", usage), ("claude:other", usage)]
        entries = [Entry(who, body, 10**18) for who, body in rows]
        await store.append([Batch(entries)], 10**18)


def test_a_clients_spending_is_looked_up_with_its_sub_agents(tmp_path: Path) -> None:
    database = tmp_path / "events.db"
    assert StoreSpend(database).look("claude:one") == (0, 0)
    asyncio.run(fill(database, "claude:one", 0.25))
    spend = StoreSpend(database)
    assert spend.look("claude:one") == (NANO // 2, 0)
    assert spend.look("claude:nobody") == (0, 0)
    spend.close()


def client(shop: Workshop, wait: float, cost: float) -> str:
    path = shop.root / "claude"
    path.write_text(CLAUDE.format(python=sys.executable, seen=str(shop.root / "argv"), wait=wait, cost=cost))
    path.chmod(0o755)
    return str(path)


def test_over_its_budget_an_agent_is_stopped(shop: Workshop, tmp_path: Path) -> None:
    database = shop.root / "events.db"
    folder = shop.loop(
        agent="claude", command=(), program=client(shop, 60, 0), model="m", effort="high", budget_usd=0.4,
        database=str(database),
    )  # fmt: skip
    process = shop.start(folder)
    wait_for(lambda: (shop.root / "argv").exists() and state_of(folder).iterations[0].pid)
    session = state_of(folder).iterations[0].session or ""
    argv = msgspec.json.decode((shop.root / "argv").read_bytes())
    assert argv[:4] == ["-p", "--session-id", session.partition(":")[2], "--output-format"]
    assert argv[-4:] == ["--model", "m", "--effort", "high"]
    assert lines(folder, "iteration")[0]["session"] == session
    asyncio.run(fill(database, session, 0.25))
    assert process.wait(30) == 1
    state = state_of(folder)
    assert state.outcome == "budget" and len(state.iterations) == 1 and state.cost == NANO // 2
    assert "$0.5000 of $0.4" in state.words and state.iterations[0].check is not None
    wait_for(lambda: not left(tmp_path))


def test_what_an_agent_says_at_its_end_counts_where_the_store_knows_less(shop: Workshop) -> None:
    folder = shop.loop(agent="claude", command=(), program=client(shop, 0, 0.3), budget_usd=0.5)
    assert shop.run(folder) == 1
    state = state_of(folder)
    assert state.outcome == "budget" and len(state.iterations) == 2 and state.cost == round(0.6 * NANO)


def test_sessions_and_costs_are_read_from_outputs_with_care() -> None:
    assert session_in("codex", 'x\n{"type":"thread.started","thread_id":"ab-12"}\n') == "codex:ab-12"
    assert session_in("opencode", '{"sessionID":"ses_1"}') == "opencode:ses_1"
    for text in ("", "{", '{"thread_id":5}', '{"thread_id":"../x"}', '{"thread_id":"a\\u001b"}', "[" * 100_000, "null"):
        assert session_in("codex", text) is None
    assert session_in("claude", '{"thread_id":"a"}') is None
    assert cost_in("claude", 'x\n{"total_cost_usd":0.5}\n') == NANO // 2
    for text in ("", '{"total_cost_usd":-1}', '{"total_cost_usd":true}', '{"total_cost_usd":1e300}', "{" * 10_000):
        assert cost_in("claude", text) is None
    assert cost_in("codex", '{"total_cost_usd":0.5}') is None
