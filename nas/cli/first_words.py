"""Which words may stand without their key? The run of `nas finish runs/a`, the runs of `compare`.

They become `run=runs/a` and `runs=[runs/a,runs/b]`, so that all that follows knows one form. A
setting that is written as a flag (`--budget 3min`) is refused, with the word that sets it.
"""

import re
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from nas.cli.command import Argument, Command
from nas.errors import ConfigError


def with_keys(words: Sequence[str], command: Command) -> list[str]:
    """Return the words of a command, each setting with its key.

    Raises:
        ConfigError: one is given twice: without its key, and with it.
    """
    argument = command.first
    if argument is None:
        return list(words)
    bare = leading_words(words, argument)
    if not bare:
        return list(words)
    key, rest = argument.key, list(words[len(bare) :])
    if any(word.startswith(f"{key}=") for word in rest):
        raise ConfigError(
            f"{key} is given twice: as {', '.join(bare)} and by {key}=...; leave one of them out"
        )
    if argument.takes_list:
        return [f"{key}=[{','.join(bare)}]", *rest]
    return [f"{key}={bare[0]}", *rest]


def leading_words(words: Sequence[str], argument: Argument) -> list[str]:
    """Return the words at the beginning that stand for an argument: no settings, no flags.

    A folder that is there may have an = in its name.
    """
    found: list[str] = []
    for word in words:
        if (
            ("=" in word and not _is_folder(word))
            or word.startswith("-")
            or (found and not argument.takes_list)
        ):
            break
        found.append(word)
    return found


def _is_folder(word: str) -> bool:
    try:
        return Path(word).is_dir()
    except OSError:  # too long for a name
        return False


def refuse_unknown_flags(
    words: Sequence[str], command: Command, *, elsewhere: Collection[str] = ()
) -> None:
    """Refuse words that look like flags and are none of this command.

    Args:
        words: of the command line.
        command: says which flags there are.
        elsewhere: flags of other commands, which are no settings here.

    Raises:
        ConfigError: says which settings they are, as they are written here.
    """
    known = {name for flag in command.flags for name in flag.flags}
    told = []
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if not _FLAG.fullmatch(name) or name in known:
            continue
        after = words[place + 1] if place + 1 < len(words) else ""
        is_value = bool(after) and "=" not in after and not after.startswith("-")
        meant = value if equals else (after if is_value else "true")
        key = name.lstrip("-").replace("-", "_")
        told.append((name, shlex.quote(f"{key}={meant}")))
    if not told:
        return
    names = ", ".join(dict.fromkeys(name for name, _ in told))
    settings = ", ".join(setting for name, setting in told if _may_be_setting(name, elsewhere))
    advice = f"see nas {command.name} --help"
    if settings:
        advice = f"settings are written without dashes, as key=value: {settings}"
    raise ConfigError(f"nas {command.name} has no flag {names}; {advice}")


def _may_be_setting(name: str, elsewhere: Collection[str]) -> bool:
    return name.startswith("--") and name not in elsewhere


_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")
