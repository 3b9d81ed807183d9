"""What machines write never reaches the terminal as it was written: cases T1 to T7 of the security notes."""

from __future__ import annotations

import itertools
import re
import sys
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator_tui.clock import SECOND
from orchestrator_tui.text import MAX_MARKS, age, clean, line, utf8

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = (
    "\u00ad\u115f\u1160\u180e\u200b\u200c\u200d\u2060\u2063\u3164\ufe0f\ufeff\uffa0\U000e0001\U000e0041\U000e007f"
)
SEPARATORS = "\u2028\u2029"
FORBIDDEN = re.compile(f"[\x00-\x09\x0b-\x1f\x7f-\x9f{BIDI}{INVISIBLE}{SEPARATORS}\ud800-\udfff\U000e0000-\U000e0fff]")

STARTS = ["\x1b", "\x1b[", "\x1b]0;", "\x1b]52;c;", "\x1bP", "\x1b_G", "\x9b", "\x9d", "\x90"]
ENDS = ["\x1b\\", "\x07", "\x9c", "31m", "2J", "\r", "\n", "\r\n"]
OTHERS = [";", "\t", "\b", "\x00", "\x7f", "\x85", "a", "é", "漢", "\u0301", "\u20dd", "\ud83d", "\udfff"]
SPITE = st.sampled_from([*STARTS, *ENDS, *OTHERS, *BIDI, *INVISIBLE, *SEPARATORS])
hostile = st.lists(SPITE | st.text(st.characters(exclude_categories=()), max_size=4), max_size=30).map("".join)

T1_T3 = [
    ("\x1b]52;c;QUJD\x07x", "␛x"),
    ("\x1b]0;pwn\x07x", "␛x"),
    ("\x1b]0;pwn\x1b\\x", "␛x"),
    ("\x1b]8;;http://e\x1b\\t\x1b]8;;\x1b\\", "␛t␛"),
    ("\x1bPq\x1b\\x", "␛x"),
    ("\x1b_Gf=100;AAAA\x1b\\x", "␛x"),
    ("\x1b[6nx", "x"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x1b[38;2;1;2;3mred\x1b[K", "red"),
    ("\x1bcx", "␛x"),
    ("\x1b", "␛"),
    ("\x1b[", "␛["),
    ("\x1b\x1b[31m", "␛"),
    ("\x1b\x1b[0m[31mx", "␛[31mx"),
    ("\x9b2Jx", "x"),
    ("\x9d52;c;QQ==\x9cx", "␛x"),
    ("\x90q\x9cx", "␛x"),
    ("a\x85b", "a�b"),
]
T5 = [
    ("safe\revil", "safe␍evil"),
    ("rm -rf /\b\b\bls", "rm -rf /␈␈␈ls"),
    ("a\x00b", "a␀b"),
    ("a\x7fb", "a␡b"),
    ("a\x0bb\x0cc", "a␋b␌c"),
    ("one\r\ntwo\nthree", "one\ntwo\nthree"),
    ("a\tb", "a    b"),
]
T6 = ["[/]", "[bold", "[link=file:///etc/passwd]c[/link]", "[@click=app.quit]x[/]", "{x}", "$(id)"]
T7 = [
    ("\u202egpj.exe", "�gpj.exe"),
    ("a\u2066b\u2069", "a�b�"),
    ("pass\u200bword", "pass�word"),
    ("\ufeffx", "�x"),
    ("x\U000e0041", "x�"),
    ("\u115f\u3164", "��"),
    ("a\u2028b", "a�b"),
    ("❤\ufe0f", "❤"),
    ("cut \ud83d", "cut �"),
    ("e\u0301", "e\u0301"),
    ("é漢🙂", "é漢🙂"),
]


@pytest.mark.parametrize(("text", "shown"), [*T1_T3, *T5, *T7, *((t, t) for t in T6)])
def test_hostile_text_is_dropped_or_made_visible(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    "opening", ["\x1b]0;", "\x1b]52;c;", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x9d", "\x90", "\x9f"]
)
def test_an_unterminated_string_sequence_hides_nothing(opening: str) -> None:
    """T4: the words after it stay visible, and a terminator lines below does not reach back."""
    first, *rest = clean(f"{opening}never ends\nsecond\nthird\x07\nfourth").split("\n")
    assert first.endswith("never ends")
    assert rest == ["second", "third␇", "fourth"]


def test_a_string_sequence_longer_than_4_kib_is_shown() -> None:
    assert "x" * 5000 in clean("\x1b]0;" + "x" * 5000 + "\x07")
    assert clean("\x1b]0;" + "x" * 4000 + "\x07after") == "␛after"


@pytest.mark.parametrize("mark", ["\u0300", "\u0489", "\u0e49", "\u20dd", "\ufe20", "\u1dc4"])
def test_stacked_combining_marks_are_bounded(mark: str) -> None:
    assert clean("a" + mark * 50 + "b") == "a" + mark * MAX_MARKS + "b"


CHARS = [chr(code) for code in range(sys.maxunicode + 1)]


def test_no_control_format_character_separator_or_surrogate_of_unicode_passes() -> None:
    """Whatever this Python's Unicode calls so; a line feed is the one that clean keeps."""
    shown = [
        char for char in CHARS if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and clean(char) == char
    ]
    assert shown == ["\n"]


def test_every_combining_mark_of_unicode_is_bounded() -> None:
    for char in CHARS:
        if unicodedata.category(char) in ("Mn", "Me"):
            assert clean("a" + char * 50 + "b").count(char) <= MAX_MARKS, hex(ord(char))


@pytest.mark.parametrize("marks", ["\u0301\u05bf\u0670", "\u3099\U0001e130\u20dd", "\u0301\ufe0f\u0301\u0301"])
def test_mixed_marks_are_bounded_where_they_stand(marks: str) -> None:
    kept = marks.replace("\ufe0f", "")[:MAX_MARKS]
    assert clean(f"a{marks * 9}b「─{marks[:1]}─」") == f"a{kept}b「─{marks[:1]}─」"


def test_a_string_sequence_ends_where_another_begins() -> None:
    assert clean("\x9dfirst\x9dsecond\x9cthird") == "�first␛third"


@given(hostile)
@example("\x1b]0;a\x1b[0m\x07")
@example("\x1b\x9b31m[31m")
@example("\r\r\n")
@example("\x1b" * 3 + "[" * 3)
def test_whatever_goes_in_only_harmless_text_comes_out(text: str) -> None:
    shown = clean(text)
    assert not FORBIDDEN.search(shown)
    assert clean(shown) == shown
    shown.encode()
    assert not FORBIDDEN.search(line(text)) and "\n" not in line(text)


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=60))
def test_plain_words_of_any_script_pass_unchanged(text: str) -> None:
    text = "".join(char for char in text if char not in INVISIBLE and not unicodedata.combining(char))
    assert clean(text) == text


@given(hostile, st.integers(1, 40))
def test_a_limited_line_is_never_longer(text: str, limit: int) -> None:
    assert len(line(text, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("a\nb\r\nc", 0, "a ⏎ b ⏎ c"),
        ("\n\na\n\n\nb\n", 0, "a ⏎ b"),
        ("a\rb", 0, "a␍b"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd  fg", 6, "abcd…"),
        ("abc", 1, "…"),
        ("x" * 10_000, 4, "xxx…"),
        ("", 5, ""),
    ],
)
def test_a_line_is_one_line_cut_with_an_ellipsis(text: str, limit: int, shown: str) -> None:
    assert line(text, limit) == shown


@pytest.mark.parametrize("bit", ["\x1b]0;", "\x1b[31m", "\x1b[1", "\u202e", "\x1b", "a\u0301\u0301\u0301"])
def test_the_answer_grows_only_in_step_with_the_question(bit: str) -> None:
    """Hostile repetition makes neither more output per input nor output that depends on the neighbours' number."""
    sizes = [len(clean("." + bit * n)) for n in (100, 200, 300)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] <= 400


@pytest.mark.parametrize(
    "hidden", ["\x1b[0m" * 100, "\x1b[38;2;1;2;3m" * 200, "\ufe0f" * 4000, "\x1b]0;" + "t" * 4000 + "\x07"]
)
def test_what_is_dropped_takes_no_place_in_a_cell(hidden: str) -> None:
    assert line(hidden + "hello there", 10).endswith(("hello the…", "␛hello th…"))


def test_a_cell_of_a_huge_text_costs_little() -> None:
    """Megabytes are cut before they are cleaned."""
    begun = time.process_time()
    for _ in range(20):
        assert len(line("\u202e" * 5_000_000, 40)) == 40
    assert time.process_time() - begun < 2


SIGNS = [
    "\x9d", "\x9dx", "\x9b", "\x9b0", "\x9b ", "\x90\x1b", "\x1b", "\x1b[", "\x1b]", "\x1b]x", "\x1b[0", "\x1b[ ", "\x1bP",
    "\u0301", "a\u0301\u0301\u0301", "\u0301\ufe0f", "\u202e", "\r", "\x00", "\t", "─", "漢", "\ue000", "1", "-", "a",
]  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("start", ["", "\x1b[", "\x1b]", "\x9b", "\x9d"])
def test_the_cost_of_cleaning_is_linear(start: str, sign: str) -> None:
    """256 KiB take a fraction of a second; with a quadratic pattern they take minutes."""
    begun = time.process_time()
    clean(start + sign * (262_144 // len(sign)))
    assert time.process_time() - begun < 3


def test_a_limited_line_looks_at_a_bounded_part_of_the_text() -> None:
    """The cost of a table's cell does not depend on how much an agent wrote."""
    prefixes = {line("\x1b[31m" + "word " * n, 20) for n in (100, 1000, 10_000)}
    assert prefixes == {"word word word word…"}


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_utf8_makes_any_text_storable(text: str) -> None:
    stored = utf8(text)
    stored.encode()
    assert utf8(stored) == stored
    assert len(stored) == len(text)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (0.999, "0s"),
        (41, "41s"),
        (59.99, "59s"),
        (60, "1m"),
        (190, "3m10s"),
        (60.9, "1m"),
        (69, "1m"),
        (199, "3m10s"),
        (599, "9m50s"),
        (600, "10m"),
        (3599, "59m"),
        (3600, "1h"),
        (4320, "1h12m"),
        (86_399, "23h59m"),
        (86_400, "1d"),
        (400 * 86_400, "400d"),
    ],
)
def test_age_is_coarser_the_longer_it_is(seconds: float, shown: str) -> None:
    assert age(int(seconds * SECOND)) == shown


def test_every_single_control_and_every_pair_is_harmless() -> None:
    codes = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
    for first, second in itertools.product(codes, codes):
        assert not FORBIDDEN.search(clean(first + second))
