"""With what a command ends: the number that the shell sees as `$?`."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """How a command ended; of several searches in one command the highest counts."""

    DONE = 0
    INCOMPLETE = 1  # an unexpected error, or a part of the work failed
    USERS_FAULT = 2  # a message says what to change
    INTERRUPTED = 130  # by Ctrl-C, SIGTERM or SIGHUP; the shell's number for Ctrl-C
