"""Commands in the fold and in the ledger, what a project's policy wants, and the first yes."""

from __future__ import annotations

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.fleet import policy
from orchestrator_tui.fleet.confirming import question
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.ledger import decisions
from orchestrator_tui.fleet.orders import MAX_ENDED, MAX_OPEN
from orchestrator_tui.fleet.status import status_of

NAME = "claude:a"
ME = ev.ProcessRef(7, 70, 0, "/bin/x", "x")


def events(*bodies: ev.KnownBody | tuple[str, ev.KnownBody]) -> list[ev.Event]:
    made = []
    for seq, one in enumerate(bodies, 1):
        session, body = one if isinstance(one, tuple) else (None, one)
        made.append(ev.Event(seq, seq * 100, seq * 100, None, session, body))
    return made


def fold(*bodies: ev.KnownBody | tuple[str, ev.KnownBody]) -> Fleet:
    fleet = Fleet()
    fleet.apply_all(events(*bodies))
    return fleet


KILL = ev.CommandRequested("1", "kill", {"session": NAME}, "orc kill", None, "burns", [ME])


def test_a_command_can_be_taken_back_until_it_is_committed_or_late() -> None:
    fleet = fold(KILL, ev.CommandStarted("1", None, [ME], 1000))
    order = fleet.orders.open["1"]
    assert (order.verb, order.session, order.why, order.tree) == ("kill", NAME, "burns", [ME])
    assert order.undoable(999) and not order.undoable(1000)
    assert fleet.orders.last_undoable(999) is order
    fleet = fold(KILL, ev.CommandStarted("1", None, [ME], 1000), ev.CommandCommitted("1"))
    assert fleet.orders.last_undoable(999) is None


def test_what_ended_keeps_its_receipt_and_what_was_seen_afterwards() -> None:
    done = ev.CommandEnded("1", "done", "", {"ended": ["7"], "requests_after_key": 0})
    fleet = fold(KILL, ev.CommandStarted("1", None, [ME]), done, ev.CommandFollowed("1", {"requests_after_key": 1}))
    assert fleet.orders.open == {}
    assert fleet.orders.ended["1"].receipt == {"ended": ["7"], "requests_after_key": 1}


def test_what_is_kept_is_bounded() -> None:
    asked = [ev.CommandRequested(str(n), "kill") for n in range(MAX_OPEN + 50)]
    fleet = fold(*asked)
    assert len(fleet.orders.open) == MAX_OPEN
    fleet = fold(*asked[:100], *(ev.CommandEnded(str(n), "done") for n in range(100)))
    assert (len(fleet.orders.open), len(fleet.orders.ended)) == (0, MAX_ENDED)


def test_the_ledger_joins_what_was_asked_with_what_came_of_it() -> None:
    moment = ev.Moment(NAME, "looping", "red", "same call 4x", 1.5, 900, 3)
    record = events(
        KILL,
        ev.CommandRequested("2", "view", {"session": NAME}),
        ev.CommandStarted("1", moment),
        ev.CommandCommitted("1"),
        ev.CommandEnded("1", "done", "", {"ended": ["7"]}),
        ev.CommandRequested("3", "approve", {"session": NAME, "confirmed": True}),
        ev.CommandEnded("3", "refused", "agents may look", moment=moment),
    )
    kill, approve = decisions(record)
    assert (kill.verb, kill.why, kill.moment, kill.asker, kill.outcome) == ("kill", "burns", moment, ME, "done")
    assert (kill.at, kill.started_at, kill.committed_at, kill.ended_at) == (100, 300, 400, 500)
    assert (approve.outcome, approve.text, approve.moment, approve.arguments) == (
        "refused",
        "agents may look",
        moment,
        {},
    )


def test_a_permission_that_can_be_answered_is_a_certain_wait() -> None:
    ask = ev.PermissionAsked("r1", "Bash", Excerpt('{"command": "git push"}', 23), "channel")
    fleet = fold(ev.Beat(), (NAME, ev.TurnStarted()), (NAME, ev.ProcessObserved(pid=5, started=1)), (NAME, ask))
    status = status_of(fleet, fleet.sessions[NAME], 500)
    assert (status.status, status.severity, "Bash git push" in status.evidence) == ("waiting", "red", True)
    fleet.apply_all(events((NAME, ev.PermissionAnswered("r1", "allowed"))))
    assert status_of(fleet, fleet.sessions[NAME], 500).status != "waiting"


def test_the_first_command_of_each_kind_asks_with_process_and_proof() -> None:
    seen = ev.ProcessObserved(pid=5, started=1, tty="pts/3", proof="its registry entry names it")
    fleet = fold((NAME, seen))
    session = fleet.sessions[NAME]
    assert "process 5 on pts/3: its registry entry names it" in question(session, "kill")
    assert question(session, "ack") == ""
    fleet.apply_all(events((NAME, ev.Confirmed("kill"))))
    assert question(session, "kill") == ""
    assert question(session, "pause") != ""
    fleet.apply_all(events((NAME, ev.SessionUpdated(owned=True))))
    assert question(session, "pause") == ""


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        ("git push origin main", "git push*"),
        ("cd x && git push", "git push*"),
        ("FOO=1 sudo git push", "git push*"),
        ("bash -c 'git push -f'", "git push*"),
        ("true; rm -rf /", "rm *"),
        ("echo $(rm -rf x)", "rm *"),
        ("ls\nrm -rf x", "rm *"),
        ("git pull", ""),
        ("grep -r term .", ""),
        ("", ""),
    ],
)
def test_a_second_key_is_wanted_wherever_the_pattern_stands(what: str, wanted: str) -> None:
    settings = dict([policy.told(0, "web*", "second_key", ["git push*", "rm *"])])
    assert policy.second_key(settings, "webapp", what) == wanted
    assert policy.second_key(settings, "api", what) == ""


def test_a_session_s_own_budget_counts_before_everybody_s() -> None:
    usage = ev.Usage(tokens=ev.Tokens(output=1), model="m", cost=2_000_000_000)
    fleet = fold((NAME, ev.TurnStarted()), (NAME, usage), (NAME, ev.BudgetSet(usd=1.0)))
    status = status_of(fleet, fleet.sessions[NAME], 500)
    assert "over_budget" in status.badges or "may cost" in status.evidence
    fleet.apply_all(events((NAME, ev.BudgetSet(usd=None))))
    assert "may cost" not in status_of(fleet, fleet.sessions[NAME], 500).evidence
