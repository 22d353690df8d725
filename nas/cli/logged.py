"""An error whose traceback needs no place on the terminal.

By itself, so that the command line knows it without importing what logging needs.
"""


class LoggedError(Exception):
    """An unexpected error whose traceback is in a log file."""
