"""Secrets in what leaves: known prefixes, `key=value` pairs, addresses with a password, private keys.

A masked secret keeps its kind and nothing of itself. What has none of these shapes is not found: masking is a net, not
a proof (docs/export.md says so).
"""

from __future__ import annotations

import re
from collections.abc import Callable

MASK = "[masked]"
KINDS = (
    "sk-ant-", "sk-proj-", "sk-or-", "sk_live_", "sk_test_", "rk_live_", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat_", "glpat-", "gldt-", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xapp-", "AKIA", "ASIA", "AIza", "ya29.",
    "npm_", "pypi-", "hf_", "gsk_", "xai-", "pplx-", "r8_", "dop_v1_", "shpat_", "SG.", "dckr_pat_", "tskey-",
    "lin_api_", "sntrys_", "whsec_", "nvapi-", "ATATT3", "AGE-SECRET-KEY-1",
)  # fmt: skip
"""How keys of well-known services begin."""
Hide = Callable[[str], str]

_BY_KIND = re.compile(
    r"(?<![A-Za-z0-9_-])("
    + "|".join(map(re.escape, sorted(KINDS, key=len, reverse=True)))
    + r")([A-Za-z0-9_\-./+=]{12,})"
)
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])(eyJ)([A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)")
"""A JSON web token."""
_BLOCK = re.compile(
    r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(.*?)(-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@'\"]{0,128}:)([^\s/@'\"]{1,256})(?=@)")
"""`scheme://user:password@host`."""
_BEARER = re.compile(r"(?i)\b((?:bearer|basic|token) +)([A-Za-z0-9_\-./+=]{12,})")
_INNER = (
    "password", "passwd", "passphrase", "secret", "token", "api[_-]?key", "access[_-]?key", "secret[_-]?key",
    "private[_-]?key", "credential",
)  # fmt: skip
"""Names that tell wherever they stand at the end: `accessToken`, `PGPASSWORD`."""
_NAMES = (
    "pass", "pwd", "auth", "authorization", "cookie", "session_key", "signature", "encryption_key", "signing_key",
    "master_key", "secret_key_base",
)  # fmt: skip
"""Names that stand alone, or after `_` or `-`: a bypass is no secret."""
_COLOUR = r"(?:\x1b\[[0-9;]{0,16}m){0,3}"
_KEY = (
    r"(?i)((?<![a-z0-9])(?:[a-z0-9]{1,40}[_-]){0,4}_?(?:[a-z0-9]{0,40}(?:" + "|".join(_INNER) + ")|"
    r"(?:" + "|".join(_NAMES) + r"))s?" + _COLOUR + r"\\{0,2}[\"']?" + _COLOUR + r"\s{0,3}(?:=>|=|:)\s{0,3}" + _COLOUR
)
_NONE = r"(?![\d.,]+[kKmM%]?(?![\w-])|[^\s\"']{0,24}\[masked\]|\*{4}|\$\{|\$\(|\$[A-Z]|<|null\b|none\b|true\b|false\b)"
"""What stands for a secret and is none: numbers, references to variables, what is masked already."""
_QUOTED = re.compile(
    _KEY + r"\\{0,2}(?P<quote>[\"']))" + _NONE + r"((?:(?!(?P=quote))[^\n\\]){4,512})(?=\\{0,2}(?P=quote))"
)
"""`"password": "a value of several words"`."""
_PAIR = re.compile(_KEY + r"\\{0,2}[\"']?)" + _NONE + r"([^\s\"'\\,;&|)}\]]{4,})")
"""`API_KEY=value`, `"password": "value"`, `--token=value`; a reference to a variable is no secret."""
_FLAG = re.compile(r"(?i)(--?(?:password|passwd|token|secret|api-?key|auth)\s+)(?![-$<])([^\s\"']{4,})")


def mask(text: str) -> str:
    """The text with what looks like a secret replaced by `[masked]`; the same text again when masked twice."""
    return _apply(text, lambda secret: MASK)


def hiding(on: bool) -> Hide:
    """What is done to each text that leaves: masked, or left as it is."""
    return mask if on else str


def blot(text: str) -> str:
    """The same for a screen: as many asterisks as the secret has characters, so that nothing moves."""
    return _apply(text, lambda secret: "*" * len(secret))


def _apply(text: str, hide: Hide) -> str:
    if len(text) < 8:
        return text
    text = _BLOCK.sub(lambda found: f"{found[1]}{hide(found[2])}{found[3]}", text)
    for pattern in (_BY_KIND, _TOKEN, _ADDRESS, _BEARER, _QUOTED, _PAIR, _FLAG):
        # Each says first what stays, and last what does not.
        text = pattern.sub(lambda found: found[1] + hide(found[found.re.groups]), text)
    return text


def masked(value: object) -> object:
    """The same with every string inside masked; names of fields stay."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    if isinstance(value, dict):
        return {name: masked(item) for name, item in value.items()}
    return value
