"""Trials that train as their architecture says."""

import pytest

from nas.architecture import Architecture
from nas.data.digits import load_digits
from nas.errors import ConfigError
from nas.evaluation.chosen import check_chosen, with_chosen
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import objective_for
from nas.space.parameters import Choice, Float, Int
from nas.train.recipe import Recipe
from nas.train.token_recipe import TokenRecipe
from nas.trial import TrialSpec
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.training import TrainingSpace

STAGES = {"repeat": 1, "depth": 1, "kernel": 3, "expansion": 1, "squeeze_excite": False}
NETWORKS = {"resolution": 8, "activation": "relu", "width": 0.5, "stages": STAGES}
OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def test_a_recipe_takes_the_settings_of_an_architecture_and_keeps_the_others():
    recipe = Recipe(epochs=3, learning_rate=0.02)
    chosen = with_chosen(recipe, Architecture({"width": 0.5, "training.learning_rate": 0.1}))
    assert (chosen.epochs, chosen.learning_rate) == (3, 0.1)
    assert with_chosen(recipe, Architecture({"width": 0.5})) is recipe


def test_a_trial_with_a_learning_rate_of_its_own_ends_with_the_weights_of_that_rate():
    data, inner = load_digits(), MobileNetSpace(NETWORKS)
    space = TrainingSpace(inner, learning_rate={"choice": [0.01, 0.05]})
    network = next(inner.enumerate())
    own = space.architecture({**network, "training.learning_rate": 0.05})

    def weights(space, architecture, learning_rate):
        recipe = Recipe(epochs=1, learning_rate=learning_rate, device="cpu")
        evaluator = TrainedEvaluator(space, data, recipe, OBJECTIVES)
        return evaluator.evaluate(TrialSpec(number=0, architecture=architecture, seed=1)).weights

    assert weights(space, own, 0.01) == weights(inner, network, 0.05)
    assert weights(inner, network, 0.01) != weights(inner, network, 0.05)


@pytest.mark.parametrize(
    ("recipe", "name", "domain", "told"),
    [
        (Recipe(), "learning_rat", Float(0.1, 0.2), "nearest first: learning_rate"),
        (Recipe(), "device", Choice(["cpu", "cuda"]), "no such setting that may differ"),
        (Recipe(), "learning_rate", Float(0.1, 20.0), "must be above 0 up to 10, but got 20.0"),
        (Recipe(), "augmentation", Choice(["none", "wild"]), "wild"),
        (Recipe(), "epochs", Int(0, 4), "at least 1, but got 0"),
        (TokenRecipe(), "label_smoothing", Float(0.0, 0.1), "TokenRecipe has no such setting"),
    ],
)
def test_what_a_recipe_does_not_take_is_refused_before_any_trial(recipe, name, domain, told):
    with pytest.raises(ConfigError, match=f"search_space.training.{name}") as raised:
        check_chosen(recipe, {f"training.{name}": domain})
    assert told in str(raised.value)
