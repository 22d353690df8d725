"""The small form of an experiment: `--smoke`, the same code in seconds, beside its results.

Every command of an experiment hands `run_experiment` its `main` and its small form: command lines
of its own with tiny settings, whose inputs and results lie in a folder that is removed afterwards.
What takes long is thus an option of the command, and the small form runs the code that published
figures came from.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

SMOKE = "--smoke"


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows a module's docstring as it is, and names the small form."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        SMOKE,
        action="store_true",
        help="alone: the small form, in seconds and in a temporary folder; results stay",
    )
    return parser


def run_experiment(
    main: Callable[[Sequence[str]], int],
    small: Callable[[Path], Iterable[Sequence[str]]],
) -> int:
    """Run the command line of this process, or its small form, and return the exit status.

    Args:
        main: takes the words of a command line.
        small: an empty folder -> command lines with tiny settings that write there alone.
    """
    words = sys.argv[1:]
    if SMOKE not in words:
        return main(words)
    if words != [SMOKE]:
        print(f"{SMOKE} stands alone, but got: {' '.join(words)}", file=sys.stderr)
        return 2
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nas-smoke-") as folder:
        for line in small(Path(folder)):
            print("small form:", *line, flush=True)
            if (status := main(line)) != 0:
                return status
    print(f"the small form took {time.monotonic() - started:.1f} s; results stay as they are")
    return 0
