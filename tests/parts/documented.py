"""The `nas ...` lines that README and docs show, as words of a command line."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.assemble.jobs import plan_jobs
from nas.cli import answer
from nas.cli.command import Command
from nas.cli.commands import SEARCH
from nas.cli.first_words import with_keys
from nas.cli.flags import parse_flags, parse_settings, take_bare
from nas.cli.main import find_command
from nas.cli.search import _source
from nas.config.finishing import check_finish

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("search_spaces/*.md")])
_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^(?: {4}|\t).*\n)+", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`(nas [^`\n]+)`(?!`)")
_LEFT_OUT = re.compile(
    r"(^|[\s=])(\.\.\.|…)|=$|=[;,.]?$"
)  # not a whole line: `pick.size_bytes.max=`
_PIPED = re.compile(r" [|>] .*")  # what a shell does with the output
NAMES = {"NAME": "mobilenet", "DIR": "somewhere", "COMMAND": "search"}
# Of a run that goes on: a line takes its data from there.
RECORDED = {"data.path=moved/photos": "data=image_folder"}
# Commands whose other words are settings of a search.
COMPOSED = ("search", "profile", "device new")


@dataclass(frozen=True)
class DocumentedLine:
    """A command line of a page.

    Attributes:
        page: that shows it, below the project's folder.
        text: as it stands there.
        words: after `nas`.
    """

    page: str
    text: str
    words: tuple[str, ...]

    @property
    def id(self) -> str:
        """Name of the test that is made of it."""
        return f"{self.page}: {self.text}"[:120]


def documented_lines() -> list[DocumentedLine]:
    """Return each line once; one that is cut short by dots, and mere names, are left out."""
    found: dict[tuple[str, ...], DocumentedLine] = {}
    for page in PAGES:
        for text in _texts(page.read_text(encoding="utf-8")):
            words = tuple(shlex.split(_PIPED.sub("", text), comments=True))
            if not _LEFT_OUT.search(text):
                place = str(page.relative_to(ROOT))
                found.setdefault(words, DocumentedLine(place, text, words[1:]))
    return list(found.values())


def _texts(page: str) -> list[str]:
    blocks = [block for block in _FENCED.findall(page) if block]
    rest = _FENCED.sub("", page)
    blocks += _INDENTED.findall(rest)
    joined = "\n".join(blocks).replace("\\\n", " ")
    lines = [line.strip().removeprefix("$ ") for line in joined.splitlines()]
    shown = [line for line in lines if line.startswith("nas ")]
    inline = _INLINE.findall(_INDENTED.sub("", rest))
    return [*shown, *(text for text in inline if len(text.split()) > 2)]


def check_line(words: Sequence[str]) -> None:
    """Do with a line what its command does before it begins.

    Raises:
        NasError: the line has faults.
    """
    command, rest = find_command([NAMES.get(word, word) for word in words])
    if "--help" in rest or (command.bare and not rest):  # help, or a mere name in a sentence
        return
    rest = answer.parted(rest)[0] if "output" in command.keys else rest
    rest = take_bare(rest, command)[1] if command.bare else with_keys(rest, command)
    if command.name == "finish":
        check_finish(rest)
    elif command.name in COMPOSED:
        _compose(command, rest)
    elif not command.name.startswith("spaces"):
        parse_settings(rest, command)


def _compose(command: Command, rest: Sequence[str]) -> None:
    """Compose the search that a line is about; one that goes on is composed as a new one."""
    own = [word for word in rest if word.partition("=")[0] in command.keys]
    others = rest if command.name == "search" else [word for word in rest if word not in own]
    fresh = [word for word in others if word != "resume=true"]
    fresh += [RECORDED[word] for word in others if word in RECORDED]
    plan_jobs(_source(parse_flags(fresh, SEARCH)))
