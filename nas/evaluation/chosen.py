"""Settings of a training that the search decides for each network, beside its architecture.

They stand in an architecture under `training.NAME` (`search_spaces.training`), so that a trial,
its retraining and its record agree on them.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from nas.architecture import Architecture
from nas.errors import ConfigError, nearest_first
from nas.space.parameters import Choice, Domain
from nas.train.recipe import Recipe
from nas.train.token_recipe import TokenRecipe

PREFIX = "training."
# The same for all trials: where they run, and whom they learn or start from.
_COMMON = ("device", "distillation", "transfer_from")

RecipeT = TypeVar("RecipeT", bound=Recipe | TokenRecipe)


def with_chosen(recipe: RecipeT, architecture: Architecture) -> RecipeT:
    """Return the recipe with the settings that an architecture brings."""
    chosen = chosen_settings(architecture)
    return replace(recipe, **chosen) if chosen else recipe


def check_chosen(recipe: Any, domains: Mapping[str, Domain]) -> None:
    """Refuse settings that the recipe lacks, and values that it does not take.

    Args:
        recipe: a dataclass that checks its values.
        domains: of a space's parameters, by name.

    Raises:
        ConfigError: naming the setting.
    """
    known = [field.name for field in fields(recipe) if field.name not in _COMMON]
    for name, domain in chosen_settings(domains).items():
        if name not in known:
            raise ConfigError(
                f"search_space.training.{name}: {type(recipe).__name__} has no such setting that "
                f"may differ between trials; known, nearest first: {nearest_first(name, known)}"
            )
        for value in _values_to_check(domain):
            try:
                replace(recipe, **{name: value})
            except ConfigError as error:
                raise ConfigError(f"search_space.training.{name}: {error}") from error


def chosen_settings(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is named after a setting of the training, by the setting's own name."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in named.items()
        if name.startswith(PREFIX)
    }


def _values_to_check(domain: Domain) -> tuple[Any, ...]:
    """Return all options of a choice, and the ends of a range."""
    return domain.options if isinstance(domain, Choice) else (domain.low, domain.high)
