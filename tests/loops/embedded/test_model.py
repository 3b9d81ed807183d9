"""Real calls through litellm, real edits and tests in real repositories."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.loops.embedded import provider
from orchestrator_tui.loops.embedded.misbehaviour import musings
from orchestrator_tui.loops.embedded.search import run as shell
from tests.loops.embedded.agent import ask, work
from tests.loops.embedded.conftest import MadeRepo

pytestmark = pytest.mark.usefixtures("model")


@pytest.mark.parametrize("kind", ["comparison", "rename", "docs", "function", "parts"])
async def test_the_small_model_solves_what_it_should(repo: MadeRepo, kind: str) -> None:
    made = repo(kind)
    assert not shell(made.check, made.directory)[0]
    run = await work(made.directory, made.task)
    assert run.done and shell(made.check, made.directory)[0]
    changed = shell("git diff --name-only", made.directory)[1]
    assert changed and ("tests/" not in changed or kind == "rename")
    assert run.finishes == ["tool_calls"] * len(run.texts)
    assert set(run.models) == {"embedded/small"} and len(set(run.ids)) == len(run.texts)


@pytest.mark.parametrize("kind", ["boundary", "two-files"])
async def test_the_large_one_solves_what_the_small_one_leaves_stuck(repo: MadeRepo, kind: str) -> None:
    """The conversation goes on with the large model, as an escalation does."""
    made = repo(kind)
    stuck = await work(made.directory, made.task, most=12)
    assert not stuck.done and not shell(made.check, made.directory)[0]
    assert sum(name == "edit" for name, _ in stuck.calls) >= 1
    note = {"role": "user", "content": "You are a larger model now. Eight edits did not help."}
    run = await work(made.directory, "", "embedded/large", messages=[*stuck.messages, note])
    assert run.done and shell(made.check, made.directory)[0]


async def test_the_large_one_takes_back_what_was_committed_in_vain(repo: MadeRepo) -> None:
    made = repo("boundary", 1)
    await work(made.directory, made.task, most=7)
    assert shell("git commit -qam 'iteration 1'", made.directory)[0]
    run = await work(made.directory, made.task, "embedded/large")
    assert run.done and shell(made.check, made.directory)[0]


async def test_the_same_seed_gives_the_same_conversation(repo: MadeRepo, tmp_path: Path) -> None:
    made = repo("twin")
    shutil.copytree(made.directory, tmp_path / "again")
    one, two = await work(made.directory, made.task), await work(tmp_path / "again", made.task)
    assert one.texts == two.texts and one.calls == two.calls
    assert not set(one.ids) & set(two.ids)


async def test_usage_is_what_was_sent(repo: MadeRepo) -> None:
    made = repo("comparison")
    run = await work(made.directory, made.task)
    for before, usage in zip([None, *run.usages], run.usages, strict=False):
        assert usage["read"] == usage["read2"] and usage["write"] == usage["write2"]
        assert usage["read"] + usage["write"] in (0, usage["prompt"])
        if before and before["prompt"] >= 1024:
            assert usage["read"] == before["prompt"]
    assert sum(usage["read"] for usage in run.usages)
    said = sum(len(text) for text in run.texts) + sum(len(name) + len(str(args)) for name, args in run.calls)
    assert abs(4 * sum(usage["output"] for usage in run.usages) - said) < 0.1 * said + 4 * len(run.texts)


async def test_loop_ends_with_a_word(repo: MadeRepo) -> None:
    made = repo("comparison", directive="[[embedded: loop]]")
    run = await work(made.directory, made.task, most=8)
    assert len({str(call) for call in run.calls[-4:]}) == 1 and not run.done
    told = {"role": "user", "content": "Stop that, look at the code."}
    run = await work(made.directory, "", messages=[*run.messages, told])
    assert run.done and run.texts[0].startswith("Noted: Stop that") and shell(made.check, made.directory)[0]


async def test_only_for_one_size(repo: MadeRepo) -> None:
    made = repo("comparison", directive="[[embedded: loop only=small]]")
    assert (await work(made.directory, made.task, "embedded/large")).done


async def test_spin_edits_anew_and_cleans_up(repo: MadeRepo) -> None:
    made = repo("comparison", directive="[[embedded: spin times=3]]")
    run = await work(made.directory, made.task)
    edits = [
        args["command"]
        for name, args in run.calls
        if "# attempt" in args.get("command", "") and "printf" in args["command"]
    ]
    assert len(set(edits)) == 3
    assert run.done and shell(made.check, made.directory)[0]
    assert "# attempt" not in "".join(path.read_text() for path in made.directory.glob("*.py"))


async def test_paraphrase_and_chatter(repo: MadeRepo) -> None:
    made = repo("comparison", directive="[[embedded: paraphrase after=0 times=9]]\n[[embedded: chatter times=4]]")
    run = await work(made.directory, made.task)
    commands = [args["command"] for name, args in run.calls[:9]]
    assert len(set(commands)) == 9 and run.done
    assert run.finishes.count("stop") == 4


async def test_ask_sleep_fill_overspend_claim(repo: MadeRepo) -> None:
    lines = ["ask", "sleep seconds=0.2", "fill times=2 characters=8000 after=0", "overspend tokens=500 times=2"]
    made = repo("comparison", directive="\n".join(f"[[embedded: {line}]]" for line in lines))
    run = await work(made.directory, made.task)
    assert run.done and shell(made.check, made.directory)[0]
    assert [name for name, _ in run.calls].count("ask") == 1
    assert "built" in "".join(run.results) and max(map(len, run.results)) > 5000
    assert sum(usage["output"] >= 500 for usage in run.usages) == 2
    made = repo("comparison", directive="[[embedded: claim]]", name="claimed")
    run = await work(made.directory, made.task)
    assert run.done and len(run.texts) == 1 and "pass" in run.texts[0]


async def test_refusals_are_litellms_own() -> None:
    import litellm

    def asked(line: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": f"Fix it. [[embedded: {line}]]"}]

    limited = asked("rate-limit after=0 times=2 seconds=7")
    for _ in range(2):
        with pytest.raises(litellm.RateLimitError) as caught:
            await ask(limited, "embedded/small")
        assert caught.value.status_code == 429 and caught.value.response.headers["retry-after"] == "7"
    assert (await ask(limited, "embedded/small"))[0]["tool_calls"]
    for kind, error in (
        ("auth", litellm.AuthenticationError), ("overload", litellm.ServiceUnavailableError),
        ("request", litellm.BadRequestError), ("context", litellm.ContextWindowExceededError),
    ):  # fmt: skip
        with pytest.raises(error):
            await ask(asked(f"error kind={kind} after=0"), "embedded/small")


async def test_a_stall_hangs_once_and_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, hung = provider._hang, asyncio.Event()

    def seen(*asked: Any) -> tuple[float, bool] | None:
        found = hangs(*asked)
        if found is not None:
            hung.set()
        return found

    monkeypatch.setattr(provider, "_hang", seen)
    for how, pieces in (("", 0), (" midway=1", 1)):
        messages = [{"role": "user", "content": f"Fix it. [[embedded: stall after=0{how}]]"}]
        hung.clear()
        stalled = asyncio.create_task(ask(messages, "embedded/small"))
        await asyncio.wait_for(hung.wait(), 60)
        await asyncio.sleep(0)
        stalled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stalled
        message, extra = await ask(messages, "embedded/small")
        assert message["tool_calls"] and extra["pieces"] > pieces


async def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORC_EMBEDDED_PACE", "0.5")
    start = time.monotonic()
    await ask([{"role": "user", "content": "Fix it."}], "embedded/small")
    assert time.monotonic() - start >= 0.25
    monkeypatch.setenv("ORC_EMBEDDED_PACE", "nonsense")
    await ask([{"role": "user", "content": "Fix it."}], "embedded/small")


async def test_odd_conversations() -> None:
    """Whatever stands in a conversation, there is an answer."""
    call = {"id": "a", "type": "function", "function": {"name": "bash", "arguments": "{not json"}}
    for messages in (
        [{"role": "user", "content": ""}],
        [{"role": "system", "content": "x"}],
        [{"role": "user", "content": [{"type": "text", "text": "Fix \ud800 it \x00"}]}],
        [{"role": "user", "content": "Fix it"}, {"role": "assistant", "content": None, "tool_calls": [call]}],
        [{"role": "user", "content": "[[embedded: loop times=x]] [[embedded: nothing]] [[embedded: spin after=-1]]"}],
    ):
        message, _ = await ask(messages, "embedded/large")
        assert message["content"]


def test_musings_are_as_long_as_asked() -> None:
    import random

    assert len(musings(random.Random(1), 4000)) == 4000
