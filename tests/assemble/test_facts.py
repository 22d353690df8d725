"""What the sampler is told of an architecture."""

import math
from itertools import islice

from nas.assemble.facts import facts_of
from nas.evaluation.known import KnownBefore
from nas.objective import objective_for
from nas.task import DataShape
from search_spaces.mobilenet import MobileNetSpace

DATA = DataShape((1, 8, 8), 10)
OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


class Counting:
    """An evaluator, as far as the driver asks it."""

    def __init__(self, space):
        known = KnownBefore(space, DATA, metrics=("num_params", "size_bytes"))
        self.static_costs, self.widths = known.costs, known.widths


def test_the_sampler_is_told_costs_and_widths_as_logarithms():
    space = MobileNetSpace()
    facts = facts_of(Counting(space), space=space, objectives=OBJECTIVES)
    architecture = next(space.enumerate())
    stated = space.static_costs(architecture, DATA)
    names = ["mean_width", "min_width", "num_features", "num_params", "size_bytes"]
    found = facts(architecture)
    assert found.log_size == math.log10(stated["size_bytes"])
    assert found.numbers == tuple(math.log10(stated[name]) for name in names)
    narrowest = math.log10(stated["min_width"]) + math.log10(stated["num_features"])
    assert found.prior_score == narrowest > 0.0


def test_an_evaluator_without_widths_is_asked_for_costs_alone():
    space = MobileNetSpace()
    evaluator = Counting(space)
    del evaluator.widths
    facts = facts_of(evaluator, space=space, objectives=OBJECTIVES)
    found = facts(next(space.enumerate()))
    assert len(found.numbers) == 2
    assert found.prior_score == 0.0


def test_parts_are_met_once_before_the_first_network_is_described():
    space = MobileNetSpace()
    evaluator = Counting(space)
    met = []
    evaluator.meet_parts = lambda: met.append(1)
    facts = facts_of(evaluator, space=space, objectives=OBJECTIVES)
    assert met == []
    for architecture in islice(space.enumerate(), 3):
        facts(architecture)
    assert met == [1]
