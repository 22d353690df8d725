"""Settings for all tests: one thread, and examples that are the same on every run."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

from hypothesis import settings

settings.register_profile("nas", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("nas")
