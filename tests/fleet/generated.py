"""Generated fleets: what several sessions and a host might have done, some watched live, some found later."""

from __future__ import annotations

from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.store.writer import place

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
SESSIONS = ("claude:a", "claude:b", "claude:sub", "log:c", "log:c/helper")

counts = st.integers(0, 5000)
tokens = st.builds(ev.Tokens, input=counts, cache_read=counts, cache_write=counts, output=counts)
words = st.sampled_from(["go", "pytest -q", "3 failed", "done", "[/]", "\x1b]52;c;QQ==\x07"]).map(excerpt)
call_ids = st.sampled_from(["c1", "c2", "c3"])

bodies = st.one_of(
    st.builds(ev.UserMessage, text=words, synthetic=st.booleans(), local=st.booleans(), interrupt=st.booleans()),
    st.builds(ev.AssistantMessage, text=words, stop_reason=st.sampled_from([None, "tool_use", "end_turn"])),
    st.builds(ev.AssistantThinking, text=words),
    st.builds(ev.ToolCall, call_id=call_ids, tool=st.sampled_from(["Bash", "Read"]), arguments=words),
    st.builds(ev.ToolResult, call_id=call_ids, ok=st.booleans(), output=words),
    st.builds(ev.Usage, model=st.just("m"), tokens=tokens, cost=st.none() | st.integers(0, 10**9)),
    st.builds(ev.UsageCorrected, tokens=tokens, cost=st.integers(-100, 100)),
    st.builds(ev.UsageMoved, tokens=tokens, requests=st.sampled_from([1, -1]), cost=st.none(), peer=st.just("log:c")),
    st.builds(ev.ApiError, status=st.sampled_from([429, 529, None]), final=st.booleans()),
    st.builds(ev.ProcessObserved, pid=st.integers(2, 9), started=st.integers(1, 3), stopped=st.booleans()),
    st.builds(ev.ProcessGone, pid=st.integers(2, 9)),
    st.builds(ev.ClientStatus, status=st.sampled_from(["idle", "busy", "waiting", None])),
    st.builds(ev.SessionUpdated, title=st.sampled_from(["x", None]), title_rank=st.integers(0, 3)),
    st.builds(ev.SessionUpdated, parent=st.sampled_from(SESSIONS), relation=st.just("subagent")),
    st.builds(ev.TaskUpdated, task_id=call_ids, subject=st.just("do"), status=st.just("pending")),
    st.builds(ev.FileChanged, path=st.sampled_from(["/w/a", "b"]), hash=st.sampled_from(["1", "2"])),
    st.builds(ev.WorktreeSeen, root=st.just("/w"), files=st.sampled_from([(), (("a", 1, None),), (("b", 2, 1),)])),
    st.just(ev.CompactStarted()),
    st.builds(ev.CompactEnded, post_tokens=st.none() | counts),
    st.just(ev.SessionEnded(is_error=True, text="max turns")),
    st.just(ev.Unparsed(reason="x")),
    st.just(ev.TurnEnded()),
    st.builds(ev.PermissionAsked, request_id=call_ids, tool=st.just("Bash"), what=words, via=st.just("channel")),
    st.builds(ev.PermissionAnswered, request_id=call_ids, decision=st.sampled_from(["allowed", "gone"])),
    st.builds(ev.ModelRequested, model=st.sampled_from(["m", "big"]), direction=st.just("up")),
    st.builds(ev.BudgetSet, usd=st.none() | st.floats(1, 9)),
    st.builds(ev.Confirmed, verb=st.sampled_from(["kill", "pause"])),
)
host_bodies = st.one_of(
    st.just(ev.Beat()),
    st.just(ev.HostStarted(host_id="h", boot_id="b", pid=1, version="0")),
    st.just(ev.HostStopped(reason="idle")),
    st.builds(ev.CommandRequested, command_id=call_ids, verb=st.just("kill"), arguments=st.just({"session": "log:c"})),
    st.builds(ev.CommandStarted, command_id=call_ids, until=st.none() | st.just(START)),
    st.builds(ev.CommandCommitted, command_id=call_ids),
    st.builds(ev.CommandEnded, command_id=call_ids, outcome=st.sampled_from(["done", "undone"])),
    st.builds(ev.CommandFollowed, command_id=call_ids, receipt=st.just({"requests": 1})),
    st.builds(ev.GroupAssigned, number=st.integers(1, 9), sessions=st.just(["log:c"])),
    st.builds(ev.RegionsArranged, regions=st.just(["api", "web"]), pinned=st.just(["web"])),
)

arrival = st.tuples(
    st.one_of(
        st.tuples(st.sampled_from(SESSIONS), bodies),
        st.tuples(st.none(), host_bodies),
    ),
    st.integers(0, 120),  # seconds since the arrival before it
    st.one_of(st.none(), st.just(0), st.integers(-4000, 30)),  # what the source claims, in seconds from then
)
arrivals = st.lists(arrival, min_size=1, max_size=60)


def placed(sequence: list[tuple[tuple[str | None, ev.Body], int, int | None]]) -> list[ev.Event]:
    """The events as a store would have placed them."""
    last: dict[str | None, int] = {}
    now, out = START, []
    for seq, ((session, body), step, claim) in enumerate(sequence, 1):
        now += step * SECOND
        source = None if claim is None or session is None else now + claim * SECOND
        at = place(source, now, START - 3000 * SECOND, last.get(session, 0) if session else 0)
        last[session] = at
        out.append(ev.Event(seq, at, now, source, session, body))  # type: ignore[arg-type]
    return out
