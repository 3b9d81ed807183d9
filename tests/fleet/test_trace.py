"""The laws of the trace: pure, bounded, the same wherever it is cut, and nothing that is read makes it fail."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import Excerpt, excerpt, output
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import findings_of, next_change, status_of
from orchestrator_tui.fleet.trace import Trace
from tests.fleet.generated import SECOND, START, arrivals, placed

call_ids = st.sampled_from([f"c{n}" for n in range(6)])
paths = st.sampled_from(["a.py", "b.py"])
arguments = st.one_of(
    st.builds(lambda c, d: {"command": c, **d}, st.sampled_from(["pytest -q", "git push", "sleep 5", "make", "tail -3 log", ""]),
              st.sampled_from([{}, {"timeout": 600_000}, {"description": "x"}])),
    st.builds(lambda p, o, n: {"file_path": p, "old_string": o, "new_string": n}, paths, st.sampled_from("xy"), st.sampled_from("xyz")),
    st.builds(lambda p, n: {"file_path": p, "offset": n, "limit": 100}, paths, st.sampled_from([0, 50, 100, 200])),
    st.builds(lambda q: {"query": q}, st.sampled_from(["a", "b", "c"])),
).map(lambda value: excerpt(json.dumps(value, sort_keys=True, separators=(",", ":")), 1024))  # fmt: skip
outputs = st.sampled_from(
    [
        "",
        "ok",
        "3 failed, 9 passed",
        "2 failed, 10 passed",
        "12 passed",
        "E   KeyError: 'a'",
        "fatal: no",
        "No matches found",
    ]
)
tools = st.sampled_from(
    ["Bash", "Edit", "Read", "Grep", "mcp__x__get_y", "write_stdin", "TodoWrite", "Task", "AskUserQuestion"]
)
bodies = st.one_of(
    st.builds(ev.ToolCall, call_id=call_ids, tool=tools, arguments=arguments, message_id=st.sampled_from([None, "m1", "m2"]), background=st.booleans()),
    st.builds(ev.ToolResult, call_id=call_ids, ok=st.booleans(), output=outputs.map(output)),
    st.builds(ev.FileChanged, path=paths, hash=st.sampled_from(["h1", "h2", "h3"])),
    st.builds(ev.Check, name=st.just("n"), ok=st.booleans(), score=st.sampled_from([None, 0.1, 0.2])),
    st.builds(ev.UserMessage, text=st.sampled_from(["go", "continue"]).map(excerpt), synthetic=st.booleans(), headless=st.booleans()),
    st.builds(ev.AssistantMessage, text=st.sampled_from(["", "I will look.", "Shall I go on?", "All tests pass."]).map(excerpt), stop_reason=st.sampled_from([None, "tool_use", "end_turn"])),
    st.builds(ev.StreamProgress, output=st.integers(0, 9)),
    st.builds(ev.CompactEnded, trigger=st.sampled_from([None, "auto", "manual"])),
    st.just(ev.CompactStarted()),
    st.builds(ev.ApiError, status=st.sampled_from([429, 529, 401, None]), text=st.sampled_from(["usage limit reached, try again in 5 minutes", "overloaded"]), retry_in=st.sampled_from([None, 30.0]), final=st.booleans()),
    st.builds(ev.ProcessObserved, pid=st.just(4), cpu_percent=st.sampled_from([0.0, 50.0]), monotonic=st.none() | st.floats(0, 500), ppid=st.sampled_from([1, 7]), tty=st.sampled_from(["", "pts/1"]),
              children=st.lists(st.builds(ev.Child, st.sampled_from(["make", "mcp-x"]), cpu_percent=st.sampled_from([0.0, 90.0]), terminal_read=st.booleans()), max_size=2)),
    st.builds(ev.ProcessGone, pid=st.just(4)),
    st.builds(ev.Usage, tokens=st.builds(ev.Tokens, input=st.integers(0, 190_000)), cost=st.none() | st.integers(0, 10**9)),
    st.just(ev.SessionUpdated(permission_mode="bypass", context_window=200_000)),
    st.just(ev.SessionUpdated(permission_mode="default", interactive=True)),
    st.just(ev.TurnEnded()),
    st.just(ev.Hook(name="n", kind="permission_prompt", text="Bash")),
)  # fmt: skip
steps = st.lists(st.tuples(bodies, st.sampled_from([1, 6, 30, 120, 700])), min_size=1, max_size=60)


def events_of(sequence: list[tuple[Any, int]]) -> list[ev.Event]:
    now, events = START, []
    for seq, (body, wait) in enumerate(sequence, 1):
        now += wait * SECOND
        events.append(ev.Event(seq, now, now, now, "log:s", body))
    return events


def folded(events: list[ev.Event]) -> Fleet:
    fleet = Fleet()
    fleet.watch.always = True
    fleet.apply_all(events)
    return fleet


def told(fleet: Fleet, now: int) -> Any:
    return [status_of(fleet, session, now) for session in fleet.sessions.values()]


@given(steps, st.data())
def test_cut_anywhere_and_continued_it_is_the_same(sequence: Any, data: Any) -> None:
    events = events_of(sequence)
    cut = data.draw(st.integers(0, len(events)))
    restored = Fleet()
    restored.load(folded(events[:cut]).dump())
    restored.watch.always = True
    restored.apply_all(events[cut:])
    whole = folded(events)
    assert msgspec.to_builtins(restored.sessions) == msgspec.to_builtins(whole.sessions)
    now = events[-1].at + 5 * SECOND
    assert told(restored, now) == told(whole, now)


@given(steps, st.integers(0, 4000))
def test_status_is_pure_and_never_fails(sequence: Any, later: int) -> None:
    events = events_of(sequence)
    fleet = folded(events)
    now = events[-1].at + later * SECOND
    before = msgspec.to_builtins(fleet.sessions)
    status = told(fleet, now)
    assert status == told(folded(events), now)
    assert msgspec.to_builtins(fleet.sessions) == before
    for session, one in zip(fleet.sessions.values(), status, strict=True):
        assert one.evidence and one.since <= now
        assert (one.severity == "ok") == (not findings_of(fleet, session, now) or one.severity == "ok")
        assert all(1 <= line <= events[-1].seq for line in one.lines)


@settings(max_examples=60)
@given(steps, st.integers(0, 3000))
def test_between_now_and_the_next_change_nothing_changes(sequence: Any, later: int) -> None:
    fleet = folded(events_of(sequence))
    (session,) = fleet.sessions.values()
    now = fleet.at + later * SECOND
    due = next_change(fleet, session, now)
    assert due > now

    def shape(at: int) -> Any:
        status = status_of(fleet, session, at)
        return status.status, status.severity, status.badges

    first = shape(now)
    for part in (0.001, 0.25, 0.5, 0.75, 0.999):
        at = now + int((due - now) * part)
        assert shape(at) == first, (part, due - now)


anything = st.one_of(st.text(max_size=60), st.binary(max_size=30).map(lambda b: b.decode("latin-1")))
texts = st.builds(
    Excerpt, anything, st.integers(0, 10_000), st.sampled_from(["", "0123456789abcdef", "no digest"]), anything
)


@given(
    st.lists(
        st.one_of(
            st.builds(ev.ToolCall, call_id=call_ids, tool=anything, arguments=texts, message_id=st.none() | anything),
            st.builds(ev.ToolCall, call_id=call_ids, tool=tools, arguments=st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | anything, lambda kids: st.lists(kids, max_size=3) | st.dictionaries(st.sampled_from(["command", "file_path", "offset", "limit", "timeout", "view_range", "content", "x"]), kids, max_size=4), max_leaves=6).map(lambda value: excerpt(json.dumps(value), 1024))),
            st.builds(ev.ToolResult, call_id=call_ids, ok=st.booleans(), output=texts),
            st.builds(ev.AssistantMessage, text=texts, stop_reason=st.none() | st.just("end_turn")),
            st.builds(ev.UserMessage, text=texts, synthetic=st.booleans()),
            st.builds(ev.ApiError, status=st.none() | st.integers(0, 999), text=anything, retry_in=st.none() | st.floats(), attempt=st.none() | st.integers(0, 99), final=st.booleans()),
            st.builds(ev.FileChanged, path=anything, hash=anything),
            st.builds(ev.Check, name=anything, ok=st.booleans(), score=st.none() | st.floats()),
            st.builds(ev.ProcessObserved, pid=st.integers(2, 1 << 31), cpu_percent=st.none() | st.floats(), monotonic=st.none() | st.floats(), net_bytes=st.none() | st.integers(-(1 << 62), 1 << 62)),
        ),
        max_size=25,
    )
)  # fmt: skip
def test_nothing_that_is_read_makes_it_fail(sequence: list[Any]) -> None:
    fleet = folded(events_of([(body, 7) for body in sequence]))
    for session in fleet.sessions.values():
        for later in (0, 61, 1000):
            assert status_of(fleet, session, fleet.at + later * SECOND).evidence
            next_change(fleet, session, fleet.at + later * SECOND)
    fleet.dump()


@given(arrivals)
def test_any_events_at_all_are_counted(sequence: Any) -> None:
    fleet = Fleet()
    fleet.apply_all(placed(sequence))
    for session in fleet.sessions.values():
        next_change(fleet, session, fleet.at)


def test_memory_is_bounded() -> None:
    """A session of 30,000 events in which everything is different keeps less than 16 KiB."""
    fleet = Fleet()
    seq, at = 0, START
    for n in range(10_000):
        for body in (
            ev.ToolCall(
                call_id=f"c{n}",
                tool=f"tool{n % 50}",
                arguments=excerpt(json.dumps({"command": f"run {n} " + "x" * 600}), 1024),
            ),
            ev.ToolResult(call_id=f"c{n}", ok=n % 3 > 0, output=output(f"answer {n} " * 100)),
            ev.AssistantMessage(text=excerpt(f"message {n}"), message_id=f"m{n}"),
        ):
            seq, at = seq + 1, at + SECOND
            fleet.apply(ev.Event(seq, at, at, at, "log:s", body))
    assert len(msgspec.msgpack.encode(fleet.sessions["log:s"].trace)) < 16 * 1024


def test_an_empty_trace_is_small() -> None:
    assert len(msgspec.msgpack.encode(Trace())) < 2048
