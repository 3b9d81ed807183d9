"""Keys by the settings: how people write them, what is wrong with them, and that every place shows the one in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui.config import Config, Screen
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import actions
from orchestrator_tui.ui.actions import ACTIONS, Action
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.keymap import DEFAULT, Keymap, Press
from orchestrator_tui.ui.keynames import parsed, written_key
from orchestrator_tui.ui.screens.help import HelpScreen
from tests.ui import fleets
from tests.ui.fleets import text

WRITTEN = {
    "x": "x", "X": "X", "?": "question_mark", ".": "full_stop", "Ctrl+K": "ctrl+k", "ctrl-k": "ctrl+k", "^K": "ctrl+k",
    "C-k": "ctrl+k", "Esc": "escape", "Enter": "enter", "Return": "enter", "Space": "space", " ": "space",
    "S-Tab": "shift+tab", "PgUp": "pageup", "F5": "f5", "alt+X": "alt+x", "←": "left", "shift+x": "X", "ctrl++": "ctrl+plus",
    "ctrl+-": "ctrl+minus", "+": "plus", "-": "minus", "full_stop": "full_stop", "ö": "ö", "ctrl+i": "tab",
    "Ctrl+[": "escape", "shift+ctrl+left": "ctrl+shift+left", "page_down": "pagedown", "alt+.": "alt+full_stop",
}  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
def test_a_key_is_understood_as_a_person_writes_it(written: str) -> None:
    assert parsed(written) == WRITTEN[written]


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "  ",
        "banana",
        "ctrl+",
        "ctrl+banana",
        "foo+x",
        "shift+1",
        "f99",
        "a b",
        "\x1b",
        "\u202e",
        "🚀",
        "发",
        "x" * 99,
    ],
)
def test_what_is_no_key_is_refused_in_words(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        parsed(wrong)


def test_what_is_shown_can_be_written_again() -> None:
    for action in ACTIONS:
        for key in action.keys:
            assert parsed(key) == key
            assert parsed(written_key(key)) == key


@given(st.text(max_size=12))
def test_any_text_is_a_key_or_refused(words: str) -> None:
    try:
        key = parsed(words)
    except ValueError:
        return
    assert parsed(key) == key
    assert parsed(written_key(key)) == key


FAULTS: dict[str, tuple[dict[str, object], list[str], dict[str, str]]] = {
    "unknown": ({"kil": "F3"}, ["keys.kil: no action has that name; nearest: kill"], {"kill": "x"}),
    "by its label": ({"kill_now": "K"}, ["keys.kill_now: no action has that name; nearest: kill-now"], {"kill-now": "X"}),
    "far from all": ({"qqqqqqq": "K"}, ["keys.qqqqqqq: no action has that name"], {}),
    "no key": ({"kill": "banana"}, ["keys.kill: 'banana' is no key; it keeps x"], {"kill": "x"}),
    "one of two": ({"kill": ["F3", "banana"]}, ["keys.kill: 'banana' is no key"], {"kill": "F3"}),
    "no text": ({"kill": 5}, ['keys.kill: takes a key, up to 9 of them as a list, or "" for none; it keeps x'], {"kill": "x"}),
    "taken": ({"kill": "y"}, ["keys.kill: y is approve's (fleet, session); it keeps x"], {"kill": "x", "approve": "y"}),
    "taken, and another": ({"kill": ["y", "F3"]}, ["keys.kill: y is approve's (fleet, session)"], {"kill": "F3"}),
    "both want it": (
        {"kill": "F3", "split": "F3"},
        ["keys.kill: F3 is split's (fleet, session); it keeps x"],
        {"kill": "x", "split": "F3"},
    ),
    "exchanged": ({"kill": "y", "approve": "x"}, [], {"kill": "y", "approve": "x"}),
    "exchanged by half": (
        {"kill": "y", "approve": "banana"},
        ["keys.approve: 'banana' is no key; it keeps y", "keys.kill: y is approve's (fleet, session); it keeps x"],
        {"kill": "x", "approve": "y"},
    ),
    "none": ({"kill": ""}, [], {"kill": ""}),
    "freed": ({"approve": "", "kill": "y"}, [], {"kill": "y", "approve": ""}),
    "elsewhere": ({"next-file": "x"}, [], {"next-file": "x", "kill": "x"}),
    "numbers": ({"recall": ["F1", "F2", "F3"]}, [], {"recall": "F1-F3"}),
    "numbers, one taken": (
        {"recall": ["F1", "x", "F3"]},
        ["keys.recall: x is kill's (fleet); it keeps 1-9"],
        {"recall": "1-9"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_wrong_is_told_by_name_and_keeps_its_key(case: str) -> None:
    settings, told, shown = FAULTS[case]
    keys = Keymap(settings)
    assert keys.faults == told
    assert {name: keys.shown(name) for name in shown} == shown


values = (
    st.none()
    | st.integers()
    | st.text(max_size=6)
    | st.lists(st.text(max_size=6) | st.sampled_from("xymn.,"), max_size=11)
)


@given(st.dictionaries(st.sampled_from([action.id for action in ACTIONS]) | st.text(max_size=8), values, max_size=12))
def test_whatever_is_set_no_key_has_two_meanings_in_one_place(settings: dict[str, object]) -> None:
    keys = Keymap(settings)
    made = [Action(one.id, keys.keys(one.id), one.label, one.help, one.where) for one in ACTIONS]
    assert actions.check(made) == []
    assert all("\n" not in fault and len(fault) < 300 for fault in keys.faults)
    for action in ACTIONS:
        # Either the settings gave it its keys, or it has its own.
        assert keys.keys(action.id) == action.keys or action.id in settings


def test_many_faults_are_two_rows() -> None:
    told = Keymap({f"q{number}": "x" for number in range(40)}).told
    assert len(told) == 2 and "and 39 more" in told[1] and "orc config check" in told[1]
    assert DEFAULT.told == [] == DEFAULT.faults


def test_what_a_key_means_depends_on_the_place() -> None:
    assert DEFAULT.at("fleet", "n") == Press("deny")
    assert DEFAULT.at("diff", "n") == Press("next-file")
    assert DEFAULT.at("fleet", "3") == Press("recall", "3")
    assert DEFAULT.at("fleet", "f7") is None
    # A screen with no keys of its own has those of the map.
    assert DEFAULT.at("help", "escape") == Press("back")


def opened(paths: Paths, **keys: object) -> OrcApp:
    return OrcApp(paths, Config(screen=Screen(theme="night"), keys=dict(keys)), fleets.Clock())


async def test_a_mapped_key_does_it_and_its_old_one_does_nothing(paths: Paths) -> None:
    app = opened(paths, **{"next-needs-you": ["F2", "ctrl+n"], "help": "ctrl+h"})
    async with app.run_test(size=(200, 55)) as pilot:
        await pilot.pause()
        queue = [cell.id for cell in app.drawn.queue]
        await pilot.press("full_stop")
        assert app.selected == queue[0]
        await pilot.press("f2", "ctrl+n")
        assert app.selected == queue[2]
        await pilot.press("question_mark")
        assert not isinstance(app.screen, HelpScreen)
        await pilot.press("ctrl+h")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        assert "F2 Ctrl+N" in "\n".join(text(app))


async def test_every_place_shows_the_key_in_force(paths: Paths) -> None:
    await fleets.append(paths, *fleets.commanded())
    changed = {
        "message": "F6", "kill": "ctrl+k", "undo": "F8", "approve": "F9", "yes": "F10", "next-needs-you": "F2",
        "overlay": "F4", "palette": "F12", "unmark": "F11", "split": "",
    }  # fmt: skip
    app = opened(paths, **changed)
    async with app.run_test(size=(240, 55)) as pilot:
        await pilot.pause()
        app.select(fleets.ASKS)
        await pilot.press("v")
        await pilot.pause()
        seen = text(app)
        assert "F9 n answer" in seen[-1] and "Ctrl+K kill" in seen[-1] and "F12 all" in seen[-1]
        assert "split" not in seen[-1]
        whole = "\n".join(seen)
        assert "F2 next" in whole and "F4" in seen[2] and "F11 none" in whole
        # The queue, and what the inspector says of keys.
        assert (
            re.search(r"\bF9 n\b", whole) and re.search(r"Ctrl\+K +kill", whole) and not re.search(r" x +kill", whole)
        )
        await pilot.press("V")
        await pilot.press("X")
        await pilot.pause()
        assert app.screen_stack[-1].query_one("AskBar").has_class("-open")
        assert text(app)[-1].strip().startswith("F10 kill now")
        await pilot.press("y")
        assert app.screen_stack[-1].query_one("AskBar").has_class("-open")
        await pilot.press("n")
        assert not app.screen_stack[-1].query_one("AskBar").has_class("-open")


async def test_wrong_keys_are_told_at_the_start_and_it_starts(paths: Paths) -> None:
    app = opened(paths, kil="x", kill="y", pause=5)
    async with app.run_test(size=(120, 35)) as pilot:
        await pilot.pause()
        whole = "\n".join(text(app))
        assert "settings: keys.kil: no action has that name; nearest: kill" in whole
        assert "and 2 more keys are wrong in the settings" in whole
        assert app.keys.shown("kill") == "x"


async def test_without_its_key_an_action_is_in_the_palette(paths: Paths) -> None:
    app = opened(paths, help="", quit="")
    async with app.run_test(size=(120, 35)) as pilot:
        await pilot.pause()
        assert "help" not in text(app)[-1]
        commands = {one.title: one for one in app.get_system_commands(app.screen)}
        (title,) = [one for one in commands if one.startswith("help:")]
        assert "no key" in commands[title].help
        commands[title].callback()
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)


async def test_an_action_of_another_place_says_so(paths: Paths) -> None:
    async with fleets.dashboard(paths) as (app, pilot):
        app.do_named("next-file")
        await pilot.pause()
        assert "next file: diff only" in "\n".join(text(app))


FIXED = {"askbar.py": {"Esc"}, "swatches.py": {"Enter"}}
"""Where a key is no action's: it ends what takes the keys."""


def test_no_screen_writes_a_key_by_hand() -> None:
    known = {word for action in ACTIONS for word in action.written.split()} | {action.shown for action in ACTIONS}
    known -= {"="}
    written = re.compile(r'\("([^"{}]+)", "key(?: bold)?(?: on surface)?"\)')
    wrong = []
    for path in sorted((Path(actions.__file__).parent).rglob("*.py")):
        for number, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for found in written.findall(row):
                words = set(found.split())
                if words and words <= known - FIXED.get(path.name, set()):
                    wrong.append(f"{path.name}:{number}: {found.strip()}")
    assert wrong == []


def test_no_screen_has_bindings_of_its_own() -> None:
    """What a key does is asked of the table; a binding beside it would keep its key whatever the settings say."""
    for path in (Path(actions.__file__).parent / "screens").glob("*.py"):
        assert "Binding(" not in path.read_text(encoding="utf-8"), path.name
