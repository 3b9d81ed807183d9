"""Counting Codex's responses once each (Codex CLI 0.169.0, tolerant of older ones).

Each response has a `token_usage_record`, written when it ends, and mostly a `token_count`, written after its tools;
older versions have `token_count` alone. Both carry the thread's cumulative count, and that is what joins them.
Traps, all measured: `token_count` is repeated when only the limits changed, when the user steers and after a
compaction; a fork's cumulative count goes on from its parent's; after a kill the `token_count` is missing, and from
then on the two cumulative counts differ.
"""

from __future__ import annotations

from typing import Any

from orchestrator_tui.clients.codex.state import MAX_TOTALS, RolloutState
from orchestrator_tui.clients.values import count_of, response_key, text_of, tokens_of
from orchestrator_tui.events import KnownBody, Tokens, Unparsed, Usage

_COUNTS = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens")
_NEEDED = ("input_tokens", "output_tokens")


def usage_record(state: RolloutState, payload: dict[str, Any]) -> list[KnownBody]:
    """`token_usage_record`: `{response_id, usage, turn_token_usage, thread_token_usage}`."""
    total = _mark(payload.get("thread_token_usage"))
    if total is not None and total in state.totals:
        return []
    response = text_of(payload.get("response_id"))
    if not response and total is None:
        return [Unparsed(reason="usage without response id")]
    key = response_key("codex", response) if response else response_key("codex", state.scope, total or "")
    state.unmatched, state.most = _mark(payload.get("usage")) or "", _sum(payload.get("thread_token_usage"))
    if total is None and key == state.usage_key:
        return []
    return _count(state, payload.get("usage"), key, total, response)


def token_count(state: RolloutState, info: dict[str, Any]) -> list[KnownBody]:
    """`token_count.info`: `{total_token_usage, last_token_usage, model_context_window}`; nothing if counted already."""
    total, last = info.get("total_token_usage"), info.get("last_token_usage")
    mark, mine = _mark(total), _mark(last)
    if mark is None:
        return [] if total is None and last is None else [Unparsed(reason="usage: no cumulative count")]
    if mark in state.totals:
        return []
    inherited = state.inherits and not state.totals and mark != mine
    repeats = mine is not None and mine == state.unmatched and _is_behind(total, state.most)
    if inherited or repeats or (mine is not None and _is_empty(last)):
        # Somebody else's, counted already, or an estimate of the context's size that no response stands behind.
        state.unmatched = ""
        _remember(state, mark)
        return []
    return _count(state, last, response_key("codex", state.scope, mark), mark, None)


def context_after(info: object) -> int | None:
    """The estimated size of the context after a compaction: a `last_token_usage` with nothing but a total."""
    last = info.get("last_token_usage") if isinstance(info, dict) else None
    if not isinstance(last, dict) or _mark(last) is None or not _is_empty(last):
        return None
    return count_of(last.get("total_tokens")) or None


def _count(state: RolloutState, usage: object, key: bytes, total: str | None, response: str | None) -> list[KnownBody]:
    try:
        tokens = tokens_in(usage)
    except ValueError as error:
        return [Unparsed(reason=f"usage: {error}"[:200])]
    if total is not None:
        _remember(state, total)
    state.usage_key, state.prompt = key, tokens.prompt
    model = state.turn_model or state.next_model
    return [Usage(response_id=response[:128] if response else None, model=model, tokens=tokens)]


def tokens_in(usage: object) -> Tokens:
    """Codex counts what was read from and written to the cache as input, and reasoning as output.

    Raises ValueError for what is no count, or when the parts exceed the whole.
    """
    if not isinstance(usage, dict):
        raise ValueError("not an object")
    if any(usage.get(name) is None for name in _NEEDED):
        raise ValueError("no input or output")
    whole, read, write, out = (count_of(usage.get(name)) for name in _COUNTS)
    return tokens_of(
        input=whole - read - write,
        cache_read=read,
        cache_write=write,
        output=out,
        reasoning=usage.get("reasoning_output_tokens"),
    )


def _mark(usage: object) -> str | None:
    """All counts of a usage as one word; None when it is none."""
    if not isinstance(usage, dict) or any(usage.get(name) is None for name in _NEEDED):
        return None
    names = (*_COUNTS, "reasoning_output_tokens", "total_tokens")
    try:
        return "/".join(str(count_of(usage.get(name))) for name in names)
    except ValueError:
        return None


def _is_behind(total: object, most: int | None) -> bool:
    """Whether a cumulative count may be that of a record which has `most`.

    It lacks what was lost with a killed process, or what a copy inherited, so it is never ahead (both seen).
    """
    count = _sum(total)
    return most is None or (count is not None and count <= most)


def _sum(usage: object) -> int | None:
    """Input and output together; None when they are no counts."""
    if not isinstance(usage, dict) or _mark(usage) is None:
        return None
    return count_of(usage.get("input_tokens")) + count_of(usage.get("output_tokens"))


def _is_empty(usage: object) -> bool:
    return isinstance(usage, dict) and not any(usage.get(name) for name in _COUNTS)


def _remember(state: RolloutState, total: str) -> None:
    state.totals = [*state.totals[1 - MAX_TOTALS :], total]
