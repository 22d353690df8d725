"""The contest on real trainings: what it retrains, what it counts, and the table it leaves."""

import csv
import math

import numpy as np
import pytest

from experiments.search_quality.real.blocks import write_table
from experiments.search_quality.real.contest import Search, first_of_each, fronts, is_done
from experiments.search_quality.real.trainings import Training, curves_of


def _training(method, trial, accuracy, size, retrained=math.nan):
    return Training(
        "digits", method, 0, trial, f"{method}{trial}", size, size, accuracy, retrained, 1, 0.5
    )


def test_the_fronts_of_a_search_grow_with_its_points():
    points = [("a", (-0.5, 10.0)), ("b", (-0.4, 20.0)), ("c", (-0.6, 20.0)), ("d", (-0.5, 5.0))]

    assert [set(front) for front in fronts(points)] == [{"a"}, {"a"}, {"a", "c"}, {"c", "d"}]


def test_the_first_of_each_class_are_taken_in_their_order():
    labels = np.array([1, 0, 0, 1, 1, 0])

    assert first_of_each(labels, 2).tolist() == [0, 1, 2, 3]


def test_a_search_that_never_ran_is_not_done(tmp_path):
    assert not is_done(Search("digits", "frontier", 0, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_found_the_whole_front_has_the_whole_volume():
    best = [_training("frontier", 0, 0.5, 100, 0.5), _training("frontier", 1, 0.9, 10_000, 0.9)]
    other = [_training("tpe", 0, 0.4, 200, 0.4), _training("tpe", 1, 0.5, 9_000, 0.4)]

    curves = curves_of([*best, *other])["digits"]

    assert curves["frontier"][0].seen[-1] == pytest.approx(1.0)
    assert curves["frontier"][0].retrained[-1] == pytest.approx(1.0)
    assert curves["tpe"][0].seen[-1] < 1.0


def test_a_lucky_network_counts_for_what_it_is_worth_when_retrained():
    """The second looked best at its size and was not: its volume shrinks to what it covers."""
    whole = [_training("frontier", 0, 0.5, 100, 0.5), _training("frontier", 1, 0.9, 10_000, 0.9)]
    lucky = [_training("tpe", 0, 0.5, 100, 0.5), _training("tpe", 1, 0.9, 10_000, 0.7)]

    curve = curves_of([*whole, *lucky])["digits"]["tpe"][0]

    # Scaled to the front, (0, 1) and (1, 0): 1.1 x 0.1 + 0.1 x 1 is whole; at half, 0.1 x 0.5.
    assert curve.seen[-1] == pytest.approx(1.0)
    assert curve.retrained[-1] == pytest.approx((1.1 * 0.1 + 0.1 * 0.5) / (1.1 * 0.1 + 0.1 * 1.0))


def test_a_network_on_a_front_that_was_not_retrained_is_refused():
    kept = [_training("frontier", 0, 0.5, 100, 0.5), _training("frontier", 1, 0.9, 10_000)]
    kept.append(_training("frontier", 2, 0.95, 20_000, 0.9))

    with pytest.raises(AssertionError, match=r"trials \[1\] stood on a front"):
        curves_of(kept)


def test_the_table_of_blocks_has_the_networks_that_all_runs_trained(tmp_path):
    head = (
        "architecture_id,state,accuracy,num_params,num_macs,param.width,param.stages.0.expansion"
    )
    runs = []
    for seed, accuracies in enumerate((("0.5", "0.6"), ("0.7", ""))):
        run = tmp_path / str(seed)
        run.mkdir()
        states = ["complete" if accuracy else "failed" for accuracy in accuracies]
        rows = [f"n{i},{states[i]},{accuracies[i]},9,99,0.5,{i}" for i in range(2)]
        (run / "trials.csv").write_text("\n".join([head, *rows]) + "\n")
        runs.append(run)

    assert write_table(runs, path=tmp_path / "table.csv") == 1

    with (tmp_path / "table.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["network"], row["block0"], row["block1"]) == ("n0", "0", "")
    assert (float(row["accuracy"]), float(row["mean_accuracy"])) == (0.5, 0.6)
