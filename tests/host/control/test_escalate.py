"""Escalate, step down, use: in place, anew, as a fork; refused; and which model really answered."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.driving import Task
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.fleet.note import TURN
from orchestrator_tui.host.control.models import escalate as verbs
from orchestrator_tui.host.control.models import used
from orchestrator_tui.host.control.order import Failed, Order, Refused
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths

HAIKU, SONNET, OPUS = "claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8"
LADDER: ev.Settings = {
    "ladder/claude": f"{HAIKU},{SONNET},{OPUS}",
    "ladder/codex": "gpt-5.1-codex-mini,gpt-5.1-codex",
    "ladder/opencode": "mock/small,mock/large",
}
UUID = "11111111-2222-4333-8444-555555555555"
NAME = f"claude:{UUID}"


class StandIn:
    """An owned session's channel, and the host's `owned`: writes down what is asked of them."""

    def __init__(self, host: Host, session: str) -> None:
        self.host, self.session = host, session
        self.did: list[tuple[object, ...]] = []
        self.refuses: set[str] = set()
        self.live = True
        self.answers: str | None = None
        """The model whose response follows on what is said; None: none comes."""
        self.started: list[tuple[str, Task, dict[str, object]]] = []

    def channel(self, session: str) -> StandIn | None:
        return self if self.live and session == self.session else None

    def _may(self, what: str) -> None:
        if what in self.refuses:
            raise Failed(f"the client cannot {what}")

    async def interrupt(self) -> None:
        self.did.append(("interrupt",))
        self._may("interrupt")
        await self.host.note([(self.session, ev.TurnEnded())])

    async def use(self, model: str | None, effort: str | None) -> None:
        self.did.append(("use", model, effort))
        self._may("use")

    async def say(self, text: str) -> None:
        self.did.append(("say", text))
        self._may("say")
        await respond(self.host, self.session, self.answers)

    async def start(self, client: str, task: Task, **more: object) -> str:
        self.started.append((client, task, more))
        self._may("fork" if task.fork else "resume")
        session = f"{client}:fork" if task.fork else self.session
        if task.fork:
            await self.host.note([(session, ev.SessionUpdated(client=client, owned=True))])
            asyncio.get_running_loop().call_later(
                0.05, lambda: self.host.start(respond(self.host, session, self.answers))
            )
        else:
            await respond(self.host, session, self.answers)
        return session


async def respond(host: Host, session: str, model: str | None) -> None:
    if model is not None:
        await host.note([(session, ev.Usage(model=model, tokens=ev.Tokens(input=10, output=10), cost=10**7))])


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setattr(used, "ANSWER_SECONDS", 2.0)
    monkeypatch.setattr(used, "FOLLOW_SECONDS", 2.0)
    monkeypatch.setattr(verbs, "STOP_SECONDS", 1.0)
    for client in ("claude", "codex"):
        program = tmp_path / "bin" / client
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    async with opened(Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r"), Config(), SystemClock()) as made:
        await made.note([(None, ev.Beat()), (None, ev.SettingsChanged(settings=LADDER))])
        yield made
        for task in list(made._tasks):
            task.cancel()


async def begun(host: Host, tmp_path: Path, name: str = NAME, model: str | None = SONNET, **facts: Any) -> StandIn:
    """A session that has answered once, and how it is spoken to."""
    facts = {"cwd": str(tmp_path), "owned": True, **facts}
    await host.note([(name, ev.SessionUpdated(client=name.partition(":")[0], **facts)), (name, ev.TurnStarted())])
    await respond(host, name, model)
    await host.note([(name, ev.TurnEnded())])
    stand_in = StandIn(host, name)
    host.owned = stand_in  # type: ignore[assignment]
    return stand_in


async def run(host: Host, verb: str, name: str = NAME, **arguments: str | float | bool | None) -> ev.Facts:
    request = ev.CommandRequested("c1", verb, {"session": name, **arguments})
    await host.note([(None, request)])
    order = Order(host, request, host.fleet.sessions.get(name))
    known: dict[str, Callable[[Order], Any]] = {
        "escalate": verbs.escalate, "stepdown": verbs.stepdown, "use": verbs.use,
    }  # fmt: skip
    receipt: ev.Facts = await known[verb](order)
    return receipt


def told(host: Host) -> list[str]:
    """The types of what was appended, in their order."""
    return [type(event.body).__name__ for event in host.reader.tail(0)]


def wanted(host: Host, name: str = NAME) -> ev.ModelRequested:
    asked = host.fleet.sessions[name].steering.requested
    assert asked is not None
    return asked.wanted


# --- in place -------------------------------------------------------------------------------------------------


async def test_an_idle_session_goes_up_in_place_and_is_told_why(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.answers = OPUS
    receipt = await run(host, "escalate")
    assert [one[0] for one in at.did] == ["use", "say"]
    assert at.did[0] == ("use", OPUS, None)
    assert str(at.did[1][1]).endswith(TURN)
    assert (receipt["how"], receipt["asked_model"], receipt["used_model"], receipt["remapped"], receipt["words"]) == (
        "in place", OPUS, OPUS, False, "",
    )  # fmt: skip
    assert "$3/$15 -> $5/$25 per Mtok" in str(receipt["price"])
    order = [one for one in told(host) if one.startswith(("Command", "Model"))]
    assert order == ["CommandRequested", "CommandStarted", "CommandCommitted", "ModelRequested"]
    assert (wanted(host).direction, wanted(host).previous, wanted(host).note) == ("up", SONNET, at.did[1][1])


async def test_a_loop_is_interrupted_and_a_working_turn_of_claude_is_not(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.answers = OPUS
    await host.note([(NAME, ev.TurnStarted())])
    assert (await run(host, "escalate"))["interrupted"] is False
    await host.note([(NAME, ev.TurnStarted())])
    at.did.clear()
    await respond(host, NAME, SONNET)
    from orchestrator_tui.fleet.status import Status

    host.alarming.judge.statuses[NAME] = Status("looping", "red", 0, "same call 4x: pytest -q")
    receipt = await run(host, "escalate")
    assert [one[0] for one in at.did] == ["interrupt", "use", "say"]
    assert "same call 4x: pytest -q" in str(at.did[2][1])
    assert receipt["interrupted"] is True


async def test_what_changes_with_the_turn_only_is_interrupted_and_told_to_go_on(host: Host, tmp_path: Path) -> None:
    name = f"codex:{UUID}"
    at = await begun(host, tmp_path, name, "gpt-5.1-codex")
    at.answers = "gpt-5.1-codex-mini"
    await host.note([(name, ev.TurnStarted())])
    receipt = await run(host, "stepdown", name)
    assert [one[0] for one in at.did] == ["interrupt", "use", "say"]
    assert (receipt["interrupted"], receipt["used_model"]) == (True, "gpt-5.1-codex-mini")


async def test_an_idle_session_steps_down_without_a_paid_turn(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    receipt = await run(host, "stepdown")
    assert at.did == [("use", HAIKU, None)]
    assert (receipt["used_model"], receipt["words"]) == (None, f"{HAIKU} from its next turn on")
    at.did.clear()
    await run(host, "escalate", note="")
    assert at.did == [("use", OPUS, None)]


async def test_a_note_of_the_persons_is_said_as_it_is(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.answers = "claude-opus-4-9"
    note = "--help $(id) `id`; touch x\n--dangerously-skip-permissions"
    receipt = await run(host, "use", model="opus-4-9", effort="high", note=note)
    assert at.did == [("use", "claude-opus-4-9", "high"), ("say", note)]
    assert receipt["used_model"] == "claude-opus-4-9"


async def test_a_silent_change_of_name_is_told(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.answers = OPUS
    receipt = await run(host, "use", model="claude-opus-4-1", note="go on")
    assert (receipt["used_model"], receipt["remapped"]) == (OPUS, True)
    assert receipt["words"] == f"asked for claude-opus-4-1, {OPUS} answered"


async def test_the_answer_that_was_under_way_counts_for_neither(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.answers = SONNET
    await host.note([(NAME, ev.TurnStarted())])
    asyncio.get_running_loop().call_later(0.3, lambda: host.start(respond(host, NAME, OPUS)))
    receipt = await run(host, "escalate")
    assert (receipt["used_model"], receipt["remapped"]) == (OPUS, False)


async def test_the_old_model_again_is_told_in_the_end(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.answers = SONNET
    receipt = await run(host, "escalate")
    assert (receipt["used_model"], receipt["words"]) == (None, "no answer yet after 2 s")
    # The search goes on beside the loop.
    await asyncio.gather(*host._tasks)
    (followed,) = [e.body for e in host.reader.tail(0) if isinstance(e.body, ev.CommandFollowed)]
    assert followed.receipt == {"used_model": SONNET, "remapped": True, "words": f"asked for {OPUS}, {SONNET} answered"}


# --- anew -----------------------------------------------------------------------------------------------------


async def test_a_session_without_a_process_is_brought_back_on_the_other_model(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.live, at.answers = False, OPUS
    receipt = await run(host, "escalate", note="try again", cap_usd=2.5)
    ((client, task, more),) = at.started
    assert (client, more) == ("claude", {})
    assert (task.prompt, task.model, task.resume, task.fork, task.cwd) == (
        "try again",
        OPUS,
        UUID,
        False,
        str(tmp_path),
    )
    assert (receipt["how"], receipt["used_model"], receipt["cap_usd"]) == ("stopped and resumed", OPUS, 2.5)
    assert wanted(host).cap_usd == 2.5


async def test_a_channel_that_refuses_leads_to_a_stop_and_a_new_start(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await begun(host, tmp_path)
    at.refuses, at.answers = {"use"}, OPUS
    stopped = []

    async def stop(order: Order, target: object) -> ev.Facts:
        stopped.append(order.committed)
        at.live = False
        return {"survived": ["77 sleep 60 (not ours)"]}

    monkeypatch.setattr(verbs, "_stop", stop)
    receipt = await run(host, "escalate", note="")
    assert stopped == [True]
    assert at.started[0][1].prompt == ""
    assert (receipt["not_in_place"], receipt["survived"]) == ("the client cannot use", ["77 sleep 60 (not ours)"])


async def test_a_client_that_would_not_end_is_forked_never_written_twice(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await begun(host, tmp_path)
    at.live, at.answers = False, OPUS
    me = host.processes.table.stat(os.getpid())
    assert me is not None
    await host.note([(NAME, ev.ProcessObserved(pid=os.getpid(), started=me.started))])

    async def stop(order: Order, target: object) -> ev.Facts:
        return {"survived": ["it would not end"]}

    monkeypatch.setattr(verbs, "_stop", stop)
    receipt = await run(host, "escalate")
    ((_, task, more),) = at.started
    assert (task.fork, task.resume, more) == (True, UUID, {"parent": NAME, "relation": "escalation"})
    assert (receipt["how"], receipt["fork"], receipt["used_model"]) == ("forked", "claude:fork", OPUS)
    assert wanted(host, "claude:fork").model == OPUS
    assert host.fleet.sessions[NAME].steering.requested is None


async def test_a_thread_that_codex_still_holds_is_forked(host: Host, tmp_path: Path) -> None:
    name = f"codex:{UUID}"
    at = await begun(host, tmp_path, name, "gpt-5.1-codex-mini")
    at.live, at.answers, at.refuses = False, "gpt-5.1-codex", {"resume"}
    receipt = await run(host, "escalate", name)
    assert [task.fork for _, task, _ in at.started] == [False, True]
    assert (receipt["how"], receipt["not_resumed"]) == ("forked", "the client cannot resume")
    at.refuses = {"resume", "fork"}
    with pytest.raises(Failed, match=r"could not be brought back on gpt-5.1-codex: the client cannot fork"):
        await run(host, "escalate", name)


async def test_nothing_is_stopped_that_could_not_be_started_again(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await begun(host, tmp_path)
    with pytest.raises(Refused, match="has no effort 'ultra'"):
        await run(host, "use", effort="ultra")
    at.live = False
    monkeypatch.setenv("PATH", "/no/such/place")
    with pytest.raises(Refused, match="no program claude"):
        await run(host, "escalate")
    assert at.did == at.started == []
    assert "CommandStarted" not in told(host)


async def test_what_is_idle_is_brought_back_without_a_paid_turn(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.live = False
    receipt = await run(host, "stepdown")
    assert [task.prompt for _, task, _ in at.started] == [""]
    assert receipt["words"] == f"{HAIKU} from its next turn on"


def test_who_has_a_thread_open_is_read_from_the_kernel(tmp_path: Path) -> None:
    lock = tmp_path / "thread-writer-locks" / f"{UUID}.lock"
    lock.parent.mkdir()
    assert not verbs.has_writer([tmp_path], UUID)
    with lock.open("w") as file:
        assert not verbs.has_writer([tmp_path], UUID)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert verbs.has_writer([tmp_path / "elsewhere", tmp_path], UUID)
    assert not verbs.has_writer([tmp_path], UUID)


# --- refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("use", {}, "which model is not said"),
        ("use", {"model": "--help"}, "is no model's name"),
        ("use", {"model": "a\nb"}, "is no model's name"),
        ("use", {"model": "$(id)"}, "is no model's name"),
        ("use", {"model": OPUS, "effort": "--yolo"}, "is no effort"),
        ("use", {"model": SONNET}, "runs claude-sonnet-4-6 already"),
        ("escalate", {"cap_usd": 0}, "a cap is dollars"),
        ("escalate", {"cap_usd": float("nan")}, "a cap is dollars"),
        ("escalate", {"note": "a\0b"}, "without NUL"),
        ("escalate", {"note": "a" * 20_000}, "at most"),
        ("use", {"model": "claude-nova-9", "cap_usd": 1.0}, "has no price"),
    ],
)
async def test_a_request_that_makes_no_sense_touches_nothing(
    host: Host, tmp_path: Path, verb: str, arguments: dict[str, str | float], words: str
) -> None:
    at = await begun(host, tmp_path)
    with pytest.raises(Refused, match=words):
        await run(host, verb, **arguments)
    assert at.did == at.started == []
    assert "CommandStarted" not in told(host)


async def test_a_session_that_cannot_change_is_refused(host: Host, tmp_path: Path) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        (f"{NAME}/agent", {"parent": NAME, "relation": "subagent"}, f"name {NAME}"),
        ("log:x", {}, "cannot choose the model of a log session"),
        ("claude:--help", {}, "no id that can be handed"),
        ("claude:nowhere", {"cwd": "/no/such/directory"}, "its directory is gone"),
        ("claude:relative", {"cwd": "here"}, "its directory is gone"),
        ("claude:top", {"model": OPUS}, "no rung above"),
        ("claude:odd", {"model": "kimi-k2"}, r"\[ladder\] claude"),
        ("claude:new", {"model": None}, "not known yet"),
    ]
    for name, facts, words in cases:
        model = facts.pop("model", SONNET)
        at = await begun(host, tmp_path, name, model, **facts)
        with pytest.raises(Refused, match=words):
            await run(host, "escalate", name)
        assert at.did == at.started == []
    at = await begun(host, tmp_path)
    await host.note([(NAME, ev.ProcessObserved(pid=4_000_000, started=1, stopped=True))])
    with pytest.raises(Refused, match="paused"):
        await run(host, "escalate")
    await host.note([("claude:big", ev.Usage(model=SONNET, tokens=ev.Tokens(input=300_000)))])
    at = await begun(host, tmp_path, "claude:big", None)
    with pytest.raises(Refused, match="too small for them; have it compact"):
        await run(host, "stepdown", "claude:big")
    assert at.did == []


async def test_what_it_runs_now_is_told_when_it_could_not_be_told_to_go_on(host: Host, tmp_path: Path) -> None:
    at = await begun(host, tmp_path)
    at.refuses = {"say"}
    with pytest.raises(Failed, match=f"on {OPUS} now, but could not be told") as why:
        await run(host, "escalate")
    assert why.value.receipt["asked_model"] == OPUS
