"""What a search is compared with, in the picture and the table."""

import math

import pytest

from nas.record.references import HAND_MADE, TRIVIAL, Reference
from nas.report.front import front_records
from nas.report.plots import plot_front
from nas.report.reference_points import reference_table, references_line

LINEAR = Reference("linear classifier", TRIVIAL, 0.4, 400.0, 100.0, 90.0, 0.5)
NETWORK = Reference("mobilenetv3_small x0.25", HAND_MADE, 0.7, 1e6, 2.5e5, math.nan, 30.0)


@pytest.fixture
def records(trial):
    return [
        trial(0, accuracy=0.5, size_bytes=2000),
        trial(1, accuracy=0.75, size_bytes=50_000),
        trial(2, accuracy=0.8, size_bytes=100_000),
    ]


def test_references_are_drawn_within_the_picture_and_are_no_trials(records, accuracy_size):
    figure = plot_front(records, accuracy_size, name="a", references=[LINEAR, NETWORK])

    (axes,) = figure.axes
    low, high = axes.get_ylim()
    assert low < 40 < high
    assert axes.get_xlim()[1] > 1e6
    assert [40, 40] in [list(line.get_ydata()) for line in axes.lines]
    texts = " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))
    assert "linear classifier" in texts
    assert "3 trials" in texts


def test_the_table_says_what_the_search_has_instead(records, accuracy_size):
    front = front_records(records, accuracy_size)
    best = Reference("oracle", HAND_MADE, 0.99, 1e3, 1.0, 1.0, 1.0)

    _, linear, network, oracle = reference_table([LINEAR, NETWORK, best], front)

    assert linear[-1] == "2.00 kB (trial 0)"
    assert network == ["mobilenetv3_small x0.25", "70.00 %", "1.00 MB", "–", "50.0 kB (trial 1)"]
    assert oracle[-1] == "none"


def test_the_line_names_all_and_nothing_where_there_are_none():
    assert references_line([]) == ""
    assert references_line([LINEAR, NETWORK]) == (
        "Compared with: linear classifier 40.00 %; mobilenetv3_small x0.25 70.00 % at 1.00 MB."
    )
