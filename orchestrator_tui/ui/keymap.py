"""The keys in force: the table of actions with what the settings say of it, and what is wrong with those settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from msgspec import Struct

from orchestrator_tui.text import line
from orchestrator_tui.ui.actions import ACTIONS, SHARED, Action, by_head
from orchestrator_tui.ui.keynames import parsed, shown_keys, written_key, written_keys

MOST = 9
"""Keys that one action may have."""
TOLD = 60
"""Characters of a setting that a complaint quotes."""


class Press(Struct, frozen=True):
    """What a key means in one place."""

    action: str
    number: str = ""
    """Of numbered keys, from `1` on."""


class Keymap:
    """Who has which key. Faults are told, one line each; what is wrong keeps the key that it had."""

    def __init__(self, settings: Mapping[str, object] | None = None, actions: Iterable[Action] = ACTIONS) -> None:
        """`settings`: `[keys]`, action -> a key, several, or `""` for none."""
        self.actions = tuple(actions)
        self._by_id = {action.id: action for action in self.actions}
        self.faults: list[str] = []
        own = self._read(settings or {})
        self._settle(own)
        self._keys = {action.id: own.get(action.id, action.keys) for action in self.actions}
        self._meaning = self._meanings()

    # --- asking -------------------------------------------------------------------------------------------

    def keys(self, action: str) -> tuple[str, ...]:
        """Textual's names of its keys; () where it has none."""
        return self._keys.get(action, ())

    def shown(self, action: str) -> str:
        """Its first key as a person writes it; "" where it has none."""
        return shown_keys(self.keys(action), self._numbered(action))

    def written(self, action: str) -> str:
        """All its keys as a person writes them."""
        return written_keys(self.keys(action), self._numbered(action))

    def all(self) -> frozenset[str]:
        """Every key that means anything anywhere."""
        return frozenset(key for keys in self._keys.values() for key in keys)

    @property
    def told(self) -> list[str]:
        """What is wrong with the settings, at most two lines."""
        more = len(self.faults) - 2
        if more < 1:
            return self.faults
        return [self.faults[0], f"and {more + 1} more keys are wrong in the settings: `orc config check` lists them"]

    def at(self, place: str, key: str) -> Press | None:
        """What a key means on a screen: what holds there, else what it means on the map."""
        return self._meaning.get((place, key)) or self._meaning.get(("", key))

    def _numbered(self, action: str) -> bool:
        return action in self._by_id and self._by_id[action].numbered

    def _meanings(self) -> dict[tuple[str, str], Press]:
        found: dict[tuple[str, str], Press] = {}
        for action in self.actions:
            shared = action.where in SHARED
            for place in (*action.places, *("",) * shared):
                for number, key in enumerate(self._keys[action.id], 1):
                    found.setdefault((place, key), Press(action.id, str(number) if action.numbered else ""))
        return found

    # --- reading ------------------------------------------------------------------------------------------

    def _read(self, settings: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
        """The settings that can be read, by action."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in settings.items():
            if name not in self._by_id:
                self._fault(name, f"no action has that name{self._nearest(name)}")
                continue
            given = value if isinstance(value, list) else [value]
            texts = [text for text in given if isinstance(text, str)]
            if len(texts) != len(given) or len(texts) > MOST:
                self._fault(name, f'takes a key, up to {MOST} of them as a list, or "" for none', keeps=name)
                continue
            keys: dict[str, None] = {}
            wrong = ""
            for text in texts:
                if text == "":
                    continue
                try:
                    keys[parsed(text)] = None
                except ValueError as why:
                    wrong = f"{_quoted(text)} {why}"
                    self._fault(name, wrong, keeps="" if keys or len(texts) > 1 else name)
            if keys or not wrong:
                found[name] = tuple(keys)
        return found

    def _settle(self, own: dict[str, tuple[str, ...]]) -> None:
        """Take from the settings each key that somebody has already: the table's own keys come first."""
        places = {action.id: action.places for action in self.actions}
        while True:
            used: dict[tuple[str, str], str] = {}
            order = sorted(self.actions, key=lambda action: action.id in own)
            clash = next(
                (
                    (action.id, key, other)
                    for action in order
                    for key in own.get(action.id, action.keys)
                    for place in places[action.id]
                    if (other := used.setdefault((place, key), action.id)) != action.id
                    and (action.id in own or other in own)
                ),
                None,
            )
            if clash is None:
                return
            # Each round takes a key away from the settings, so that it ends.
            loser, key, other = clash
            if loser not in own:
                loser, other = other, loser
            # Of numbered keys each has its number: without one of them the others would mean something else.
            left = () if self._numbered(loser) else tuple(one for one in own[loser] if one != key)
            where = ", ".join(place for place in places[loser] if place in places[other])
            words = f"{written_key(key)} is {other}'s ({where})"
            if left:
                own[loser] = left
            else:
                del own[loser]
            self._fault(loser, words, keeps="" if left else loser)

    def _nearest(self, name: str) -> str:
        text = name.casefold().replace("_", "-").replace(" ", "-")
        by_label = {action.label.casefold().replace(" ", "-"): action.id for action in self.actions}
        names = [*self._by_id, *by_label]
        near = get_close_matches(text, names, n=1, cutoff=0.5)
        found = [by_label.get(one, one) if one not in self._by_id else one for one in near]
        return f"; nearest: {found[0]}" if found else ""

    def _fault(self, name: str, words: str, keeps: str = "") -> None:
        kept = ""
        if keeps:
            keys = written_keys(self._by_id[keeps].keys, self._by_id[keeps].numbered)
            kept = f"; it keeps {keys}" if keys else ""
        self.faults.append(f"keys.{line(name, TOLD)}: {words}{kept}")


def _quoted(text: str) -> str:
    return repr(line(text, TOLD)) if text.isprintable() else "a character that cannot be printed"


DEFAULT = Keymap()
"""The table as it is, without settings."""


def keys_table() -> str:
    """Every key as a table in Markdown, in the order of the help page: what docs/keys.md holds."""
    lines = [
        "# Keys",
        "",
        "Made from the table of actions. `[keys]` in the settings gives an action other keys by its name here, e.g.",
        '`kill = "ctrl+k"`, `next-needs-you = [".", "F2"]`, or `""` for none; `orc config check` says what is wrong.',
    ]
    for head, actions in by_head():
        lines += ["", f"## {head}", "", "| key | action | what it does |", "|---|---|---|"]
        for action in actions:
            keys = action.written.replace("|", "\\|")
            lines.append(f"| `{keys}` | {action.id} | {action.help} |")
    return "\n".join(lines) + "\n"
