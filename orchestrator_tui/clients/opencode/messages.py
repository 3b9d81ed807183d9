"""What a message says as a whole (OpenCode 1.18.33): the person's words, how a turn ended, what a response took.

Traps, all measured: a message's tokens stay 0 until its step ends, and for ever if it was broken off; `input` leaves
out what was read from the cache, `output` leaves out reasoning; a retry is in no row; `run` writes its prompt with
quotes; the client's own `cost` is 0 for a model that it has no price of.
"""

from __future__ import annotations

from orchestrator_tui.clients.opencode.parts import Said, failure
from orchestrator_tui.clients.opencode.rows import Row, SessionRow, millis
from orchestrator_tui.clients.values import decode_object, first_line, project_of, text_of, tokens_of
from orchestrator_tui.events import (
    CompactEnded,
    CompactStarted,
    KnownBody,
    SessionUpdated,
    TurnEnded,
    Unparsed,
    Usage,
    UserMessage,
)
from orchestrator_tui.excerpt import ARGUMENTS, excerpt

DEFAULT_TITLES = ("New session - ", "Child session - ")
"""Titles from before the client has thought of one."""
GOES_ON = ("tool-calls", "unknown")
"""Ends of a response after which the client asks the model again."""
MAKERS = frozenset({"anthropic", "openai", "google", "xai", "mistral", "deepseek", "groq", "moonshotai"})
"""Providers that are known by their models' names alone."""
INTERRUPTED = "[turn interrupted]"


def model_of(provider: object, model: object) -> str | None:
    """The model's name: of a maker's own service without the provider, else `provider/model`, so that what runs on
    the person's machine (`ollama/...`) and what a gateway sells can be told apart."""
    name, who = text_of(model), text_of(provider)
    if not name:
        return None
    return name[:ARGUMENTS] if not who or who in MAKERS else f"{who}/{name}"[:ARGUMENTS]


def facts_of(row: SessionRow, parent: str | None) -> SessionUpdated:
    """Everything that a session's row says."""
    model, directory = row.model or {}, row.directory
    title = first_line(row.title)
    if title is not None and title.startswith(DEFAULT_TITLES):
        title = None
    variant = text_of(model.get("variant"))
    return SessionUpdated(
        client="opencode",
        title=title[:ARGUMENTS] if title else None,
        title_rank=2 if parent is not None else 1,
        project=project_of(directory) if directory else None,
        cwd=directory,
        model=model_of(model.get("providerID"), model.get("id") or model.get("modelID")),
        effort=variant if variant != "default" else None,
        # `run` denies itself questions, as nobody is there to answer them.
        interactive=False if parent is not None or is_headless(row) else None,
        client_version=row.version,
        parent=parent,
        relation="subagent" if parent is not None else None,
    )


def is_headless(row: SessionRow) -> bool:
    """Whether the session was begun by `run`."""
    rules = (decode_object(b'{"rules":' + (row.permission or "[]").encode() + b"}") or {}).get("rules")
    return isinstance(rules, list) and any(
        isinstance(rule, dict) and rule.get("permission") == "question" and rule.get("action") == "deny"
        for rule in rules
    )


def asked(row: Row, parts: list[Row], copy: bool, subagent: bool, headless: bool) -> list[Said]:
    """What a user's message says; nothing before its text is there."""
    data = [part.data or {} for part in parts]
    said: list[Said] = []
    compaction = next((one for one in data if one.get("type") == "compaction"), None)
    if compaction is not None and not copy:
        said.append(Said("compaction", CompactStarted(), row.created))
    texts = [one for one in data if one.get("type") == "text" and one.get("ignored") is not True]
    typed = [one for one in texts if one.get("synthetic") is not True]
    tasks = [one for one in data if one.get("type") == "subtask"]
    words = "\n".join(text_of(one.get("text")) or "" for one in typed or texts)
    words = words or "\n".join(text_of(one.get("prompt")) or "" for one in tasks)
    if not words and any(one.get("type") == "file" for one in data):
        words = "[file]"
    if words:
        machine = subagent or not (typed or tasks or not texts)
        body = UserMessage(text=excerpt(words), synthetic=machine, headless=headless, replayed=copy)
        said.append(Said("user", body, row.created))
    return said


def first_prompt(said: list[Said]) -> SessionUpdated | None:
    """The first words of a session, as a title until there is a better one."""
    words = next((one.body for one in said if isinstance(one.body, UserMessage) and not one.body.synthetic), None)
    title = first_line(words.text.text) if words is not None else None
    return SessionUpdated(title=title.strip('"')[:ARGUMENTS], title_rank=0) if title else None


# --- responses ------------------------------------------------------------------------------------------------


def usage_of(message: Row, tokens: object) -> KnownBody | None:
    """What a step took: `{input, output, reasoning, cache: {read, write}}`; None while it says nothing."""
    if not isinstance(tokens, dict):
        return None
    cache = tokens.get("cache")
    cache = cache if isinstance(cache, dict) else {}
    try:
        found = tokens_of(
            input=tokens.get("input"),
            cache_read=cache.get("read"),
            cache_write=cache.get("write"),
            output=tokens.get("output"),
        )
        thought = tokens_of(output=tokens.get("reasoning")).output
        found = tokens_of(
            input=found.input, cache_read=found.cache_read, cache_write=found.cache_write,
            output=found.output + thought, reasoning=thought,
        )  # fmt: skip
    except ValueError as error:
        return Unparsed(reason=f"usage: {error}"[:200])
    if not found.total:
        return None
    data = message.data or {}
    return Usage(
        response_id=message.id[:128], model=model_of(data.get("providerID"), data.get("modelID")), tokens=found
    )


def completed_at(row: Row) -> int | None:
    """When a message was finished, also by an error; None while it is not."""
    data = row.data or {}
    time = data.get("time")
    done = millis(time.get("completed")) if isinstance(time, dict) else None
    return done or (row.updated or row.created if isinstance(data.get("error"), dict) else None)


def ended(row: Row, blocked: bool, began: int | None, manual: bool, headless: bool) -> list[Said]:
    """How a finished message of the assistant ended; `began` is its turn's, `manual` that a person asked to compact."""
    data, done = row.data or {}, completed_at(row)
    error, finish = data.get("error"), data.get("finish")
    took = done - began if done is not None and began is not None and 0 <= done - began < 1 << 40 else None
    over = [Said("end", TurnEnded(duration_ms=took), done)]
    if isinstance(error, dict):
        if error.get("name") == "MessageAbortedError":
            body = UserMessage(text=excerpt(INTERRUPTED), interrupt=True, headless=headless)
            return [Said("error", body, done)]
        return [Said("error", failure(error, True), done)]
    if data.get("summary") is True:
        compacted = Said("compacted", CompactEnded(trigger="manual" if manual else "auto"), done)
        return [compacted, *over] if manual else [compacted]
    return over if blocked or (isinstance(finish, str) and finish and finish not in GOES_ON) else []
