"""Roll-ups and prices: the fold, the counted responses and the roll-ups always agree, whatever came in what order."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.append import append, price_unpriced
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.rows import Owners
from orchestrator_tui.store.schema import MIGRATIONS, set_up
from orchestrator_tui.store.spending import SLOT, spend_of, spent
from orchestrator_tui.store.writer import Store
from tests.fleet.generated import START

HOUR = 4 * SLOT
SUMS = (
    "sum(requests), sum(unpriced), sum(estimated), sum(local), sum(cost), sum(input), sum(cache_read), "
    "sum(cache_write), sum(output), sum(cache_write_1h), sum(reasoning)"
)
MODELS = ("big", "small", "unknown", "mine")


def priced(usage: ev.Usage) -> ev.Usage:
    """A price list of two models, one that runs at home, and none for the fourth."""
    from msgspec.structs import replace

    rate = {"big": 30, "small": 2, "mine": 0}.get(usage.model or "")
    if rate is None:
        return usage
    cost = rate * usage.tokens.total
    return replace(usage, cost=cost, price=f"list {usage.model}", local=rate == 0, estimated=usage.terms is not None)


def sight(session: str, n: int, output: int, *, born: int, known: bool = True) -> Entry:
    """Session `session` has response `n`, with `output` tokens so far."""
    model = MODELS[n % len(MODELS)]
    terms = "flex" if n % 3 == 0 else None
    usage = ev.Usage(response_id=str(n), model=model, tokens=ev.Tokens(5, 7, 2, output, 1, output // 2), terms=terms)
    usage = priced(usage) if known else usage
    at = START + n * SLOT // 2
    return Entry(session, usage, at, n * 100 + output, n, 1, f"response {n}".encode().ljust(16)[:16], born)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "events.db"


def memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for step in MIGRATIONS:
        for statement in step:
            db.execute(statement)
    return db


def agree(db: sqlite3.Connection, fleet: Fleet) -> None:
    """Fold, counted responses and roll-ups say the same of every session."""
    rolled = {
        name: spend_of(row)
        for name, *row in db.execute(
            f"SELECT o.id, {SUMS} FROM spending s JOIN sessions o ON o.key = s.session GROUP BY 1"
        )
    }
    counted = {
        name: spend_of(row)
        for name, *row in db.execute(
            "SELECT o.id, count(*), sum(r.cost IS NULL), sum(estimated), sum(local), coalesce(sum(r.cost), 0), "
            "sum(input), sum(cache_read), sum(cache_write), sum(output), sum(cache_write_1h), sum(reasoning) "
            "FROM responses r JOIN sessions o ON o.key = r.session GROUP BY 1"
        )
    }
    for name, session in fleet.sessions.items():
        assert rolled.get(name, Spend()) == session.spend == counted.get(name, Spend())
    assert all(row[0] >= 0 for row in db.execute("SELECT requests FROM spending"))


sights = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 7), st.sampled_from((0, 4, 9)), st.booleans()), max_size=40
)


@given(sights, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_everything_agrees_in_any_order(found: list[tuple[str, int, int, bool]], chance: random.Random) -> None:
    totals = []
    for _ in range(2):
        db, owners, fleet = memory(), Owners(), Fleet()
        chance.shuffle(found)
        for start in range(0, len(found), 7):
            entries = [
                sight(f"log:{who}", n, output, born=START + ord(who) * HOUR, known=known)
                for who, n, output, known in found[start : start + 7]
            ]
            fleet.apply_all(append(db, owners, [Batch(entries)], START + 100 * HOUR))
            agree(db, fleet)
        while events := price_unpriced(db, owners, priced, START + 200 * HOUR):
            fleet.apply_all(events)
            agree(db, fleet)
        total = Spend()
        for session in fleet.sessions.values():
            total.merge(session.spend)
        totals.append({name: session.spend for name, session in fleet.sessions.items()})
        # Every response once, at its best record, and only the unknown model without a price.
        best: dict[int, int] = {}
        for _, n, output, _ in found:
            best[n] = max(best.get(n, 0), output)
        assert total.requests == len(best)
        assert total.tokens.output == sum(best.values())
        assert total.unpriced == sum(MODELS[n % len(MODELS)] == "unknown" for n in best)
        db.close()
    assert totals[0] == totals[1]


async def test_a_day_by_project_model_client_and_session(path: Path) -> None:
    def told(session: str, project: str) -> Entry:
        return Entry(session, ev.SessionUpdated(client=session.partition(":")[0], project=project), START)

    entries = [told("claude:a", "web"), told("codex:b", "web"), told("claude:c", "api")]
    entries += [sight("claude:a", 0, 9, born=1), sight("codex:b", 1, 9, born=1), sight("claude:c", 4, 9, born=1)]
    async with Store.open(path) as store:
        await store.append([Batch(entries)], START + 100 * HOUR)
        with Reader(path) as reader:
            day = START - START % SLOT, START + 100 * HOUR
            assert {k: v.requests for k, v in spent(reader, *day, "project").items()} == {"web": 2, "api": 1}
            assert {k: v.requests for k, v in spent(reader, *day, "client").items()} == {"claude": 2, "codex": 1}
            assert {k: v.cost for k, v in spent(reader, *day, "model").items()} == {"big": 2 * 690, "small": 46}
            assert spent(reader, *day, "session")["claude:c"].estimated == 0
            assert spent(reader, *day)[""].requests == 3
            # What was used later is not today's.
            assert spent(reader, day[0], START + SLOT)[""].requests == 2
            assert spent(reader, START + 50 * HOUR, day[1]) == {}


async def test_a_price_found_later_is_an_event_and_a_price_on_record_never_changes(path: Path) -> None:
    async with Store.open(path) as store:
        await store.append([Batch([sight("log:a", n, 9, born=1, known=n == 0) for n in (0, 1, 2)])], START + HOUR)

        def dearer(usage: ev.Usage) -> ev.Usage:
            from msgspec.structs import replace

            found = priced(usage)
            return found if found.cost is None else replace(found, cost=found.cost * 10)

        events = await store.price_unpriced(dearer, START + 2 * HOUR)
        assert [type(event.body) for event in events] == [ev.UsagePriced]
        assert events[0].body.cost == 10 * 2 * 23  # type: ignore[union-attr]
        assert await store.price_unpriced(dearer, START + 2 * HOUR) == []
        with Reader(path) as reader:
            total = spent(reader, 0, START + 3 * HOUR)[""]
            assert (total.cost, total.unpriced, total.requests) == (690 + 460, 1, 3)


@pytest.fixture
def first_schema(path: Path) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(mode=0o700)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    for statement in MIGRATIONS[0]:
        db.execute(statement)
    db.execute("PRAGMA user_version=1")
    yield db
    db.close()


def test_a_store_of_the_first_schema_keeps_its_counts(first_schema: sqlite3.Connection, path: Path) -> None:
    db = first_schema
    body = ev.encode(ev.SessionUpdated(client="claude", project="web"))
    db.execute("INSERT INTO sessions(key, id, first_seq, last_at) VALUES(1, 'claude:a', 1, ?)", (START,))
    db.execute(
        "INSERT INTO events VALUES(1, ?, ?, NULL, 1, 'session.updated', 1, NULL, NULL, NULL, ?)", (START, START, body)
    )
    db.execute("INSERT INTO responses VALUES(?, 1, 0, 0, 5, 7, 2, 9, 1, 4, NULL)", (b"k" * 16,))
    set_up(db, path)
    with Reader(path) as reader:
        assert spent(reader, START - HOUR, START + HOUR, "project")["web"] == Spend(
            ev.Tokens(5, 7, 2, 9, 1, 4), requests=1, unpriced=1
        )
    assert (path.parent / "events.db.schema1").exists()
