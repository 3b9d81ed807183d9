"""What state a session is in, since when, and the line that proves it (docs/contract.md §4, docs/status.md).

A status is a pure function of the fold and a time. Certain causes that a person can act on come before inferred ones;
waiting and limits explain silence, so they come before stalls; what is not known is fog, never green.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from orchestrator_tui.fleet import conflicts, loops, queueing, rules
from orchestrator_tui.fleet.due import FRESH, NUDGED, OLD, next_change
from orchestrator_tui.fleet.equality import subject
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.owing import owed
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.silence import working
from orchestrator_tui.fleet.told import Parts, Told, again, parts_of, said
from orchestrator_tui.fleet.tools import tool_of
from orchestrator_tui.fleet.words import RANK, Finding, Severity, StatusName

__all__ = ["Finding", "Severity", "Status", "StatusName", "findings_of", "next_change", "status_of", "subject"]

ORDER: tuple[str, ...] = (
    "dead", "orphaned", "errored", "paused", "waiting", "rate_limited", "looping", "spinning", "stalled",
    "tool_running", "thinking", "working", "finished", "fog",
)  # fmt: skip
"""Which finding gives the status its name, where there are several."""
ON_RECORD = frozenset({"dead", "errored", "finished", "fog"})
"""What is true also when nobody looks; the others are claims about now."""
MAX_POSSIBLE = 4


class Status(Struct, frozen=True, gc=False):
    """One session's state at one time."""

    status: StatusName
    severity: Severity
    since: int
    evidence: str
    """One line, not cleaned: it may quote what an agent wrote."""
    badges: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    cause: str = ""
    """What the evidence is about: the same as long as it is the same trouble, "" where there is none."""
    lines: tuple[int, ...] = ()
    """`seq` of the events that prove it: of a repetition the first of the equal ones and the last."""
    told: tuple[Parts, ...] = ()
    """The evidence, then what is possible, as sentences to say again; () where no age is in them."""

    def at(self, now: int) -> Status:
        """The same with its ages as they are at another time at which nothing else has changed."""
        if not self.told:
            return self
        words, *possible = (again(parts, now) for parts in self.told)
        return Status(
            self.status, self.severity, self.since, words, self.badges, tuple(possible), self.cause, self.lines,
            self.told,
        )  # fmt: skip

    def after(self, words: str) -> Status:
        """The same with words before its evidence."""
        told = ((words, *self.told[0]), *self.told[1:]) if self.told else ()
        return replace(self, evidence=words + self.evidence, told=told)

    @property
    def needs_you(self) -> bool:
        """Whether the attention queue holds it: red, or an amber waiting (docs/contract.md §4)."""
        return self.severity == "red" or (self.severity == "amber" and self.status == "waiting")


class Judged(Struct):
    """What the rules found."""

    findings: list[Finding] = field(default_factory=list)
    """At least one of them names the status."""
    possible: list[str] = field(default_factory=list)
    """What may be, or was: told, never counted."""

    def add(self, finding: Finding | None) -> None:
        """Take up what a rule found."""
        if finding is not None:
            self.findings.append(finding)

    def maybe(self, finding: Finding | None, why: str) -> None:
        """Something was found that does not count."""
        if finding is not None:
            self.possible.append(_with(f"{finding.name.replace('_', ' ')} ({why}): ", finding.evidence))


def _with(before: str, words: str) -> str:
    """Words with others before them; ages in them stay ages."""
    if not isinstance(words, Told):
        return before + words
    told = Told(before + words)
    told.parts = (before, *words.parts)
    return told


def told_of(*sentences: str) -> tuple[Parts, ...]:
    """Sentences to be said again; () where no age is in any."""
    if any(isinstance(words, Told) for words in sentences):
        return tuple([parts_of(words) for words in sentences])
    return ()


def status_of(fleet: Fleet, session: Session, now: int) -> Status:
    """The state of a session at `now`, as far as the events folded so far tell."""
    status = _composed(session, _judge(fleet, session, now), now)
    if status.status in ON_RECORD or fleet.watch.looking(now):
        return status
    if fleet.watch.beat_at is None:
        why = "no host has looked yet"
    else:
        why = said(now, "host not running for ", fleet.watch.beat_at)
    was = status.status.replace("_", " ")
    since = fleet.watch.beat_at or session.active_at
    words = said(now, why, f"; last known: {was}, ", *(status.told[0] if status.told else (status.evidence,)))
    return Status("fog", "ok", min(since, now), str(words), told=told_of(words))


def findings_of(fleet: Fleet, session: Session, now: int) -> list[Finding]:
    """Everything that was found of a session at `now`, badges too, each with its own evidence and lines."""
    found = [finding for finding in _judge(fleet, session, now).findings if finding.severity != "ok"]
    return [replace(finding, evidence=str(finding.evidence)) for finding in found]


def _composed(session: Session, judged: Judged, now: int) -> Status:
    """One status of several findings: the first in the order names it, the gravest proves it."""
    muted = session.alerts.muted
    possible = judged.possible
    loud = []
    for finding in judged.findings:
        if finding.severity != "ok" and finding.cause in muted:
            judged.maybe(finding, "muted")
        else:
            loud.append(finding)
    named = min((f for f in loud if f.name in ORDER), key=lambda f: ORDER.index(f.name))
    severity = max((finding.severity for finding in loud), key=lambda word: RANK[word])
    proof = named if named.severity == severity else next(f for f in loud if f.severity == severity)
    badges: list[str] = []
    for finding in loud:
        if finding in (named, proof) or (finding.severity == "ok" and finding.name in ORDER):
            if finding is proof is not named:
                badges.append(finding.name)
            continue
        if finding.severity == severity and finding.name != named.name:
            badges += [finding.name] if finding.name not in badges else []
        else:
            possible.append(_with(f"{finding.name.replace('_', ' ')}: ", finding.evidence))
    del possible[MAX_POSSIBLE:]
    return Status(
        named.name,  # type: ignore[arg-type]
        severity,
        min(named.since, now),
        str(proof.evidence),
        tuple(badges),
        tuple([str(words) for words in possible]),
        proof.cause,
        proof.lines,
        told_of(proof.evidence, *possible),
    )


def _judge(fleet: Fleet, session: Session, now: int) -> Judged:
    judged = Judged()
    lead = fleet.line(session)[-1]
    limits = fleet.thresholds_for(lead)
    process = lead.process
    gone = process is not None and process.gone_at is not None
    always = fleet.watch.always
    # A sub-agent whose answer its parent has is done, also where nothing says so.
    quiet = now - session.active_at
    answered = session.relation == "subagent" and _answered(fleet, session) and (gone or quiet > FRESH)
    is_open = session.turn_open and not answered
    alive = always or (lead.pid is not None and not gone)
    known = alive or quiet <= FRESH
    failed = rules.failed(session, now)
    if failed is not None and not alive and now - failed.since > OLD:
        judged.maybe(failed, "long ago")
        failed = None
    judged.add(failed)
    judged.add(rules.context(session, limits, is_open))
    judged.add(rules.unproven(fleet, session))
    judged.add(conflicts.finding(fleet, session, now))
    judged.add(rules.over_budget(fleet, session))
    if gone:
        judged.add(rules.died(session, lead, is_open, now))
        if failed is None:
            for finding in rules.limited(fleet, session, lead, limits, now):
                judged.add(finding)
        judged.add(_finished(session, now))
        return judged
    stopped = process is not None and process.seen.stopped
    present = Judged()
    if not answered:
        _present(fleet, session, lead, present, known, is_open, now)
    if is_open and known and not _says_idle(session, lead):
        for finding in owed(fleet, session, lead, limits, now):
            present.add(finding)
    if stopped and process is not None:
        for finding in present.findings:
            judged.maybe(finding, "if it went on")
        judged.add(Finding("paused", "ok", process.at, f"process {process.seen.pid} is stopped"))
        return judged
    queued = queueing.held(session)
    if queued is not None:
        # It stands still because it was told to: nobody is owed anything meanwhile.
        judged.add(queued)
        return judged
    judged.findings += present.findings
    judged.possible += present.possible
    judged.add(_base(fleet, session, lead, is_open, known, now))
    return judged


def _present(
    fleet: Fleet, session: Session, lead: Session, judged: Judged, known: bool, is_open: bool, now: int
) -> None:
    """Findings about now: a person who is owed, limits, loops."""
    limits = fleet.thresholds_for(lead)
    if session.relation != "subagent":
        judged.add(rules.orphaned(session, limits, is_open, now))
    judged.add(rules.asked(session, lead, now))
    asks, offer = rules.question(session, now)
    if known:
        judged.add(asks)
    else:
        judged.maybe(asks, "no process matched")
    if offer:
        judged.possible.append(offer)
    for finding in rules.limited(fleet, session, lead, limits, now):
        judged.add(finding)
    since = fleet.watch.since
    # What happened before anybody looked calls for nobody: it is told, and the process table says what is now.
    seen = fleet.watch.always or since is None or session.active_at >= since
    nudged = session.trace.talk.nudges > 0 and session.ended_at is not None and now - session.ended_at <= NUDGED
    for finding in loops.found(session, limits, working(lead)):
        if not known or not seen:
            judged.maybe(finding, "before anybody looked" if not seen else "no process matched")
        elif is_open or nudged or loops.held(finding):
            judged.add(finding)
        else:
            judged.maybe(finding, "before it finished")


def _base(fleet: Fleet, session: Session, lead: Session, is_open: bool, known: bool, now: int) -> Finding | None:
    if not is_open:
        background = next((call for call in session.calls.values() if call.background), None)
        if background is not None and lead.process is not None and lead.process.seen.children:
            words = f"{rules.call_text(background)} in the background"
            return Finding("tool_running", "ok", background.at, words)
        return _finished(session, now)
    if _says_idle(session, lead):
        return _finished(session, now)
    if not known:
        doing = next((rules.call_text(call) for call in session.calls.values()), "a turn is open")
        words = said(now, "no process matched; last line ", session.active_at, f" ago: {doing}")
        return Finding("fog", "ok", session.active_at, words)
    return None


def _says_idle(session: Session, lead: Session) -> bool:
    """Whether the client itself says that nothing goes on."""
    report = lead.report
    if session.relation == "subagent" or report is None:
        return False
    return report.status == "idle" and report.at >= session.active_at


def _finished(session: Session, now: int) -> Finding:
    if not session.turns and session.ended_at is None:
        process = session.process
        if process is not None and process.gone_at is None:
            if session.interactive is False:
                return Finding("thinking", "ok", process.since, said(now, "starting, for ", process.since))
            return Finding("finished", "ok", process.since, "open, nothing asked yet")
        if not session.spend.requests:
            return Finding("fog", "ok", session.active_at, "seen, nothing known")
    at = session.ended_at if session.ended_at is not None else session.active_at
    return Finding("finished", "ok", at, said(now, "finished ", at, " ago"))


def _answered(fleet: Fleet, session: Session) -> bool:
    """Whether the parent has the sub-agent's result, or its turn is over."""
    parent = fleet.sessions.get(session.parent or "")
    if parent is None:
        return False
    if session.parent_call is not None:
        return session.parent_call not in parent.calls
    return not any(tool_of(call.tool).kind == "agent" for call in parent.calls.values())
