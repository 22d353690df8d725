"""A trial starts from the weights that came with its order, and is as long as that one says."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from safetensors.torch import load as load_safetensors
from torch import nn

from nas.architecture import Architecture
from nas.data.dataset import SearchData
from nas.measure.cost import on_meta_device
from nas.models.decoder_inheritance import single_matrices
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.train.batches import TrialData
from nas.train.inheritance import inherit, inherit_into
from nas.train.recipe import Recipe
from nas.train.token_recipe import TokenRecipe
from nas.train.whitening import begins_at_random, whiten_first_convolution
from nas.trial import Inheritance

ALMOST_ALL = 0.99  # of its steps: no ranking changes by fewer


class StartsFromOthers:
    """What an evaluator knows that lets trials start from others (`Inherits`).

    Attributes:
        space: builds the models.
        data: what they are built for.
    """

    space: SearchSpace
    data: SearchData

    def weight_shapes(self, architecture: Architecture) -> Mapping[str, tuple[int, ...]]:
        """Return name -> shape of what a network's state dict holds; it is built without values.

        Raises:
            Exception: whatever the space's `build` raises.
        """
        return shapes_of_weights(self.space, architecture, self.data.shape)


def shapes_of_weights(
    space: SearchSpace, architecture: Architecture, data: DataShape
) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of what a network's state dict holds; it is built without values.

    Raises:
        Exception: whatever the space's `build` raises.
    """
    with on_meta_device():
        model = space.build(architecture, data)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


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
    return inheritance.share, replace(recipe.for_weights(), learning_rate=peak)


def begin(
    model: nn.Module, build: Callable[[], nn.Module], data: TrialData, recipe: Recipe
) -> Recipe:
    """Prepare a network for its first training; return the recipe of it.

    One that begins at random may get whitening filters. Weights that a user's `build` brings stay.

    Args:
        model: as it was built; changed in place.
        build: makes it once more.
        data: at the size that it takes.
        recipe: how to train.
    """
    if recipe == recipe.for_weights():
        return recipe
    if not begins_at_random(build, model, len(data.mean)):
        return recipe.for_weights()
    if recipe.whitening:
        whiten_first_convolution(model, data)
    return recipe


def start_decoder(
    model: nn.Module, inheritance: Inheritance | None, recipe: TokenRecipe
) -> TokenRecipe:
    """Give a decoder its first weights; return the recipe of the training that follows.

    Args:
        model: as it was built; changed in place.
        inheritance: where to start from; None leaves model and recipe as they are.
        recipe: of a full training from random weights.
    """
    if inheritance is None:
        return recipe
    relative = load_safetensors(inheritance.weights)
    inherit_into(single_matrices(model.state_dict()), single_matrices(relative))
    return replace(
        recipe,
        tokens=max(recipe.batch_tokens, round(inheritance.share * recipe.tokens)),
        learning_rate=inheritance.learning_rate_share * recipe.learning_rate,
    )


def share_told(inheritance: Inheritance | None, taken: float = 1.0) -> dict[str, float]:
    """Return what a trial tells of its length; nothing where it trained in full.

    Args:
        inheritance: what it started from, which makes it shorter.
        taken: share of its steps that there was time for.
    """
    if inheritance is None and taken >= ALMOST_ALL:
        return {}
    share = 1.0 if inheritance is None else inheritance.share
    return {"training_share": share * (1.0 if taken >= ALMOST_ALL else taken)}
