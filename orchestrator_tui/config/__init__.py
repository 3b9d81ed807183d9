"""The person's settings: `config.toml`, typed, every setting documented where it is declared."""

from orchestrator_tui.config.files import load, show
from orchestrator_tui.config.money import MAX_PRICE, PRICE_KEYS, Budgets, Dollars, Prices
from orchestrator_tui.config.notify import Notify
from orchestrator_tui.config.rules import Policy, Rules
from orchestrator_tui.config.sections import GB, Clients, Control, Host, Screen, Store
from orchestrator_tui.config.whole import Config
from orchestrator_tui.errors import ConfigError
from orchestrator_tui.fleet.guard_rules import Governor, Guard

__all__ = [
    "GB", "MAX_PRICE", "PRICE_KEYS", "Budgets", "Clients", "Config", "ConfigError", "Control", "Dollars", "Governor",
    "Guard", "Host", "Notify", "Policy", "Prices", "Rules", "Screen", "Store", "load", "show",
]  # fmt: skip
