"""What may stand where a configuration names code? The kind of thing that each place is for."""

import inspect
import typing
from collections.abc import Mapping
from types import UnionType
from typing import Any

# What each place may name, in words.
WORDS: Mapping[str, str] = {
    "search_space": "a nas.SearchSpace, or a function build(architecture, data)",
    "data": (
        "a function that says it returns a Dataset, TaskData or TextData: def load() -> Dataset"
    ),
    "training": "nas.train.recipe.Recipe or nas.train.token_recipe.TokenRecipe, or a child of one",
    "evaluation": "an evaluator: a class with the methods of nas.evaluation.evaluator.Evaluator",
    "sampler": "an Optuna sampler, or one of nas",
    "stopping": "a stop rule: a class with the methods of nas.engine.stop_rule.StopRule",
    "model": "a function that says it returns a torch module: def make() -> nn.Module",
}


def is_of_kind(found: Any, place: str) -> bool:
    """Say whether an imported thing is what a place is for.

    Args:
        found: a class or function.
        place: a key of `WORDS`; or any other, for what stands inside of another: a part of a
            sampler or of a space.
    """
    from torch import nn

    from nas.data.dataset import Dataset
    from nas.data.task_data import TaskData
    from nas.data.text import TextData
    from nas.engine.stop_rule import StopRule
    from nas.evaluation.evaluator import Evaluator
    from nas.sampling.optuna_classes import crossover_classes, sampler_classes
    from nas.space.space import SearchSpace
    from nas.train.recipe import Recipe
    from nas.train.token_recipe import TokenRecipe

    kinds: Mapping[str, tuple[type[Any], ...]] = {
        "search_space": (SearchSpace,),
        "data": (Dataset, TaskData, TextData),
        "training": (Recipe, TokenRecipe),
        "sampler": sampler_classes(),
        "model": (nn.Module,),
    }
    if place == "evaluation":
        return inspect.isclass(found) and _has_methods(found, Evaluator)
    if place == "stopping":
        return inspect.isclass(found) and _has_methods(found, StopRule)
    if place in kinds:
        if place == "search_space" and _is_build(found):
            return True
        return _makes(found, kinds[place])
    inner = (*sampler_classes(), *crossover_classes(), SearchSpace)
    return _makes(found, inner)


def makes_text(found: Any) -> bool:
    """Say whether a loader says that it returns text for language models."""
    from nas.data.text import TextData

    return _makes(found, (TextData,))


def _makes(found: Any, kinds: tuple[type[Any], ...]) -> bool:
    """Say whether a class is of some kinds, or a function says that it returns them."""
    if inspect.isclass(found):
        return issubclass(found, kinds)
    if not inspect.isfunction(found):
        return False
    returned = _returned(found)
    options = typing.get_args(returned) if _is_union(returned) else (returned,)
    return all(inspect.isclass(option) and issubclass(option, kinds) for option in options)


def _returned(function: Any) -> Any:
    try:
        told = inspect.signature(function).return_annotation
    except (TypeError, ValueError):
        return None
    if not isinstance(told, str):
        return told
    names = getattr(inspect.unwrap(function), "__globals__", {})
    for part in told.split("."):  # a name, with or without its module: no expression is evaluated
        found = names.get(part) if isinstance(names, Mapping) else getattr(names, part, None)
        names = found
    return names


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, UnionType)


def _is_build(found: Any) -> bool:
    try:
        return inspect.isfunction(found) and list(inspect.signature(found).parameters) == [
            "architecture",
            "data",
        ]
    except (TypeError, ValueError):
        return False


def _has_methods(found: type[Any], protocol: type[Any]) -> bool:
    """Say whether a class has all methods of a protocol."""
    wanted = [name for name in vars(protocol) if not name.startswith("_")]
    return all(callable(getattr(found, name, None)) for name in wanted)
