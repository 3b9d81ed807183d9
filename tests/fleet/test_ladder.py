"""Ladders by the person's settings, by families and prices; steps, and what they cost."""

from __future__ import annotations

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.ladder import NoRung, Step, down, effort_of, rung_of, rungs, same_model, up, use
from orchestrator_tui.fleet.prices import PriceTable, Source
from orchestrator_tui.fleet.prices.rates import LOCAL, Rates, Sheet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.steering import Requested
from orchestrator_tui.host.price_files import load

BILLION = 1_000_000_000
PRICES = {
    "claude-3-5-haiku-20241022": (0.8, 4), "claude-haiku-4-5": (1, 5), "claude-haiku-4-5-20251001": (1, 5),
    "claude-sonnet-4-20250514": (3, 15), "claude-sonnet-4-5": (3, 15), "claude-sonnet-4-6": (3, 15),
    "claude-opus-4-1": (15, 75), "claude-opus-4-8": (5, 25), "claude-fable-5": (10, 50),
    "gpt-5.1": (1.25, 10), "gpt-5.1-codex": (1.25, 10), "gpt-5.1-codex-max": (1.25, 10), "gpt-5.1-codex-mini": (0.25, 2),
    "gpt-5.4-mini": (0.75, 4.5), "gpt-5.4-nano": (0.2, 1.25), "gpt-5.4-pro": (30, 180), "gpt-5.5": (5, 30),
    "gpt-5.6-luna": (0.2, 1.2), "gpt-5.6-terra": (2, 12), "gpt-5.6-sol": (4, 20), "gpt-5.6": (4, 20),
    "gpt-6-luna": (0.1, 0.5), "gpt-6.1-sol": (2, 10),
    "gemini-2.5-flash-lite": (0.1, 0.4), "gemini-2.5-flash": (0.3, 2.5), "gemini-3.8-flash": (0.75, 3.75),
    "gemini-2.5-pro": (1.25, 10), "gemini-3.1-pro-preview": (2, 12), "gemini-2.5-pro-preview-tts": (1, 20),
}  # fmt: skip


def priced(name: str, into: float, out: float) -> Rates:
    claude = name.startswith("claude")
    write = round(into * 1.25 * BILLION) if claude else None
    sheet = Sheet(input=round(into * BILLION), output=round(out * BILLION), cache_write=write)
    wide = {"claude-sonnet-4-6", "claude-opus-4-8"}
    window = 1_000_000 if name in wide else 200_000 if claude else 400_000
    return Rates((sheet,), provider="anthropic" if claude else "openai", window=window)


TABLE = PriceTable([[Source("t", {**{n: priced(n, *p) for n, p in PRICES.items()}, "ollama/qwen": LOCAL})]])


def session(client: str, model: str | None, context: int | None = 143_000, effort: str | None = None) -> Session:
    return Session(f"{client}:s", 0, 0, 0, client=client, model=model, context_tokens=context, effort=effort)


def to(step: Step) -> str:
    return f"{step.to} {step.effort}" if step.effort else step.to


@pytest.mark.parametrize(
    ("client", "model", "above", "below"),
    [
        ("claude", "claude-haiku-4-5-20251001", "claude-sonnet-4-6", None),
        ("claude", "claude-3-5-haiku-20241022", "claude-sonnet-4-6", None),
        ("claude", "claude-sonnet-4-5", "claude-opus-4-8", "claude-haiku-4-5"),
        ("claude", "claude-sonnet-4-6[1m]", "claude-opus-4-8[1m]", "claude-haiku-4-5"),
        ("claude", "claude-opus-4-1", None, "claude-sonnet-4-6"),
        ("claude", "claude-fable-5", None, "claude-opus-4-8"),
        ("codex", "gpt-5.1-codex-mini", "gpt-5.1-codex medium", None),
        ("codex", "gpt-5.1-codex", "gpt-5.1-codex high", "gpt-5.1-codex-mini"),
        ("codex", "gpt-5.6-luna", "gpt-5.6-terra", None),
        ("codex", "gpt-5.6-terra", "gpt-5.6-sol medium", "gpt-5.6-luna"),
        ("codex", "gpt-6.1-sol", "gpt-6.1-sol high", "gpt-6-luna"),
        ("codex", "gpt-5.5", "gpt-5.5 high", "gpt-5.4-mini"),
        ("gemini", "gemini-2.5-flash-lite", "gemini-3.8-flash", None),
        ("gemini", "gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-2.5-flash-lite"),
        ("gemini", "gemini-2.5-pro", None, "gemini-3.8-flash"),
        ("opencode", "claude-sonnet-4-6", "anthropic/claude-opus-4-8", "anthropic/claude-haiku-4-5"),
        ("opencode", "openai/gpt-5.6-terra", "openai/gpt-5.6-sol", "openai/gpt-5.6-luna"),
    ],
)
def test_the_next_rungs_by_family_and_price(client: str, model: str, above: str | None, below: str | None) -> None:
    for step, wanted in ((up, above), (down, below)):
        if wanted is None:
            with pytest.raises(NoRung, match="no rung"):
                step(session(client, model), {}, TABLE)
        else:
            assert to(step(session(client, model), {}, TABLE)) == wanted


@pytest.mark.parametrize(
    ("client", "model"),
    [
        ("claude", "kimi-k2"), ("claude", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ("claude", "gpt-5.5"),
        ("claude", "claude-opus-4-5@20251101"), ("claude", "<synthetic>"), ("claude", "opus"),
        ("codex", "gpt-daybreak-blue-latest"), ("codex", "claude-opus-4-8"), ("gemini", "gemini-4-argon"),
        ("opencode", "opencode/claude-sonnet-4-6"), ("opencode", "mock/mock-small"), ("log", "claude-opus-4-8"),
        ("claude", "--dangerously-skip-permissions"), ("claude", "$(id)"), ("claude", "a\nb"), ("claude", "x" * 5000),
    ],
)  # fmt: skip
def test_a_model_whose_place_is_unknown_gets_no_guess(client: str, model: str) -> None:
    for step in (up, down):
        with pytest.raises(NoRung, match=rf"\[ladder\] {client} = ") as why:
            step(session(client, model), {}, TABLE)
        assert "\n" not in str(why.value) and len(str(why.value)) < 400


def test_a_session_without_an_answer_has_no_place() -> None:
    with pytest.raises(NoRung, match="not known yet"):
        up(session("claude", None), {}, TABLE)


def test_the_persons_ladder() -> None:
    settings: ev.Settings = {"ladder/claude": "haiku-4-5, sonnet-4-6, claude-opus-4-8, claude-opus-4-8 max"}
    ladder = rungs("claude", "anything", settings, TABLE)
    assert [(r.model, r.effort, r.price) for r in ladder] == [
        ("claude-haiku-4-5", None, "$1/$5"),
        ("claude-sonnet-4-6", None, "$3/$15"),
        ("claude-opus-4-8", None, "$5/$25"),
        ("claude-opus-4-8", "max", "$5/$25"),
    ]
    assert [rung_of(ladder, m) for m in ("claude-haiku-4-5-20251001", "claude-sonnet-4-5", "claude-opus-4-8[1m]")] == [
        0,
        1,
        2,
    ]
    assert rung_of(ladder, "claude-opus-4-8", "max") == 3
    assert rung_of(ladder, "grok-4") is None
    assert to(up(session("claude", "claude-opus-4-8"), settings, TABLE)) == "claude-opus-4-8 max"
    # A family that the ladder leaves out has its place between the others.
    two: ev.Settings = {"ladder/claude": "haiku-4-5,opus-4-8"}
    assert to(up(session("claude", "claude-sonnet-4-6"), two, TABLE)) == "claude-opus-4-8"
    assert to(down(session("claude", "claude-sonnet-4-6"), two, TABLE)) == "claude-haiku-4-5"
    high = session("claude", "claude-opus-4-8", effort="max")
    assert to(down(high, settings, TABLE)) == "claude-opus-4-8 medium"
    opencode: ev.Settings = {"ladder/opencode": "mock/mock-small,mock/mock-large"}
    assert to(up(session("opencode", "mock/mock-small"), opencode, TABLE)) == "mock/mock-large"
    aliases: ev.Settings = {"ladder/claude": "haiku,sonnet,opus"}
    assert to(up(session("claude", "claude-sonnet-4-6"), aliases, TABLE)) == "opus"


@pytest.mark.parametrize("text", ["a b c", "--help", "$(id)", "a;b", "sonnet-4-6 --yes", "mock-small"])
def test_a_ladder_that_is_none_says_so(text: str) -> None:
    with pytest.raises(NoRung):
        rungs("opencode", "x", {"ladder/opencode": text}, TABLE)


def test_what_a_step_costs() -> None:
    step = up(session("claude", "claude-sonnet-4-6"), {}, TABLE)
    assert step.words == (
        "claude-sonnet-4-6 -> claude-opus-4-8: $3/$15 -> $5/$25 per Mtok; re-reading 143k tokens costs $0.89"
    )
    assert step.reread_usd == pytest.approx(143_000 * 6.25e-6)
    assert (step.frm, step.to, step.effort, step.direction, step.fits) == (
        "claude-sonnet-4-6", "claude-opus-4-8", None, "up", True,
    )  # fmt: skip
    unknown = use(session("claude", "claude-sonnet-4-6"), "claude-nova-9", None, {}, TABLE)
    assert unknown.words.endswith("$3/$15 -> ? per Mtok; re-reading 143k tokens costs ?")
    assert unknown.reread_usd is None
    local = use(session("opencode", "mock/m"), "ollama/qwen", None, {}, TABLE)
    assert (local.reread_usd, local.words) == (
        0.0, "mock/m -> ollama/qwen: ? -> $0/$0 per Mtok; re-reading 143k tokens costs $0.00",
    )  # fmt: skip
    effort = up(session("codex", "gpt-5.1-codex", effort="medium"), {}, TABLE)
    assert effort.words == "gpt-5.1-codex: effort medium -> high, $1.25/$10 per Mtok"
    assert "re-reading" not in up(session("claude", "claude-sonnet-4-6", None), {}, TABLE).words


def test_a_context_that_does_not_fit_is_told_and_a_wide_one_stays_wide() -> None:
    low = down(session("claude", "claude-sonnet-4-6", 350_000), {}, TABLE)
    assert (low.to, low.fits, low.window) == ("claude-haiku-4-5", False, 200_000)
    assert low.words.endswith("its window of 200k tokens is too small for them")
    high = up(session("claude", "claude-sonnet-4-6", 350_000), {}, TABLE)
    assert (high.to, high.fits) == ("claude-opus-4-8[1m]", True)


def escalated(model: str, wanted: ev.ModelRequested, answered: str | None, effort: str | None = None) -> Session:
    found = session(model.partition("-")[0].replace("gpt", "codex"), model, effort=effort)
    found.steering.requested = Requested(1, wanted, 0, answered)
    return found


def test_down_after_up_goes_back_to_where_it_came_from() -> None:
    up_ = ev.ModelRequested("claude-opus-4-8", "claude-sonnet-4-5", direction="up")
    assert to(down(escalated("claude-opus-4-8", up_, "claude-opus-4-8"), {}, TABLE)) == "claude-sonnet-4-5"
    assert to(down(escalated("claude-opus-4-8", up_, None), {}, TABLE)) == "claude-sonnet-4-6"
    hostile = ev.ModelRequested("claude-opus-4-8", "--dangerously-skip-permissions", direction="up")
    with pytest.raises(NoRung, match="no model's name"):
        down(escalated("claude-opus-4-8", hostile, "claude-opus-4-8"), {}, TABLE)
    effort = ev.ModelRequested("gpt-5.1-codex", "gpt-5.1-codex", "high", "up")
    after = escalated("gpt-5.1-codex", effort, "gpt-5.1-codex")
    assert effort_of(after) == "high"
    assert to(down(after, {}, TABLE)) == "gpt-5.1-codex medium"
    with pytest.raises(NoRung, match="no rung above"):
        up(after, {}, TABLE)


def test_up_is_never_less_effort() -> None:
    assert to(up(session("codex", "gpt-5.6-terra", effort="high"), {}, TABLE)) == "gpt-5.6-sol"
    with pytest.raises(NoRung, match="no rung above"):
        up(session("codex", "gpt-5.1-codex", effort="xhigh"), {}, TABLE)


@pytest.mark.parametrize(
    ("asked", "used", "same"),
    [
        ("claude-opus-4-8", "claude-opus-4-8[1m]", True), ("claude-opus-4-8", "claude-opus-4-8-20260101", True),
        ("anthropic/claude-opus-4-8", "claude-opus-4-8", True), ("opus", "claude-opus-4-8", True),
        ("opus[1m]", "claude-opus-4-8", True), ("claude-opus-4-1", "claude-opus-4-8", False),
        ("sonnet", "claude-opus-4-8", False), ("gpt-5.1-codex", "gpt-5.1-codex-2026-01-02", True),
        ("gpt-5.1-codex", "gpt-5.1-codex-mini", False), ("", "gpt-5.1", False), ("mock/a", "mock/a", True),
        ("mock/a", "mock/b", False), ("ollama/a", "a", False), (None, "a", False), ("a", None, False),
        ("google/gemini-3.8-flash", "gemini-3.8-flash", True), ("github-copilot/claude-opus-4.8", "claude-opus-4-8", True),
    ],
)  # fmt: skip
def test_two_names_of_one_model(asked: str | None, used: str | None, same: bool) -> None:
    assert same_model(asked, used) is same


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("--help", None), ("-c", None), ("a b", None), ("a\nb", None), ("$(id)", None), ("`id`", None), ("a;b", None),
        ("a" * 200, None), ("\x1b[2J", None), ("claude-opus-4-8", "--yolo"), ("claude-opus-4-8", "max\n"), ("é", None),
        ("claude-opus-4-8", ""),
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(model: str, effort: str | None) -> None:
    with pytest.raises(NoRung) as why:
        use(session("claude", "claude-sonnet-4-6"), model, effort, {}, TABLE)
    assert str(why.value).isprintable()


def test_opencode_must_be_told_whose_model_it_is() -> None:
    with pytest.raises(NoRung, match="PROVIDER/MODEL"):
        use(session("opencode", "mock/a"), "grok-4", None, {}, TABLE)
    assert use(session("opencode", "mock/a"), "claude-opus-4-8", None, {}, TABLE).to == "anthropic/claude-opus-4-8"


def test_every_default_ladder_of_the_shipped_table_rises() -> None:
    table = load().table
    for client, model in (
        ("claude", "claude-sonnet-4-6"), ("codex", "gpt-5.1-codex"), ("codex", "gpt-5.6-terra"), ("gemini", "gemini-2.5-flash"),
    ):  # fmt: skip
        ladder = rungs(client, model, {}, table)
        outputs = [rung.output or 0 for rung in ladder]
        assert len(ladder) >= 3 and outputs == sorted(outputs) and 0 not in outputs
