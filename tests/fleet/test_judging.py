"""Statuses kept up to date are those that judging everything anew gives, and little is judged for it: work is counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt, output
from orchestrator_tui.fleet import judging
from orchestrator_tui.fleet.conflicts import conflicts
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.judging import Judge
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, next_change, status_of
from orchestrator_tui.fleet.writers import writers_of
from tests.fleet.generated import SECOND, START

HOUR = 3600 * SECOND


class World:
    """A fleet that is judged as it goes on, at whole seconds."""

    def __init__(self, shown: bool = True) -> None:
        self.fleet, self.judge, self.now, self.calls = Fleet(), Judge(shown), START, 0
        self.happens(None, ev.HostStarted(host_id="h", boot_id="b", pid=1, version="0"))

    def happens(self, name: str | None, body: Any) -> None:
        """An event at this moment."""
        self.fleet.apply(ev.Event(self.fleet.seq + 1, self.now, self.now, self.now, name, body))

    def begin(self, *names: str, **facts: Any) -> None:
        """Live sessions, each in a process of its own, which are asked for something."""
        for name in names:
            self.happens(name, ev.SessionUpdated(cwd="/w", title=name, **facts))
            if facts.get("relation") != "subagent":
                self.happens(name, ev.ProcessObserved(pid=1000 + self.fleet.seq, started=1))
            self.happens(name, ev.UserMessage(text=excerpt("go on")))

    def asks(self, name: str, tool: str, arguments: str) -> str:
        """A call without its result."""
        self.calls += 1
        self.happens(name, ev.ToolCall(call_id=f"c{self.calls}", tool=tool, arguments=excerpt(arguments)))
        return f"c{self.calls}"

    def edit(self, name: str, path: str) -> None:
        """A file is written."""
        call = self.asks(name, "Edit", f'{{"file_path":"{path}","old_string":"a"}}')
        self.happens(name, ev.ToolResult(call_id=call, ok=True, output=output("updated")))

    def passes(self, seconds: int = 1) -> set[str]:
        """Time goes on, a host beats; returns who was judged."""
        self.now += seconds * SECOND
        self.happens(None, ev.Beat())
        return self.judged()

    def judged(self) -> set[str]:
        """Bring the statuses up to now; returns who was judged."""
        changed, tree = list(self.fleet.changed), self.fleet.children()
        self.fleet.forget_changes()
        return self.judge.update(self.fleet, self.now, changed, tree)

    def anew(self) -> dict[str, Status]:
        """What judging everything gives."""
        return {name: status_of(self.fleet, session, self.now) for name, session in self.fleet.sessions.items()}

    def holds(self) -> None:
        """What is kept is what judging everything gives; its ages are said when they are asked for."""
        kept, anew = self.judge.statuses, self.anew()
        assert kept.keys() == anew.keys()
        for name, status in anew.items():
            assert kept[name].at(self.now) == status, (name, self.now - START)


NAMES = ("log:a", "log:b", "log:c", "log:a/k", "log:b/k", "log:f")
PATHS = ("/w/x", "/w/y", "/v/z", "x")
ERRORS = (
    ev.ApiError(status=429, text="rate limit", retry_in=20, attempt=1, max_attempts=9, final=False),
    ev.ApiError(status=429, text="usage limit reached, resets in 5m", final=True),
    ev.ApiError(status=401, text="login expired", final=True),
    ev.ApiError(status=529, text="overloaded", final=False),
)
BODIES = (
    ev.UserMessage(text=excerpt("go on")), ev.UserMessage(text=excerpt(""), interrupt=True),
    ev.AssistantMessage(text=excerpt("I write")), ev.AssistantMessage(text=excerpt("done"), stop_reason="end_turn"),
    ev.AssistantThinking(text=excerpt("hm")), ev.TurnEnded(), ev.CompactStarted(), ev.CompactEnded(),
    ev.Usage(tokens=ev.Tokens(input=9, output=9), cost=3 * 10**9), ev.ProcessGone(pid=7),
    ev.ProcessObserved(pid=7, started=7), ev.ProcessObserved(pid=7, started=7, stopped=True),
    ev.ProcessObserved(pid=8, started=7, children=[ev.Child("make", 90.0, "R", 0)]),
    ev.ProcessObserved(pid=8, started=7, children=[ev.Child("cat", 0.0, "S", 0, True)]),
    ev.WorktreeSeen(root="/w"), ev.WorktreeSeen(root="/v"), ev.ClientStatus(status="waiting", waiting_for="you"),
    ev.ClientStatus(status="idle"), ev.SeatTaken("api", 7), ev.StreamProgress(), *ERRORS,
    ev.SessionEnded(is_error=True, text="no"), ev.Hook(name="h", kind="permission_prompt", text="may I"),
)  # fmt: skip
steps = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(PATHS).map(lambda path: ("edit", path))
        | st.sampled_from(["Bash", "Read", "Task", "AskUserQuestion"]).map(lambda tool: ("ask", tool))
        | st.just(("answer", ""))
        | st.sampled_from(BODIES).map(lambda body: ("body", body)),
        st.sampled_from([0, 0, 1, 1, 2, 9, 40, 61, 130, 620, 1900]),
    ),
    max_size=40,
)


def family() -> World:
    """Strangers, sub-agents and a fork."""
    world = World()
    world.begin("log:a", "log:b", "log:c")
    world.begin("log:a/k", relation="subagent", parent="log:a")
    world.begin("log:b/k", relation="subagent", parent="log:b")
    world.begin("log:f", relation="fork", parent="log:c")
    world.judged()
    return world


@settings(max_examples=60, deadline=None)
@given(steps)
def test_what_is_kept_is_what_judging_everything_gives(sequence: list[tuple[str, tuple[str, Any], int]]) -> None:
    world = family()
    for name, (what, value), wait in sequence:
        if wait:
            world.passes(wait)
            world.holds()
        if what == "edit":
            world.edit(name, value)
        elif what == "ask":
            world.asks(name, value, '{"command":"sleep 30"}')
        elif what == "answer":
            for call in list(world.fleet.sessions[name].calls)[:1]:
                world.happens(name, ev.ToolResult(call_id=call, ok=True, output=output("ok")))
        else:
            world.happens(name, value)
        world.judged()
        world.holds()


# --- how much is judged ---------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who is judged, one entry for each time."""
    names: list[str] = []

    def counting(fleet: Fleet, session: Session, now: int) -> Status:
        names.append(session.id)
        return status_of(fleet, session, now)

    monkeypatch.setattr(judging, "status_of", counting)
    return names


def crowd(shown: bool, count: int = 300) -> World:
    """Sessions at work, every ten of them in one checkout, where each writes to a file of its own and to a shared one."""
    world = World(shown)
    for number in range(count):
        name = f"log:{number}"
        world.begin(name)
        world.happens(name, ev.WorktreeSeen(root=f"/w{number % 30}"))
        world.edit(name, f"/w{number % 30}/own{number}")
        if number % 10 == 0:
            world.edit(name, f"/w{number % 30}/shared")
        world.asks(name, "Bash", '{"command":"make"}')
    world.judged()
    return world


@pytest.mark.parametrize("shown", [True, False])
def test_a_second_in_which_nothing_happens_judges_nobody(counted: list[str], shown: bool) -> None:
    world = crowd(shown)
    # What begins at this very moment is looked at once more.
    world.passes()
    counted.clear()
    for _ in range(10):
        assert world.passes() == set()
    assert counted == []
    world.holds() if shown else None


def test_what_happened_to_one_judges_one(counted: list[str]) -> None:
    world = crowd(shown=True)
    counted.clear()
    for number in range(50):
        name = f"log:{number}"
        world.happens(name, ev.Usage(tokens=ev.Tokens(output=5), cost=7))
        world.happens(name, ev.AssistantMessage(text=excerpt("on it")))
        assert world.judged() == {name}
    assert len(counted) == 50
    world.holds()


def test_an_edit_judges_only_those_whose_conflict_it_changes(counted: list[str]) -> None:
    world = crowd(shown=True)
    # Whose conflict is with whom does not change when a late one goes on writing.
    world.passes()
    counted.clear()
    world.edit("log:290", "/w20/own290")
    assert world.judged() == {"log:290"}
    # The first of a checkout is the one whom all others' conflicts name.
    first = conflicts(world.fleet, world.now)["log:20"].other
    others = {name for name, one in conflicts(world.fleet, world.now).items() if one.other == first}
    assert len(others) == 9
    world.edit(first, "/w20/shared")
    assert world.judged() == others | {first}
    world.holds()


def test_who_wrote_what_is_gathered_per_event(counted: list[str]) -> None:
    world = crowd(shown=True)
    index = writers_of(world.fleet, world.now)
    before = index.gathered
    for _ in range(5):
        world.passes()
        world.happens("log:1", ev.Usage(tokens=ev.Tokens(output=5), cost=7))
        world.judged()
    assert index.gathered == before
    world.edit("log:1", "/w1/own1")
    world.judged()
    assert index.gathered == before + 1
    assert writers_of(world.fleet, world.now) is index


def test_a_sub_agent_that_ends_judges_whom_it_works_for(counted: list[str]) -> None:
    world = family()
    world.asks("log:a", "Task", '{"prompt":"do"}')
    world.judged()
    counted.clear()
    world.happens("log:a/k", ev.AssistantMessage(text=excerpt("on it")))
    assert world.judged() == {"log:a/k"}
    world.happens("log:a/k", ev.TurnEnded())
    assert world.judged() == {"log:a/k", "log:a"}
    world.holds()


def test_one_that_left_the_fleet_is_forgotten() -> None:
    world = crowd(shown=True, count=60)
    for number in range(0, 60, 3):
        del world.fleet.sessions[f"log:{number}"]
    world.passes()
    world.holds()
    assert len(world.judge._due) == 40
    assert writers_of(world.fleet, world.now).by.keys() <= world.fleet.sessions.keys()


def test_a_time_at_which_something_is_longer_than_comes_right_after_it() -> None:
    world = World()
    world.happens("log:z", ev.UserMessage(text=excerpt("go")))
    session = world.fleet.sessions["log:z"]
    at = session.active_at + 60 * SECOND
    assert next_change(world.fleet, session, at) == at + 1
