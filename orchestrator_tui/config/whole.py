"""All settings together."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.config.money import Budgets, Prices
from orchestrator_tui.config.notify import Notify
from orchestrator_tui.config.rules import Policy, Rules
from orchestrator_tui.config.sections import Clients, Control, Host, Screen, Store
from orchestrator_tui.fleet import guard_rules
from orchestrator_tui.fleet.guard_rules import Governor, Guard


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
    keys: dict[str, object] = field(default_factory=dict)
    """`[keys]`: other keys for actions, by the names of docs/keys.md: `kill = "ctrl+k"`, `next-free = [",", "F3"]`,
    `""` for none. `orc config check` says what is wrong; what is wrong keeps its key."""
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
