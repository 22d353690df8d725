"""A command of a test's own."""

import sys
from collections.abc import Sequence

from nas.cli.commands import COMMANDS
from nas.cli.flags import parse_settings
from nas.exit_status import ExitStatus


def run(words: Sequence[str]) -> int:
    """Say which colour was given."""
    settings = parse_settings(words, COMMANDS["paint"])
    sys.stdout.write(f"painted {settings['colour']}\n")
    return ExitStatus.DONE
