"""The recipe of a run, with the settings that `nas finish` changes."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from nas.assemble.make import make
from nas.config.check import in_one_message
from nas.config.schema import TrialLimits
from nas.config.validator import Validator
from nas.errors import ConfigError
from nas.train.recipe import Recipe
from nas.train.token_recipe import TokenRecipe

Kind = TypeVar("Kind", Recipe, TokenRecipe)


def recipe_of(
    recorded: Mapping[str, Any], changes: Mapping[str, Any], *, kind: type[Kind]
) -> Kind:
    """Return the recipe of the search with some settings changed.

    Raises:
        ConfigError: a recipe of this kind has no such setting, or refuses the value.
    """
    limits = TrialLimits.names()
    node = {key: value for key, value in recorded.items() if key not in limits}
    known = {item.name for item in fields(kind)}
    validator = Validator()
    for key in changes:
        if key not in known:
            validator.record(cls=kind, value={key: None}, path="training")
    if validator.faults:
        raise ConfigError(in_one_message(validator.faults))
    made = make({**node, **changes})
    assert isinstance(made, kind), "training is a recipe, as the search checked"
    return made
