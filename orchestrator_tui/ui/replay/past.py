"""Where the dashboard gets the fleet of a time from: the nearest kept state, and the events after it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from orchestrator_tui.clock import SECOND, day_start, week_start
from orchestrator_tui.events import Event
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.load import START, apply, pack, restore
from orchestrator_tui.store.moments import appended_before, found_later, slot_changes
from orchestrator_tui.store.reader import Reader, Snapshot
from orchestrator_tui.store.spending import SLOT, spent
from orchestrator_tui.text import age
from orchestrator_tui.ui.draw.ink import local_time
from orchestrator_tui.ui.frame import Money
from orchestrator_tui.ui.source import LAST

NEAR = 2_500
"""Events that are rather folded than skipped by loading a state."""
KEEP_EVERY = 5_000
"""Events after which the state is kept here, where the store keeps none."""
KEPT_BYTES = 64 << 20


class PastMoney:
    """What was spent by a time: whole quarters of an hour from the roll-ups, the last one from its events."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._whole: tuple[int, dict[str, Spend], Spend, int] = (-1, {}, Spend(), 0)
        """(quarter, today by project, the days of this week before, the last hour's cost), all before the quarter."""
        self._part: tuple[int, list[tuple[int, str, Spend]]] = (-1, [])
        self.now = Money()

    def forget(self) -> None:
        """Something was found that was spent before."""
        self._whole, self._part = (-1, {}, Spend(), 0), (-1, [])

    def refresh(self, now: int, seq: int) -> Money:
        """The sums at `now`."""
        slot, today = now // SLOT, day_start(now)
        start = slot * SLOT
        hour = (slot - 4) * SLOT
        if self._whole[0] != slot:
            projects = spent(self._reader, today, start, "project") if start > today else {}
            before = spent(self._reader, week_start(now), today).get("", Spend())
            hourly = spent(self._reader, hour, start).get("", Spend()).cost
            self._whole, self._part = (slot, projects, before, hourly), (slot, slot_changes(self._reader, slot))
        _, whole, before, hourly = self._whole
        parts = self._part[1][: bisect_right(self._part[1], now, key=lambda part: part[0])]
        projects = {name: _copy(spend) for name, spend in whole.items()}
        for _, project, change in parts:
            projects.setdefault(project, Spend()).merge(change)
        total, week = Spend(), Spend()
        for spend in projects.values():
            total.merge(spend)
        week.merge(total)
        week.merge(before)
        self.now = Money(
            today=total,
            week=week,
            projects=projects,
            hour_cost=hourly + sum(change.cost for _, _, change in parts),
            hour_seconds=(now - hour) // SECOND,
            midnight=day_start(today + 26 * 3600 * SECOND),
        )
        return self.now


class Past:
    """The fleet as it stood at a time; it has the face of `Live`."""

    alive = False
    """Nobody would do what is asked of the past."""

    def __init__(self, reader: Reader, at: int) -> None:
        """`reader` is shared with the present, in one thread."""
        self.reader = reader
        self.fleet = Fleet()
        self.spent = PastMoney(reader)
        self.page: list[Event] = []
        self.at = -1
        """Everything placed at or before this is folded in."""
        self._since = 0
        """Events folded since a state was loaded or kept."""
        self._kept: list[tuple[int, Snapshot]] = []
        """(time, state) of what was folded here, in order."""
        self._version = reader.version()
        self.known = reader.last_seq()
        """The newest event's number."""
        self.later = found_later(reader)
        """Sessions whose history was found after it happened -> when."""
        self._proof: tuple[tuple[int, ...], tuple[Event, ...]] = ((), ())
        self._last: tuple[str, int, int, list[Event]] = ("", 0, 0, [])
        self.seek(at)

    # --- moving -------------------------------------------------------------------------------------------

    def seek(self, at: int) -> None:
        """Stop the fold at another time, before or after."""
        if at == self.at:
            return
        if at < self.at or self.at < 0:
            self._load(at)
        else:
            best = self._best(at)
            if best is not None and best.seq - self.fleet.seq > NEAR and best.at > self.at:
                self._load(at)
        self._forward(at)

    def _best(self, at: int) -> Snapshot | None:
        """The place of the nearest kept state, without its content."""
        stored = self.reader.snapshot_place(FOLD_VERSION, at)
        own = self._own(at)
        if own is not None and (stored is None or own.at >= stored.at):
            return own
        return stored

    def _own(self, at: int) -> Snapshot | None:
        index = bisect_right(self._kept, at, key=lambda kept: kept[0])
        return self._kept[index - 1][1] if index else None

    def _load(self, at: int) -> None:
        best, own = self._best(at), self._own(at)
        snapshot = own if best is own else self.reader.snapshot(FOLD_VERSION, at)
        fleet = restore(snapshot)
        if snapshot is not None and snapshot is own:
            self.at = self._kept[bisect_right(self._kept, at, key=lambda kept: kept[0]) - 1][0]
        else:
            # Whatever belongs before a state's place and is not in it would have marked it as late.
            self.at = -1
        self.fleet, self._since = fleet, 0

    def _forward(self, at: int) -> None:
        """Fold on, up to and with a time."""
        loaded = START if not self.fleet.seq else (self.fleet.at, self.fleet.seq)
        place = (self.at, 1 << 62) if self.at >= 0 else loaded
        folded: list[Event] = []
        while page := self.reader.page_between(place, at):
            apply(self.reader, self.fleet, page)
            place = (page[-1].at, page[-1].seq)
            folded = page
            self._since += len(page)
            if self._since >= KEEP_EVERY and not self.reader.page_between(place, place[0]):
                self._keep(place[0])
        self.at, self.page = at, folded

    def _keep(self, at: int) -> None:
        """Keep the state here: between two times, where nothing more can belong before it."""
        self._since = 0
        if self._kept and self._kept[-1][0] >= at:
            return
        self._kept.append((at, Snapshot(self.fleet.seq, at, (pack(self.fleet.dump()),))))
        while len(self._kept) > 2 and sum(len(kept.states[0]) for _, kept in self._kept) > KEPT_BYTES:
            # Every other one: what is left still reaches everywhere.
            del self._kept[::2]

    def renew(self) -> int | None:
        """What was appended meanwhile and belongs before the time shown; from when on all is read anew, or None."""
        version = self.reader.version()
        if version == self._version:
            return None
        self._version = version
        known, self.known = self.known, self.reader.last_seq()
        if self.known == known:
            return None
        early = appended_before(self.reader, known, 1 << 62)
        if early is not None and early < (self.at // SLOT + 1) * SLOT:
            self.spent.forget()
        if early is None or early > self.at:
            return early
        first = early
        self.later = found_later(self.reader)
        self._kept = [kept for kept in self._kept if kept[0] < first]
        self._last = ("", 0, 0, [])
        at = self.at
        self._load(at)
        self._forward(at)
        return early

    # --- the face of `Live` -------------------------------------------------------------------------------

    def follow(self) -> bool:
        """Nothing comes by itself: time is moved by whoever replays."""
        return False

    def watch_words(self, now: int) -> str:
        """What to say of a host that did not look then; "" where one did."""
        watch = self.fleet.watch
        if watch.looking(now):
            return ""
        if watch.beat_at is None:
            return "not watched"
        return f"not watched since {local_time(watch.beat_at)}, {age(now - watch.beat_at)}"

    def host_runs(self) -> bool:
        """Nobody obeys in the past."""
        return False

    def proof(self, seqs: tuple[int, ...]) -> tuple[Event, ...]:
        """The events that prove a finding; read from the store once."""
        if self._proof[0] != seqs:
            self._proof = (seqs, tuple(self.reader.numbered(seqs)) if seqs else ())
        return self._proof[1]

    def last_events(self, session: str) -> list[Event]:
        """The session's last events at that time."""
        known = self.fleet.sessions.get(session)
        key = (session, known.last_at if known is not None else 0, self.fleet.seq)
        if self._last[:3] != key:
            self._last = (*key, self.reader.latest_of_session(session, LAST, self.at))
        return self._last[3]

    def found_at(self, sessions: Iterable[str], now: int) -> dict[str, int]:
        """Which of these were not known yet at that time -> when they were found."""
        return {name: found for name in sessions if (found := self.later.get(name, 0)) > now}

    def close(self) -> None:
        """The reader belongs to the present."""


def _copy(spend: Spend) -> Spend:
    out = Spend()
    out.merge(spend)
    return out
