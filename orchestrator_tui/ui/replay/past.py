"""Where the dashboard gets the fleet of a time from: the nearest kept state, and the events after it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from orchestrator_tui.clock import SECOND, day_start, week_start
from orchestrator_tui.events import Event
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.load import START, apply
from orchestrator_tui.store.moments import appended_before, changes, found_later
from orchestrator_tui.store.reader import Place, Reader
from orchestrator_tui.store.snapshots import pieces
from orchestrator_tui.store.spending import SLOT, spent
from orchestrator_tui.text import age
from orchestrator_tui.ui.draw.ink import local_time
from orchestrator_tui.ui.frame import Money
from orchestrator_tui.ui.replay.kept import DAMAGED, Kept, Stand, State, Stored
from orchestrator_tui.ui.source import LAST

NEAR = 500
"""Events that are rather folded than skipped by taking up a state."""
KEEP_EVERY = 500
"""Events after which the state is kept here, where the store keeps none."""
MOST = 2 / 3
"""Of the sessions: where more differ from what was shown, all are looked at anew."""
STEPS_BACK = 12
"""On the way to an earlier time, the state is kept where this many further steps back would lead."""


class PastMoney:
    """What was spent by a time: whole quarters of an hour from the roll-ups, the last one from its events."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._whole: tuple[int, dict[str, Spend], Spend, int] = (-1, {}, Spend(), 0)
        """(quarter, today by project, the days of this week before, the last hour's cost), all before the quarter."""
        self._read = -1
        """Up to when the last quarter's events were read."""
        self._parts: list[tuple[int, str, Spend]] = []
        self.now = Money()

    def forget(self) -> None:
        """Something was found that was spent before."""
        self._whole = (-1, {}, Spend(), 0)

    def refresh(self, now: int, seq: int) -> Money:
        """The sums at `now`."""
        slot, today = now // SLOT, day_start(now)
        start = slot * SLOT
        hour = (slot - 4) * SLOT
        if self._whole[0] != slot:
            projects = spent(self._reader, today, start, "project") if start > today else {}
            before = spent(self._reader, week_start(now), today).get("", Spend())
            hourly = spent(self._reader, hour, start).get("", Spend()).cost
            self._whole, self._read, self._parts = (slot, projects, before, hourly), start - 1, []
        if now > self._read:
            self._parts += changes(self._reader, self._read, now)
            self._read = now
        _, whole, before, hourly = self._whole
        parts = self._parts[: bisect_right(self._parts, now, key=lambda part: part[0])]
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
        self.stand = Stand()
        self.fleet = self.stand.fleet
        self.spent = PastMoney(reader)
        self.page: list[Event] = []
        self.at = -1
        """Everything placed at or before this is folded in."""
        self._since = 0
        """Events folded since a state was taken up or kept."""
        self._kept, self._stored = Kept(), Stored(reader)
        self._version = reader.version()
        self.known = reader.last_seq()
        """The newest event's number."""
        self.later = found_later(reader)
        """Sessions whose history was found after it happened -> when."""
        self._proof: tuple[tuple[int, ...], tuple[Event, ...]] = ((), ())
        self._last: tuple[str, int, int, list[Event]] = ("", 0, 0, [])
        self.seek(at)

    # --- moving -------------------------------------------------------------------------------------------

    def leapt(self) -> bool:
        """Whether so much differs from what was shown last that a frame is to be made from nothing."""
        leapt, self.stand.leapt = self.stand.leapt, False
        return leapt or len(self.fleet.changed) > MOST * len(self.fleet.sessions)

    def seek(self, at: int) -> None:
        """Stop the fold at another time, before or after."""
        if at == self.at:
            return
        own, stored = self._kept.best(at), self._stored.places(at)
        best = own
        if stored and (own is None or stored[-1].at > own.at):
            best = None
        place = own.at if best is not None and own is not None else stored[-1].at if stored else -1
        seq = own.seq if best is not None and own is not None else stored[-1].seq if stored else 0
        back, before = at < self.at or self.at < 0, self.at
        if back or (place > self.at and seq - self.fleet.seq > NEAR):
            self._load(best, stored)
        if back and before >= 0:
            # Whoever goes back a step goes back another one: there the state is kept on the way.
            step = before - at
            for further in range(min(STEPS_BACK, (at - max(self.at, self.fleet.at)) // step), 0, -1):
                self._forward(at - further * step)
                self._keep(self.at)
        self._forward(at)

    def _load(self, own: State | None, stored: list[Place]) -> None:
        """Stand where a state was kept here, else where one is stored, else before everything."""
        self._since = 0
        # Whatever belongs before a stored state's place and is not in it would have marked it as late.
        self.at = own.at if own is not None else -1
        if own is not None:
            self.stand.take(own)
            return
        try:
            if stored:
                self.stand.load(self._stored.layers(stored))
                return
        except DAMAGED:
            # Everything is in the events.
            pass
        self.stand.nothing()

    def _forward(self, at: int) -> None:
        """Fold on, up to and with a time."""
        loaded = START if not self.fleet.seq else (self.fleet.at, self.fleet.seq)
        place = (self.at, 1 << 62) if self.at >= 0 else loaded
        folded: list[Event] = []
        while page := self.reader.page_between(place, at):
            place = (page[-1].at, page[-1].seq)
            folded = page
            for piece in pieces(page, KEEP_EVERY):
                apply(self.reader, self.fleet, piece)
                self.stand.folded(piece)
                self._since += len(piece)
                # Between two times, where nothing more can belong before it.
                whole = piece[-1] is not page[-1] or not self.reader.page_between(place, place[0])
                if self._since >= KEEP_EVERY and whole:
                    self._keep(piece[-1].at)
        self.at, self.page = at, folded

    def _keep(self, at: int) -> None:
        """Keep the state here."""
        self._since = 0
        self._kept.add(self.stand.state(at))

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
        if early is None:
            return None
        # Also where one is not now: one may come there again.
        self._kept.forget(early)
        if early > self.at:
            return early
        self.later = found_later(self.reader)
        self._last = ("", 0, 0, [])
        at, self.at = self.at, -1
        self.seek(at)
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
