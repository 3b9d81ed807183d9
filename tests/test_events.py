"""The vocabulary as it is stored: what is written is read back, and what is not understood is kept."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events
from orchestrator_tui.events import TYPES, AnyBody, Body, Event, Tokens, Unknown, decode, encode, type_of
from orchestrator_tui.excerpt import excerpt

whole = st.integers(-(1 << 62), 1 << 62)
number = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=12)
st.register_type_strategy(int, whole)
st.register_type_strategy(float, number)
st.register_type_strategy(str, words)


def of_type(kind: type[Body]) -> st.SearchStrategy[Body]:
    """Bodies of one type; every field is sometimes left out."""
    required = {f.encode_name for f in msgspec.structs.fields(kind) if f.required}
    hints = {f.name: st.from_type(f.type) for f in msgspec.structs.fields(kind)}
    optional = {name: hint for name, hint in hints.items() if name not in required}
    return st.fixed_dictionaries({name: hints[name] for name in required}, optional=optional).map(lambda v: kind(**v))


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_type_is_read_back_as_it_was_written(name: str) -> None:
    @settings(max_examples=20)
    @given(of_type(TYPES[name]))
    def check(body: AnyBody) -> None:
        payload = encode(body)
        assert type_of(body) == name
        assert msgspec.json.decode(payload)["type"] == name
        assert decode(name, payload) == body
        assert encode(decode(name, payload)) == payload

    check()


def test_every_type_is_one_of_the_known_bodies() -> None:
    assert set(TYPES.values()) == set(events.KnownBody.__args__)
    assert len(TYPES) == len(Body.__subclasses__())


def test_what_was_not_said_is_not_stored() -> None:
    assert encode(events.SessionUpdated(client="claude")) == b'{"type":"session.updated","client":"claude"}'
    assert encode(events.Beat()) == b'{"type":"beat"}'


@given(words, st.binary(max_size=60))
def test_an_unknown_type_survives_byte_for_byte(name: str, payload: bytes) -> None:
    body = decode(f"later.{name}", payload)
    assert body == Unknown(f"later.{name}", payload)
    assert (type_of(body), encode(body)) == (f"later.{name}", payload)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("tool.result", b'{"type":"tool.result","call_id":7,"ok":true,"output":{"text":"x"}}'),
        ("tool.result", b'{"type":"tool.result","call_id":"c","ok":"partly","output":{"text":"x"}}'),
        ("tool.result", b'{"type":"tool.result","call_id":"c","ok":true}'),
        ("user.message", b'{"type":"user.message","text":"no longer an excerpt"}'),
        ("usage", b'{"type":"usage","tokens":[1,2,3]}'),
        ("command.ended", b'{"type":"command.ended","command_id":"1","outcome":"postponed"}'),
        ("process.observed", b'{"type":"process.observed","pid":1,"activity":"frantic"}'),
        ("beat", b"[]"),
        ("beat", b"{"),
        ("beat", b""),
        ("beat", b"\xff"),
        ("beat", b'{"type":"beat"} and more'),
        ("user.message", b'{"type":"user.message","text":{"text":"\xff"}}'),
        ("beat", b'{"type":"beat","later":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ],
    ids=range(14),
)
def test_a_known_type_of_a_newer_shape_or_damaged_is_kept_not_misread(kind: str, payload: bytes) -> None:
    body = decode(kind, payload)
    assert body == Unknown(kind, payload)
    assert encode(body) == payload


def test_a_field_that_a_newer_version_added_does_not_hide_the_rest() -> None:
    payload = b'{"type":"turn.ended","duration_ms":5,"mood":"good","nested":{"a":[1]}}'
    assert decode("turn.ended", payload) == events.TurnEnded(duration_ms=5)


def test_tokens_count_every_token_once() -> None:
    tokens = Tokens(input=1, cache_read=20, cache_write=300, output=4000, cache_write_1h=200, reasoning=3000)
    assert (tokens.prompt, tokens.total) == (321, 4321)


@pytest.mark.parametrize(("at", "live"), [(5, True), (4, False)])
def test_an_event_is_live_when_its_place_is_where_it_was_seen(at: int, live: bool) -> None:
    assert Event(1, at, 5, 4, "claude:a", events.UserMessage(text=excerpt("go"))).live is live
