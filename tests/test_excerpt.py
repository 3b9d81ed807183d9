"""What is kept of a text, and when two texts count as the same answer."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator_tui.excerpt import (
    MESSAGE,
    MESSAGE_TAIL,
    OUTPUT_HEAD,
    OUTPUT_TAIL,
    WHOLE,
    Excerpt,
    digest,
    excerpt,
    normalise,
    output,
)

SAME = [
    ("done in 1.23s", "done in 0.4s"),
    ("done in 5 ms", "done in 1200 ms"),
    ("took 12µs", "took 3 us"),
    ("took 2 minutes", "took 3 minutes"),
    ("(0.01s) ok", "(9.99s) ok"),
    ("2026-11-20T10:00:00Z x", "2025-01-02T23:59:59Z x"),
    ("2026-11-20T10:00:00.123+01:00 x", "2026-11-21T10:00:00.9-02:00 x"),
    ("2026-11-20 10:00:00,123 ERROR", "2026-11-20 10:00:07,998 ERROR"),
    ("[10:00:00] hi", "[9:59:59] hi"),
    ("<A object at 0x7f3a2b>", "<A object at 0x11ffee>"),
    ("pid 123 died", "pid 99999 died"),
    ("PID=123", "PID=9"),
    ("[pid 123] ok", "[pid 7] ok"),
    ("pid: 123 ok", "pid: 7 ok"),
    ("process 1217 gone", "process 20018 gone"),
    ("Process #1217 gone", "Process #9999 gone"),
    ("process id 7 gone", "process id 12 gone"),
    ("worker process[7]: ok", "worker process[12]: ok"),
    ("id 6717d69e-40fc-46a8-aadf-91afb16995e8", "id c0c4233e-82ef-43c5-95dd-48010e253dde"),
    ("no /tmp/pytest-12/a", "no /tmp/pytest-13/a"),
    ("in '/var/folders/ab/x'", "in '/var/folders/zz/y'"),
    ("\x1b[31mfailed\x1b[0m", "failed"),
    ("end  \n", "\nend"),
    ("request id: req_011CVxaBcDeFgHiJ", "request id: req_011CZzzzzzzzzzzz"),
    ("see /h/.claude/tool-results/toolu_01AbCdEfGhIj.txt", "see /h/.claude/tool-results/toolu_01ZzZzZzZzZz.txt"),
    ("/home/u/.gemini/tmp/a1b2/out.txt", "/home/u/.gemini/tmp/ffff/out2.txt"),
]
DIFFERENT = [
    ("3 failed", "2 failed"),
    ("3 failed in 1.2s", "2 failed in 1.2s"),
    ("1 failed, 11 passed", "2 failed, 11 passed"),
    ("exit code 1", "exit code 2"),
    ("expected 3 rows, got 2", "expected 3 rows, got 1"),
    ("line 12", "line 13"),
    ("x.py:12: error", "x.py:13: error"),
    ("port 8080", "port 8081"),
    ("version 1.2.3", "version 1.2.4"),
    ("3 secrets", "4 secrets"),
    ("/home/a/x", "/home/a/y"),
    ("deadbeef", "deadbee0"),
    ("process 3 failed", "process 2 failed"),
    ("process: 3 failed", "process: 2 failed"),
    ("subprocess: 3 failed", "subprocess: 2 failed"),
    ("subprocess 3000 failed", "subprocess 2000 failed"),
    ("processes 3000", "processes 2000"),
    ("stupid 3 failed", "stupid 2 failed"),
    ("rapid=3", "rapid=2"),
    ("image 1920x1080", "image 1920x720"),
    ("a matrix of 3x5", "a matrix of 4x5"),
    ("1" * 50, "1" * 51),
    ("call_me_later", "call_me_never"),
    ("call_handlers()", "call_listeners()"),
    ("req_12", "req_13"),
    ("", "x"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_outputs_that_differ_only_in_circumstance_are_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)
    assert digest(one) == digest(other)
    assert digest(f"before\n{one}\nafter") == digest(f"before\n{other}\nafter") or one.strip() != one


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_outputs_that_say_something_else_differ(one: str, other: str) -> None:
    assert digest(one) != digest(other)


def test_a_scratch_path_ends_where_the_sentence_goes_on() -> None:
    assert normalise("cannot open '/tmp/a b' (3 failed)") == "cannot open '· b' (3 failed)"
    assert digest("/tmp/x: 3 failed") != digest("/tmp/x: 2 failed")


@given(st.text(st.characters(exclude_categories=()), max_size=200))
@example("\ud83d")
def test_any_text_has_a_digest_of_16_digits(text: str) -> None:
    code = digest(text)
    assert re.fullmatch(r"[0-9a-f]{16}", code)
    assert code == digest(text)


@given(st.text(max_size=60), st.integers(0, 20), st.integers(0, 20))
def test_an_excerpt_is_bounded_and_knows_the_length(text: str, head: int, tail: int) -> None:
    kept = excerpt(text, head, tail)
    assert kept.length == len(text)
    assert kept.digest == digest(text)
    assert len(kept.text) <= max(head, head + tail) and len(kept.tail) <= tail
    assert kept.whole == (len(text) <= head + tail)
    if kept.whole:
        assert kept.text == text
    else:
        assert text.startswith(kept.text) and text.endswith(kept.tail)


@pytest.mark.parametrize("extra", [-1, 0, 1, 10_000])
def test_a_message_keeps_its_beginning_and_its_end(extra: int) -> None:
    text = "a" * (MESSAGE + MESSAGE_TAIL - 5 + extra) + "why?!"
    cut = extra > 0
    kept = Excerpt(text[:MESSAGE] if cut else text, len(text), digest(text), text[-MESSAGE_TAIL:] if cut else "")
    assert excerpt(text) == kept


def test_an_output_keeps_both_ends() -> None:
    text = "a" * 5000 + "END"
    kept = output(text)
    assert (len(kept.text), len(kept.tail), kept.length) == (OUTPUT_HEAD, OUTPUT_TAIL, 5003)
    assert kept.tail.endswith("END") and not kept.whole


def test_the_digest_is_of_the_whole_not_of_what_is_kept() -> None:
    one, other = (output("x " * 4000 + middle + " y" * 4000) for middle in ("3 failed", "2 failed"))
    assert (one.text, one.tail) == (other.text, other.tail)
    assert one.digest != other.digest


def test_of_a_huge_text_the_middle_still_counts() -> None:
    ends = ("a b " * (WHOLE // 4), "c d " * (WHOLE // 4))
    assert digest(ends[0] + "1" + ends[1]) != digest(ends[0] + "2" + ends[1])
    assert digest(ends[0] + ends[1] + "in 1s") == digest(ends[0] + ends[1] + "in 2s")


SIGNS = [
    "1", "-", "a", "é", ".1", "1.", "1:", "1-", "1 ", "1s", "0x", "0x1", "11:11:11.", "2026-11-20T", "2026-", "-aaaa", "deadbeef-",
    "/tmp/", "/tmp", "\x1b[", "\x1b[0", "\x1b[ ", "\x1b", "\x9d", "pid", "pid ", "pid:1", "process ", "process #", "process[1",
]  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("start", ["", "\x1b[", "/tmp/", "pid ", "process[", "0x", "1.", "-aaaa-aaaa-aaaa-"])
def test_the_cost_of_a_digest_is_linear(start: str, sign: str) -> None:
    """256 KiB take a fraction of a second; with a quadratic pattern they take minutes."""
    begun = time.process_time()
    normalise(start + sign * (WHOLE // len(sign)))
    assert time.process_time() - begun < 3


def test_a_lone_surrogate_can_be_kept() -> None:
    assert excerpt("cut \ud83d").text.encode() == b"cut ?"
