"""What is masked, and what is left as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui.export.masking import KINDS, MASK, mask, masked

SECRET = "q7Zr2mK9xT4vB8nL1cW5"


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_known_services(kind: str) -> None:
    text = f"export X; curl -H 'x: {kind}{SECRET}' and again ({kind}{SECRET})."
    assert SECRET not in mask(text)
    assert kind in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        f"PASSWORD={SECRET}", f"db_password: {SECRET}", f'{{"password": "{SECRET}"}}', f'{{\\"api_key\\":\\"{SECRET}\\"}}',
        f"AWS_SECRET_ACCESS_KEY={SECRET}", f"Authorization: Bearer {SECRET}", f"authorization: basic {SECRET}",
        f"https://me:{SECRET}@example.org/x", f"postgres://app:{SECRET}@db/x", f"--token {SECRET}", f"--password={SECRET}",
        f"MY_TOKEN='{SECRET}'", f"client_secret => {SECRET}", f"curl -d token={SECRET}&x=1", f"pwd={SECRET};",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET} and cut",
        f"eyJhbGciOiJIUzI1NiJ9.{SECRET}.{SECRET}", f"cookie: {SECRET}",
        f'{{"accessToken":"{SECRET}"}}', f"clientSecret: '{SECRET}'", f"PGPASSWORD={SECRET} psql", f"_authToken={SECRET}",
        f"SECRET_KEY = '{SECRET}'", f"SECRET_KEY_BASE={SECRET}", f"userPassword => {SECRET}", f"JWT_SIGNING_KEY={SECRET}",
        f'PASSWORD="it is {SECRET}, as ever"', f'{{\\"password\\": \\"a b {SECRET}\\"}}',
        f"\x1b[01;31mAPI_KEY\x1b[0m={SECRET}", f"API_KEY=\x1b[32m{SECRET}\x1b[0m",
    ],
)  # fmt: skip
def test_what_is_masked(text: str) -> None:
    assert SECRET not in mask(text)
    assert MASK in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "tokens: 18k in, 70 out", "the password is wrong", "pass the test", "max_tokens=4096", "tokens: 18.2k of 200000",
        "TOKEN=$SECRET_FROM_ENV", "password: ${DB_PASSWORD}", "passed: 12", "a sketch-like-this is no key",
        "risk-free", "git push origin main", "author: someone", "def authorize(user): ...", "password=None", "",
        "bypass: the cache", "compass=north", "outputTokens: 512", '"max_tokens": 4096', "a secretary: someone",
    ],
)  # fmt: skip
def test_what_is_left(text: str) -> None:
    assert mask(text) == text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


def test_every_string_inside() -> None:
    value = {"a": [f"token={SECRET}", {"b": (f"ghp_{SECRET}",)}], "n": 3}
    assert SECRET not in json.dumps(masked(value))


def test_hostile_text_takes_no_longer_than_its_length() -> None:
    for text in (
        "password" * 40_000,
        "a_" * 100_000,
        "://" * 100_000,
        "-----BEGIN PRIVATE KEY-----" * 5_000,
        "sk-" * 99_999,
    ):
        mask(text)
