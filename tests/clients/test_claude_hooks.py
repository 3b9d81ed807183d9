"""A hook goes into a person's settings and comes out of them, and nothing else in the text moves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui.clients.claude.hooks import EVENT, Unusable, has_hook, with_hook, without_hook

SCRIPT, SPOOL = "/home/a b/it's/permission.sh", "/run/x/spool"
SETTINGS = [
    "",
    "{}",
    "{ }\n",
    '{"model": "opus"}',
    '{\r\n\t"model" : "opus",\r\n\t"hooks" : { }\r\n}\r\n',
    '{"hooks": {"PermissionRequest": []}}',
    '{"hooks": {"PermissionRequest": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "x"}]}]}}',
    '{"a": "}{[]\\"hooks\\": {", "hooks": {"Stop": [{"hooks": []}]}, "env": {"N": 1.0, "B": 12345678901234567890}}',
    '{\n  "permissions": {"allow": ["Bash(git:*)"]},\n  "unknown": [1e5, null, "ü\\u2028"]\n}\n',
]


@pytest.mark.parametrize("text", SETTINGS)
def test_what_was_put_in_comes_out_byte_for_byte(text: str) -> None:
    new, put_in = with_hook(text, SCRIPT, SPOOL, 70)
    assert has_hook(new, SCRIPT)
    assert not has_hook(text, SCRIPT)
    before = json.loads(text) if text else {}
    after = json.loads(new)
    ours = after["hooks"][EVENT].pop(0)
    assert ours["hooks"][0]["command"].startswith("sh '/home/a b/it'")
    for key, value in before.items():
        if key != "hooks":
            assert after[key] == value
    assert without_hook(new, put_in, SCRIPT) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=6) | st.just("hooks"), json_values, max_size=4), st.sampled_from([None, 1, 2]))
def test_any_settings_survive(settings: dict[str, object], indent: int | None) -> None:
    text = json.dumps(settings, indent=indent)
    try:
        new, put_in = with_hook(text, SCRIPT, SPOOL, 70)
    except Unusable:
        hooks = settings["hooks"]
        assert not isinstance(hooks, dict) or not isinstance(hooks.get(EVENT, []), list)
        return
    assert without_hook(new, put_in, SCRIPT) == text


def test_settings_that_were_changed_since_keep_the_change() -> None:
    new, put_in = with_hook('{"model": "opus"}', SCRIPT, SPOOL, 70)
    changed = new.replace("opus", "sonnet")
    assert without_hook(changed, put_in, SCRIPT) == '{"model": "sonnet"}'
    rewritten = json.dumps({**json.loads(new), "theme": "dark"}, indent=4)
    assert json.loads(without_hook(rewritten, put_in, SCRIPT)) == {"model": "opus", "theme": "dark"}


def test_other_hooks_of_the_same_kind_stay() -> None:
    text = '{"hooks": {"PermissionRequest": [{"hooks": [{"type": "command", "command": "mine"}]}]}}'
    new, _ = with_hook(text, SCRIPT, SPOOL, 70)
    assert json.loads(without_hook(json.dumps(json.loads(new)), "", SCRIPT)) == json.loads(text)


@pytest.mark.parametrize("text", ["[]", "{", '{"hooks": []}', '{"hooks": {"PermissionRequest": {}}}', "// hi\n{}"])
def test_what_cannot_be_edited_safely_is_left_alone(text: str) -> None:
    with pytest.raises(Unusable):
        with_hook(text, SCRIPT, SPOOL, 70)
