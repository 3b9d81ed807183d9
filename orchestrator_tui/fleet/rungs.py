"""A client's models by size: the person's `[ladder]`, or the newest of each family that has a price.

A model whose place is not known gets none: what to write into `[ladder]` is said instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from orchestrator_tui.events import Settings
from orchestrator_tui.fleet.prices import PriceTable
from orchestrator_tui.fleet.prices.names import clean, spellings, stem
from orchestrator_tui.text import line

PREFIX = "ladder/"
"""Before a client's name among an event's settings: its models, the smallest first, separated by commas."""
NANO = 1_000_000_000
MAX_RUNGS = 16
STRENGTH = {word: n for n, word in enumerate(("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"))}
"""Efforts, the least first."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]{0,127}")
_EFFORT = re.compile(r"[a-z][a-z0-9_-]{0,23}")
_FAMILIES: dict[str, dict[str, int]] = {
    "claude": {"haiku": 0, "sonnet": 1, "opus": 2, "fable": 3, "mythos": 3},
    "gpt": {
        "mini": 0, "codex-mini": 0, "luna": 0, "": 1, "codex": 1, "terra": 1, "codex-max": 1, "sol": 2, "astra": 3,
    },
    "gemini": {"flash-lite": 0, "flash": 1, "pro": 2},
}  # fmt: skip
"""How a maker's families stand to each other."""
EMBEDDED = ("embedded/small", "embedded/large")
"""The models of `loops/embedded`."""
TOP = 2
"""Families above this cost a multiple: no ladder leads there by itself."""
_SHAPES = {
    "claude": re.compile(r"claude-(?:([\d-]{1,5})-)?(haiku|sonnet|opus|fable|mythos)(?:-([\d-]{1,5}))?"),
    "gpt": re.compile(r"gpt-(\d{1,2}(?:\.\d{1,2})?)(?:-(codex-mini|codex-max|codex|mini|luna|terra|sol|astra))?"),
    "gemini": re.compile(r"gemini-(\d{1,2}(?:\.\d{1,2})?)-(flash-lite|flash|pro)(?:-preview)?"),
}
_SHORT = re.compile(r"(?:haiku|sonnet|opus|fable|mythos)-\d|\d[\d.-]*-(?:haiku|sonnet|opus)")
"""How a person writes `claude-haiku-4-5`."""
_MAKER_OF = {"claude": "claude", "codex": "gpt", "gemini": "gemini"}
_SERVICE = {"claude": "anthropic", "gpt": "openai", "gemini": "google"}
"""What OpenCode calls the makers' own services."""


class NoRung(Exception):
    """There is no such rung; the text says why, and what can be done."""


class Rung(Struct, frozen=True):
    """One model of a ladder, and with which effort it is asked."""

    model: str
    effort: str | None = None
    """None: the effort stays as it is."""
    input: int | None = None
    """Nano-dollars per million tokens; None where it has no price. So with `output`."""
    output: int | None = None

    @property
    def price(self) -> str:
        """`$3/$15`: dollars per million tokens in and out; `?` where that is not known."""
        return "?" if self.input is None or self.output is None else f"{_dollars(self.input)}/{_dollars(self.output)}"


class _Kind(Struct, frozen=True):
    maker: str
    rank: int
    version: tuple[int, ...]
    name: str
    """Lower case, without date and `[1m]`."""


# --- names -------------------------------------------------------------------------------------------------------


def checked(model: str, effort: str | None = None) -> str:
    """The model's name as it may be handed to a client. Raises NoRung for what could be taken for something else."""
    if not _NAME.fullmatch(model):
        raise NoRung(f"{line(model, 60)!r} is no model's name: letters, digits and . _ : / @ + - [ ] only")
    if effort is not None and not _EFFORT.fullmatch(effort):
        raise NoRung(f"{line(effort, 30)!r} is no effort: low, medium, high, ...")
    return model


def same_model(asked: str | None, used: str | None) -> bool:
    """Whether two names mean one model: dates, `[1m]` and providers do not matter; `opus` is any Opus."""
    if asked is None or used is None:
        return False
    if asked == used or _words(asked) & _words(used):
        return True
    word, kind = asked.lower().removesuffix("[1m]"), _kind_of(used)
    return kind is not None and word != "" and _FAMILIES[kind.maker].get(word) == kind.rank and word in kind.name


def _words(model: str) -> frozenset[str]:
    cleaned = clean(model)
    return frozenset(stem(word.lower()) for word, _ in spellings(cleaned[0])) if cleaned else frozenset()


def _kind_of(model: str | None) -> _Kind | None:
    """The family that the name tells, whoever sells it."""
    return next((kind for word in sorted(_words(model or ""), key=len) if (kind := _kind(word))), None)


@lru_cache(1024)
def _kind(name: str) -> _Kind | None:
    for maker, shape in _SHAPES.items():
        match = shape.fullmatch(name)
        if match is not None:
            groups = [group or "" for group in match.groups()]
            family = groups[1]
            digits = re.findall(r"\d+", " ".join([groups[0], *groups[2:]]))
            return _Kind(maker, _FAMILIES[maker][family], tuple(map(int, digits)), name)
    return None


def handed(client: str, model: str, effort: str | None = None) -> str:
    """The name under which a client takes a model. Raises NoRung for what is no name, or does not say whose it is."""
    checked(model, effort)
    if client == "claude" and _SHORT.match(model):
        return f"claude-{model}"
    if client == "opencode" and "/" not in model:
        kind = _kind_of(model)
        if kind is None:
            raise NoRung(f"{model} does not say which provider's it is: OpenCode takes PROVIDER/MODEL")
        return f"{_SERVICE[kind.maker]}/{model}"
    return model


# --- rungs -------------------------------------------------------------------------------------------------------


def rungs(client: str, model: str | None, settings: Settings, table: PriceTable) -> tuple[Rung, ...]:
    """A client's ladder for a session that runs `model`, the smallest first. Raises NoRung where none is known."""
    configured = settings.get(f"{PREFIX}{client}")
    if isinstance(configured, str) and configured.strip(" ,"):
        return tuple(_configured(client, configured, table))
    return _default(client, model or "", table)


def _configured(client: str, text: str, table: PriceTable) -> Iterator[Rung]:
    for item in text.split(",")[:MAX_RUNGS]:
        words = item.split()
        if len(words) > 2:
            raise NoRung(f"[ladder] {client}: {line(item.strip(), 60)!r} must be a model, or a model and an effort")
        if words:
            effort = words[1] if len(words) == 2 else None
            yield priced(handed(client, words[0], effort), effort, table)


def _default(client: str, model: str, table: PriceTable) -> tuple[Rung, ...]:
    if client == "loop" and model in EMBEDDED:
        return tuple(priced(one, None, table) for one in EMBEDDED)
    cleaned = clean(model)
    name = cleaned[0].lower() if cleaned else ""
    prefix = ""
    if client == "opencode" and "/" in name:
        prefix, _, name = name.partition("/")
    # A cloud's own spelling (`@`, an ARN, a region) would need the others spelled so, too.
    own = _kind(stem(name)) if "@" not in name else None
    service = _SERVICE.get(own.maker, "") if own else ""
    if own is None or (client != "opencode" and _MAKER_OF.get(client) != own.maker) or prefix not in ("", service):
        raise NoRung(ask_for(client, model))
    here = priced(checked(model), None, table)
    found = [here if rank == own.rank else _neighbour(own, here, rank, table) for rank in range(max(TOP, own.rank) + 1)]
    ladder = [rung for rung in found if rung is not None]
    if client == "opencode":
        ladder = [priced(handed(client, rung.model), None, table) for rung in ladder]
    if client == "codex":
        top = ladder.pop()
        ladder += [priced(top.model, effort, table) for effort in ("medium", "high")]
    return tuple(ladder)


def _neighbour(own: _Kind, here: Rung, rank: int, table: PriceTable) -> Rung | None:
    """The newest model of another family; of OpenAI's one of the same generation, priced so."""
    found = [kind for kind in _known(table) if kind.maker == own.maker and kind.rank == rank]
    if own.maker != "gpt":
        best = max(found, key=lambda kind: (kind.version, kind.name), default=None)
        return priced(best.name, None, table) if best else None
    # The names of before 5.6 and those since do not mix.
    found = [kind for kind in found if (_style(kind.name) == 2) == (_style(own.name) == 2)]
    alike = [kind for kind in found if kind.version == own.version]
    alike = alike or [kind for kind in found if kind.version[:1] == own.version[:1]]
    alike.sort(key=lambda kind: (kind.version, _style(kind.name) == _style(own.name)), reverse=True)
    for kind in alike:
        rung = priced(kind.name, None, table)
        if here.output is None or rung.output is None:
            return rung
        # Its price tells how large it is.
        if rung.output != here.output and (rung.output > here.output) == (rank > own.rank):
            return rung
    return None


def _style(name: str) -> int:
    return 1 if "codex" in name else 2 if name.endswith(("-luna", "-terra", "-sol", "-astra")) else 0


@lru_cache(4)
def _known(table: PriceTable) -> tuple[_Kind, ...]:
    """Every model of the families that the table prices, by its maker's plain name."""
    names = {
        name for source in table.sources for name in source.entries if name.startswith(("claude-", "gpt-", "gemini-"))
    }
    kinds = (_kind(name) for name in sorted(names))
    return tuple(kind for kind in kinds if kind is not None and table.find(kind.name) is not None)


def priced(model: str, effort: str | None, table: PriceTable) -> Rung:
    found = table.find(model)
    if found is None:
        return Rung(model, effort)
    sheet = found.rates.sheets[-1] if found.rates.sheets else None
    return Rung(model, effort, *((sheet.input, sheet.output) if sheet else (0, 0)))


def ask_for(client: str, model: str) -> str:
    own = line(model, 60) or "the model"
    return (
        f"{own} is on no ladder that orc knows: write the models into config.toml, the smallest first: "
        f'[ladder] {client} = ["...", "{own}", "..."]'
    )


def rung_of(ladder: tuple[Rung, ...], model: str | None, effort: str | None = None) -> int | None:
    """The place of a model on a ladder; None where it is on none of its rungs."""
    places = [n for n, rung in enumerate(ladder) if same_model(rung.model, model)]
    if not places:
        mine = _kind_of(model)
        places = [n for n, rung in enumerate(ladder) if mine and _is_family(_kind_of(rung.model), mine)]
        if len({ladder[n].model for n in places}) != 1:
            return None
    strength = STRENGTH.get(effort or "medium", STRENGTH["medium"])
    weaker = [n for n in places if STRENGTH.get(ladder[n].effort or "", -1) <= strength]
    return max(weaker) if weaker else min(places)


def _is_family(kind: _Kind | None, mine: _Kind) -> bool:
    return kind is not None and (kind.maker, kind.rank) == (mine.maker, mine.rank)


def beside(ladder: tuple[Rung, ...], model: str | None, effort: str | None) -> tuple[int, int] | None:
    """The places below and above a model; those may lie outside of the ladder. None where its own is not known."""
    place = rung_of(ladder, model, effort)
    if place is not None:
        return place - 1, place + 1
    mine = _kind_of(model)
    kinds = [_kind_of(rung.model) for rung in ladder]
    if mine is None or any(kind is None or _is_family(kind, mine) or kind.maker != mine.maker for kind in kinds):
        return None
    below = sum(1 for kind in kinds if kind is not None and kind.rank < mine.rank)
    return below - 1, below


def _dollars(rate: int) -> str:
    """Nano-dollars per million tokens as `$3`, `$0.25`."""
    whole, rest = divmod(rate, NANO)
    return f"${whole}" if not rest else f"${rate / NANO:.2f}" if not rate * 100 % NANO else f"${rate / NANO:.3f}"
