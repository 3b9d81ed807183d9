"""The price tables on disk: the person's settings, the map that litellm ships, and models that the map has dropped.

litellm's map is read where the package lies; litellm itself is never imported (seconds, and 180 MB).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui.config import PRICE_KEYS, Prices
from orchestrator_tui.fleet.prices import PriceTable, Source
from orchestrator_tui.fleet.prices.rates import Rates, Sheet
from orchestrator_tui.host.price_map import PriceMap

MAP = "model_prices_and_context_window_backup.json"
RETIRED = Path(__file__).with_name("retired_prices.json")
EMBEDDED = Path(__file__).parents[1] / "loops" / "embedded" / "prices.json"
_PER_MILLION = 1_000_000_000
"""Nano-dollars in a dollar: settings are in dollars per million tokens, as rates are in nano-dollars per million."""


class _Retired(Struct):
    date: str
    models: dict[str, msgspec.Raw]


_retired = msgspec.json.Decoder(_Retired)


class Loaded(Struct, frozen=True):
    """The tables, and what to say of them."""

    table: PriceTable
    notes: list[str]
    """One line per table: which it is, of when, how many models; and what was wrong with it."""


def load(settings: Prices | None = None, litellm_map: Path | None = None, retired: Path = RETIRED) -> Loaded:
    """Read every table. One that is missing or damaged is left out and noted; its models have no price then."""
    settings = settings or Prices()
    notes: list[str] = []
    groups = [[source] for source in (_own(settings.models, notes),) if source]
    groups.append([source for source in (_litellm(litellm_map, notes), _dropped(retired, notes)) if source])
    groups.append([source for source in (_dropped(EMBEDDED, notes, "models that cost nothing in truth"),) if source])
    return Loaded(PriceTable(groups, settings.local, _windows(settings.models)), notes)


def find_map() -> Path | None:
    """litellm's price map, where litellm is installed."""
    try:
        spec = find_spec("litellm")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(MAP)
    return path if path.is_file() else None


def _litellm(path: Path | None, notes: list[str]) -> Source | None:
    path = path or find_map()
    if path is None:
        notes.append("litellm's price map was not found: only retired models and your own have a price")
        return None
    try:
        entries = PriceMap(path)
        day = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).date()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        notes.append(f"litellm's price map cannot be read: {error}; reinstall litellm ({path})")
        return None
    label = f"litellm {_version(path)}".strip()
    notes.append(f"{label}, installed {day}: {len(entries)} entries")
    return Source(label, entries)


def _version(path: Path) -> str:
    """litellm's, as its installation says; "" for a file that lies elsewhere."""
    # importlib.metadata brings the e-mail package along: megabytes, in programs that stay open all day.
    found = sorted(place.name for place in path.parents[1].glob("litellm-*.dist-info"))
    return found[-1].removeprefix("litellm-").removesuffix(".dist-info") if found else ""


def _dropped(path: Path, notes: list[str], what: str = "retired models") -> Source | None:
    try:
        table = _retired.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        notes.append(f"the table of {what} cannot be read: {error}; reinstall orchestrator-tui ({path})")
        return None
    notes.append(f"orc {table.date}: {len(table.models)} {what}")
    return Source(f"orc {table.date}", table.models)


def _own(models: Mapping[str, Mapping[str, object]], notes: list[str]) -> Source | None:
    entries = {name: Rates((_sheet(settings),)) for name, settings in models.items() if "input" in settings}
    if not entries:
        return None
    notes.append(f"config: {len(entries)} models")
    return Source("config", entries)


def _sheet(settings: Mapping[str, object]) -> Sheet:
    # The shortest decimal of a float is what the person typed.
    rates = {name: int(Decimal(str(settings[name])) * _PER_MILLION) for name in PRICE_KEYS if name in settings}
    return Sheet(0, "", **rates)


def _windows(models: Mapping[str, Mapping[str, object]]) -> dict[str, int]:
    found = {}
    for name, settings in models.items():
        window = settings.get("context_window")
        if isinstance(window, int):
            found[name] = window
    return found
