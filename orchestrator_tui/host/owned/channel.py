"""Speaking to a session on its client's own channel, and hearing what it asks."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from typing import Literal, Protocol

from orchestrator_tui.clients.driving import OPEN, Dialogue, Heard, Sent, Unsupported
from orchestrator_tui.events import KnownBody, PermissionAnswered, PermissionAsked
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned.mail import Mail
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.host.owned.tail import Tail
from orchestrator_tui.text import line, utf8

PATIENCE = 10.0
"""Seconds for the client to take a message and to answer it."""
SOON = 0.05
LATER = 0.25
RARELY = 1.0
"""Seconds between two looks at its output: while something is awaited, else, and when nothing came for a minute."""
QUIET = 240
NO_ROOM = 1.0
"""Seconds until a reply is written again for which there was no room on the disk."""
LOST_EVERY = 4
"""Looks without news between two looks at whether the shim lives."""
WORDS = 200

Tell = Callable[[Sequence[KnownBody]], Awaitable[None]]


class Channel(Protocol):
    """What a person can have done in a session.

    Each returns when the client has acknowledged it. Raises Failed after 10 s, when it says no, or when it has ended.
    """

    name: str
    """As in `Adopted.channel`."""

    async def say(self, text: str) -> None:
        """A message from a person."""

    async def interrupt(self) -> None:
        """Stop the turn."""

    async def answer(self, request: str, allow: bool, words: str) -> None:
        """Allow or deny what it asks."""

    async def use(self, model: str | None, effort: str | None) -> None:
        """Go on with another model or effort, in place."""

    async def end(self) -> None:
        """Have it end cleanly."""


class LineChannel:
    """A channel of lines: the client's input and output."""

    def __init__(self, name: str, run: Run, dialogue: Dialogue, tell: Tell, native: str | None = None) -> None:
        self.name, self.native = name, native
        """The client's own id of the session: the one it was given, and then the one it says."""
        self.said = False
        """It has said that it has a session."""
        self.named = asyncio.Event()
        """It has said so, or it never will."""
        self.ended = asyncio.Event()
        self.refusal = ""
        """Why its session could not begin."""
        self.why = ""
        """Why nothing can be said to it any more."""
        self.busy = True
        """A turn is under way, as far as the channel shows."""
        self._run, self._dialogue, self._tell = run, dialogue, tell
        self._mail, self._tail = Mail(run), Tail(run.path)
        self._kick, self._order, self._storing = asyncio.Event(), asyncio.Lock(), asyncio.Lock()
        self._waits: dict[str, asyncio.Future[str]] = {}
        self._deciding: dict[str, bool] = {}
        self._asks: dict[str, PermissionAsked] = {}
        self._answers: dict[str, PermissionAnswered] = {}
        """In the past that is heard again: how what was asked there was settled, as the client tells it."""
        self._replied: set[str] = set()
        """Replies that were written before this host heard the line."""

    # --- speaking -----------------------------------------------------------------------------------------

    async def say(self, text: str) -> None:
        """A message from a person; during a turn it is queued or steers, as the client does it."""
        # Before: a fast turn may have ended by the time that its beginning is acknowledged.
        self.busy = True
        await self._send(lambda: self._dialogue.say(utf8(text)))

    async def interrupt(self) -> None:
        """Stop the turn."""
        await self._send(self._dialogue.interrupt)

    async def answer(self, request: str, allow: bool, words: str) -> None:
        """Allow or deny what it asks; the answer is stored once the client has taken it."""
        self._deciding[request] = allow
        try:
            await self._send(lambda: self._dialogue.answer(request, allow, utf8(words)))
            # After what is being stored: it may be the client's own word for this answer.
            async with self._storing:
                if self._asks.pop(request, None) is not None:
                    decision: Literal["allowed", "denied"] = "allowed" if allow else "denied"
                    await self._tell([PermissionAnswered(request_id=request, decision=decision)])
        finally:
            self._deciding.pop(request, None)

    async def use(self, model: str | None, effort: str | None) -> None:
        """Go on with another model or effort, in place."""
        await self._send(lambda: self._dialogue.use(model, effort))

    async def end(self) -> None:
        """Have it end cleanly; its end is an acknowledgement, too."""
        await self._send(self._dialogue.end, ending=True)

    async def _send(self, make: Callable[[], Sent], ending: bool = False) -> None:
        if self.ended.is_set():
            raise Failed(self.why)
        loop = asyncio.get_running_loop()
        name, answer = "", loop.create_future()
        sent = Sent(())
        try:
            async with asyncio.timeout(PATIENCE):
                async with self._order:
                    sent = make()
                    if sent.awaits is not None:
                        self._waits[sent.awaits] = answer
                    name = await self._post(sent.lines, f"m.{secrets.token_hex(8)}")
                await self._taken(name)
                if sent.awaits is not None or ending:
                    words = await self._answered(answer, ending)
                    if words:
                        raise Failed(line(words, WORDS))
                elif self.ended.is_set():
                    raise Failed(self.why)
        except Unsupported as error:
            raise Failed(str(error)) from error
        except TimeoutError:
            raise Failed(self._too_late(name, sent)) from None
        except OSError as error:
            raise Failed(f"cannot write to {self._run.mail}: {error.strerror}; nothing was said to it") from error
        finally:
            if sent.awaits is not None:
                self._waits.pop(sent.awaits, None)

    async def _post(self, lines: Sequence[bytes], key: str) -> str:
        name = await asyncio.to_thread(self._mail.post, lines, key)
        self._kick.set()
        return name

    async def _taken(self, name: str) -> None:
        """Until the client's pipe has taken a message; only the files say so."""
        while not self._mail.is_taken(name) and not self.ended.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def _answered(self, answer: asyncio.Future[str], ending: bool) -> str:
        """Its answer, as long as one can come. Raises Failed when it has ended before."""
        over = asyncio.ensure_future(self.ended.wait())
        try:
            await asyncio.wait((answer, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if not answer.done() and not ending:
            raise Failed(self.why)
        return answer.result() if answer.done() else ""

    def _too_late(self, name: str, sent: Sent) -> str:
        if self._mail.withdraw(name):
            return f"it has not read its input for {PATIENCE:.0f} s; nothing was said to it"
        if not self._mail.is_taken(name):
            return f"it has read only a part of it within {PATIENCE:.0f} s; it gets the rest when it reads on"
        return f"it was given that, and did not answer within {PATIENCE:.0f} s"

    # --- hearing ------------------------------------------------------------------------------------------

    async def hear_past(self, open_asks: Set[str], stored_asks: Set[str]) -> None:
        """Hear everything that it has written before, and store what nobody has stored of it.

        `open_asks`: request ids that are open as far as is stored; `stored_asks`: all that ever were stored.
        """
        self._replied = self._mail.keys()
        while (lines := self._tail.read()) is not None:
            for place, text in lines:
                heard = self._heard(text)
                for body in heard.events:
                    if isinstance(body, PermissionAsked):
                        self._asks[body.request_id] = body
                    elif isinstance(body, PermissionAnswered):
                        self._asks.pop(body.request_id, None)
                        self._answers[body.request_id] = body
                await self._reply(heard, place)
            await asyncio.sleep(0)
        news: list[KnownBody] = [ask for name, ask in self._asks.items() if name not in stored_asks]
        settled = sorted(open_asks - self._asks.keys())
        news += [self._answers.get(name) or PermissionAnswered(request_id=name, decision="gone") for name in settled]
        # What was answered through us needs no word of the client's.
        self._asks = {k: v for k, v in self._asks.items() if k in open_asks or k not in stored_asks}
        self._answers.clear()
        if news:
            await self._tell(news)

    async def follow(self, lost: Callable[[], Awaitable[str]]) -> None:
        """Hear it until it ends; `lost` is called when its shim was killed: "" when it has a new one, else why not."""
        idle = 0
        try:
            while True:
                over = self._run.exit()
                if await self._hear():
                    idle = 0
                    continue
                if over is not None:
                    await self._close(f"the session has ended: {over.text}")
                    return
                idle += 1
                gone = idle % LOST_EVERY == 0 and not self._run.has_shim() and self._run.exit() is None
                if gone and (why := await lost()):
                    await self._close(why)
                    return
                await self._pause(SOON if self.busy or self._waits else LATER if idle < QUIET else RARELY)
        finally:
            self._tail.close()
            self.why = self.why or "the host no longer hears it"
            self.ended.set()
            self.named.set()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._kick.wait()
        except TimeoutError:
            return
        self._kick.clear()
        # It has just been spoken to: that long it takes at least.
        await asyncio.sleep(SOON / 5)

    async def _hear(self) -> bool:
        """One piece of its output; whether there was one."""
        lines = self._tail.read()
        if lines is None:
            return False
        for place, text in lines:
            heard = self._heard(text)
            news = [body for body in map(self._news, heard.events) if body is not None]
            if news:
                async with self._storing:
                    await self._tell(news)
            await self._reply(heard, place)
        await asyncio.sleep(0)
        return True

    def _heard(self, text: bytes) -> Heard:
        try:
            heard = self._dialogue.heard(text)
        except Exception as error:
            # Whatever a client writes: the host goes on.
            return Heard(answered=dict.fromkeys(self._waits, f"its answer cannot be read: {type(error).__name__}"))
        if not self.said and (heard.session is not None or (heard.ready and self.native is not None)):
            self.native, self.said = heard.session or self.native, True
            self.named.set()
        if heard.idle:
            self.busy = False
        for request, words in heard.answered.items():
            if words and not self.said and request == OPEN:
                self.refusal = words
                self.named.set()
            waits = self._waits.get(request)
            if waits is not None and not waits.done():
                waits.set_result(words)
        return heard

    def _news(self, body: KnownBody) -> KnownBody | None:
        """What is to be stored of it: each question and each answer once."""
        if isinstance(body, PermissionAsked):
            if body.request_id in self._asks:
                return None
            self._asks[body.request_id] = body
        elif isinstance(body, PermissionAnswered):
            if self._asks.pop(body.request_id, None) is None:
                return None
            allow = self._deciding.get(body.request_id)
            if allow is not None and body.decision == "gone":
                return PermissionAnswered(request_id=body.request_id, decision="allowed" if allow else "denied")
        return body

    async def _reply(self, heard: Heard, place: str) -> None:
        """Write the replies to a line, which are written once however often the line is heard."""
        key = f"r.{place}"
        while heard.replies and key not in self._replied:
            with suppress(OSError):
                await self._post(heard.replies, key)
                return
            await asyncio.sleep(NO_ROOM)

    async def _close(self, why: str) -> None:
        """From here on nothing can be said, and nothing is asked."""
        self.why, self.busy = why, False
        gone: list[KnownBody] = [PermissionAnswered(request_id=name, decision="gone") for name in self._asks]
        self._asks.clear()
        if gone:
            await self._tell(gone)
