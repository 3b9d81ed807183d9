"""Every setting as a page for readers, made from where it is declared."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Meta, Struct, structs

from orchestrator_tui.config.files import descriptions
from orchestrator_tui.config.rules import Policy
from orchestrator_tui.config.toml import toml
from orchestrator_tui.config.whole import Config
from orchestrator_tui.fleet.guard_rules import Guard

_TABLES: dict[str, type[Struct]] = {"policy": Policy, "guard": Guard}
"""Sections of which there may be many."""
_WITHOUT_END = 1e9
"""A bound that nobody meets."""
_START = """\
# Settings

One file, `config.toml`; `orc config path` says where. It need not exist: everything has a default. `orc config show`
prints what is in force, `orc config check` what is wrong with it. What is no setting is refused, with the name of the
key. The host and the dashboard read the file when they start.

This page is made from the program (`orc config reference`).
"""


def reference() -> str:
    """The page, as Markdown: a table per section with type, default and meaning."""
    words = descriptions()
    parts = [_START]
    hints = get_type_hints(Config, include_extras=True)
    for part in structs.fields(Config):
        kind = _TABLES.get(part.name) or hints[part.name]
        if isinstance(kind, type) and issubclass(kind, Struct):
            head = f"[[{part.name}]]" if part.name in _TABLES else f"[{part.name}]"
            about = _about(kind) or words.get(("Config", part.name), "")
            parts += [f"## `{head}`\n", _cut(about, head), "", *_rows(kind, words), ""]
        else:
            about = words.get(("Config", part.name), "")
            parts += [f"## `[{part.name}]`\n", _cut(about, f"[{part.name}]"), ""]
    return "\n".join(parts).rstrip() + "\n"


def _rows(kind: type[Struct], words: dict[tuple[str, str], str]) -> list[str]:
    hints = get_type_hints(kind, include_extras=True)
    rows = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for one in structs.fields(kind):
        about = next((words[k.__name__, one.name] for k in kind.__mro__ if (k.__name__, one.name) in words), "")
        cells = [f"`{one.name}`", _type(hints[one.name]), _default(one), about]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def _default(one: structs.FieldInfo) -> str:
    if one.default is not NODEFAULT:
        return f"`{toml(one.default)}`"
    if one.default_factory is not NODEFAULT:
        return f"`{toml(one.default_factory())}`"
    return "must be said"


def _type(hint: Any) -> str:
    """A type in a reader's words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = [_bounds(meta) for meta in inner[1:] if isinstance(meta, Meta)]
        return " ".join([_type(inner[0]), *bounds])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return "table" if inner[1] in (Any, object) else f"table of {_type(inner[1])}"
    if origin in (Union, types.UnionType):
        return " or ".join(_type(one) for one in inner)
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[hint]


def _bounds(meta: Meta) -> str:
    low = f"from {meta.ge:,}" if meta.ge is not None else f"above {meta.gt:,}" if meta.gt is not None else ""
    high = f"to {meta.le:,.0f}" if meta.le is not None and meta.le < _WITHOUT_END else ""
    return " ".join(filter(None, (low, high)))


def _about(kind: type[Struct]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _cut(about: str, head: str) -> str:
    """The description without the section's own name, which is its heading."""
    about = about.removeprefix(f"`{head}`: ").removeprefix(f"`{head}` of the settings: ")
    return about[:1].upper() + about[1:]
