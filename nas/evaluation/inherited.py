"""A trial starts from the weights that came with its order, and is as long as that one says."""

from dataclasses import replace

from safetensors.torch import load as load_safetensors
from torch import nn

from nas.train.inheritance import inherit
from nas.train.recipe import Recipe
from nas.trial import Inheritance


def start(
    model: nn.Module, inheritance: Inheritance | None, recipe: Recipe
) -> tuple[float, Recipe]:
    """Give a model its first weights; return the share of the steps that follow, and the recipe.

    Args:
        model: as it was built; changed in place.
        inheritance: where to start from; None leaves the model as it is.
        recipe: of a full training from random weights.
    """
    if inheritance is None:
        return 1.0, recipe
    inherit(model, load_safetensors(inheritance.weights))
    peak = inheritance.learning_rate_share * recipe.learning_rate
    return inheritance.share, replace(recipe, learning_rate=peak)
