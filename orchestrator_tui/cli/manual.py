"""The manual page: what `--help` says of every verb, as roff."""

from __future__ import annotations

from orchestrator_tui.cli.described import Argument, Command

_ENDS = """\
.SH EXIT STATUS
0 done, 1 it failed or was refused (one line on standard error says why), 2 wrong usage, 130 interrupted or taken back.
.SH ENVIRONMENT
.TP
.B ORC_HOME
where everything of orc's is kept; without it, the platform's own directories (\\fBorc config path\\fR).
.TP
.BR CLAUDE_CONFIG_DIR ", " CODEX_HOME ", " XDG_DATA_HOME ", " HOME
where the clients keep their files.
.TP
.BR NO_COLOR ", " TERM=dumb
plain text.
.SH SEE ALSO
\\fBorc doctor\\fR says what was found and what is off; \\fBorc config show\\fR prints every setting with what it does.
"""


def roff(command: Command, version: str) -> str:
    """The page orc(1) of the whole command line."""
    parts = [
        f'.TH ORC 1 "" "orc {_text(version)}" "User Commands"',
        ".SH NAME",
        "orc \\- the terminal dashboard for people who run many AI agents at once",
        ".SH SYNOPSIS",
        f".B {_text(command.usage)}",
        ".SH DESCRIPTION",
        "Without a verb the dashboard opens, and a host in the background watches what runs.",
        "SESSION is an id, a unique beginning of one, the seat shown on the map (api/7), or a part of a title.",
        "TIME is ISO 8601, or how long ago: 90s, 15m, 2h, 3d.",
        ".SH VERBS",
    ]
    for part in (part for verb in command.parts for part in verb.all()):
        parts += [
            f".SS orc {_text(' '.join(part.words))}",
            _line(part.about),
            ".PP",
            f".B {_text(part.usage)}",
        ]
        for argument in part.arguments:
            parts += _told(argument)
    return "\n".join(parts) + "\n" + _ENDS


def _told(argument: Argument) -> list[str]:
    if "--help" in argument.names:
        return []
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in argument.names)
    value = f"\\fI{_text(argument.value)}\\fR" if argument.value else ""
    return [".TP", " ".join(filter(None, (names, value))), _line(argument.help or "see the synopsis")]


def _text(text: str) -> str:
    """Text in which nothing is roff: a backslash, a hyphen that a reader copies, a quote."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")


def _line(text: str) -> str:
    """The same as a line of its own: a dot at its start would be a request."""
    return "\\&" + _text(" ".join(text.split()))
