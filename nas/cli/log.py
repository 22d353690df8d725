"""Where do log lines go? All to the run folder's log.txt, warnings to the terminal too."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.errors import NasError
from nas.search.view import View
from nas.secrets import masked

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LoggedError(Exception):
    """An unexpected error whose traceback is in a log file."""


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
        logging.getLogger(__name__).info("stopped by an error", exc_info=True)
        raise LoggedError(
            f"{type(error).__name__}: {error}; the traceback is in {path}"
        ) from error
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            root.removeHandler(handler)
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


def _file_handler(path: Path) -> logging.Handler:
    handler = logging.FileHandler(path)
    handler.setFormatter(_WithoutSecrets(_FORMAT))
    return handler


def _view_handler(view: View) -> logging.Handler:
    handler = _ToView(view)
    # Python's warnings are for developers: they go to the file alone.
    handler.addFilter(lambda record: record.name != "py.warnings")
    return handler
