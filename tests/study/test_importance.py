import logging

import numpy as np

from nas.study.importance import FEWEST_TRIALS, parameter_importances


def draws(number, *, seed=0):
    draw = np.random.default_rng(seed)
    names = ("kernel", "width", "noise")
    return [{name: int(draw.integers(0, 4)) for name in names} for _ in range(number)]


def test_the_parameter_that_decides_comes_first_and_one_without_effect_last():
    architectures = draws(200)
    losses = [10.0 * a["kernel"] + a["width"] for a in architectures]

    found = parameter_importances(architectures, losses)

    assert list(found) == ["kernel", "width", "noise"]
    assert found["noise"] < 0.2 * found["kernel"]


def test_a_parameter_that_some_networks_lack_is_judged_on_the_others():
    architectures = draws(100)
    some = [a | ({"depth": i % 8 // 4} if i % 2 else {}) for i, a in enumerate(architectures)]
    losses = [float(a.get("depth", 3)) for a in some]

    assert next(iter(parameter_importances(some, losses))) == "depth"


def test_constants_and_parameters_of_few_trials_are_left_out():
    architectures = [{"same": 1, "many": i % 2} for i in range(FEWEST_TRIALS)]
    architectures[0]["rare"] = 1

    assert list(parameter_importances(architectures, [0.0] * FEWEST_TRIALS)) == ["many"]


def test_nothing_is_written_to_the_log(caplog):
    with caplog.at_level(logging.INFO, logger="optuna"):
        parameter_importances(draws(30), list(range(30)))

    assert not caplog.records
