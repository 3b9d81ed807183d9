"""What is counted, checked, copied and let go of, on real files."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.errors import OrcError
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.load import fleet_at, fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.retention import DAY, Ages, prune
from orchestrator_tui.store.snapshots import Snapshots
from orchestrator_tui.store.upkeep import backup, stats, verify
from orchestrator_tui.store.writer import Store
from tests.conftest import Orc

NOW = 1_795_269_600_000_000_000
GB = 10**9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "events.db"


def day(n: int, number: int, session: str = "log:a") -> list[Entry]:
    """A question, an output and a response, `n` days before NOW."""
    at = NOW - n * DAY
    use = ev.Usage(response_id=f"r{n}", model="m", tokens=ev.Tokens(10, 20, 0, 5), cost=7)
    return [
        Entry(session, ev.UserMessage(text=excerpt(f"day {n} " + "x" * 500)), at, number, 0, 1),
        Entry(
            session,
            ev.ToolResult(call_id="c", ok=True, output=excerpt(f"out {n} " + "y" * 500)),
            at + 1,
            number + 1,
            1,
            1,
        ),
        Entry(session, use, at + 2, number + 2, 2, 1, f"r{n}".encode().ljust(16)),
    ]


async def fill(store: Store, days: list[int]) -> None:
    for n in days:
        await store.append([Batch(day(n, n * 10), born=NOW - 40 * DAY)], NOW - n * DAY + 5)


def texts(path: Path) -> tuple[list[bool], list[bool]]:
    """Which questions and which outputs still have their text, in the order of appending."""
    with Reader(path) as reader:
        events = [event.body for event in reader.tail(0)]
    asked = [bool(body.text.text) for body in events if isinstance(body, ev.UserMessage)]
    return asked, [bool(body.output.text) for body in events if isinstance(body, ev.ToolResult)]


async def test_outputs_go_before_texts_and_nothing_else_does(path: Path) -> None:
    async with Store.open(path) as store:
        await fill(store, [30, 20, 10, 1])
        with Reader(path) as reader:
            before = fleet_now(reader).sessions["log:a"].spend
        pruned = await prune(store, Ages(outputs=5, texts=15), 10 * GB, NOW)
        assert (pruned.outputs, pruned.texts) == (3, 2)
        assert texts(path) == ([False, False, True, True], [False, False, False, True])
        with Reader(path) as reader:
            assert fleet_now(reader).sessions["log:a"].spend == before
            assert stats(reader).texts_from == NOW - 10 * DAY + 6
            assert len(list(reader.tail(0))) == 12
        again = await prune(store, Ages(outputs=5, texts=15), 10 * GB, NOW)
        assert (again.outputs, again.texts, again.until) == (0, 0, 0)


async def test_what_is_found_late_comes_of_age_at_once(path: Path) -> None:
    async with Store.open(path) as store:
        await fill(store, [1])
        await prune(store, Ages(outputs=5), 10 * GB, NOW)
        await store.append([Batch(day(30, 300, "log:old"), born=NOW - 40 * DAY)], NOW)
        assert (await prune(store, Ages(outputs=5), 10 * GB, NOW)).outputs == 1
        assert texts(path)[1] == [True, False]


async def test_no_age_keeps_all_and_a_cap_takes_outputs_first(path: Path) -> None:
    async with Store.open(path) as store:
        await fill(store, list(range(39, 0, -1)))
        assert (await prune(store, Ages(), 10 * GB, NOW)).until == 0
        await prune(store, Ages(), await store.size() - 1, NOW)
        asked, outputs = texts(path)
        assert all(asked) and not any(outputs)


async def test_the_past_stays_the_same_when_texts_go(path: Path) -> None:
    async with Store.open(path) as store:
        await fill(store, [30, 20, 10])
        with Reader(path) as reader:
            then = {n: fleet_at(reader, NOW - n * DAY + 9).sessions["log:a"] for n in (30, 20, 10)}
            await prune(store, Ages(outputs=1, texts=1), 10 * GB, NOW)
            for n, session in then.items():
                now = fleet_at(reader, NOW - n * DAY + 9).sessions["log:a"]
                assert (now.spend, now.turns, now.last_at, now.progress_at) == (
                    session.spend, session.turns, session.last_at, session.progress_at,
                )  # fmt: skip


# --- verify ---------------------------------------------------------------------------------------------------


async def whole(path: Path) -> None:
    """A store with a snapshot."""
    async with Store.open(path) as store:
        await fill(store, [3, 2, 1])
        with Reader(path) as reader:
            await Snapshots(store, fleet_now(reader)).save(full=True)


def broken(path: Path, *statements: str) -> list[str]:
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    with Reader(path) as reader:
        return verify(reader, deep=True)


async def test_a_whole_store_has_no_findings(path: Path) -> None:
    await whole(path)
    assert broken(path) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE responses SET output = output + 1", "log:a: its roll-ups are not the sum of its responses"),
        ("DELETE FROM responses", "log:a: roll-ups without responses"),
        ("DELETE FROM spending", "log:a: its roll-ups are not the sum of its responses"),
        (
            'UPDATE events SET payload = CAST(\'{"type":"usa\' AS BLOB) WHERE seq = 3',
            "event 3: its body cannot be read",
        ),
        ("UPDATE events SET type = 'usage' WHERE seq = 1", "event 1: its row says usage, its body user.message"),
        ("UPDATE events SET session = 99 WHERE seq = 2", "event 2: its session is not there"),
        ("DELETE FROM events WHERE type = 'usage' AND seq = 3", "log:a: its snapshot"),
    ],
)
async def test_what_does_not_hold_is_named(path: Path, statement: str, words: str) -> None:
    await whole(path)
    found = broken(path, statement)
    assert any(words in line for line in found), found


async def test_findings_are_counted_not_endless(path: Path) -> None:
    async with Store.open(path) as store:
        await fill(store, list(range(39, 0, -1)))
    found = broken(path, "UPDATE events SET type = 'beat'")
    assert len(found) == 51 and found[-1].startswith("more than 50")


# --- backup ---------------------------------------------------------------------------------------------------


async def test_a_copy_is_whole_private_and_never_over_another(path: Path, tmp_path: Path) -> None:
    async with Store.open(path) as store:
        await fill(store, [3, 2])
        target = tmp_path / "copy.db"
        # While it is open, with its log not folded back.
        assert backup(path, target) == target.stat().st_size
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        await fill(store, [1])
    with Reader(path) as one, Reader(target) as two:
        assert list(two.tail(0)) == list(one.tail(0))[:6]
        assert verify(two, deep=True) == []
        assert fleet_now(two).sessions["log:a"].spend.requests == 2
    with pytest.raises(OrcError, match="exists; choose another name"):
        backup(path, target)
    with pytest.raises(OrcError, match="cannot be written"):
        backup(path, tmp_path / "no" / "such" / "copy.db")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "state"]


# --- from outside ---------------------------------------------------------------------------------------------


def test_the_verbs(orc: Orc) -> None:
    orc.run("ingest")
    held = orc.json("store", "stats")
    assert (held["schema"], held["texts_from"]) == ("orc.store.stats/1", None)
    assert orc.json("store", "verify", "--deep") == {"schema": "orc.store.verify/1", "ok": True, "findings": []}
    copy = orc.state.parent / "copy.db"
    assert orc.json("store", "backup", str(copy))["bytes"] == copy.stat().st_size
    assert orc.run("store", "backup", str(copy), check=False).returncode == 1
    assert orc.json("store", "prune")["outputs"] == 0


def test_a_running_host_prunes_itself(host: Orc) -> None:
    answer = host.json("store", "prune")
    assert (answer["schema"], answer["texts"]) == ("orc.store.prune/1", 0)
    assert host.json("ledger")["decisions"][-1]["command"] == "prune"


def test_a_damaged_store_is_said_with_status_1(orc: Orc) -> None:
    orc.run("ingest")
    with sqlite3.connect(orc.paths.database) as db:
        db.execute("INSERT INTO events VALUES(999, 1, 1, 1, NULL, 'beat', NULL, NULL, NULL, NULL, X'00')")
    done = orc.run("store", "verify", check=False)
    assert (done.returncode, "event 999: its body cannot be read" in done.stdout) == (1, True)
