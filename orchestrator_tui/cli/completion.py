"""Completion scripts for bash, zsh and fish, made from the parsers: static, but for the names of sessions.

argparse knows all that is needed, so this takes no library. A session's name comes from outside: only `safe` names are
offered, and no script evaluates them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from orchestrator_tui.cli.described import Argument, Command

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@+-]{0,199}")
"""Names that mean themselves in every shell."""

_BASH = """\
# Completion of orc for bash:  eval "$(orc completion bash)"  in ~/.bashrc
_orc() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at=orc words="" kind="" i name
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${COMP_WORDS[i]}" in
      @KNOWN@) at="$at ${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
@VALUES@
    *) case "$at" in
@PLACES@
      esac
      [[ $cur == -* ]] && kind=""
      [[ $cur == -* ]] || words=${words// --*/} ;;
  esac
  case "$kind" in
    path) compopt -o default 2>/dev/null || { local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$cur")); } ;;
    session)
      while IFS=$'\\t' read -r name _; do
        [[ $name == "$cur"* ]] && COMPREPLY+=("$name")
      done < <("${COMP_WORDS[0]}" completion sessions 2>/dev/null) ;;
  esac
  [[ -n $words ]] && COMPREPLY+=($(compgen -W "$words" -- "$cur"))
  return 0
}
complete -F _orc orc
"""

_ZSH = """\
#compdef orc
# Completion of orc for zsh:  source <(orc completion zsh)  in ~/.zshrc, after compinit
_orc() {
  local at=orc kind="" i name about
  local -a offered options found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at $words[i]" in
      @KNOWN@) at="$at $words[i]" ;;
    esac
  done
  case "$at $words[CURRENT-1]" in
@VALUES@
    *) case "$at" in
@PLACES@
      esac
      [[ $PREFIX == -* ]] && { offered=("${options[@]}"); kind="" } ;;
  esac
  case "$kind" in
    path) _files ;;
    session)
      while IFS=$'\\t' read -r name about; do
        found+=("$name:${about//:/ }")
      done < <("$words[1]" completion sessions 2>/dev/null)
      _describe -t sessions session found ;;
  esac
  (( $#offered )) && _describe -t words orc offered
}
if [[ $funcstack[1] == _orc ]]; then _orc "$@"; else compdef _orc orc; fi
"""

_FISH = """\
# Completion of orc for fish:  orc completion fish > ~/.config/fish/completions/orc.fish
function __orc_at
  set -l at orc
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case @KNOWN@
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c orc -f
"""


def bash(root: Command) -> str:
    """The script for bash, 3.2 and later."""
    values, places = _values(root, _bash_kind), []
    for command, key in _commands(root):
        rest = " ".join(f"--{name}" for name in _long(command))
        first = [part.words[-1] for part in command.parts]
        place = _place(command)
        chosen = " ".join([*first, *(place.choices if place else ())])
        kind = f"kind={_kind(place)}; " if place else ""
        places.append(f'        "{key}") {kind}words="{chosen} {rest}" ;;')
    return _filled(_BASH, root, "|".join, values, places)


def _bash_kind(argument: Argument) -> str:
    return f'words="{" ".join(argument.choices)}"' if argument.choices else f"kind={_kind(argument)}"


def zsh(root: Command) -> str:
    """The script for zsh."""
    values, places = _values(root, _zsh_kind), []
    for command, key in _commands(root):
        options = " ".join(_quoted(f"--{name}:{_colons(text)}") for name, text in _long(command).items())
        offered = [_quoted(f"{part.words[-1]}:{_colons(part.about)}") for part in command.parts]
        place = _place(command)
        offered += place.choices if place else ()
        kind = f"kind={_kind(place)}; " if place else ""
        places.append(f'        "{key}") {kind}offered=({" ".join(offered)}); options=({options}) ;;')
    return _filled(_ZSH, root, "|".join, values, places)


def _zsh_kind(argument: Argument) -> str:
    return f"offered=({' '.join(argument.choices)})" if argument.choices else f"kind={_kind(argument)}"


def fish(root: Command) -> str:
    """The script for fish, 3.0 and later."""
    lines = [_filled(_FISH, root, " ".join, [], [])]
    for command, key in _commands(root):
        condition = f'__orc_at "{key}"'
        here = f"complete -c orc -n {_fish(condition)}"
        lines += [f"{here} -a {part.words[-1]} -d {_fish(part.about)}\n" for part in command.parts]
        place = _place(command)
        lines += [f"{here}{_fish_value(place)}\n"] if place and _fish_value(place) else []
        for option in _options(command):
            names = "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names)
            value = (" -r" if option.is_path else " -x") + _fish_value(option) if option.value else ""
            lines.append(f"{here}{names}{value} -d {_fish(option.help)}\n")
    return "".join(lines)


def _fish_value(argument: Argument) -> str:
    if argument.choices:
        return f" -a {_fish(' '.join(argument.choices))}"
    return {"path": " -F", "session": " -a '(orc completion sessions 2>/dev/null)'"}.get(_kind(argument), "")


SHELLS: dict[str, Callable[[Command], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _commands(root: Command) -> list[tuple[Command, str]]:
    return [(command, " ".join(("orc", *command.words))) for command in root.all()]


def _values(root: Command, kind: Callable[[Argument], str]) -> list[str]:
    """The cases of options that take a value, for bash and zsh: those that take the same are one."""
    heads: dict[str, list[str]] = {}
    for command, key in _commands(root):
        for option in _options(command):
            if option.value:
                heads.setdefault(kind(option), []).extend(f'"{key} {name}"' for name in option.names)
    return [f"    {'|'.join(names)}) {done} ;;" for done, names in heads.items()]


def _filled(
    script: str, root: Command, joined: Callable[[list[str]], str], values: list[str], places: list[str]
) -> str:
    known = [f'"{key}"' for command, key in _commands(root) if command.words]
    script = script.replace("@KNOWN@", joined(known))
    return script.replace("@VALUES@", "\n".join(values)).replace("@PLACES@", "\n".join(places))


def _options(command: Command) -> list[Argument]:
    return [argument for argument in command.arguments if argument.names]


def _long(command: Command) -> dict[str, str]:
    """Long options without their hyphens -> what they do."""
    return {n[2:]: option.help for option in _options(command) for n in option.names if n.startswith("--")}


def _place(command: Command) -> Argument | None:
    """The value that comes first where one has its place."""
    return next((argument for argument in command.arguments if not argument.names), None)


def _kind(argument: Argument) -> str:
    return "session" if argument.is_session else "path" if argument.is_path else "none"


def _colons(text: str) -> str:
    return text.replace(":", "\\:")


def _quoted(text: str) -> str:
    """A word of bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
