"""The after-action report from events of known money and times: who noticed when, what it burned, what changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.cli.writing.report_json import report_json
from orchestrator_tui.events import KnownBody
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.report.curves import COLUMNS, merged, width_of
from orchestrator_tui.fleet.report.gather import MAX_POINTS, Series
from orchestrator_tui.fleet.report.shapes import Report, Used
from orchestrator_tui.fleet.report.sheet import sheet_of
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.load import departed, fleet_at, fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.reporting import report_of
from orchestrator_tui.store.writer import Store

SECOND = 1_000_000_000
START = 1_767_607_200 * SECOND
"""2026-01-05T10:00:00Z, a whole quarter of an hour."""
CENT = SECOND // 100
Step = tuple[int, str | None, KnownBody]
"""(seconds after START, session, what happened)"""
A, B, LOOP, TRY1, TRY2 = "claude:a", "codex:b", "loop:l", "loop:l/1", "loop:l/2"


def use(n: int, cents: int | None = 1, model: str = "m") -> KnownBody:
    return ev.Usage(
        response_id=f"r{n}", model=model, tokens=ev.Tokens(input=100, output=10),
        cost=None if cents is None else cents * CENT,
    )  # fmt: skip


def about(client: str, **more: object) -> KnownBody:
    return ev.SessionUpdated(client=client, **more)  # type: ignore[arg-type]


def ask(command: str, verb: str, session: str, actor: str = "dashboard", why: str = "") -> KnownBody:
    return ev.CommandRequested(command_id=command, verb=verb, arguments={"session": session}, actor=actor, why=why)


def done(command: str, outcome: str = "done") -> KnownBody:
    return ev.CommandEnded(command_id=command, outcome=outcome)  # type: ignore[arg-type]


def red(cause: str, since: int, status: str = "looping", severity: Literal["amber", "red"] = "red") -> KnownBody:
    at = START + since * SECOND
    return ev.AlertRaised(cause=cause, status=status, severity=severity, evidence="same call 5x", since=at)


def day() -> list[Step]:
    """A loops from 60 s on, is told at 120 s, looked at after 30 s and killed after 60 s; B is a false alarm."""
    steps: list[Step] = [
        (0, None, ev.HostStarted(host_id="h", boot_id="b", pid=5, version="0")),
        (1, A, about("claude", project="api", title="fix it")),
        (1, B, about("codex", project="web", title="paint it")),
        (2, A, ev.UserMessage(text=excerpt("go"))),
        *((10 * n, A, use(n, 1)) for n in range(1, 30)),
        (120, A, red("c", 60)),
        (150, A, ev.Viewed()),
        (180, None, ask("k1", "kill", A, why="goes round")),
        (181, None, ev.CommandStarted("k1", ev.Moment(A, "looping", "red", "same call 5x", 0.18, 9, 9))),
        (186, None, done("k1")),
        (187, A, ev.AlertCleared(cause="c", status="dead")),
        (200, B, use(100, 5, "n")),
        (210, B, red("d", 205, "stalled", "amber")),
        (230, None, ask("k2", "ack", B)),
        (231, B, ev.Acknowledged(cause="d", reason="it compiles")),
        (231, None, done("k2")),
        (240, B, use(101, None, "n")),
        (250, LOOP, about("loop", project="api", title="green")),
        *(
            (260 + 100 * n, name, about("loop", project="api", parent=LOOP, relation="iteration"))
            for n, name in enumerate((TRY1, TRY2))
        ),
        (270, TRY1, use(200, 30, "s")),
        (280, LOOP, ev.Check(name="pytest", ok=False)),
        (370, TRY2, use(201, 20, "s")),
        (380, LOOP, ev.Check(name="pytest", ok=True)),
        (381, LOOP, ev.SessionEnded(is_error=False, reason="passed")),
    ]
    beats: list[Step] = [(at, None, ev.Beat()) for at in range(0, 900, 30)]
    return sorted([*steps, *beats], key=lambda step: step[0])


async def write(path: Path, steps: list[Step]) -> None:
    async with Store.open(path) as store:
        for at, session, body in steps:
            await store.append([Batch([Entry(session, body)])], START + at * SECOND)
        await store.maintain()


def report(path: Path, steps: list[Step], since: int | None = None, now: int = 900) -> Report:
    if not path.exists():
        asyncio.run(write(path, steps))
    with Reader(path) as reader:
        begin = None if since is None else START + since * SECOND
        return report_of(reader, fleet_now(reader), begin, START + now * SECOND)


@pytest.fixture
def whole(tmp_path: Path) -> Report:
    return report(tmp_path / "events.db", day())


def test_an_alert_from_the_finding_to_its_end(whole: Report) -> None:
    story = next(alert for alert in whole.alerts if alert.session == A)
    raised = START + 120 * SECOND
    assert (story.raised_at, story.noticed_at, story.acted_at) == (raised, raised + 30 * SECOND, raised + 60 * SECOND)
    assert story.noticed_exact and story.acted == "kill" and story.acted_by == "dashboard"
    assert (story.ending, story.ended_by, story.ended_at) == ("decision", "k1", START + 187 * SECOND)
    # Responses at 60, 70, ..., 180 s; after the red those at 120 (told in the same second) to 180 s.
    assert (story.burned.cost, story.burned.requests) == (13 * CENT, 13)
    assert story.after_red.cost == 7 * CENT
    # What came at the very instant of the red could not be helped.
    assert whole.first_red.cost == 6 * CENT


def test_a_look_that_is_not_on_record_is_at_most_the_first_act(tmp_path: Path) -> None:
    told = report(tmp_path / "e.db", [step for step in day() if not isinstance(step[2], ev.Viewed)])
    story = next(alert for alert in told.alerts if alert.session == A)
    assert story.noticed_at == story.acted_at and not story.noticed_exact
    nobody = [step for step in day() if not isinstance(step[2], ev.Viewed | ev.CommandRequested)]
    story = next(alert for alert in report(tmp_path / "f.db", nobody).alerts if alert.session == A)
    assert (story.noticed_at, story.acted_at, story.ending) == (None, None, "itself")


def test_a_false_alarm_is_one_and_saves_nothing(whole: Report) -> None:
    story = next(alert for alert in whole.alerts if alert.session == B)
    assert story.false_alarm and story.ending == "acknowledged" and story.ended_by == "k2"
    assert [waste.cause for waste in whole.waste] == ["looping"]


def test_sums_are_those_of_the_sessions(whole: Report, tmp_path: Path) -> None:
    with Reader(tmp_path / "events.db") as reader:
        fleet = fleet_now(reader)
        sessions = [*fleet.sessions.values(), *departed(reader, fleet)]
    total = fleet.totals(sessions)
    assert whole.total == total and total.unpriced == 1 and total.cost_state == "partial"
    assert sum(s.alerts.wasted for s in sessions) == whole.wasted.cost > 0
    for groups in whole.groups.values():
        assert sum(g.spend.cost for g in groups) == total.cost
        assert sum(g.spend.tokens.total for g in groups) == total.tokens.total
        assert sum(g.spend.unpriced for g in groups) == 1
    assert sum(b.cost for b in whole.bins) == total.cost


def test_a_success_costs_what_all_tries_cost(whole: Report) -> None:
    (task,) = whole.success.tasks
    assert (task.root, task.winner, task.tries) == (LOOP, TRY2, 2)
    assert task.winner_spend is not None and task.winner_spend.cost == 20 * CENT
    assert (whole.success.reached, whole.success.tries.cost, whole.success.unchecked) == (1, 50 * CENT, 2)
    loops = {group.name: group.spend.cost for group in whole.groups["loop"]}
    assert loops == {"green (loop:l)": 50 * CENT, "outside loops": (29 + 5) * CENT}


def test_a_decision_has_a_before_and_an_after(whole: Report) -> None:
    kill = next(effect for effect in whole.effects if effect.decision.verb == "kill")
    assert kill.by_person and kill.decision.why == "goes round"
    assert kill.before.used.cost == 18 * CENT and kill.before.span == 180 * SECOND
    # It was told to die at 181 s and went on: ten minutes after are all that is left.
    assert kill.after.used.cost == 11 * CENT and kill.after.span == 600 * SECOND
    assert kill.before.progress == 0 and kill.status_after is not None


def test_a_refused_command_changed_nothing(tmp_path: Path) -> None:
    steps: list[Step] = [*day(), (800, None, ask("k9", "kill", A)), (800, None, done("k9", "refused"))]
    told = report(tmp_path / "e.db", steps)
    assert next(e for e in told.effects if e.decision.command_id == "k9").decision.outcome == "refused"
    figures = {figure.label: figure for figure in sheet_of(told).figures}
    assert figures["decisions"].value == "2" and "1 refused" in figures["decisions"].words


def test_what_is_not_known_is_no_number(tmp_path: Path) -> None:
    steps: list[Step] = [(1, A, about("claude")), (2, A, use(1, None)), (3, A, red("c", 1))]
    told = report(tmp_path / "e.db", steps)
    figures = {figure.label: figure.value for figure in sheet_of(told).figures}
    assert (figures["spent"], figures["successes"], figures["noticed after"]) == ("?", "?", "?")
    assert told.alerts[0].burned.usd is None


def test_waiting_is_counted_while_somebody_looked(tmp_path: Path) -> None:
    steps: list[Step] = [(0, None, ev.HostStarted(host_id="h", boot_id="b", pid=5, version="0"))]
    steps += [(at, None, ev.Beat()) for at in range(0, 301, 30)]
    steps += [(1, A, about("claude")), (5, A, use(1)), (100, A, red("w", 100, "waiting"))]
    told = report(tmp_path / "e.db", sorted(steps, key=lambda step: step[0]), now=3600)
    assert told.waited == 200 * SECOND
    assert any("no host has looked" in note for note in told.notes)


def test_since_begins_with_a_quarter_and_knows_what_was_open(tmp_path: Path) -> None:
    steps = [*day(), (1700, A, use(500, 3)), (1750, B, red("x", 1700, "looping")), (1801, B, use(501, 7))]
    path = tmp_path / "e.db"
    report(path, steps, now=2000)
    told = report(path, steps, 1805, 2000)
    assert (told.since, told.asked_since) == (START + 1800 * SECOND, START + 1805 * SECOND)
    assert told.total.cost == 7 * CENT and told.wasted.cost == 7 * CENT
    assert [(alert.cause, alert.ending) for alert in told.alerts] == [("x", "open")]
    assert told.effects == []


@pytest.mark.parametrize("steps", [[], [(0, None, ev.Beat())], [(0, A, about("claude"))]])
def test_an_empty_fleet_has_an_empty_report(tmp_path: Path, steps: list[Step]) -> None:
    told = report(tmp_path / "e.db", steps)
    assert (told.total.requests, told.alerts, told.effects, told.waited) == (0, [], [], 0)
    sheet_of(told)


def test_a_long_session_is_kept_in_bounded_memory() -> None:
    series = Series()
    for n in range(10 * MAX_POINTS + 7):
        series.add(n, 2, 3, 1, 0, 0)
    assert len(series.points()) <= MAX_POINTS and series.rough
    assert series.between(0, 1 << 62) == Used(
        2 * (10 * MAX_POINTS + 7), 3 * (10 * MAX_POINTS + 7), 10 * MAX_POINTS + 7, 0, 0, True
    )
    assert series.between(0, 1 << 62).basis == "estimated"


@pytest.mark.parametrize("span", [0, 1, SECOND, 3600 * SECOND, 86_400 * SECOND, 40_000 * 86_400 * SECOND])
def test_a_period_has_few_columns(span: int) -> None:
    width = width_of(START, START + span)
    assert (START + span) // width - START // width < COLUMNS


def test_stretches_that_touch_are_one() -> None:
    assert merged([(5, 9), (1, 3), (3, 4), (8, 12)]) == [(1, 4), (5, 12)]


@pytest.mark.parametrize("until", [5, 119, 125, 152, 185, 235, 275, 385, 850, 1000])
def test_the_report_of_a_past_instant_is_the_one_that_was_told_then(tmp_path: Path, until: int) -> None:
    # The day goes on over the quarter of an hour, and nothing of that is in it.
    more: list[Step] = [(920 + n, A, use(300 + n, 7)) for n in range(5)]
    steps = sorted([*day(), *more, (930, A, red("late", 925)), (940, None, ask("k9", "kill", A))], key=lambda s: s[0])
    then = report(tmp_path / "then.db", [step for step in steps if step[0] <= until], now=until)
    path = tmp_path / "events.db"
    asyncio.run(write(path, steps))
    with Reader(path) as reader:
        at = START + until * SECOND
        again = report_of(reader, fleet_at(reader, at), None, at, past=True)
    assert report_json(again) == report_json(then)
    assert sheet_of(again) == sheet_of(then)


def test_a_look_is_when_it_was_asked_to_be_noted(tmp_path: Path) -> None:
    steps = [step for step in day() if not isinstance(step[2], ev.Viewed)]
    # A key at 180 s: the look is asked before the command, and noted by the host a second later.
    look: list[Step] = [(180, None, ask("v1", "view", A)), (181, A, ev.Viewed()), (181, None, done("v1"))]
    told = report(tmp_path / "events.db", sorted([*look, *steps], key=lambda step: step[0]))
    story = next(alert for alert in told.alerts if alert.session == A)
    assert (story.noticed_at, story.noticed_exact) == (START + 180 * SECOND, True)
