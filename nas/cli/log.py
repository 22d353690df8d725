"""Where do log lines go? All to the run folder's log.txt, warnings to the terminal too."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas.cli.disk import disk_fault
from nas.cli.logged import LoggedError
from nas.engine.view import View
from nas.errors import NasError
from nas.secrets import masked

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _WithoutSecrets(logging.Formatter):
    """Masks passwords in the whole of an entry, its traceback too."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _ToView(logging.Handler):
    """Hands warnings to the view, which knows how to write beside its picture."""

    def __init__(self, view: View) -> None:
        super().__init__(logging.WARNING)
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        self._view.message(masked(f"{record.levelname.lower()}: {record.getMessage()}"))


@contextmanager
def logging_to(path: Path, view: View) -> Iterator[None]:
    """Log to a file, and warn on the view, as long as the block runs.

    Raises:
        LoggedError: in place of an unexpected error, once its traceback is in the file.
    """
    handlers = [_file_handler(path), _view_handler(view)]
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    logging.captureWarnings(True)
    _tame_others()
    try:
        yield
    except NasError as error:
        logging.getLogger(__name__).info("stopped: %s", error)
        raise
    except Exception as error:
        fault = disk_fault(error)
        if fault is not None:
            logging.getLogger(__name__).info("stopped: %s", fault, exc_info=True)
            raise fault from error
        logging.getLogger(__name__).info("stopped by an error", exc_info=True)
        raise LoggedError(
            f"{type(error).__name__}: {error}; the traceback is in {path}"
        ) from error
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            root.removeHandler(handler)
            with contextlib.suppress(OSError):  # what was told is on its way already
                handler.close()
        root.setLevel(level)


def _tame_others() -> None:
    """Send Optuna's warnings where ours go, and leave out what exporters tell of each node."""
    for chatty in ("onnx_ir", "onnxscript"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    optuna = logging.getLogger("optuna")
    optuna.handlers.clear()
    optuna.propagate = True
    optuna.setLevel(logging.WARNING)


class _ToFile(logging.FileHandler):
    """Writes to a file; where that fails, what is logged is lost, and the work goes on."""

    def _open(self) -> Any:
        """Open without waiting: behind the name may be a pipe that nobody reads."""
        wanted = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        return os.fdopen(os.open(self.baseFilename, wanted, 0o666), self.mode, encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - by logging
        """Say nothing of a full disk, which ends the command by itself; of others as usual."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _file_handler(path: Path) -> logging.Handler:
    handler = _ToFile(path)
    handler.setFormatter(_WithoutSecrets(_FORMAT))
    return handler


def _view_handler(view: View) -> logging.Handler:
    handler = _ToView(view)
    # Python's warnings are for developers: they go to the file alone.
    handler.addFilter(lambda record: record.name != "py.warnings")
    return handler
