"""The person's settings: `config.toml`, typed, every setting documented where it is declared."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from orchestrator_tui.errors import ConfigError
from orchestrator_tui.fleet import guard_rules, thresholds
from orchestrator_tui.fleet import policy as policies
from orchestrator_tui.fleet.guard_rules import Governor, Guard

GB = 1_000_000_000
Dollars = Annotated[float, Meta(ge=0, le=1e9)]
PRICE_KEYS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
MAX_PRICE = 1_000_000
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d) ?- ?([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """`[store]`: what the event store keeps."""

    text: Literal["none", "heads"] = "heads"
    """How much of messages and outputs is stored: `heads` (2 KiB of a message and its end, 1 KiB + 1 KiB of an output)
    or `none`."""
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
    programs: dict[str, str] = field(default_factory=dict)
    """Where a client's program is, when it is not on the PATH, e.g. `{claude = "/opt/claude/bin/claude"}`."""


class Budgets(Struct, frozen=True, forbid_unknown_fields=True):
    """`[budgets]`: what you want to spend at most, in dollars; amber from 80 % on, red from 100 %. 0 is no budget."""

    session: Dollars = 0.0
    """Per session, with its sub-agents."""
    day: Dollars = 0.0
    """The whole fleet, from midnight to midnight."""
    projects: dict[str, Dollars] = field(default_factory=dict)
    """Per project and day, e.g. `{webapp = 50, "*" = 20}`; `*` is every project that is not named."""


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """`[prices]`: what models cost, where the price tables do not know it or you pay something else."""

    models: dict[str, dict[str, object]] = field(default_factory=dict)
    """Per model, in dollars per million tokens: `input` with `output`, `cache_read`, `cache_write`, `cache_write_1h`;
    and `context_window` in tokens. E.g. `[prices.models."my-model"]`, below it `input = 3.0` and `output = 15.0`."""
    local: list[str] = field(default_factory=list)
    """Models that run on your own machines and cost nothing, as patterns: `["my-model*"]`."""
    subscription: list[str] = field(default_factory=list)
    """Clients that you pay by subscription, e.g. `["claude", "codex"]`: their figures are called what they are, the
    same work by the API's price list."""

    def __post_init__(self) -> None:
        for model, settings in self.models.items():
            key = f"prices.models.{_key(model)}"
            for name, value in settings.items():
                number = None if isinstance(value, bool) else value
                if name == "context_window":
                    if not isinstance(number, int) or not 0 < number < 1 << 40:
                        raise ValueError(f"{key}.{name} must be a whole number of tokens above 0")
                elif name not in PRICE_KEYS:
                    raise ValueError(f"{key}.{name} is no setting; there are {', '.join(PRICE_KEYS)}, context_window")
                elif not isinstance(number, int | float) or not 0 <= number <= MAX_PRICE:
                    raise ValueError(f"{key}.{name} must be dollars per million tokens, from 0 to {MAX_PRICE}")
            if set(PRICE_KEYS) & settings.keys() and not {"input", "output"} <= settings.keys():
                raise ValueError(f"{key} needs both input and output")


class Control(Struct, frozen=True, forbid_unknown_fields=True):
    """`[control]`: what commands do."""

    undo_seconds: Annotated[float, Meta(ge=1, le=60)] = 5.0
    """How long a kill can be taken back."""
    hook_wait_seconds: Annotated[float, Meta(ge=0, le=600)] = 60.0
    """How long an installed hook waits for the dashboard's answer before the client's own dialog asks."""


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[policy]]`: how close a person must stand, per project."""

    project: str = "*"
    """A pattern of project names."""
    agents_may: list[str] = field(default_factory=list)
    """Commands that may be given from inside an agent there, e.g. `["message"]`; `*` is every one."""
    second_key: list[str] = field(default_factory=list)
    """Approving what fits one of these patterns wants a second key, e.g. `["git push*", "rm *"]`."""
    reason_for: list[str] = field(default_factory=list)
    """Commands that need a reason there (`--why`), e.g. `["kill", "escalate"]`; `*` is every one."""
    max_usd: Dollars = 0.0
    """What one command may let be spent there (run, budget, escalate, split) before it wants a yes; 0 is no limit."""
    hands_off: bool = False
    """No guard and no governor acts there."""

    def told(self, number: int) -> dict[str, str | float | bool | None]:
        """What the host tells of it."""
        lists = {
            "agents_may": self.agents_may,
            "second_key": self.second_key,
            "reason_for": self.reason_for,
            "max_usd": [repr(self.max_usd)] if self.max_usd else [],
            "hands_off": ["yes"] if self.hands_off else [],
        }
        return dict(policies.told(number, self.project, name, values) for name, values in lists.items())


class Screen(Struct, frozen=True, forbid_unknown_fields=True):
    """`[screen]`: the dashboard."""

    theme: str = "night"
    """Name of a theme: a shipped one, or one of yours in the `themes` directory."""


class Notify(Struct, frozen=True, forbid_unknown_fields=True):
    """`[notify]`: how you hear that somebody is needed."""

    off: bool = False
    """Announce nothing at all."""
    on: list[Literal["red", "waiting", "amber", "finished"]] = field(default_factory=lambda: ["red", "waiting"])
    """What is announced: `red` (act now), `waiting` (a person is owed), `amber` (soon, or probably), `finished`."""
    bell: bool = True
    """Ring the bell of the dashboard's terminal."""
    terminal: Literal["off", "osc9", "osc777"] = "off"
    """Have the dashboard's terminal show a notification: `osc9` (iTerm2, kitty, WezTerm), `osc777` (foot, urxvt)."""
    tmux_passthrough: bool = False
    """Within tmux, send that on to the outer terminal (tmux: `set -g allow-passthrough on`); else the bell rings."""
    desktop: bool = False
    """The host shows a desktop notification by `notify-send`, also with the dashboard closed."""
    command: list[str] = field(default_factory=list)
    """The host runs this program with these arguments, also with the dashboard closed; it finds the notice in
    `ORC_NOTICE_*` variables and as JSON on its input, and has 10 s. E.g. `["ntfy-me", "--quiet"]`."""
    quiet: str = ""
    """Hours of your day in which nothing is announced, e.g. `22:00-07:00`."""
    min_turn_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    """Seconds from the start of a turn within which nothing is announced of it: you are still looking."""

    def __post_init__(self) -> None:
        if self.quiet and self.quiet_minutes is None:
            raise ValueError(f"notify.quiet must be two different times such as 22:00-07:00, not {self.quiet!r}")
        program = self.command[0] if self.command else "-"
        if not program or ("/" in program and not program.startswith(("/", "~/"))):
            raise ValueError("notify.command must begin with a program: a name on PATH, or a path from / or ~/")
        if any("\0" in part for part in self.command):
            raise ValueError("notify.command must not hold a NUL character")

    @property
    def quiet_minutes(self) -> tuple[int, int] | None:
        """The quiet hours as minutes of the day, until before the second; None when there are none."""
        found = _HOURS.fullmatch(self.quiet)
        if found is None:
            return None
        start, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        return (start, end) if start != end else None


class Rules(thresholds.Thresholds, frozen=True, forbid_unknown_fields=True):
    """`[status]`: when a session counts as stuck (docs/status.md)."""

    projects: dict[str, dict[str, float]] = field(default_factory=dict)
    """The same for one project, e.g. `[status.projects.api]`, below it `tool_idle_seconds = 3600`."""

    def __post_init__(self) -> None:
        scopes: dict[str, dict[str, float]] = {"status": {name: getattr(self, name) for name in thresholds.NAMES}}
        scopes |= {f"status.projects.{_key(name)}": settings for name, settings in self.projects.items()}
        for scope, settings in scopes.items():
            for name, value in settings.items():
                try:
                    thresholds.checked(name, value)
                except ValueError as error:
                    raise ValueError(f"{scope}: {error}") from None

    def told(self) -> dict[str, str | float | bool | None]:
        """What differs from the defaults, as an event's settings."""
        own = {name: getattr(self, name) for name in thresholds.NAMES}
        return {
            **{f"{thresholds.PREFIX}{name}": v for name, v in own.items() if v != getattr(thresholds.DEFAULT, name)},
            **{
                f"{thresholds.PREFIX}{project}/{name}": value
                for project, settings in self.projects.items()
                for name, value in settings.items()
            },
        }


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    store: Store = field(default_factory=Store)
    host: Host = field(default_factory=Host)
    clients: Clients = field(default_factory=Clients)
    budgets: Budgets = field(default_factory=Budgets)
    prices: Prices = field(default_factory=Prices)
    status: Rules = field(default_factory=Rules)
    screen: Screen = field(default_factory=Screen)
    notify: Notify = field(default_factory=Notify)
    control: Control = field(default_factory=Control)
    ladder: dict[str, list[str]] = field(default_factory=dict)
    """`[ladder]`: the models of a client, smallest first, e.g. `claude = ["claude-haiku-4-5", "claude-opus-4-8"]`."""
    policy: list[Policy] = field(default_factory=list)
    """`[[policy]]`: per project pattern, `agents_may` (commands an agent may give), `second_key` (patterns),
    `reason_for` (commands that need --why), `max_usd` (what one may spend without a yes), `hands_off` (no guards)."""
    guard: list[Guard] = field(default_factory=list)
    """`[[guard]]`: what is done by itself when something holds (docs/guards.md)."""
    governor: Governor = field(default_factory=Governor)

    def __post_init__(self) -> None:
        guard_rules.checked(self.guard)

    def told(self) -> dict[str, str | float | bool | None]:
        """The settings that answers depend on, as the host tells them in `settings.changed`."""
        budgets = self.budgets
        return {
            "store.text": self.store.text,
            "prices.subscription": ",".join(self.prices.subscription),
            "budget.session": budgets.session,
            "budget.day": budgets.day,
            **{f"budget.project/{name}": limit for name, limit in budgets.projects.items()},
            **self.status.told(),
            **{f"ladder/{client}": ",".join(rungs) for client, rungs in self.ladder.items()},
            **{name: value for n, policy in enumerate(self.policy) for name, value in policy.told(n).items()},
        }


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
            lines.append(f"{name} = {_toml(getattr(part, name))}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _tables(section: str, part: object) -> list[str]:
    """A section whose keys are the person's own, or of which there may be many."""
    if isinstance(part, dict):
        return [f"[{section}]", *(f"{_key(name)} = {_toml(value)}" for name, value in part.items())]
    lines: list[str] = []
    for one in part if isinstance(part, list) else []:
        lines += [f"[[{section}]]", *(f"{name} = {_toml(getattr(one, name))}" for name in one.__struct_fields__)]
    return lines


def _descriptions() -> dict[tuple[str, str], str]:
    """(class, setting) -> the text beneath its declaration, on one line; nothing where the source is not at hand."""
    import ast

    sources = (__file__, str(thresholds.__file__), str(guard_rules.__file__))
    try:
        trees = [ast.parse(Path(source).read_text(encoding="utf-8")) for source in sources]
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
