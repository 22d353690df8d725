"""The space `function`: parameters in YAML, and one function of yours that builds the model.

The shortest way to a space of your own: `build(architecture, data)` in any module that Python can
import from where the command is started, named as text. Where parameters need checks, costs have a
closed form, or equal networks must be told apart, write a `nas.SearchSpace` instead (README.md).
"""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ClassVar

from torch import nn

from nas.architecture import Architecture
from nas.errors import SpaceError, nearest_first
from nas.space.space import SearchSpace
from nas.task import DataShape

Builder = Callable[[Architecture, DataShape], nn.Module]


class FunctionSpace(SearchSpace):
    """What a function builds.

    Args:
        parameters: the tree of parameters, as in the YAML.
        build: a function (architecture, data) -> model, or its dotted name: `my_nets.build`.
        static_costs: a function (architecture, data) -> costs, or its dotted name; None has them
            counted.

    Raises:
        SpaceError: the name cannot be imported, or is no function of two arguments.
    """

    names_code: ClassVar[Mapping[str, str]] = {
        "build": "search_space",
        "static_costs": "search_space",
    }

    def __init__(
        self,
        parameters: Mapping[str, Any],
        *,
        build: str | Builder,
        static_costs: str | Callable[..., Mapping[str, float]] | None = None,
    ) -> None:
        super().__init__(parameters)
        self._build = _Function(build)
        self._static_costs = None if static_costs is None else _Function(static_costs)

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return what the function builds.

        Raises:
            SpaceError: that is no `nn.Module`.
        """
        model = self._build(architecture, data)
        if not isinstance(model, nn.Module):
            raise SpaceError(
                f"{self._build.name} must return a torch.nn.Module, but returned "
                f"{type(model).__name__}"
            )
        return model

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return what the function of costs says, if there is one."""
        if self._static_costs is None:
            return None
        costs: Mapping[str, float] = self._static_costs(architecture, data)
        return costs


class _Function:
    """A function that travels to workers by name, where it was given by name."""

    def __init__(self, function: str | Callable[..., Any]) -> None:
        self._given = function
        self._found: Callable[..., Any] | None = None
        self.name = function if isinstance(function, str) else _name_of(function)
        _check_signature(self._find(), self.name)

    def __call__(self, architecture: Architecture, data: DataShape) -> Any:
        return self._find()(architecture, data)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_found": None}

    def _find(self) -> Callable[..., Any]:
        if self._found is None:
            given = self._given
            self._found = import_function(given) if isinstance(given, str) else given
        return self._found


def import_function(name: str) -> Callable[..., Any]:
    """Return the function of a dotted name.

    Raises:
        SpaceError: no such module, no such name in it, or it cannot be called.
    """
    module_name, _, word = name.rpartition(".")
    if not module_name:
        raise SpaceError(f"'{name}' names no function; write module.function, as my_nets.build")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there, and imports one that is not
        raise SpaceError(
            f"'{name}': no module '{error.name}'; start the command in the folder that holds it, "
            "or set PYTHONPATH"
        ) from error
    if not hasattr(module, word):
        known = [n for n, value in vars(module).items() if inspect.isfunction(value)]
        raise SpaceError(
            f"'{module_name}' has no '{word}'; its functions, nearest first: "
            f"{nearest_first(word, known) or 'none'}"
        )
    function: Any = getattr(module, word)
    if not callable(function):
        raise SpaceError(f"'{name}' is a {type(function).__name__}, not a function")
    found: Callable[..., Any] = function
    return found


def _check_signature(function: Callable[..., Any], name: str) -> None:
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as error:
        raise SpaceError(
            f"{name} must take (architecture, data), but is {name}{inspect.signature(function)}"
        ) from error


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", function))
