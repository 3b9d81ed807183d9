"""The person's settings: `config.toml`, typed, every setting documented where it is declared."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from orchestrator_tui.errors import ConfigError

GB = 1_000_000_000
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """`[store]`: what the event store keeps."""

    text: Literal["none", "heads"] = "heads"
    """How much of messages and outputs is stored: `heads` (2 KiB of a message, 1 KiB + 1 KiB of an output), `none`."""
    max_bytes: int = 10 * GB
    """Size cap of the database; over it the oldest text goes first, the ledger never."""


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """`[host]`: the background process."""

    idle_minutes: float = 10.0
    """Minutes without an open dashboard after which the host ends by itself; 0 keeps it running."""
    history_days: float = 7.0
    """Transcripts older than this are left for `orc ingest --all`."""


class Clients(Struct, frozen=True, forbid_unknown_fields=True):
    """`[clients]`: which agents are looked for, and where besides their own places."""

    off: list[str] = field(default_factory=list)
    """Clients that are not looked for: `claude`, `log`."""
    roots: dict[str, list[str]] = field(default_factory=dict)
    """Further directories per client, e.g. `claude = ["/mnt/box/.claude"]`."""


class Screen(Struct, frozen=True, forbid_unknown_fields=True):
    """`[screen]`: the dashboard."""

    theme: str = "night"
    """Name of a theme: a shipped one, or one of yours in the `themes` directory."""


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    store: Store = field(default_factory=Store)
    host: Host = field(default_factory=Host)
    clients: Clients = field(default_factory=Clients)
    screen: Screen = field(default_factory=Screen)


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
    described = _descriptions()
    lines: list[str] = []
    for section in Config.__struct_fields__:
        part = getattr(config, section)
        lines.append(f"[{section}]")
        for name in part.__struct_fields__:
            words = described.get((type(part).__name__, name))
            lines += [f"# {words}"] if words else []
            lines.append(f"{name} = {_toml(getattr(part, name))}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _descriptions() -> dict[tuple[str, str], str]:
    """(class, setting) -> the text beneath its declaration, on one line; nothing where the source is not at hand."""
    import ast

    try:
        tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    except OSError:
        return {}
    found = {}
    for kind in tree.body:
        if not isinstance(kind, ast.ClassDef):
            continue
        for setting, text in pairwise(kind.body):
            match setting, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[kind.name, name] = " ".join(words.split())
    return found


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    # A JSON string is a TOML string but for the one control character that JSON leaves as it is.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _toml(name)
