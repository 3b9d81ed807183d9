"""What a key would have the host do: to whom, to whom not and why, and what is to be asked first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from orchestrator_tui.events import Facts, PermissionAsked
from orchestrator_tui.fleet.confirming import question
from orchestrator_tui.fleet.equality import subject
from orchestrator_tui.fleet.policy import second_key
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import line

BROKEN = frozenset({"dead", "errored", "rate_limited"})
"""What can be brought back."""
DEEDS = {
    "kill": "kill", "pause": "pause", "resume": "resume", "revive": "bring back", "message": "write to",
    "approve": "allow", "deny": "refuse", "escalate": "escalate", "stepdown": "step down", "use": "change the model of",
    "split": "split", "budget": "set the budget of", "snooze": "snooze", "ack": "mute", "undo": "undo", "run": "begin",
    "loop": "begin", "group": "group", "arrange": "arrange",
}  # fmt: skip
"""Verb -> what a person calls it."""
NAMED = 12
"""Sessions that a list names; the others are counted."""


class Send(Struct, frozen=True):
    """One request."""

    session: str
    name: str
    """What the map calls it, cleaned."""
    verb: str
    arguments: Facts = field(default_factory=dict)
    asked: PermissionAsked | None = None
    """What is answered, as the person saw it."""


class Plan(Struct, frozen=True):
    """What one key would do."""

    verb: str
    sends: tuple[Send, ...]
    left: tuple[tuple[str, str], ...] = ()
    """(name, why): whom it cannot be done to."""
    first: tuple[tuple[str, str], ...] = ()
    """(name, what is found): of those that orc did not start, where it is the first of its kind."""

    @property
    def title(self) -> str:
        """What would be done, to how many and which."""
        deed = DEEDS.get(self.verb, self.verb)
        names = [send.name for send in self.sends]
        if len(names) == 1:
            return f"{deed} {names[0]}"
        return f"{deed} {len(names)} sessions: {listed(names)}"

    @property
    def left_words(self) -> str:
        """Whom it leaves out; "" where nobody."""
        if not self.left:
            return ""
        shown = [f"{name} ({why})" for name, why in self.left[:4]]
        more = len(self.left) - len(shown)
        return f"left out {len(self.left)}: " + ", ".join(shown) + (f" and {more} more" if more else "")


def listed(names: Sequence[str]) -> str:
    """Names; beyond a dozen they are counted."""
    shown = ", ".join(names[:NAMED])
    more = len(names) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def called(session: Session) -> str:
    """What the map calls a session, cleaned."""
    return line(session.place or session.title or session.id.partition(":")[2], 32)


def cannot(session: Session, status: str, verb: str, now: int) -> str:
    """Why that cannot be done to a session; "" where the host may try."""
    if session.relation == "subagent" and verb not in ("budget", "ack", "snooze"):
        return "it runs inside its parent"
    process = session.pid is not None
    stopped = process and session.process is not None and session.process.seen.stopped
    if verb in ("approve", "deny"):
        if not session.steering.asks:
            return "it asks in its own terminal" if status == "waiting" else "it asks nothing"
        until = next(iter(session.steering.asks.values())).asked.until
        return "its time to answer is over" if until is not None and now >= until else ""
    if verb == "revive":
        if process:
            return f"process {session.pid} still has it"
        return "" if status in BROKEN or session.process is not None else "it is not dead, failed or limited"
    if verb == "resume":
        return "" if stopped else "it is not paused"
    if verb == "pause" and stopped:
        return "it is paused already"
    if verb in ("kill", "pause", "message") and not process and session.steering.run is None:
        return "no process of it is known"
    return ""


def plan(
    sessions: Iterable[tuple[Session, str]], verb: str, now: int, arguments: Mapping[str, Facts] | None = None
) -> Plan:
    """The plan of one verb for these sessions, each with its status; `arguments` by session."""
    sends: list[Send] = []
    left: list[tuple[str, str]] = []
    first: list[tuple[str, str]] = []
    for session, status in sessions:
        name, why = called(session), cannot(session, status, verb, now)
        if why:
            left.append((name, why))
            continue
        what: Facts = {"session": session.id, **(arguments or {}).get(session.id, {})}
        asked: PermissionAsked | None = None
        if verb in ("approve", "deny"):
            asked = next(iter(session.steering.asks.values())).asked
            what["request"] = asked.request_id
        words = question(session, verb)
        if words:
            what["confirmed"] = True
            first.append((name, line(words, 300)))
        sends.append(Send(session.id, name, verb, what, asked))
    return Plan(verb, tuple(sends), tuple(left), tuple(first))


def pause_or_resume(sessions: Sequence[tuple[Session, str]]) -> str:
    """`resume` where all that have a process are paused, else `pause`."""
    living = [session for session, _ in sessions if session.pid is not None and session.process is not None]
    paused = [session for session in living if session.process is not None and session.process.seen.stopped]
    return "resume" if living and len(paused) == len(living) else "pause"


def still_asked(sessions: Mapping[str, Session], send: Send) -> bool:
    """Whether what a person answers is what is asked now."""
    if send.asked is None:
        return True
    session = sessions.get(send.session)
    there = session.steering.asks.get(send.asked.request_id) if session is not None else None
    return there is not None and there.asked == send.asked


def second_pattern(settings: Facts, session: Session, asked: PermissionAsked) -> str:
    """The pattern of the project's policy that wants a second key for this, or ""."""
    told = {key: value for key, value in settings.items() if not isinstance(value, list)}
    text = asked.what.text
    return second_key(told, session.project, text) or second_key(told, session.project, subject(text))
