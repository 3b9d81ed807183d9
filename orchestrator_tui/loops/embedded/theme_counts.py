"""Small programs that count: a stock and a ledger. No edit of one line makes a loop in them endless."""

from __future__ import annotations

from orchestrator_tui.loops.embedded.theme import Theme

STOCK = Theme(
    "stock",
    "units",
    '''"""What is in stock, and what must be bought."""

from units import price, weight


def total(items):
    """Sum of the prices of (name, count, cents)."""
    result = 0
    for _, count, cents in items:
        result = result + price(count, cents)
    return result


def shipping(items, free_from=5000):
    """Shipping in cents: nothing from `free_from` cents on, else by weight."""
    if total(items) >= free_from:
        return 0
    return 300 + 50 * weight(items)


def to_order(levels, lowest=10):
    """Names whose count has fallen to `lowest` or below, in order."""
    short = []
    for name, count in levels.items():
        if count <= lowest:
            short.append(name)
    return sorted(short)


def pages(count, size=20):
    """Pages of a list of so many lines."""
    full = count // size
    if count % size > 0:
        return full + 1
    return full


def label(name, count, vip=False):
    """What is printed on a box."""
    text = name.upper()
    if vip and count > 1:
        return text + " x" + str(count) + " VIP"
    return text + " x" + str(count)
''',
    '''"""Prices and weights."""


def price(count, cents):
    """Cents for so many pieces; from ten pieces on, one in ten is free."""
    free = count // 10
    return (count - free) * cents


def weight(items, each=2):
    """Kilograms of (name, count, cents)."""
    pieces = 0
    for _, count, _ in items:
        pieces += count
    return pieces * each
''',
    """import unittest

import stock
import units


class Stock(unittest.TestCase):
    def test_total(self):
        self.assertEqual(stock.total([("pen", 2, 150), ("ink", 1, 900)]), 1200)

    def test_total_with_free_pieces(self):
        self.assertEqual(stock.total([("pen", 10, 100)]), 900)

    def test_total_of_many(self):
        self.assertEqual(stock.total([("pen", 25, 100), ("cap", 9, 10)]), 2390)

    def test_shipping_by_weight(self):
        self.assertEqual(stock.shipping([("pen", 3, 100)]), 600)

    def test_shipping_free_at_the_limit(self):
        self.assertEqual(stock.shipping([("pen", 1, 5000)]), 0)

    def test_shipping_free_above(self):
        self.assertEqual(stock.shipping([("pen", 2, 4000)]), 0)

    def test_to_order(self):
        self.assertEqual(stock.to_order({"pen": 10, "ink": 3, "cap": 11}), ["ink", "pen"])

    def test_pages_full(self):
        self.assertEqual(stock.pages(40), 2)

    def test_pages_rest(self):
        self.assertEqual(stock.pages(41), 3)

    def test_label(self):
        self.assertEqual(stock.label("pen", 2, True), "PEN x2 VIP")
        self.assertEqual(stock.label("pen", 1, True), "PEN x1")
        self.assertEqual(stock.label("pen", 4), "PEN x4")


class Units(unittest.TestCase):
    def test_weight(self):
        self.assertEqual(units.weight([("pen", 2, 1), ("ink", 3, 1)]), 10)
""",
    ("weight", "kilograms"),
)

LEDGER = Theme(
    "ledger",
    "cents",
    '''"""Accounts and what moves between them."""

from cents import rounded, split_evenly


def balance(moves, start=0):
    """What is left after moves of cents."""
    left = start
    for move in moves:
        left += move
    return left


def lowest(moves, start=0):
    """The lowest balance on the way."""
    left = start
    least = start
    for move in moves:
        left += move
        least = min(least, left)
    return least


def interest(cents, percent, years=1):
    """Cents after so many years."""
    for _ in range(years):
        cents = cents + rounded(cents * percent, 100)
    return cents


def share(cents, people):
    """Who pays what: (name, cents), the first ones a cent more."""
    parts = split_evenly(cents, len(people))
    return list(zip(people, parts, strict=True))


def is_covered(cents, limit, overdraft=0, blocked=False):
    """Whether so many cents may be taken from `limit`."""
    if blocked:
        return False
    return cents <= limit + overdraft


def between(moves, first, last):
    """The moves from number `first` to number `last`, counted from 1."""
    return moves[first - 1 : last]
''',
    '''"""Whole cents."""


def rounded(value, by):
    """`value / by`, half a cent up."""
    return (value + by // 2) // by


def split_evenly(cents, parts):
    """So many parts that differ by no more than a cent."""
    low = cents // parts
    more = cents % parts
    return [low + 1] * more + [low] * (parts - more)
''',
    """import unittest

import cents
import ledger


class Ledger(unittest.TestCase):
    def test_balance(self):
        self.assertEqual(ledger.balance([100, -30, 5]), 75)
        self.assertEqual(ledger.balance([1], 10), 11)

    def test_lowest(self):
        self.assertEqual(ledger.lowest([50, -80, 100]), -30)

    def test_interest(self):
        self.assertEqual(ledger.interest(1000, 5), 1050)

    def test_interest_over_years(self):
        self.assertEqual(ledger.interest(1000, 10, 2), 1210)

    def test_interest_is_rounded(self):
        self.assertEqual(ledger.interest(150, 1), 152)

    def test_share(self):
        self.assertEqual(ledger.share(100, ["Ada", "Bo", "Cy"]), [("Ada", 34), ("Bo", 33), ("Cy", 33)])

    def test_is_covered(self):
        self.assertIs(ledger.is_covered(100, 100), True)
        self.assertIs(ledger.is_covered(101, 100), False)
        self.assertIs(ledger.is_covered(150, 100, 50), True)
        self.assertIs(ledger.is_covered(1, 100, 0, True), False)

    def test_between(self):
        self.assertEqual(ledger.between([1, 2, 3, 4], 2, 3), [2, 3])
        self.assertEqual(ledger.between([1, 2, 3, 4], 1, 4), [1, 2, 3, 4])


class Cents(unittest.TestCase):
    def test_rounded(self):
        self.assertEqual(cents.rounded(5, 10), 1)
""",
    ("rounded", "nearest"),
)
