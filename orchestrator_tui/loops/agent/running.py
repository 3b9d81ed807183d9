"""The life of a session: its turns, what is said to it on the channel, signals, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import IO, Any

from orchestrator_tui.loops.agent import model as models
from orchestrator_tui.loops.agent.channel import Speaker, id_of, listen
from orchestrator_tui.loops.agent.journal import Journal
from orchestrator_tui.loops.agent.model import EMBEDDED, Model
from orchestrator_tui.loops.agent.money import PRICES, Money
from orchestrator_tui.loops.agent.recall import Past
from orchestrator_tui.loops.agent.session import Said, Session
from orchestrator_tui.loops.agent.task import EFFORTS, MODEL, AgentTask
from orchestrator_tui.text import line, utf8

MARK = "ORC_SESSION"
"""Names what it started in the environment of its commands; under a shim it is set already."""
ENDS = {
    "done": ("success", False, 0),
    "stopped": ("stopped_without_done", False, 1),
    "max_turns": ("max_turns", False, 1),
    "max_usd": ("max_usd", False, 1),
    "error": ("error", True, 1),
    "ended": ("ended", False, 0),
    "interrupted": ("interrupted", False, 130),
}
"""How a turn ended -> (the result's subtype, whether it is an error, exit status)."""
BLANK = "\0 \t\r\n"


class Running:
    """One session, from its first turn to its end."""

    def __init__(
        self, task: AgentTask, journal: Journal, speaker: Speaker, source: IO[bytes] | None, past: Past | None = None
    ) -> None:
        """`source`: where a person is heard; None without a channel. `past`: of a session that goes on."""
        self._past = past
        self.task, self.journal, self.speaker = task, journal, speaker
        self._source = source
        self._session: Session | None = None
        self._queue: list[Said] = []
        """The session's own, also before there is one."""
        self._turn: asyncio.Future[str] | None = None
        self._wake = asyncio.Event()
        self._over = ""
        """Why it ends: end, signal, or closed (nobody can say anything more)."""

    async def run(self) -> int:
        """Until the session has ended; the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)
        if self.task.prompt.strip(BLANK):
            self._queue.append(Said(self.task.prompt.replace("\0", "�")))
        self._loading: asyncio.Future[Session] = asyncio.ensure_future(self._load())
        if self._source is not None:
            listen(self._source, loop, self._hear, self._closed)
        self.speaker.say(ready=True)
        how = await self._one_turn() if self._queue or self._source is None else "stopped"
        while self._source is not None and not self._over:
            self.speaker.say(idle=True)
            while not self._over and all(words.held for words in self._queue):
                await self._wake.wait()
                self._wake.clear()
            if not self._over:
                how = await self._one_turn()
        return self._finish(how)

    async def _one_turn(self) -> str:
        """How the turn ended; in the log it has ended, too."""
        for words in self._queue:
            if self._session is None and not words.logged:
                # Loading takes seconds: that it was asked is told at once.
                self.journal.write("user", text=words.text, headless=self._source is None or None)
                words.logged = True
        self._turn = asyncio.ensure_future(self._work())
        await asyncio.wait((self._turn,))
        turn, self._turn = self._turn, None
        if turn.cancelled():
            # What the turn was begun with is told with the next word; what was said later comes next by itself.
            for words in self._queue:
                words.held = words.held or words.logged
            self.journal.write("user", text="[interrupted]", interrupt=True)
            return "interrupted"
        error = turn.exception()
        if isinstance(error, OSError):
            raise error
        if error is not None:
            text = line(f"{type(error).__name__}: {error}", 400)
            self.journal.write("api_error", type="client_error", final=True, text=text)
            how = "error"
        else:
            how = turn.result()
        if self._source is not None and not self._over and how not in ("done", "stopped"):
            self._result(how)
        return how

    async def _work(self) -> str:
        # Whoever interrupts the first turn does not stop the library from being loaded.
        session = self._session = await asyncio.shield(self._loading)
        return await session.turn()

    async def _load(self) -> Session:
        session = await asyncio.to_thread(self._made)
        session.queue = self._queue
        session.owned = self._source is not None and self._over != "closed"
        self._session = session
        self.speaker.say(model=self.task.model)
        return session

    def _made(self) -> Session:
        task, environ = self.task, dict(os.environ)
        model = Model(models.load(task.model, task.seed), task, environ)
        money = Money(task.prices or environ.get(PRICES))
        if task.model.startswith(EMBEDDED):
            money.register()
        for note in money.notes:
            self.journal.note(note)
        environ.pop(task.api_key_env or "", None)
        environ |= {MARK: environ.get(MARK) or f"loop:{task.session}", "PWD": task.cwd}
        return Session(task, self.journal, self.speaker, model, money, environ, self._past)

    def _result(self, how: str) -> None:
        subtype, is_error, _ = ENDS[how]
        text = self._session.last_words if self._session is not None else ""
        self.journal.write("result", subtype=subtype, is_error=is_error, text=text or None)

    def _finish(self, how: str) -> int:
        how = {"signal": "interrupted", "end": "ended"}.get(self._over, how)
        self._result(how)
        return ENDS[how][2]

    # --- hearing ------------------------------------------------------------------------------------------

    def _signalled(self, number: int) -> None:
        if number != signal.SIGINT or self._source is None or self._turn is None:
            self._over = "signal"
        self._stop()

    def _closed(self) -> None:
        """Nobody can say anything more: what is under way is finished."""
        self._over = self._over or "closed"
        if self._session is not None:
            self._session.owned = False
            for name in list(self._session.asks):
                self._answer(name, False, "Nobody is there any more. Decide yourself.")
        self._wake.set()

    def _stop(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        self._wake.set()

    def _hear(self, message: dict[str, Any]) -> None:
        """A line of the channel; whatever it holds, it is answered and nothing breaks."""
        name = id_of(message)
        words = None
        for kind, do in self._verbs().items():
            if kind in message:
                words = do(message)
                break
        if name is not None:
            self.speaker.say(answered=name, words="it is not understood" if words is None else words)

    def _verbs(self) -> dict[str, Callable[[dict[str, Any]], str]]:
        return {
            "say": self._said,
            "answer": self._answered,
            "use": self._use,
            "interrupt": self._interrupt,
            "end": self._end,
        }

    def _said(self, message: dict[str, Any]) -> str:
        text = message["say"]
        if not isinstance(text, str) or not text.strip(BLANK):
            return "an empty message says nothing"
        text = utf8(text).replace("\0", "�")
        self._queue.append(Said(text))
        self._wake.set()
        return ""

    def _answered(self, message: dict[str, Any]) -> str:
        request, words = message["answer"], message.get("words")
        if not isinstance(request, str) or not isinstance(message.get("allow"), bool):
            return "`answer` names no request, or `allow` is neither true nor false"
        return self._answer(request, message["allow"], utf8(words) if isinstance(words, str) else "")

    def _answer(self, request: str, allow: bool, words: str) -> str:
        waiting = self._session.asks.get(request) if self._session is not None else None
        if waiting is None or waiting.done():
            return "that is not asked any more"
        waiting.set_result((allow, words))
        return ""

    def _use(self, message: dict[str, Any]) -> str:
        wanted = message["use"]
        if not isinstance(wanted, dict) or self._session is None:
            return "it is still starting; try again" if self._session is None else "`use` names nothing"
        name, effort = wanted.get("model"), wanted.get("effort")
        if name is None and effort is None:
            return "neither a model nor an effort is named"
        if effort is not None and effort not in EFFORTS:
            return f"there is no effort {line(str(effort), 40)!r}; there are {', '.join(EFFORTS)}"
        model, money = self._session.model, self._session.money
        if name is not None:
            if not (isinstance(name, str) and MODEL.fullmatch(name) and model.switch(name)):
                return f"litellm knows no model {line(str(name), 60)!r}; write it as provider/name"
            if name.startswith(EMBEDDED):
                money.register()
            self.speaker.say(model=name)
        model.effort = effort if effort is not None else model.effort
        return ""

    def _interrupt(self, message: dict[str, Any]) -> str:
        self._stop()
        return ""

    def _end(self, message: dict[str, Any]) -> str:
        self._over = self._over or "end"
        self._stop()
        return ""
