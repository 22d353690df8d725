"""`nas completion`: what makes the tab key complete commands, groups, choices, keys and runs.

`nas completion bash` prints a script for the shell, which calls `nas completion query` at each
tab with the line so far. The answer is read from the YAML files and the folder of runs: no Hydra,
no torch.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from nas.config.choices import Choices, folders_of
from nas.config.schema import Ui
from nas.errors import ConfigError, nearest_first
from nas.paths import conf_dir

HELP = """\
nas completion bash | zsh | fish

Prints a script that makes the tab key complete commands, overrides, choices and runs.
  bash   add to ~/.bashrc:                     eval "$(nas completion bash)"
  zsh    add to ~/.zshrc, after compinit:      eval "$(nas completion zsh)"
  fish   add to ~/.config/fish/config.fish:    nas completion fish | source"""

# Bash breaks words at = by default, and then wants only what follows the last one.
_BASH = """\
_nas_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" word cut=""
    local typed="${line##*[[:space:]]}"
    [[ "$COMP_WORDBREAKS" == *=* && "$typed" == *=* ]] && cut="${typed%"${typed##*=}"}"
    COMPREPLY=()
    while IFS= read -r word; do
        [[ -n "$word" ]] && COMPREPLY+=("${word#"$cut"}")
    done < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" \\
        "${COMP_WORDS[0]}" completion query 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" != *[=./] ]] && compopt +o nospace 2>/dev/null
    return 0
}
complete -o nospace -o default -F _nas_complete nas"""

_ZSH = """\
_nas() {
    local -a found
    local line="${(j: :)words[1,CURRENT]}"
    local query="${words[1]} completion query"
    found=("${(@f)$(COMP_LINE="$line" COMP_POINT="${#line}" ${(z)query} 2>/dev/null)}")
    compadd -Q -S '' -- ${found:#}
}
compdef _nas nas"""

_FISH = """\
function __nas_complete
    set -l line (commandline -cp)
    COMP_LINE="$line" COMP_POINT=(string length -- "$line") nas completion query 2>/dev/null
end
complete -c nas -f -a '(__nas_complete)'"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_FLAGS = (
    "--help",
    "--config-dir",
    "--config-name",
    "--config-path",
    "--multirun",
    "--cfg",
    "--info",
    "--package",
    "--resolve",
)
_SPACE_ACTIONS = ("list", "show", "copy", "check")


def run(words: Sequence[str]) -> int:
    """Print a shell's script, or what completes the line that the shell has."""
    if list(words) == ["query"]:
        line = os.environ.get("COMP_LINE", "")
        point = int(os.environ.get("COMP_POINT", len(line)))
        print("\n".join(complete(line[:point])))
        return 0
    if not words or words[0] in ("--help", "-h"):
        print(HELP)
        return 0
    if words[0] not in SCRIPTS:
        known = nearest_first(words[0], SCRIPTS)
        raise ConfigError(f"there is no completion for '{words[0]}'; known: {known}")
    print(SCRIPTS[words[0]])
    return 0


def complete(line: str) -> list[str]:
    """Return the words that may stand in place of the last one of a line, sorted.

    A word that ends in `=` or `.` goes on.
    """
    from nas.cli.main import COMMANDS

    words = line.split()[1:]
    current = "" if line[-1:].isspace() or not words else words.pop()
    if not words:
        return _starting_with(current, [*COMMANDS, "--help", "--version"])
    completers: dict[str, Callable[[Sequence[str], str], list[str]]] = {
        "search": _complete_search,
        "profile": _complete_search,
        "report": lambda _, word: _starting_with(word, _runs("run=")),
        "repair": lambda _, word: _starting_with(word, _runs("run=")),
        "dashboard": lambda _, word: _starting_with(word, [*_runs("run="), "port="]),
        "compare": lambda _, word: _complete_list(word),
        "spaces": _complete_spaces,
        "completion": lambda _, word: _starting_with(word, SCRIPTS),
    }
    completer = completers.get(words[0])
    return [] if completer is None else completer(words[1:], current)


def _complete_search(before: Sequence[str], current: str) -> list[str]:
    if before and before[-1] in ("--cfg", "-c"):
        return _starting_with(current, ["job", "hydra", "all"])
    if before and before[-1] in ("--config-dir", "-cd", "--config-path", "-cp"):
        return []  # the shell knows folders
    choices = Choices(folders_of(_config_dir(before), conf_dir()))
    if current.startswith("-"):
        return _starting_with(current, _FLAGS)
    groups = choices.groups()
    key, equals, _ = current.partition("=")
    if equals:
        return _starting_with(current, [f"{key}={value}" for value in _values(key, choices)])
    given = dict(word.split("=", 1) for word in before if "=" in word)
    chosen = {group: choice for group, choice in given.items() if group in groups}
    keys = [option.key for option in choices.options(chosen)]
    return sorted(
        {*_starting_with(current, [f"{g}=" for g in groups]), *_next_part(current, keys)}
    )


def _values(key: str, choices: Choices) -> list[str]:
    if key in choices.groups():
        return choices.choices(key)
    if key == "ui":
        return [str(ui) for ui in Ui]
    if key == "name":
        return [run.removeprefix("runs/") for run in _runs("")]
    defaults = {option.key: option.default for option in choices.options()}
    return ["true", "false"] if isinstance(defaults.get(key), bool) else []


def _next_part(current: str, keys: Iterable[str]) -> set[str]:
    """Return the keys that start with `current`, each up to its next dot: like folders."""
    parts = set()
    for key in keys:
        if key.startswith(current):
            head, dot, _ = key[len(current) :].partition(".")
            parts.add(f"{current}{head}{dot or '='}")
    return parts


def _config_dir(before: Sequence[str]) -> Path | None:
    for index, word in enumerate(before):
        if word.startswith("--config-dir="):
            return Path(word.partition("=")[2])
        if word in ("--config-dir", "-cd") and index + 1 < len(before):
            return Path(before[index + 1])
    return None


def _complete_spaces(before: Sequence[str], current: str) -> list[str]:
    if not before:
        return _starting_with(current, _SPACE_ACTIONS)
    if before[0] == "list" or len(before) > 1:
        return []
    return _starting_with(current, Choices((conf_dir(),)).choices("search_space"))


def _complete_list(current: str) -> list[str]:
    """Complete the last run of `runs=[a,b`."""
    if not current.startswith("runs=["):
        return _starting_with(current, ["runs=["])
    head, comma, last = current.rpartition(",")
    prefix = f"{head}{comma}" if comma else "runs=["
    return _starting_with(last if comma else current[6:], _runs(""), prefix=prefix)


def _runs(prefix: str) -> list[str]:
    """Return the runs in ./runs, newest first, as one would type them."""
    folder = Path("runs")
    if not folder.is_dir():
        return []
    found = [place for place in folder.iterdir() if (place / "config.yaml").is_file()]
    found.sort(key=lambda place: place.stat().st_mtime, reverse=True)
    return [f"{prefix}{place}" for place in found]


def _starting_with(current: str, words: Iterable[str], *, prefix: str = "") -> list[str]:
    return sorted(f"{prefix}{word}" for word in words if word.startswith(current))
