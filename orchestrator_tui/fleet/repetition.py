"""What a session asked before and what it was answered: counters, not history.

Same call and same answer is no new information; same call and another answer is progress. Every result costs the same
however long the session is, and every memory here is bounded. Counts are kept, not judged: `loops.py` holds them
against the thresholds. They survive compaction and restarts, end with a real word of a person, and begin anew with an
edit that was not made before.
"""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.counted import NEW_CALLS, Answer, Entry, Same, Sweep
from orchestrator_tui.fleet.equality import Asked
from orchestrator_tui.fleet.marks import MASK, Mark, mixed, seen_in, with_key

MAX_ENTRIES = 24
"""Different calls that are remembered, the latest."""
MAX_TOOLS = 8
MAX_SWEEPS = 6
MAX_SPANS = 12
MAX_SEEN = 192
"""(call, answer) pairs that are remembered, the latest."""
MAX_KNOWN = 256
"""Answers of tools that are remembered, the latest."""
PERIODS = 6
POLL_SPACING = 20 * SECOND
"""A status query asked again after less than this is not waiting."""
POLL_SLEEP = 10.0
"""Seconds of sleep within a command that make it wait by itself."""
FREE_AFTER_COMPACTION = 20
"""Calls that may be seen again after a compaction: their answers were in what was summarised."""
NARROW = 4
"""A read of less than this part of the widest one looks closer; it does not sweep."""


class Repeats(Struct):
    """The counters of one session."""

    novel: int = 0
    """Calls that brought something new."""
    group: int = 0
    """The last step whose result came."""
    changed: tuple[int, int] = (0, 0)
    """(call, step) of the repeated call that last changed its answer."""
    changed_before: tuple[int, int] = (0, 0)
    """The same of another call before it."""
    spaced_at: int = 0
    """When the session last only let time pass."""
    entries: dict[int, Entry] = field(default_factory=dict)
    tools: dict[int, Same] = field(default_factory=dict)
    sweeps: dict[int, Sweep] = field(default_factory=dict)
    seen: bytes = b""
    known: bytes = b""
    steps: list[int] = field(default_factory=list)
    """The last steps, oldest first, one more than the longest period."""
    labels: list[str] = field(default_factory=list)
    matched: list[int] = field(default_factory=lambda: [0] * PERIODS)
    """For each period: so many steps in a row equal the one a period before."""
    matching: list[int] = field(default_factory=lambda: [0] * PERIODS)
    """The same with the last step, which may still grow."""
    began: list[Mark | None] = field(default_factory=lambda: [None] * PERIODS)
    cycle_last: Mark | None = None
    cycle_novel: int = 0
    stale: int = 0
    """Steps in a row of which call and answer were seen before."""
    stale_group: int = 0
    stale_first: Mark | None = None
    stale_last: Mark | None = None
    grace: int = 0
    compactions: int = 0

    # --- what begins anew ---------------------------------------------------------------------------------

    def new_epoch(self) -> None:
        """Something was changed: what is asked again may be answered in another way."""
        self.entries.clear()
        self.tools.clear()
        self.seen = b""
        self.steps, self.labels = [], []
        self.matched, self.matching = [0] * PERIODS, [0] * PERIODS
        self.began, self.cycle_last = [None] * PERIODS, None
        self._fresh()
        for sweep in self.sweeps.values():
            sweep.again, sweep.first = 0, None

    def touched(self, path: int) -> None:
        """A file has new content: reading it again is no repetition."""
        self.sweeps.pop(path, None)

    def forget(self) -> None:
        """A person spoke: nothing before that counts."""
        self.new_epoch()
        self.sweeps.clear()
        self.changed = self.changed_before = (0, 0)

    def compacted(self) -> None:
        """What was known is known no more: one look again is free."""
        self.compactions += 1
        self.grace = min(FREE_AFTER_COMPACTION, len(self.seen) // 8)

    def _fresh(self) -> None:
        if self.stale:
            self.stale, self.stale_first = 0, None

    # --- one result ---------------------------------------------------------------------------------------

    def waited(self, at: int) -> None:
        """A call only let time pass."""
        self.spaced_at = at

    def answered(self, call: Asked, answer: Answer, mark: Mark, busy_at: int, pair: int) -> bool:
        """Count one result; tells whether it brought something new.

        `busy_at` is when the session's process was last at work, `pair` one key for the call with its answer.
        """
        entry = self.entries.get(call.key)
        poll = self._is_poll(call, answer, entry)
        told = mixed(call.tool_key, answer.exact)
        seen, known = seen_in(self.seen, pair), seen_in(self.known, told)
        swept = self._sweep(call, mark) if call.last > call.first >= 0 and not answer.error else False
        failing = entry is not None and entry.error and answer.error
        informs = not (answer.weak or answer.done or known or swept or failing or call.kind in ("note", "edit"))
        new = informs and not seen
        if new:
            self.novel += 1
        if not known:
            self.known = with_key(self.known, told, MAX_KNOWN)
        self._entry(call, answer, entry, mark, poll, busy_at)
        if not poll and call.kind not in ("note", "wait"):
            self._step(call, pair, mark)
            self._stale(call, seen and not new, mark)
            self._same(call, answer, mark, seen)
        if not seen:
            self.seen = with_key(self.seen, pair, MAX_SEEN)
        self.group = call.group
        return new

    def _is_poll(self, call: Asked, answer: Answer, entry: Entry | None) -> bool:
        if answer.error and answer.hard:
            return False
        if call.kind == "wait":
            return True
        if entry is None:
            return False
        if call.command.tests or call.kind in ("edit", "note", "agent"):
            return False
        if entry.asked_at < self.spaced_at <= call.at:
            return True
        if not call.polls:
            return False
        return call.at - entry.asked_at >= POLL_SPACING or call.command.sleeps >= POLL_SLEEP

    def _entry(self, call: Asked, answer: Answer, entry: Entry | None, mark: Mark, poll: bool, busy_at: int) -> None:
        key = call.key
        if entry is None:
            entry = self.entries[key] = self._opened(call, answer, mark, poll)
            if len(self.entries) > MAX_ENTRIES:
                del self.entries[next(iter(self.entries))]
            return
        # The latest stand at the end, so that the oldest goes first.
        del self.entries[key]
        self.entries[key] = entry
        if entry.group == call.group:
            # Equal calls of one message are one step.
            entry.last = mark
            return
        # What a deed came to shows elsewhere: anything new there, and the deed was no repetition.
        deed = answer.done or answer.weak or call.kind in ("note", "act")
        if self.novel - entry.novel >= (1 if deed else NEW_CALLS):
            self.entries[key] = self._opened(call, answer, mark, poll)
            return
        free = entry.compactions != self.compactions
        if entry.out == answer.key:
            if poll and busy_at >= entry.last.at:
                # What it waits for is at work.
                entry.polls, entry.poll_first = 1, mark
            elif poll and entry.poll_first is None:
                entry.polls, entry.poll_first = 2, entry.last
            elif poll:
                entry.polls += not free
            else:
                entry.run += not free
        else:
            if not (entry.error and answer.error):
                if self.changed[0] != key:
                    self.changed_before = self.changed
                self.changed = (key, call.group)
            entry.out, entry.run, entry.first = answer.key, 1, mark
            entry.first_group, entry.first_novel = call.group, self.novel
            entry.polls, entry.poll_first = int(poll), mark if poll else None
        if answer.error:
            if not entry.errors:
                entry.error_first, entry.error_group, entry.error_novel = mark, call.group, self.novel
            # Tests that fail in another way tell something new.
            entry.errors += not (poll or free or call.command.tests)
        else:
            entry.errors = 0
        entry.error, entry.last, entry.group, entry.asked_at = answer.error, mark, call.group, call.at
        entry.novel, entry.compactions = self.novel, self.compactions
        entry.tool, entry.label = call.tool, call.label
        entry.deed = call.kind == "act" and answer.done and not call.changes

    def _opened(self, call: Asked, answer: Answer, mark: Mark, poll: bool) -> Entry:
        entry = Entry(
            answer.key,
            answer.error,
            mark,
            mark,
            call.group,
            call.at,
            self.novel,
            call.group,
            self.novel,
            self.compactions,
        )
        if poll:
            entry.run, entry.polls, entry.poll_first = 0, 1, mark
        elif answer.error:
            entry.errors, entry.error_first = 1, mark
            entry.error_group, entry.error_novel = call.group, self.novel
        return entry

    def changed_since(self, key: int, group: int) -> bool:
        """Whether another call that was repeated changed its answer after a step: something is moving."""
        latest = self.changed_before if self.changed[0] == key else self.changed
        return latest[1] > group

    def _step(self, call: Asked, pair: int, mark: Mark) -> None:
        steps = self.steps
        if steps and call.group == self.group:
            steps[-1] = (steps[-1] + pair) & MASK
        else:
            steps.append(pair)
            self.labels.append(f"{call.tool} {call.label}"[:48])
            del steps[: -PERIODS - 1], self.labels[:-PERIODS]
            self.matched = self.matching
        now, last = steps[-1], len(steps) - 1
        matching = [0] * PERIODS
        if now in steps[:-1]:
            for period in range(1, min(PERIODS, last) + 1):
                if steps[last - period] == now:
                    count = matching[period - 1] = self.matched[period - 1] + 1
                    if count == 1:
                        self.began[period - 1] = mark
            self.cycle_last, self.cycle_novel = mark, self.novel
        self.matching = matching

    def _stale(self, call: Asked, stale: bool, mark: Mark) -> None:
        if not stale:
            self._fresh()
            self.stale_group = call.group
        elif call.group == self.stale_group:
            return
        elif self.grace:
            self.grace -= 1
        else:
            if not self.stale:
                self.stale_first = mark
            self.stale += 1
            self.stale_group, self.stale_last = call.group, mark

    def _same(self, call: Asked, answer: Answer, mark: Mark, seen: bool) -> None:
        if call.kind in ("edit", "ask", "agent", "act"):
            return
        shell = call.kind == "shell"
        if not answer.error and (answer.done or (shell and not call.command.looks)):
            return
        if answer.silent and not shell and call.kind != "search":
            # Some clients do not keep what such a tool answered.
            return
        key = call.tool_key
        same = self.tools.get(key)
        if same is None or same.out != answer.exact or self.novel - same.novel >= NEW_CALLS:
            self.tools.pop(key, None)
            self.tools[key] = Same(
                answer.exact, answer.error, answer.weak, mark, mark, self.novel, call.group, 1, call.label, call.tool
            )
            if len(self.tools) > MAX_TOOLS:
                del self.tools[next(iter(self.tools))]
        elif not seen and same.group != call.group:
            same.count += 1
            same.last, same.novel, same.label, same.group = mark, self.novel, call.label, call.group

    def _sweep(self, call: Asked, mark: Mark) -> bool:
        """Note which lines were read; tells whether most of them had been read before."""
        sweep = self.sweeps.get(call.path)
        if sweep is None or sweep.compactions != self.compactions:
            again, first, last = (sweep.again, sweep.first, sweep.last) if sweep is not None else (0, None, None)
            self.sweeps.pop(call.path, None)
            self.sweeps[call.path] = Sweep(
                call.label,
                [(call.first, call.last)],
                call.last - call.first,
                self.compactions,
                self.novel,
                call.group,
                again,
                first,
                last,
            )
            if len(self.sweeps) > MAX_SWEEPS:
                del self.sweeps[next(iter(self.sweeps))]
            return False
        length = call.last - call.first
        read = sum(max(0, min(end, call.last) - max(start, call.first)) for start, end in sweep.spans)
        sweep.spans = _joined(sweep.spans, (call.first, call.last))
        covered = 2 * read > length
        if covered and length * NARROW >= sweep.widest and sweep.group != call.group:
            if not sweep.again or self.novel - sweep.novel >= NEW_CALLS:
                sweep.again, sweep.first = 0, mark
            sweep.again += 1
            sweep.last, sweep.novel, sweep.group = mark, self.novel, call.group
        sweep.widest = max(sweep.widest, length)
        return covered


def _joined(spans: list[tuple[int, int]], new: tuple[int, int]) -> list[tuple[int, int]]:
    start, end = new
    kept = []
    for span in spans:
        if span[1] < start or span[0] > end:
            kept.append(span)
        else:
            start, end = min(start, span[0]), max(end, span[1])
    kept.append((start, end))
    kept.sort()
    return kept[-MAX_SPANS:]
