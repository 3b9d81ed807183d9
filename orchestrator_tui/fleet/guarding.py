"""Which guard acts now, and how: at most once for a cause, one step after the other, never against a person.

Pure: the host carries out what comes out of here. That it was done is on record (`fleet.hands`), so a host that comes
later goes on where the one before stood; what is kept here is only since when things hold, and since when they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from orchestrator_tui.events import Facts
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.demands import hands_off
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.guard_rules import Guard
from orchestrator_tui.fleet.hands import Act, Hands, act_key
from orchestrator_tui.fleet.orders import Orders
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.troubles import UNKNOWN, Spent, Trouble, loop_of, troubles
from orchestrator_tui.text import age, line

PERSONS = 10 * MINUTE
"""For so long after a person's command no guard touches that session."""
GAP = 30 * SECOND
"""A step has this long to show, at least, before the next one is taken."""
GONE = 60 * SECOND
"""A cause that did not hold for so long, and holds again, has come anew."""
REST = 10 * MINUTE
"""Before the steps begin anew for a cause that came again; twice as long each time."""
LATELY = 60 * MINUTE
"""What a guard did in this time counts when it comes to a session anew."""
LOST = 10 * SECOND
"""A decision of a host that has ended since, and that nothing came of for so long, is taken again."""
MAX_DEEDS = 16
"""At once; the others have their turn a second later."""
NEED_A_PROCESS = frozenset({"pause", "stepdown", "escalate", "kill"})
OF_ITS_OWN = frozenset({"stepdown", "escalate"})
"""What is not done to whom a sub-agent works for: the model is chosen there."""


class Deed(Struct, frozen=True):
    """One decision of a guard."""

    guard: str
    session: str
    verb: str
    """A command's verb; `would` says what would be done."""
    arguments: Facts
    why: str


class Guarding:
    """One host's guards."""

    def __init__(self, rules: Sequence[Guard] = ()) -> None:
        self.rules = tuple(rules)
        self.budgets = any("over_budget" in rule.on for rule in rules)
        """Whether one of them wants to know of budgets."""
        self._first: dict[tuple[str, str], int] = {}
        """(session, cause) -> since when it was seen to hold."""
        self._gone: dict[tuple[str, str], int] = {}
        """The same of what was acted on -> since when it was seen not to."""
        self._again: dict[tuple[str, str], int] = {}
        """When it came anew."""
        self._asked: set[tuple[str, str, int, int]] = set()
        """(session, act's key, round, step): decisions of this host."""

    def due(
        self, fleet: Fleet, hands: Hands, statuses: Mapping[str, Status], spent: Spent, now: int
    ) -> list[Deed]:  # fmt: skip
        """What is to be done now, at most one thing for each session; changes nothing in the fleet.

        What comes out counts as asked for: hand it to the desk. `statuses` are the host's (`Judge.statuses`).
        """
        if not self.rules:
            return []
        tree = fleet.children() if self.budgets else None
        found: dict[str, list[Trouble]] = {}
        for name, status in statuses.items():
            session = fleet.sessions.get(name) if tree is not None or status.severity != "ok" else None
            if session is not None and (held := troubles(fleet, session, status, spent, tree, now)):
                found[name] = held
        self._remember(hands, statuses, found, now)
        deeds: dict[str, Deed] = {}
        for rule in self.rules:
            for name, held in found.items():
                session = fleet.sessions[name]
                if not _is_for(rule, fleet, session) or hands_off(fleet.settings, session.project):
                    continue
                for trouble in held:
                    deed = self._deed(rule, fleet, hands, session, trouble, now)
                    if deed is not None and deed.session not in deeds and len(deeds) < MAX_DEEDS:
                        deeds[deed.session] = deed
                        self._asked.add(_asked(deed))
        return list(deeds.values())

    # --- since when -------------------------------------------------------------------------------------------

    def _remember(
        self, hands: Hands, statuses: Mapping[str, Status], found: Mapping[str, list[Trouble]], now: int
    ) -> None:  # fmt: skip
        present = {(name, trouble.cause) for name, held in found.items() for trouble in held}
        for key in present:
            self._first.setdefault(key, now)
            gone = self._gone.pop(key, None)
            if gone is not None and now - gone >= GONE:
                self._again[key] = self._first[key] = now

        def known(key: tuple[str, str]) -> bool:
            return key[0] in statuses and statuses[key[0]].status not in UNKNOWN

        for key in [key for key in self._first if key not in present]:
            # While it is stopped nobody can tell: then it counts neither as held nor as gone.
            if known(key) or key[0] not in statuses:
                del self._first[key]
        acted = {_whose(name, act) for name, hand in hands.sessions.items() for act in hand.acts.values()}
        for key in acted - present:
            if known(key):
                self._gone.setdefault(key, now)
        self._gone = {key: at for key, at in self._gone.items() if key in acted}
        self._again = {key: at for key, at in self._again.items() if key in acted}

    # --- one guard, one session, one trouble ------------------------------------------------------------------

    def _deed(
        self, rule: Guard, fleet: Fleet, hands: Hands, session: Session, trouble: Trouble, now: int
    ) -> Deed | None:  # fmt: skip
        if trouble.name not in rule.on or not (
            trouble.severity == "red" or (rule.amber and trouble.severity == "amber")
        ):
            return None
        lead = fleet.line(session)[-1]
        loop = loop_of(fleet, lead) if lead.relation == "iteration" else None
        above = {one.id: one for one in (session, lead, loop or lead)}
        if any(_is_a_person_s(one, fleet.orders, hands, now) for one in above.values()):
            return None
        key = (session.id, trouble.cause)
        first, again = self._first.get(key, now), self._again.get(key, 0)
        since = max(again, min(first, trouble.since))
        after = int(rule.after_seconds * SECOND)
        if now - since < after:
            return None
        title = f"dry run of {rule.title}" if rule.dry_run else rule.title
        acts = [
            (one, act) for one in above
            if (act := hands.of(one).acts.get(act_key(title, _cause(session, one, trouble)))) is not None
        ]  # fmt: skip
        if any(act.held for _, act in acts):
            return None
        place: tuple[int, int] | None = (1, 0)
        if not acts and _is_too_soon(title, hands, lead.id, now):
            return None
        if acts:
            name, last = max(acts, key=lambda found: (found[1].round, found[1].step))
            here = (name, act_key(title, last.cause), last.round, last.step) in self._asked
            place = _next(last, here, now, again, after)
        if place is None:
            return None
        number, step = place
        while step < len(rule.steps) and rule.steps[step] in NEED_A_PROCESS and lead.pid is None:
            step += 1
        if step >= len(rule.steps):
            return None
        verb = rule.steps[step]
        target = session if verb in OF_ITS_OWN else lead
        if verb in OF_ITS_OWN and loop is not None and session is lead:
            # An iteration that was begun elsewhere would be lost to its loop: the next ones get the other model.
            target = loop
        facts: Facts = {
            "guard": title, "cause": _cause(session, target.id, trouble), "step": step, "round": number,
        }  # fmt: skip
        if verb == "escalate":
            facts["cap_usd"] = rule.cap_usd
        if verb == "notify":
            facts["status"] = trouble.name
        if rule.dry_run:
            facts["would"], verb = verb, "would"
        words = f"{title}: {trouble.name.replace('_', ' ')} for {age(now - since)}: {trouble.words}"
        deed = Deed(title, target.id, verb, facts, line(words, 400))
        return None if _asked(deed) in self._asked else deed


def _next(last: Act, here: bool, now: int, again: int, after: int) -> tuple[int, int] | None:
    """(round, step) that is due after the last act; None when none is. `here`: it was this host that decided it."""
    if again > last.at:
        # What came anew is a new trouble, but a guard that acts again and again is none.
        rest = REST << min(last.round - 1, 20)
        return (last.round + 1, 0) if now - last.at >= rest and now - again >= after else None
    if not here and now - last.at >= LOST and (last.lost or not (last.outcome or last.started)):
        return last.round, last.step
    if not last.outcome or (last.verb == "pause" and last.outcome == "done"):
        # Under way; or somebody let it go on by hand what this guard paused.
        return None
    return (last.round, last.step + 1) if now - last.at >= max(after, GAP) else None


def _is_too_soon(guard: str, hands: Hands, session: str, now: int) -> bool:
    """Whether it acted there a moment ago for another cause: each time it waits twice as long, up to ten minutes."""
    ats = [act.at for act in hands.of(session).acts.values() if act.guard == guard and now - act.at < LATELY]
    return bool(ats) and now - max(ats) < min(REST, GAP << len(ats) - 1)


def _whose(name: str, act: Act) -> tuple[str, str]:
    """(session, cause) that an act on record was about; `_cause` turned round."""
    whose, found, cause = act.cause.partition("\n")
    return (whose, cause) if found else (name, act.cause)


def _cause(session: Session, target: str, trouble: Trouble) -> str:
    """How the cause is called on record; whom a sub-agent works for may have the same trouble itself."""
    return trouble.cause if target == session.id else f"{session.id}\n{trouble.cause}"


def _asked(deed: Deed) -> tuple[str, str, int, int]:
    number, step = deed.arguments["round"], deed.arguments["step"]
    key = act_key(deed.guard, str(deed.arguments["cause"]))
    return deed.session, key, int(str(number)), int(str(step))


def _is_for(rule: Guard, fleet: Fleet, session: Session) -> bool:
    if not fnmatchcase(session.project or "", rule.project) or not fnmatchcase(session.client, rule.client):
        return False
    if rule.loop == "*":
        return True
    loop = loop_of(fleet, session)
    return loop is not None and fnmatchcase(loop.id.partition(":")[2], rule.loop)


def _is_a_person_s(session: Session, orders: Orders, hands: Hands, now: int) -> bool:
    """Whether a person is at it, was so a moment ago, or does not want to hear of it; or something is under way."""
    if session.alerts.snoozed_until > now or busy(orders, session.id, now):
        return True
    at = hands.of(session.id).person_at
    return bool(at) and now - at < PERSONS


def busy(orders: Orders, session: str, now: int) -> bool:
    """Whether a command of it is under way; one that no host ever began is not."""
    return any(one.started_at is not None or now - one.at < MINUTE for one in orders.of(session))
