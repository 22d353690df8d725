"""Which words may stand without their key? The run of `nas finish runs/a`, the runs of `compare`.

They become `run=runs/a` and `runs=[runs/a,runs/b]`, so that all that follows knows one form.
"""

from collections.abc import Sequence

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
    """Return the words at the beginning that stand for an argument: no settings, no flags."""
    found: list[str] = []
    for word in words:
        if "=" in word or word.startswith("-") or (found and not argument.takes_list):
            break
        found.append(word)
    return found
