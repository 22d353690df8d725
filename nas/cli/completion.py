"""`nas completion`: what makes the tab key complete commands, groups, choices, keys and runs.

`nas completion bash` prints a script for the shell, which calls `nas completion query` at each
tab with the line so far. The answer comes from the table of commands, the YAML files and the
folder of runs: no Hydra, no torch.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nas.cli.command import Argument, Command
from nas.cli.commands import COMMANDS, COMPLETION
from nas.cli.flags import take_bare
from nas.cli.typed_line import TypedLine, read_line
from nas.config.choices import Choices, folders_of
from nas.errors import ConfigError, nearest_first
from nas.exit_status import ExitStatus
from nas.paths import conf_dir

# No space follows what goes on: a key, a folder, a list that is open.
_BASH = """\
_nas_complete() {
    COMPREPLY=()
    local word
    while IFS= read -r word; do
        [[ -n "$word" ]] && COMPREPLY+=("$word")
    done < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" NAS_BREAKS="$COMP_WORDBREAKS" \\
        "${COMP_WORDS[0]}" completion query bash 2>/dev/null)
    case "${COMPREPLY[*]}" in
        *[=./] | *\\[*) ;;
        *) [[ ${#COMPREPLY[@]} -eq 1 ]] && compopt +o nospace 2>/dev/null ;;
    esac
    return 0
}
complete -o nospace -F _nas_complete nas"""

_ZSH = """\
_nas() {
    local -a found
    local line="${(j: :)words[1,CURRENT]}"
    local query="${words[1]} completion query zsh"
    found=("${(@f)$(COMP_LINE="$line" COMP_POINT="${#line}" ${(z)query} 2>/dev/null)}")
    compadd -S '' -- ${(M)found:#(*[=./]|*\\[*)}
    compadd -- ${found:#(|*[=./]|*\\[*)}
}
compdef _nas nas"""

_FISH = """\
function __nas_complete
    set -l line (commandline -cp)
    COMP_LINE="$line" COMP_POINT=(string length -- "$line") nas completion query fish 2>/dev/null
end
complete -c nas -f -a '(__nas_complete)'"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(words: Sequence[str]) -> int:
    """Print a shell's script, or what completes the line that the shell has."""
    if words[:1] == ["query"]:
        line = os.environ.get("COMP_LINE", "")
        point = int(os.environ.get("COMP_POINT", len(line)))
        typed = read_line(line[:point], breaks=os.environ.get("NAS_BREAKS", ""))
        escapes = words[1:] not in (["fish"], ["zsh"])  # these do so by themselves
        print("\n".join(typed.inserted(word, escapes=escapes) for word in _completions(typed)))
        return ExitStatus.DONE
    (shell,), _ = take_bare(words, COMPLETION)
    if shell not in SCRIPTS:
        known = nearest_first(shell, SCRIPTS)
        raise ConfigError(f"there is no completion for '{shell}'; known: {known}")
    print(SCRIPTS[shell])
    return ExitStatus.DONE


def complete(line: str) -> list[str]:
    """Return the words that may stand in place of the last one of a line, sorted.

    A word that ends in `=`, `.` or `/` goes on.
    """
    return _completions(read_line(line))


def _completions(typed: TypedLine) -> list[str]:
    words, current = list(typed.words[1:]), typed.current
    if not words:
        return _starting_with(current, [*COMMANDS, "--help", "--version"])
    command = COMMANDS.get(words.pop(0))
    if command is not None and command.actions:
        actions = {action.word: action for action in command.actions}
        if not words:
            return _starting_with(current, actions)
        command = actions.get(words.pop(0))
    return [] if command is None else _complete(command, words, current)


def _complete(command: Command, before: Sequence[str], current: str) -> list[str]:
    flags = {name: flag for flag in command.flags for name in flag.flags}
    asked = flags.get(before[-1]) if before else None
    if asked is not None and asked.takes_value:
        return _starting_with(current, asked.values(current))
    key, equals, typed = current.partition("=")
    if equals:
        values = _values(command, key, typed, before, flags)
        return _starting_with(current, [f"{key}={value}" for value in values])
    if current.startswith("-"):
        return _starting_with(current, [name for name in [*flags, "--help"] if name[:2] == "--"])
    given = [word for word in before if "=" not in word and not word.startswith("-")]
    if len(given) < len(command.bare):
        return _starting_with(current, command.bare[len(given)].values(current))
    first = command.first
    has_first = first is not None and not any(w.startswith(f"{first.key}=") for w in before)
    offered = set()
    if first is not None and has_first and (first.takes_list or not given):
        places = first.word_values(current)
        offered = {place for place in places if place.startswith(current) and place not in given}
    unused = [key for key in command.keys if not any(w.startswith(f"{key}=") for w in before)]
    unused += [key.removesuffix("=") for key in command.further]
    return sorted({*offered, *_next_part(current, unused), *_overrides(command, before, current)})


def _values(
    command: Command,
    key: str,
    typed: str,
    before: Sequence[str],
    flags: Mapping[str, Argument],
) -> Iterable[str]:
    """Return what may stand behind `key=`: as the table says, else as the YAML files show."""
    known = {**command.keys, **flags}
    if key in known and (known[key].completes or known[key].choices):
        return known[key].values(typed)
    values = list(command.completers[key](typed)) if key in command.completers else []
    if not command.overrides:
        return values
    choices = _choices(command, before)
    if key in choices.groups():
        values += choices.choices(key)
    defaults = {option.key: option.default for option in choices.options()}
    return [*values, "true", "false"] if isinstance(defaults.get(key), bool) else values


def _overrides(command: Command, before: Sequence[str], current: str) -> set[str]:
    """Return the groups and the keys of the YAML files that go on from a word."""
    if not command.overrides:
        return set()
    choices = _choices(command, before)
    groups = choices.groups()
    given = dict(word.split("=", 1) for word in before if "=" in word)
    chosen = {group: choice for group, choice in given.items() if group in groups}
    options = [option for option in choices.options(chosen) if option.default != {}]
    keys = [option.key for option in options if option.key not in command.keys]
    if command.borrowed:
        search = (option.key for option in Choices(choices.folders).options())
        keys += [k for k in search if k.startswith(command.borrowed) and "_target_" not in k]
    names = _starting_with(current, [f"{group}=" for group in groups])
    return {*names, *_next_part(current, keys)}


def _choices(command: Command, before: Sequence[str]) -> Choices:
    return Choices(folders_of(_config_dir(before), conf_dir()), command.overrides)


def _config_dir(before: Sequence[str]) -> Path | None:
    for index, word in enumerate(before):
        if word.startswith("--config-dir="):
            return Path(word.partition("=")[2])
        if word in ("--config-dir", "-cd") and index + 1 < len(before):
            return Path(before[index + 1])
    return None


def _next_part(current: str, keys: Iterable[str]) -> set[str]:
    """Return the keys that start with `current`, each up to its next dot: like folders."""
    parts = set()
    for key in keys:
        if key.startswith(current):
            head, dot, _ = key[len(current) :].partition(".")
            parts.add(f"{current}{head}{dot or '='}")
    return parts


def _starting_with(current: str, words: Iterable[str]) -> list[str]:
    return sorted(word for word in words if word.startswith(current))
