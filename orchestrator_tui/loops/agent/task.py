"""What the built-in agent is started with: one JSON object, in a file or as the first line of its input."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from msgspec import Struct, field

from orchestrator_tui.text import line, utf8

MAX_TASK = 16 << 20
"""Bytes of a task, and of a line on the channel."""
SESSION = re.compile(r"[a-z0-9][a-z0-9-]{0,63}(?:/[0-9]{1,6})?")
"""A session's own id; of an iteration `<loop id>/<number>`."""
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\-]{0,199}")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
LOOPS = "ORC_LOOPS"
"""Names the directory for logs of tasks that name no log: `$ORC_LOOPS/agents/<session>.jsonl`."""
API_BASE = "ORC_API_BASE"
API_KEY_ENV = "ORC_API_KEY_ENV"
"""What holds where a task says nothing of a server of the person's own."""


class WrongTask(Exception):
    """The task cannot be run as it stands; the text says why."""


class AgentTask(Struct, frozen=True, forbid_unknown_fields=True):
    """`TASK.json`."""

    prompt: str
    cwd: str
    model: str
    session: str = ""
    """Its own id, as in `loop:<session>`; with `--session` it is given there."""
    log: str | None = None
    """Absolute path of the log to be made; it must not be there yet. None: below `$ORC_LOOPS`."""
    api_base: str | None = None
    api_key_env: str | None = None
    """Name of the variable that holds the key; its commands do not inherit that one."""
    effort: str | None = None
    title: str | None = None
    project: str | None = None
    parent: str | None = None
    """A loop's id, or a whole session id."""
    relation: str | None = None
    max_turns: int = 60
    """Responses of the model in one turn of a person's."""
    max_usd: float | None = None
    """What its responses may cost together; it ends before the next request once they have cost that."""
    seed: int = 0
    command_timeout: float = 120.0
    """Seconds for one command, where the model names no other time."""
    request_timeout: float = 600.0
    """Seconds without a byte from the model after which a request has failed."""
    max_attempts: int = 8
    """Tries of one request."""
    context_window: int | None = None
    """Tokens; None: what is known of the model, else 64 000."""
    prices: str | None = None
    """A price map's file, as litellm's; it goes before litellm's own. None: `$ORC_PRICES`."""
    env: dict[str, str] = field(default_factory=dict)
    """Added to its environment, and to that of its commands."""


def decode_task(data: bytes) -> AgentTask:
    """A task from JSON. Raises WrongTask."""
    if len(data) > MAX_TASK:
        raise WrongTask(f"the task has {len(data)} bytes; at most {MAX_TASK} are taken")
    try:
        return msgspec.json.decode(data, type=AgentTask)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise WrongTask(f"the task is not what it should be: {line(str(error), 200)}") from error


def checked(task: AgentTask, environ: dict[str, str] | None = None) -> AgentTask:
    """The same task, complete: log, server and texts that can be encoded. Raises WrongTask."""
    env = environ or {}
    if SESSION.fullmatch(task.session) is None:
        raise WrongTask(f"{line(task.session, 80)!r} is no session id; use small letters, digits and dashes")
    if MODEL.fullmatch(task.model) is None:
        raise WrongTask(f"{line(task.model, 80)!r} is no model's name; write it as litellm does, as in openai/gpt-5.5")
    if task.effort is not None and task.effort not in EFFORTS:
        raise WrongTask(f"there is no effort {line(task.effort, 40)!r}; there are {', '.join(EFFORTS)}")
    if not task.cwd.startswith("/") or "\0" in task.cwd or not Path(task.cwd).is_dir():
        raise WrongTask(f"there is no directory {line(task.cwd, 120)!r} to work in; give its absolute path")
    if any("\0" in name + value or "=" in name or not name for name, value in task.env.items()):
        raise WrongTask("a variable in `env` has a name or a value that no environment can hold")
    for name, value in (("max_turns", task.max_turns), ("max_attempts", task.max_attempts)):
        if not 0 < value <= 1_000_000:
            raise WrongTask(f"`{name}` is {value}; it must be at least 1")
    times = (("command_timeout", task.command_timeout), ("request_timeout", task.request_timeout))
    for name, seconds in times:
        if not 0 < seconds <= 1e6:
            raise WrongTask(f"`{name}` is {seconds}; it must be seconds above 0")
    if task.max_usd is not None and not 0 < task.max_usd <= 1e9:
        raise WrongTask(f"`max_usd` is {task.max_usd}; it must be dollars above 0")
    return msgspec.structs.replace(
        task,
        prompt=utf8(task.prompt),
        log=_log_of(task, env),
        api_base=task.api_base or env.get(API_BASE) or None,
        api_key_env=task.api_key_env or env.get(API_KEY_ENV) or None,
        context_window=task.context_window if task.context_window and task.context_window > 0 else None,
    )


def _log_of(task: AgentTask, env: dict[str, str]) -> str:
    if task.log is not None:
        if not task.log.startswith("/") or "\0" in task.log or not task.log.endswith(".jsonl"):
            raise WrongTask(f"{line(task.log, 120)!r} is no place for a log; give the absolute path of a .jsonl file")
        return task.log
    base = env.get(LOOPS, "")
    if not base.startswith("/"):
        raise WrongTask(f"the task names no log, and {LOOPS} names no directory for one; set either")
    return str(Path(base) / "agents" / f"{task.session.replace('/', '.')}.jsonl")
