import math

import pytest

from nas.record.references import HAND_MADE, TRIVIAL, Reference
from nas.report.trivial import trivial_line

REFERENCES = [
    Reference("most frequent class", TRIVIAL, 0.2, math.nan, math.nan, math.nan, 0.0),
    Reference("linear classifier", TRIVIAL, 0.5, math.nan, math.nan, math.nan, 0.0),
    Reference("mobilenetv3_small", HAND_MADE, 0.8, 1e6, 1e5, 1e6, 1.0),
]


@pytest.mark.parametrize(
    ("accuracies", "told"),
    [
        ([0.51], ""),
        ([], ""),
        ([math.nan], ""),
        ([0.3, 0.5], "No network"),
        ([0.4], "This network"),
    ],
)
def test_networks_that_a_trivial_model_equals_are_told(accuracies, told):
    line = trivial_line(accuracies, REFERENCES)
    assert line.startswith(told)
    assert bool(line) == bool(told)
    assert ("linear classifier, 50.00 %" in line) == bool(told)


def test_without_trivial_models_nothing_is_told():
    assert trivial_line([0.1], REFERENCES[2:]) == ""


def test_where_a_trivial_model_makes_no_error_more_time_is_not_asked_for():
    perfect = Reference("linear classifier", TRIVIAL, 1.0, math.nan, math.nan, math.nan, 0.0)
    line = trivial_line([1.0, 0.9], [perfect])
    assert line.endswith("(linear classifier, 100.00 %), which is enough for these data.")
