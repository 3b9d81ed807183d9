"""One bill: tokens times their rates, in integers, rounded once."""

from __future__ import annotations

from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet.prices.rates import MILLION, Rates, Sheet

_SERVICES = {
    "flex": "flex", "priority": "priority", "batch": "batches", "batches": "batches", "fast": "priority",
    "ultrafast": "ultrafast", "balanced": "balanced",
}  # fmt: skip
_PLAIN = frozenset({"standard", "default", "auto", "global", "not_available"})
"""Terms that change nothing."""
_SEARCH = {"anthropic": 10_000_000, "openai": 10_000_000}
"""Nano-dollars per web search where a model's own entry has none: these makers charge the same with every model."""


def cost_of(rates: Rates, tokens: Tokens, terms: str | None = None, searches: int = 0) -> tuple[int, bool]:
    """(nano-dollars, whether something in it is a guess) of one response.

    Every kind of token has one rate for the whole request: that of the highest threshold its whole prompt is above.
    What a table leaves open is filled in as the provider is known to bill, and is a guess unless it is that
    provider's rule: reading from a cache costs what input does; so does writing (a rule where caches fill by
    themselves); writing for an hour costs 1.6 times writing for five minutes (Anthropic: 2 and 1.25 times input).
    A term that the table has no rate for costs the standard rate, and is a guess.
    """
    service, multiplier, scale, guess = _terms(rates, terms)
    bill = _Bill(rates, service, tokens.prompt)
    hour = min(tokens.cache_write_1h, tokens.cache_write)
    bill.add("input", tokens.input)
    bill.add("cache_read", tokens.cache_read)
    bill.add("cache_write", tokens.cache_write - hour)
    bill.add("cache_write_1h", hour)
    reasoning = min(tokens.reasoning, tokens.output)
    bill.add("output", tokens.output - reasoning)
    bill.add("reasoning", reasoning)
    search = rates.search if rates.search is not None else _SEARCH.get(rates.provider, 0)
    if searches:
        guess = guess or rates.search is None or rates.search_open
    unit = MILLION * scale
    return _rounded(bill.total * multiplier + searches * search * unit, unit), guess or bill.guess or rates.unsure


class _Bill:
    """Tokens times their rates, summed; in the unit of the rates."""

    def __init__(self, rates: Rates, service: str, prompt: int) -> None:
        self.total = 0
        self.guess = False
        self._rates, self._service = rates, service
        crossed = [sheet for sheet in rates.sheets if prompt > sheet.above or not sheet.above]
        levels = sorted({sheet.above for sheet in crossed}, reverse=True)
        # At each level the service's own rate comes first, then the standard one: the level outweighs the service.
        self._order = [
            sheet
            for level in (levels[:1] if rates.whole else levels)
            for wanted in ((service, "") if service else ("",))
            for sheet in crossed
            if sheet.above == level and sheet.service == wanted
        ]

    def add(self, kind: str, tokens: int) -> None:
        """Add tokens of one kind; nothing is guessed for none."""
        if tokens:
            rate, guess = self._rate(kind)
            self.total += rate * tokens
            self.guess = self.guess or guess

    def _rate(self, kind: str) -> tuple[int, bool]:
        rate, sheet = self._listed(kind)
        guess = sheet is not None and sheet.service != self._service
        if kind == "cache_write_1h":
            write, of = self._listed("cache_write")
            if write is not None and (rate is None or sheet != of):
                return write * 8 // 5, True
        elif kind == "reasoning":
            _, of = self._listed("output")
            if rate is None or sheet != of:
                plain, guess = self._rate("output")
                base = self._rates.sheets[-1]
                return plain, guess or base.reasoning not in (None, base.output)
        if rate is not None:
            return rate, guess
        if kind in ("input", "output"):
            raise ValueError(f"rates without {kind}")
        rate, guess = self._rate("input")
        return rate, guess or kind == "cache_read" or not self._rates.writes_as_input

    def _listed(self, kind: str) -> tuple[int | None, Sheet | None]:
        for sheet in self._order:
            rate: int | None = getattr(sheet, kind)
            if rate is not None:
                return rate, sheet
        return None, None


def _terms(rates: Rates, terms: str | None) -> tuple[str, int, int, bool]:
    """(service, multiplier, what the multiplier is a multiple of, whether a term has no rate)."""
    service, multiplier, scale, guess = "", 1, 1, False
    multipliers = dict(rates.multipliers)
    for word in dict.fromkeys((terms or "")[:256].lower().split()):
        wanted = _SERVICES.get(word)
        if word in multipliers:
            multiplier, scale = multiplier * multipliers[word], scale * MILLION
        elif wanted and not service and any(sheet.service == wanted for sheet in rates.sheets):
            service = wanted
        elif word not in _PLAIN:
            guess = True
    return service, multiplier, scale, guess


def _rounded(amount: int, unit: int) -> int:
    """Half to even."""
    whole, rest = divmod(amount, unit)
    return whole + (2 * rest > unit or (2 * rest == unit and whole % 2 == 1))
