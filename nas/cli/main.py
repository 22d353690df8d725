"""The command line: finds the command, runs it, and turns what comes of it into an exit status.

The commands are in `nas.cli.commands`. A user's fault is said in one message without a traceback.
Nothing heavy is imported before it is needed: `nas --help` must come at once.
"""

import sys
import traceback
from collections.abc import Sequence

from nas.cli import answer
from nas.cli.command import HELP_FLAGS, Command, two_columns
from nas.cli.command_clock import beginning
from nas.cli.commands import COMMANDS
from nas.cli.disk import disk_fault
from nas.cli.first_words import refuse_unknown_flags, with_keys
from nas.cli.logged import LoggedError
from nas.cli.streams import output_fault, prepare_streams
from nas.config.trust import parted, trusting
from nas.engine.interrupt import Interrupted, as_ctrl_c
from nas.errors import ConfigError, NasError, nearest_first, printable
from nas.exit_status import ExitStatus
from nas.secrets import masked, remember_secrets_of_words
from nas.train.threads import set_worker_environment

_EXAMPLES = """\
  nas search preset=smoke                 a real search of seconds, to see that everything works
  nas search data=digits name=first       a search with everything else as it is by default
  nas search name=first resume=true       go on with it
  nas search --help                       what can be set"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    with beginning(is_process=words is None):
        return _main(words)


def _main(words: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if words is None else words)
    remember_secrets_of_words(given)
    set_worker_environment()  # before anything imports torch
    prepare_streams()
    status = _run(given)
    if (fault := output_fault()) is not None:
        print(f"nas: {fault}", file=sys.stderr)
        return max(status, ExitStatus.USERS_FAULT)
    return status


def _run(words: Sequence[str]) -> int:
    try:
        with as_ctrl_c():
            return _dispatch(words)
    except BaseException as error:  # noqa: BLE001 - the last place that can say anything
        return _told(error)[0]


def _told(error: BaseException) -> tuple[int, str]:
    """Say what ended a command; return its exit status, and that in words."""
    fault = error if isinstance(error, NasError) else disk_fault(error)
    if fault is not None:
        return ExitStatus.USERS_FAULT, _tell(fault)
    if is_interrupt(error):
        text = str(error) if isinstance(error, Interrupted) else "interrupted"
        print(f"nas: {text}", file=sys.stderr)
        return ExitStatus.INTERRUPTED, text
    return ExitStatus.INCOMPLETE, _report_unexpected(error)


def is_interrupt(error: BaseException | None) -> bool:
    """Say whether an interrupt led to an error: code that it cuts may fail while it tidies up."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False


def _dispatch(words: Sequence[str]) -> int:
    if not words or words[0] in (*HELP_FLAGS, "help"):
        print(help_text())
        return ExitStatus.DONE
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"nas {version('nas')}")
        return ExitStatus.DONE
    command, rest = find_command(words)
    if command.actions or set(rest) & set(HELP_FLAGS):
        print(command.help_text())
        return ExitStatus.DONE
    rest, is_json = answer.parted(rest) if "output" in command.keys else (rest, False)
    if not is_json:
        return _call(command, rest)
    with answer.answering():
        text, status = _answered(command, rest)
    print(text)
    return status


def _answered(command: Command, words: Sequence[str]) -> tuple[str, int]:
    """Run a command; return its JSON document, whatever came of it, and its exit status."""
    try:
        status = _call(command, words)
        return answer.document(status), status
    except BaseException as error:  # noqa: BLE001 - a reader of the document wants it whole
        status, message = _told(error)
        return answer.document(status, error=error, message=message), status


def _call(command: Command, words: Sequence[str]) -> int:
    flags = {name for other in COMMANDS.values() for flag in other.flags for name in flag.flags}
    refuse_unknown_flags(words, command, elsewhere=flags)
    rest, trusts = parted(words) if "trust" in command.keys else (list(words), False)
    with trusting(trusts):
        return command.run()(with_keys(rest, command))


def find_command(words: Sequence[str]) -> tuple[Command, list[str]]:
    """Return the command that a line names, and the words that are left for it.

    Raises:
        ConfigError: there is no such command, or it has no such action.
    """
    name, rest = words[0], list(words[1:])
    if name not in COMMANDS:
        known = nearest_first(name, COMMANDS)
        raise ConfigError(f"there is no command '{name}'; known, nearest first: {known}")
    command = COMMANDS[name]
    actions = {action.word: action for action in command.actions}
    if not actions or not rest or (rest[0] not in actions and set(rest) & set(HELP_FLAGS)):
        return command, rest
    if rest[0] not in actions:
        known = nearest_first(rest[0], actions)
        raise ConfigError(f"nas {name} cannot '{rest[0]}'; it can, nearest first: {known}")
    return actions[rest[0]], rest[1:]


def help_text() -> str:
    """Return what `nas --help` prints."""
    rows = [(f"nas {c.name} {c.usage()}".rstrip(), c.summary) for c in COMMANDS.values()]
    return "\n".join(
        [
            "Neural architecture search: the Pareto front of size against accuracy.",
            "",
            *two_columns(rows),
            "",
            "nas COMMAND --help says more of a command. Examples:",
            _EXAMPLES,
        ]
    )


def _tell(fault: NasError) -> str:
    text = printable(masked(str(fault)))
    print(f"nas: {text}", file=sys.stderr)
    return text


def _report_unexpected(error: BaseException) -> str:
    """Say what happened in a line; the traceback is in the log where there is one."""
    if not isinstance(error, LoggedError):
        print(masked("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        error = RuntimeError(f"{type(error).__name__}: {error}; the traceback is above")
    text = masked(f"stopped by an unexpected error: {error}")
    print(f"nas: {text}", file=sys.stderr)
    return text


if __name__ == "__main__":
    sys.exit(main())
