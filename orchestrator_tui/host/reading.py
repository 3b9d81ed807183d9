"""From a file and a checkpoint to drafts and the next checkpoint: one stateless step, here or in a worker process.

Files are opened without following links, must be regular, and are split at line feeds only. A cut last line waits; a
file that shrank, was replaced or rewritten is read again from the start. A database is looked into for one page.
"""

from __future__ import annotations

import os
import stat
import time
from hashlib import blake2b

import msgspec
from msgspec import Struct

from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import DatabaseParser, Draft, FileRef, Foreign, Parser, Record
from orchestrator_tui.clients.listing import MAX_DOCUMENT
from orchestrator_tui.clients.values import record_key
from orchestrator_tui.events import Unparsed
from orchestrator_tui.host import databases
from orchestrator_tui.store.batch import Checkpoint

HEAD = 256
"""Bytes whose digest tells a file from another under its name."""
MAX_LINE = 64 << 20
"""Bytes above which a line is not read: it becomes one `unparsed` event."""
STEP_BYTES = 1 << 20
STEP_DRAFTS = 400
STEP_SECONDS = 0.02
"""One step reads at most this much, so that one transaction stays within 20 ms."""
FRESH = 400_000_000
"""A database that changed within this time is looked at once more: its times have the grain of the kernel's tick."""
BLOCK = 1 << 20
MASK = (1 << 63) - 1
"""SQLite's integers are signed; 63 bits of an inode number tell files apart as well as 64."""


class Job(Struct, frozen=True):
    """A file to be read on."""

    file: FileRef
    before: Checkpoint | None
    now: int
    """The host's clock: where a log without an epoch begins."""
    scanned: int = 0
    """No line feed lies between the checkpoint and this offset."""


class Step(Struct, frozen=True):
    """What one step found."""

    drafts: list[Draft]
    after: Checkpoint
    born: int | None
    session: str | None
    """The session that the file belongs to."""
    restarted: bool
    """The file was begun anew: what it holds may be stored already."""
    more: bool
    """There are whole lines, or rows, left."""
    scanned: int = 0
    trouble: str = ""
    """Why a database could not be read; the checkpoint stands where it stood."""


def read(job: Job) -> Step | None:
    """One step; None when the file is gone, is no regular file, or may not be read."""
    try:
        fd = os.open(job.file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        if job.file.kind == "document":
            return _document(job, fd, status)
        if job.file.kind == "database":
            return _database(job, fd, status)
        return _lines(job, fd, status)
    except OSError:
        return None
    finally:
        os.close(fd)


def _document(job: Job, fd: int, status: os.stat_result) -> Step | None:
    if status.st_size > MAX_DOCUMENT:
        return None
    data = os.pread(fd, MAX_DOCUMENT, 0)
    code = blake2b(data, digest_size=8).digest()
    parser = BY_NAME[job.file.client].parser(job.file, None, job.now)
    after = _checkpoint(job.file, status, len(data), code, len(data), None)
    same = job.before is not None and job.before.head == code and job.before.head_length == len(data)
    record = Record(0, len(data), data, status.st_mtime_ns)
    drafts = [] if same else list(parser.feed(record))
    return Step(drafts, after, parser.first_at, parser.session, False, False)


def _database(job: Job, fd: int, status: os.stat_result) -> Step:
    """One page; what cannot be read now is told, and looked at again when it has changed or will be free."""
    before = job.before
    # Before it is opened: what is written meanwhile is a change.
    size, changed = databases.mark(job.file.path)
    if before is not None and before.inode != status.st_ino & MASK:
        before = None
    parser = BY_NAME[job.file.client].parser(job.file, before.state if before is not None else None, job.now)
    state, offset, trouble, again = None, 0, "", False
    if before is not None:
        state, offset = before.state, before.offset
    page = None
    try:
        with databases.opened(job.file.path, fd) as db:
            if not isinstance(parser, DatabaseParser):
                raise Foreign(f"{job.file.client} reads no databases")
            page = parser.page(db, STEP_DRAFTS, time.perf_counter() + STEP_SECONDS)
        state, offset = msgspec.msgpack.encode(parser.state), page.read
    except databases.Unreadable as error:
        page, trouble, again = None, str(error), error.again
    except Foreign as error:
        trouble = str(error)
    if again or 0 <= job.now - changed < FRESH:
        size = -1
    after = Checkpoint(
        job.file.client, job.file.path, status.st_dev & MASK, status.st_ino & MASK, offset, b"", 0, size, changed, state
    )
    if page is None:
        return Step([], after, None, None, False, False, trouble=trouble)
    return Step(page.drafts, after, None, None, page.restarted, page.more)


def _lines(job: Job, fd: int, status: os.stat_result) -> Step:
    before = job.before
    restarted = before is not None and not _is_same(before, fd, status)
    offset = 0 if before is None or restarted else before.offset
    state = None if before is None or restarted else before.state
    parser = BY_NAME[job.file.client].parser(job.file, state, job.now)
    # A file that is now shorter than what was searched has been rewritten behind the checkpoint.
    scanned = max(offset, job.scanned if not restarted and job.scanned <= status.st_size else 0)
    drafts: list[Draft] = []
    more = False
    if status.st_size > offset:
        data, end, scanned = _whole_lines(fd, offset, scanned, status.st_size)
        if data is None:
            if end > offset:
                drafts.append(_oversize(job.file, parser, offset, end - offset))
        else:
            end = offset + _feed(parser, data, offset, drafts)
        more = end > offset and end < status.st_size
        offset = end
    head_length = min(HEAD, offset)
    if before is not None and not restarted and before.head_length == head_length:
        head = before.head
    else:
        head = blake2b(os.pread(fd, head_length, 0), digest_size=8).digest()
    after = _checkpoint(job.file, status, offset, head, head_length, msgspec.msgpack.encode(parser.state))
    return Step(drafts, after, parser.first_at, parser.session, restarted, more, scanned)


def _is_same(before: Checkpoint, fd: int, status: os.stat_result) -> bool:
    if status.st_size < before.offset or status.st_ino & MASK != before.inode:
        return False
    head = os.pread(fd, before.head_length, 0)
    return blake2b(head, digest_size=8).digest() == before.head


def _whole_lines(fd: int, offset: int, scanned: int, size: int) -> tuple[bytes | None, int, int]:
    """(whole lines from `offset`, their end, up to where no line feed is left unread).

    No bytes and an end beyond `offset`: a line too long to be read. No bytes and `offset`: no whole line yet.
    """
    if scanned < offset + STEP_BYTES:
        data = os.pread(fd, STEP_BYTES, offset)
        cut = data.rfind(b"\n") + 1
        if cut:
            return data[:cut], offset + cut, offset + cut
        scanned = max(scanned, offset + len(data))
    while scanned < size:
        block = os.pread(fd, BLOCK, scanned)
        if not block:
            break
        found = block.find(b"\n")
        if found >= 0:
            end = scanned + found + 1
            if end - offset > MAX_LINE:
                return None, end, end
            return _read_all(fd, offset, end), end, end
        scanned += len(block)
    return None, offset, scanned


def _read_all(fd: int, offset: int, end: int) -> bytes:
    parts = []
    while offset < end and (block := os.pread(fd, end - offset, offset)):
        parts.append(block)
        offset += len(block)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _feed(parser: Parser, data: bytes, offset: int, drafts: list[Draft]) -> int:
    """Parse lines until a step's worth of drafts is there; returns the bytes used."""
    start = 0
    while start < len(data) and len(drafts) < STEP_DRAFTS:
        end = data.index(b"\n", start) + 1
        # A line that is the whole of what was read may be large: it is not copied.
        line = data if end - start == len(data) else data[start:end]
        drafts += parser.feed(Record(offset + start, end - start, line))
        start = end
    return start


def _oversize(file: FileRef, parser: Parser, offset: int, length: int) -> Draft:
    key = record_key(file.client, f"oversize:{offset}:{length}")
    body = Unparsed(reason=f"a line of {length} bytes is too long to be read")
    return Draft(parser.session or f"{file.client}:unknown", body, parser.last_at, key, offset, length)


def _checkpoint(
    file: FileRef, status: os.stat_result, offset: int, head: bytes, head_length: int, state: bytes | None
) -> Checkpoint:
    return Checkpoint(
        client=file.client,
        path=file.path,
        device=status.st_dev & MASK,
        inode=status.st_ino & MASK,
        offset=offset,
        head=head,
        head_length=head_length,
        size=status.st_size,
        mtime=status.st_mtime_ns,
        state=state,
    )


# --- in a worker process --------------------------------------------------------------------------------------

WORKER_BYTES = 4 << 20
"""What one call to the worker reads, over as many files as it takes."""


def read_packed(packed: bytes) -> bytes:
    """Several files, each as far as the call's budget goes; jobs and steps travel as MessagePack."""
    steps: list[Step | None] = []
    budget = WORKER_BYTES
    for job in _jobs.decode(packed):
        while True:
            step = read(job)
            steps.append(step)
            if step is None:
                break
            start = job.before.offset if job.before is not None else 0
            budget -= step.after.offset - (start if start <= step.after.offset else 0)
            if not step.more or budget <= 0:
                break
            job = Job(job.file, step.after, job.now, step.scanned)
        if budget <= 0:
            break
    return _encoder.encode(steps)


def pack(jobs: list[Job]) -> bytes:
    """Jobs for `read_packed`."""
    return _encoder.encode(jobs)


def unpack(packed: bytes) -> list[Step | None]:
    """What `read_packed` returned: the steps of the jobs, in order; the later jobs may not have been reached."""
    return _steps.decode(packed)


_encoder = msgspec.msgpack.Encoder()
_jobs = msgspec.msgpack.Decoder(list[Job])
_steps = msgspec.msgpack.Decoder(list[Step | None])
