"""nas: find the small network that is good enough.

A search space describes a family of architectures; the search returns the Pareto front of size
against accuracy. The names below are the public ones; they are imported when first used, because
torch takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.api.run import Run as Run
    from nas.api.run import open_run as open  # noqa: A004, F401 - it opens runs
    from nas.api.search import search as search
    from nas.architecture import Architecture as Architecture
    from nas.errors import NasError as NasError
    from nas.frontier.sampler import FrontierSampler as FrontierSampler
    from nas.sampling.distributions import suggest as suggest
    from nas.space.facts import Facts as Facts
    from nas.space.parameters import Choice as Choice
    from nas.space.parameters import Float as Float
    from nas.space.parameters import Int as Int
    from nas.space.parameters import Repeat as Repeat
    from nas.space.parameters import Same as Same
    from nas.space.parameters import When as When
    from nas.space.space import SearchSpace as SearchSpace
    from nas.task import DataShape as DataShape

    __version__: str

_HOMES = {
    "Architecture": "nas.architecture",
    "Choice": "nas.space.parameters",
    "DataShape": "nas.task",
    "Facts": "nas.space.facts",
    "Float": "nas.space.parameters",
    "FrontierSampler": "nas.frontier.sampler",
    "Int": "nas.space.parameters",
    "NasError": "nas.errors",
    "Repeat": "nas.space.parameters",
    "Run": "nas.api.run",
    "Same": "nas.space.parameters",
    "SearchSpace": "nas.space.space",
    "When": "nas.space.parameters",
    "open": "nas.api.run",
    "search": "nas.api.search",
    "suggest": "nas.sampling.distributions",
}

_NAMES = {"open": "open_run"}  # in their homes, where `open` is Python's own

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("nas")
    if name not in _HOMES:
        raise AttributeError(f"module 'nas' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), _NAMES.get(name, name))


def __dir__() -> list[str]:
    return sorted(__all__)
