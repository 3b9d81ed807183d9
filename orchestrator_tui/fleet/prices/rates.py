"""What one model costs: every rate of a price map's entry, as exact integers.

A rate is a whole number of nano-dollars per MILLION tokens, which is 1e-15 dollars per token: `2.5e-08` per token is
25_000_000. Every list price has at most 15 decimals per token, so it is held exactly, and noise that a map's own
arithmetic left behind it (`1.5000020000000002e-05`) is rounded away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct
from msgspec.structs import replace

MILLION = 1_000_000
MAX_RATE = 10**15
"""One dollar per token: what is dearer is no price."""
LOCAL_PROVIDERS = frozenset({"ollama", "ollama_chat", "lm_studio", "llamafile", "hosted_vllm", "vllm", "lemonade"})
"""litellm's names of servers that people run themselves: a zero in their entries is a price."""
_NO_WRITE_PRICE = frozenset(
    {"openai", "azure", "azure_ai", "gemini", "vertex_ai-language-models", "xai", "deepseek", "moonshot", "zai"}
)
"""Providers whose caches fill by themselves: what is not read from the cache is billed as input, written or not."""
_FIRST_PARTY = frozenset({"anthropic", "mistral", "minimax", "dashscope"}) | _NO_WRITE_PRICE - {"azure", "azure_ai"}
_AT_THE_THRESHOLD = frozenset({"xai"})
"""Providers that bill the higher tier from the threshold on, not above it."""
_MODES = frozenset({"chat", "responses", "completion"})
_KINDS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
}
# Anything else in a map (`_above_12hr`, `_decisions`, audio, images) is no rate of ours: the whole key must match.
_KEY = re.compile(
    rf"({'|'.join(sorted(_KINDS, key=len, reverse=True))})"
    r"(?:_above_(\d{1,5})(k?)_tokens)?(?:_(flex|priority|batches|ultrafast|balanced))?"
)
_UPLIFT = re.compile(r"regional_processing_uplift_multiplier_([a-z]{2,8})")
_MULTIPLIER = re.compile(r"fast|[a-z]{2}")


class Sheet(Struct, frozen=True, omit_defaults=True):
    """The rates that hold above a prompt size and under one service; None where the map says nothing."""

    above: int = 0
    """Holds for prompts of MORE tokens than this, cached tokens included."""
    service: str = ""
    """`flex` `priority` `batches` `ultrafast` `balanced`, or nothing: the standard one."""
    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    """Writing for five minutes."""
    cache_write_1h: int | None = None
    reasoning: int | None = None
    """Only where the map has a rate of its own for it."""


class Rates(Struct, frozen=True, omit_defaults=True):
    """One model's prices."""

    sheets: tuple[Sheet, ...] = ()
    """The dearest threshold first; the last are those of every prompt."""
    provider: str = ""
    multipliers: tuple[tuple[str, int], ...] = ()
    """Terms (`fast`, a region) that multiply the price of all tokens, in millionths."""
    search: int | None = None
    """Nano-dollars per web search of medium size."""
    search_open: bool = False
    """Some searches are free, or their size decides the price: the figure is a guess."""
    unsure: bool = False
    """The map prices something that no usage tells: hours of the day, citations."""
    whole: bool = False
    """Each sheet stands alone: what it lacks is not looked for in the sheets below it."""
    window: int | None = None
    """`max_input_tokens`."""
    local: bool = False
    varied: bool = False
    """The price changed while the name was in use (`varied` in the shipped table): this is the last of them."""

    @property
    def writes_as_input(self) -> bool:
        """Whether this provider bills what was written to a cache as plain input."""
        return self.provider in _NO_WRITE_PRICE

    @property
    def first_party(self) -> bool:
        """Whether the listing is the model maker's own."""
        return self.provider in _FIRST_PARTY


LOCAL = Rates(local=True)
FREE = Rates(sheets=(Sheet(input=0, output=0, cache_read=0, cache_write=0, cache_write_1h=0),))


def same_price(found: Iterable[Rates]) -> bool:
    """Whether all of them charge the same for the same; whose listing it is and the window do not matter."""
    return len({replace(rates, window=None, provider="", search=None, search_open=False) for rates in found}) == 1


_decoder = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)


def decode(raw: msgspec.Raw) -> Rates | None:
    """The rates of an entry as it stands in a price map; None when it prices no chat."""
    try:
        return parse(_decoder.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidOperation):
        return None


def parse(entry: Mapping[str, object]) -> Rates | None:
    """The rates of litellm's entry of a model (numbers are dollars per token: int or Decimal).

    None when the entry has no price: no rate for input or output, or a zero from a provider that is paid.
    """
    provider = str(entry.get("litellm_provider", ""))
    if entry.get("mode", "chat") not in _MODES:
        return None
    if provider in LOCAL_PROVIDERS and not rate_of(entry.get("input_cost_per_token")):
        return replace(LOCAL, provider=provider, window=_window(entry))
    sheets = _tiered(entry) or _flat(entry, provider)
    if not sheets:
        return None
    multipliers = _multipliers(entry)
    search, search_open = _search(entry)
    return Rates(
        sheets=sheets,
        provider=provider,
        multipliers=multipliers,
        search=search,
        search_open=search_open,
        unsure="off_peak_pricing" in entry or "citation_cost_per_token" in entry or "input_cost_per_request" in entry,
        whole="tiered_pricing" in entry and "input_cost_per_token" not in entry,
        window=_window(entry),
        varied=entry.get("varied") is True,
    )


def rate_of(value: object, per: int = MAX_RATE) -> int | None:
    """Dollars (per token) as a rate; None for what is no price."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    exact = Decimal(value)
    return int((exact * per).to_integral_value()) if exact.is_finite() and 0 <= exact <= 1 else None


def _flat(entry: Mapping[str, object], provider: str) -> tuple[Sheet, ...]:
    found: dict[tuple[int, str], dict[str, int]] = {}
    for key, value in entry.items():
        match, rate = _KEY.fullmatch(key), rate_of(value)
        if match is None or rate is None:
            continue
        above = int(match[2]) * (1000 if match[3] else 1) - (provider in _AT_THE_THRESHOLD) if match[2] else 0
        found.setdefault((above, match[4] or ""), {})[_KINDS[match[1]]] = rate
    base = found.get((0, ""), {})
    for (above, service), rates in found.items():
        if not rates.get("cache_write"):
            # Written is at least read by the model: free means without a surcharge, not without the input's price.
            rates.pop("cache_write", None)
        if provider == "fireworks_ai" and "cache_read" not in rates and "input" in rates:
            rates["cache_read"] = rates["input"] // 2
        for kind in [kind for kind in rates if above and kind not in base]:
            # A raised rate over nothing is a slip of the map (gemini-2.5-pro: writing costs what reading does).
            del rates[kind]
        for kind in ("input", "output"):
            if service and not rates.get(kind):
                rates.pop(kind, None)
    if not base.get("input") or not base.get("output"):
        return ()
    return tuple(Sheet(above, service, **found[above, service]) for above, service in sorted(found, reverse=True))


def _tiered(entry: Mapping[str, object]) -> tuple[Sheet, ...]:
    """`tiered_pricing`: the whole request at the rates of the range that its prompt is in."""
    if "input_cost_per_token" in entry or not isinstance(entry.get("tiered_pricing"), list):
        return ()
    sheets = []
    for tier in entry["tiered_pricing"]:  # type: ignore[attr-defined]
        bounds = tier.get("range") if isinstance(tier, dict) else None
        if not isinstance(bounds, list) or not bounds or not isinstance(bounds[0], int | Decimal):
            continue
        rates = {kind: rate_of(tier.get(key)) for key, kind in _KINDS.items()}
        rates["output"] = rates["output"] or rate_of(entry.get("output_cost_per_token"))
        sheets.append(Sheet(int(bounds[0]), "", **rates))
    sheets.sort(key=lambda sheet: -sheet.above)
    priced = sheets and sheets[-1].above == 0 and all(sheet.input and sheet.output for sheet in sheets)
    return tuple(sheets) if priced else ()


def _multipliers(entry: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    found: dict[str, int | None] = {}
    own = entry.get("provider_specific_entry")
    for key, value in own.items() if isinstance(own, dict) else ():
        if isinstance(key, str) and _MULTIPLIER.fullmatch(key):
            found[key] = _millionths(value)
    for key, value in entry.items():
        if match := _UPLIFT.fullmatch(key):
            found[match[1]] = _millionths(value)
        elif key == "regional_endpoint_uplift_multiplier":
            found |= dict.fromkeys(("us", "eu", "regional"), _millionths(value))
    return tuple(sorted((key, value) for key, value in found.items() if value))


def _millionths(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    exact = Decimal(value)
    return int(exact * MILLION) if exact.is_finite() and 0 < exact <= 100 else None


def _search(entry: Mapping[str, object]) -> tuple[int | None, bool]:
    sizes = entry.get("search_context_cost_per_query")
    if not isinstance(sizes, dict):
        return None, False
    medium = rate_of(sizes.get("search_context_size_medium"), 1_000_000_000)
    return medium, "search_free_requests" in entry or len(set(map(str, sizes.values()))) > 1


def _window(entry: Mapping[str, object]) -> int | None:
    value = entry.get("max_input_tokens")
    return int(value) if isinstance(value, int | Decimal) and 0 < value < 1 << 40 else None
