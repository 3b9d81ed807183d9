"""Loops and spins: the counters of a session's trace against the thresholds (the rules stand in docs/status.md).

A loop goes on when nothing new comes of what is done: three calls with something new, an edit that was not made before,
or a person's word end it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.counted import NEW_CALLS, Entry
from orchestrator_tui.fleet.marks import Mark
from orchestrator_tui.fleet.thresholds import Thresholds
from orchestrator_tui.fleet.words import Finding, Severity, span_and_cost

if TYPE_CHECKING:
    from orchestrator_tui.fleet.session import Session

RECENT = 12
"""Results after which a test figure or an error is no longer what the session is at."""
FRESH_RUNS = 4
"""So many more runs without a better figure, when most of them failed in another way."""
CHANT_GAP = 900 * SECOND
"""Equal messages further apart than this are answers to a schedule."""


def found(session: Session, limits: Thresholds, busy: bool) -> list[Finding]:
    """Everything that repeats now, the gravest and heaviest first. `busy`: what may be polled is at work."""
    rules = (
        _repeats(session, limits, busy), _cycle(session, limits), _same_answer(session, limits),
        _sweeps(session, limits), _messages(session, limits), _returns(session, limits), _nothing_new(session, limits),
        _flat(session, limits), _same_error(session, limits), _thrash(session, limits), _verified(session, limits),
        _handed_on(session, limits),
    )  # fmt: skip
    findings = [finding for rule in rules for finding in rule]
    findings.sort(key=lambda finding: (finding.severity != "red", finding.name != "looping", -finding.weight))
    return findings


def held(finding: Finding) -> bool:
    """Whether it holds after the turn has ended, too: what is only said repeats from turn to turn."""
    return finding.severity == "red" and finding.cause.startswith(("said:", "empty", "chant:"))


def _grade(count: int, need: int) -> Severity | None:
    return "red" if count >= need else "amber" if count >= max(2, need - 1) else None


def _repeats(session: Session, limits: Thresholds, busy: bool) -> Iterator[Finding]:
    repeats = session.trace.repeats
    for key, entry in repeats.entries.items():
        if repeats.novel - entry.novel >= NEW_CALLS:
            continue
        if entry.polls >= 2:
            yield from _poll(session, limits, key, entry, busy)
        if entry.run >= 2 and not repeats.changed_since(key, entry.first_group):
            need = limits.repeat_error if entry.error else limits.repeat_ok * (1 + entry.deed)
            if entry.novel > entry.first_novel:
                need += limits.repeat_among_new
            grade = _grade(entry.run, need)
            if grade is not None:
                what = "error" if entry.error else "output"
                words = f"same {entry.tool} call {entry.run}x: {entry.label}, identical {what}"
                yield _repeated(session, "looping", grade, words, f"call:{key:x}", entry.first, entry.last, entry.run)
        first = entry.error_first
        # Equal errors are told of as such.
        if first is None or entry.errors == entry.run or entry.errors < 2:
            continue
        if not repeats.changed_since(key, entry.error_group):
            need = limits.repeat_reworded + (limits.repeat_among_new if entry.novel > entry.error_novel else 0)
            grade = _grade(entry.errors, need)
            if grade is not None:
                words = f"same {entry.tool} call {entry.errors}x: {entry.label}, an error each time, in other words"
                yield _repeated(session, "looping", grade, words, f"call:{key:x}", first, entry.last, entry.errors)


def _poll(session: Session, limits: Thresholds, key: int, entry: Entry, busy: bool) -> Iterator[Finding]:
    first = entry.poll_first
    if first is None or busy or session.trace.repeats.changed_since(key, entry.first_group):
        return
    span = (entry.last.at - first.at) / SECOND
    if entry.polls >= limits.poll_answers and span >= limits.poll_seconds:
        grade: Severity = "red"
    elif entry.polls >= limits.poll_answers - 1 and span >= limits.poll_seconds / 2:
        grade = "amber"
    else:
        return
    words = f"{entry.tool} asked {entry.polls}x: {entry.label}, the answer never changed"
    yield _repeated(session, "looping", grade, words, f"poll:{key:x}", first, entry.last, entry.polls, edits=False)


def _cycle(session: Session, limits: Thresholds) -> Iterator[Finding]:
    repeats = session.trace.repeats
    last = repeats.cycle_last
    if last is None or repeats.novel - repeats.cycle_novel >= NEW_CALLS:
        return
    for period in range(2, len(repeats.matching) + 1):
        count = repeats.matching[period - 1]
        need = (limits.cycle_rounds - 1) * period
        grade: Severity | None = "red" if count >= need else "amber" if count == need - 1 else None
        first = repeats.began[period - 1]
        if grade is None or first is None or repeats.matching[0] >= count:
            continue
        steps = repeats.steps[-period:]
        rounds = count // period + 1
        round_of = " → ".join(repeats.labels[-period:])
        words = f"the same {period} calls {rounds} times over: {round_of}, identical output"
        # The sum is the same wherever the round begins.
        cause = f"cycle:{period}:{sum(steps) & (1 << 64) - 1:x}"
        yield _repeated(session, "looping", grade, words, cause, first, last, count + period)
        return


def _same_answer(session: Session, limits: Thresholds) -> Iterator[Finding]:
    repeats = session.trace.repeats
    for key, same in repeats.tools.items():
        if repeats.novel - same.novel >= NEW_CALLS:
            continue
        need = limits.same_answer_weak if same.weak else limits.same_answer_error if same.error else limits.same_answer
        grade = _grade(same.count, need)
        if grade is None:
            continue
        what = "nothing found" if same.weak else "the same error" if same.error else "the same output"
        words = f"{same.count} different {same.tool} calls, {what} each time, last: {same.label}"
        yield _repeated(
            session, "looping", grade, words, f"same:{key:x}:{same.out:x}", same.first, same.last, same.count
        )


def _sweeps(session: Session, limits: Thresholds) -> Iterator[Finding]:
    repeats = session.trace.repeats
    for key, sweep in repeats.sweeps.items():
        grade = _grade(sweep.again, limits.sweep_reads)
        if grade is None or sweep.first is None or sweep.last is None or repeats.novel - sweep.novel >= NEW_CALLS:
            continue
        words = f"{sweep.again} parts of {sweep.label} read again, the file unchanged"
        yield _repeated(session, "looping", grade, words, f"sweep:{key:x}", sweep.first, sweep.last, sweep.again)


def _messages(session: Session, limits: Thresholds) -> Iterator[Finding]:
    talk = session.trace.talk
    for key, said in talk.said.items():
        grade = _grade(said.count, limits.message_repeats)
        if grade is not None and said.last.at - said.first.at <= CHANT_GAP * said.count:
            words = f'same message {said.count}x without a tool call: "{said.label}"'
            yield _repeated(
                session, "looping", grade, words, f"said:{key:x}", said.first, said.last, said.count, edits=False
            )
    grade = _grade(talk.empty, limits.message_empty)
    if grade is not None and talk.empty_first is not None and talk.empty_last is not None:
        words = f"{talk.empty} empty messages in a row"
        yield _repeated(
            session, "looping", grade, words, "empty", talk.empty_first, talk.empty_last, talk.empty, edits=False
        )
    chant = talk.chant
    if chant is not None and chant.count >= limits.chant_repeats:
        words = f'one sentence {chant.count}x in one message: "{chant.label}"'
        yield Finding(
            "looping", "red", chant.first.at, words, f"chant:{chant.label[:40]}", (chant.first.seq,), chant.count
        )
    first, last = talk.similar_first, talk.similar_last
    if talk.similar >= limits.message_repeats and first is not None and last is not None:
        # A likeness is a guess: never red.
        words = f"{talk.similar} messages that say much the same, without a tool call"
        yield _repeated(session, "looping", "amber", words, "alike", first, last, talk.similar, edits=False)


def _returns(session: Session, limits: Thresholds) -> Iterator[Finding]:
    work = session.trace.work
    for key, file in work.files.items():
        if file.returns < limits.file_returns or file.first is None or file.last is None:
            continue
        if work.edit_at > file.last.at:
            continue
        words = f"{file.label} went back to an earlier content {file.returns}x"
        yield _repeated(
            session, "looping", "red", words, f"file:{key:x}", file.first, file.last, file.returns, edits=False
        )


def _nothing_new(session: Session, limits: Thresholds) -> Iterator[Finding]:
    repeats = session.trace.repeats
    grade = _grade(repeats.stale, limits.nothing_new)
    if grade is not None and repeats.stale_first is not None and repeats.stale_last is not None:
        words = f"{repeats.stale} calls in a row brought nothing new: each was asked and answered before"
        yield _repeated(
            session, "spinning", grade, words, "nothing", repeats.stale_first, repeats.stale_last, repeats.stale
        )


def _flat(session: Session, limits: Thresholds) -> Iterator[Finding]:
    work = session.trace.work
    for key, score in work.scores.items():
        edits = work.edits - score.edits
        if work.results - score.result > RECENT or edits < limits.flat_edits:
            continue
        need = limits.flat_runs + (FRESH_RUNS if 2 * score.fresh > score.flat else 0)
        grade = _grade(score.flat, need)
        if grade is None:
            continue
        now, best = (f"{abs(value):g}" for value in (score.now, score.best))
        figures = f"still {now} failing (best {best})" if score.best >= 0 else f"score {now} (best {best})"
        words = f"{edits} edits and {score.flat} test runs, {figures}: {score.label}"
        yield _repeated(
            session, "spinning", grade, words, f"flat:{key:x}", score.first, score.last, score.flat, edits=False
        )


def _same_error(session: Session, limits: Thresholds) -> Iterator[Finding]:
    work = session.trace.work
    known = work.signatures.get(work.error)
    if known is None or work.results - known.result > RECENT:
        return
    edits = work.edits - known.edits
    grade = _grade(known.count, limits.same_error)
    if grade is not None and edits >= 3:
        words = f"the same error {known.count}x through {edits} different edits: {known.text}"
        yield _repeated(
            session,
            "spinning",
            grade,
            words,
            f"error:{work.error:x}",
            known.first,
            known.last,
            known.count,
            edits=False,
        )


def _thrash(session: Session, limits: Thresholds) -> Iterator[Finding]:
    work = session.trace.work
    grade = _grade(work.thrashed, limits.compactions)
    if grade is not None and work.thrash_first is not None and work.thrash_last is not None:
        words = f"{work.thrashed} compactions, each full again within 3 tool results"
        yield _repeated(
            session,
            "spinning",
            grade,
            words,
            "compactions",
            work.thrash_first,
            work.thrash_last,
            work.thrashed,
            edits=False,
        )


def _verified(session: Session, limits: Thresholds) -> Iterator[Finding]:
    work = session.trace.work
    for key, green in work.greens.items():
        grade = _grade(green.count, limits.verify_repeats)
        if grade is None or work.results - green.result > RECENT:
            continue
        words = f"looks finished: {green.label} came out well {green.count}x, same output"
        yield _repeated(session, "spinning", grade, words, f"green:{key:x}", green.first, green.last, green.count)


def _handed_on(session: Session, limits: Thresholds) -> Iterator[Finding]:
    given = session.trace.handoffs
    times = max(given.again + 1 if given.again else 0, given.turning if given.turning > 1 else 0)
    if times >= limits.handoffs and given.first is not None and given.last is not None:
        # A likeness is a guess: never red.
        count = max(given.again, given.turning) + 1
        words = f"possible loop: {count} hand-offs ask for much the same, none names anything new, last: {given.label}"
        yield _repeated(session, "looping", "amber", words, "handed", given.first, given.last, count)


def _repeated(
    session: Session, name: str, severity: Severity, words: str, cause: str, first: Mark, last: Mark, count: int,
    edits: bool = True,
) -> Finding:  # fmt: skip
    tail = ", no edit between" if edits else ""
    evidence = f"{words}, {span_and_cost(session, first, last)}{tail}"
    return Finding(name, severity, first.at, evidence, cause, (first.seq, last.seq), count)  # type: ignore[arg-type]
