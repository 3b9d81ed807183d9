"""The fleet: the fold over all events. Live it stands at the tail of the store, in replay at a time T."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.events import Settings
from orchestrator_tui.fleet.apply import apply
from orchestrator_tui.fleet.arranged import Arranged, arranged_of
from orchestrator_tui.fleet.budget import Budgets, budgets_of
from orchestrator_tui.fleet.orders import Orders
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.thresholds import Thresholds, overridden
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.fleet.trace import observe
from orchestrator_tui.fleet.watch import Watch

WORKERS = frozenset({"subagent", "iteration"})
"""Relations of those that work for another session."""


class FleetState(Struct):
    """What a snapshot holds: all sessions, or those changed since the full one it builds on."""

    seq: int
    at: int
    watch: Watch
    sessions: list[Session]
    settings: Settings = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    groups: dict[int, list[str]] = field(default_factory=dict)
    arranged: Arranged = Arranged()


class Fleet:
    """All sessions at one moment.

    `apply` takes events in the order of `seq` (live) or of (`at`, `seq`) (replay); both give the same fleet, because
    each event touches one session only and a session's own order is the same in both.
    """

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.watch = Watch()
        self.settings: Settings = {}
        """As a host told them last; answers depend on them."""
        self.budgets = Budgets()
        self.orders = Orders()
        self.groups: dict[int, list[str]] = {}
        """Control groups: number -> sessions."""
        self.arranged = Arranged()
        """How the map's regions were put."""
        self.seq = 0
        """The largest number folded in."""
        self.at = 0
        """The latest time folded in."""
        self.changed: set[str] = set()
        """Sessions touched since `forget_changes`."""
        self.unread: set[str] = set()
        """Sessions touched since `writers` took them up."""
        self.applied = 0
        """Rises with whatever is folded in or taken over."""
        self._kids: dict[str, set[str]] = {}
        self._thresholds: dict[str | None, Thresholds] = {}

    def apply(self, event: ev.Event) -> None:
        """Fold one event in."""
        at, body = event.at, event.body
        self.applied += 1
        if event.seq > self.seq:
            self.seq = event.seq
        if at > self.at:
            self.at = at
        if event.session is not None:
            session = self.sessions.get(event.session)
            if session is None:
                session = Session(event.session, at, at, at, client=event.session.partition(":")[0])
                self.sessions[event.session] = session
            self.changed.add(event.session)
            self.unread.add(event.session)
            # The trace looks first: it counts what the event does to the session as it was.
            observe(session, at, event.seq, body)
            apply(session, at, body)
            if isinstance(body, ev.SessionUpdated) and body.parent is not None:
                self._kids.setdefault(body.parent, set()).add(session.id)
        elif isinstance(body, ev.Beat):
            self.watch.beat(at)
        elif isinstance(body, ev.SettingsChanged):
            self.settings = body.settings
            self.budgets = budgets_of(body.settings)
            self._thresholds.clear()
        elif isinstance(body, ev.HostStarted):
            self.watch.started(at)
        elif isinstance(body, ev.HostStopped):
            self.watch.stop(at)
        elif isinstance(body, ev.GroupAssigned):
            self.groups[body.number] = body.sessions
        elif isinstance(body, ev.RegionsArranged):
            self.arranged = arranged_of(body)
        else:
            self.orders.apply(at, body)

    def apply_all(self, events: Iterable[ev.Event]) -> None:
        """Fold events in, in their order."""
        for event in events:
            self.apply(event)

    # --- asking -------------------------------------------------------------------------------------------

    def children(self) -> dict[str, list[Session]]:
        """Parent id -> its children, for the whole fleet at once."""
        tree: dict[str, list[Session]] = {}
        for session in self.sessions.values():
            if session.parent is not None and session.parent != session.id:
                tree.setdefault(session.parent, []).append(session)
        return tree

    def line(self, session: Session) -> list[Session]:
        """A session and whom it works for, upwards; the last is the one whose process all of them run in."""
        if session.relation != "subagent":
            return [session]
        line, seen = [session], {session.id}
        while session.relation == "subagent" and session.parent in self.sessions and session.parent not in seen:
            session = self.sessions[session.parent]
            line.append(session)
            seen.add(session.id)
        return line

    def kids(self, session: Session) -> list[Session]:
        """The sub-agents of a session, and a loop's iterations, by their ids; costs nothing where there are none."""
        known = self._kids.get(session.id)
        if not known:
            return []
        names = sorted(known)
        found = (self.sessions.get(name) for name in names)
        return [kid for kid in found if kid is not None and kid.parent == session.id and kid.relation in WORKERS]

    def thresholds_for(self, session: Session) -> Thresholds:
        """The thresholds in force for a session: its project's, else the fleet's."""
        limits = self._thresholds.get(session.project)
        if limits is None:
            limits = self._thresholds[session.project] = overridden(self.settings, session.project)
        return limits

    def descendants(self, session: Session, tree: dict[str, list[Session]]) -> Iterator[Session]:
        """Everything below a session; each once, also where parents form a ring."""
        seen, queue = {session.id}, list(tree.get(session.id, ()))
        while queue:
            child = queue.pop()
            if child.id not in seen:
                seen.add(child.id)
                yield child
                queue += tree.get(child.id, ())

    def totals(self, sessions: Iterable[Session]) -> Spend:
        """The spend of these sessions together."""
        total = Spend()
        for session in sessions:
            total.merge(session.spend)
        return total

    # --- snapshots ----------------------------------------------------------------------------------------

    def dump(self, only: Iterable[str] | None = None) -> bytes:
        """The state as bytes: of all sessions, or of those named (a delta)."""
        names = self.sessions if only is None else [name for name in only if name in self.sessions]
        sessions = [self.sessions[name] for name in names]
        state = FleetState(
            self.seq, self.at, self.watch, sessions, self.settings, self.orders, self.groups, self.arranged
        )
        return _encoder.encode(state)

    def load(self, data: bytes) -> None:
        """Take over a dumped state; sessions it does not name stay as they are."""
        state = _decoder.decode(data)
        self.seq, self.at, self.watch, self.settings = state.seq, state.at, state.watch, state.settings
        self.orders, self.groups, self.arranged = state.orders, state.groups, state.arranged
        self.budgets = budgets_of(state.settings)
        self._thresholds.clear()
        self.sessions.update({session.id: session for session in state.sessions})
        self.applied += 1
        self.unread.update(session.id for session in state.sessions)
        for session in state.sessions:
            if session.parent is not None:
                self._kids.setdefault(session.parent, set()).add(session.id)

    def evict(self, before: int) -> list[Session]:
        """Let go of trees in which every session has been silent since `before` and no process lives.

        A child never goes before its parent: the parent's tree cost would shrink.
        """
        tree = self.children()
        gone: list[Session] = []
        for root in list(self.sessions.values()):
            if root.parent is None or root.parent not in self.sessions:
                family = [root, *self.descendants(root, tree)]
                if all(s.last_at < before and s.pid is None for s in family):
                    gone += family
        for session in gone:
            self.sessions.pop(session.id, None)
            self.applied += 1
            self._kids.pop(session.id, None)
            self.changed.discard(session.id)
        return gone

    def forget_changes(self) -> None:
        """From here on `changed` counts anew."""
        self.changed = set()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(FleetState)
