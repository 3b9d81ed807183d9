"""The database's shape, how it is opened, and what can be wrong with it.

`Store` (writer.py) writes with aiosqlite, `Reader` (reader.py) reads with sqlite3; both open through here.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from orchestrator_tui.errors import (
    DiskFull,
    NetworkFilesystem,
    NewerSchema,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreNotWritable,
)
from orchestrator_tui.paths import make_private

SCHEMA_VERSION = 2
APPLICATION_ID = 0x6F726331  # "orc1"
BUSY_MS = 5000
WAL_TRIES = BUSY_MS // 50
PAGE_BYTES = 8192
"""Of new databases: an event is about 600 bytes, and what does not fit into a page takes pages of its own."""

MIN_BYTES = 512
"""The smallest page of a database."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID""",
        """CREATE TABLE sessions(
            key INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            first_seq INTEGER NOT NULL,
            last_at INTEGER NOT NULL,        -- no event of the session is placed before this
            parent INTEGER,                  -- as its events said last
            relation TEXT,
            copied_offset INTEGER,           -- where in its file the last response copied from another session is
            summary BLOB,                    -- the folded session, once it has left the fold
            summary_seq INTEGER
        ) STRICT""",
        """CREATE TABLE events(
            seq INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            seen_at INTEGER NOT NULL,
            source_at INTEGER,
            session INTEGER,
            type TEXT NOT NULL,
            record INTEGER,                  -- which record of the file it came from, see clients.values.record_key
            file INTEGER,
            offset INTEGER,
            length INTEGER,
            payload BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX events_at ON events(at)",
        "CREATE INDEX events_session ON events(session) WHERE session IS NOT NULL",
        """CREATE TABLE files(
            key INTEGER PRIMARY KEY,
            client TEXT NOT NULL,
            path TEXT NOT NULL,
            device INTEGER NOT NULL,
            inode INTEGER NOT NULL,
            offset INTEGER NOT NULL,         -- everything before it is in the store
            head BLOB NOT NULL,              -- digest of the first head_length bytes
            head_length INTEGER NOT NULL,
            size INTEGER NOT NULL,
            mtime INTEGER NOT NULL,
            state BLOB,                      -- the parser's
            UNIQUE(client, path)
        ) STRICT""",
        """CREATE TABLE responses(
            key BLOB PRIMARY KEY,            -- clients.values.response_key
            session INTEGER NOT NULL,        -- who it is counted for
            born INTEGER NOT NULL,           -- the first time in that session's file: the oldest file is the owner
            offset INTEGER NOT NULL,
            input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write INTEGER NOT NULL,
            output INTEGER NOT NULL,
            cache_write_1h INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            cost INTEGER
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE snapshots(
            id INTEGER PRIMARY KEY,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            version INTEGER NOT NULL,        -- of the fold
            base INTEGER,                    -- the full snapshot that this one changes; NULL: it is full
            by_seq INTEGER NOT NULL,         -- it holds every event up to `seq`: good for now
            by_at INTEGER NOT NULL,          -- it holds every event up to the time `at`: good for replay
            state BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX snapshots_at ON snapshots(at)",
    ),
    (
        "ALTER TABLE sessions ADD COLUMN client TEXT",
        "ALTER TABLE sessions ADD COLUMN project TEXT",
        """UPDATE sessions SET client = substr(id, 1, instr(id, ':') - 1), project = (
            SELECT json_extract(CAST(e.payload AS TEXT), '$.project') FROM events e
            WHERE e.session = sessions.key AND e.type = 'session.updated'
            AND json_extract(CAST(e.payload AS TEXT), '$.project') IS NOT NULL ORDER BY e.seq DESC LIMIT 1
        )""",
        "ALTER TABLE responses ADD COLUMN at INTEGER NOT NULL DEFAULT 0",  # where in time it is counted
        "ALTER TABLE responses ADD COLUMN model TEXT",
        "ALTER TABLE responses ADD COLUMN terms TEXT",  # with `model` and `searches` all that a price depends on
        "ALTER TABLE responses ADD COLUMN searches INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE responses ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE responses ADD COLUMN local INTEGER NOT NULL DEFAULT 0",
        # Of what was counted before there were roll-ups neither the time nor the model is on record.
        "UPDATE responses SET at = (SELECT last_at FROM sessions WHERE sessions.key = responses.session)",
        "CREATE INDEX responses_unpriced ON responses(model, terms) WHERE cost IS NULL",
        """CREATE TABLE spending(
            slot INTEGER NOT NULL,           -- a quarter of an hour: `at` / 900 s
            session INTEGER NOT NULL,
            model TEXT NOT NULL,             -- "" where the client does not say
            requests INTEGER NOT NULL,
            unpriced INTEGER NOT NULL,
            estimated INTEGER NOT NULL,
            local INTEGER NOT NULL,
            cost INTEGER NOT NULL,
            input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write INTEGER NOT NULL,
            output INTEGER NOT NULL,
            cache_write_1h INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            PRIMARY KEY(slot, session, model)
        ) STRICT, WITHOUT ROWID""",
        """INSERT INTO spending SELECT at / 900000000000, session, '', count(*), sum(cost IS NULL), 0, 0,
            coalesce(sum(cost), 0), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(cache_write_1h),
            sum(reasoning) FROM responses GROUP BY 1, 2""",
    ),
)
"""Statements that lead from version n to n + 1, each run in one transaction."""

NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "afpfs",
        "9p",
        "fuse.sshfs",
        "afs",
        "ceph",
        "glusterfs",
        "webdav",
    }
)


def prepare(path: Path) -> None:
    """Make the directory and an empty private database file, before SQLite makes it readable to others.

    Raises StoreNotWritable, NetworkFilesystem, DiskFull; StoreDamaged for what SQLite would take for a fresh one.
    """
    make_private(path.parent)
    kind = filesystem(path.parent)
    if kind in NETWORK:
        raise NetworkFilesystem(
            f"{path.parent} is on a network file system ({kind}), where SQLite's locks do not hold; "
            "set ORC_HOME to a local directory"
        )
    try:
        with suppress(FileExistsError):
            # Only a new one is opened here: closing it would let go of every lock that this process has on it (POSIX).
            # The -wal and -shm files take the mode of the database.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        check_length(path)
        if path.stat().st_mode & 0o077 and path.stat().st_uid == os.getuid():
            path.chmod(0o600)
    except OSError as error:
        raise from_os(error, path) from error


def check_length(path: Path) -> None:
    """Raise StoreDamaged for a file that was cut: SQLite would begin it anew and drop its log, without a word."""
    size, log = path.stat().st_size, path.with_name(f"{path.name}-wal")
    if 0 < size < MIN_BYTES:
        raise damaged(path, f"{size} bytes are no database")
    if size == 0 and log.exists() and log.stat().st_size:
        raise damaged(path, "it is empty, but its log is not")


def filesystem(directory: Path) -> str:
    """The type of the file system that holds a directory; "" when it cannot be told."""
    import psutil

    try:
        target = str(directory.resolve())
        mounts = psutil.disk_partitions(all=True)
    except (OSError, RuntimeError):
        return ""
    best, kind = "", ""
    for mount in mounts:
        point = mount.mountpoint
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, mount.fstype
    return kind.lower()


def set_up(db: sqlite3.Connection, path: Path) -> None:
    """Make a fresh connection ready for writing, and the database what this orc knows."""
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        # Both are for a database that has no table yet, and for one that is not in WAL mode yet.
        f"page_size={PAGE_BYTES}",
        "auto_vacuum=INCREMENTAL",
        "synchronous=NORMAL",
        # Only where nobody calls `Store.fold_log`: 32 MB.
        "wal_autocheckpoint=4096",
    ):
        db.execute(f"PRAGMA {pragma}")
    _use_wal(db)
    version = _version(db)
    check_version(version, path)
    if version == SCHEMA_VERSION:
        return
    if version > 0:
        # A migration that fails half-way leaves the old database beside the new one.
        backup = path.with_name(f"{path.name}.schema{version}")
        if not backup.exists():
            db.execute("VACUUM INTO ?", (str(backup),))
            backup.chmod(0o600)
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        for step in range(_version(db), SCHEMA_VERSION):
            for statement in MIGRATIONS[step]:
                db.execute(statement)
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _use_wal(db: sqlite3.Connection) -> None:
    """Write-ahead logging. The switch does not wait for a reader, whatever the busy timeout says: this does."""
    for attempt in range(WAL_TRIES):
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt == WAL_TRIES - 1:
                raise
            time.sleep(0.05)
        else:
            return


def _version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def check_version(version: int, path: Path) -> None:
    """Raise NewerSchema when the database was written by a newer orc."""
    if version > SCHEMA_VERSION:
        raise NewerSchema(
            f"{path} has schema {version}, this orc knows {SCHEMA_VERSION}; upgrade orc, or set ORC_HOME elsewhere"
        )


def explain(error: Exception, path: Path) -> StoreError:
    """The clear line for what SQLite or the system said."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError):
        return from_os(error, path)
    name = getattr(error, "sqlite_errorname", "") or ""
    text = str(error)
    if "full" in text or name == "SQLITE_FULL":
        return DiskFull(f"no space left for {path}; free some, nothing that was stored is lost")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "malformed" in text or "not a database" in text:
        return damaged(path, text)
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN")) or "readonly" in text:
        return StoreNotWritable(f"cannot write {path} ({text}); check its owner and mode, or set ORC_HOME elsewhere")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or "locked" in text:
        return StoreBusy(f"{path} is locked by another program ({text}); try again when that has ended")
    if name.startswith("SQLITE_IOERR"):
        return StoreNotWritable(f"the disk refused {path} ({text}); check the disk, or set ORC_HOME elsewhere")
    return StoreError(f"{path}: {text}")


def damaged(path: Path, words: str) -> StoreDamaged:
    """The clear line for a file that is no sound database."""
    return StoreDamaged(
        f"{path} is damaged ({words}); `orc store verify` tells what is wrong, the next `orc host` keeps it aside and "
        "begins a fresh one"
    )


def from_os(error: OSError, path: Path) -> StoreError:
    """The clear line for an operating system error."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space left for {path}; free some, nothing that was stored is lost")
    return StoreNotWritable(
        f"cannot write {path}: {error.strerror}; check its owner and mode, or set ORC_HOME elsewhere"
    )


def set_aside(path: Path, stamp: str) -> Path:
    """Move a damaged database away, beside a fresh one to come; nothing is deleted."""
    kept = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept


SQLITE_ERRORS = (sqlite3.Error, OSError)
"""What `explain` explains."""
