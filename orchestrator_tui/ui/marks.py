"""Which sessions a command goes to: the marked ones, a recalled control group, else the selected one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

NEED_ME = 0
"""The group of all that need somebody; it is nobody's number."""
MAX_GROUP = 1000


class Marks:
    """The marked sessions, in the order in which they were marked."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self.number: int | None = None
        """The group that was recalled; None: marked one by one."""

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, session: str) -> bool:
        return session in self._names

    def toggle(self, session: str) -> None:
        """Mark it, or not any more; what was a recalled group is from here on chosen by hand."""
        self.number = None
        if session in self._names:
            del self._names[session]
        else:
            self._names[session] = None

    def clear(self) -> None:
        """Mark none."""
        self._names, self.number = {}, None

    def recall(self, number: int, sessions: Iterable[str]) -> bool:
        """Mark a group; whether it was just that already, and the person asks again."""
        names = dict.fromkeys(sessions)
        again = self.number == number and self._names == names
        self._names, self.number = names, number
        return again

    def moved(self, session: str) -> None:
        """The person looks at another session: a recalled group is let go of when it is not one of it."""
        if self.number is not None and session not in self._names:
            self.clear()

    def keep(self, known: Mapping[str, object]) -> None:
        """Let go of sessions that are not in the fleet any more."""
        if any(name not in known for name in self._names):
            self._names = {name: None for name in self._names if name in known}

    def targets(self, selected: str | None) -> list[str]:
        """Whom a command is for."""
        return list(self._names) or ([selected] if selected is not None else [])


def tags_of(marks: Marks, groups: Mapping[int, list[str]]) -> dict[str, str]:
    """What the map writes at a session: `*` when it is marked, and the numbers of its groups; session -> at most 3."""
    tags: dict[str, str] = dict.fromkeys(marks.targets(None), "*")
    for number in sorted(groups):
        for session in groups[number]:
            tags[session] = (tags.get(session, "") + str(number))[:3]
    return tags
