"""What a shell command does, as far as its words tell: waits, polls, changes files, tests, commits.

A line is cut into simple commands, and of each the program and its first words are looked up. Only the first
600 characters count.
"""

from __future__ import annotations

import re

from msgspec import Struct

from orchestrator_tui.fleet.marks import words

LOOKED_AT = 600
_SPLIT = re.compile(r"&&|\|\||;|\n|(?<![>&])&(?![>&])")
_SLEEP = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)([smhd]?)\Z")
_TIMES = re.compile(r"\bseq\s+(?:1\s+)?(\d{1,5})\b|\{1\.\.(\d{1,5})\}")
_REDIRECT = re.compile(r"(?<![0-9&<>=-])>{1,2}\s*(?!&|/dev/null)[\w./~\"'$-]|1>{1,2}\s*(?!&|/dev/null)[\w./~\"'$-]")
_UNIT = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


_FRONT = words("sudo time nohup env command exec do then if else while until ! ( { nice ionice stdbuf unbuffer")
"""Words in front of a program that are not it."""
_NOTHING = words(
    "cd echo printf true : set export source . date sleep start-sleep wait clear done fi pushd popd [ [[ for"
)
"""Programs that neither ask nor change anything worth counting."""
_TESTS = words(
    "pytest py.test unittest tox nox jest vitest mocha ava ctest rspec phpunit nosetests cypress playwright nextest"
    " run_tests.sh runtests.sh test.sh run-tests.sh run_tests.py runtests.py karma behave robot prove busted"
    " bats tap pest"
)
_RUNNERS = words(
    "npm pnpm yarn bun deno cargo go make gmake mvn mvnw gradle gradlew dotnet swift mix rake flutter zig stack"
    " sbt bazel"
    " just task meson ninja"
)
_CARRIERS = words("npx pnpx bunx uvx")
_CARRIERS_WITH = words("uv poetry bundle pipenv rye hatch")
"""Programs that run the program that they name, these after `run` or `exec`."""
_LOOKS = words(
    "cat head tail less more grep egrep fgrep rg ag ack find fd ls tree wc awk jq yq stat file which type pwd nl bat"
    " strings xxd hexdump diff cmp sort uniq du df readlink realpath basename dirname cut column echo printf"
    " env printenv"
)
_GIT_LOOKS = words(
    "log show diff grep blame status ls-files branch rev-parse remote config describe reflog shortlog tag"
)
_CHANGES = words(
    "mv cp rm mkdir rmdir touch chmod chown ln patch rsync install unzip tar truncate dd kill pkill killall tee"
    " apply_patch"
    " ed ex trash"
)
_GIT_CHANGES = words(
    "add commit apply am checkout switch stash reset restore merge rebase cherry-pick pull clone mv rm revert"
    " clean bisect"
    " worktree init submodule"
)
_GIT_RESTORES = words("stash checkout switch bisect reset restore revert worktree rebase")
_MANAGERS = words(
    "npm pnpm yarn bun pip pip3 uv poetry pipx conda gem bundle composer brew apt apt-get dnf yum apk cargo go"
    " pacman nix"
)
_MANAGES = words("install i ci add sync remove uninstall update upgrade get mod tidy lock")
_ASKS = words(
    "curl wget http https ping nc dig nslookup host ps pgrep top uptime jobs squeue sacct qstat bjobs nvidia-smi"
    " tail journalctl lsof ss netstat gcloud az glab watch crictl"
)
_ASKS_WITH = {
    "gh": words("view checks list watch status run pr workflow"),
    "kubectl": words("get describe rollout logs wait top"),
    "docker": words("ps logs inspect stats images compose"),
    "docker-compose": words("ps logs"),
    "systemctl": words("status is-active is-failed show list-units"),
    "git": words("status fetch ls-remote"),
    "tmux": words("capture-pane list-sessions"),
    "terraform": words("show state"),
    "aws": words("ec2 ecs eks batch cloudformation s3 logs lambda codebuild sts"),
}
_CHANGES_WITH = {
    "docker": words("build run up down rm stop start restart kill pull push compose"),
    "kubectl": words("apply delete create patch scale"),
    "systemctl": words("start stop restart reload enable disable"),
    "terraform": words("apply destroy"),
}
_STANDING = re.compile(r"status|progress|is[-_]ready|health|readyz|poll|pending|ping")
"""Words by which a program asks how something stands, whatever it is called."""


class Command(Struct, array_like=True, frozen=True, gc=False):
    """What a command line says of itself."""

    spacer: bool = False
    """It only lets time pass."""
    polls: bool = False
    """It asks how something stands."""
    changes: bool = False
    """It changes files or other state."""
    restores: bool = False
    """It takes files back to an earlier state on purpose."""
    commits: bool = False
    tests: bool = False
    looks: bool = False
    """It reads or searches: its answer is about what is there."""
    sleeps: float = 0.0
    """Seconds that it says it waits before it goes on."""
    limit: float | None = None
    """Seconds after which it says it is stopped."""
    program: str = ""
    """The first program that does something."""
    scope: str = ""
    """Of tests: what is tested, without flags, pipes and redirections: `pytest tests/a`."""


NOTHING_SAID = Command()


class _Part(Struct, gc=False):
    """One simple command of a line, and what it is piped into."""

    program: str
    words: list[str]
    """The words after the program."""
    limit: float | None = None

    def first(self) -> str:
        """The first word after the program that is no flag."""
        for word in self.words[:4]:
            if word[0] != "-":
                return word
        return ""


def command_of(text: str) -> Command:
    """What the command line `text` says of itself."""
    text = text[:LOOKED_AT]
    parts = [part for part in map(_part, _SPLIT.split(text)) if part is not None]
    if not parts:
        return Command(polls=True)
    loops = "while " in text or "until " in text or "for " in text
    slept, limit = 0.0, None
    changes = ">" in text and _REDIRECT.search(text) is not None
    restores = commits = tests = False
    looks = polls = True
    doing = 0
    for part in parts:
        slept += _slept(part)
        limit = part.limit if limit is None else limit
        first = part.first()
        if part.program == "git":
            restores = restores or first in _GIT_RESTORES
            commits = commits or first == "commit"
        changed = _changes(part, first)
        changes = changes or changed
        if part.program in _NOTHING:
            continue
        doing += 1
        looking = _looks(part, first)
        tested = not looking and not changed and _tests(part)
        tests = tests or tested
        looks = looks and looking
        polls = polls and not tested and not changed and _asks(part, first)
    if slept and loops and (times := _TIMES.search(text)) is not None:
        slept *= int(times[1] or times[2])
    return Command(
        spacer=not doing and slept > 0 and not loops,
        polls=(polls and doing > 0 and not changes) or (loops and slept > 0),
        changes=changes,
        restores=restores,
        commits=commits,
        tests=tests,
        looks=looks and doing > 0 and not changes,
        sleeps=min(slept, 7 * 86_400.0),
        limit=limit,
        program=next((part.program for part in parts if part.program not in _NOTHING), ""),
        scope=_scope(parts) if tests else "",
    )


def test_scope(text: str) -> str:
    """What a test command runs, without flags, pipes and redirections: `pytest tests/a`."""
    parts = (_part(part) for part in _SPLIT.split(text[:LOOKED_AT]))
    return _scope([part for part in parts if part is not None])


def _scope(parts: list[_Part]) -> str:
    kept: list[str] = []
    for part in parts:
        if part.program not in _NOTHING:
            words = (word for word in part.words if word[0] != "-" and "=" not in word and ">" not in word)
            kept += [part.program, *words]
    return " ".join(kept)


def _part(text: str) -> _Part | None:
    words = text.partition("|")[0].split()
    limit = None
    while words:
        word = words[0].lstrip("({")
        if word == "timeout" and len(words) > 1:
            words = words[1:]
            while words and words[0].startswith("-"):
                words = words[1:]
            if words and (found := _SLEEP.match(words[0])):
                limit = float(found[1]) * _UNIT[found[2]]
                words = words[1:]
        elif not word or word in _FRONT or ("=" in word and word.partition("=")[0].isidentifier()):
            words = words[1:]
        else:
            break
    if not words:
        return None
    program = words[0].lstrip("({").rpartition("/")[2].lower()
    rest = words[1:]
    if program in _CARRIERS or (program in _CARRIERS_WITH and rest[:1] in (["run"], ["exec"])):
        rest = [word for word in rest if not word.startswith("-")]
        rest = rest[1:] if rest[:1] in (["run"], ["exec"]) else rest
        if rest:
            return _Part(rest[0].rpartition("/")[2].lower(), rest[1:], limit)
    if program.startswith("python") and "-m" in rest[:3] and len(rest) > rest.index("-m") + 1:
        at = rest.index("-m")
        return _Part(rest[at + 1], rest[at + 2 :], limit)
    return _Part(program, rest, limit)


def _slept(part: _Part) -> float:
    if part.program not in ("sleep", "start-sleep"):
        return 0.0
    for word in part.words:
        if found := _SLEEP.match(word.strip("\"'()")):
            return float(found[1]) * _UNIT[found[2]]
    return 0.0


def _tests(part: _Part) -> bool:
    if part.program in _TESTS:
        return True
    if part.program in _RUNNERS:
        return any(word.startswith(("test", "check", "nextest", "verify", "spec")) for word in part.words[:4])
    # A script that is run by an interpreter.
    return bool(part.words) and part.words[0].rpartition("/")[2] in _TESTS


def _looks(part: _Part, first: str) -> bool:
    if part.program == "git":
        return first in _GIT_LOOKS
    if part.program == "sed":
        return not any(word.startswith("-") and "i" in word for word in part.words[:3])
    return part.program in _LOOKS


def _changes(part: _Part, first: str) -> bool:
    program = part.program
    if program in _CHANGES:
        return True
    if program == "git":
        return first in _GIT_CHANGES
    if program in ("sed", "perl"):
        return any(word.startswith("-") and "i" in word for word in part.words[:3])
    if program in _MANAGERS:
        return not _MANAGES.isdisjoint(part.words[:3])
    known = _CHANGES_WITH.get(program)
    return known is not None and not known.isdisjoint(part.words[:3])


def _asks(part: _Part, first: str) -> bool:
    if part.program in _ASKS:
        return True
    known = _ASKS_WITH.get(part.program)
    if known is not None:
        return not known.isdisjoint(part.words[:3])
    return _STANDING.search(f"{part.program} {' '.join(part.words[:3])}") is not None
