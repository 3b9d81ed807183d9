"""Git for loops: no hook, no editor, no question, an end to its time; what it says is returned, never shown.

A person's own settings count as they do when they run git there: filters (git-lfs) have to run, or what is committed
would be something else. Nothing is fetched or pushed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress

from msgspec import Struct

from orchestrator_tui.errors import OrcError
from orchestrator_tui.text import line

SECONDS = 60.0
"""That one command may take."""
MOST = 256 << 20
"""Bytes of output that are taken."""
_SAFE = (
    "--no-pager", "--literal-pathspecs", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=",
    "-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false", "-c", "diff.external=", "-c", "color.ui=false",
    "-c", "core.quotePath=false", "-c", "protocol.allow=never", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "-c", "advice.detachedHead=false", "-c", "merge.verifySignatures=false", "-c", "commit.template=",
    "-c", "rerere.enabled=false", "-c", "submodule.recurse=false", "-c", "merge.renormalize=false",
)  # fmt: skip
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "PAGER": "cat", "GIT_EDITOR": ":",
    "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_NO_LAZY_FETCH": "1", "GIT_MERGE_AUTOEDIT": "no",
}  # fmt: skip
_OWN = frozenset(
    {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"}
    | {"GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"}
)
"""What of a person's environment is theirs to say; the rest may be another checkout's."""
DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")


class GitFailed(OrcError):
    """Git could not be run, was too slow, or said no; the words are its own."""


class Answer(Struct, frozen=True):
    """What a command wrote."""

    code: int
    out: bytes
    words: str
    """The last line of its error output, cleaned."""


def git(
    cwd: str, *arguments: str, seconds: float = SECONDS, given: bytes | None = None, git_dir: str | None = None
) -> Answer:
    """One command in a directory, whatever it answers. Raises GitFailed where it cannot be run to its end.

    `git_dir`: take the working tree in `cwd` for this one's, whatever the `.git` in it says.
    """
    program = shutil.which("git")
    if program is None:
        raise GitFailed("there is no git on this machine")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _OWN}
    environ = kept | _ENVIRONMENT
    if git_dir is not None:
        environ |= {"GIT_DIR": git_dir, "GIT_WORK_TREE": cwd}
    try:
        process = subprocess.Popen(
            [os.path.abspath(program), *_SAFE, *arguments], cwd=cwd, env=environ,  # noqa: PTH100
            stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise GitFailed(
            f"git cannot be run in {line(cwd, 120)}: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        out, err = process.communicate(given, timeout=seconds)
    except BaseException as error:
        # Not waited for yet, so its number is still its own, and its group's.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise GitFailed(f"git {arguments[0]} took longer than {seconds:g} s and was stopped") from error
        raise
    said = [part for part in err[-4096:].decode("utf-8", "replace").splitlines() if part.strip()]
    return Answer(process.returncode, out[:MOST], line(said[-1], 200) if said else "")


def must(cwd: str, *arguments: str, seconds: float = SECONDS, given: bytes | None = None) -> bytes:
    """The output of a command that has to succeed. Raises GitFailed with git's words."""
    answer = git(cwd, *arguments, seconds=seconds, given=given)
    if answer.code:
        raise GitFailed(f"git {arguments[0]} in {line(cwd, 120)}: {answer.words or f'exit status {answer.code}'}")
    return answer.out


def ask(cwd: str, *arguments: str, git_dir: str | None = None) -> str | None:
    """The one line that a command answers with; None where it says no. Raises GitFailed."""
    answer = git(cwd, *arguments, git_dir=git_dir)
    text = answer.out.decode("utf-8", "surrogateescape").removesuffix("\n")
    return text if answer.code == 0 and text and "\n" not in text else None
