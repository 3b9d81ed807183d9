"""Two sessions in each other's way: who with whom, about what, since when, and who never."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt, output
from orchestrator_tui.fleet import conflicts as rules
from orchestrator_tui.fleet.conflicts import changes_at, conflict_of, conflicts, finding, peers
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.worktree import MAX_PATHS, WINDOW
from tests.fleet.generated import SECOND, START

MINUTE = 60 * SECOND
ROOT = "/w"


class Fleets:
    """Sessions told by single events."""

    def __init__(self, root: str | None = ROOT) -> None:
        self.fleet, self.now, self.seq, self.root = Fleet(), START, 0, root
        self.event(None, ev.Beat())

    def event(self, name: str | None, body: Any, wait: float = 1) -> Fleets:
        self.now += int(wait * SECOND)
        self.seq += 1
        self.fleet.apply(ev.Event(self.seq, self.now, self.now, self.now, name, body))
        return self

    def session(self, *names: str, cwd: str = ROOT, root: str | None = None, **facts: Any) -> Fleets:
        """Live ones, each in a process of its own."""
        for name in names:
            self.event(name, ev.SessionUpdated(cwd=cwd, **facts))
            if facts.get("relation") != "subagent":
                self.event(name, ev.ProcessObserved(pid=1000 + self.seq, started=1))
                if self.root is not None:
                    self.event(name, ev.WorktreeSeen(root=root or self.root))
        return self

    def edit(self, name: str, path: str, tool: str = "Edit", wait: float = 1, ok: bool = True, **more: Any) -> Fleets:
        call = f"c{self.seq}"
        arguments = excerpt(f'{{"file_path":"{path}","old_string":"a"}}')
        self.event(name, ev.ToolCall(call_id=call, tool=tool, arguments=arguments, **more), wait)
        return self.event(name, ev.ToolResult(call_id=call, ok=ok, output=output("updated"), **more), 0)

    def sh(self, name: str, command: str) -> Fleets:
        call = f"c{self.seq}"
        self.event(name, ev.ToolCall(call_id=call, tool="Bash", arguments=excerpt(f'{{"command":"{command}"}}')))
        return self.event(name, ev.ToolResult(call_id=call, ok=True, output=output("")))

    def told(self) -> dict[str, tuple[str | None, str]]:
        return {name: (c.path, c.other) for name, c in conflicts(self.fleet, self.now).items()}

    def one(self, name: str) -> rules.Conflict | None:
        return conflict_of(self.fleet, self.fleet.sessions[name], self.now)


def two() -> Fleets:
    return Fleets().session("log:a", "log:b")


def test_one_path_by_two() -> None:
    world = two().edit("log:a", "/w/x.py").edit("log:b", "x.py", wait=100)
    assert world.told() == {"log:a": ("/w/x.py", "log:b"), "log:b": ("/w/x.py", "log:a")}
    conflict = world.one("log:a")
    assert conflict is not None
    assert conflict.at == conflict.last == world.now
    found = finding(world.fleet, world.fleet.sessions["log:a"], world.now + 120 * SECOND)
    assert found is not None
    assert (found.name, found.severity, found.since) == ("conflict", "amber", world.now)
    assert found.evidence == "x.py was edited here and, 2m ago, by log:b"
    assert found.cause == "conflict:log:b:/w/x.py"


def test_one_checkout_by_two() -> None:
    world = two().edit("log:a", "/w/x.py").edit("log:b", "/w/y.py")
    assert world.told() == {"log:a": (None, "log:b"), "log:b": (None, "log:a")}
    found = finding(world.fleet, world.fleet.sessions["log:b"], world.now)
    assert found is not None
    assert found.evidence == "log:a writes in the same checkout, 1s ago: /w"


def test_without_a_checkout_only_paths_count() -> None:
    world = Fleets(root=None).session("log:a", "log:b")
    assert world.edit("log:a", "x.py").edit("log:b", "y.py").told() == {}
    assert set(world.edit("log:b", "x.py").told()) == {"log:a", "log:b"}


QUIET: dict[str, Any] = {
    "alone": lambda: two().edit("log:a", "/w/x.py"),
    "the other only read": lambda: two().edit("log:a", "/w/x.py").edit("log:b", "/w/x.py", tool="Read"),
    "the other only looked": lambda: two().edit("log:a", "/w/x.py").sh("log:b", "cat x.py"),
    "its edit was refused": lambda: two().edit("log:a", "/w/x.py").edit("log:b", "/w/x.py", ok=False),
    "its edit is history": lambda: two().edit("log:a", "/w/x.py").edit("log:b", "/w/x.py", replayed=True),
    "too long ago": lambda: two().edit("log:a", "/w/x.py").edit("log:b", "/w/x.py", wait=1801),
    "elsewhere": lambda: Fleets().session("log:a").session("log:b", cwd="/v", root="/v").edit("log:a", "x.py").edit("log:b", "/v/x.py"),
    "below each other's scratch": lambda: two().edit("log:a", "/tmp/x").edit("log:b", "/tmp/y"),
    "the other is gone": lambda: two().edit("log:a", "x").edit("log:b", "x").event("log:b", ev.ProcessGone(pid=1004)),
    "its sub-agent": lambda: Fleets().session("log:a").session("log:k", relation="subagent", parent="log:a")
    .edit("log:a", "x").edit("log:k", "x"),
    "two sub-agents of one": lambda: Fleets().session("log:a").session("log:k", "log:l", relation="subagent", parent="log:a")
    .edit("log:l", "x").edit("log:k", "x"),
    "its fork": lambda: Fleets().session("log:a").session("log:f", relation="fork", parent="log:a")
    .edit("log:a", "x").edit("log:f", "x"),
    "a fork's sub-agent": lambda: Fleets().session("log:a").session("log:f", relation="fork", parent="log:a")
    .session("log:k", relation="subagent", parent="log:f").edit("log:a", "x").edit("log:k", "x"),
    "one process, one after the other": lambda: Fleets().session("log:a").session("log:b")
    .event("log:a", ev.ProcessObserved(pid=5, started=9)).event("log:b", ev.ProcessObserved(pid=5, started=9))
    .edit("log:a", "x").event("log:a", ev.TurnEnded()).edit("log:b", "x"),
}  # fmt: skip


@pytest.mark.parametrize("case", QUIET)
def test_no_conflict(case: str) -> None:
    world: Fleets = QUIET[case]()
    assert world.told() == {}


LOUD: dict[str, Any] = {
    "two forks of one": lambda: Fleets().session("log:a").session("log:f", "log:g", relation="fork", parent="log:a")
    .edit("log:f", "x").edit("log:g", "x"),
    "a stranger's sub-agent": lambda: two().session("log:k", relation="subagent", parent="log:b")
    .edit("log:a", "x").edit("log:k", "x"),
    "sub-agents of two": lambda: two().session("log:k", relation="subagent", parent="log:a")
    .session("log:l", relation="subagent", parent="log:b").edit("log:l", "x").edit("log:k", "x"),
    "one process, both at it": lambda: two().event("log:a", ev.ProcessObserved(pid=5, started=9))
    .event("log:b", ev.ProcessObserved(pid=5, started=9)).edit("log:a", "x").edit("log:b", "x"),
    "told by the client": lambda: two().event("log:a", ev.FileChanged(path="x", hash="1")).edit("log:b", "/w/x"),
    "a patch": lambda: two().event("log:a", ev.ToolCall(call_id="p", tool="apply_patch", arguments=excerpt(
        '{"input":"*** Begin Patch\\n*** Update File: x\\n@@"}'))).event(
        "log:a", ev.ToolResult(call_id="p", ok=True, output=output("Done"))).edit("log:b", "/w/x"),
    "no process known, just heard of": lambda: Fleets(root=None).session("log:a").event("log:b", ev.SessionUpdated(cwd="/w"))
    .edit("log:a", "x").edit("log:b", "x"),
    "every half hour again": lambda: two().edit("log:a", "x").edit("log:b", "x").edit("log:a", "x", wait=1700)
    .edit("log:b", "x", wait=200),
}  # fmt: skip


@pytest.mark.parametrize("case", LOUD)
def test_conflict(case: str) -> None:
    world: Fleets = LOUD[case]()
    assert {path for path, _ in world.told().values()} == {"/w/x"}
    assert len(world.told()) >= 2


def test_a_sub_agents_conflict_is_its_leads_too() -> None:
    world: Fleets = LOUD["a stranger's sub-agent"]()
    assert world.told() == {name: ("/w/x", other) for name, other in
                            (("log:a", "log:b"), ("log:b", "log:a"), ("log:k", "log:a"))}  # fmt: skip


def test_what_a_command_changed_is_its_sessions_doing() -> None:
    world = two().edit("log:b", "/w/a.py")
    first = ev.WorktreeSeen(root=ROOT, files=(("b.py", 1, 0),), changed=1)
    for name in ("log:a", "log:b"):
        world.event(name, first)
    assert world.told() == {}, "who wrote that cannot be told"
    world.sh("log:a", "sed -i s/x/y/ a.py")
    for name in ("log:a", "log:b"):
        world.event(name, ev.WorktreeSeen(root=ROOT, files=(("a.py", 1, 1), ("b.py", 1, 0)), changed=2), 5)
    assert world.told()["log:a"] == ("/w/a.py", "log:b")
    assert set(world.fleet.sessions["log:b"].worktree.edits) == {"/w/a.py"}


def test_what_changed_long_after_a_command_is_not_its_doing() -> None:
    world = two().edit("log:b", "/w/a.py").sh("log:a", "touch a.py")
    world.event("log:a", ev.WorktreeSeen(root=ROOT, files=(("a.py", 1, 1),), changed=1), 60)
    assert world.told() == {}


def test_it_ends_by_time_and_says_when() -> None:
    world = two().edit("log:a", "x").edit("log:b", "x", wait=60)
    a = world.fleet.sessions["log:a"]
    end = changes_at(world.fleet, a, world.now)
    assert end == world.now - 60 * SECOND + WINDOW
    assert conflict_of(world.fleet, a, end - 1) is not None
    assert conflict_of(world.fleet, a, end) is None
    assert changes_at(world.fleet, a, end) is None


def test_silence_without_a_process_ends_it() -> None:
    world = Fleets(root=None)
    for name in ("log:a", "log:b"):
        world.event(name, ev.SessionUpdated(cwd="/w")).edit(name, "x")
    a = world.fleet.sessions["log:a"]
    end = changes_at(world.fleet, a, world.now)
    assert end == a.active_at + rules.QUIET
    assert conflict_of(world.fleet, a, end) is None


def test_the_longest_is_told_and_stays_told() -> None:
    world = two().session("log:c").edit("log:a", "x").edit("log:b", "x").edit("log:a", "y").edit("log:c", "y")
    for _ in range(10):
        world.edit("log:c", "y").edit("log:b", "x").edit("log:c", "x")
        assert world.told()["log:a"] == ("/w/x", "log:b")
        cause = finding(world.fleet, world.fleet.sessions["log:a"], world.now)
        assert cause is not None
        assert cause.cause == "conflict:log:b:/w/x"


def test_a_directory_with_links_in_it_is_the_checkout_that_was_seen_there() -> None:
    world = Fleets().session("log:a", "log:b", cwd="/link", root="/real")
    assert world.edit("log:a", "x").edit("log:b", "/real/y").told()["log:a"] == (None, "log:b")
    world = Fleets().session("log:a").session("log:b", cwd="/v", root="/v")
    world.event("log:b", ev.SessionUpdated(cwd="/w")).edit("log:a", "x").edit("log:b", "y")
    assert world.told() == {}, "that it went there the host has not seen yet"


def test_who_is_judged_anew() -> None:
    world = two().session("log:c", cwd="/v").edit("log:a", "x")
    assert peers(world.fleet, {"log:a"}, world.now) == {"log:a"}
    world.edit("log:b", "x")
    assert peers(world.fleet, {"log:b"}, world.now) == {"log:a", "log:b"}
    assert peers(world.fleet, {"log:c", "log:nobody"}, world.now) == set()


def test_a_session_that_left_is_no_trouble() -> None:
    world = two().edit("log:a", "x").edit("log:b", "x")
    assert world.told()
    a = world.fleet.sessions["log:a"]
    del world.fleet.sessions["log:b"]
    assert finding(world.fleet, a, world.now) is not None


PATHS = ["a", "/w/a", "/w/./b", "../w/c", "file:///w/d", "", "\\u0000", "~/x", "é" * 600, "/w/deep/er"]
step = st.tuples(
    st.sampled_from(["log:a", "log:b", "log:a/k", "log:f"]),
    st.sampled_from(["edit", "file", "sh", "seen", "gone"]),
    st.integers(0, 2000),
    st.sampled_from(PATHS) | st.integers(0, 99).map(lambda n: f"/w/{n}"),
)


@settings(max_examples=60)
@given(st.lists(step, max_size=60))
def test_the_memory_is_bounded_and_conflicts_are_mutual(steps: list[tuple[str, str, int, str]]) -> None:
    world = (
        two().session("log:a/k", relation="subagent", parent="log:a").session("log:f", relation="fork", parent="log:b")
    )
    for name, what, wait, path in steps:
        if what == "edit":
            world.edit(name, path, wait=wait)
        elif what == "file":
            world.event(name, ev.FileChanged(path=path, hash="1"), wait)
        elif what == "sh":
            world.sh(name, "sed -i s/a/b/ x")
        elif what == "seen":
            files = tuple((f"{path}{n}"[:200], 1, 0) for n in range(50))
            world.event(name, ev.WorktreeSeen(root=ROOT, files=files, changed=50), wait % 40)
        else:
            world.event(name, ev.ProcessGone(pid=1), wait)
    for session in world.fleet.sessions.values():
        worktree = session.worktree
        assert len(worktree.edits) <= MAX_PATHS
        assert all(path.startswith("/") and len(path) <= 512 for path in worktree.edits)
        assert all(w.first <= w.last <= world.now for w in worktree.edits.values())
        assert len(worktree.check) <= 60
    told = conflicts(world.fleet, world.now)
    for name, conflict in told.items():
        other = world.fleet.sessions[conflict.other]
        assert conflict.at <= world.now < conflict.until
        assert conflict.other != name
        assert conflict_of(world.fleet, other, world.now) is not None
    restored = Fleet()
    restored.load(world.fleet.dump())
    assert conflicts(restored, world.now) == told


def test_the_cost_does_not_grow_with_the_square_of_the_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted: a call looks at those who wrote to its own paths, whatever else there is."""
    world = Fleets()
    rng = random.Random(4)
    for number in range(300):
        # Some in a checkout of their own, others in one that all of them share.
        world.session(f"log:{number}", cwd=f"/w{number}", root=f"/w{number}" if number % 2 else "/")
        for _ in range(10):
            world.edit(f"log:{number}", f"/w{number}/{rng.random()}", wait=0.01)
    looked = 0
    original = rules._live

    def live(fleet: Fleet, session: Any, now: int) -> bool:
        nonlocal looked
        looked += 1
        return original(fleet, session, now)

    monkeypatch.setattr(rules, "_live", live)
    assert len(conflicts(world.fleet, world.now)) == 150
    assert looked <= 3 * 300
