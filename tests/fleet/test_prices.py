"""Prices: by hand, against litellm's own sums, and what must hold for any tokens and any name."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui.events import Tokens, Usage
from orchestrator_tui.fleet.prices import PriceTable, Source, context_window, price, tier_of
from orchestrator_tui.fleet.prices.billing import cost_of
from orchestrator_tui.fleet.prices.rates import Rates, Sheet, decode
from orchestrator_tui.host.price_files import load

SHIPPED = load().table
SONNET = {
    "litellm_provider": "anthropic",
    "input_cost_per_token": 3e-06,
    "output_cost_per_token": 1.5e-05,
    "cache_read_input_token_cost": 3e-07,
    "cache_creation_input_token_cost": 3.75e-06,
    "cache_creation_input_token_cost_above_1hr": 6e-06,
}
OPENAI = {
    "litellm_provider": "openai",
    "input_cost_per_token": 2e-06,
    "output_cost_per_token": 8e-06,
    "cache_read_input_token_cost": 5e-07,
    "input_cost_per_token_flex": 1e-06,
    "output_cost_per_token_flex": 4e-06,
    "input_cost_per_token_above_272k_tokens": 4e-06,
    "output_cost_per_token_above_272k_tokens": 12e-06,
    "input_cost_per_token_above_272k_tokens_flex": 2e-06,
}
TIERED = {"litellm_provider": "dashscope", "tiered_pricing": [
    {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06, "cache_read_input_token_cost": 1e-07},
    {"range": [32000.0, 128000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05}]}  # fmt: skip


def entry(**more: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(more))


def rates(base: dict[str, object], **more: object) -> Rates:
    found = decode(entry(**{**base, **more}))
    assert found is not None
    return found


def table(local: tuple[str, ...] = (), own: dict[str, Rates] | None = None, **entries: dict[str, object]) -> PriceTable:
    shipped = [Source("litellm 1", {name.replace("__", "/"): entry(**what) for name, what in entries.items()})]
    return PriceTable([[Source("config", own or {})], shipped], local)


def paid(model: str, terms: str | None = None, searches: int = 0, /, **tokens: int) -> Usage:
    return price(Usage(model=model, tokens=Tokens(**tokens), terms=terms, searches=searches), SHIPPED)


# --- by hand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "tokens", "terms", "nano", "guess"),
    [
        # kinds, one by one: 1000 tokens at dollars per million are as many micro-dollars
        (SONNET, Tokens(input=1000), None, 3_000_000, False),
        (SONNET, Tokens(cache_read=1000), None, 300_000, False),
        (SONNET, Tokens(cache_write=1000), None, 3_750_000, False),
        (SONNET, Tokens(cache_write=1000, cache_write_1h=1000), None, 6_000_000, False),
        (SONNET, Tokens(cache_write=1000, cache_write_1h=400), None, 600 * 3750 + 400 * 6000, False),
        (SONNET, Tokens(output=1000), None, 15_000_000, False),
        (SONNET, Tokens(output=1000, reasoning=800), None, 15_000_000, False),
        (SONNET, Tokens(1000, 50_000, 2000, 100), None, 3_000_000 + 15_000_000 + 7_500_000 + 1_500_000, False),
        (SONNET, Tokens(), None, 0, False),
        # parts larger than their whole
        (SONNET, Tokens(cache_write=10, cache_write_1h=99, output=10, reasoning=99), None, 60_000 + 150_000, False),
        # terms
        (SONNET, Tokens(input=1000), "standard", 3_000_000, False),
        (SONNET, Tokens(input=1000), "fast", 3_000_000, True),
        (SONNET, Tokens(input=1000), "warp", 3_000_000, True),
        (OPENAI, Tokens(input=1000, output=1000), "flex", 5_000_000, False),
        (OPENAI, Tokens(input=1000, output=1000), "priority", 10_000_000, True),
        (OPENAI, Tokens(input=1000, cache_read=1000), "flex", 1_500_000, True),
        # thresholds: strictly above, and the cached tokens count
        (OPENAI, Tokens(input=272_000), None, 544_000_000, False),
        (OPENAI, Tokens(input=272_001), None, 1_088_004_000, False),
        (OPENAI, Tokens(input=1, cache_read=272_000), None, 4_000 + 136_000_000, False),
        (OPENAI, Tokens(input=300_000, output=1000), None, 1_200_000_000 + 12_000_000, False),
        (OPENAI, Tokens(input=300_000), "flex", 600_000_000, False),
        (OPENAI, Tokens(input=300_000, output=1000), "flex", 600_000_000 + 12_000_000, True),
        # writing where the table has no rate for it
        (OPENAI, Tokens(cache_write=1000), None, 2_000_000, False),
        # ranges: the whole request at one range's rates; what that range lacks costs its input
        (TIERED, Tokens(input=32_000, output=10), None, 32_000_000 + 50_000, False),
        (TIERED, Tokens(input=32_001, output=10), None, 64_002_000 + 100_000, False),
        (TIERED, Tokens(input=31_000, cache_read=1000), None, 31_100_000, False),
        (TIERED, Tokens(input=31_001, cache_read=1000), None, 64_002_000, True),
        (TIERED, Tokens(input=999_999), None, 1_999_998_000, False),
    ],
)  # fmt: skip
def test_a_bill_by_hand(base: dict[str, object], tokens: Tokens, terms: str | None, nano: int, guess: bool) -> None:
    assert cost_of(rates(base), tokens, terms) == (nano, guess)


def test_more_of_what_a_map_says() -> None:
    fast = rates(SONNET, provider_specific_entry={"fast": 2.0, "us": 1.1, "free_images": 5})
    assert cost_of(fast, Tokens(input=1000, output=1000), "fast us") == (39_600_000, False)
    assert cost_of(fast, Tokens(input=1000), "us us") == (3_300_000, False)
    uplift = rates(OPENAI, regional_processing_uplift_multiplier_eu=1.1)
    assert cost_of(uplift, Tokens(input=1000), "eu flex") == (1_100_000, False)
    assert cost_of(rates(OPENAI, input_cost_per_token_priority=4e-06), Tokens(input=1000), "fast") == (4_000_000, False)
    batch = rates(SONNET, input_cost_per_token_batches=1.5e-06, cache_creation_input_token_cost_batches=1.875e-06)
    assert cost_of(batch, Tokens(input=1000, cache_write=1000), "batch") == (3_375_000, False)
    # an hour costs 1.6 times five minutes where only those have a rate of that service
    assert cost_of(batch, Tokens(cache_write=1000, cache_write_1h=1000), "batch") == (3_000_000, True)
    thinking = rates(OPENAI, output_cost_per_reasoning_token=2e-05)
    assert cost_of(thinking, Tokens(output=1000, reasoning=400)) == (600 * 8000 + 400 * 20_000, False)
    searching = rates(
        SONNET,
        search_context_cost_per_query=dict.fromkeys(("search_context_size_low", "search_context_size_medium"), 0.01),
    )
    assert cost_of(searching, Tokens(input=1000), None, 3) == (33_000_000, False)
    assert cost_of(rates(SONNET), Tokens(), None, 3) == (30_000_000, True)
    assert cost_of(rates(TIERED), Tokens(), None, 3) == (0, True)
    least = rates(SONNET, input_cost_per_token=1e-15)
    assert [cost_of(least, Tokens(input=n * 500_000))[0] for n in (1, 2, 3, 5, 7)] == [0, 1, 2, 2, 4]
    reached = rates({**OPENAI, "litellm_provider": "xai"})
    assert cost_of(reached, Tokens(input=272_000)) == (1_088_000_000, False)
    assert cost_of(rates(SONNET, off_peak_pricing={}), Tokens(input=1000)) == (3_000_000, True)
    noisy = rates(SONNET, input_cost_per_token=1.5000020000000002e-05)
    assert noisy.sheets[-1].input == 15_000_020_000
    # what is no rate of these kinds is not taken for one
    odd = rates(
        SONNET,
        cache_creation_input_token_cost_above_12hr=1.0,
        input_cost_per_token_decisions=1.0,
        input_cost_per_audio_token=1.0,
        input_cost_per_token_above_200k_tokens=None,
    )
    assert odd == rates(SONNET)


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        ("gemini-2.5-pro", Tokens(input=300_000), 0.75),
        ("gpt-5.5", Tokens(input=300_000), 3.00),
        ("claude-sonnet-4-5", Tokens(1000, 50_000, 2000), 0.0255),
        ("claude-opus-4-5", Tokens(1000, 50_000, 2000, 500), 0.0550),
        ("claude-opus-4-5", Tokens(1000, 50_000, 2000, 500, 2000), 0.0625),
        ("claude-opus-4-1-20250805", Tokens(1000, 0, 0, 1000), 0.09),
        ("claude-opus-4-20250514", Tokens(1000, 0, 0, 1000), 0.09),
        ("claude-3-5-haiku-20241022", Tokens(1000, 0, 0, 1000), 0.0048),
        ("claude-sonnet-4-20250514", Tokens(200_000, 0, 0, 1000), 0.615),
        ("claude-sonnet-4-20250514", Tokens(200_001, 0, 0, 1000), 1.222506),
        ("codex-mini-latest", Tokens(1000, 0, 0, 1000), 0.0075),
        ("gemini-3-pro-preview", Tokens(1000, 0, 0, 1000), 0.014),
    ],
)  # fmt: skip
def test_real_models_by_hand(model: str, tokens: Tokens, dollars: float) -> None:
    usage = price(Usage(model=model, tokens=tokens), SHIPPED)
    assert (usage.cost, usage.estimated, usage.local) == (round(dollars * 1e9), False, False)
    assert usage.price is not None and usage.price.endswith(f" {model}")


# --- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-opus-4-8", "claude-opus-4-8"), (" claude-opus-4-8\n", "claude-opus-4-8"),
        ("Claude-Opus-4-8", "claude-opus-4-8"), ("claude-opus-4-8[1m]", "claude-opus-4-8"),
        ("claude-opus-4.8", "claude-opus-4-8"), ("anthropic/claude-opus-4.8", "claude-opus-4-8"),
        ("openrouter/anthropic/claude-opus-4.8", "claude-opus-4-8"), ("opencode/claude-opus-4-8", "claude-opus-4-8"),
        ("github-copilot/claude-sonnet-4.5", "claude-sonnet-4-5"), ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("openai/gpt-5.5", "gpt-5.5"), ("z-ai/glm-4.6", "zai/glm-4.6"), ("glm-4.6", "zai/glm-4.6"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5-latest", "claude-sonnet-4-5"), ("claude-opus-4-8-20991231", "claude-opus-4-8"),
        ("claude-opus-4", "claude-opus-4-20250514"), ("claude-3.5-sonnet", "claude-3-5-sonnet-20240620"),
        ("claude-sonnet-4-5@20250929", "vertex_ai/claude-sonnet-4-5@20250929"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("bedrock/us.anthropic.claude-opus-4-8", "us.anthropic.claude-opus-4-8"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-8", "us.anthropic.claude-opus-4-8"),
    ],
)  # fmt: skip
def test_one_model_in_many_spellings(model: str, name: str) -> None:
    found = SHIPPED.find(model)
    assert found is not None and found.name == name


@pytest.mark.parametrize(
    "model",
    [
        None, "", " ", "<synthetic>", "opus", "sonnet", "haiku", "Opus", "big-pickle", "gpt", "claude", "claude-opus",
        "claude-opus-9-99", "claude-opus-4-9", "claude-opus-4-80", "claude-opus-4-8-turbo", "claude-newfamily-5",
        "anthropic/claude-opus-9-99", "us.anthropic.claude-opus-9-99-v1:0", "gpt-5.4-codex", "gpt-5.3-codex-spark",
        "gpt-4o-2099-01-01", "kimi-k2.6", "ollama/gpt-oss:120b-cloud", "sample_spec", "fallback_generalizations",
        "text-embedding-3-small", "gpt-image-1", "x" * 10_000, "claude-opus-4-8\x1b[2J", "claude opus 4 8", "\ud83d", "[1m]", "/", "//", "@", "-latest", ".", "a/" * 100,
    ],
)  # fmt: skip
def test_what_is_not_known_is_never_free(model: str | None) -> None:
    usage = price(Usage(model=model, tokens=Tokens(1000, 0, 0, 1000)), SHIPPED)
    assert (usage.cost, usage.price, usage.local) == (None, None, False)


def test_zero_in_the_map_is_no_price_but_on_ones_own_machine() -> None:
    zero = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}
    mixed = table(("mine-*",), a={**zero, "litellm_provider": "gemini"}, b={**zero, "litellm_provider": "ollama"}, c={"litellm_provider": "openai"}, d={**SONNET, "output_cost_per_token": 0}, e={**SONNET, "mode": "embedding"})  # fmt: skip
    for name in ("a", "c", "d", "e"):
        assert mixed.find(name) is None
    for name in ("b", "mine-7", "ollama/llama9:3b", "lm_studio/x", "hosted_vllm/x", "LMStudio/x"):
        usage = price(Usage(model=name, tokens=Tokens(input=5)), mixed)
        assert (usage.cost, usage.price, usage.local) == (0, "local", True), name
    free = price(Usage(model="openrouter/qwen/qwen3:free", tokens=Tokens(input=5)), mixed)
    assert (free.cost, free.price, free.local) == (0, "free", False)


def test_a_date_is_dropped_only_where_all_dates_cost_the_same() -> None:
    dear = {**SONNET, "input_cost_per_token": 9e-06}
    assert table(**{"m-20250101": SONNET}).find("m") is not None
    assert table(**{"m-20250101": SONNET, "m-20250601": SONNET}).find("m-2025-07-01") is not None
    assert table(**{"m-20250101": SONNET, "m-20250601": dear}).find("m") is None
    assert table(**{"m-20250101": SONNET}).find("m-1") is None
    assert table(m=SONNET).find("m-0709") is None
    assert table(a__m=SONNET, b__m=SONNET).find("m") is not None
    assert table(a__m=SONNET, b__m=dear).find("m") is None
    assert table(ollama__m={"litellm_provider": "ollama"}).find("m") is None


def test_ones_own_price_comes_first_and_for_every_spelling() -> None:
    own = {"claude-opus-4-8": Rates((Sheet(input=1_000_000_000, output=2_000_000_000),))}
    mine = table((), own, **{"claude-opus-4-8": SONNET, "claude-opus-4-8-20260101": SONNET})
    for name in ("claude-opus-4-8", "anthropic/claude-opus-4-8", "claude-opus-4-8-20260101", "claude-opus-4.8[1m]"):
        usage = price(Usage(model=name, tokens=Tokens(input=1000)), mine)
        assert (usage.cost, usage.price) == (1_000_000, "config claude-opus-4-8")


def test_what_the_client_said_stays_and_prices_name_their_table() -> None:
    said = price(Usage(model="claude-opus-4-8", tokens=Tokens(input=1), cost=7), SHIPPED)
    assert (said.cost, said.price) == (7, "client")
    assert paid("claude-opus-4-8", input=1).price == f"{SHIPPED.sources[0].label} claude-opus-4-8"
    assert paid("claude-opus-4-1", input=1).price == f"{SHIPPED.sources[1].label} claude-opus-4-1"
    assert paid("claude-opus-4-8", "warp", input=1).estimated
    assert paid("xai/grok-4", input=1).estimated  # its price changed while the name was in use
    assert price(Usage(model="claude-opus-4-8", estimated=True), SHIPPED).estimated
    assert paid("claude-opus-4-8", input=-1).cost is None


@pytest.mark.parametrize(
    ("model", "seen", "client", "window"),
    [
        ("claude-opus-4-8", 0, None, None), ("claude-opus-4-8", 200_000, "claude", None),
        ("claude-opus-4-8", 200_001, "claude", 1_000_000), ("claude-opus-4-8[1m]", 0, "claude", 1_000_000),
        ("claude-opus-4-8", 0, "opencode", 1_000_000), ("claude-haiku-4-5", 0, "claude", 200_000),
        ("claude-sonnet-4-5", 0, "claude", None), ("claude-sonnet-4-5", 0, "opencode", 200_000),
        ("gpt-5.2", 0, None, 272_000), ("gpt-5.2", 300_000, None, 300_000), ("what", 0, None, None), (None, 0, None, None),
        ("ollama/x", 0, None, None),
    ],
)  # fmt: skip
def test_a_window_is_said_only_where_it_is_known(
    model: str | None, seen: int, client: str | None, window: int | None
) -> None:
    assert context_window(model, SHIPPED, seen, client) == window


def test_a_window_that_was_set_is_the_window() -> None:
    mine = PriceTable(windows={"claude-opus-4-8": 64_000})
    assert context_window("anthropic/claude-opus-4.8", mine) == 64_000
    assert price(Usage(model="Claude-opus-4-8"), mine).window == 64_000


def test_models_are_small_medium_or_large() -> None:
    tiers = {name: tier_of(name, SHIPPED) for name in ("haiku", "claude-opus-9-99", "gpt-5.5", "gpt-5.2", "gpt-5-mini", "gemini-2.5-flash", "gemini-2.5-pro", "ollama/x", "what")}  # fmt: skip
    assert list(tiers.values()) == ["small", "large", "large", "medium", "small", "small", "medium", "small", None]
    assert tier_of(None, SHIPPED) is None


# --- what holds always ---------------------------------------------------------------------------------------

counts = st.integers(0, 400_000)
kinds = ("input", "cache_read", "cache_write", "output")
models = st.sampled_from(["claude-sonnet-4-5", "gpt-5.5", "gemini-2.5-pro", "claude-haiku-5-5", "dashscope/qwen3-coder-plus", "dashscope/qwen-plus-2025-07-28", "claude-sonnet-4-20250514", "gpt-6-luna", "xai/grok-4.20"])  # fmt: skip
words = st.sampled_from([None, "flex", "priority", "batch", "fast us", "what"])


@given(models, words, st.tuples(counts, counts, counts, counts), st.sampled_from(range(4)), st.integers(1, 300_000))
def test_more_tokens_never_cost_less(
    model: str, terms: str | None, some: tuple[int, int, int, int], kind: int, more: int
) -> None:
    found = SHIPPED.find(model)
    assert found is not None
    larger = [count + more * (place == kind) for place, count in enumerate(some)]
    (low, guess), (high, other) = (cost_of(found.rates, Tokens(*part), terms) for part in (some, larger))
    # A service without a rate above a threshold is billed there as standard, which may be less: that is a guess.
    assert low <= high or guess or other


@given(models, words, st.lists(st.tuples(*[st.integers(0, 3000)] * 4), min_size=1, max_size=5))
def test_within_a_tier_two_bills_are_one(model: str, terms: str | None, parts: list[tuple[int, int, int, int]]) -> None:
    found = SHIPPED.find(model)
    assert found is not None
    together = Tokens(*(sum(part[kind] for part in parts) for kind in range(4)))
    if together.prompt <= 32_000:
        apart = sum(cost_of(found.rates, Tokens(*part), terms)[0] for part in parts)
        assert abs(apart - cost_of(found.rates, together, terms)[0]) <= (len(parts) + 1) / 2


@given(
    st.text(max_size=300) | st.text("claude-opus[1m]@/.:20250 ", max_size=60),
    st.text(max_size=60) | st.none(),
    st.integers(-5, 1 << 40),
)
def test_a_hostile_name_raises_nothing_and_costs_nothing_invented(name: str, terms: str | None, tokens: int) -> None:
    usage = price(Usage(model=name, tokens=Tokens(input=tokens, output=tokens), terms=terms), SHIPPED)
    assert usage.cost is None or usage.cost > 0 or tokens <= 0 or usage.local or name.lower().strip().endswith(":free")
    tier_of(name, SHIPPED)
    context_window(name, SHIPPED)


def test_many_names_take_bounded_memory_and_little_time() -> None:
    many = load().table
    many.find("no such model")
    began = time.perf_counter()
    for number in range(10_000):
        many.find(f"no-such-model-{number}")
    many.find("claude-" * 1_000_000)
    assert time.perf_counter() - began < 3
    assert len(many._known) <= 4096


# --- against litellm -----------------------------------------------------------------------------------------

WRITTEN_FOR_NOTHING = "a zero for writing to a cache: litellm lets those tokens go, a provider bills them as input"
RAISED_OVER_NOTHING = (
    "writing has a rate above 200k only, which is what reading costs: litellm bills written input at it"
)
OTHER_ENTRY = "litellm puts the provider before the name and takes that other entry, which has zeros"


def why_different(model: str, shipped: dict[str, dict[str, object]]) -> str | None:
    for name in (model, f"{shipped[model]['litellm_provider']}/{model}", f"gemini/{model}"):
        said = shipped.get(name, {})
        if said.get("cache_creation_input_token_cost") == 0:
            return WRITTEN_FOR_NOTHING
        if name != model and said.get("input_cost_per_token") == 0:
            return OTHER_ENTRY
    raised = "cache_creation_input_token_cost_above_200k_tokens"
    return (
        RAISED_OVER_NOTHING
        if raised in shipped[model] and raised.replace("_above_200k_tokens", "") not in shipped[model]
        else None
    )


def test_every_model_of_the_map_costs_what_litellm_says_but_where_litellm_is_wrong() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fleet.litellm_compared"], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["models"] > 2000 and said["compared"] > 8000
    shipped: dict[str, dict[str, object]] = {}
    for name, raw in SHIPPED.sources[0].entries.items():
        assert isinstance(raw, msgspec.Raw)
        shipped[name] = msgspec.json.decode(raw)
    unexplained = [one for one in said["different"] if why_different(one[0], shipped) is None or one[3] < one[4]]
    assert unexplained == []
    assert len(said["different"]) < said["compared"] / 50
