"""Which process a session runs in, where the client does not say: by its command line, else by elimination.

A transcript alone never names a process. What is said here is a claim like any client's, and `Processes` proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from msgspec import Struct

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clients.programs import Program
from orchestrator_tui.clock import SECOND
from orchestrator_tui.fleet.session import Session

NAMED = "its command line names the session"
SLACK = 2 * SECOND
"""A process' start is known to the second of the boot."""


class Running(Struct, frozen=True):
    """A client's program that runs."""

    pid: int
    ppid: int
    started: int
    """As `ProcessStat` has it."""
    began_at: int
    program: Program
    cwd: str | None
    """None where it cannot be read."""

    @property
    def place(self) -> str | None:
        """The directory it works in."""
        directory = self.program.directory
        if directory is None or self.cwd is None:
            return self.cwd
        return directory if directory.startswith("/") else f"{self.cwd.rstrip('/')}/{directory.removeprefix('./')}"


def match(running: Sequence[Running], sessions: Mapping[str, Session], own: Set[int] = frozenset()) -> list[Claim]:
    """Claims for the sessions whose process can be named, and no others; `own`: processes that this host started.

    By name: the command line says the session. By elimination: of the client's programs one alone works in that
    directory, and of its sessions one alone was active there since; a server may run any of them, so beside it nothing
    is eliminated.
    """
    real = [one for one in running if one.pid not in own and not _is_wrapper(one, running)]
    claims = [
        _claim(one.program.session, one, NAMED)
        for one in real
        if one.program.session is not None and not one.program.shared
    ]
    # Two processes that were started for one session: neither is known to have it.
    named = [claim.session for claim in claims]
    claims = [claim for claim in claims if named.count(claim.session) == 1 and claim.session in sessions]
    served = {one.program.client for one in real if one.program.shared}
    groups: dict[tuple[str, str], list[Running]] = {}
    for one in real:
        if one.place is not None and one.program.client not in served:
            groups.setdefault((one.program.client, _plain(one.place)), []).append(one)
    alone = {place: group[0] for place, group in groups.items() if len(group) == 1 and group[0].program.session is None}
    if alone:
        candidates = _candidates(alone, sessions.values(), {*named})
        claims += [
            _claim(found[0], alone[place], f"the only {place[0]} at work in {place[1]}")
            for place, found in candidates.items()
            if len(found) == 1
        ]
    return claims


def _candidates(
    alone: Mapping[tuple[str, str], Running], sessions: Iterable[Session], taken: set[str]
) -> dict[tuple[str, str], list[str]]:
    """Place -> the sessions that may run there; a sub-agent runs in its parent's process."""
    found: dict[tuple[str, str], list[str]] = {}
    for session in sessions:
        if session.cwd is None or session.relation == "subagent" or session.id in taken:
            continue
        place = (session.client, _plain(session.cwd))
        one = alone.get(place)
        if one is not None and _fits(one, session):
            found.setdefault(place, []).append(session.id)
    return found


def _fits(one: Running, session: Session) -> bool:
    if session.active_at < one.began_at - SLACK:
        return False
    if one.program.fresh and session.started_at < one.began_at - SLACK:
        return False
    # A session that a program without a screen began is not the one of a program that has just been opened.
    return not (session.interactive is False and not one.program.headless)


def _is_wrapper(one: Running, running: Sequence[Running]) -> bool:
    """Whether a program only started the real one: its child has the same arguments."""
    return any(
        other.ppid == one.pid
        and (other.program.client, other.program.arguments) == (one.program.client, one.program.arguments)
        for other in running
    )


def _claim(session: str, one: Running, proof: str) -> Claim:
    return Claim(session, one.pid, one.started, one.began_at, proof=proof)


def _plain(path: str) -> str:
    return path.rstrip("/") or "/"
