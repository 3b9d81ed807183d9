"""One look into OpenCode's database (1.18.33): which rows are new, which have changed, what they say.

Messages are taken in the order of their rows, each with its parts. One that is not finished is looked at again each
time, and what was told of it is not told twice.
"""

from __future__ import annotations

from operator import itemgetter
from time import perf_counter

from orchestrator_tui.clients.base import Draft
from orchestrator_tui.clients.opencode.identity import created_at, is_copy, response_of
from orchestrator_tui.clients.opencode.messages import (
    asked,
    completed_at,
    ended,
    facts_of,
    first_prompt,
    is_headless,
    usage_of,
)
from orchestrator_tui.clients.opencode.parts import Said, child_of, is_refusal, spoken, tasks_of
from orchestrator_tui.clients.opencode.rows import Row, SessionRow, Tables, nanos
from orchestrator_tui.clients.opencode.state import Cursor, OpenMessage, Recent
from orchestrator_tui.clients.values import record_key, session_id
from orchestrator_tui.events import SessionUpdated, TaskUpdated, Unparsed, Usage, encode
from orchestrator_tui.excerpt import ARGUMENTS

CLIENT = "opencode"
PARTS = 200
"""Parts of one message that are read at once."""
SETTLE = 250
"""Milliseconds after which a message of the person has all its parts: they are written one by one."""
SILENT = 100
"""Sessions without a message that are told at once."""


class Look:
    """One look: a page of drafts."""

    def __init__(self, cursor: Cursor, tables: Tables, now: int) -> None:
        self.cursor, self.tables, self.now = cursor, tables, now
        self.drafts: list[tuple[int, Draft]] = []
        """With when it began, milliseconds since the epoch."""
        self._sessions: dict[str, SessionRow | None] = {}
        self._keys: list[int] = []
        """Of what was told, now or earlier, of parts after the last that is left behind."""

    def find_place(self) -> None:
        """Go back to the last row that is still what it was: rows may have been deleted, or the file restored."""
        cursor = self.cursor
        found = 0
        for place, mark in cursor.anchors:
            identity = self.tables.message_id(place)
            if identity is not None and _mark(identity) == mark:
                found = place
                break
        if found == cursor.message:
            return
        cursor.anchors = [anchor for anchor in cursor.anchors if anchor[0] <= found]
        cursor.open = [one for one in cursor.open if one.place <= found]
        cursor.message, cursor.session, cursor.again = found, 0, True

    def read(self, most: int, until: float) -> bool:
        """Fill the page; returns whether there is more."""
        for one in list(self.cursor.open):
            row = self.tables.message(one.id)
            self.cursor.open.remove(one)
            if row is not None and self._message(row, one):
                return True
        for row in self.tables.messages(self.cursor.message):
            if len(self.drafts) >= most or perf_counter() >= until:
                return True
            self.cursor.message = row.place
            self.cursor.anchor(row.place, _mark(row.id))
            self.cursor.read += row.length
            session = self._session(row.session)
            if session is not None:
                self._facts(session, row.created or session.created)
            if self._message(row, OpenMessage(row.id, row.place), first=True):
                return True
        self._look_again()
        return self._silent()

    def in_order(self) -> list[Draft]:
        """The page: what was written side by side is told in the order of its times."""
        self.drafts.sort(key=itemgetter(0))
        return [draft for _, draft in self.drafts]

    # --- sessions -----------------------------------------------------------------------------------------

    def _session(self, native: str) -> SessionRow | None:
        if native not in self._sessions:
            self._sessions[native] = self.tables.session(native)
        return self._sessions[native]

    def _facts(self, row: SessionRow, at: int | None, active: bool = True) -> None:
        """What a session's row says, if that is news; `active` sessions are looked at again."""
        parent = session_id(CLIENT, row.parent) if row.parent and row.parent != row.id else None
        body = facts_of(row, parent)
        facts = record_key(CLIENT, encode(body))
        recent = self.cursor.recent.get(row.id)
        if recent is None or recent.facts != facts:
            self._add(row.id, f"{row.id}:facts:{facts}", Said("facts", body, at), row.created or row.place)
        recent = Recent(facts, recent.tasks if recent is not None else 0)
        if active:
            self.cursor.touch(row.id, recent)
        else:
            self.cursor.recent[row.id] = recent

    def _look_again(self) -> None:
        """A title, a model, another directory: rows of sessions that were active lately."""
        for native in list(self.cursor.recent):
            row = self._session(native)
            if row is not None:
                self._facts(row, row.updated or row.created, active=False)

    def _silent(self) -> bool:
        """Sessions in which nothing was said yet."""
        rows = self.tables.silent_sessions(self.cursor.session, SILENT)
        for row in rows:
            self._facts(row, row.created)
        more = len(rows) == SILENT
        self.cursor.session = rows[-1].place if more else self.tables.last_session()
        return more

    # --- messages -----------------------------------------------------------------------------------------

    def _message(self, row: Row, one: OpenMessage, first: bool = False) -> bool:
        """Tell what is new of a message; returns whether it has parts that were not reached."""
        if not row.session or not row.id:
            return False
        session = self._session(row.session)
        role = (row.data or {}).get("role")
        if role == "user":
            return self._user(row, one, session)
        if role == "assistant":
            return self._assistant(row, one, session, first)
        self._tell(row, one, row, Said("message", _unparsed(row), row.created))
        return False

    def _user(self, row: Row, one: OpenMessage, session: SessionRow | None) -> bool:
        parts = list(self.tables.parts(row.id, "", PARTS))
        newest = max((part.created or 0 for part in parts), default=0)
        unsettled = not parts or 0 <= self.now - newest < SETTLE
        if unsettled and self.tables.is_last(row):
            self.cursor.hold(one)
            return False
        subagent, headless = session is not None and session.parent is not None, _headless(session)
        copy = is_copy(row, session.created if session is not None else None)
        said = asked(row, parts, copy, subagent, headless)
        for what in said:
            self._tell(row, one, row, what)
        title = first_prompt(said) if not copy and not subagent and self.tables.is_first(row) else None
        if title is not None:
            self._tell(row, one, row, Said("title", title, row.created))
        return False

    def _assistant(self, row: Row, one: OpenMessage, session: SessionRow | None, first: bool) -> bool:
        copy = is_copy(row, session.created if session is not None else None)
        done = completed_at(row)
        parts = list(self.tables.parts(row.id, one.done, PARTS))
        settled, steps, blocked = True, one.steps, one.blocked
        behind: OpenMessage | None = None
        self._keys = []
        for part in parts:
            self.cursor.read += part.length if first else 0
            blocked = blocked or is_refusal(part)
            steps, complete = self._part(row, one, part, steps, copy, done)
            settled = settled and complete
            if settled:
                behind, self._keys = OpenMessage(one.id, one.place, [], part.id, steps, blocked), []
        if len(parts) == PARTS:
            # Of a long message that is left behind which is settled, or everything where nothing is.
            if behind is not None:
                behind.told = self._keys
            self.cursor.hold(behind or OpenMessage(one.id, one.place, [], parts[-1].id, steps, blocked))
            return True
        if done is not None:
            if not steps:
                self._usage(row, one, row, (row.data or {}).get("tokens"), 0, copy, done)
            if not copy:
                for what in self._end(row, blocked, session):
                    self._tell(row, one, row, what)
        if done is None or not settled:
            self.cursor.hold(one)
        return False

    def _part(
        self, row: Row, one: OpenMessage, part: Row, steps: int, copy: bool, done: int | None
    ) -> tuple[int, bool]:
        """(responses so far, whether the part is settled)."""
        if part.data is None:
            self._tell(row, one, part, Said("part", _unparsed(part), part.created))
            return steps, True
        if part.data.get("type") == "step-finish":
            at = done if copy else part.created
            self._usage(row, one, part, part.data.get("tokens"), steps, copy, at)
            return steps + 1, True
        found = spoken(part, row.id, copy, done is not None)
        news = [self._tell(row, one, part, what) for what in found.said]
        if found.settled and not copy and any(news):
            self._tasks(row, one, part)
        if not copy:
            self._child(row, one, part)
        return steps, found.settled

    def _usage(
        self, row: Row, one: OpenMessage, source: Row, tokens: object, step: int, copy: bool, at: int | None
    ) -> None:
        body = usage_of(row, tokens)
        if body is not None:
            response = response_of(self.tables, row, step, copy) if isinstance(body, Usage) else None
            self._tell(row, one, source, Said("usage", body, at), response)

    def _end(self, row: Row, blocked: bool, session: SessionRow | None) -> list[Said]:
        asked_by = (row.data or {}).get("parentID")
        parent = self.tables.message(asked_by) if isinstance(asked_by, str) else None
        manual = False
        if parent is not None and (row.data or {}).get("summary") is True:
            parts = [part.data or {} for part in self.tables.parts(parent.id, "", PARTS)]
            manual = any(part.get("type") == "compaction" and part.get("auto") is False for part in parts)
        began = created_at(parent) if parent is not None else None
        return ended(row, blocked, began, manual, _headless(session))

    def _tasks(self, row: Row, one: OpenMessage, part: Row) -> None:
        tasks = tasks_of(part)
        recent = self.cursor.recent.get(row.session)
        if tasks is None:
            return
        before = recent.tasks if recent is not None else 0
        gone = [
            TaskUpdated(task_id=str(number), subject="", status="deleted")
            for number in range(len(tasks) + 1, before + 1)
        ]
        for task in [*tasks, *gone]:
            self._tell(row, one, part, Said(f"task:{task.task_id}", task, part.updated))
        if recent is not None:
            recent.tasks = len(tasks)

    def _child(self, row: Row, one: OpenMessage, part: Row) -> None:
        """Which call a sub-agent answers; it must be this session's own."""
        found = child_of(part)
        child = self._session(found[0]) if found is not None else None
        if found is None or child is None or child.parent != row.session or child.id == row.session:
            return
        parent = session_id(CLIENT, row.session)
        body = SessionUpdated(client=CLIENT, parent=parent, relation="subagent", parent_call=found[1])
        self._tell(row, one, part, Said("child", body, part.created), session=child.id)

    # --- drafts -------------------------------------------------------------------------------------------

    def _tell(
        self,
        row: Row,
        one: OpenMessage,
        source: Row,
        said: Said,
        response: bytes | None = None,
        session: str | None = None,
    ) -> bool:
        """Add a draft, unless it was told before."""
        identity = f"{source.id}:{said.what}"
        key = record_key(CLIENT, identity)
        self._keys.append(key)
        if key in one.told:
            return False
        one.told.append(key)
        # Places change when the file is compacted; when a message began does not.
        offset = created_at(row) or row.place
        self._add(session or row.session, identity, said, offset, source.length, response)
        return True

    def _add(
        self, native: str, identity: str, said: Said, offset: int, length: int = 0, response: bytes | None = None
    ) -> None:
        row = self._session(native)
        created = row.created if row is not None else None
        at = said.at if said.at is not None else created
        draft = Draft(
            session_id(CLIENT, native), said.body, nanos(at), record_key(CLIENT, identity), offset, length, response,
            nanos(created),
        )  # fmt: skip
        self.drafts.append((max(said.began or at or 0, created or 0), draft))


def _mark(identity: str) -> int:
    return record_key(CLIENT, identity)


def _headless(session: SessionRow | None) -> bool:
    return session is not None and (session.parent is not None or is_headless(session))


def _unparsed(row: Row) -> Unparsed:
    reason = "not a JSON object" if row.data is None else f"a message of {str(row.data.get('role'))[:40]!r}"
    return Unparsed(reason=f"{reason}, {row.length} bytes", head=row.head.decode("utf-8", "replace")[:ARGUMENTS])
