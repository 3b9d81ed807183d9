"""A script of its own, because it imports litellm: our bill against litellm's, for every chat model that its map prices.

Prints one JSON object: how many bills were compared, and those that differ: [model, service, tokens, ours, theirs, guess].
First parties go through `cost_per_token` (name resolution and each provider's own calculator included), the other
listings through the function behind it, as resolving thousands of gateway names takes litellm minutes.
"""

from __future__ import annotations

import json
import logging
import os
import random

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from litellm.litellm_core_utils.llm_cost_calc.utils import generic_cost_per_token
from litellm.types.utils import (
    CacheCreationTokenDetails,
    CompletionTokensDetailsWrapper,
    PromptTokensDetailsWrapper,
    Usage,
)

from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet.prices.billing import cost_of
from orchestrator_tui.host.price_files import load

FIRST_PARTIES = {"anthropic", "openai", "gemini", "xai", "deepseek"}
TERMS = {"flex", "priority"}


def usage_of(tokens: Tokens, **said: str) -> Usage:
    """The form that litellm counts rightly: the prompt includes what was cached."""
    written = CacheCreationTokenDetails(
        ephemeral_5m_input_tokens=tokens.cache_write - tokens.cache_write_1h,
        ephemeral_1h_input_tokens=tokens.cache_write_1h,
    )
    return Usage(
        prompt_tokens=tokens.prompt,
        completion_tokens=tokens.output,
        total_tokens=tokens.total,
        cache_read_input_tokens=tokens.cache_read,
        cache_creation_input_tokens=tokens.cache_write,
        prompt_tokens_details=PromptTokensDetailsWrapper(
            cached_tokens=tokens.cache_read,
            cache_creation_tokens=tokens.cache_write,
            cache_creation_token_details=written,
        ),
        completion_tokens_details=CompletionTokensDetailsWrapper(reasoning_tokens=tokens.reasoning),
        **said,
    )


def random_tokens(chance: random.Random, base: int, hour: bool) -> Tokens:
    write, output = chance.randrange(1, 40_000), chance.randrange(1, 9_000)
    return Tokens(
        base + chance.randrange(90_000),
        chance.randrange(60_000),
        write,
        output,
        write // 3 if hour else 0,
        chance.choice((0, output // 2)),
    )


def theirs(model: str, tokens: Tokens, service: str | None) -> float:
    entry = litellm.model_cost[model]
    provider = entry["litellm_provider"]
    if provider in FIRST_PARTIES:
        return sum(
            litellm.cost_per_token(
                model=model, custom_llm_provider=provider, usage_object=usage_of(tokens), service_tier=service
            )
        )
    return sum(
        generic_cost_per_token(
            model=model,
            usage=usage_of(tokens),
            custom_llm_provider=provider,
            service_tier=service,
            model_info=dict(entry),
        )
    )


def main() -> None:
    litellm.suppress_debug_info = True
    logging.disable(logging.CRITICAL)
    table = load().table
    chance = random.Random(7)
    compared, models, different = 0, 0, []
    for model in litellm.model_cost:
        found = table.find(model)
        if found is None or found.name != model or not found.label.startswith("litellm"):
            continue
        rates = found.rates
        if rates.local or rates.unsure:
            continue
        models += 1
        hour = any(sheet.cache_write_1h for sheet in rates.sheets)
        for base in (0, 130_000, 280_000):
            for service in (None, *sorted(TERMS & {sheet.service for sheet in rates.sheets})):
                tokens = random_tokens(chance, base, hour and not service)
                ours, guess = cost_of(rates, tokens, service)
                other = theirs(model, tokens, service)
                compared += 1
                if abs(ours / 1e9 - other) > 1e-9 + 1e-9 * other:
                    different.append([model, service, list(tokens.__rich_repr__()), ours / 1e9, other, guess])
        for word, said in (("fast", {"speed": "fast"}), ("us", {"inference_geo": "us"})):
            if rates.provider == "anthropic" and word in dict(rates.multipliers):
                tokens = random_tokens(chance, 0, hour)
                ours, guess = cost_of(rates, tokens, word)
                other = sum(litellm.cost_per_token(model=model, usage_object=usage_of(tokens, **said)))
                compared += 1
                if abs(ours / 1e9 - other) > 1e-9 + 1e-9 * other:
                    different.append([model, word, list(tokens.__rich_repr__()), ours / 1e9, other, guess])
    print(json.dumps({"models": models, "compared": compared, "different": different}))


if __name__ == "__main__":
    main()
