"""What is a command? Its name, what runs it, the words it takes, and the help made from these."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias

# Takes what was typed of a value; returns values that may stand there, whether they fit or not.
Completer: TypeAlias = Callable[[str], Iterable[str]]

HELP_FLAGS = ("--help", "-h")
_WIDTH = 98
_COLUMN = 36  # the explanations of all words begin here at the latest


@dataclass(frozen=True)
class Argument:
    """A word that a command takes, and its line in the help.

    Several may have the same key: each is an example of what stands there.

    Attributes:
        shown: `key=example`, `--flag, -f VALUE`, or a bare word such as NAME.
        words: what it is.
        completes: the values that the tab key offers; where it is not given, the choices.
        choices: all that may stand there; empty where that is open.
        default: what a `key=` is where it is not given; None for nothing.
        is_required: the command cannot do without.
        is_first: of a `key=`: its value may stand as the first word, without the key.
    """

    shown: str
    words: str
    completes: Completer | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None
    is_required: bool = False
    is_first: bool = False

    def values(self, typed: str) -> list[str]:
        """Return what may stand there, as far as that is known."""
        return list(self.choices if self.completes is None else self.completes(typed))

    @property
    def key(self) -> str | None:
        """What stands before the `=`; None for a flag and for a bare word."""
        key, equals, _ = self.shown.partition("=")
        return key if equals and not self.flags else None

    @property
    def usual(self) -> str:
        """What one types of a required argument: `runs/N` of one that may stand first."""
        if not self.is_first:
            return self.shown
        value = self.shown.partition("=")[2]
        return " ".join(value.strip("[]").split(",")) if self.takes_list else value

    def word_values(self, typed: str) -> list[str]:
        """Return what may stand there as a word of its own, without the key."""
        if not self.takes_list:
            return self.values(typed)
        return [value.removeprefix("[") for value in self.values(f"[{typed}")]

    @property
    def takes_list(self) -> bool:
        """Whether a list stands behind the `=`, so that several first words belong to it."""
        return self.shown.partition("=")[2].startswith("[")

    @property
    def flags(self) -> tuple[str, ...]:
        """The names of a flag, the long one first; none for another word."""
        if not self.shown.startswith("-"):
            return ()
        return tuple(word for word in self.shown.replace(",", "").split() if word[0] == "-")

    @property
    def takes_value(self) -> bool:
        """Whether a word follows the flag."""
        return len(self.flags) < len(self.shown.split())


@dataclass(frozen=True)
class Command:
    """One command, or one action of a command such as `nas spaces show`.

    Attributes:
        name: the words after `nas`.
        runs: the module whose `run` takes the words that follow and returns the exit status; or
            `module:function`. Empty where there are actions.
        summary: one line for `nas --help`.
        about: what else its own help says first.
        arguments: the words that it takes.
        overrides: the file of conf/ whose keys it takes besides; empty for none.
        borrowed: starts of further keys that it takes, as `search.yaml` has them.
        completers: of values of keys that are described elsewhere, by key.
        ending: what its help says last.
        details: `module:function` that returns further help.
        actions: the commands of which one follows.
        further: keys that it takes besides, each with its `=`, as the tab key offers them.
    """

    name: str
    runs: str
    summary: str
    about: str = ""
    arguments: tuple[Argument, ...] = ()
    overrides: str = ""
    borrowed: tuple[str, ...] = ()
    completers: Mapping[str, Completer] = field(default_factory=dict)
    ending: str = ""
    details: str = ""
    actions: tuple["Command", ...] = ()
    further: tuple[str, ...] = ()

    def run(self) -> Callable[..., int]:
        """Return what runs it; it is imported now."""
        runner: Callable[..., int] = _function(self.runs)
        return runner

    @property
    def word(self) -> str:
        """The last word of its name: what tells it from the other actions of a command."""
        return self.name.split()[-1]

    @property
    def keys(self) -> dict[str, Argument]:
        """The settings it names, each by its first line."""
        found: dict[str, Argument] = {}
        for argument in self.arguments:
            if argument.key is not None:
                found.setdefault(argument.key, argument)
        return found

    @property
    def bare(self) -> list[Argument]:
        """The words that stand by themselves, in their order."""
        return [a for a in self.arguments if a.key is None and not a.flags]

    @property
    def first(self) -> Argument | None:
        """The setting whose value may stand first, without its key."""
        return next((a for a in self.arguments if a.is_first), None)

    @property
    def flags(self) -> list[Argument]:
        """The flags it takes, without --help."""
        return [argument for argument in self.arguments if argument.flags]

    def usage(self) -> str:
        """Return the words that follow the name, as one types them."""
        if self.actions:
            last = [[action.word, *(a.shown for a in action.bare)] for action in self.actions]
            return " | ".join(" ".join(words) for words in last)
        required = [a.usual for a in self.arguments if a.is_required or a in self.bare]
        group = ["[group=choice ...]"] if self.overrides == "search" else []
        has_more = self.overrides or any(not a.is_required for a in self.keys.values())
        more = ["[key=value ...]"] if has_more else []
        return " ".join([*required, *group, *more, *(["[flags]"] if self.flags else [])])

    def help_text(self) -> str:
        """Return what `nas <name> --help` prints."""
        parts = [f"nas {self.name} {self.usage()}".rstrip(), _filled(self.about or self.summary)]
        if self.details:
            parts.append(_function(self.details)())
        actions = [(f"{a.word} {a.usage()}".rstrip(), a.summary) for a in self.actions]
        settings = [(a.shown, a.words) for a in self.arguments if not a.flags]
        flags = [(flag.shown, flag.words) for flag in self.flags]
        parts += ["\n".join(two_columns(rows)) for rows in (actions, settings) if rows]
        if flags:
            parts.append("\n".join(["Flags", *two_columns(flags)]))
        if self.ending:
            parts.append(_filled(self.ending))
        return "\n\n".join(parts)


def two_columns(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield lines of words and what they are; long explanations go on below themselves."""
    rows = list(rows)
    column = min(max(len(shown) for shown, _ in rows) + 4, _COLUMN)
    indent = " " * column
    for shown, words in rows:
        head = f"  {shown}  "
        if len(head) > column:
            yield head.rstrip()
            head = ""
        yield from textwrap.wrap(
            words,
            _WIDTH,
            initial_indent=head.ljust(column),
            subsequent_indent=indent,
            break_on_hyphens=False,
        )


def _filled(text: str) -> str:
    """Return a text with lines of the help's width; an indented line stays as it is."""
    return "\n".join(
        line if line.startswith(" ") else textwrap.fill(line, _WIDTH, break_on_hyphens=False)
        for line in text.splitlines()
    )


def _function(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function or "run")
