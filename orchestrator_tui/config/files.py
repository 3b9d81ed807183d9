"""The settings as a file: read from it, and shown as one."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui.config import money, notify, rules, sections, whole
from orchestrator_tui.config.toml import key, toml
from orchestrator_tui.config.whole import Config
from orchestrator_tui.errors import ConfigError
from orchestrator_tui.fleet import guard_rules, thresholds

SOURCES = (whole, sections, money, rules, notify, thresholds, guard_rules)
"""Where settings are declared, each above its description."""


def load(path: Path) -> Config:
    """Read the settings; a missing file means the defaults.

    Raises ConfigError with the file, the key and what was expected there.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Config)
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}; fix or remove it") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}; `orc config show` prints every setting") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply; fix or remove it") from error
    except ValueError as error:
        # Also what is no syntax error to tomllib: a number of thousands of digits.
        raise ConfigError(f"{path} is not TOML: {error}; fix that line or remove the file") from error


def show(config: Config) -> str:
    """The settings in force as TOML, each below its description."""
    described = descriptions()
    lines: list[str] = []
    for section in Config.__struct_fields__:
        part = getattr(config, section)
        if not isinstance(part, Struct):
            words = described.get(("Config", section))
            lines += [f"# {words}"] if words else []
            lines += [*_tables(section, part), ""]
            continue
        lines.append(f"[{section}]")
        for name in part.__struct_fields__:
            kinds = [kind.__name__ for kind in type(part).__mro__]
            words = next((described[kind, name] for kind in kinds if (kind, name) in described), None)
            lines += [f"# {words}"] if words else []
            lines.append(f"{name} = {toml(getattr(part, name))}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _tables(section: str, part: object) -> list[str]:
    """A section whose keys are the person's own, or of which there may be many."""
    if isinstance(part, dict):
        return [f"[{section}]", *(f"{key(name)} = {toml(value)}" for name, value in part.items())]
    lines: list[str] = []
    for one in part if isinstance(part, list) else []:
        lines += [f"[[{section}]]", *(f"{name} = {toml(getattr(one, name))}" for name in one.__struct_fields__)]
    return lines


def descriptions() -> dict[tuple[str, str], str]:
    """(class, setting) -> the text beneath its declaration, on one line; nothing where the source is not at hand."""
    import ast

    try:
        trees = [ast.parse(Path(str(source.__file__)).read_text(encoding="utf-8")) for source in SOURCES]
    except OSError:
        return {}
    found = {}
    for kind in (kind for tree in trees for kind in tree.body):
        if not isinstance(kind, ast.ClassDef):
            continue
        for setting, text in pairwise(kind.body):
            match setting, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[kind.name, name] = " ".join(words.split())
    return found
