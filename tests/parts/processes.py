"""Processes that a test starts, watches and ends."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def start_driver(folder: Path, *arguments: object) -> "subprocess.Popen[bytes]":
    """Start `parts.driver` in a process group of its own; its output goes to a file."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "parts.driver", str(folder), *map(str, arguments)]
    with folder.with_suffix(".output").open("ab") as output:
        return subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def wait_until(condition: Callable[[], object], *, timeout_s: float = 150.0) -> None:
    """Wait until something holds; fail loudly if it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def lines(path: Path) -> Sequence[str]:
    """Return the whole lines of a file; none if it is absent."""
    return path.read_text().splitlines() if path.exists() else []


@contextmanager
def no_file_beyond(num_bytes: int) -> Iterator[None]:
    """Have this process write no file beyond a size, as on a full disk: EFBIG.

    Python would leave cut .pyc files of what is imported meanwhile; the next import would fail.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writes_nothing = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = writes_nothing
