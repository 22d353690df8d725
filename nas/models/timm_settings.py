"""What does a model of timm tell timm's builder? Read without building it.

A model's function, and those that it calls, end in `build_model_with_cfg(class, variant,
pretrained, **settings)`. Copies of these functions run here, with a builder in their sight that
notes the call and ends it; timm's own modules are left as they are.
"""

import sys
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any, NoReturn

from timm.models import build_model_with_cfg, is_model, model_entrypoint
from torch import nn

_BUILDER = "build_model_with_cfg"


@dataclass(frozen=True)
class BuilderCall:
    """A call of timm's builder.

    Attributes:
        model_class: what is built.
        variant: timm's name of the model, without the tag of its weights.
        settings: what the class and the builder are told; this call's own, to change at will.
    """

    model_class: Any
    variant: str
    settings: dict[str, Any]

    def build(self, pretrained: bool, settings: dict[str, Any]) -> nn.Module:
        """Return the model that timm's builder makes of the settings."""
        model: nn.Module = build_model_with_cfg(
            self.model_class, self.variant, pretrained, **settings
        )
        return model


class _NotedError(Exception):
    """Ends a model's function where it would build; holds what it would build."""

    def __init__(self, call: BuilderCall) -> None:
        super().__init__()
        self.call = call


def builder_call(name: str) -> BuilderCall | None:
    """Return what a model's function tells the builder; None where it does not call it.

    The function runs each time, since some build a part of the model (the backbone of a hybrid) on
    the device of the moment.

    Args:
        name: one of timm's models, with the tag of its weights or without.
    """
    variant, _, tag = name.partition(".")
    try:
        _noting(variant)(pretrained=False, **({"pretrained_cfg": tag} if tag else {}))
    except _NotedError as noted:
        return noted.call
    return None


@cache
def _noting(variant: str) -> FunctionType:
    """Return a copy of a model's function that notes the call of the builder."""
    return _Copies().of(model_entrypoint(variant))


class _Copies:
    """Copies of functions that see a builder of ours; each module's are made once."""

    def __init__(self) -> None:
        self._namespaces: dict[int, dict[str, Any]] = {}

    def of(self, function: FunctionType) -> FunctionType:
        """Return a copy of a function, which calls copies of those that build."""
        namespace = self._namespace(function)
        copied = FunctionType(
            function.__code__,
            namespace,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        copied.__kwdefaults__ = function.__kwdefaults__
        return copied

    def _namespace(self, function: FunctionType) -> dict[str, Any]:
        original = function.__globals__
        if id(original) not in self._namespaces:
            namespace = {**original, _BUILDER: _note}
            self._namespaces[id(original)] = namespace  # before its functions, which lead here
            namespace |= {
                name: self.of(value)
                for name, value in original.items()
                if isinstance(value, FunctionType)
                and _may_build(value)
                and not _is_part(value, of=original)
            }
            namespace[_BUILDER] = _note
        return self._namespaces[id(original)]


def _may_build(function: FunctionType) -> bool:
    """Say whether a function stands in a module of timm's models that knows the builder."""
    module = function.__module__ or ""
    return (
        module.startswith("timm.models.")
        and function.__globals__ is vars(sys.modules[module])
        and _BUILDER in function.__globals__
    )


def _is_part(function: FunctionType, *, of: dict[str, Any]) -> bool:
    """Say whether a function makes a whole model of another module: the backbone of a hybrid."""
    return function.__globals__ is not of and is_model(function.__name__)


def _note(model_class: Any, variant: str, _pretrained: bool = False, **settings: Any) -> NoReturn:
    raise _NotedError(BuilderCall(model_class, variant, settings))
