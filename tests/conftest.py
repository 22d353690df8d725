"""Settings for all tests: one thread, the same examples on every run, no handlers left behind."""

import gc
import logging
import os
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import pytest
from hypothesis import settings

settings.register_profile("nas", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("nas")


def pytest_collection_finish() -> None:
    """Leave what all tests import out of the garbage collection: it takes 6 % of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Remove log handlers that a command left: they write to streams that end with the test."""
    loggers = [logging.getLogger(name) for name in ("", "hydra", "optuna")]
    before = [(logger, list(logger.handlers), logger.level) for logger in loggers]
    yield
    for logger, handlers, level in before:
        for handler in [h for h in logger.handlers if type(h) is logging.StreamHandler]:
            if handler not in handlers:
                logger.removeHandler(handler)
        logger.setLevel(level)
