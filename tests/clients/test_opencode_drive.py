"""How OpenCode is started, and what is said to its server."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestrator_tui.clients.driving import Drive, Task, Unsupported
from orchestrator_tui.clients.opencode import answers, requests
from orchestrator_tui.clients.opencode.drive import PASSWORD, OpenCodeDrive

ID = "ses_e032428b6ffexe4FeFvajEODxa"
HOSTILE = ["", "-", "--help", "ses_", "$(id)", f"{ID}\n", f"{ID}\0", f"{ID}/abort", "ses_../../x", "ses_" + "a" * 99]


def test_a_server_with_a_password_of_its_own_that_is_on_no_command_line() -> None:
    drive: Drive = OpenCodeDrive()
    launches = [drive.launch("/bin/opencode", Task("--help; $(id)\n", "/w", resume=resume)) for resume in (None, ID)]
    for launch in launches:
        assert launch.argv == ("/bin/opencode", "serve", "--hostname", "127.0.0.1", "--port", "0")
        assert launch.cwd == "/w" and len(launch.environ[PASSWORD]) >= 40
        assert "OPENCODE_SERVER_USERNAME" in launch.without
    assert launches[0].environ != launches[1].environ and [one.session for one in launches] == [None, ID]
    with pytest.raises(Unsupported):
        drive.dialogue(Task("x", "/w"))
    assert drive.resume_words(ID, "/w") == ["opencode", "--session", ID]


@pytest.mark.parametrize("session", HOSTILE)
def test_a_hostile_id_starts_nothing(session: str) -> None:
    with pytest.raises(Unsupported):
        OpenCodeDrive().launch("opencode", Task("x", "/w", resume=session, fork=True))
    with pytest.raises(Unsupported):
        OpenCodeDrive().resume_words(session, "/w")


@pytest.mark.parametrize("model", ["", "-", "--help", "small", "/small", "mock/", "mock/-x", "m\n/x", "m/a b", "-m/x"])
def test_a_hostile_model_is_none(model: str) -> None:
    with pytest.raises(Unsupported):
        OpenCodeDrive().launch("opencode", Task("x", "/w", model))


def test_other_refusals() -> None:
    for task in (
        Task("x", "/w", effort="--auto"),
        Task("x", "/w", fork=True),
        Task("\0 \n", "/w"),
    ):
        with pytest.raises(Unsupported):
            OpenCodeDrive().launch("opencode", task)
    assert str(requests.checked_model("router/maker/name:free")) == "router/maker/name:free"


def body(call: requests.Call) -> Any:
    assert call.body is not None
    return json.loads(call.body)


def test_a_message_and_where_it_goes() -> None:
    call = requests.say(ID, "/a b?c&d=e", "a\0\ud800\n$(id)", requests.Model("p", "m/n"), "high")
    assert urlsplit(call.path).path == f"/session/{ID}/prompt_async"
    assert parse_qs(urlsplit(call.path).query) == {"directory": ["/a b?c&d=e"]}
    assert body(call) == {
        "parts": [{"type": "text", "text": "a?\n$(id)"}],
        "model": {"providerID": "p", "modelID": "m/n"},
        "variant": "high",
    }
    with pytest.raises(Unsupported):
        requests.say(ID, "/w", " \0", None, None)


def test_answers_to_what_it_asks() -> None:
    permission, question = "per_1fcdbe207001Nfin", "que_1fce07f090011XKa"
    assert body(requests.reply(permission, "/w", True, "go")) == {"reply": "once"}
    assert body(requests.reply(permission, "/w", False, "no\0pe")) == {"reply": "reject", "message": "nope"}
    assert body(requests.reply(question, "/w", True, "sqlite")) == {"answers": [["sqlite"]]}
    assert requests.reply(question, "/w", False, "").path.startswith(f"/question/{question}/reject")
    with pytest.raises(Unsupported):
        requests.reply(question, "/w", True, "")
    for name in ("", "per_", "per_x/../y", "ses_1fcdbe207001Nfin", "--help"):
        with pytest.raises(Unsupported):
            requests.reply(name, "/w", True, "x")


def test_where_it_listens() -> None:
    said = b"warning: x\nopencode server listening on http://127.0.0.1:4096\n"
    assert answers.read_port(said) == 4096
    for other in (b"", said.rstrip(), said.replace(b"127.0.0.1", b"10.0.0.1"), said.replace(b"4096", b"99999")):
        assert answers.read_port(other) is None


def test_what_it_asks_is_read_exactly() -> None:
    asked = {
        "id": "per_1fcdbe207001Nfin",
        "sessionID": ID,
        "permission": "bash",
        "patterns": ["touch *"],
        "metadata": {"command": "touch a; touch b"},
    }
    edit = {**asked, "permission": "edit", "patterns": ["a.py"], "metadata": {"diff": "+x"}}
    bare = {"id": asked["id"], "permission": "webfetch"}
    found = answers.read_permissions([asked, edit, bare])
    assert found is not None
    assert [(one.event.tool, one.event.what.text) for one in found[:2]] == [
        ("bash", "touch a; touch b"),
        ("edit", 'a.py\n{"diff":"+x"}'),
    ]
    assert found[0].session == ID and "webfetch" in found[2].event.what.text
    huge = answers.read_permissions([{**asked, "metadata": {"command": "x" * 100_000}}])
    assert huge is not None and len(huge[0].event.what.text) + len(huge[0].event.what.tail) == 8192


@pytest.mark.parametrize(
    "value",
    [None, 1, "x", [], {}, [None], [[]], [{}], [{"id": 1}], [{"id": "per_../../x"}], {"a": {"type": 1}}, {"a": []}],
)
def test_answers_that_are_not_as_they_should_be(value: object) -> None:
    assert not answers.read_permissions(value)
    assert not answers.read_questions(value)
    assert not answers.read_status(value)
    assert not answers.read_models(value)
    assert answers.read_session(value) is None
    assert isinstance(answers.read_error(value), str)


def test_models_and_their_levels() -> None:
    models: dict[str, object] = {"small": {"variants": {}}, "large": {"variants": {"low": {}, "high": {}}}, "odd": 1}
    known = answers.read_models({"providers": [{"id": "mock", "models": models}, None, {"models": 1}]})
    assert known == {"mock/small": [], "mock/large": ["low", "high"], "mock/odd": []}
    answers.check_known(known, requests.Model("mock", "large"), "high")
    answers.check_known(known, None, "high")
    for name, effort, words in (
        ("none", None, "it has mock/large"),
        ("large", "max", "low, high"),
        ("small", "low", "none"),
    ):
        with pytest.raises(Unsupported, match=words):
            answers.check_known(known, requests.Model("mock", name), effort)
