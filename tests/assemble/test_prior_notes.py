"""A prior that nobody asks for is told at the start."""

from nas.assemble.prior_notes import prior_notes
from nas.space.space import SearchSpace

RANDOM = {"_target_": "optuna.samplers.RandomSampler", "seed": 0}
FRONTIER = {"_target_": "nas.FrontierSampler", "seed": 0}
TOLD = SearchSpace(
    {
        "rate": {"float": [0.1, 1.0], "prior": 0.3},
        "stages": {"repeat": 3, "kernel": {"choice": [3, 5], "prior": {5: 2}}},
    }
)


def test_a_sampler_that_knows_no_priors_is_named_with_the_parameters():
    (line,) = prior_notes(RANDOM, TOLD)
    assert line.startswith("the prior of rate, stages.*.kernel is not used: RandomSampler")


def test_nothing_is_told_where_the_prior_counts_or_there_is_none():
    assert prior_notes(FRONTIER, TOLD) == []
    assert prior_notes(RANDOM, SearchSpace({"rate": {"float": [0.1, 1.0]}})) == []
