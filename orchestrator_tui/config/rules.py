"""Settings of what counts as stuck, and of how close a person must stand."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.config.money import Dollars
from orchestrator_tui.config.toml import key as _key
from orchestrator_tui.fleet import policy as policies
from orchestrator_tui.fleet import thresholds


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
