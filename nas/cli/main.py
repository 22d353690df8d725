"""The command line: finds the command, runs it, and turns what comes of it into an exit status.

0 done; 2 the user's fault, said in one message without a traceback; 130 after Ctrl-C, SIGTERM or
SIGHUP; 1 anything else. Nothing heavy is imported before it is needed: `nas --help` must come at
once.
"""

import importlib
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from nas.cli.disk import disk_fault
from nas.cli.streams import output_fault, prepare_streams
from nas.config.trust import parted, trusting
from nas.engine.interrupt import as_ctrl_c
from nas.errors import ConfigError, NasError, nearest_first, printable
from nas.secrets import masked, remember_secrets_of_words
from nas.train.threads import set_worker_environment

DONE, UNEXPECTED, USERS_FAULT, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True)
class Command:
    """A word after `nas`.

    Attributes:
        module: has `run(words) -> exit status` and `HELP`.
        usage: the words that follow.
        words: what it does.
    """

    module: str
    usage: str
    words: str


COMMANDS = {
    "search": Command(
        "nas.cli.search", "[key=value ...]", "search; print the front; write the run folder"
    ),
    "profile": Command(
        "nas.cli.profile",
        "[key=value ...]",
        "look before spending: what the space holds, what keeps the limits, trials per hour",
    ),
    "finish": Command(
        "nas.cli.finish",
        "run=runs/N [key=value ...]",
        "confirm winners on the test split; export and measure them",
    ),
    "reproduce": Command(
        "nas.cli.reproduce",
        "run=runs/N [into=...]",
        "repeat a run from its folder; say what differs",
    ),
    "report": Command(
        "nas.cli.report", "run=runs/N", "make tables, pictures and page again from a run folder"
    ),
    "repair": Command(
        "nas.cli.repair", "run=runs/N", "save what is whole of a damaged run folder"
    ),
    "compare": Command(
        "nas.cli.compare",
        "runs=[a,b,...]",
        "several fronts in one picture, with their hypervolumes",
    ),
    "spaces": Command(
        "nas.cli.spaces", "list | show NAME | copy NAME DIR", "look at search spaces, or copy one"
    ),
    "dashboard": Command(
        "nas.cli.dashboard", "run=runs/N", "watch a run's study in a browser (optuna-dashboard)"
    ),
    "completion": Command(
        "nas.cli.completion",
        "bash | zsh | fish",
        "print what makes the tab key complete overrides",
    ),
}

_TAKE_TRUST = ("search", "profile", "finish", "reproduce")  # they may run what a run names

EXAMPLES = """\
  nas search preset=smoke                 a real search of seconds, to see that everything works
  nas search data=digits name=first       a search with everything else as it is by default
  nas search name=first resume=true       go on with it
  nas search --help                       what can be set
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    given = list(sys.argv[1:] if words is None else words)
    remember_secrets_of_words(given)
    set_worker_environment()  # before anything imports torch
    prepare_streams()
    status = _run(given)
    if (fault := output_fault()) is not None:
        print(f"nas: {fault}", file=sys.stderr)
        return max(status, USERS_FAULT)
    return status


def _run(words: Sequence[str]) -> int:
    try:
        with as_ctrl_c():
            return _dispatch(words)
    except NasError as error:
        return _tell(error)
    except KeyboardInterrupt:
        print("nas: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - the last place that can say anything
        fault = disk_fault(error)
        if fault is not None:
            return _tell(fault)
        return _report_unexpected(error)


def _dispatch(words: Sequence[str]) -> int:
    name, rest = (words[0], words[1:]) if words else ("--help", [])
    if name in ("--help", "-h", "help"):
        print(help_text())
        return DONE
    if name == "--version":
        from importlib.metadata import version

        print(f"nas {version('nas')}")
        return DONE
    if name not in COMMANDS:
        known = nearest_first(name, COMMANDS)
        raise ConfigError(f"there is no command '{name}'; known, nearest first: {known}")
    module = importlib.import_module(COMMANDS[name].module)
    words, trusts = parted(rest) if name in _TAKE_TRUST else (rest, False)
    with trusting(trusts):
        status: int = module.run(words)
    return status


def help_text() -> str:
    """Return what `nas --help` prints."""
    usages = [f"nas {name} {command.usage}" for name, command in COMMANDS.items()]
    width = max(map(len, usages))
    lines = [
        f"  {usage:<{width}}  {command.words}"
        for usage, command in zip(usages, COMMANDS.values(), strict=True)
    ]
    return "\n".join(
        [
            "Neural architecture search: the Pareto front of size against accuracy.",
            "",
            *lines,
            "",
            EXAMPLES.rstrip("\n"),
        ]
    )


def _tell(fault: NasError) -> int:
    print(f"nas: {printable(masked(str(fault)))}", file=sys.stderr)
    return USERS_FAULT


def _report_unexpected(error: BaseException) -> int:
    """Say what happened in a line; the traceback is in the log where there is one."""
    if type(error).__name__ != "LoggedError":  # by name: its module is not imported for this
        print(masked("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        error = RuntimeError(f"{type(error).__name__}: {error}; the traceback is above")
    print(masked(f"nas: stopped by an unexpected error: {error}"), file=sys.stderr)
    return UNEXPECTED


if __name__ == "__main__":
    sys.exit(main())
