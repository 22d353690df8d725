"""`nas` as a program of its own: it ends as soon as its work is done.

Python takes every object apart before a process ends, which takes seconds after torch and Ray were
loaded. All that matters is on disk by then, so it is left to the system.
"""

import atexit
import logging
import os
import sys
from typing import NoReturn

from nas.cli.main import main
from nas.exit_status import ExitStatus


class _Ending:
    """Ends the process after all that was registered to run at its end.

    Attributes:
        status: that it ends with.
    """

    def __init__(self) -> None:
        self.status: int = ExitStatus.INCOMPLETE

    def __call__(self) -> None:
        """Flush, and leave."""
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):  # closed, full or absent
                continue
        os._exit(self.status)


def program() -> NoReturn:
    """Run the command line of this process, and end it."""
    ending = _Ending()
    atexit.register(ending)  # first, so that it runs last
    ending.status = int(main())
    sys.exit(ending.status)
