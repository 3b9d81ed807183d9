"""A frozen fleet: a real store with about thirty sessions at fixed times, and a dashboard on it that does not tick."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from orchestrator_tui import events as ev
from orchestrator_tui.config import Config, Screen
from orchestrator_tui.events import KnownBody
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.host.lock import HostRecord
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.writer import Store
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.widgets.panel import Panel

SECOND = 1_000_000_000
NOW = 1_795_269_600 * SECOND
"""2026-11-21T14:00:00Z."""
PROJECTS = ("webapp", "api", "infra", "docs", "账单-billing")
LONG = "rewrite the quick start so that a newcomer reaches the first green run within five minutes"
WIDE = "将发票表迁移到新的分区布局并验证总额 🚀🚀 完成后通知团队"
Step = tuple[int, KnownBody]
"""(seconds before NOW, what happened)"""


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.ns = NOW

    def now(self) -> int:
        """Wall clock."""
        return self.ns

    def monotonic(self) -> int:
        """Monotonic clock."""
        return self.ns


def ask(text: str = "go") -> KnownBody:
    """What a person wants."""
    return ev.UserMessage(text=excerpt(text))


def say(text: str, done: bool = False) -> KnownBody:
    """What the model writes."""
    return ev.AssistantMessage(text=excerpt(text), stop_reason="end_turn" if done else None)


def call(tool: str, arguments: str, call_id: str = "c") -> KnownBody:
    """A tool call."""
    return ev.ToolCall(call_id=call_id, tool=tool, arguments=excerpt(arguments))


def use(n: int, cost: float | None = None) -> KnownBody:
    """A response's tokens."""
    tokens = ev.Tokens(40 * n, 9_000 + 700 * n, 120 * n, 310 + 90 * n)
    nano = None if cost is None else int(cost * SECOND)
    return ev.Usage(response_id=f"r{n}", model="claude-opus-4-8", tokens=tokens, cost=nano)


def alive(pid: int, stopped: bool = False) -> KnownBody:
    """Its process."""
    kid = ev.Child("pytest -q", cpu_percent=93.0, state="R")
    return ev.ProcessObserved(pid=pid, started=7, stopped=stopped, children=[kid])


TEST_RUN = call("Bash", '{"command":"pytest -q tests/billing --maxfail=1"}')
QUESTION = call("AskUserQuestion", '{"question":"which database may be dropped?"}', "q")
LOGIN = ev.ApiError(status=401, text="OAuth token has expired, run /login", final=True)
QUOTA = ev.ApiError(status=429, kind="rate_limit", text="5-hour limit reached, resets 16:00", final=True)
BUSY = ev.ApiError(status=529, attempt=6, max_attempts=10, retry_in=400.0, text="overloaded")
STATES: dict[str, tuple[Step, ...]] = {
    "working": ((90, ask("make it green")), (30, say("Reading the failing test first."))),
    "tool_running": ((200, ask()), (120, TEST_RUN)),
    "thinking": ((47, ask("think about the plan")),),
    "compacting": ((600, ask()), (75, ev.CompactStarted())),
    "asks": ((400, ask()), (380, QUESTION)),
    "hook": ((300, ask()), (100, ev.Hook(name="n", kind="permission_prompt", text="Bash git push --force origin main"))),
    "report": ((500, ask()), (41, TEST_RUN), (41, ev.ClientStatus(status="waiting", waiting_for="permission prompt"))),
    "interrupted": ((700, ask()), (650, ev.UserMessage(text=excerpt("[stop]"), interrupt=True))),
    "errored": ((900, ask()), (815, LOGIN)),
    "ended": ((1900, ask()), (1800, ev.SessionEnded(is_error=True, text="max turns reached"))),
    "limited": ((1500, ask()), (1400, QUOTA)),
    "retry": ((90, ask()), (66, BUSY)),
    "dead": ((3000, ask()), (2900, TEST_RUN), (2880, ev.ProcessGone(pid=0, started=7, reason="killed"))),
    "paused": ((800, ask()), (700, TEST_RUN), (690, alive(77, stopped=True))),
    "finished": ((7300, ask("small thing")), (7200, say("Done: 12 files changed, tests pass.", done=True))),
    "open": ((5000, ev.SessionUpdated(interactive=True)),),
    "fog": ((4000, ask()), (3900, TEST_RUN)),
    "seen": ((2000, ev.SessionUpdated(branch="main")),),
}  # fmt: skip
"""A way into every status that the rules give today, by a name of its own."""
WITHOUT_PROCESS = frozenset({"fog", "seen", "ended"})
CAST: tuple[tuple[str, str], ...] = (
    ("working", "make the snapshot tests deterministic"), ("tool_running", "find the flaky upload test"),
    ("thinking", "plan the migration"), ("asks", "drop the old tables"), ("report", "roll out to staging"),
    ("finished", "release notes for 2.4"), ("dead", "rebuild the base images"), ("working", LONG),
    ("working", WIDE), ("compacting", "collect every broken link"), ("hook", "push the hotfix"),
    ("interrupted", "rename the module"), ("errored", "reconcile the ledger of october"), ("ended", "sweep the cache"),
    ("limited", "port the rate limiter"), ("retry", "explain the nightly job"), ("paused", "benchmark the importer"),
    ("finished", LONG + ", second try"), ("open", "an empty prompt"), ("fog", "watch the import"), ("seen", ""),
    ("tool_running", "naïve café [bold]not markup[/] [@click=app.quit]x[/]"), ("finished", WIDE), ("working", "a"),
    ("finished", "list unused assets"), ("thinking", "compare two plans"),
)  # fmt: skip
"""(state, title), one session each."""


def name_of(index: int) -> str:
    """A session's id."""
    return f"claude:s{index:02d}"


def first(state: str) -> str:
    """The id of the first session in a state."""
    return name_of(next(i for i, (kind, _) in enumerate(CAST) if kind == state))


def script() -> list[tuple[int, str | None, KnownBody]]:
    """(seconds before NOW, session, body), in order."""
    out: list[tuple[int, str | None, KnownBody]] = []
    seats: dict[str, int] = {}
    for index, (state, title) in enumerate(CAST):
        name, project = name_of(index), PROJECTS[index % len(PROJECTS)]
        seats[project] = seats.get(project, 0) + 1
        born = max(at for at, _ in STATES[state]) + 60 + index
        about = ev.SessionUpdated(
            client="claude", title=title or None, project=project, cwd=f"/home/me/{project}", branch="main",
            model="claude-opus-4-8", context_window=200_000,
        )  # fmt: skip
        out.append((born, name, about))
        out.append((born, name, ev.SeatTaken(region=project, number=seats[project])))
        if state not in WITHOUT_PROCESS:
            out.append((born, name, alive(1000 + index)))
        out += [(at, name, _with_pid(body, 1000 + index)) for at, body in STATES[state]]
        spent = min(at for at, _ in STATES[state]) + 1
        if state not in ("open", "seen", "thinking"):
            out += [(spent + 50 - k * 5, name, use(index + k, 0.04 * k if index % 3 else None)) for k in range(1, 5)]
    out += [(280 - k * 9, name_of(0), use(40 + k, 0.2)) for k in range(1, 30)]
    out += _relatives()
    out += _money()
    out += [(3600, None, ev.HostStarted(host_id="h", boot_id="b", pid=5, version="0"))]
    out += [(at, None, ev.Beat()) for at in range(3570, 0, -30)]
    return sorted(out, key=lambda item: -item[0])


def _money() -> list[tuple[int, str | None, KnownBody]]:
    """Budgets, a quota that is told and one that was hit, waste, and figures of every certainty."""
    limits = {"budget.day": 8.0, "budget.session": 6.0, "budget.project/webapp": 4.0, "budget.project/api": 0.5}
    window = ev.Limit(used_percent=62.0, window_minutes=300, resets_at=NOW + 7000 * SECOND)
    week = ev.Limit(used_percent=18.0, window_minutes=10_080, resets_at=NOW + 400_000 * SECOND)
    tokens = ev.Tokens(900, 40_000, 2_000, 1_500)
    stuck = name_of(0)
    return [
        (3500, None, ev.SettingsChanged(settings={**limits, "prices.subscription": "codex"})),
        (100, "codex:q", ev.SessionUpdated(client="codex", title="quota", project="infra", model="gpt-5.5")),
        (99, "codex:q", ev.QuotaUpdated(limits=(window, week), plan="pro")),
        (98, "codex:q", ev.Usage(model="gpt-5.5", tokens=tokens, cost=240_000_000, estimated=True)),
        (97, "opencode:l", ev.SessionUpdated(client="opencode", title="at home", project="docs", model="ollama/qwen")),
        (96, "opencode:l", ev.Usage(model="ollama/qwen", tokens=tokens, cost=0, local=True)),
        (
            150,
            stuck,
            ev.AlertRaised(cause="c", status="looping", severity="red", evidence="same", since=NOW - 200 * SECOND),
        ),
    ]


def _with_pid(body: KnownBody, pid: int) -> KnownBody:
    return ev.ProcessGone(pid=pid, started=7, reason="killed") if isinstance(body, ev.ProcessGone) else body


def _relatives() -> list[tuple[int, str | None, KnownBody]]:
    """Sub-agents at work and done, and forks."""
    parent = first("tool_running")
    out: list[tuple[int, str | None, KnownBody]] = []
    for number in range(3):
        name = f"{parent}/k{number}"
        link = ev.SessionUpdated(client="claude", title=f"helper {number}", parent=parent, relation="subagent")
        out += [(110, name, link), (109, name, ask("look")), (100, name, use(3 + number))]
    out.append((70, f"{parent}/k0", call("Grep", '{"pattern":"TODO"}')))
    out.append((65, f"{parent}/k1", say("found it")))
    out.append((61, f"{parent}/k2", say("done", done=True)))
    for number in range(2):
        name = f"claude:fork{number}"
        link = ev.SessionUpdated(
            client="claude", title=f"fork {number}", project="api", parent=name_of(1), relation="fork"
        )
        out += [(260, name, link), (250, name, ask("try again")), (240, name, say("done", done=True))]
    return out


PUSH = '{"command":"git push origin main","description":"the checks run on the branch"}'
ASKS, OTHER, OWNED = first("hook"), first("report"), first("asks")
"""Asks through a hook, waits in its own terminal, and is run by orc."""
TREE = [ev.ProcessRef(1010, 7, 0, "/usr/bin/claude", "claude")]


def permission(text: str = PUSH, request: str = "p1", tool: str = "Bash", via: str = "hook") -> KnownBody:
    """A client waits for leave."""
    what = excerpt(text, 4096)
    return ev.PermissionAsked(request_id=request, tool=tool, what=what, via=via)  # type: ignore[arg-type]


def adopted(channel: str = "stream-json") -> tuple[KnownBody, ...]:
    """It runs under a shim of ours."""
    shim = ev.ProcessRef(900, 7, 0, "/usr/bin/python3", "shim")
    return ev.SessionUpdated(owned=True), ev.Adopted(run="r1", shim=shim, channel=channel)


def confirmed(*verbs: str) -> tuple[KnownBody, ...]:
    """A person said yes to these before."""
    return tuple(ev.Confirmed(verb=verb) for verb in verbs)


def requested(verb: str, session: str, command: str = "k1", actor: str = "dashboard", why: str = "") -> KnownBody:
    """A command as it is asked."""
    return ev.CommandRequested(command_id=command, verb=verb, arguments={"session": session}, actor=actor, why=why)


def started(command: str = "k1", seconds: float | None = 5.0, words: str = "frozen", at: int = NOW) -> KnownBody:
    """It is being done."""
    until = at + int(seconds * SECOND) if seconds is not None else None
    return ev.CommandStarted(command_id=command, tree=TREE, until=until, text=words)


def commanded() -> list[tuple[str | None, KnownBody]]:
    """Permissions, owned sessions, groups, lineage, a model that was asked for, a budget of its own."""
    model = ev.ModelRequested(
        model="claude-opus-4-8", previous="claude-sonnet-5", direction="up", note="red for an hour"
    )
    out: list[tuple[str | None, KnownBody]] = [(ASKS, permission()), (OTHER, permission(via="channel", request="p2"))]
    out += [(name_of(1), body) for body in adopted()]
    out += [(name_of(1), model), (name_of(1), ev.BudgetSet(usd=3.0))]
    out += [(None, ev.GroupAssigned(1, [name_of(0), name_of(7), name_of(8)])), (None, ev.GroupAssigned(2, [ASKS]))]
    for number, relation in enumerate(("split", "escalation")):
        link = ev.SessionUpdated(
            client="claude", title=f"part {number + 1}: tables", project="webapp", parent=name_of(1), relation=relation,  # type: ignore[arg-type]
        )  # fmt: skip
        out += [
            (f"claude:part{number}", link),
            (f"claude:part{number}", ask("begin")),
            (f"claude:part{number}", use(2)),
        ]
        out.append((f"claude:part{number}", ev.SeatTaken(region="webapp", number=20 + number)))
    for number, words in enumerate(("write the migration", "backfill in batches", "drop the old tables")):
        out.append((name_of(0), ev.TaskUpdated(task_id=str(number), subject=words, status="pending")))
    return out


async def write(path: Path, steps: Sequence[tuple[int, str | None, KnownBody]]) -> None:
    """Append them to a store, each seen when it happened."""
    async with Store.open(path) as store:
        at: dict[int, list[Entry]] = {}
        for ago, session, body in steps:
            at.setdefault(ago, []).append(Entry(session, body))
        for ago, entries in at.items():
            await store.append([Batch(entries)], NOW - ago * SECOND)
        await store.maintain()


async def append(paths: Paths, *seen: tuple[str | None, KnownBody], at: int = NOW) -> None:
    """What a host appends while the dashboard is open."""
    async with Store.open(paths.database) as store:
        await store.append([Batch([Entry(session, body) for session, body in seen])], at)


def paths_in(root: Path, filled: Path | None) -> Paths:
    """An installation, with a copy of a filled store or with an empty fleet."""
    place = Paths(root / "config", root / "state", root / "run")
    place.make()
    if filled is not None:
        shutil.copy(filled, place.database)
    return place


def crowd(root: Path, count: int) -> Paths:
    """An installation with so many sessions, all asked for something, in the seats of three projects."""
    place = paths_in(root, None)
    steps: list[tuple[int, str | None, KnownBody]] = [(1, None, ev.Beat())]
    for number in range(count):
        name = f"claude:c{number:03d}"
        about = ev.SessionUpdated(client="claude", title=f"task {number}", project=f"p{number % 3}")
        steps += [(900, name, about), (900, name, ev.SeatTaken(f"p{number % 3}", number // 3 + 1))]
        steps.append((800, name, ask()))
    asyncio.run(write(place.database, sorted(steps, key=lambda step: -step[0])))
    return place


def host(monkeypatch: pytest.MonkeyPatch, runs: bool) -> None:
    """Whether a host holds the lock."""
    record = HostRecord(5, 7, "b", "0", NOW - 3600 * SECOND) if runs else None
    monkeypatch.setattr("orchestrator_tui.ui.source.holder_of", lambda path: record)


@asynccontextmanager
async def dashboard(
    paths: Paths, size: tuple[int, int] = (120, 35), theme: str = "night", notices: bool = False
) -> AsyncIterator[tuple[OrcApp, Pilot[None]]]:
    """The dashboard, open; frames are made by `app.tick()` alone."""
    app = OrcApp(paths, Config(screen=Screen(theme=theme)), Clock())
    async with app.run_test(size=size, notifications=notices) as pilot:
        await pilot.pause()
        yield app, pilot


def clock_of(app: OrcApp) -> Clock:
    """Its clock."""
    return cast("Clock", app.clock)


def fleet_screen(app: OrcApp) -> FleetScreen:
    """The screen under all others."""
    return next(screen for screen in app.screen_stack if isinstance(screen, FleetScreen))


def text(app: OrcApp) -> list[str]:
    """What is on the screen, row by row."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def panels(app: OrcApp) -> dict[str, Panel]:
    """The panels of which something is to be seen, by id."""
    return {str(widget.id): widget for widget in app.screen.query(Panel) if seen(app, widget).area}


def seen(app: OrcApp, panel: Panel) -> Region:
    """The part of the screen that a panel has; nothing when it is hidden."""
    region, clip = app.screen._compositor.visible_widgets.get(panel, (Region(), Region()))
    return region.intersection(clip)


async def until(condition: Callable[[], bool]) -> None:
    """Wait within the loop."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it is the screen that changes, nobody signals
            await asyncio.sleep(0.02)
