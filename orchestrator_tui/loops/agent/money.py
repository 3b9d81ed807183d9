"""What the session has cost so far, as far as prices are known (the same arithmetic as everywhere in orc)."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui.events import Tokens, Usage
from orchestrator_tui.fleet.prices import PriceTable, Source, context_window, price
from orchestrator_tui.fleet.prices.billing import cost_of
from orchestrator_tui.fleet.prices.rates import Rates, decode

PRICES = "ORC_PRICES"
MAP = "model_prices_and_context_window_backup.json"
NANO = 1_000_000_000
_map = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Embedded(Struct):
    models: dict[str, msgspec.Raw]


_embedded = msgspec.json.Decoder(_Embedded)


class Money:
    """The session's own spending."""

    def __init__(self, own: str | None = None) -> None:
        """`own`: a price map's file that goes before litellm's."""
        self.spent = 0
        """Nano-dollars."""
        self.unpriced = 0
        """Responses without a price."""
        self.notes: list[str] = []
        self._table = PriceTable([[source] for source in (self._read(own, "ORC_PRICES"), self._shipped()) if source])
        self._embedded: dict[str, Rates] = {}

    def register(self) -> None:
        """Know the prices of the models that run within this process; nobody else prices them."""
        from orchestrator_tui.loops.embedded import PRICES as table

        for name, entry in _embedded.decode(table.read_bytes()).models.items():
            rates = decode(entry)
            if rates is not None:
                self._embedded[name] = rates

    def window(self, model: str) -> int | None:
        """The model's context window in tokens, where it is known."""
        rates = self._embedded.get(model)
        return rates.window if rates is not None else context_window(model, self._table, client="loop")

    def pay(self, model: str, tokens: Tokens) -> float | None:
        """Add a response; its cost in dollars where only this process knows the price."""
        rates = self._embedded.get(model)
        if rates is not None:
            cost, _ = cost_of(rates, tokens)
            self.spent += cost
            return cost / NANO
        priced = price(Usage(model=model, tokens=tokens), self._table, "loop").cost
        if priced is None:
            self.unpriced += 1
        else:
            self.spent += priced
        return None

    def knows(self, model: str) -> bool:
        """Whether the model has a price."""
        return model in self._embedded or self._table.find(model) is not None

    def _read(self, path: str | None, label: str) -> Source | None:
        if not path:
            return None
        try:
            return Source(label, _map.decode(Path(path).read_bytes()))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.notes.append(f"the prices in {path} cannot be read: {error}")
            return None

    def _shipped(self) -> Source | None:
        # litellm itself need not be there yet: its import takes seconds.
        spec = find_spec("litellm")
        if spec is None or spec.origin is None:
            return None
        try:
            label = f"litellm {version('litellm')}"
        except PackageNotFoundError:
            label = "litellm"
        return self._read(str(Path(spec.origin).with_name(MAP)), label)
