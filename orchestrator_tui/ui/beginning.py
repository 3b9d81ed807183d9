"""The form of `c`: a session that orc starts and owns, or with a check or a number of tries a loop of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_tui.errors import UsageError
from orchestrator_tui.events import Facts
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.text import line
from orchestrator_tui.ui.questions import Field, Question, Values

if TYPE_CHECKING:
    from orchestrator_tui.ui.commanding import Commanding

AGENTS = ("claude", "codex", "opencode", "gemini", "builtin", "command")
HERE, APART = "in the directory itself", "in a worktree and branch of its own"
MAX_USD = 1e9


def new_session(c: Commanding) -> Question:
    """What is begun; everything but the prompt may stay as it is."""
    near = c.app.live.fleet.sessions.get(c.app.selected or "")
    agent = near.client if near is not None and near.client in AGENTS else AGENTS[0]
    where = near.cwd if near is not None and near.cwd else str(Path.cwd())

    def send(values: Values) -> str:
        try:
            verb, wanted = asked(values)
        except UsageError as wrong:
            return line(str(wrong), 240)
        c.send([(verb, wanted, line(values["title"] or values["prompt"], 24))])
        return ""

    fields = (
        Field("prompt", "prompt", hint="what it is to do", rows=4),
        Field("agent", "agent", agent, choices=AGENTS),
        Field("cwd", "directory", line(where)),
        Field("model", "model", hint="the client's own choice"),
        Field("title", "title", hint="none"),
        Field("until", "until", hint="none; a check, such as pytest -q, makes it a loop until that passes"),
        Field("max", "at most", hint="so many iterations; makes it a loop, too"),
        Field("budget", "budget $", hint="what the settings say"),
        Field("worktree", "worktree", choices=(HERE, APART)),
        Field("command", "command", hint="of the agent command: the program, its input is the prompt"),
    )
    return Question("new session or loop", "begin", send, fields=fields)


def asked(values: Values) -> tuple[str, Facts]:
    """(verb, what the host is asked for) of what was filled in. Raises UsageError, one line."""
    cwd, prompt, agent = values["cwd"], values["prompt"], values["agent"]
    if not prompt:
        raise UsageError("what is it to do? The prompt is empty")
    place = Path(cwd).expanduser()
    if not cwd or not place.is_absolute():
        raise UsageError("the directory must be a whole path, from / or ~/")
    if not place.is_dir():
        raise UsageError(f"{line(cwd, 120)} is no directory on this machine")
    if agent == "builtin" and not values["model"]:
        raise UsageError("the built-in agent needs a model, as litellm names it, such as openai/gpt-5.5")
    wanted: Facts = {"agent": agent, "prompt": prompt, "cwd": str(place)}
    wanted |= {name: values[name] for name in ("model", "title") if values[name]}
    budget = _number(values["budget"].removeprefix("$"), "the budget", MAX_USD)
    if budget is not None:
        wanted["budget_usd"] = budget
    most = _number(values["max"], "the number of iterations", specs.MAX_ITERATIONS)
    loop = bool(values["until"] or most is not None or agent == "command")
    if not loop:
        if values["worktree"] == APART:
            raise UsageError("a session by itself has no worktree: give a check or a number of iterations")
        if values["command"]:
            raise UsageError("a command is for the agent command alone")
        return "run", wanted
    if values["until"]:
        specs.check_of(values["until"])
        wanted["until"] = values["until"]
    if most is not None:
        if most != int(most):
            raise UsageError(f"{line(values['max'], 20)} is no number of iterations")
        wanted["max_iterations"] = int(most)
    if bool(values["command"]) != (agent == "command"):
        raise UsageError("the agent command, and that alone, takes a command")
    if values["command"]:
        wanted["command"] = specs.words(values["command"], "the command") or []
    if values["worktree"] == APART:
        wanted["worktree"] = True
    return "loop", wanted


def _number(text: str, what: str, most: float) -> float | None:
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise UsageError(f"{line(text, 20)} is no number for {what}: more than 0, at most {most:g}")
    return value
