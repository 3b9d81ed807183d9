"""One model, many spellings: what clients, gateways and clouds make of a model's name.

Only the spelling changes here, never the version or the family. Whether a spelling has a price is the table's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

MAX_NAME = 256
NOT_MODELS = frozenset({"", "<synthetic>", "opus", "sonnet", "haiku", "default", "unknown", "auto"})
"""What stands in a model's place and names none, or only a family whose version is open."""
LOCAL_PREFIXES = (
    "ollama/", "ollama_chat/", "lm_studio/", "lmstudio/", "llamafile/", "hosted_vllm/", "vllm/", "llama.cpp/",
    "llamacpp/", "llama-cpp/", "lemonade/", "local/",
)  # fmt: skip
_WIDE = "[1m]"
_RESELLERS = frozenset({"opencode", "github-copilot", "github_copilot", "openrouter", "vercel", "models", "litellm"})
"""Gateways that bill what the maker's list says."""
_MAKERS = {
    "anthropic": "anthropic", "openai": "openai", "google": "gemini", "gemini": "gemini", "x-ai": "xai", "xai": "xai",
    "moonshotai": "moonshot", "moonshot": "moonshot", "z-ai": "zai", "zai": "zai", "deepseek": "deepseek",
    "mistralai": "mistral", "mistral": "mistral", "minimax": "minimax",
}  # fmt: skip
_VERTEX = frozenset({"vertex", "vertex_ai", "google-vertex", "google-vertex-anthropic"})
_CLOSED = re.compile(r"(?:claude|gpt|chatgpt|codex|gemini|grok)-.*|o\d.*", re.DOTALL)
"""Models that only their makers (and clouds at the same list price) sell: whose gateway it was does not matter."""
_BEDROCK = re.compile(r"(?:([a-z]{2,6}(?:-gov)?)\.)?anthropic\.(claude-.+?)(?:-v\d+(?::\d+k?)*)?")
_DOTTED = re.compile(r"(?<=[a-z]-\d)\.(?=\d)|(?<=\d)\.(?=\d-[a-z])")
_DATE = re.compile(r"[-@](?:20\d\d[01]\d[0-3]\d|20\d\d-[01]\d-[0-3]\d|latest|default)$")


def clean(model: object) -> tuple[str, bool] | None:
    """The name without blanks around it and without `[1m]`, and whether it had that; None for what names no model."""
    return _clean(model) if isinstance(model, str) and len(model) <= MAX_NAME else None


@lru_cache(1024)
def _clean(model: str) -> tuple[str, bool] | None:
    name = model.strip()
    wide = name[-len(_WIDE) :].lower() == _WIDE
    name = name[: -len(_WIDE)].rstrip() if wide else name
    if name.lower() in NOT_MODELS or not name.isprintable() or not name.isascii() or " " in name:
        return None
    return name, wide


def is_local(name: str) -> bool:
    """Whether the name says that the model runs on a machine of the person's own (Ollama's cloud does not)."""
    return name.lower().startswith(LOCAL_PREFIXES) and not is_cloud(name)


def is_cloud(name: str) -> bool:
    """Ollama's names for models that it runs on its own machines, for money."""
    return name.lower().endswith(("-cloud", ":cloud"))


def is_free(name: str) -> bool:
    """OpenRouter's name for a model that costs nothing."""
    return name.lower().endswith(":free")


def stem(name: str) -> str:
    """The name without the date or the `-latest` at its end."""
    match = _DATE.search(name)
    return name[: match.start()] if match else name


def spellings(name: str) -> Iterator[tuple[str, bool]]:
    """The ways in which a table may spell this model, the nearest first, each with whether its price is a guess."""
    seen: set[str] = set()
    for spelling, guess in _spellings(name, False, 4):
        for word in (spelling, _DOTTED.sub("-", spelling) if "claude-" in spelling else spelling):
            if word not in seen:
                seen.add(word)
                yield word, guess


def _spellings(name: str, guess: bool, depth: int) -> Iterator[tuple[str, bool]]:
    yield name, guess
    if not depth:
        return
    prefix, slash, rest = name.partition("/")
    prefix = prefix.lower()
    if name.startswith("arn:"):
        yield from _spellings(name.rpartition("/")[2], True, 1)
    elif slash and prefix in _RESELLERS:
        yield from _spellings(rest, guess or not _CLOSED.fullmatch(rest.rpartition("/")[2].lower()), depth - 1)
    elif slash and prefix in _MAKERS:
        yield f"{_MAKERS[prefix]}/{rest}", guess
        if "/" not in rest:
            yield from _spellings(rest, guess, depth - 1)
    elif slash and prefix in _VERTEX:
        yield f"vertex_ai/{rest}", guess
        yield from _at_date(rest, guess or not rest.startswith("gemini-"))
    elif slash and prefix in ("bedrock", "amazon-bedrock", "converse", "invoke"):
        yield from _spellings(rest, guess, depth - 1)
    elif not slash and "@" in name:
        yield f"vertex_ai/{name}", guess
        yield from _at_date(name, guess)
    elif not slash and (match := _BEDROCK.fullmatch(name)):
        region, model = match[1], match[2]
        yield name.removeprefix(f"{region}."), guess or region not in (None, "global")
        yield model, guess or region not in (None, "global")


def _at_date(name: str, guess: bool) -> Iterator[tuple[str, bool]]:
    model, at, date = name.partition("@")
    if at and date != "default":
        yield f"{model}-{date}", guess
    yield model, guess
