"""Trials that begin as slices of a supernet, which is trained once and survives a kill."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file

from nas.data.digits import load_digits
from nas.errors import ConfigError, RunFolderError
from nas.evaluation.supernet import SupernetEvaluator
from nas.objective import objective_for
from nas.train.recipe import Recipe
from nas.trial import TrialSpec, TrialState
from search_spaces.mobilenet import MobileNetSpace

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
TREE = {
    "resolution": {"choice": [8, 12]},
    "width": {"choice": [0.125, 0.25]},
    "activation": {"choice": ["relu"]},
    "stages": {
        "repeat": {"int": [1, 2]},
        "depth": {"int": [1, 2]},
        "kernel": {"choice": [3]},
        "expansion": {"choice": [1, 3]},
    },
}
VALUES = {
    "resolution": 8,
    "width": 0.25,
    "activation": "relu",
    "stages.repeat": 1,
    "stages.0.depth": 2,
    "stages.0.kernel": 3,
    "stages.0.expansion": 3,
}


def evaluator_of(space=None, *, batch_size=128, epochs=1, **settings):
    recipe = Recipe(epochs=epochs, batch_size=batch_size, learning_rate=0.03, device="cpu")
    settings = {"supernet_epochs": 2.0, "num_threads": 1, **settings}
    space = space or MobileNetSpace(TREE)
    return SupernetEvaluator(space, load_digits(), recipe, OBJECTIVES, **settings)


def prepare(evaluator, folder, *, num_steps=10**6):
    """Return whether the supernet is there, and what was said; a signal comes after some steps."""
    said, steps = [], iter(range(10**6))
    is_there = evaluator.prepare_run(
        folder, seed=5, say=said.append, is_ended=lambda: next(steps) >= num_steps - 1
    )
    return is_there, said


def order(evaluator, **settings):
    return TrialSpec(3, evaluator.space.architecture(VALUES), seed=3, **settings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    evaluator, folder = evaluator_of(), tmp_path_factory.mktemp("run")
    _, said = prepare(evaluator, folder)
    (folder / "said.txt").write_text("\n".join(said))
    return evaluator, folder


def test_what_is_left_of_its_training_is_told_after_a_few_steps(trained):
    _, folder = trained
    said = (folder / "said.txt").read_text().splitlines()
    assert re.fullmatch(r"supernet: 4 of \d+ steps; about .+ left", said[1])
    told = [int(line.split()[1]) for line in said if line.startswith("supernet:")]
    assert told == sorted(set(told))


def test_the_supernet_is_kept_with_the_seconds_that_it_took(trained):
    _, folder = trained
    told = json.loads((folder / "supernet" / "supernet.json").read_text())
    assert told["seconds"] > 0
    assert {p.name for p in (folder / "supernet").iterdir()} == {
        "weights.safetensors",
        "supernet.json",
    }


def test_a_second_command_reads_the_supernet_and_trains_nothing(trained):
    evaluator, folder = trained
    again = evaluator_of()
    assert prepare(again, folder, num_steps=1) == (True, [])
    one, other = (each.evaluate(order(each, budget=0.05)) for each in (evaluator, again))
    assert one.metrics["loss"] == other.metrics["loss"]


def test_a_supernet_that_was_cut_goes_on_to_the_same_weights(trained, tmp_path):
    _, whole = trained
    assert prepare(evaluator_of(), tmp_path, num_steps=9)[0] is False
    is_there, said = prepare(evaluator_of(), tmp_path)
    assert is_there
    assert "goes on at step 9" in said[0]
    file = "supernet/weights.safetensors"
    ours, uncut = load_file(tmp_path / file), load_file(whole / file)
    assert all(torch.equal(ours[name], uncut[name]) for name in uncut)


def test_the_lowest_rung_judges_the_slices_without_a_step(trained):
    evaluator, _ = trained
    result = evaluator.evaluate(order(evaluator, budget=0.05))
    other_seed = evaluator.evaluate(
        TrialSpec(4, evaluator.space.architecture(VALUES), seed=99, budget=0.05)
    )
    assert result.state is TrialState.STOPPED
    assert result.parts_s["train"] < 1.0
    # Nothing of chance is left in it: all comes from the supernet and the data.
    assert result.metrics["loss"] == other_seed.metrics["loss"]


def test_a_whole_trial_is_shorter_and_says_so(trained):
    evaluator, _ = trained
    result = evaluator.evaluate(order(evaluator))
    assert result.failure is None
    assert result.state is TrialState.COMPLETE
    assert result.metrics["training_share"] == 0.5


def test_a_trial_goes_on_from_its_rung(trained, tmp_path):
    evaluator, _ = trained
    whole = evaluator.evaluate(order(evaluator))
    place = str(tmp_path)
    for budget in (0.05, 0.5):
        evaluator.evaluate(order(evaluator, budget=budget, checkpoint=place))
    end = evaluator.evaluate(order(evaluator, checkpoint=place))
    assert end.metrics["loss"] == whole.metrics["loss"]


@pytest.mark.slow
def test_a_trial_keeps_what_its_slices_had_learnt(tmp_path):
    tree = {
        **TREE,
        "resolution": {"choice": [8]},
        "width": {"choice": [0.5, 1.0]},
        "stages": {**TREE["stages"], "repeat": {"int": [1, 1]}},
    }
    learnt = evaluator_of(MobileNetSpace(tree), batch_size=32, epochs=2, supernet_epochs=4.0)
    prepare(learnt, tmp_path)
    alone = evaluator_of(MobileNetSpace(tree), batch_size=32, epochs=2)  # was never prepared
    network = learnt.space.architecture({**VALUES, "width": 0.5})

    slices, quarter, whole = (
        learnt.evaluate(TrialSpec(3, network, seed=3, budget=budget)).metrics["accuracy"]
        for budget in (0.05, 0.25, 1.0)
    )
    from_scratch = alone.evaluate(TrialSpec(3, network, seed=3)).metrics["accuracy"]
    assert slices > 0.4
    assert quarter > slices - 0.1
    assert whole > slices - 0.05
    assert whole > from_scratch


def test_a_supernet_of_other_settings_is_refused(trained):
    _, folder = trained
    with pytest.raises(RunFolderError, match=r"other settings \(recipe\)"):
        prepare(evaluator_of(supernet_epochs=3.0), folder)


def test_a_broken_file_of_a_supernet_is_told_with_the_way_out(tmp_path):
    place = tmp_path / "supernet"
    place.mkdir()
    (place / "supernet.json").write_text("{}")
    (place / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(RunFolderError, match="remove that folder"):
        prepare(evaluator_of(), tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"supernet_epochs": 0.0}, "supernet_epochs"), ({"share": 1.5}, r"evaluation\.share")],
)
def test_numbers_out_of_range_are_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        evaluator_of(**settings)
