"""A thread of the Codex TUI, spoken to in the daemon that runs it (docs/architecture.md).

The daemon is nobody's session: it is only ever written to. It may be broken or be something else; then this ends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from orchestrator_tui.clients.codex.asked import CHANGE, SHOWN_HEAD, SHOWN_TAIL, TOOLS
from orchestrator_tui.clients.codex.daemon import Broken, Frames, joining
from orchestrator_tui.clients.driving import OPEN, Heard, Sent, Unsupported
from orchestrator_tui.clients.values import decode_object
from orchestrator_tui.events import KnownBody, PermissionAnswered, PermissionAsked
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned.channel import Tell
from orchestrator_tui.host.owned.own_socket import CHUNK, Nobody, connect
from orchestrator_tui.text import line, utf8

PATIENCE = 10.0
"""Seconds for the daemon to take a request and to answer it; the same for all of joining."""
MAX_LINE = 8 << 20
"""Bytes of a message that is looked at: what is larger is some tool's output."""
MAX_NAME = 200
"""Characters of a request's id."""
WORDS = 200
NO_DAEMON = "no daemon of Codex runs there"
HUNG_UP = "the daemon of Codex has hung up"
UNSAID = "it did not say which files"
"""The words of `clients/codex/asked.py` where that is not known."""

Stored = Callable[[], Collection[str]]
"""Ids of what the session asks by its channel, as far as it is stored."""
Called = Callable[[str], str]
"""A tool call's id -> what it was called with, as its rollout has it; "" for an unknown one."""


class JoinedChannel:
    """One thread of a daemon that other windows use, too. A `Channel`; made by `join`."""

    name = "app-server"

    def __init__(self, thread: str, tell: Tell, stored: Stored, called: Called) -> None:
        self.why = ""
        """Why nothing can be said to it any more."""
        self.busy = True
        """A turn is under way, as far as the channel shows."""
        self.asks: dict[str, PermissionAsked] = {}
        """What it asks now, by request."""
        self.since = self.used_at = asyncio.get_running_loop().time()
        """When it was joined, and last spoken to on behalf of a person, by the loop's clock."""
        self._dialogue, self._frames = joining(thread), Frames()
        self._tell, self._stored, self._called = tell, stored, called
        self._waits: dict[str, asyncio.Future[str]] = {OPEN: asyncio.get_running_loop().create_future()}
        self._storing = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    # --- speaking -----------------------------------------------------------------------------------------

    async def say(self, text: str) -> None:
        """A message from a person; during a turn it steers. Raises Failed."""
        await self._send(lambda: self._dialogue.say(utf8(text)))
        self.busy = True

    async def interrupt(self) -> None:
        """Stop the turn; where none runs that is done. Raises Failed."""
        self.busy = True
        await self._send(self._dialogue.interrupt)

    async def answer(self, request: str, allow: bool, words: str) -> None:
        """Allow or deny what it asks; the answer is stored once the daemon has taken it. Raises Failed."""
        await self._send(lambda: self._answer(request, allow, utf8(words)))
        # The daemon's own word for it is being stored.
        async with self._storing:
            return

    async def use(self, model: str | None, effort: str | None) -> None:
        """Go on with another model or effort from the next turn on. Raises Failed."""
        await self._send(lambda: self._dialogue.use(model, effort))

    async def end(self) -> None:
        """Stop the turn: the thread itself stays open in its window. Raises Failed."""
        await self.interrupt()

    def _answer(self, request: str, allow: bool, words: str) -> Sent:
        sent = self._dialogue.answer(request, allow, words)
        if allow or not words.strip("\0 \t\r\n") or len(sent.lines) > 1:
            return sent
        # It tells a denial's words only to a turn whose beginning it has heard; this one was joined later.
        return Sent((*sent.lines, *self._dialogue.say(words).lines), sent.awaits)

    async def _send(self, make: Callable[[], Sent]) -> None:
        name = ""
        self.used_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(PATIENCE):
                if self.why or self._writer is None:
                    raise Failed(self.why or HUNG_UP)
                sent = make()
                name = sent.awaits or ""
                answer = self._waits.setdefault(name, asyncio.get_running_loop().create_future())
                self._write(sent.lines)
                await self._writer.drain()
                # Shared: two people may answer the same question.
                words = await asyncio.shield(answer)
        except Unsupported as error:
            raise Failed(str(error)) from error
        except TimeoutError:
            raise Failed(f"the daemon of Codex was given that, and did not answer within {PATIENCE:.0f} s") from None
        except OSError as error:
            raise Failed(f"{HUNG_UP}: {error.strerror or type(error).__name__}") from error
        finally:
            self._waits.pop(name, None)
            self.used_at = asyncio.get_running_loop().time()
        if words:
            raise Failed(line(words, WORDS))

    def _write(self, lines: Collection[bytes]) -> None:
        if self._writer is not None:
            for text in lines:
                self._writer.write(self._frames.wrap(text))

    # --- hearing ------------------------------------------------------------------------------------------

    async def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join over a connection; returns when the thread is joined. Raises Failed."""
        opened, self._writer = self._waits[OPEN], writer
        writer.write(self._frames.hello())
        self._task = asyncio.create_task(self._follow(reader, writer))
        words = await asyncio.shield(opened)
        self._waits.pop(OPEN, None)
        if words:
            raise Failed(line(words, WORDS))
        self.since = asyncio.get_running_loop().time()

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        why = HUNG_UP
        try:
            while data := await reader.read(CHUNK):
                was_open = self._frames.open
                lines, back = self._frames.fed(data)
                if self._frames.open and not was_open:
                    self._write(self._dialogue.opening())
                for reply in back:
                    writer.write(reply)
                for text in lines:
                    await self._hear(text)
                await writer.drain()
        except Broken as error:
            why = str(error)
        except OSError as error:
            why = f"{HUNG_UP}: {error.strerror or type(error).__name__}"
        except Exception as error:
            # Whatever it says, and whatever keeps that from being stored: the host goes on.
            why = f"what the daemon of Codex says cannot be taken up: {type(error).__name__}"
        finally:
            self._finish(why)
        await self._nothing_asked()

    async def _hear(self, text: bytes) -> None:
        if len(text) > MAX_LINE:
            return
        try:
            heard = self._dialogue.heard(text)
        except Exception as error:
            heard = Heard(answered=dict.fromkeys(self._waits, f"its answer cannot be read: {type(error).__name__}"))
        self._write(heard.replies)
        if heard.idle:
            self.busy = False
        for request, words in heard.answered.items():
            waits = self._waits.get(request)
            if waits is not None and not waits.done():
                waits.set_result(words)
        if heard.events:
            async with self._storing:
                news = [body for body in (self._shown(text, body) for body in heard.events) if self._is_news(body)]
                if news:
                    await self._tell(news)

    def _shown(self, text: bytes, body: KnownBody) -> KnownBody:
        """A file change with what it changes, which was said before anybody joined; the rollout has it, too."""
        if not isinstance(body, PermissionAsked) or body.tool != TOOLS[CHANGE]:
            return body
        what, asked = decode_object(body.what.text.encode()), decode_object(text)
        params = asked.get("params") if asked is not None else None
        item = params.get("itemId") if isinstance(params, dict) else None
        change = self._called(item) if isinstance(item, str) else ""
        if what is None or what.get("changes") or not change:
            return body
        shown = json.dumps({**what, "changes": change}, ensure_ascii=False)
        words = body.words
        if words == UNSAID:
            words = "" if _is_whole(change) else "longer than this; the rest is in its terminal (t)"
        return replace(body, what=excerpt(utf8(shown), SHOWN_HEAD, SHOWN_TAIL), words=words)

    def _is_news(self, body: KnownBody) -> bool:
        """Whether it is to be stored: what was asked before anybody joined is asked again of everybody who does."""
        if isinstance(body, PermissionAsked):
            if body.request_id in self.asks or len(body.request_id) > MAX_NAME:
                return False
            self.asks[body.request_id] = body
            return body.request_id not in self._stored()
        if isinstance(body, PermissionAnswered):
            self.asks.pop(body.request_id, None)
            return body.request_id in self._stored()
        return False

    async def settle(self) -> None:
        """Store what is asked here and not stored, and that what is stored and not asked here is asked no more."""
        async with self._storing:
            stored = set(self._stored())
            news: list[KnownBody] = [ask for name, ask in self.asks.items() if name not in stored]
            news += [PermissionAnswered(request_id=name, decision="gone") for name in sorted(stored - self.asks.keys())]
            if news and not self.why:
                await self._tell(news)

    async def _nothing_asked(self) -> None:
        with suppress(Exception):
            async with self._storing:
                asked, stored = list(self.asks), set(self._stored())
                self.asks.clear()
                gone = [PermissionAnswered(request_id=name, decision="gone") for name in asked if name in stored]
                if gone:
                    await self._tell(gone)

    # --- its end ------------------------------------------------------------------------------------------

    def _finish(self, why: str) -> None:
        """From here on nothing can be said."""
        self.why, self.busy = self.why or why, False
        for waits in self._waits.values():
            if not waits.done():
                waits.set_result(self.why)
        if self._writer is not None:
            # What is not written by now nobody reads.
            self._writer.transport.abort()

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself, and everything is stored."""
        return bool(self.why) and (self._task is None or self._task.done())

    async def close(self) -> None:
        """Leave; the thread and what it asks stay as they are."""
        self._finish("the thread was left")
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task


def _is_whole(arguments: str) -> bool:
    """The rollout's arguments are JSON; of long ones only the beginning is kept."""
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True


async def join(path: Path, thread: str, tell: Tell, stored: Stored, called: Called) -> JoinedChannel:
    """Join a thread that the daemon behind a socket has open. Raises Failed, after 10 s at the latest."""
    try:
        channel = JoinedChannel(thread, tell, stored, called)
    except Unsupported as error:
        raise Failed(str(error)) from error
    try:
        async with asyncio.timeout(PATIENCE):
            await channel.begin(*await connect(path))
    except BaseException as error:
        await channel.close()
        if isinstance(error, Nobody):
            raise Failed(NO_DAEMON) from None
        if isinstance(error, TimeoutError):
            raise Failed(f"the daemon of Codex did not answer within {PATIENCE:.0f} s") from None
        if isinstance(error, OSError | ValueError):
            raise Failed(f"cannot speak to the daemon of Codex: {line(str(error), WORDS)}") from error
        raise
    return channel
