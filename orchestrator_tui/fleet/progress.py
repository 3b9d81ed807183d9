"""What a session has done: edits, test figures, errors that stay, files that go back and forth, compactions.

Counters only, as in `repetition.py`. Progress is an accepted edit that was not made before, a commit, and test figures
better than the best so far (docs/contract.md §4); what tools tell that is new is counted there.
"""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.fleet.counted import NEW_CALLS, Answer
from orchestrator_tui.fleet.equality import Asked
from orchestrator_tui.fleet.marks import Mark, mixed, seen_in, small_key, with_key
from orchestrator_tui.fleet.outputs import Figures, error_signature, figures

MAX_EDITS = 256
"""Edits that are remembered, the latest."""
MAX_FILES = 16
MAX_CONTENTS = 8
"""Contents of one file that are remembered."""
MAX_SCORES = 6
MAX_SIGNATURES = 6
NEAR = 3
"""Tool results within which the next compaction follows the last one too soon."""


class File(Struct, array_like=True, gc=False):
    """One file's contents, as far as they are known."""

    label: str
    contents: list[int]
    """The latest last."""
    new: int = 0
    """Of edits: what the last one put there."""
    returns: int = 0
    """Times in a row that it went back to a content it had."""
    first: Mark | None = None
    last: Mark | None = None


class Score(Struct, array_like=True, gc=False):
    """How a test command, or a named check, has come out."""

    label: str
    best: float
    """Failing tests; of a check its score with the sign turned: less is better."""
    passing: int
    now: float
    edits: int
    """Different edits when the best was reached."""
    edits_seen: int
    """The same at the last run."""
    first: Mark
    last: Mark
    result: int
    """Which result of the session the last run was."""
    flat: int = 0
    """Runs since that did not beat it, an edit before each."""
    fresh: int = 0
    """Of these, runs whose error had not been seen before."""
    signatures: list[int] = field(default_factory=list)


class Signature(Struct, array_like=True, gc=False):
    """One error, digits masked."""

    text: str
    first: Mark
    last: Mark
    edits: int
    result: int
    """Which result of the session the last one was."""
    group: int
    count: int = 1


class Green(Struct, array_like=True, gc=False):
    """One test command that came out well, with no edit since."""

    out: int
    label: str
    first: Mark
    last: Mark
    group: int
    result: int
    novel: int
    """Calls that had brought something new by then."""
    count: int = 1


class Work(Struct):
    """The counters of one session."""

    edits: int = 0
    """Different edits that were accepted."""
    edited: bytes = b""
    edit_at: int = 0
    files_told: bool = False
    """The client tells of changed files: edits need not be guessed at."""
    by_edit: bool = False
    """The last result was an edit's: what changes now, it changed."""
    counted: bool = False
    """That edit has been counted."""
    files: dict[int, File] = field(default_factory=dict)
    scores: dict[int, Score] = field(default_factory=dict)
    signatures: dict[int, Signature] = field(default_factory=dict)
    results: int = 0
    error: int = 0
    """The signature of the last error; 0 after a better result."""
    greens: dict[int, Green] = field(default_factory=dict)
    green_at: int = 0
    """When tests last came out well."""
    tested_at: int = 0
    ran_at: int = 0
    """When a command last ran that does not only look or change files."""
    since_compaction: int = NEAR + 1
    """Tool results since the last compaction."""
    thrashed: int = 0
    """Compactions, each soon after the one before."""
    thrash_first: Mark | None = None
    thrash_last: Mark | None = None

    def forget(self) -> None:
        """A person spoke: what did not get better before that is not held against what comes."""
        self.scores.clear()
        self.signatures.clear()
        self.greens.clear()
        self.error = self.thrashed = 0
        for file in self.files.values():
            file.returns = 0

    # --- edits ------------------------------------------------------------------------------------------------

    def result(self, call: Asked, answer: Answer, ok: bool, seen: bool, mark: Mark) -> bool:
        """Note what a result did; tells whether something was changed that had not been changed so before."""
        self.results += 1
        self.since_compaction += 1
        if self.since_compaction > NEAR and self.thrashed:
            self.thrashed = 0
        command = call.command
        self.by_edit = ok and (call.kind == "edit" or (command.changes and not command.restores))
        self.counted = False
        if not ok or call.kind not in ("edit", "shell", "act"):
            return False
        if call.kind == "edit":
            if not self.files_told and call.path:
                self._guess(call, mark)
            new = not seen_in(self.edited, call.key)
            if new:
                self.edited = with_key(self.edited, call.key, MAX_EDITS)
        else:
            new = ((command.changes or call.changes) and not seen) or (command.commits and not answer.weak)
        if new:
            self.counted = True
            self._changed(mark)
        return new

    def _changed(self, mark: Mark) -> None:
        self.edits += 1
        self.edit_at = mark.at
        self.greens.clear()

    def file(self, path: str, content: int, mark: Mark) -> bool:
        """A file has this content now; tells whether it is new there."""
        self.files_told = True
        file = self._file(small_key(path), path)
        return self._content(file, content, mark, self.by_edit)

    def _guess(self, call: Asked, mark: Mark) -> None:
        """An edit by its own words: it goes back when it undoes what the one before it did, as it was done before."""
        file = self._file(call.path, call.label)
        undoes = not call.old or call.old == file.new
        self._content(file, mixed(call.old, call.new), mark, undoes)
        file.new = call.new

    def _file(self, key: int, label: str) -> File:
        file = self.files.pop(key, None) or File(label[-80:], [])
        self.files[key] = file
        if len(self.files) > MAX_FILES:
            del self.files[next(iter(self.files))]
        return file

    def _content(self, file: File, content: int, mark: Mark, back: bool) -> bool:
        if file.contents and file.contents[-1] == content:
            return False
        if content not in file.contents:
            file.contents = [*file.contents, content][-MAX_CONTENTS:]
            file.returns, file.first = 0, None
            if self.files_told and not self.counted:
                self._changed(mark)
            return True
        file.contents.remove(content)
        file.contents.append(content)
        if back:
            file.first = file.first or mark
            file.returns += 1
            file.last = mark
        return False

    # --- figures ----------------------------------------------------------------------------------------------

    def tell(self, call: Asked, answer: Answer, output: Excerpt, ok: bool, mark: Mark, novel: int) -> bool:
        """Read the figures and errors in a command's output; tells whether they are better than ever."""
        if call.kind not in ("shell", "query", "other") or (call.command.looks and ok):
            return False
        if ok and not (call.command.changes and not call.command.tests):
            self.ran_at = mark.at
        counted = figures(output) if call.kind == "shell" else None
        signature = error_signature(output, ok) if not answer.weak else ""
        tests = call.command.tests or (counted is not None and counted.passing is not None)
        if tests:
            self.tested_at = mark.at
        better = False
        if counted is not None and call.scope:
            better = self._scored(call, counted, signature, mark)
        if tests and ok and (counted is None or not counted.failing):
            self._green(call, answer, mark, novel)
        if better or (tests and ok and not signature):
            self.signatures.clear()
            self.error = 0
        if signature:
            self._erred(signature, call.group, mark)
        return better

    def _scored(self, call: Asked, counted: Figures, signature: str, mark: Mark) -> bool:
        return self.scored(call.scope, call.label, counted.failing, counted.passing or 0, signature, mark)

    def scored(self, key: int, label: str, value: float, passing: int, signature: str, mark: Mark) -> bool:
        """A run with this result, less being better; tells whether it is the best of several."""
        score = self.scores.pop(key, None)
        if value == 0 and passing >= 0:
            return score is not None
        if score is None:
            score = Score(label, value, passing, value, self.edits, self.edits, mark, mark, self.results)
            self.scores[key] = score
            if signature:
                score.signatures = [small_key(signature)]
            if len(self.scores) > MAX_SCORES:
                del self.scores[next(iter(self.scores))]
            return False
        self.scores[key] = score
        better = value < score.best or (passing > score.passing and value <= score.best)
        edited, score.edits_seen = self.edits > score.edits_seen, self.edits
        score.now, score.last, score.result = value, mark, self.results
        if better:
            score.best, score.passing = min(score.best, value), max(score.passing, passing)
            score.edits, score.first, score.flat, score.fresh = self.edits, mark, 0, 0
        elif edited:
            score.flat += 1
            code = small_key(signature) if signature else 0
            if code and code not in score.signatures:
                score.fresh += 1
                score.signatures = [*score.signatures, code][-8:]
        return better

    def _green(self, call: Asked, answer: Answer, mark: Mark, novel: int) -> None:
        self.green_at = mark.at
        green = self.greens.get(call.scope)
        if green is None or green.out != answer.key or novel - green.novel >= NEW_CALLS:
            self.greens[call.scope] = Green(answer.key, call.label, mark, mark, call.group, self.results, novel)
            if len(self.greens) > MAX_SCORES:
                del self.greens[next(iter(self.greens))]
        elif green.group != call.group:
            green.count, green.last, green.group, green.result = green.count + 1, mark, call.group, self.results
        if green is not None:
            green.novel = novel

    def _erred(self, signature: str, group: int, mark: Mark) -> None:
        key = self.error = small_key(signature)
        known = self.signatures.pop(key, None)
        if known is None:
            known = Signature(signature[:120], mark, mark, self.edits, self.results, group)
            if len(self.signatures) >= MAX_SIGNATURES:
                del self.signatures[next(iter(self.signatures))]
        else:
            known.count += known.group != group
            known.last, known.result, known.group = mark, self.results, group
        self.signatures[key] = known

    def compacted(self, mark: Mark, by_person: bool) -> None:
        """The context was summarised."""
        if by_person:
            self.thrashed = 0
        elif self.thrashed and self.since_compaction <= NEAR:
            self.thrashed += 1
            self.thrash_last = mark
        else:
            self.thrashed, self.thrash_first, self.thrash_last = 1, mark, mark
        self.since_compaction = 0
