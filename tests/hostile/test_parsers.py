"""Anything at any place of any recorded line, found by hypothesis: every parser of lines goes on, and goes on the same
from its checkpoint (T8); every channel hears anything; every document and registry entry may say anything."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients import ALL
from orchestrator_tui.clients.base import FileRef, Record
from orchestrator_tui.clients.codex.daemon import joining
from orchestrator_tui.clients.drives import DRIVES
from orchestrator_tui.clients.driving import OPEN, Task
from orchestrator_tui.clients.listing import Listing
from tests.bench.fuzz_lines import CLIENTS, NOW, File, corpus
from tests.bench.fuzz_mutate import Mutator, _places
from tests.clients.feeding import LATER, drafts_of, feed
from tests.conftest import DATA

CORPUS = {client: [file for file in corpus(client) if file.ref.kind == "lines"] for client in CLIENTS}
DOCUMENTS = [file for client in ("claude", "gemini") for file in corpus(client) if file.ref.kind == "document"]
THREAD = "01a1fb36-9ffd-77f3-897d-d01f2ccacc42"
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["2026-11-20T22:00:00Z", "user", "assistant", "text", "tool_use", "tool_result", "\ud83d", "a/b"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8) | st.sampled_from(["type", "id", "text", "content", "usage"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def put(line: bytes, place: int, value: object) -> bytes:
    """A recorded line with this value in one of its places."""
    whole = json.loads(line)
    places = list(_places(whole))
    if not places:
        return json.dumps(value).encode() + b"\n"
    holder, name = places[place % len(places)]
    holder[name] = value
    return json.dumps(whole).encode() + b"\n"


def restarted(file: File, lines: list[bytes], cut: int) -> Any:
    """The state after the lines, by a parser that is made anew from its checkpoint after `cut` of them."""
    room = next(client for client in ALL if client.name == file.ref.client)
    first = room.parser(file.ref, None, NOW)
    drafts_of(first, lines[:cut])
    second = room.parser(file.ref, msgspec.msgpack.encode(first.state), NOW)
    offset = sum(map(len, lines[:cut]))
    for line in lines[cut:]:
        list(second.feed(Record(offset, len(line), line)))
        offset += len(line)
    return second.state


@pytest.mark.parametrize("client", CLIENTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_at_any_place_of_a_recorded_line(client: str, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(CORPUS[client]), "file")
    number = data.draw(st.integers(0, len(file.lines) - 1), "line")
    changed = put(file.lines[number], data.draw(st.integers(0, 1 << 16), "place"), data.draw(anything, "value"))
    near = file.lines[max(0, number - 6) : number + 6]
    lines = [*near[:6], changed, *near[6:]]
    parser = next(one for one in ALL if one.name == client).parser(file.ref, None, NOW)
    feed(parser, lines)
    assert restarted(file, lines, min(7, len(lines))) == parser.state


@pytest.mark.parametrize("client", CLIENTS)
@settings(max_examples=20, deadline=None)
@given(data=st.binary(max_size=300), cut=st.integers(0, 1 << 16), line=st.integers(0, 1 << 16))
def test_a_line_cut_anywhere_and_any_bytes(client: str, data: bytes, cut: int, line: int) -> None:
    file = CORPUS[client][line % len(CORPUS[client])]
    whole = file.lines[line % len(file.lines)]
    parser = next(one for one in ALL if one.name == client).parser(file.ref, None, NOW)
    lines = [whole[: cut % len(whole)].rstrip(b"\n") + b"\n", data.replace(b"\n", b"") + b"\n", whole]
    feed(parser, lines)
    # The whole line is read as if nothing had been before it, but for what is told once.
    assert drafts_of(parser, [b"\n"]) == []


# --- channels: what a client that orc started says to it --------------------------------------------------------


def recorded(name: str) -> list[Any]:
    """What a client said in a recorded dialogue."""
    records = [json.loads(line) for line in (DATA / "clients" / name / "dialogue.jsonl").read_text().splitlines()]
    return [record["msg"] for record in records if record["dir"] == "out"]


ASKED = {"sessionId": "s", "options": [{"optionId": "proceed_once", "kind": "allow_once"}], "toolCall": {
    "toolCallId": "c", "title": "touch x", "kind": "execute",
    "content": [{"type": "content", "content": {"type": "text", "text": "(Deploy)"}}, {"type": "diff", "path": "/x",
                 "oldText": "a", "newText": "b"}]}}  # fmt: skip
SAID: dict[str, list[Any]] = {
    "claude": recorded("claude-2.1.197/control-stream-json"),
    "codex": recorded("codex-0.169.0/app-server"),
    "gemini": [
        {"jsonrpc": "2.0", "id": "orc.hello", "result": {"protocolVersion": 1}},
        {"jsonrpc": "2.0", "id": "orc.new", "result": {"sessionId": THREAD, "models": {"currentModelId": "auto"}}},
        {"jsonrpc": "2.0", "id": 0, "method": "session/request_permission", "params": ASKED},
        {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": THREAD, "update": {
            "sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed"}}},
        {"jsonrpc": "2.0", "id": "orc.prompt.1", "result": {"stopReason": "end_turn"}},
        {"jsonrpc": "2.0", "id": "orc.new", "error": {"code": -32000, "message": "no", "data": {"method": "x"}}},
    ],
    "loop": [
        {"session": "a1", "ready": True, "idle": True, "model": "m"},
        {"asked": "q1", "tool": "ask", "what": {"question": "?"}, "words": "which?"},
        {"settled": "q1", "decision": "allowed"},
        {"answered": "orc-1", "words": ""},
        {"failed": "no model"},
    ],
}  # fmt: skip
"""One who is spoken to over HTTP (OpenCode) is in tests/host/test_served_hostile.py."""


def channels(client: str) -> list[Any]:
    """Dialogues at their beginning, and one that joins."""
    model = "embedded/small" if client == "loop" else None
    found = [DRIVES[client].dialogue(Task("do it", "/w", model))]
    if client != "gemini":
        found.append(DRIVES[client].dialogue(Task("", "/w", model, resume=THREAD)))
    return [*found, joining(THREAD)] if client == "codex" else found


@pytest.mark.parametrize("client", sorted(SAID))
def test_a_channel_hears_anything(client: str) -> None:
    rng = random.Random(client)
    mutator = Mutator(rng)
    lines = [json.dumps(message).encode() + b"\n" for message in SAID[client]]
    for number in range(25):
        for there in channels(client):
            there.opening()
            for line in lines[:30]:
                for said in (mutator.change(line, lines), line) if number else (line,):
                    heard = there.heard(said)
                    for body in heard.events:
                        assert not isinstance(ev.decode(ev.type_of(body), ev.encode(body)), ev.Unknown)
                    assert all(reply.endswith(b"\n") and reply.count(b"\n") == 1 for reply in heard.replies)
                    assert all(isinstance(word, str) for pair in heard.answered.items() for word in pair)
                    assert heard.session is None or "\n" not in heard.session
            assert there.heard(json.dumps({"id": OPEN, "result": {}}).encode()) is not None


# --- documents and registries -----------------------------------------------------------------------------------

REGISTERED = sorted((DATA / "clients").glob("claude-*/*/home/.claude/sessions/*.json"))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_registry_says_anything_and_claims_nothing_that_is_no_process(data: st.DataObject) -> None:
    seed = json.loads(data.draw(st.sampled_from(REGISTERED)).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        seed[data.draw(st.sampled_from(sorted(seed)))] = data.draw(anything)
    room = next(client for client in ALL if client.name == "claude")
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "sessions"
        directory.mkdir()
        name = seed.get("pid") if isinstance(seed.get("pid"), int) else 7
        (directory / f"{name}.json").write_text(json.dumps(seed))
        (directory / "8.json").write_bytes(json.dumps(seed).encode()[: data.draw(st.integers(0, 200))])
        for claim in room.claims(Path(scratch), Listing(), LATER):
            assert claim.pid > 1 and claim.pid == name and "/" not in claim.session
            assert claim.started is None or 0 <= claim.started < 10**19
            msgspec.msgpack.encode(claim)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_document_says_anything(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(DOCUMENTS))
    whole = file.lines[0]
    for _ in range(data.draw(st.integers(1, 3))):
        whole = put(whole, data.draw(st.integers(0, 1 << 16)), data.draw(anything))
    room = next(client for client in ALL if client.name == file.ref.client)
    for content in (whole, whole[: data.draw(st.integers(0, len(whole)))], copy.copy(file.lines[0])):
        drafts = list(room.parser(file.ref, None, NOW).feed(Record(0, len(content), content, NOW)))
        for draft in drafts:
            assert not isinstance(ev.decode(ev.type_of(draft.body), ev.encode(draft.body)), ev.Unknown)


@pytest.mark.parametrize("client", [client.name for client in ALL])
def test_a_directory_of_nothing_but_traps_is_looked_through(client: str, tmp_path: Path) -> None:
    """T16 for every client: whatever stands where its files should, discovery and claims come back."""
    room = next(one for one in ALL if one.name == client)
    (tmp_path / "outside.jsonl").write_text("{}\n")
    root = tmp_path / "root"
    for name in ("sessions", "projects/-w", "tmp/p/chats", "l1/iterations", "agents", "2026/11/20", "thread-locks"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for number, folder in enumerate(sorted(path for path in root.rglob("*") if path.is_dir())):
        for name in (
            "1.jsonl",
            f"rollout-2026-11-20T22-00-00-{THREAD}.jsonl",
            "loop.jsonl",
            "7.json",
            "session-1.jsonl",
        ):
            trap = folder / name
            if number % 3 == 0:
                trap.symlink_to("/dev/zero")
            elif number % 3 == 1:
                trap.symlink_to(tmp_path / "outside.jsonl")
            else:
                trap.mkdir()
    (root / "projects" / "etc").symlink_to("/etc")
    (root / "opencode.db").symlink_to("/dev/zero")
    listing = Listing()
    for ref in list(room.discover(root, listing, LATER)):
        assert isinstance(ref, FileRef) and Path(ref.path).is_relative_to(root)
    assert room.claims(root, listing, LATER) == []
