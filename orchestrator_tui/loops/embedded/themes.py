"""The small programs that scratch repositories are made of: two modules each, and tests that know what is right.

No edit of one line makes a loop in them endless.
"""

from __future__ import annotations

from orchestrator_tui.loops.embedded.theme import Theme
from orchestrator_tui.loops.embedded.theme_counts import LEDGER, STOCK

_TEXT = Theme(
    "report",
    "words",
    '''"""Short reports of texts."""

from words import clean, split


def counts(text, least=1):
    """How often each word stands there, those with at least `least`."""
    found = {}
    for word in split(text):
        found[word] = found.get(word, 0) + 1
    return {word: count for word, count in found.items() if count >= least}


def longest(text):
    """The length of the longest word."""
    sizes = [len(word) for word in split(text)]
    return max(sizes)


def shorten(text, width, end="..."):
    """The text, or as much of it as fits with `end` into `width`."""
    if len(text) <= width:
        return text
    return text[: width - len(end)] + end


def heading(text, level=1):
    """A line of Markdown."""
    title = clean(text)
    return "#" * level + " " + title


def every(text, step, start=0):
    """Every so-many-th word, from the start."""
    words = split(text)
    return [words[index] for index in range(start, len(words), step)]


def is_question(text):
    """Whether it asks."""
    trimmed = text.strip()
    if not trimmed:
        return False
    return trimmed.endswith("?")
''',
    '''"""Words of a text."""


def clean(text):
    """One space between words, none at the ends."""
    return " ".join(text.split())


def split(text, least=1):
    """The words in small letters, without those shorter than `least`."""
    words = clean(text).lower().split(" ")
    return [word for word in words if len(word) >= least]
''',
    """import unittest

import report
import words


class Report(unittest.TestCase):
    def test_counts(self):
        self.assertEqual(report.counts("a b A"), {"a": 2, "b": 1})

    def test_counts_least(self):
        self.assertEqual(report.counts("a b a c c", 2), {"a": 2, "c": 2})

    def test_longest(self):
        self.assertEqual(report.longest("to be able"), 4)

    def test_shorten(self):
        self.assertEqual(report.shorten("a long text", 8), "a lon...")

    def test_shorten_nothing(self):
        self.assertEqual(report.shorten("12345678", 8), "12345678")

    def test_heading(self):
        self.assertEqual(report.heading("  My   Text "), "# My Text")
        self.assertEqual(report.heading("Two", 2), "## Two")

    def test_every(self):
        self.assertEqual(report.every("a b c d e", 2), ["a", "c", "e"])
        self.assertEqual(report.every("a b c d", 2, 1), ["b", "d"])

    def test_is_question(self):
        self.assertIs(report.is_question("Why? "), True)
        self.assertIs(report.is_question("So."), False)
        self.assertIs(report.is_question("  "), False)


class Words(unittest.TestCase):
    def test_split(self):
        self.assertEqual(words.split("To be  OR"), ["to", "be", "or"])
        self.assertEqual(words.split("a be cee", 2), ["be", "cee"])
""",
    ("clean", "tidy"),
)

_ROTA = Theme(
    "rota",
    "hours",
    '''"""Who works when."""

from hours import length, overlap


def worked(shifts):
    """Hours of shifts (name, start, end), by name."""
    sums = {}
    for name, start, end in shifts:
        sums[name] = sums.get(name, 0) + length(start, end)
    return sums


def overtime(shifts, limit=40):
    """Names with more hours than `limit`, and how many more."""
    extra = {}
    for name, hours in worked(shifts).items():
        if hours > limit:
            extra[name] = hours - limit
    return extra


def clash(one, two):
    """Whether two shifts (name, start, end) of one person overlap."""
    if one[0] != two[0]:
        return False
    return overlap(one[1], one[2], two[1], two[2])


def next_free(taken, slots=24):
    """The first hour that nobody has, or None."""
    for hour in range(slots):
        if hour not in taken:
            return hour
    return None


def pay(hours, rate, bonus=10):
    """Wage; the hours above 40 count half as much again, and from 60 there is a bonus."""
    normal = min(hours, 40)
    extra = hours - normal
    wage = normal * rate + extra * rate * 3 // 2
    if hours >= 60:
        wage += bonus
    return wage
''',
    '''"""Hours of a day."""


def length(start, end):
    """Hours from start to end; an end before the start is on the next day."""
    if end < start:
        return end + 24 - start
    return end - start


def overlap(start, end, other_start, other_end):
    """Whether two times have an hour in common."""
    return start < other_end and other_start < end
''',
    """import unittest

import hours
import rota


class Rota(unittest.TestCase):
    def test_worked(self):
        self.assertEqual(rota.worked([("Ada", 8, 12), ("Bo", 9, 10), ("Ada", 13, 15)]), {"Ada": 6, "Bo": 1})

    def test_worked_at_night(self):
        self.assertEqual(rota.worked([("Ada", 22, 6)]), {"Ada": 8})

    def test_overtime(self):
        self.assertEqual(rota.overtime([("Ada", 0, 23), ("Ada", 0, 20), ("Bo", 0, 5)]), {"Ada": 3})

    def test_overtime_at_the_limit(self):
        self.assertEqual(rota.overtime([("Ada", 0, 20), ("Ada", 0, 20)]), {})

    def test_clash(self):
        self.assertIs(rota.clash(("Ada", 8, 12), ("Ada", 11, 13)), True)
        self.assertIs(rota.clash(("Ada", 8, 12), ("Bo", 11, 13)), False)

    def test_no_clash_when_one_follows(self):
        self.assertIs(rota.clash(("Ada", 8, 12), ("Ada", 12, 13)), False)
        self.assertIs(rota.clash(("Ada", 12, 13), ("Ada", 8, 12)), False)

    def test_next_free(self):
        self.assertEqual(rota.next_free([0, 1, 3]), 2)
        self.assertIsNone(rota.next_free([0, 1], 2))

    def test_next_free_late(self):
        self.assertEqual(rota.next_free(list(range(23))), 23)

    def test_pay(self):
        self.assertEqual(rota.pay(10, 20), 200)
        self.assertEqual(rota.pay(50, 20), 1100)

    def test_pay_with_bonus(self):
        self.assertEqual(rota.pay(60, 10), 710)
        self.assertEqual(rota.pay(60, 10, 50), 750)


class Hours(unittest.TestCase):
    def test_length(self):
        self.assertEqual(hours.length(9, 17), 8)
""",
    ("length", "duration"),
)

THEMES = (STOCK, _TEXT, _ROTA, LEDGER)
