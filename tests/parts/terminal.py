"""A program on a terminal of its own, typed to as a person would."""

import os
import pty
import re
import select
import subprocess
import time
from types import TracebackType

_LIMIT_S = 30.0
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[=>])")  # colours, and the cursor's moves


class Terminal:
    """Runs a program on a pseudo terminal until the block ends.

    Args:
        words: the program and its arguments.
    """

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            words,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "dumb"},
            start_new_session=True,
        )
        os.close(slave)
        self._shown = ""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def type(self, keys: str) -> None:
        """Type some keys."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> str:
        """Wait until what is shown ends with a text, and return the end of it, as long as that.

        After half a minute what is shown instead is returned.
        """
        end_s = time.monotonic() + _LIMIT_S
        while (
            not (shown := _ESCAPES.sub("", self._shown)).endswith(text)
            and time.monotonic() < end_s
        ):
            if select.select([self._master], [], [], 0.1)[0]:
                new = os.read(self._master, 65536).decode(errors="replace")
                self._shown += new.replace("\r", "").replace("\a", "")
        return shown[-len(text) :]
