"""From the settings of `fidelity` to rungs: what is asked for, and what the evaluator can do."""

import pytest
from optuna.samplers import RandomSampler

from nas.assemble.rungs import build_rungs
from nas.config.schema import Fidelity, FidelityKind
from nas.data.digits import load_digits
from nas.evaluation.supernet import SupernetEvaluator
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import objective_for
from nas.train.recipe import Recipe
from search_spaces.vit import ViTSpace

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def shares_of(kind, *, given=None):
    evaluator = kind(ViTSpace(), load_digits(), Recipe(epochs=1, device="cpu"), OBJECTIVES)
    plan = build_rungs(
        Fidelity(kind=FidelityKind.RUNGS, shares=given),
        objectives=OBJECTIVES,
        evaluator=evaluator,
        make_sampler=RandomSampler,
    )
    assert plan is not None
    return plan.shares


def test_trials_from_random_weights_stop_at_a_quarter_and_a_half():
    assert shares_of(TrainedEvaluator) == (0.25, 0.5, 1.0)


def test_the_lowest_rung_of_a_supernets_trial_is_its_slices():
    assert shares_of(SupernetEvaluator) == (0.05, 0.25, 0.5, 1.0)


@pytest.mark.parametrize("kind", [TrainedEvaluator, SupernetEvaluator])
def test_shares_that_are_given_stand(kind):
    assert shares_of(kind, given=[0.1, 1.0]) == (0.1, 1.0)
