"""The form of `c`: a session with the fewest keys, a loop with a check, and what is wrong said in one line."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_tui.errors import UsageError
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.beginning import APART, HERE, asked
from tests.ui.fleets import dashboard
from tests.ui.test_commands import WIDE, bar, lower, prepare, sent

EMPTY = {"prompt": "fix it", "agent": "claude", "cwd": "/", "model": "", "title": "", "until": "", "max": "",
         "budget": "", "worktree": HERE, "command": ""}  # fmt: skip


@pytest.mark.parametrize(
    ("filled", "verb", "more"),
    [
        ({}, "run", {}),
        ({"budget": "$2.50"}, "run", {"budget_usd": 2.5}),
        ({"until": "pytest -q | tail"}, "loop", {"until": "pytest -q | tail"}),
        ({"max": "3", "worktree": APART}, "loop", {"max_iterations": 3, "worktree": True}),
        ({"agent": "builtin", "model": "openai/x"}, "run", {"agent": "builtin", "model": "openai/x"}),
        ({"agent": "command", "command": "prog 'a b'", "max": "2"}, "loop",
         {"agent": "command", "command": ["prog", "a b"], "max_iterations": 2}),
        ({"until": "make", "budget": "5", "max": "9", "title": "t", "worktree": APART}, "loop",
         {"until": "make", "budget_usd": 5.0, "max_iterations": 9, "title": "t", "worktree": True}),
    ],
)  # fmt: skip
def test_what_is_asked_for(filled: dict[str, str], verb: str, more: dict[str, Any]) -> None:
    assert asked(EMPTY | filled) == (verb, {"agent": "claude", "prompt": "fix it", "cwd": "/"} | more)


@pytest.mark.parametrize(
    ("filled", "says"),
    [
        ({"prompt": ""}, "prompt is empty"), ({"cwd": "here"}, "whole path"), ({"cwd": "/nowhere\x1b[31m"}, "no directory"),
        ({"budget": "-1"}, "for the budget"), ({"budget": "nan"}, "for the budget"), ({"max": "1e9"}, "iterations"),
        ({"max": "2.5"}, "iterations"), ({"until": "'open"}, "--until"), ({"agent": "builtin"}, "needs a model"),
        ({"agent": "command", "max": "2"}, "takes a command"), ({"command": "x", "until": "y"}, "takes a command"),
        ({"command": "x"}, "agent command alone"), ({"worktree": APART}, "worktree"),
        ({"agent": "command", "command": "'open"}, "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(filled: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        asked(EMPTY | filled)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


@pytest.mark.parametrize("size", [WIDE, (80, 24)])
async def test_a_loop_is_begun_with_few_keys(paths: Paths, tmp_path: Any, size: tuple[int, int]) -> None:
    await prepare(paths)
    async with dashboard(paths, size) as (app, pilot):
        await pilot.press("c", *"fix it", "tab", "tab", "ctrl+a", "delete", "ctrl+k")
        bar(app).query_one(".ask-cwd").text = str(tmp_path)  # type: ignore[attr-defined]
        await pilot.press("tab", "tab", "tab", *"pytest -q", "tab", *"4", "tab", *"x", "enter")
        assert bar(app).opened and "is no number for the budget" in lower(app)
        await pilot.press("backspace", *"3", "tab", "right", "enter")
        what = {"agent": "claude", "prompt": "fix it", "cwd": str(tmp_path), "until": "pytest -q", "max_iterations": 4,
                "budget_usd": 3.0, "worktree": True}  # fmt: skip
        assert await sent(app, pilot) == [("loop", what)]
