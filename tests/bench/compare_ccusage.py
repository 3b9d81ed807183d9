"""Side by side with ccusage (npm): recordings and generated trees, per kind of token, against what the server reported.

`npm install ccusage` in a scratch directory, then `python -m tests.bench.compare_ccusage --ccusage DIR/node_modules/.bin/ccusage`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import spent
from tests.bench.generate import Truth, write_tree
from tests.bench.generate_codex import write_codex_tree
from tests.bench.report import table

DATA = Path(__file__).parents[1] / "data" / "clients"
CLIENTS = ("claude", "codex")
KINDS = ("requests", "input", "cache_read", "cache_write", "output")
FIELDS = {
    "input": "inputTokens", "cache_read": "cacheReadTokens", "cache_write": "cacheCreationTokens",
    "output": "outputTokens",
}  # fmt: skip
MB = 1 << 20
FOREVER = 9_000_000_000_000_000_000
OWN = ("CLAUDE", "CODEX", "GEMINI", "OPENCODE", "ORC_", "XDG_")


class Bill(Struct):
    """What somebody counted; a request count of None: it does not say."""

    counts: dict[str, int | None]
    dollars: float | None = None


def find(named: str | None) -> str | None:
    """The ccusage to run: the one named, or the one on the PATH."""
    return shutil.which(named or "ccusage")


def env_of(home: Path, **more: str) -> dict[str, str]:
    """A shell of somebody with this home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
    return kept | {"HOME": str(home), "NO_COLOR": "1", "TZ": "UTC"} | more


def ccusage_json(command: str, home: Path, *words: str) -> Any:
    """The JSON answer of one report; None where it has nothing to report on."""
    done = subprocess.run([command, *words, "--json", "--offline"], env=env_of(home), capture_output=True, check=True)
    return json.loads(done.stdout) if done.stdout.strip().startswith((b"{", b"[")) else None


def by_ccusage(command: str, client: str, home: Path) -> Bill:
    """Tokens and dollars by day, summed; responses are in the blocks alone, and those are Claude's."""
    days = ccusage_json(command, home, client, "daily")
    total = days.get("totals") if isinstance(days, dict) else None
    total = total if isinstance(total, dict) else {}
    counts: dict[str, int | None] = {kind: int(total.get(name) or 0) for kind, name in FIELDS.items()}
    counts["requests"] = None
    if client == "claude":
        blocks = ccusage_json(command, home, client, "blocks") or {}
        counts["requests"] = sum(b["entries"] for b in blocks.get("blocks", []) if not b["isGap"])
    return Bill(counts, float(total.get("totalCost", total.get("costUSD")) or 0))


def by_orc(home: Path) -> Bill:
    """The roll-ups of a fresh store after one complete pass."""
    with tempfile.TemporaryDirectory(prefix="orc-compare-") as state:
        subprocess.run(
            [sys.executable, "-m", "orchestrator_tui", "ingest", "--all"],
            env=env_of(home, ORC_HOME=state), check=True, capture_output=True, cwd=DATA.parents[2],
        )  # fmt: skip
        with Reader(Path(state) / "events.db") as reader:
            return bill_of(spent(reader, 0, FOREVER).get("", Spend()))


def bill_of(spend: Spend) -> Bill:
    """A spend as a bill."""
    t = spend.tokens
    counts = (spend.requests, t.input, t.cache_read, t.cache_write, t.output)
    return Bill(dict(zip(KINDS, counts, strict=True)), spend.cost_usd)


def truth_of(truth: Truth) -> Bill:
    """What the generator made."""
    total = Spend()
    for tokens in truth.values():
        total.count(tokens, 1, None)
    return Bill(bill_of(total).counts)


def recorded(path: Path) -> Bill:
    """What the server of a recording reported."""
    models = json.loads(path.read_text())["models"].values()
    return Bill({kind: sum(model[kind] for model in models) for kind in KINDS})


def rows(name: str, truth: Bill, orc: Bill, other: Bill, *, every: bool = False) -> list[list[str]]:
    """One row per kind; of a recording only where somebody differs."""
    found = []
    for kind in KINDS:
        want, mine, theirs = truth.counts[kind], orc.counts[kind], other.counts[kind]
        if every or mine != want or theirs not in (None, want):
            found.append([name, kind, _shown(want), _apart(mine, want), _apart(theirs, want)])
    return found


def _shown(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _apart(value: int | None, want: int | None) -> str:
    if value is None or value == want:
        return "-" if value is None else "exact"
    return f"{value:,} ({value - (want or 0):+,})"


def dollars(bill: Bill) -> str:
    """Dollars, or that there are none."""
    return "-" if bill.dollars is None else f"{bill.dollars:,.4f}"


def recordings(command: str) -> None:
    """Every recording that there is of the clients both know."""
    for client in CLIENTS:
        out, whole, money = [], {who: Counter[str]() for who in ("truth", "orc", "ccusage")}, [0.0, 0.0]
        paths = sorted(DATA.glob(f"{client}-*/*/truth.json"))
        for path in paths:
            home = path.parent / "home"
            bills = recorded(path), by_orc(home), by_ccusage(command, client, home)
            out += rows(path.parent.name, *bills)
            for kept, bill in zip(whole.values(), bills, strict=True):
                kept.update({kind: count or 0 for kind, count in bill.counts.items()})
            money = [a + (b.dollars or 0) for a, b in zip(money, bills[1:], strict=True)]
        sums = [Bill({kind: kept[kind] for kind in KINDS}) for kept in whole.values()]
        if client != "claude":
            sums[2].counts["requests"] = None
        out += rows("all", *sums, every=True)
        out.append(["all", "dollars", "-", f"{money[0]:,.4f}", f"{money[1]:,.4f}"])
        table(f"{client}: {len(paths)} recordings", ["recording", "kind", "server", "orc", "ccusage"], out)


def trees(command: str, size: int) -> None:
    """A large generated tree of each client."""
    for client, write in (("claude", write_tree), ("codex", write_codex_tree)):
        with tempfile.TemporaryDirectory(prefix="orc-compare-") as folder:
            home = Path(folder)
            tree = write(home, size, time.time_ns(), seed=5)
            bills = truth_of(tree.truth), by_orc(home), by_ccusage(command, client, home)
            out = rows("generated", *bills, every=True)
            out.append(["generated", "dollars", "-", dollars(bills[1]), dollars(bills[2])])
            written = sum(path.stat().st_size for path in tree.files) / MB
            title = f"{client}: generated, {written:.0f} MB in {len(tree.files)} files"
            table(title, ["tree", "kind", "generator", "orc", "ccusage"], out)


# --- dollars --------------------------------------------------------------------------------------------------

PLAIN = {
    "input_tokens": 1000, "cache_creation_input_tokens": 2000, "cache_read_input_tokens": 50_000, "output_tokens": 800,
}  # fmt: skip
HOUR = {"cache_creation": {"ephemeral_1h_input_tokens": 2000, "ephemeral_5m_input_tokens": 0}}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("one response", "claude-opus-4-8", {}),
    ("cache written for an hour", "claude-opus-4-8", HOUR),
    ("prompt above 200k", "claude-sonnet-4-5", {"input_tokens": 210_000}),
    ("fast mode", "claude-opus-4-8", {"speed": "fast"}),
    ("inference in the US", "claude-opus-4-8", {"inference_geo": "us"}),
    ("five web searches", "claude-opus-4-8", {"server_tool_use": {"web_search_requests": 5}}),
    ("a model that no table has", "claude-nova-9", {}),
    ("one response", "gpt-5.2", {}),
    ("prompt above 272k", "gpt-5.4", {"input_tokens": 300_000}),
    ("another table", "o4-mini", {}),
    ("on the own machine", "gpt-oss:20b", {}),
    ("a model that no table has", "gpt-9", {}),
]


def write_case(home: Path, model: str, change: dict[str, Any]) -> str:
    """A home with one response; returns whose client's it is."""
    stamp, usage = "2026-11-20T10:00:00.000Z", PLAIN | change
    session = "11111111-2222-4333-8444-555555555555"
    if model.startswith("claude"):
        message = {"id": "msg_1", "role": "assistant", "model": model, "content": [], "usage": usage}
        lines = [{"type": "assistant", "uuid": "u", "sessionId": session, "requestId": "req_1", "message": message}]
        path = home / ".claude" / "projects" / "-w" / f"{session}.jsonl"
    else:
        prompt = usage["input_tokens"] + usage["cache_read_input_tokens"]
        counts = {"input_tokens": prompt, "cached_input_tokens": usage["cache_read_input_tokens"], "output_tokens": 800}
        info = {"total_token_usage": counts, "last_token_usage": counts}
        payloads: list[tuple[str, dict[str, Any]]] = [("session_meta", {"id": session, "cwd": "/w"}), ("turn_context", {"model": model}),
                    ("event_msg", {"type": "token_count", "info": info})]  # fmt: skip
        lines = [{"type": kind, "payload": payload} for kind, payload in payloads]
        path = home / ".codex" / "sessions" / "2026" / "11" / "20" / f"rollout-2026-11-20T10-00-00-{session}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(msgspec.json.encode({"timestamp": stamp, **line}) + b"\n" for line in lines))
    return "claude" if model.startswith("claude") else "codex"


def prices(command: str) -> None:
    """Single responses, and what each of the two says they cost."""
    out = []
    for name, model, change in CASES:
        with tempfile.TemporaryDirectory(prefix="orc-compare-") as folder:
            client = write_case(Path(folder), model, change)
            mine, theirs = by_orc(Path(folder)), by_ccusage(command, client, Path(folder))
            out.append([name, model, dollars(mine), dollars(theirs)])
    table("dollars of one response", ["case", "model", "orc", "ccusage"], out)


def main(words: Iterable[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ccusage", help="path of the command; else the one on the PATH")
    parser.add_argument("--mb", type=int, default=100, help="size of a generated tree")
    args = parser.parse_args(None if words is None else list(words))
    command = find(args.ccusage)
    if command is None:
        print("ccusage is not installed: nothing to compare with (npm install ccusage, then --ccusage PATH)")
        return
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"beside {version}, offline prices")
    recordings(command)
    prices(command)
    trees(command, args.mb * MB)


if __name__ == "__main__":
    main()
