"""What may stand behind a `key=`? Runs, files, spaces, metrics or one of a few words.

Each takes what was typed so far and returns whole values, whether they begin with it or not. They
read folders and YAML files alone: the tab key must answer at once.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from nas.cli.command import Completer
from nas.config.choices import Choices
from nas.metric import METRICS
from nas.paths import conf_dir


def one_of(*words: str) -> Completer:
    """Return what offers some words; those of an enum by `one_of(*Enum)`."""
    return lambda _typed: [str(word) for word in words]


def listed(completer: Completer) -> Completer:
    """Return what offers a list in brackets, item by item: its last one is completed."""

    def complete(typed: str) -> Iterable[str]:
        if not typed.startswith("["):
            return [f"[{value}" for value in completer("")]
        start, comma, last = typed.rpartition(",")
        before = f"{start}{comma}" if comma else "["
        given = start[1:].split(",")
        values = completer(last if comma else typed[1:])
        return [f"{before}{value}" for value in values if value not in given]

    return complete


def runs(typed: str) -> Iterable[str]:
    """Offer the folders in ./runs that hold a run; folders of elsewhere once one is begun."""
    known = [f"runs/{name}" for name in run_names(typed)]
    if not typed:
        return known
    return known if any(run.startswith(typed) for run in known) else folders(typed)


def run_names(typed: str) -> Iterable[str]:
    """Offer the names of the runs in ./runs."""
    del typed
    return [
        entry.name
        for entry in _entries(Path("runs"))
        if any((entry / name).is_file() for name in ("config.yaml", "study.journal"))
    ]


def files(typed: str) -> Iterable[str]:
    """Offer files and folders; a folder ends in `/`, so that one can go on below it."""
    head = typed[: typed.rfind("/") + 1]
    hidden = typed[len(head) :].startswith(".")
    for entry in _entries(Path(head or ".").expanduser()):
        if hidden or not entry.name.startswith("."):
            yield f"{head}{entry.name}{'/' if entry.is_dir() else ''}"


def folders(typed: str) -> Iterable[str]:
    """Offer folders."""
    return [place for place in files(typed) if place.endswith("/")]


def choices_of(group: str, *others: str) -> Completer:
    """Return what offers the shipped choices of a group of settings, and other words."""
    return lambda _typed: [*Choices((conf_dir(),)).choices(group), *others]


def device_names(typed: str) -> Iterable[str]:
    """Offer the devices in ./devices."""
    del typed
    return [entry.name for entry in _entries(Path("devices")) if entry.is_dir()]


def metrics(typed: str) -> Iterable[str]:
    """Offer the metrics that are known by name, and the latency of each device."""
    return [*METRICS, *(f"latency_ms@{name}" for name in device_names(typed))]


def _entries(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder))]  # noqa: PTH208 - as one types
    except OSError:  # there is none, or it may not be read: nothing is offered
        return []
