"""One fleet at one time after another: what does not differ between two instants is neither read nor made anew."""

from __future__ import annotations

import zlib
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from orchestrator_tui.events import Event
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.conflicts import peers
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.store.reader import Place, Reader
from orchestrator_tui.store.states import Key, Layer, dumped, key_of, names_of, raw_of, take, unpack

KEPT_BYTES = 48 << 20
"""Of the states kept here."""
READ_BYTES = 32 << 20
"""Of the stored states that were read last."""
NOTHING = Fleet().dump(())


class Version:
    """A session's state, and what it is stored as."""

    __slots__ = ("key", "raw")

    def __init__(self, key: Key, raw: bytes) -> None:
        self.key, self.raw = key, raw


class State:
    """A fleet's state: everything placed at or before `at` is in it."""

    __slots__ = ("at", "head", "seq", "versions")

    def __init__(self, at: int, seq: int, head: bytes, versions: dict[str, Version]) -> None:
        self.at, self.seq, self.head, self.versions = at, seq, head, versions


class Kept:
    """States kept here, by time; those far from where one is go first."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self._bytes = 0
        self._users: dict[int, int] = {}
        """Version -> in how many states it is."""

    def best(self, at: int) -> State | None:
        """The last one not after a time."""
        index = bisect_right(self.states, at, key=lambda state: state.at)
        return self.states[index - 1] if index else None

    def add(self, state: State) -> None:
        """Keep one more."""
        best = self.best(state.at)
        if best is not None and best.at == state.at:
            return
        insort(self.states, state, key=lambda kept: kept.at)
        self._count(state, 1)
        while len(self.states) > 2 and self._bytes > KEPT_BYTES:
            far = max((self.states[0], self.states[-1]), key=lambda kept: abs(kept.at - state.at))
            self._count(far, -1)
            self.states.remove(far)

    def forget(self, since: int) -> None:
        """Something was found that belongs there: what is kept of then and later is wrong."""
        gone = [state for state in self.states if state.at >= since]
        self.states = [state for state in self.states if state.at < since]
        for state in gone:
            self._count(state, -1)

    def _count(self, state: State, sign: int) -> None:
        for version in state.versions.values():
            users = self._users.get(id(version), 0) + sign
            if users:
                self._users[id(version)] = users
            else:
                del self._users[id(version)]
            if users == (sign > 0):
                self._bytes += sign * len(version.raw)


class Stored:
    """States of the store; what was read last is not read again."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._read: OrderedDict[Place, Layer] = OrderedDict()

    def places(self, at: int) -> list[Place]:
        """Where the nearest one stands, last, and what it builds on."""
        return self._reader.snapshot_places(FOLD_VERSION, at)

    def layers(self, places: Iterable[Place]) -> list[Layer]:
        """What is kept there. Raises msgspec.DecodeError or zlib.error where it is damaged, or gone meanwhile."""
        return [self._layer(place) for place in places]

    def _layer(self, place: Place) -> Layer:
        layer = self._read.get(place)
        if layer is None:
            state = self._reader.snapshot_state(place)
            if state is None:
                raise zlib.error("it is gone")
            layer = self._read[place] = unpack(state)
            while len(self._read) > 3 and sum(kept.size for kept in self._read.values()) > READ_BYTES:
                self._read.popitem(last=False)
        self._read.move_to_end(place)
        return layer


class Stand:
    """The fleet where it stands. Its sessions stay the same objects: who holds one sees it change."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.leapt = False
        """Sessions went, or the settings are others, since somebody last asked."""
        self._versions: dict[str, Version] = {}
        """Of those sessions into which nothing was folded since."""

    def folded(self, events: Iterable[Event]) -> None:
        """These were folded in."""
        for event in events:
            if event.session is not None:
                self._versions.pop(event.session, None)

    def state(self, at: int) -> State:
        """As it stands now, to be kept."""
        versions = self._versions
        for name, session in self.fleet.sessions.items():
            if name not in versions:
                versions[name] = Version((), dumped(session))
        return State(at, self.fleet.seq, self.fleet.dump(()), {name: versions[name] for name in self.fleet.sessions})

    def nothing(self) -> None:
        """Stand before everything."""
        self._become(NOTHING, (), lambda name: None)

    def take(self, state: State) -> None:
        """Stand where a state was kept."""
        self._become(state.head, state.versions, state.versions.get)

    def load(self, layers: list[Layer]) -> None:
        """Stand where a state was stored. Raises msgspec.DecodeError or zlib.error, and stands where it stood then."""
        versions = self._versions

        def version(name: str) -> Version | None:
            key, have = key_of(layers, name), versions.get(name)
            if have is not None and have.key == key:
                return have
            raw = raw_of(layers, name)
            if raw is None:
                return None
            if have is not None and have.raw == raw:
                have.key = key
                return have
            return Version(key, raw)

        self._become(layers[-1].head, names_of(layers), version)

    def _become(self, head: bytes, names: Iterable[str], version: Callable[[str], Version | None]) -> None:
        fleet, before = self.fleet, self.fleet.sessions
        wanted = {name: found for name in names if (found := version(name)) is not None}
        other = [name for name, found in wanted.items() if self._versions.get(name) is not found or name not in before]
        gone = before.keys() - wanted.keys()
        settings = fleet.settings
        was = dict(before)
        if gone:
            for name in gone:
                del before[name]
            fleet.applied += 1
            # Who wrote what lets go of those first: a session that comes meanwhile would hide that one went.
            peers(fleet, (), fleet.at)
        take(fleet, head, [wanted[name].raw for name in other])
        for name in other:
            if name in was:
                _assign(was[name], before[name])
                before[name] = was[name]
        ordered = {name: before[name] for name in wanted}
        before.clear()
        before.update(ordered)
        self._versions = wanted
        fleet.changed.update(other)
        self.leapt = self.leapt or bool(gone) or settings != fleet.settings


def _assign(session: Session, state: Session) -> None:
    for name in Session.__struct_fields__:
        setattr(session, name, getattr(state, name))


DAMAGED = (msgspec.DecodeError, zlib.error)
"""What reading a state raises."""
