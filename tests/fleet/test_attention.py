"""The queue: ordered by what waiting costs, one entry per cause, still while nothing changes."""

from __future__ import annotations

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.attention import Need, need_of, queue
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Severity, Status, StatusName

NOW = 1_000_000 * SECOND


def session(name: str, burnt: int = 0) -> Session:
    made = Session(name, NOW, NOW, NOW)
    if burnt:
        made.burn.add(None, NOW, ev.Tokens(output=1), burnt)
    return made


def status(name: StatusName, severity: Severity = "red", minutes: int = 1, cause: str = "") -> Status:
    return Status(name, severity, NOW - minutes * MINUTE, "x", cause=cause)


def order(*items: tuple[Session, Status, int]) -> list[tuple[str, int]]:
    needs = [(need, state) for one, state, size in items if (need := need_of(one, state, NOW, size)) is not None]
    return [(need.session, need.more) for need in queue(needs)]


def test_money_for_nothing_first_then_waits_then_what_is_broken() -> None:
    found = order(
        (session("dead"), status("dead", minutes=600), 1),
        (session("asks"), status("waiting", minutes=3), 1),
        (session("asks long"), status("waiting", minutes=40), 1),
        (session("asks, many behind it"), status("waiting", minutes=40), 9),
        (session("loops dear", 5_000_000_000), status("looping"), 1),
        (session("loops cheap", 5_000_000), status("spinning", minutes=90), 1),
        (session("loops, spends nothing"), status("looping", minutes=2), 1),
        (session("perhaps asks"), status("waiting", "amber", 50), 1),
        (session("fine"), status("working", "ok"), 1),
        (session("may loop", 10**9), status("looping", "amber"), 1),
    )
    assert [name for name, _ in found] == [
        "loops dear", "loops cheap", "asks, many behind it", "asks long", "asks", "dead", "loops, spends nothing",
        "perhaps asks",
    ]  # fmt: skip


def test_one_cause_of_many_sessions_is_one_entry() -> None:
    login = [(session(f"s{n}"), status("errored", minutes=n + 1, cause="401 login"), 1) for n in range(12)]
    found = order(*login, (session("other"), status("errored", cause="prompt too long"), 1))
    assert sorted(found) == [("other", 0), ("s11", 11)]
    # Two that loop in the same way are still two decisions.
    loops = [(session(f"l{n}", 10**9), status("looping", cause="same"), 1) for n in range(2)]
    assert len(order(*loops)) == 2


def test_a_snoozed_session_is_left_out_until_its_time() -> None:
    one = session("a")
    one.alerts.snoozed_until = NOW + MINUTE
    assert need_of(one, status("waiting"), NOW) is None
    assert isinstance(need_of(one, status("waiting"), NOW + MINUTE), Need)


def test_a_rate_that_trembles_moves_nobody() -> None:
    steady, trembling = session("a", 1_000_000_000), session("b", 1_000_000_001)
    for burnt in (1_000_000_000, 1_040_000_000, 980_000_000):
        trembling.burn.stretches[0].cost = burnt
        assert [name for name, _ in order((trembling, status("looping"), 1), (steady, status("looping"), 1))] == [
            "a",
            "b",
        ]
