"""Small documents: read whole, said once, and never half."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator_tui.clients.base import FileRef
from orchestrator_tui.clients.listing import MAX_DOCUMENT
from orchestrator_tui.events import TaskUpdated
from orchestrator_tui.host.reading import Job, Step, read
from orchestrator_tui.store.batch import Checkpoint

NOW = 1_795_176_000_000_000_000


def task(tmp_path: Path, content: bytes, before: Checkpoint | None = None) -> Step | None:
    path = tmp_path / "tasks" / "abc" / "1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return read(Job(FileRef("claude", str(path), "document", str(tmp_path)), before, NOW))


def test_a_document_is_read_whole_whenever_it_is_another(tmp_path: Path) -> None:
    pending = task(tmp_path, b'{"id":"1","subject":"Do A","status":"pending"}')
    assert pending is not None and pending.session == "claude:abc"
    assert [draft.body for draft in pending.drafts] == [TaskUpdated(task_id="1", subject="Do A", status="pending")]
    same = task(tmp_path, b'{"id":"1","subject":"Do A","status":"pending"}', pending.after)
    assert same is not None and not same.drafts
    done = task(tmp_path, b'{"id":"1","subject":"Do A","status":"working"}', pending.after)
    assert done is not None and len(done.drafts) == 1


@pytest.mark.parametrize(
    "content", [b"", b'{"id":"1","sub', b"[]", b"{}", b"\xff", b'{"id":1,"status":2}', b"[" * 100_000]
)
def test_a_document_that_is_half_written_says_nothing(tmp_path: Path, content: bytes) -> None:
    found = task(tmp_path, content)
    assert found is not None and not found.drafts


def test_a_document_too_large_to_be_one_is_not_read(tmp_path: Path) -> None:
    assert task(tmp_path, b" " * (MAX_DOCUMENT + 1)) is None
