"""Guards: when they act, how often, and how they give way to a person."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet import demands
from orchestrator_tui.fleet.guard_rules import Governor, Guard, checked
from orchestrator_tui.fleet.guarding import GAP, PERSONS, REST
from orchestrator_tui.fleet.hands import MAX_HANDS, SAYS_NO, act_key
from orchestrator_tui.fleet.policy import told
from orchestrator_tui.fleet.troubles import Spent
from tests.fleet.generated import SECOND
from tests.fleet.guarded import NAME, World

LOOPS = Guard(["looping"], "pause", "loops")


def test_a_loop_is_paused_once_with_its_rule_on_record() -> None:
    world = World(LOOPS).session().loops()
    (deed,) = world.look()
    assert (deed.verb, deed.session, deed.guard) == ("pause", NAME, "loops")
    assert deed.why.startswith("loops: looping for ") and "pytest -q" in deed.why
    assert world.run(3600, 10) == []
    assert world.hands.of(NAME).paused_by == "loops"


@pytest.mark.parametrize(
    ("rule", "acts"),
    [
        (Guard(["looping", "stalled"], "pause"), True),
        (Guard(["spinning"], "pause"), False),
        (Guard(["looping"], "pause", project="web*"), True),
        (Guard(["looping"], "pause", project="api"), False),
        (Guard(["looping"], "pause", client="c*"), True),
        (Guard(["looping"], "pause", client="codex"), False),
        (Guard(["looping"], "pause", loop="*fix*"), False),
    ],
)
def test_for_whom_a_guard_is(rule: Guard, acts: bool) -> None:
    assert bool(World(rule).session(project="web-shop").loops().look()) is acts


def test_a_loop_s_pattern_holds_for_its_iterations() -> None:
    world = World(Guard(["looping"], "pause", loop="*-fix-*"))
    world.session("loop:2026-fix-ab", pid=7)
    world.session(parent="loop:2026-fix-ab", relation="iteration").loops()
    assert [deed.session for deed in world.look()] == [NAME]


def test_it_waits_until_it_has_held_long_enough() -> None:
    world = World(Guard(["errored"], "pause", after_seconds=60)).session().breaks()
    assert world.run(55) == []
    assert world.run(6) == [f"pause {NAME}"]


def test_amber_counts_where_that_is_said() -> None:
    for amber in (False, True):
        world = World(Guard(["over_budget"], "pause", amber=amber), **{"budget.session": 1.0}).session().usage(0.9)
        assert bool(world.look()) is amber
        world.usage(0.2)
        if not amber:
            assert len(world.look()) == 1


def test_the_steps_follow_each_other_while_it_holds() -> None:
    world = World(Guard(["errored"], ["notify", "escalate", "pause"], cap_usd=2.5, after_seconds=20)).session().breaks()
    world.outcome["escalate"] = "refused"
    assert world.run(19) == []
    assert world.run(2) == [f"notify {NAME}"]
    assert world.run(28) == []
    assert world.run(4) == [f"escalate {NAME}"]
    assert world.deeds[-1][1].arguments["cap_usd"] == 2.5
    assert world.run(600) == [f"pause {NAME}"]
    ats = [at for at, _ in world.deeds]
    assert all(b - a >= GAP for a, b in pairwise(ats))


def test_what_has_no_process_is_only_told_of() -> None:
    world = World(Guard(["errored"], ["pause", "notify", "kill"])).session().breaks()
    world.tell(ev.ProcessGone(pid=9, started=1))
    assert world.run(600) == [f"notify {NAME}"]


def test_a_sub_agent_is_acted_on_where_it_runs() -> None:
    world = World(Guard(["looping"], ["escalate", "pause"]))
    world.session()
    world.tell(ev.ToolCall("t", "Task", excerpt("{}")))
    world.tell(
        ev.SessionUpdated(client="claude", parent=NAME, relation="subagent", parent_call="t"), ev.TurnStarted(),
        name="claude:sub",
    )  # fmt: skip
    world.outcome["escalate"] = "refused"
    world.loops("claude:sub")
    assert world.run(1) == ["escalate claude:sub"]
    assert world.run(120) == [f"pause {NAME}"]


def test_a_dry_run_only_says_so() -> None:
    world = World(Guard(["looping"], ["pause", "kill"], "dry", dry_run=True)).session().loops()
    (deed,) = world.look()
    assert (deed.verb, deed.arguments["would"]) == ("would", "pause")
    assert world.run(3600, 5) == [f"would {NAME}"]  # the second step
    assert world.fleet.sessions[NAME].process.seen.stopped is False  # type: ignore[union-attr]
    # What a dry run said does not count when it is meant.
    world.rules = (Guard(["looping"], ["pause", "kill"], "dry"),)
    world.restart()
    world.loops()
    assert [deed.verb for deed in world.look()] == ["pause"]


def test_where_the_policy_says_so_it_keeps_its_hands_off() -> None:
    settings = dict([told(0, "prod*", "hands_off", ["yes"])])
    assert not World(LOOPS, **settings).session(project="production").loops().look()
    assert World(LOOPS, **settings).session(project="web").loops().look()


# --- budgets --------------------------------------------------------------------------------------------------

BUDGET = Guard(["over_budget"], "pause", "money")


def test_a_session_s_budget_and_another_one_after_it() -> None:
    world = World(BUDGET).session().tell(ev.BudgetSet(usd=1.0)).usage(1.0)
    assert world.run(5) == [f"pause {NAME}"]
    world.command("budget", usd=2.0)
    world.tell(ev.BudgetSet(usd=2.0))
    world.command("resume")
    world.usage(0.9)
    assert world.run(1000, 5) == []
    world.usage(0.2)
    assert world.run(10) == [f"pause {NAME}"]


def test_an_idle_session_over_its_budget_is_left_alone() -> None:
    world = World(BUDGET, **{"budget.session": 1.0}).session().usage(2).tell(ev.TurnEnded())
    assert world.run(60) == []


def test_a_loop_counts_with_all_its_iterations() -> None:
    world = World(BUDGET).session("loop:l", pid=7).tell(ev.BudgetSet(usd=1.0), name="loop:l")
    for n in range(4):
        world.session(f"claude:{n}", pid=20 + n, parent="loop:l", relation="iteration").usage(0.3, f"claude:{n}")
        assert world.run(3) == (["pause loop:l"] if n == 3 else [])


def test_a_project_s_day_and_the_day() -> None:
    world = World(BUDGET, **{"budget.project/web": 5.0, "budget.day": 50.0})
    world.session(project="web").session("codex:b", pid=10, project="api")
    world.spent = Spent(1, int(5e9), {"web": int(5e9)})
    assert world.run(5) == [f"pause {NAME}"]
    # Whoever is let go on by a person goes on.
    world.command("resume")
    assert world.run(3600, 10) == []
    # Another budget is another cause, and so is the next day.
    world.spent = Spent(1, int(50e9), {"web": int(5e9)})
    assert sorted(world.run(5)) == [f"pause {NAME}", "pause codex:b"]
    world.command("resume")
    world.spent = Spent(2, int(1e9), {"web": int(6e9)})
    assert world.run(590) == []
    world.now += 20 * SECOND
    assert world.run(5) == [f"pause {NAME}"]


def test_a_loop_s_iterations_stop_with_it_on_a_day_s_budget() -> None:
    world = World(BUDGET, **{"budget.day": 1.0}).session("loop:l", pid=7)
    world.session(parent="loop:l", relation="iteration")
    world.spent = Spent(1, int(1e9))
    assert world.run(5) == ["pause loop:l"]


# --- never against a person -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", sorted(SAYS_NO - {"undo"}))
def test_who_takes_it_back_holds_it_off_for_good(verb: str) -> None:
    world = World(Guard(["looping"], ["notify", "escalate", "pause"])).session().loops()
    assert world.run(1) == [f"notify {NAME}"]
    world.command(verb, seconds=60)
    assert world.run(4 * PERSONS / SECOND, 10) == []


def test_an_undo_holds_it_off() -> None:
    world = World(Guard(["looping"], ["kill", "pause"])).session().loops()
    world.outcome["kill"] = ""
    assert world.run(1) == [f"kill {NAME}"]
    kill = f"k{world.commands}"
    world.command("undo", command=kill, receipt={"command": kill, "undone": "kill"})
    world.ends(kill, "kill", NAME, "undone")
    assert world.run(2 * PERSONS / SECOND, 5) == []
    assert world.hands.of(NAME).person_at


def test_any_command_of_a_person_holds_it_off_for_ten_minutes() -> None:
    world = World(LOOPS).session().loops()
    world.command("message")
    assert world.run(595) == []
    world.loops()
    assert world.run(10) == [f"pause {NAME}"]


def test_what_was_refused_or_an_agent_asked_holds_nothing_off() -> None:
    world = World(LOOPS).session().loops()
    world.command("snooze", "refused")
    world.command("message", chain=[ev.ProcessRef(5, 1, command="bash"), ev.ProcessRef(4, 1, command="node /x/claude")])
    assert world.run(1) == [f"pause {NAME}"]


def test_a_snooze_is_respected_until_it_ends() -> None:
    world = World(LOOPS).session().loops().tell(ev.Snoozed(until=1 << 62))
    assert world.run(2000, 10) == []
    world.tell(ev.Snoozed(until=0))
    assert world.run(2) == [f"pause {NAME}"]


def test_what_was_acknowledged_is_no_cause() -> None:
    world = World(LOOPS).session().loops()
    world.judge.update(world.fleet, world.now, [NAME], {})
    world.tell(ev.Acknowledged(cause=world.judge.statuses[NAME].cause))
    assert world.run(60) == []


def test_what_somebody_let_go_on_past_orc_is_not_killed() -> None:
    world = World(Guard(["looping"], ["pause", "kill"])).session().loops()
    assert world.run(1) == [f"pause {NAME}"]
    world.tell(ev.ProcessObserved(pid=9, started=1, stopped=False))
    world.loops()
    assert world.run(3600, 5) == []


def test_while_something_is_under_way_it_waits() -> None:
    world = World(LOOPS).session().loops()
    one = world.command("kill", "")
    assert world.run(5) == []
    world.ends(one, "kill", NAME, "undone")
    assert world.run(PERSONS / SECOND - 10, 5) == []


# --- again, and hosts that end --------------------------------------------------------------------------------


def test_what_comes_anew_is_acted_on_anew_ever_more_rarely() -> None:
    world = World(Guard(["over_budget"], "notify"), **{"budget.session": 1.0}).session().usage(2)
    ats = []
    for _ in range(200):
        if world.run(30, 10):
            ats.append(world.now)
        world.tell(ev.TurnEnded()).run(90, 10)
        world.tell(ev.TurnStarted())
    gaps = [b - a for a, b in pairwise(ats)]
    assert len(ats) > 3
    assert all(gap >= REST << n for n, gap in enumerate(gaps))


def test_one_cause_after_another_is_acted_on_ever_more_rarely() -> None:
    world = World(Guard(["errored"], "notify")).session()
    ats = []
    for _ in range(200):
        if world.breaks().run(5, 5):
            ats.append(world.now)
        world.mends().run(5, 5)
    gaps = [b - a for a, b in pairwise(ats)]
    assert len(ats) > 4
    assert all(gap >= min(REST, GAP << n) for n, gap in enumerate(gaps))


def test_what_trembles_is_one_cause() -> None:
    world = World(Guard(["over_budget"], "notify"), **{"budget.session": 1.0}).session().usage(2)
    assert world.run(2) == [f"notify {NAME}"]
    for _ in range(100):
        world.tell(ev.TurnEnded()).run(20, 10)
        assert world.tell(ev.TurnStarted()).run(20, 10) == []


def test_the_next_host_goes_on_where_the_one_before_stood() -> None:
    world = World(Guard(["looping"], ["notify", "pause"])).session().loops()
    assert world.run(1) == [f"notify {NAME}"]
    for _ in range(5):
        world.restart()
        assert world.run(4) == []
    assert world.run(20) == [f"pause {NAME}"]
    world.restart()
    assert world.run(600, 5) == []


def test_a_decision_that_nothing_came_of_is_taken_again_by_the_next_host_alone() -> None:
    world = World(LOOPS).session().loops()
    world.outcome["pause"] = ""
    assert world.run(1) == [f"pause {NAME}"]
    world.loops()
    assert world.run(90) == []  # this one still waits for it
    world.restart()
    world.outcome["pause"] = "done"
    assert world.run(90) == [f"pause {NAME}"]


def test_a_pause_that_its_host_did_not_live_to_see_is_made_good() -> None:
    world = World(LOOPS).session().loops()
    world.outcome["pause"] = ""
    world.run(1)
    one = f"k{world.commands}"
    world.tell(ev.CommandStarted(one), name=None)
    world.restart()
    world.tell(
        ev.CommandEnded(one, "failed", "the host ended in between", {"frozen": False, "alive": ["9"]}), name=None
    )
    world.outcome["pause"] = "failed"
    assert world.run(60) == [f"pause {NAME}"]
    world.restart()
    # One that just did not work is not tried again and again.
    assert world.run(600, 5) == []


acts = st.lists(
    st.tuples(
        st.sampled_from(
            ["loops", "breaks", "mends", "restart", "stop", "go", "snooze", "ended", "begun", "spend", *sorted(SAYS_NO), "message", "pause", "refused"]
        ),
        st.sampled_from([1, 20, 90, 400, 1300]),
        st.sampled_from(["done", "refused", "failed", "undone"]),
    ),
    max_size=30,
)  # fmt: skip


@settings(deadline=None)
@given(acts, st.sampled_from([["pause"], ["notify", "escalate", "pause"], ["kill", "pause"], ["notify"]]))
def test_never_twice_for_one_cause_and_never_after_a_person(happens: list[Any], then: Any) -> None:
    rule = Guard(["looping", "errored", "over_budget"], then, "g")
    world = World(rule, **{"budget.session": 1.0}).session()
    held: set[str] = set()
    person_at = -PERSONS
    for what, seconds, outcome in happens:
        world.outcome = dict.fromkeys(("pause", "escalate", "kill", "notify"), outcome)
        if what in ("loops", "breaks", "mends", "restart"):
            getattr(world, what)()
        elif what in ("stop", "go"):
            world.tell(ev.ProcessObserved(pid=9, started=1, stopped=what == "stop"))
        elif what == "snooze":
            world.tell(ev.Snoozed(until=world.now + 100 * SECOND))
        elif what in ("ended", "begun"):
            world.tell(ev.TurnEnded() if what == "ended" else ev.TurnStarted())
        elif what == "spend":
            world.usage(0.6)
        elif what == "refused":
            world.command("resume", "refused")
        else:
            world.command(what)
            person_at = world.now
            if what in SAYS_NO:
                held |= {act_key("g", act.cause) for act in world.hands.of(NAME).acts.values()}
        begun = len(world.deeds)
        snoozed = world.fleet.sessions[NAME].alerts.snoozed_until
        world.run(seconds, max(1, seconds / 20))
        for at, deed in world.deeds[begun:]:
            assert at - person_at >= PERSONS and at >= snoozed
            assert act_key("g", str(deed.arguments["cause"])) not in held
    places = [(d.arguments["cause"], d.arguments["round"], d.arguments["step"]) for _, d in world.deeds]
    assert len(places) == len(set(places))
    rounds = [(at, d) for at, d in world.deeds if d.arguments["step"] == 0]
    for at, deed in rounds:
        for later, other in rounds:
            if deed.arguments["cause"] == other.arguments["cause"] and later > at:
                assert later - at >= REST


# --- the settings, and what is remembered ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"on": [], "then": "pause"}, "guard.on is empty"),
        ({"on": ["looping"], "then": []}, "one action or up to 8"),
        ({"on": ["bored"], "then": "pause"}, "bored"),
        ({"on": ["looping"], "then": "shout"}, "shout"),
        ({"on": ["looping"], "then": "pause", "name": "governor"}, "guard.name"),
        ({"on": ["looping"], "then": "pause", "name": "a\nb"}, "guard.name"),
        ({"on": ["looping"], "then": "escalate", "cap_usd": 0}, "cap_usd"),
        ({"on": ["looping"], "then": "pause", "after": 3}, "after"),
    ],
)
def test_wrong_settings_say_what_is_wrong(text: Any, words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(text, Guard)


def test_settings() -> None:
    guard = msgspec.convert({"on": ["looping", "spinning"], "then": ["notify", "stop"], "project": "web"}, Guard)
    assert guard.steps == ("notify", "kill")
    assert guard.title == "looping, spinning: notify, then kill in project web"
    assert msgspec.convert({"max_parallel": 3}, Governor).max_parallel == 3
    with pytest.raises(ValueError, match="two guards are called 'a'"):
        checked([Guard(["looping"], "pause", "a"), Guard(["stalled"], "kill", "a")])


def test_hands_are_bounded_and_what_the_governor_paused_is_kept() -> None:
    world = World()
    world.session("claude:first")
    world.command("pause", name="claude:first", actor="orc: guard", guard="governor")
    for n in range(MAX_HANDS + 50):
        world.tell(ev.CommandRequested(f"x{n}", "pause", {"session": f"s{n}"}, "orc: guard"), name=None)
        world.tell(ev.CommandEnded(f"x{n}", "done"), name=None)
    assert len(world.hands.sessions) == MAX_HANDS
    assert world.hands.of("claude:first").paused_by == "governor"
    assert len(world.hands.open) == 0
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(world.hands), type=type(world.hands)) == world.hands


# --- what a policy demands ------------------------------------------------------------------------------------

POLICIES = dict(
    [
        told(0, "prod*", "reason_for", ["kill", "escalate"]),
        told(0, "prod*", "max_usd", ["5.0"]),
        told(1, "*", "max_usd", ["20.0"]),
        told(2, "lab", "reason_for", ["*"]),
        told(2, "lab", "hands_off", ["yes"]),
        told(3, "lab", "max_usd", ["much"]),
    ]
)


@pytest.mark.parametrize(
    ("project", "verb", "why", "wants"),
    [
        ("production", "kill", "", True),
        ("production", "kill", " \t", True),
        ("production", "kill", "it hangs", False),
        ("production", "pause", "", False),
        ("lab", "pause", "", True),
        ("web", "kill", "", False),
        (None, "kill", "", False),
    ],
)
def test_verbs_that_need_a_reason(project: str | None, verb: str, why: str, wants: bool) -> None:
    words = demands.reason_missing(POLICIES, project, verb, why)
    assert bool(words) is wants
    assert not wants or words.endswith(f"wants a reason for {verb}: --why")


@pytest.mark.parametrize(
    ("project", "verb", "facts", "refused"),
    [
        ("production", "run", {"budget_usd": 5.0}, False),
        ("production", "run", {"budget_usd": 5.01}, True),
        ("production", "run", {}, True),
        ("production", "run", {"budget_usd": True}, True),
        ("production", "run", {"budget_usd": float("nan")}, True),
        ("production", "escalate", {"cap_usd": 9, "confirmed": True}, False),
        ("production", "budget", {"usd": None}, True),
        ("production", "kill", {}, False),
        ("web", "escalate", {"cap_usd": 19}, False),
        ("web", "escalate", {"cap_usd": 21}, True),
    ],
)
def test_what_a_command_may_let_be_spent(project: str, verb: str, facts: Any, refused: bool) -> None:
    assert bool(demands.too_dear(POLICIES, project, verb, facts)) is refused


def test_an_agent_s_yes_is_none() -> None:
    assert demands.too_dear(POLICIES, "production", "run", {"budget_usd": 9, "confirmed": True}, "Codex")
    assert demands.too_dear(POLICIES, "production", "run", {"budget_usd": 4, "confirmed": True}, "Codex") == ""
    assert demands.too_dear({}, "production", "run", {}) == ""


def test_the_least_limit_counts_and_what_is_none_does_not() -> None:
    assert [demands.max_usd(POLICIES, name) for name in ("production", "web", "lab")] == [5.0, 20.0, 20.0]
    assert [demands.hands_off(POLICIES, name) for name in ("production", "lab", None)] == [False, True, False]
