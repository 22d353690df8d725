"""The user's faults.

Every error that a user can cause is a child of `NasError`; its text says what is wrong, the value,
what is allowed and what to do, and the command line prints it without a traceback (exit status 2).
Our own faults are assertions.
"""

import difflib
import re
from collections.abc import Iterable


class NasError(Exception):
    """A fault that the user can mend."""


class ConfigError(NasError):
    """A setting is unknown, missing, of the wrong type or out of range."""


class SpaceError(NasError):
    """A search space is ill-formed, or cannot build what it describes."""


class UnbuildableError(SpaceError):
    """This one architecture does not exist; the search draws another without a word."""


class DataError(NasError):
    """A data set is missing, empty, broken or of the wrong shape."""


class ConstraintError(NasError):
    """No architecture of the space meets the constraints."""


class InvalidObjectivesError(NasError):
    """Objectives contradict each other, or values do not fit them."""


class RunFolderError(NasError):
    """A run folder exists already, is missing, or belongs to other settings."""


class ExecutionError(NasError):
    """Workers cannot be had as asked for, or too many trials failed."""


class MissingPackageError(NasError):
    """An optional package is needed and not installed."""


def gguf_packages_missing(name: str) -> MissingPackageError:
    """Return the error of a GGUF file of that name that cannot be read here."""
    return MissingPackageError(
        f"{name} is GGUF, which the packages transformers, gguf and accelerate read: "
        "pip install 'nas[language]'"
    )


def nearest_first(name: str, known: Iterable[str]) -> str:
    """Return the known names as one comma-separated line, those most like `name` first.

    >>> nearest_first("widht", ["depth", "width"])
    'width, depth'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=max(1, len(names)), cutoff=0.5)
    return ", ".join(close + [other for other in names if other not in close])


# Escape sequences of a terminal (colours, titles), then what is left of control characters.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    r"""Return a text that does nothing to a terminal: line ends and tabs are all that is left.

    >>> printable("a\x1b[31mred\x1b[0m\x07b\n")
    'aredb\n'
    """
    return _CONTROLS.sub("", _ESCAPES.sub("", text))
