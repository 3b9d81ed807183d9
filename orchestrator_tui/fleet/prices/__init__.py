"""What a model response costs, in exact nano-dollars, or None: never a zero for what is not known.

The tables are given (`host.price_files` reads them); nothing here reads a file or a clock. A price is put on a
response once, at ingest, and stays with it: tables change, what was paid does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from orchestrator_tui.events import Usage
from orchestrator_tui.fleet.prices.billing import cost_of
from orchestrator_tui.fleet.prices.names import clean, is_cloud, is_free, is_local, spellings, stem
from orchestrator_tui.fleet.prices.rates import FREE, LOCAL, LOCAL_PROVIDERS, Rates, decode, same_price

Tier = Literal["small", "medium", "large"]
MEDIUM_FROM, LARGE_FROM = 6_000_000_000, 18_000_000_000
"""Nano-dollars per million output tokens; the prices of small, medium and large models lie apart from these."""
WIDE = 1_000_000
NARROW = 200_000
"""Claude's two context windows, in tokens."""
_MEMORY = 4096
"""Names whose price is remembered; a hostile log may bring any number of them."""
_FAMILIES: dict[str, Tier] = {
    "haiku": "small", "mini": "small", "nano": "small", "flash": "small", "lite": "small", "sonnet": "medium",
    "opus": "large", "fable": "large", "mythos": "large",
}  # fmt: skip


class Source(NamedTuple):
    """One price table."""

    label: str
    """As it stands in an event's `price`: the table and its version or date."""
    entries: Mapping[str, msgspec.Raw | Rates]
    """By model name: a price map's entry as it was read, or rates."""


class Found(NamedTuple):
    """A model's price."""

    name: str
    """As the table spells it."""
    rates: Rates
    label: str
    guess: bool = False
    """The table does not price what the client named, but something that most likely costs the same."""


class PriceTable:
    """Model name -> rates, over several tables; a group is asked for every spelling before the next group is."""

    def __init__(
        self,
        groups: Sequence[Sequence[Source]] = (),
        local: Iterable[str] = (),
        windows: Mapping[str, int] | None = None,
    ) -> None:
        """`local`: patterns of names that run on the person's machine; `windows`: context windows that they know."""
        self.sources = [source for group in groups for source in group]
        self._groups = [_Group(group) for group in groups if group]
        patterns = [translate(pattern.lower()) for pattern in local]
        self._local = re.compile("|".join(patterns)) if patterns else None
        self._windows = {name.lower(): window for name, window in (windows or {}).items()}
        self._known: dict[str, Found | None] = {}

    def find(self, model: str | None) -> Found | None:
        """The price of a model by its name, or None. Never by another version or family of it."""
        cleaned = clean(model)
        if cleaned is None:
            return None
        name = cleaned[0]
        if name not in self._known:
            if len(self._known) >= _MEMORY:
                self._known.clear()
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> Found | None:
        if is_local(name) or (self._local and self._local.match(name.lower())):
            return Found(name, LOCAL, "local")
        for group in self._groups:
            for look in (group.exactly, group.by_date, group.by_provider):
                for spelling, guess in spellings(name):
                    found = look(spelling)
                    if found and not (found.rates.local and is_cloud(name)):
                        return found._replace(guess=guess or found.guess)
        return Found(name, FREE, "free") if is_free(name) else None

    def window_set(self, name: str) -> int | None:
        """The context window that the person set for a model."""
        if not self._windows:
            return None
        return next((self._windows[word] for word, _ in spellings(name.lower()) if word in self._windows), None)


class _Group:
    """Tables that are asked together, the first of them first."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._names: list[dict[str, str]] | None = None
        self._rates: dict[tuple[int, str], Rates | None] = {}
        self._stems: dict[str, list[tuple[int, str]]] = {}
        self._bare: dict[str, list[tuple[int, str]]] = {}

    def exactly(self, name: str) -> Found | None:
        """The entry of that name, in any case of its letters."""
        for number, source in enumerate(self._sources):
            if found := self._priced(
                number, name if name in source.entries else self._lower()[number].get(name.lower())
            ):
                return found
        return None

    def by_date(self, name: str) -> Found | None:
        """The entries that differ from the name in a date or `-latest` only, if all of them cost the same."""
        self._lower()
        return self._agreed(self._stems.get(stem(name.lower()), []))

    def by_provider(self, name: str) -> Found | None:
        """A name without a provider, if all whose interface takes exactly this name charge the same."""
        self._lower()
        found = self._agreed(self._bare.get(name.lower(), [])) if "/" not in name else None
        return found and found._replace(guess=not found.rates.first_party)

    def _agreed(self, places: list[tuple[int, str]]) -> Found | None:
        found = [one for number, name in places if (one := self._priced(number, name))]
        # The shortest name is the one without a date.
        return min(found, key=lambda one: len(one.name)) if found and same_price(one.rates for one in found) else None

    def _priced(self, number: int, name: str | None) -> Found | None:
        source = self._sources[number]
        if name is None:
            return None
        if (number, name) not in self._rates:
            entry = source.entries.get(name)
            self._rates[number, name] = decode(entry) if isinstance(entry, msgspec.Raw) else entry
        rates = self._rates[number, name]
        return None if rates is None else Found(name, rates, f"{source.label} {name}", rates.varied)

    def _lower(self) -> list[dict[str, str]]:
        """Lower-cased names per table; also fills the other indexes. Made for the first name that is no key."""
        if self._names is None:
            self._names = [{} for _ in self._sources]
            for number, source in enumerate(self._sources):
                for name in source.entries:
                    low = name.lower()
                    self._names[number].setdefault(low, name)
                    self._stems.setdefault(stem(low), []).append((number, name))
                    provider, _, bare = low.partition("/")
                    if bare and provider not in LOCAL_PROVIDERS:
                        self._bare.setdefault(bare, []).append((number, name))
        return self._names


def price(usage: Usage, table: PriceTable, client: str | None = None) -> Usage:
    """The usage with `cost`, `price`, `estimated`, `local` and `window` filled; unpriced ones come back with cost None.

    A cost that the client stated stays, with the price `client`. The window depends on whose session it is.
    """
    seen = usage.tokens.prompt
    window = usage.window or context_window(usage.model, table, seen, client)
    if usage.cost is not None:
        return replace(usage, price=usage.price or "client", window=window)
    found = table.find(usage.model)
    if found is None or min(msgspec.structs.astuple(usage.tokens)) < 0 or usage.searches < 0:
        return replace(usage, cost=None, price=None, estimated=False, local=False, window=window)
    if found.rates.local:
        return replace(usage, cost=0, price="local", estimated=False, local=True, window=window)
    cost, guess = cost_of(found.rates, usage.tokens, usage.terms, usage.searches)
    return replace(
        usage,
        cost=cost,
        price=found.label,
        estimated=usage.estimated or found.guess or guess,
        local=False,
        window=window,
    )


def context_window(model: str | None, table: PriceTable, seen: int = 0, client: str | None = None) -> int | None:
    """The model's context window in tokens; None where it cannot be known. `seen`: the largest prompt so far.

    Claude Code 2.1 runs models that can take a million tokens (Sonnet 4 and 4.5 among them, which are listed with 200k)
    with a window of 200k unless `[1m]` is chosen, and writes the same plain name to the transcript either way: there
    the window is unknown until a prompt was larger than 200k. With another client the model's own window holds.
    """
    cleaned = clean(model)
    if cleaned is None:
        return None
    name, wide = cleaned
    own = table.window_set(name)
    if own is not None:
        return own
    low = name.lower()
    claude = "claude" in low
    if wide or (claude and seen > NARROW):
        return max(WIDE, seen)
    found = table.find(name)
    listed = found.rates.window if found else None
    if listed is None or (claude and client in (None, "claude") and (listed > NARROW or "sonnet-4" in low)):
        return None
    return max(listed, seen)


def tier_of(model: str | None, table: PriceTable) -> Tier | None:
    """How large a model is: by its family's name, else by its output price (below $6, $18, above); local: small."""
    words = re.split(r"[^a-z]+", (model or "")[:256].lower())
    by_name = next((_FAMILIES[word] for word in words if word in _FAMILIES), None)
    found = None if by_name else table.find(model)
    if found is None or found.rates.local:
        return by_name or (None if found is None else "small")
    output = found.rates.sheets[-1].output or 0
    return "small" if output < MEDIUM_FROM else "medium" if output < LARGE_FROM else "large"
