"""Whose hand was on a session last: what a person decided, what guards did, who paused it. Folded from `command.*`.

A request that was refused counts for nothing: an agent that asks and may not holds no guard off.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.guard_rules import GOVERNOR

OWN_ACTOR = "orc: "
"""How requests begin that the host itself makes."""
PERSON = "person"
MAX_HANDS = 1000
"""Sessions that are remembered, the last touched."""
MAX_ACTS = 32
"""Causes of one session that guards acted on."""
MAX_OPEN = 200
SAYS_NO = frozenset({"resume", "revive", "undo", "stepdown", "use", "ack", "snooze"})
"""Commands of a person by which what a guard did is taken back, or called no trouble."""
STARTS_ANEW = frozenset({"kill", "revive", "escalate", "stepdown", "use"})
"""Verbs after which nothing stays paused."""
PROGRAMS = frozenset({"claude", "codex", "opencode", "gemini"})
AGENT_MODULE = "orchestrator_tui.loops.agent"


class Act(Struct):
    """The last thing that one guard did for one cause."""

    guard: str
    cause: str
    command: str
    verb: str
    at: int
    step: int = 0
    round: int = 1
    """How often the cause has come anew."""
    started: bool = False
    outcome: str = ""
    """"" while it is under way, or was lost with its host."""
    lost: bool = False
    """Its host ended in the middle of it, and it stopped nothing."""
    held: bool = False
    """A person took it back, or called it no trouble: this guard leaves this cause alone."""


class Hand(Struct):
    """One session."""

    person_at: int = 0
    """When a person last commanded it."""
    resumed_at: int = 0
    """When a person last let it go on."""
    paused_by: str = ""
    """`person`, `governor`, a guard's title; "" where it was not paused through orc."""
    paused_at: int = 0
    burn: int = 0
    """Nano-dollars a minute when the governor paused it."""
    wasting: bool = False
    """The same: whether that was for nothing."""
    let_go_at: int = 0
    """When the governor let it go on."""
    stuck_at: int = 0
    """When the governor could not pause it, or not let it go on."""
    told_at: int = 0
    """When the governor last said what it would do with it."""
    acts: dict[str, Act] = field(default_factory=dict)
    """By `act_key`."""


class Asked(Struct):
    """A command that is under way."""

    session: str | None
    verb: str
    by: str
    """`person`, `agent`, `host`, `governor`, or a guard's title."""
    key: str = ""


class Hands(Struct):
    """Every session that was touched, the last touched at the end."""

    sessions: dict[str, Hand] = field(default_factory=dict)
    open: dict[str, Asked] = field(default_factory=dict)
    governed_at: int = 0
    """When the governor last decided anything."""

    def of(self, session: str) -> Hand:
        """One session's; an empty one where nobody ever touched it."""
        return self.sessions.get(session) or Hand()

    def apply(self, at: int, body: Any) -> None:
        """Take up a `command.*` event; any other changes nothing."""
        if isinstance(body, ev.CommandRequested):
            self._requested(at, body)
            return
        asked = self.open.get(getattr(body, "command_id", ""))
        if asked is None:
            return
        if isinstance(body, ev.CommandStarted):
            self._act(asked, body.command_id, started=True)
            if asked.by == PERSON and asked.session is not None:
                self._touched(asked.session).person_at = at
        elif isinstance(body, ev.CommandEnded):
            del self.open[body.command_id]
            # What a host says of a command that the one before it left in the middle.
            lost = body.outcome == "failed" and "alive" in body.receipt and body.receipt.get("frozen") is not True
            self._act(asked, body.command_id, outcome=body.outcome, lost=lost)
            if asked.session is not None:
                self._ended(at, asked, asked.session, body)
            if asked.verb == "undo" and asked.by == PERSON and body.outcome == "done":
                self._undone(at, body)

    # --- asked ------------------------------------------------------------------------------------------------

    def _requested(self, at: int, e: ev.CommandRequested) -> None:
        if e.verb in ("ingest", "view", "group"):
            return
        named = e.arguments.get("session")
        session = named if isinstance(named, str) else None
        by = asker_of(e)
        asked = self.open[e.command_id] = Asked(session, e.verb, by)
        while len(self.open) > MAX_OPEN:
            del self.open[next(iter(self.open))]
        if by in (PERSON, "agent", "host") or session is None:
            return
        hand = self._touched(session)
        if by == GOVERNOR:
            self.governed_at = at
            if e.verb == "pause":
                hand.burn, hand.wasting = _int(e.arguments.get("burn")), e.arguments.get("wasting") is True
            elif e.verb == "would":
                hand.told_at = at
            return
        cause = e.arguments.get("cause")
        act = Act(
            by,
            cause if isinstance(cause, str) else "",
            e.command_id,
            e.verb,
            at,
            _int(e.arguments.get("step")),
            _int(e.arguments.get("round")),
        )
        asked.key = act_key(act.guard, act.cause)
        before = hand.acts.pop(asked.key, None)
        act.held = before is not None and before.held
        hand.acts[asked.key] = act
        while len(hand.acts) > MAX_ACTS:
            del hand.acts[next(iter(hand.acts))]

    # --- ended ------------------------------------------------------------------------------------------------

    def _ended(self, at: int, asked: Asked, session: str, e: ev.CommandEnded) -> None:
        verb, by, outcome = asked.verb, asked.by, e.outcome
        known = by in (PERSON, GOVERNOR) or verb == "pause"
        hand = self._touched(session) if known else self.sessions.get(session)
        if hand is None:
            return
        if outcome == "refused" and verb == "pause" and by == PERSON and hand.paused_by == GOVERNOR:
            # It was stopped already, and a person wants it to stay so.
            hand.paused_by = PERSON
        if by == GOVERNOR and outcome in ("refused", "failed") and verb != "would":
            hand.stuck_at = at
        if outcome == "refused":
            return
        if by == PERSON:
            hand.person_at = at
            if verb in SAYS_NO:
                for act in hand.acts.values():
                    act.held = True
            if verb in ("resume", "revive") and outcome == "done":
                hand.resumed_at = at
        if outcome != "done":
            return
        if verb == "pause":
            hand.paused_by, hand.paused_at = (PERSON if by in ("agent", "host") else by), at
        elif verb == "resume" or verb in STARTS_ANEW:
            if verb == "resume" and by == GOVERNOR:
                hand.let_go_at = at
            hand.paused_by = ""

    def _undone(self, at: int, e: ev.CommandEnded) -> None:
        """A person took a command back: a guard's stays so."""
        for session, hand in self.sessions.items():
            for act in hand.acts.values():
                if act.command == e.receipt.get("command"):
                    act.held, hand.person_at = True, at
                    self._touched(session)
                    return

    def _act(self, asked: Asked, command: str, started: bool = False, outcome: str = "", lost: bool = False) -> None:
        hand = self.sessions.get(asked.session or "") if asked.key else None
        act = hand.acts.get(asked.key) if hand is not None else None
        if act is not None and act.command == command:
            act.started = act.started or started
            act.outcome = outcome or act.outcome
            act.lost = lost and act.verb == "pause"
            act.held = act.held or outcome == "undone"

    def _touched(self, session: str) -> Hand:
        hand = self.sessions.pop(session, None) or Hand()
        self.sessions[session] = hand
        if len(self.sessions) > MAX_HANDS:
            # What the governor paused it has to let go on some day.
            oldest = (name for name, one in self.sessions.items() if one.paused_by != GOVERNOR)
            del self.sessions[next(oldest, next(iter(self.sessions)))]
        return hand


def act_key(guard: str, cause: str) -> str:
    """What an act is found by: which guard, for what."""
    return f"{guard}\n{cause}"


def asker_of(e: ev.CommandRequested) -> str:
    """Who asks: `person`, `agent`, `host`, `governor`, or a guard's title."""
    if e.actor.startswith(OWN_ACTOR):
        guard = e.arguments.get("guard")
        return guard if isinstance(guard, str) and guard else "host"
    return "agent" if any(_is_agent(ref.command) for ref in e.chain) else PERSON


def _is_agent(command: str) -> bool:
    """Whether a command line is a coding agent's; the host looks closer, and refuses what agents may not."""
    words = command.split(" ")
    program = words[0].rpartition("/")[2]
    if program in ("node", "bun"):
        program = next((word for word in words[1:] if not word.startswith("-")), "").rpartition("/")[2]
    return program.removesuffix(".js").removesuffix(".exe") in PROGRAMS or AGENT_MODULE in words


def _int(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
