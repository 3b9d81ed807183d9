"""The last check against the last edit: what was run, whether it shows anything of what is there now."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.trust import Trust, proof_words, trust_of
from orchestrator_tui.fleet.worktree import absolute, changes_words, paths_in, within
from tests.fleet.generated import SECOND
from tests.fleet.playing import NAME, Play

PASSED, FAILED = "3 passed in 0.1s", "1 failed, 2 passed in 0.1s"
TEST = "cd /w && python -m pytest -q tests/a 2>&1 | tail -5"


def trust(play: Play) -> Trust:
    return trust_of(play.fleet.sessions[NAME])


def start() -> Play:
    return Play(cwd="/w").user("fix it")


TABLE: dict[str, tuple[Callable[[], Play], str, str]] = {
    "nothing": (start, "", ""),
    "only edits": (lambda: start().edit("a", "1", "2"), "no test or check was run", "no test or check was run"),
    "only tests": (lambda: start().sh(TEST, PASSED), "passed", "pytest tests/a passed 3m ago"),
    "tests after the edit": (
        lambda: start().edit("a", "1", "2").sh(TEST, PASSED), "passed after the last edit",
        "pytest tests/a passed 3m ago, after the last edit",
    ),
    "tests before the edit": (
        lambda: start().sh(TEST, PASSED).edit("a", "1", "2"), "passed before the last edit",
        "pytest tests/a passed 2m50s ago, before the last edit",
    ),
    "the same edit again counts": (
        lambda: start().edit("a", "1", "2").sh(TEST, PASSED).edit("a", "1", "2"), "passed before the last edit", "",
    ),
    "failed": (lambda: start().edit("a", "1", "2").sh(TEST, FAILED, ok=False), "failed after the last edit", ""),
    "failed, edited": (lambda: start().sh(TEST, FAILED, ok=False).edit("a", "1", "2"), "failed before the last edit", ""),
    "passed, then failed": (lambda: start().sh(TEST, PASSED).sh(TEST, FAILED, ok=False), "failed", ""),
    "a refused edit": (lambda: start().sh(TEST, PASSED).fails("Edit", {"file_path": "a"}, "no"), "passed", ""),
    "a look": (lambda: start().sh(TEST, PASSED).do("Read", {"file_path": "a"}, "x"), "passed", ""),
    "a commit is no edit": (
        lambda: start().edit("a", "1", "2").sh(TEST, PASSED).sh("git commit -am x", "[main 1] x"),
        "passed after the last edit", "",
    ),
    "a file that the client tells of": (
        lambda: start().sh(TEST, PASSED).event(ev.FileChanged(path="/w/a", hash="1")), "passed before the last edit", "",
    ),
    "a named check": (
        lambda: start().edit("a", "1", "2").event(ev.Check(name="lint\x1b[2J", ok=True)), "passed after the last edit",
        "lint\x1b[2J passed 3m ago, after the last edit",
    ),
    "a command that changed a file": (
        lambda: start().event(ev.WorktreeSeen(root="/w")).sh(TEST, PASSED).sh("sed -i s/a/b/ a")
        .event(ev.WorktreeSeen(root="/w", files=(("a", 1, 1),), changed=1)), "passed before the last edit", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_what_its_word_is_worth(case: str) -> None:
    make, words, proof = TABLE[case]
    play = make()
    found = trust(play)
    assert found.words == words
    assert found.stale == ("before" in words)
    assert (found.last_check_ok is None) == (found.last_check_at is None)
    if proof:
        at = found.last_check_at or play.now
        assert (
            proof_words(
                found, max(play.now + 170 * SECOND, at + 180 * SECOND) if "2m50s" not in proof else at + 170 * SECOND
            )
            == proof
        )


def test_a_claim_is_told() -> None:
    play = start().edit("a", "1", "2").ends("All tests pass now.")
    assert trust(play).claim == "All tests pass now."
    assert trust(start()).claim == ""


SEEN: tuple[tuple[ev.WorktreeSeen, str], ...] = (
    (ev.WorktreeSeen(root="/w"), "nothing differs from when it began"),
    (ev.WorktreeSeen(root="/w", commits_since=2), "nothing differs from when it began"),
    (ev.WorktreeSeen(root="/w", changed=1, added=2, dirty=True), "1 file +2 -0, not committed"),
    (ev.WorktreeSeen(root="/w", changed=14, added=212, removed=40, commits_since=3), "14 files +212 -40, committed"),
    (ev.WorktreeSeen(root="/w", changed=2, dirty=True, commits_since=1), "2 files +0 -0, in part committed"),
    (ev.WorktreeSeen(root="/w", changed=9, partial=True), "at least 9 files +0 -0"),
    (ev.WorktreeSeen(root="/w", untracked=3), "3 new, not committed"),
    (ev.WorktreeSeen(root="/w", changed=1, untracked=None, dirty=True), "1 file +0 -0, not committed"),
)


@pytest.mark.parametrize(("seen", "words"), SEEN)
def test_changes_in_words(seen: ev.WorktreeSeen, words: str) -> None:
    assert changes_words(seen) == words


@pytest.mark.parametrize(
    ("path", "cwd", "expected"),
    [("a/b", "/w", "/w/a/b"), ("../x", "/w/a", "/w/x"), ("/x//y/./z", None, "/x/y/z"), ("a", None, ""), ("a", "rel", ""),
     ("~/a", "/w", ""), ("", "/w", "/w"), ("file:///x", None, "/x"), ("a\0b", "/w", "")],
)  # fmt: skip
def test_paths_are_told_from_the_root(path: str, cwd: str | None, expected: str) -> None:
    assert absolute(path, cwd) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"file_path":"/w/a b.py","old_string":"x"}', ["/w/a b.py"]),
        ('{"content":"\\"file_path\\":\\"/no\\"","file_path":"/yes"}', ["/yes"]),
        ('{"filePath":"/w/\\u00fc\\"q"}', ['/w/ü"q']),
        ('{"file_path":"/cut', []),
        ('{"patch":"*** Begin Patch\\n*** Update File: src/a.py\\n@@\\n-x\\n*** Add File: b\\n+*"}', ["src/a.py", "b"]),
        ("*** Begin Patch\n*** Delete File: a\n*** Move to: c\n", ["a", "c"]),
        ('{"path":"\\ud800"}', []),
        ("", []),
        ("[" * 2000, []),
    ],
)
def test_the_files_that_arguments_name(arguments: str, expected: list[str]) -> None:
    assert paths_in(arguments) == expected


def test_within() -> None:
    assert within("/w/a", "/w")
    assert within("/w/a", "/w/")
    assert not within("/ww/a", "/w")
    assert not within("/w", "/w")
    assert not within("/w/a", None)
