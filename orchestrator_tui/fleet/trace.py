"""A session's trace: everything that the rules of being stuck count, fed by each event once, bounded in size.

`observe` is called before the event changes the session itself (`apply.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.counted import Answer
from orchestrator_tui.fleet.equality import Asked, asked
from orchestrator_tui.fleet.handoffs import Handoffs
from orchestrator_tui.fleet.marks import Mark, mixed, seen_in, small_key, with_key
from orchestrator_tui.fleet.outputs import digest_of, is_hard, is_picture, is_refusal, key_of, says_done, says_nothing
from orchestrator_tui.fleet.progress import Work
from orchestrator_tui.fleet.repetition import Repeats
from orchestrator_tui.fleet.talk import Talk
from orchestrator_tui.fleet.tools import INSTANT
from orchestrator_tui.fleet.vital import Vital

if TYPE_CHECKING:
    from orchestrator_tui.fleet.session import Session

MAX_OPEN = 64
"""Calls that wait for their result and are remembered."""
MAX_DONE = 64
"""Calls whose result came and that are remembered: clients write lines twice."""
MAX_DURATIONS = 32


class Trace(Struct):
    """The counters of one session."""

    repeats: Repeats = field(default_factory=Repeats)
    work: Work = field(default_factory=Work)
    talk: Talk = field(default_factory=Talk)
    handoffs: Handoffs = field(default_factory=Handoffs)
    vital: Vital = field(default_factory=Vital)
    open: dict[str, Asked] = field(default_factory=dict)
    done: bytes = b""
    group: int = 0
    """The step of the last call."""
    message: str = ""
    """The message it came in."""
    answered: bool = True
    """A result came since."""
    durations: dict[int, int] = field(default_factory=dict)
    """Call -> nanoseconds of the longest time it took."""
    retries: int = 0
    """Errors of the model's service in a row, that the client meant to get over."""
    stream_at: int | None = None
    """When tokens of the response in progress last came; None when the client does not tell of them."""

    def knows(self, e: ev.ToolCall) -> bool:
        """Whether this very call has had its result: the line is a copy."""
        return seen_in(self.done, copy_key(e))


def copy_key(e: ev.ToolCall) -> int:
    """What a call and a copy of its line have in common."""
    return small_key(e.call_id) << 32 | small_key(e.arguments.digest or e.arguments.text)


def observe(session: Session, at: int, seq: int, body: Any) -> None:
    """Count one event; the cost does not depend on how long the session is."""
    handler = _HANDLERS.get(type(body))
    if handler is not None:
        handler(session, at, seq, body)


def _mark(session: Session, at: int, seq: int) -> Mark:
    spend = session.spend
    return Mark(at, seq, spend.cost, spend.tokens.total, spend.unpriced)


def _user(session: Session, at: int, seq: int, e: ev.UserMessage) -> None:
    if e.local or e.replayed or e.interrupt:
        return
    trace = session.trace
    trace.stream_at, trace.retries = None, 0
    headless = e.headless or session.interactive is False
    if trace.talk.prompted(e.text, e.synthetic, headless):
        _person(trace)


def _person(trace: Trace) -> None:
    trace.repeats.forget()
    trace.work.forget()
    trace.talk.forget()
    trace.handoffs.forget()


def _assistant(session: Session, at: int, seq: int, e: ev.AssistantMessage) -> None:
    if not e.replayed:
        open_ended = e.stop_reason != "tool_use"
        session.trace.stream_at, session.trace.retries = None, 0
        session.trace.talk.spoke(e.text, e.message_id or "", open_ended, _mark(session, at, seq))


def _thinking(session: Session, at: int, seq: int, e: ev.AssistantThinking) -> None:
    if not e.replayed:
        session.trace.talk.thought(e.text, _mark(session, at, seq))


def _stream(session: Session, at: int, seq: int, e: ev.StreamProgress) -> None:
    session.trace.stream_at, session.trace.retries = at, 0


def _call(session: Session, at: int, seq: int, e: ev.ToolCall) -> None:
    trace = session.trace
    copy = copy_key(e)
    if e.replayed or e.call_id in trace.open or seen_in(trace.done, copy):
        return
    call = asked(e.tool, e.arguments, at, seq)
    message = e.message_id or ""
    # Calls of one message are one step; where no message is named, those that were made before an answer came.
    if message != trace.message or (not message and trace.answered):
        trace.group += 1
    trace.message, trace.answered, trace.stream_at, trace.retries = message, False, None, 0
    call.group = trace.group
    call.done = copy
    trace.open[e.call_id] = call
    if len(trace.open) > MAX_OPEN:
        del trace.open[next(iter(trace.open))]
    trace.talk.acted()
    if call.kind == "agent":
        mark = _mark(session, at, seq)
        trace.handoffs.gave(call, e.arguments.text, trace.work.edits, trace.repeats.novel, mark)


def _result(session: Session, at: int, seq: int, e: ev.ToolResult) -> None:
    trace = session.trace
    if e.replayed:
        return
    call = trace.open.pop(e.call_id, None)
    if call is None:
        return
    trace.answered, trace.work.by_edit = True, False
    trace.done = with_key(trace.done, call.done, MAX_DONE)
    if call.kind not in INSTANT:
        _took(trace, call, at)
    if call.kind == "ask" and e.ok:
        # The answer is a person's.
        _person(trace)
        return
    if call.command.spacer or (call.kind == "wait" and call.tool.lower() == "sleep"):
        trace.work.results += 1
        trace.repeats.waited(at)
        return
    if not e.ok and is_refusal(e.output):
        _person(trace)
        return
    # Of a deed that was done the answer says nothing that is counted.
    deed = e.ok and call.kind in ("edit", "note")
    weak = not deed and says_nothing(e.output)
    error = not e.ok and not weak
    key = mixed(digest_of(e.output), int(e.ok))
    if is_picture(e.output) or (not e.output.length and call.kind == "web"):
        # What was answered is not known: it equals nothing.
        key, weak = mixed(key, seq), False
    answer = Answer(
        key,
        error,
        weak,
        deed or (not weak and e.ok and says_done(e.output)),
        error and (call.polls or call.kind == "wait" or trace.repeats.spaced_at > 0) and is_hard(e.output),
        not e.output.length,
        mixed(key, small_key(e.output.text)) if "/tmp/" in e.output.text else key,  # noqa: S108
    )
    mark = _mark(session, at, seq)
    repeats, work = trace.repeats, trace.work
    pair = mixed(call.key, answer.key)
    seen = seen_in(repeats.seen, pair)
    progress = False
    if work.result(call, answer, e.ok, seen, mark):
        repeats.new_epoch()
        if call.path:
            repeats.touched(call.path)
        progress = call.kind == "edit" or call.command.commits
    progress |= repeats.answered(call, answer, mark, trace.vital.busy_at, pair) and e.ok
    progress |= work.tell(call, answer, e.output, e.ok, mark, repeats.novel)
    if progress:
        session.made_progress(at)


def _took(trace: Trace, call: Asked, at: int) -> None:
    took = at - call.at
    if took < SECOND:
        return
    longest = max(took, trace.durations.pop(call.key, 0))
    trace.durations[call.key] = longest
    if len(trace.durations) > MAX_DURATIONS:
        del trace.durations[next(iter(trace.durations))]


def _error(session: Session, at: int, seq: int, e: ev.ApiError) -> None:
    if not e.final:
        session.trace.retries += 1


def _file(session: Session, at: int, seq: int, e: ev.FileChanged) -> None:
    trace = session.trace
    mark = _mark(session, at, seq)
    told = trace.work.counted
    if trace.work.file(e.path, small_key(e.hash), mark):
        # Of an edit whose result began an epoch this is the same news.
        if not told:
            trace.repeats.new_epoch()
        session.made_progress(at)
    trace.repeats.touched(small_key(e.path))


def _check(session: Session, at: int, seq: int, e: ev.Check) -> None:
    work = session.trace.work
    mark = _mark(session, at, seq)
    work.tested_at = at
    if e.ok:
        work.green_at = at
        if work.scores.pop(key_of("check", e.name), None) is not None:
            session.made_progress(at)
    elif e.score is not None and work.scored(key_of("check", e.name), e.name, -e.score, -1, "", mark):
        session.made_progress(at)


def _compacted(session: Session, at: int, seq: int, e: ev.CompactEnded) -> None:
    session.trace.repeats.compacted()
    session.trace.work.compacted(_mark(session, at, seq), e.trigger == "manual")


def _process(session: Session, at: int, seq: int, e: ev.ProcessObserved) -> None:
    session.trace.vital.observed(at, e, session.last_at)


def _gone(session: Session, at: int, seq: int, e: ev.ProcessGone) -> None:
    session.trace.vital.gone()


_HANDLERS: dict[type, Callable[[Session, int, int, Any], None]] = {
    ev.UserMessage: _user,
    ev.AssistantMessage: _assistant,
    ev.AssistantThinking: _thinking,
    ev.StreamProgress: _stream,
    ev.ToolCall: _call,
    ev.ToolResult: _result,
    ev.ApiError: _error,
    ev.FileChanged: _file,
    ev.Check: _check,
    ev.CompactEnded: _compacted,
    ev.ProcessObserved: _process,
    ev.ProcessGone: _gone,
}
