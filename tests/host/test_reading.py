"""One step of reading: nothing is read twice, nothing is lost, and nothing but a regular file is opened."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui.clients.base import FileRef
from orchestrator_tui.events import AssistantMessage, Unparsed, UserMessage
from orchestrator_tui.host import reading
from orchestrator_tui.host.reading import Job, Step, pack, read, read_packed, unpack

NOW = 1_795_176_000_000_000_000


def ref(path: Path, client: str = "log") -> FileRef:
    return FileRef(client, str(path), "lines", str(path.parent))


def step(path: Path, before: Step | None = None) -> Step:
    """One step, on from the one before."""
    job = Job(ref(path), None, NOW) if before is None else Job(ref(path), before.after, NOW, before.scanned)
    found = read(job)
    assert found is not None
    return found


def steps(path: Path, before: Step | None = None) -> list[Step]:
    """Steps up to the end of the file."""
    found = [step(path, before)]
    while found[-1].more:
        found.append(step(path, found[-1]))
    return found


def said(*found: Step) -> list[str]:
    """The messages and the refusals, in order."""
    return [
        draft.body.text.text if isinstance(draft.body, UserMessage) else "!"
        for each in found
        for draft in each.drafts
        if isinstance(draft.body, UserMessage | Unparsed)
    ]


def line(text: str) -> bytes:
    return json.dumps({"kind": "user", "text": text}, ensure_ascii=False).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "s.jsonl"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of 200 bytes, a line of 1000, blocks of 64."""
    for name, value in (("STEP_BYTES", 200), ("MAX_LINE", 1000), ("BLOCK", 64)):
        monkeypatch.setattr(reading, name, value)


def test_a_cut_last_line_waits_until_it_is_whole(log: Path) -> None:
    whole = line("one") + line("two")
    log.write_bytes(whole[:-4])
    first = steps(log)[-1]
    assert first.after.offset == len(line("one"))
    assert not steps(log, first)[-1].drafts
    log.write_bytes(whole[:-1])
    assert not said(*steps(log, first)), "a line ends with its line feed"
    log.write_bytes(whole)
    assert said(*steps(log, first)) == ["two"]
    assert said(*steps(log)) == ["one", "two"]


@pytest.mark.parametrize("size", [0, 1])
def test_a_file_without_a_line_is_waited_for(log: Path, size: int) -> None:
    log.write_bytes(b"{" * size)
    found = step(log)
    assert (found.drafts, found.after.offset, found.more, found.restarted) == ([], 0, False, False)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 400), max_size=6))
def test_however_the_file_grows_each_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    log = tmp_path_factory.mktemp("grow") / "s.jsonl"
    words = [f"message {n} ünï" for n in range(10)]
    whole = b"".join(line(word) for word in words)
    found: list[Step] = []
    for cut in [*sorted(cuts), len(whole)]:
        log.write_bytes(whole[:cut])
        found += steps(log, found[-1] if found else None)
    assert said(*found) == words
    assert not any(each.restarted for each in found)
    assert found[-1].after.offset == len(whole)


def _truncate(log: Path) -> None:
    log.write_bytes(line("new"))


def _replace(log: Path) -> None:
    other = log.with_name("other")
    other.write_bytes(line("one") + line("two") + line("new"))
    other.replace(log)


def _rewrite(log: Path) -> None:
    log.write_bytes(line("ONE") + line("two") + line("new"))


@pytest.mark.parametrize("change", [_truncate, _replace, _rewrite])
def test_a_file_that_is_not_the_same_is_read_from_the_start(log: Path, change: object) -> None:
    log.write_bytes(line("one") + line("two"))
    before = steps(log)[-1]
    assert callable(change)
    change(log)
    after = step(log, before)
    assert after.restarted
    assert said(after)[-1] == "new" and len(said(after)) == (1 if change is _truncate else 3)
    assert not step(log, after).restarted
    assert step(log, before).drafts == after.drafts, "a restart forgets what the parser knew"


def test_a_file_that_is_touched_is_the_same(log: Path) -> None:
    log.write_bytes(line("one"))
    before = step(log)
    os.utime(log, ns=(1, 1))
    again = step(log, before)
    assert (again.restarted, again.drafts, again.after.mtime) == (False, [], 1)


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    """T16: a link, a pipe, a device and a directory are passed over, and nobody waits for a writer."""
    (tmp_path / "real").write_bytes(line("one"))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "dir").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "zero", "dir", "pipe", "none"):
        for kind in ("lines", "document"):
            assert read(Job(FileRef("log", str(tmp_path / name), kind, str(tmp_path)), None, NOW)) is None
    assert read(Job(FileRef("log", "/dev/zero", "lines", "/dev"), None, NOW)) is None


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85", "\r", "\x00"])
def test_only_a_line_feed_ends_a_line(log: Path, char: str) -> None:
    body = f'{{"kind":"user","text":"a{char}b"}}' if ord(char) >= 0x20 else f'{{"kind":"user",{char} "text":"ab"}}'
    log.write_bytes(body.encode() + b"\n" + line("next"))
    (found,) = steps(log)
    assert said(found)[-1] == "next" and len(said(found)) == 2
    assert found.after.offset == log.stat().st_size


def test_a_carriage_return_before_the_line_feed_is_no_content(log: Path) -> None:
    log.write_bytes(line("one").replace(b"\n", b"\r\n") + b"\r\n\n" + line("two"))
    assert said(*steps(log)) == ["one", "two"]


@pytest.mark.parametrize("size", [150, 250, 600, 999])
def test_a_line_longer_than_a_step_is_read_whole(log: Path, small: None, size: int) -> None:
    text = "x" * (size - len(line("")))
    log.write_bytes(line("one") + line(text) + line("three"))
    assert said(*steps(log)) == ["one", text, "three"]


@pytest.mark.parametrize("size", [1001, 1500, 10_000])
@pytest.mark.parametrize("start", [b"", line("one")])
def test_a_line_too_long_to_be_read_is_one_unparsed_and_the_next_is_read(
    log: Path, small: None, size: int, start: bytes
) -> None:
    log.write_bytes(start + line("x" * size) + line("two"))
    found = steps(log)
    assert said(*found) == (["one"] if start else []) + ["!", "two"]
    assert found[-1].after.offset == log.stat().st_size
    (refused,) = (draft for each in found for draft in each.drafts if isinstance(draft.body, Unparsed))
    assert (refused.offset, refused.length) == (len(start), len(line("x" * size)))


def test_a_long_line_that_grows_is_scanned_once(log: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was searched for a line feed in vain is not searched again: the cost of a growing line is linear."""
    scanned, total, found = 0, 0, None
    real = os.pread

    def counted(fd: int, size: int, offset: int) -> bytes:
        nonlocal scanned
        data = real(fd, size, offset)
        scanned += len(data)
        return data

    monkeypatch.setattr(os, "pread", counted)
    for _ in range(20):
        with log.open("ab") as file:
            file.write(b"x" * 300)
        total += 300
        found = step(log, found)
        assert found.scanned == total and not found.drafts
    assert scanned < 2 * total


def test_a_shorter_rewrite_behind_a_line_that_was_searched_is_read(log: Path, small: None) -> None:
    """What was searched lies before the checkpoint's guard: only the file's size tells that it is gone."""
    for start in (b"", line("one")):
        log.write_bytes(start + b"x" * 5000)
        waiting = steps(log)[-1]
        assert waiting.scanned == len(start) + 5000 and waiting.after.offset == len(start)
        log.write_bytes(start + line("two"))
        after = steps(log, waiting)
        assert said(*after) == ["two"] and after[-1].after.offset == log.stat().st_size


def test_a_step_is_bounded_and_nothing_is_lost_between_steps(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STEP_DRAFTS", 10)
    words = [str(n) for n in range(95)]
    log.write_bytes(b"".join(line(word) for word in words))
    found = steps(log)
    assert said(*found) == words
    # The first line also opens the session.
    assert max(len(each.drafts) for each in found) <= 11 and len(found) == 10
    assert [each.more for each in found] == [True] * 9 + [False]


def test_a_step_reads_a_bounded_part_of_the_file(log: Path, small: None) -> None:
    words = [str(n) for n in range(100)]
    log.write_bytes(b"".join(line(word) for word in words))
    found = steps(log)
    ends = [0, *(each.after.offset for each in found)]
    assert said(*found) == words
    assert all(0 < end - start <= 200 for start, end in pairwise(ends))


def test_a_step_says_whose_file_it_is_and_since_when(log: Path) -> None:
    log.write_bytes(b'{"kind":"session","session":"s1","t":0,"epoch":1000}\n' + line("one"))
    found = step(log)
    assert (found.session, found.born) == ("log:s1", 1000 * 10**9)
    status = log.stat()
    assert (found.after.size, found.after.mtime) == (status.st_size, status.st_mtime_ns)


# --- in a worker process --------------------------------------------------------------------------------------


def test_the_worker_s_steps_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STEP_DRAFTS", 10)
    logs = [tmp_path / f"{n}.jsonl" for n in range(3)]
    for log in logs:
        log.write_bytes(b"".join(line(f"{log.name} {n}") for n in range(25)))
    jobs = [Job(ref(log), None, NOW) for log in (*logs, tmp_path / "none.jsonl")]
    here = [each for log in logs for each in steps(log)]
    assert unpack(read_packed(pack(jobs))) == [*here, None]


def test_the_worker_stops_when_its_budget_is_used_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WORKER_BYTES", 50)
    logs = [tmp_path / f"{n}.jsonl" for n in range(3)]
    for log in logs:
        log.write_bytes(line("one"))
    found = unpack(read_packed(pack([Job(ref(log), None, NOW) for log in logs])))
    assert len(found) == 2 and all(each is not None and said(each) == ["one"] for each in found)


def test_a_claude_transcript_goes_through_the_worker_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    message = {"id": "m", "content": "hi", "usage": {"input_tokens": 1}}
    path.write_text(json.dumps({"type": "assistant", "timestamp": "2026-11-20T10:00:00Z", "message": message}) + "\n")
    job = Job(ref(path, "claude"), None, NOW)
    (found,) = unpack(read_packed(pack([job])))
    assert found == read(job)
    assert found is not None and any(isinstance(draft.body, AssistantMessage) for draft in found.drafts)
