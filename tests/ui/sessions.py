"""A long working session for the session screen: words, tools, failures, a compaction, helpers, commands, a search."""

from __future__ import annotations

import json

from orchestrator_tui import events as ev
from orchestrator_tui.events import KnownBody
from orchestrator_tui.excerpt import excerpt, output
from tests.ui.fleets import SECOND, alive, ask, say

LONG = "claude:long"
"""Its id."""
Script = list[tuple[int, str | None, KnownBody]]
HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x1b[2J[bold red]not markup[/] \u202egnp.exe\u202c \x9b31m e\u0301\u0301\u0301\u0301\u0301 zalgo \ud800"


def call(tool: str, call_id: str, **arguments: object) -> KnownBody:
    """A tool call."""
    return ev.ToolCall(call_id=call_id, tool=tool, arguments=excerpt(json.dumps(arguments, sort_keys=True), 1024))


def result(call_id: str, text: str, ok: bool = True) -> KnownBody:
    """Its answer."""
    return ev.ToolResult(call_id=call_id, ok=ok, output=output(text))


def used(n: int, cost: float, prompt: int, model: str = "claude-opus-4-8") -> KnownBody:
    """A response's tokens; `prompt` fills the context."""
    tokens = ev.Tokens(200, prompt - 1200, 1000, 900 + 40 * n)
    return ev.Usage(response_id=f"l{n}", model=model, tokens=tokens, cost=int(cost * SECOND))


FAILURE = "".join(f"tests/billing/test_{n}.py {'.' * (n % 40)}\n" for n in range(120)) + (
    "E   AssertionError: total 41.90 != 42.00\n1 failed, 118 passed in 11.92s"
)


def long_session() -> Script:
    """(seconds before NOW, session, body), in order."""
    me = LONG
    about = ev.SessionUpdated(
        client="claude", title="migrate the billing tables to the partitioned layout", project="webapp",
        cwd="/home/me/webapp", branch="billing-partitions", model="claude-opus-4-8", context_window=200_000,
    )  # fmt: skip
    out: Script = [(3400, me, about), (3399, me, ev.SeatTaken(region="webapp", number=9)), (3399, me, alive(2100))]
    out.append(
        (
            3398,
            me,
            ask(
                "Migrate the billing tables to the new partitioned layout and prove that all totals are the same as before."
            ),
        )
    )
    out.append(
        (
            3380,
            me,
            ev.AssistantThinking(text=excerpt("The schema has three tables that matter. Let me look at them first.")),
        )
    )
    out.append(
        (
            3370,
            me,
            say("I'll read the schema first, then write the migration and run the billing tests against a copy."),
        )
    )
    at, prompt = 3360, 20_000
    for n in range(28):
        prompt += 5200
        tool, arguments = (
            ("Read", {"file_path": f"/home/me/webapp/billing/part_{n}.py"}),
            ("Bash", {"command": f"rg -n 'invoice_total' billing/ | head -{n + 5}", "description": "find uses"}),
            (
                "Edit",
                {
                    "file_path": f"/home/me/webapp/billing/part_{n}.py",
                    "new_string": "def total():\n    return sum(rows)\n",
                    "old_string": "x",
                },
            ),
            ("mcp__github__list_issues", {"labels": ["billing", "bug"], "state": "open"}),
        )[n % 4]
        out.append((at, me, call(tool, f"c{n}", **arguments)))
        out.append((at - 6 - n, me, result(f"c{n}", f"line {n}\n" * (n * 9 + 1), ok=n != 13)))
        out.append((at - 7 - n, me, used(n, 0.05 + 0.012 * (n % 5), prompt)))
        at -= 62
        if n == 18:
            out.append((at + 20, me, ev.CompactStarted()))
            out.append((at + 4, me, ev.CompactEnded(trigger="auto", pre_tokens=prompt, post_tokens=31_000)))
            prompt = 31_000
    out.append((1500, me, ev.ApiError(status=529, text="overloaded", attempt=2, max_attempts=10, retry_in=12.0)))
    words = (
        "The totals differ by ten cents in October. Two invoices were rounded per line instead of per total:\n\n"
        "  1. INV-20931  41.90 instead of 42.00\n  2. INV-20977  12.35 instead of 12.40\n\n"
        "I will round per total, as the old code did, and run the tests again."
    )
    out.append((700, me, say(words)))
    out.append((640, me, ask("Round per total. Do not touch the exported reports.")))
    for n in range(4):
        out.append((560 - n * 120, me, call("Bash", f"t{n}", command="pytest -q tests/billing --maxfail=1")))
        if n < 3:
            out.append((560 - n * 120 - 13, me, result(f"t{n}", FAILURE, ok=False)))
            out.append((560 - n * 120 - 14, me, used(60 + n, 0.14, 60_000 + n * 9000)))
    for number, (state, title) in enumerate((("done", "check the exports"), ("work", "count the invoices"))):
        name = f"{me}/k{number}"
        link = ev.SessionUpdated(client="claude", title=title, parent=me, relation="subagent", project="webapp")
        out += [
            (1200, name, link),
            (1199, name, ask("look")),
            (1100, name, used(80 + number, 0.21, 30_000, "claude-haiku-4-5")),
        ]
        out.append((1000 - number * 700, name, say("All exports are the same.", done=state == "done")))
    part = "claude:longpart"
    link = ev.SessionUpdated(
        client="claude", title="part 2: drop the old tables", parent=me, relation="split", project="webapp"
    )
    out += [(900, part, link), (899, part, ask("begin")), (880, part, used(90, 0.4, 20_000))]
    out.append((898, part, ev.SeatTaken(region="webapp", number=10)))
    moment = ev.Moment(
        session=me, status="looping", severity="red", evidence="same call 3x: pytest -q tests/billing", cost_usd=2.41
    )
    asked = ev.CommandRequested(
        command_id="d1",
        verb="message",
        arguments={"session": me},
        actor="dashboard",
        why="it rounds in the wrong place",
    )
    out += [
        (642, None, asked),
        (641, None, ev.CommandStarted(command_id="d1", moment=moment)),
        (640, None, ev.CommandEnded(command_id="d1", outcome="done", receipt={"landed": True})),
    ]
    return sorted(out, key=lambda item: -item[0])


def busy_session(count: int) -> list[tuple[int, str | None, KnownBody]]:
    """`count` events of one session, a second apart and more to the second the more there are."""
    me = "claude:busy"
    out: list[tuple[int, str | None, KnownBody]] = []
    for n in range(count):
        ago = max(0, (count - n) // 20)
        kind = n % 5
        body: KnownBody
        if kind == 0:
            body = call("Bash", f"b{n}", command=f"make step-{n}")
        elif kind == 1:
            body = result(f"b{n - 1}", f"step {n - 1} done\nneedle-{n}" if n % 1000 == 1 else "ok")
        elif kind == 2:
            body = used(n, 0.01, 40_000)
        elif kind == 3:
            body = ev.StreamProgress(output=n)
        else:
            body = say(f"Step {n} is done.")
        out.append((ago, me, body))
    return out
