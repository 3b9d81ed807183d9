"""Patience while a host looks, and when it does not: nothing is said of what nobody saw."""

from __future__ import annotations

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import Status, status_of
from orchestrator_tui.fleet.thresholds import DEFAULT, NAMES, checked, overridden
from tests.fleet.generated import SECOND, START
from tests.fleet.playing import Play, busy, idle

ASK = ev.UserMessage(text=excerpt("go"))
ALIVE = ev.ProcessObserved(pid=41, started=7, activity="idle")
HOST = ev.HostStarted(host_id="h", boot_id="b", pid=1, version="0")
FAILS = [
    body
    for n in range(4)
    for body in (
        ev.ToolCall(call_id=f"c{n}", tool="Bash", arguments=excerpt('{"command":"make"}')),
        ev.ToolResult(call_id=f"c{n}", ok=False, output=excerpt("error: x")),
    )
]


class Live:
    """A fleet with a host that beats every 30 s from `start` on."""

    def __init__(self) -> None:
        self.fleet, self.seq, self.now = Fleet(), 0, START

    def at(self, second: float, *bodies: object, host: bool = False) -> Live:
        self.now = START + int(second * SECOND)
        for body in bodies:
            self.seq += 1
            name = None if host else "claude:s"
            self.fleet.apply(ev.Event(self.seq, self.now, self.now, None, name, body))  # type: ignore[arg-type]
        return self

    def beats(self, first: int, last: int) -> Live:
        for second in range(first, last, 30):
            self.at(second, ev.Beat(), host=True)
        return self

    def status(self, second: float) -> Status:
        return status_of(self.fleet, self.fleet.sessions["claude:s"], START + int(second * SECOND))


def test_a_stall_is_found_while_a_host_looks() -> None:
    live = Live().at(0, HOST, host=True).at(1, ASK, ALIVE).beats(30, 700)
    assert (live.status(200).status, live.status(200).severity) == ("thinking", "ok")
    assert (live.status(302).status, live.status(302).severity) == ("stalled", "amber")
    assert (live.status(604).severity, live.status(606).severity) == ("amber", "red")


def test_ages_begin_anew_when_a_host_begins_to_look() -> None:
    live = Live().at(0, HOST, host=True).at(1, ASK, ALIVE).beats(30, 200)
    live.at(30_000, HOST, host=True).beats(30_030, 31_000)
    assert live.status(30_010).severity == "ok"
    assert live.status(30_300).severity == "ok"
    assert live.status(30_361).severity == "amber"
    assert live.status(30_666).severity == "red"


def test_a_machine_that_slept_is_no_stall() -> None:
    live = Live().at(0, HOST, host=True).at(1, ASK, ALIVE).beats(30, 120)
    live.beats(20_000, 20_300)
    assert live.status(20_299).severity == "ok"


def test_without_a_host_a_stall_is_fog() -> None:
    live = Live().at(0, HOST, host=True).at(1, ASK, ALIVE).beats(30, 700)
    assert live.status(2000).status == "fog"


def test_without_a_process_silence_is_fog() -> None:
    live = Live().at(0, HOST, host=True).at(1, ASK).beats(30, 2000)
    assert live.status(1990).status == "fog"


def test_a_loop_is_told_live_and_not_of_the_past() -> None:
    live = Live().at(0, HOST, host=True).at(10, ASK, ALIVE, *FAILS).beats(30, 120)
    assert live.status(40).status == "looping"
    old = Live().at(0, ASK, ALIVE, *FAILS).at(3600, HOST, host=True).beats(3630, 3700)
    told = old.status(3690)
    assert (told.status, told.severity) == ("thinking", "ok")
    assert told.possible[0].startswith("looping (before anybody looked): same Bash call 4x")


def test_a_loop_without_a_process_is_possible_only() -> None:
    live = Live().at(0, HOST, host=True).at(10, ASK, *FAILS).beats(30, 400)
    assert live.status(40).status == "looping"
    told = live.status(390)
    assert (told.status, told.severity) == ("fog", "ok")
    assert told.possible[0].startswith("looping (no process matched)")


def test_a_trouble_of_last_week_without_a_process_is_history() -> None:
    error = ev.ApiError(status=401, text="login expired", final=True)
    live = Live().at(0, ASK, error).at(100, HOST, host=True).beats(130, 200)
    assert live.status(190).status == "errored"
    week = 7 * 86_400
    live.beats(week, week + 60)
    told = live.status(week + 50)
    assert (told.status, told.severity) == ("finished", "ok")
    assert told.possible[0].startswith("errored (long ago)")


def test_a_busy_tree_that_is_told_once_stays_busy() -> None:
    """The host tells of changes: a tree that works for an hour is one observation."""
    live = Live().at(0, HOST, host=True).at(1, ASK, ALIVE)
    call = ev.ToolCall(call_id="c", tool="Bash", arguments=excerpt('{"command":"make"}'))
    live.at(2, call).at(12, ev.ProcessObserved(pid=41, started=7, children=[busy()])).beats(30, 9000)
    told = live.status(8000)
    assert (told.status, told.severity) == ("tool_running", "ok")
    live.at(9000, ev.ProcessObserved(pid=41, started=7, children=[idle()])).beats(9000, 11_000)
    assert live.status(9200).severity == "ok"
    assert live.status(9000 + 910).severity == "red"


def test_a_client_that_says_what_it_waits_for_is_believed() -> None:
    live = Live().at(0, HOST, host=True).at(1, ASK, ALIVE)
    call = ev.ToolCall(call_id="c", tool="Edit", arguments=excerpt('{"file_path":"a"}'))
    live.at(2, call, ev.ClientStatus(status="busy")).beats(30, 200)
    assert live.status(100).status == "tool_running"
    live.at(110, ev.ClientStatus(status="waiting", waiting_for="permission prompt"))
    assert (live.status(120).status, live.status(120).severity) == ("waiting", "red")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("default", ("waiting", "amber")),
        ("on-request", ("waiting", "amber")),
        (None, ("waiting", "amber")),
        ("acceptEdits", ("tool_running", "ok")),
        ("bypassPermissions", ("tool_running", "ok")),
        ("never", ("tool_running", "ok")),
        ("auto", ("tool_running", "ok")),
    ],
)
def test_who_is_asked_depends_on_the_mode(mode: str | None, expected: tuple[str, str]) -> None:
    p = Play(permission_mode=mode).user()
    p.ask("Edit", {"file_path": "a", "old_string": "b", "new_string": "c"})
    told = p.proc(wait=40).told[-1]
    assert (told.status, told.severity) == expected


def test_settings_of_a_project_come_before_those_of_all() -> None:
    fleet = Fleet()
    settings = {"status.repeat_error": 5, "status.api/repeat_error": 7, "status.api/nonsense": 3, "other": 1}
    fleet.apply(ev.Event(1, START, START, None, None, ev.SettingsChanged(settings=settings)))
    for seq, name in enumerate(("api", "web"), 2):
        fleet.apply(ev.Event(seq, START, START, None, f"log:{name}", ev.SessionUpdated(project=name)))
    limits = {s.project: fleet.thresholds_for(s).repeat_error for s in fleet.sessions.values()}
    assert limits == {"api": 7, "web": 5}
    restored = Fleet()
    restored.load(fleet.dump())
    assert restored.thresholds_for(restored.sessions["log:api"]).repeat_error == 7
    fleet.apply(ev.Event(9, START, START, None, None, ev.SettingsChanged()))
    assert fleet.thresholds_for(fleet.sessions["log:api"]) == DEFAULT


@pytest.mark.parametrize("value", ["x", None, True, 0, -1, 1e12, 2.5, float("nan"), [3]])
def test_what_is_no_threshold_changes_nothing(value: object) -> None:
    with pytest.raises(ValueError, match="repeat_error"):
        checked("repeat_error", value)
    assert overridden({"status.repeat_error": value}, None) == DEFAULT


def test_every_threshold_has_a_positive_default_of_its_type() -> None:
    for name in NAMES:
        value = getattr(DEFAULT, name)
        assert checked(name, value) == value
        assert type(checked(name, str(value))) is type(value)
