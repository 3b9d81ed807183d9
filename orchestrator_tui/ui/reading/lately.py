"""What a session's tools, money and context did lately: the figures behind the timeline and the curves."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SECOND
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.reading.pages import NEVER

ROWS = 3000
"""Rows that are looked at: some hours of a busy session."""
MOST = 1000
"""Calls and responses that are kept."""
RESTS = 900 * SECOND
"""A session that was silent for longer is shown as it was, not with an empty end."""
STEPS = (
    1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 90, 120, 150, 180, 240, 300, 360, 480, 600, 720, 900,
    1200, 1500, 1800, 2400, 3000, 3600, 5400, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, 86_400, 172_800, 604_800,
    2_592_000,
)  # fmt: skip
"""Seconds that a column may stand for."""
TYPES = ("tool.call", "tool.result", "usage", "usage.corrected", "usage.moved", "usage.priced", "compact.ended",
         "turn.started", "user.message")  # fmt: skip
_TYPES = ",".join(f"'{name}'" for name in TYPES)


class Span(Struct):
    """One tool call."""

    tool: str
    """Not cleaned."""
    start: int
    end: int | None = None
    """None: no result was seen."""
    ok: bool = True
    call_id: str = ""


class Use(Struct, frozen=True):
    """Money at a time; nano-dollars, 0 where it has no price."""

    at: int
    cost: int


class Scale(Struct, frozen=True):
    """Columns of time: they stand on whole multiples of their width, so that nothing shimmers."""

    first: int
    """The number of the leftmost column: its time divided by `step`."""
    step: int
    """Nanoseconds of a column."""
    columns: int

    @property
    def start(self) -> int:
        """When the leftmost column begins."""
        return self.first * self.step

    @property
    def end(self) -> int:
        """When the rightmost column ends."""
        return (self.first + self.columns) * self.step

    def place(self, at: int) -> int:
        """The column of a time; beyond either end as it falls."""
        return at // self.step - self.first


class Lately:
    """The last calls, costs and fills of the context, followed at the tail."""

    def __init__(self, reader: Reader, session: str, until: int | None = None) -> None:
        self._reader, self.session, self.until = reader, session, until
        self._seq = -1
        self._key: int | None = None
        self.spans: deque[Span] = deque(maxlen=MOST)
        self.uses: deque[Use] = deque(maxlen=MOST)
        self.context: deque[tuple[int, int]] = deque(maxlen=MOST)
        """(time, tokens in the context window from then on)."""
        self._open: dict[str, Span] = {}
        self.began: int | None = None
        """The first time that was looked at."""
        self.rows_read = 0

    def follow(self, end: int = NEVER) -> None:
        """Take up what is new; `end`: numbers below it count."""
        if self._key is None:
            self._key = self._reader.session_key(self.session)
            if self._key is None:
                return
        columns = f"seq, at, type, CASE WHEN type IN ({_TYPES}) THEN payload END"
        sql = f"SELECT {columns} FROM events WHERE session = ? AND seq > ? AND seq < ? ORDER BY seq"
        rows = self._reader.query(f"{sql} DESC LIMIT {ROWS}", self._key, self._seq, end)
        self.rows_read += len(rows)
        for seq, at, kind, payload in reversed(rows):
            self._seq = seq
            if self.began is None:
                self.began = at
            if payload is not None:
                self._see(at, ev.decode(kind, payload))

    def _see(self, at: int, body: ev.AnyBody) -> None:
        if isinstance(body, ev.ToolCall):
            span = Span(body.tool, at, call_id=body.call_id)
            if not body.replayed:
                self.spans.append(span)
                self._open[body.call_id] = span
                if len(self._open) > MOST:
                    del self._open[next(iter(self._open))]
        elif isinstance(body, ev.ToolResult):
            done = self._open.pop(body.call_id, None)
            if done is not None:
                done.end, done.ok = at, body.ok
        elif isinstance(body, ev.Usage):
            self.uses.append(Use(at, body.cost or 0))
            self.context.append((at, body.tokens.prompt + body.tokens.output))
        elif isinstance(body, ev.UsageCorrected | ev.UsageMoved | ev.UsagePriced):
            self.uses.append(Use(at, body.cost or 0))
        elif isinstance(body, ev.CompactEnded) and body.post_tokens is not None:
            self.context.append((at, body.post_tokens))

    def scale(self, now: int, columns: int, last_at: int) -> Scale:
        """So many columns that hold all of it, as fine as they can; `last_at`: the session's last event."""
        end = now if now - last_at < RESTS else last_at
        began = min(self.began if self.began is not None else end, end)
        columns = max(1, columns)
        for seconds in STEPS:
            step = seconds * SECOND
            last = end // step
            if last - began // step < columns:
                break
        return Scale(last - columns + 1, step, columns)
