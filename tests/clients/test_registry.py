"""Claude Code's registry of running processes, and where its files are found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clients.claude.registry import read_registry
from orchestrator_tui.clients.listing import MAX_DOCUMENT, Listing
from tests.clients.feeding import LATER
from tests.conftest import CLAUDE

ENTRY = {"pid": 4242, "sessionId": "abc", "procStart": "172514", "cwd": "/p", "entrypoint": "cli", "version": "2.1.197"}


def recorded() -> dict[str, dict[str, Any]]:
    """The registry entry at each moment of the recorded interactive session."""
    entries = {}
    for path in sorted((CLAUDE / "interactive-tmux").glob("registry-*.json")):
        text = path.read_text()
        if text.startswith("{"):
            # The recorder wrote its clock behind the object.
            entries[path.stem.partition("-")[2]] = json.JSONDecoder().raw_decode(text)[0]
    return entries


def claims_of(directory: Path, **files: object) -> list[Claim]:
    """What the registry says with these entries, by the stem of their names."""
    for stem, entry in files.items():
        content = entry if isinstance(entry, bytes) else json.dumps(entry).encode()
        (directory / f"{stem.lstrip('_')}.json").write_bytes(content)
    return read_registry(directory, Listing(), LATER)


MOMENTS = {
    "0-start": ("idle", None),
    "2-permission-wait": ("waiting", "permission prompt"),
    "4-busy": ("busy", None),
    "6-after-escape": ("idle", None),
    "7-model": ("waiting", "dialog open"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_recorded_registry_says_what_the_session_waits_for(tmp_path: Path, moment: str) -> None:
    entry = recorded()[moment]
    (claim,) = claims_of(tmp_path, **{f"_{entry['pid']}": entry})
    assert (claim.session, claim.pid) == (f"claude:{entry['sessionId']}", entry["pid"])
    assert claim.started == int(entry["procStart"])
    assert (claim.status, claim.waiting_for) == MOMENTS[moment]
    assert (claim.interactive, claim.client_version, claim.cwd) == (True, "2.1.197", "/tmp/demo/webapp")
    assert claim.title is None, "a derived name is no title"
    assert claim.written_at == (tmp_path / f"{entry['pid']}.json").stat().st_mtime_ns


@pytest.mark.parametrize("name", ["sigkill-midtool", "err401", "permission-hook-interactive"])
def test_a_recorded_home_has_its_claim(name: str) -> None:
    root = CLAUDE / name / "home/.claude"
    (claim,) = BY_NAME["claude"].claims(root, Listing(), LATER)
    assert claim.session.removeprefix("claude:") in {path.stem for path in root.glob("projects/*/*.jsonl")}
    assert claim.interactive is (name == "permission-hook-interactive")


@pytest.mark.parametrize(
    ("stem", "entry"),
    [
        ("1", ENTRY),
        ("04242", ENTRY),
        ("4242 ", ENTRY),
        ("4242.bak", ENTRY),
        ("abc", ENTRY | {"pid": "abc"}),
        ("4242", ENTRY | {"pid": "4242"}),
        ("4242.0", ENTRY | {"pid": 4242.0}),
        ("True", ENTRY | {"pid": True}),
        ("1", ENTRY | {"pid": True}),
        ("None", ENTRY | {"pid": None}),
        ("1", ENTRY | {"pid": 1}),
        ("0", ENTRY | {"pid": 0}),
        ("-1", ENTRY | {"pid": -1}),
        (str(2**31), ENTRY | {"pid": 2**31}),
        (str(2**70), ENTRY | {"pid": 2**70}),
        ("4242", ENTRY | {"sessionId": None}),
        ("4242", ENTRY | {"sessionId": 7}),
        ("4242", [ENTRY]),
        ("4242", b'{"pid": 4242, "sessionId": "ab'),
        ("4242", b""),
        ("4242", b"[" * 100_000),
        ("4242", b" " * MAX_DOCUMENT + json.dumps(ENTRY).encode()),
    ],
)
def test_an_entry_that_is_not_its_own_pid_s_is_no_entry(tmp_path: Path, stem: str, entry: object) -> None:
    assert claims_of(tmp_path, **{f"_{stem}": entry}) == []


@pytest.mark.parametrize(
    ("field", "value", "claim"),
    [
        ("procStart", 172514, {"started": None}),
        ("procStart", "-1", {"started": None}),
        ("procStart", "9" * 30, {"started": None}),
        ("procStart", "²", {"started": None}),
        ("status", ["idle"], {"status": None}),
        ("status", "", {"status": None}),
        ("status", "x" * 100_000, {"status": "x" * 2048}),
        ("entrypoint", None, {"interactive": None}),
        ("entrypoint", "sdk-cli", {"interactive": False}),
        ("nameSource", "user", {"title": "mine"}),
        ("nameSource", "derived", {"title": None}),
    ],
)
def test_a_strange_field_spoils_only_itself(tmp_path: Path, field: str, value: object, claim: dict[str, Any]) -> None:
    (found,) = claims_of(tmp_path, _4242=ENTRY | {"name": "mine"} | {field: value})
    assert found.pid == 4242
    assert {name: getattr(found, name) for name in claim} == claim


def test_a_hostile_session_id_is_hashed(tmp_path: Path) -> None:
    (claim,) = claims_of(tmp_path, _4242=ENTRY | {"sessionId": "../../etc/passwd"})
    assert claim.session.startswith("claude:x") and "/" not in claim.session


def test_links_pipes_and_directories_are_no_entries(tmp_path: Path) -> None:
    """T16: nothing outside is read, and nobody waits for a writer."""
    sessions, outside = tmp_path / "sessions", tmp_path / "outside"
    sessions.mkdir()
    outside.write_text(json.dumps(ENTRY))
    (sessions / "4242.json").symlink_to(outside)
    os.mkfifo(sessions / "4243.json")
    (sessions / "4244.json").mkdir()
    (sessions / "4245.json").symlink_to("/dev/zero")
    assert claims_of(sessions) == []
    listing = Listing()
    assert [
        listing.document(str(sessions / f"{pid}.json"), lambda data, at: (data, at)) for pid in range(4242, 4247)
    ] == [None] * 5


def test_no_registry_is_no_claim(tmp_path: Path) -> None:
    assert read_registry(tmp_path / "none", Listing(), LATER) == []


# --- files ---------------------------------------------------------------------------------------------------


def test_claude_finds_transcripts_before_documents(tmp_path: Path) -> None:
    root = tmp_path / ".claude"
    names = [
        "projects/-p/a.jsonl",
        "projects/-p/a/subagents/agent-1.jsonl",
        "projects/-p/a/subagents/agent-1.meta.json",
        "tasks/a/1.json",
    ]
    noise = ["history.jsonl", "projects/-p/memory/x.md", "tasks/a/.lock", "projects/-p/a/subagents/other.meta.json"]
    for name in (*names, *noise):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    (root / "projects/-link").symlink_to("/etc")
    (root / "projects/-p/z.jsonl").symlink_to("/etc/passwd")
    os.mkfifo(root / "projects/-p/pipe.jsonl")
    refs = list(BY_NAME["claude"].discover(root, Listing(), LATER))
    assert sorted(os.path.relpath(ref.path, root) for ref in refs) == sorted(names)
    assert [ref.kind for ref in refs] == ["lines", "lines", "document", "document"]
    assert {ref.root for ref in refs} == {str(root)}


@pytest.mark.parametrize("own", [True, False])
def test_claude_s_root_is_its_own_variable_or_the_home(tmp_path: Path, own: bool) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / "elsewhere").mkdir()
    environ = {"HOME": str(tmp_path)} | ({"CLAUDE_CONFIG_DIR": str(tmp_path / "elsewhere")} if own else {})
    assert BY_NAME["claude"].roots(environ) == [tmp_path / ("elsewhere" if own else ".claude")]
    assert BY_NAME["claude"].roots({"HOME": str(tmp_path / "none")}) == []
