"""The fleet that a command answers from, and how a person names a session in it."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.clock import DAY, MILLISECOND, SystemClock, day_start, parse_time, week_start
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.fleet.budget import listed_clients
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, status_of
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.load import departed, fleet_at, fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import spent
from orchestrator_tui.text import age, clean

ACTIVE = DAY
"""Sessions active within this time are listed without `--all`."""


class View(Struct):
    """A fleet at a time, with the state of each session in it."""

    fleet: Fleet
    at: int
    sessions: list[Session]
    statuses: dict[str, Status]
    children: dict[str, list[Session]]
    note: str | None = None
    """What the person should know about the answer as a whole."""
    today: Spend = field(default_factory=Spend)
    week: Spend = field(default_factory=Spend)
    models: dict[str, Spend] = field(default_factory=dict)
    """Today's, by model."""
    projects: dict[str, Spend] = field(default_factory=dict)
    """Today's, by project."""

    @property
    def listed(self) -> frozenset[str]:
        """Clients that are paid by subscription: their cost is what the API would have cost."""
        return listed_clients(self.fleet.settings)


def view(reader: Reader, paths: Paths, when: str | None, everything: bool) -> View:
    """The fleet now, or as it stood at TIME."""
    now = SystemClock().now()
    note = None
    if when is None:
        fleet = fleet_now(reader)
        # Never before what it holds, and a time that `--at` can name: of whole milliseconds.
        at = -(-max(now, fleet.at) // MILLISECOND) * MILLISECOND
        note = check_host(fleet, paths, now)
    else:
        at = min(parse_time(when, now), now)
        fleet = fleet_at(reader, at)
    if everything:
        for session in departed(reader, fleet, None if when is None else at):
            fleet.sessions[session.id] = session
    statuses = {session.id: status_of(fleet, session, at) for session in fleet.sessions.values()}
    chosen = [
        session
        for session in fleet.sessions.values()
        if everything or session.last_at >= at - ACTIVE or statuses[session.id].needs_you or session.pid is not None
    ]
    chosen.sort(key=lambda session: (session.project or "~", session.started_at, session.id))
    today, until = day_start(at), at + 1
    return View(
        fleet, at, chosen, statuses, fleet.children(), note,
        today=spent(reader, today, until).get("", Spend()),
        week=spent(reader, week_start(at), until).get("", Spend()),
        models=spent(reader, today, until, "model"),
        projects=spent(reader, today, until, "project"),
    )  # fmt: skip


def check_host(fleet: Fleet, paths: Paths, now: int) -> str | None:
    """Where no host holds the lock, or what holds it cannot store, nobody looks; returns the words for it."""
    holder = holder_of(paths.host_lock)
    if holder is not None and not holder.trouble:
        return None
    if fleet.watch.beat_at is not None and fleet.watch.looking(now):
        fleet.watch.stop(fleet.watch.beat_at)
    if holder is not None:
        return f"the host waits: {holder.trouble}"
    if fleet.watch.beat_at is None:
        return "no host has run yet; `orc host` starts one"
    return f"no host is running (last sign {age(now - fleet.watch.beat_at)} ago); `orc host` starts one"


def find_session(reader: Reader, fleet: Fleet, name: str, at: int | None = None) -> Session:
    """The session that SESSION names: an id, a unique prefix of it, a seat, or a part of a title (docs/contract.md §1).

    Raises UsageError when nothing or more than one fits; the words list what fits.
    """
    ids = reader.session_ids()
    fits = [i for i in ids if i == name] or [i for i in ids if i.partition(":")[2] == name]
    if not fits and name:
        fits = [i for i in ids if i.startswith(name) or i.partition(":")[2].startswith(name)]
        # A log's sub-agents begin with their session's name: the session itself is meant.
        roots = [i for i in fits if not any(i.startswith(other + "/") for other in fits)]
        fits = roots or fits
    if not fits and ":" in name and len(name.partition(":")[2]) >= 6:
        # As a table shows ids that all begin alike.
        client, _, end = name.partition(":")
        fits = [i for i in ids if i.startswith(client + ":") and i.endswith(end)]
    if not fits and name:
        fits = [s.id for s in fleet.sessions.values() if s.place is not None and clean(s.place) == name]
    if not fits and name:
        wanted = name.casefold()
        fits = [s.id for s in fleet.sessions.values() if s.title and wanted in clean(s.title).casefold()]
    if not fits:
        raise OrcError(f"no session is named {name!r}; `orc sessions --all` lists them")
    if len(fits) > 1:
        some = ", ".join(fits[:5]) + (", ..." if len(fits) > 5 else "")
        raise UsageError(f"{name!r} fits {len(fits)} sessions: {some}; write more of it")
    session = fleet.sessions.get(fits[0])
    if session is None:
        session = next((s for s in departed(reader, fleet, at) if s.id == fits[0]), None)
        if session is None:
            raise OrcError(f"{fits[0]} had not begun at that time")
        fleet.sessions[session.id] = session
    return session
