"""One session of the agent: turns of a person's words, the model's answers, and what its tools brought."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from orchestrator_tui.events import Tokens
from orchestrator_tui.loops.agent.channel import Speaker
from orchestrator_tui.loops.agent.conversation import Conversation
from orchestrator_tui.loops.agent.journal import Journal
from orchestrator_tui.loops.agent.model import Model
from orchestrator_tui.loops.agent.money import Money
from orchestrator_tui.loops.agent.recall import Past
from orchestrator_tui.loops.agent.refused import Trouble, trouble_of, wait_for
from orchestrator_tui.loops.agent.reply import MAX_CALLS, Call, Reply
from orchestrator_tui.loops.agent.task import AgentTask
from orchestrator_tui.loops.agent.tools import ASK, DONE, TOOLS, Result, Tools, text_in

SYSTEM = """You are a coding agent. You work in the directory {cwd}, by yourself, with the tools you are given.
Look before you change something, make small changes, and check what you did by running it.
Commands and files are real: you act as the user who started you. Do not touch what the task does not concern.
When the task is complete, or when you are sure that it cannot be done, call `done` with a short summary."""
NUDGE = "Go on with the task. When it is complete, or cannot be done, call `done`."
NOBODY = "Nobody is there to answer. Decide yourself, and say in your summary what you decided."
INTERRUPTED = "[interrupted by the person]"
UNTAKEN = "[not carried out: too many calls at once; ask again]"


class Ended(Exception):
    """The turn is over; how, stands in its one argument: done, stopped, max_turns, max_usd or error."""


class Said(Struct):
    """A person's words that the model has not been told."""

    text: str
    logged: bool = False
    held: bool = False
    """It begins no turn by itself: the one that it began was interrupted."""


class Session:
    """The conversation, and all that a turn needs."""

    def __init__(
        self,
        task: AgentTask,
        journal: Journal,
        speaker: Speaker,
        model: Model,
        money: Money,
        environ: Mapping[str, str],
        past: Past | None = None,
    ) -> None:
        self.task, self.model, self.money = task, model, money
        self.owned = False
        """Somebody is on the channel, who can be asked and can say more."""
        self.queue: list[Said] = []
        self.asks: dict[str, asyncio.Future[tuple[bool, str]]] = {}
        self._journal, self._speaker = journal, speaker
        self._talk = Conversation(SYSTEM.format(cwd=task.cwd), task.context_window or money.window(task.model))
        self._fixed_window = task.context_window is not None
        self._tools = Tools(task.cwd, environ, task.command_timeout)
        self._chance = random.Random(f"{task.session} {task.seed}")  # noqa: S311
        self._requests = 0
        self._calls = 0
        self._ids: set[str] = set()
        self._text = ""
        if past is not None:
            past.tell(self._talk)
            self._requests, self._calls, self._ids = past.requests, past.calls, past.ids

    # --- turns --------------------------------------------------------------------------------------------

    async def turn(self) -> str:
        """Work until the model is done or nothing more may be done; how it ended (see `Ended`).

        Cancelled: tools are ended, and the conversation is left so that it can go on.
        """
        nudged = False
        self._text = ""
        try:
            for _ in range(self.task.max_turns):
                self._take_up()
                self._check_budget()
                reply = await self._response()
                if reply.calls:
                    nudged = False
                    await self._carry_out(reply)
                elif self.queue:
                    continue
                elif self.owned or nudged:
                    raise Ended("stopped")
                else:
                    nudged = True
                    self._talk.user(NUDGE)
                    self._journal.write("user", text=NUDGE, synthetic=True)
            raise Ended("max_turns")
        except Ended as end:
            return str(end)
        finally:
            self._talk.settle(INTERRUPTED)

    def _take_up(self) -> None:
        said, self.queue[:] = list(self.queue), []
        for words in said:
            self._talk.user(words.text)
            if not words.logged:
                self._journal.write("user", text=words.text)

    def _check_budget(self) -> None:
        limit = self.task.max_usd
        if limit is None:
            return
        if not self.money.knows(self.model.name):
            self._journal.note(f"{self.model.name} has no known price: `max_usd` is not enforced for it")
        if self.money.spent >= limit * 1e9:
            raise Ended("max_usd")

    # --- the model ----------------------------------------------------------------------------------------

    async def _response(self) -> Reply:
        """One response, tried again as long as that may help; every wait is in the log before it begins."""
        if not self._fixed_window:
            self._talk.window = self.money.window(self.model.name) or self._talk.window
        if self._talk.is_full():
            self._trim(None)
        trimmed = False
        attempt = 0
        while True:
            attempt += 1
            self._requests += 1
            try:
                reply = await self.model.ask(self._talk.messages, TOOLS, self._requests, self._arriving)
            except Exception as error:
                trouble = trouble_of(error, self.model.key)
                if trouble.too_long and not trimmed:
                    trimmed = True
                    self._tell(trouble, attempt, 0.0)
                    self._trim(self._talk.tokens() // 2)
                    continue
                if not trouble.again or attempt >= self.task.max_attempts:
                    self._tell(trouble, attempt, None)
                    self._text = trouble.text
                    raise Ended("error") from None
                wait = wait_for(trouble, attempt, self._chance)
                self._tell(trouble, attempt, wait)
                await asyncio.sleep(wait)
                continue
            self._heard(reply)
            return reply

    def _arriving(self, tokens: int) -> None:
        self._journal.write("usage", stream=True, out=tokens)

    def _tell(self, trouble: Trouble, attempt: int, wait: float | None) -> None:
        self._journal.write(
            "api_error",
            status=trouble.status,
            type=trouble.kind,
            text=trouble.text,
            retry_in=wait,
            attempt=attempt,
            max_attempts=self.task.max_attempts,
            final=wait is None,
        )

    def _heard(self, reply: Reply) -> None:
        # What it cost comes first: a log that ends here has counted it.
        counted = reply.counted
        if counted is None:
            self._journal.note(f"the server of {self.model.name} tells no usage: its tokens are not counted")
            self._talk.answered(reply.message(), None, None)
        else:
            self._talk.answered(reply.message(), counted.prompt, counted.tokens.output)
            self._journal.write("usage", **self._usage(reply, counted.tokens))
        if reply.text or not reply.calls:
            # A turn without calls may go on: only its end is told as one.
            over = not reply.calls and self.owned and not self.queue
            reason = "end_turn" if over else "tool_use" if reply.calls else None
            self._text = reply.text or self._text
            self._journal.write("assistant_text", text=reply.text, stop_reason=reason, msg=f"m{self._requests}")

    def _usage(self, reply: Reply, tokens: Tokens) -> dict[str, object]:
        return {
            "id": self._unique(reply.id),
            "model": self.model.name,
            "input": tokens.input,
            "cache_read": tokens.cache_read,
            "cache_write": tokens.cache_write,
            "cache_write_1h": tokens.cache_write_1h or None,
            "output": tokens.output,
            "reasoning": tokens.reasoning,
            "cost": self.money.pay(self.model.name, tokens),
        }

    def _unique(self, name: str) -> str:
        """A response's id: the server's, unless it gives one to several."""
        name = name or f"response-{self._requests}"
        if name in self._ids:
            name = f"{name[:100]}-{self._requests}"
        self._ids.add(name)
        return name

    def _trim(self, aim: int | None) -> None:
        before, after = self._talk.trim(aim)
        if after < before:
            self._journal.write("compact_start", pre_tokens=before)
            self._journal.write("compact", pre_tokens=before, post_tokens=after)

    # --- tools --------------------------------------------------------------------------------------------

    async def _carry_out(self, reply: Reply) -> None:
        """Do what was asked, one after the other; `done` last."""
        finished: Call | None = None
        for number, call in enumerate(reply.calls):
            self._calls += 1
            name = f"c{self._calls}"
            if number >= MAX_CALLS:
                self._talk.result(call.id, UNTAKEN)
                continue
            args: Any = call.arguments if call.arguments is not None else call.written
            self._journal.write("tool_call", id=name, tool=call.tool, args=args, msg=f"m{self._requests}")
            try:
                if call.tool == DONE and call.arguments is not None:
                    result, finished = Result("noted"), call
                elif call.tool == ASK and call.arguments is not None:
                    result = await self._ask(name, call)
                else:
                    result = await self._tools.do(call)
            except asyncio.CancelledError:
                self._journal.write("tool_result", id=name, ok=False, text=INTERRUPTED)
                raise
            self._journal.write("tool_result", id=name, ok=result.ok, text=result.text)
            if result.changed is not None:
                self._journal.write("file_change", path=result.changed[0], hash=result.changed[1])
            self._talk.result(call.id, result.text)
        if finished is not None and not self.queue:
            self._text = text_in(finished, "summary") or self._text
            self._journal.write("assistant_text", text=self._text, stop_reason="end_turn")
            raise Ended("done")

    async def _ask(self, name: str, call: Call) -> Result:
        """Ask the person; where nobody listens, say so to the model."""
        question = text_in(call, "question")
        if not question.strip():
            return Result("`question` is missing, or no text", False)
        if not self.owned:
            return Result(NOBODY, False)
        self._journal.write("hook", name="ask_user", type="elicitation_dialog", text=question)
        answer = self.asks[name] = asyncio.get_running_loop().create_future()
        self._speaker.say(asked=name, tool=ASK, what={"question": question}, words=question)
        decision = "gone"
        try:
            allow, words = await answer
            decision = "allowed" if allow else "denied"
        finally:
            self.asks.pop(name, None)
            self._speaker.say(settled=name, decision=decision)
        if allow:
            return Result(words or "Yes.")
        return Result(f"No. {words}" if words else "No. Go on without it.", False)

    @property
    def last_words(self) -> str:
        """Its summary, or what went wrong."""
        return self._text
