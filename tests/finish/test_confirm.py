"""Retrain, test once, compare."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.architecture import Architecture
from nas.data.dataset import Dataset, Split
from nas.evaluation.evaluator import Evaluator
from nas.evaluation.hand_made import WithBaselines, mobilenetv3_small
from nas.execution.inline import InlineBackend
from nas.export.settings import ExportSettings
from nas.finish.baselines import (
    Baselines,
    hand_made,
    random_at_equal_cost,
)
from nas.finish.choose import Pick
from nas.finish.confirm import RetrainingPlan, Winner, confirmed_rows, data_key
from nas.finish.ledger import Ledger, LedgerEntry
from nas.finish.retrain import final_evaluator, weights_path
from nas.finish.run import run_finish
from nas.finish.task import FinishTask
from nas.record.artefacts import read_artefacts
from nas.record.run_folder import RunFolder
from nas.record.winners import read_winners
from nas.report.confirmation import confirmation_table, optimism_line, write_finish_png
from nas.task import DataShape
from nas.trial import Failure, FailureKind, TrialResult, TrialState
from tests.finish.conftest import OBJECTIVES, TORCH_FILES, Signal, crew_of


@pytest.fixture
def task(space, dataset, recipe, records):
    return FinishTask(space, dataset, recipe, OBJECTIVES, tuple(records), num_seeds=2, export=None)


def finish(task, folder, signal=None, make_backend=InlineBackend):
    crew = crew_of(signal or Signal(), make_backend)
    return run_finish(task, folder=RunFolder(folder), crew=crew, publish=lambda rows: None)


def test_each_winner_is_retrained_with_each_seed_and_its_weights_are_kept(task, tmp_path):
    summary = finish(task, tmp_path)

    assert [row.trial for row in summary.rows] == [0, 1, 2]
    assert all(row.num_seeds == 2 for row in summary.rows)
    entries = Ledger(tmp_path / "finish" / "ledger.jsonl").entries()
    assert len(entries) == 6
    assert all(weights_path(tmp_path / "finish", entry.job).is_file() for entry in entries)
    assert len({entry.facts["seed"] for entry in entries}) == 6
    assert summary.trivial == ()  # the search was compared with none


def test_networks_learn_from_train_and_validation_and_are_judged_by_test(space, dataset, recipe):
    data = final_evaluator(space, dataset, recipe).data

    assert len(data.train) == len(dataset.train) + len(dataset.validation)
    assert data.validation is dataset.test
    assert data.normalisation == dataset.normalisation


@pytest.mark.parametrize("after", [1, 3, 5])
def test_interrupted_finish_goes_on_and_ends_with_the_same_numbers(task, tmp_path, after):
    whole = finish(task, tmp_path / "whole")
    cut = finish(task, tmp_path / "cut", Signal(after=after))
    assert cut.is_interrupted
    rest = Signal()

    done = finish(task, tmp_path / "cut", rest)

    assert rest.seen == 6 - after
    assert done.rows == whole.rows


def test_second_command_trains_nothing(task, tmp_path):
    finish(task, tmp_path)
    again = Signal()

    finish(task, tmp_path, again)

    assert again.seen == 0


def test_more_seeds_keep_those_that_are_there(task, tmp_path):
    finish(task, tmp_path)
    more = Signal()

    summary = finish(replace(task, num_seeds=3), tmp_path, more)

    assert more.seen == 3
    assert all(row.num_seeds == 3 for row in summary.rows)


def test_winners_csv_holds_what_the_summary_says(task, tmp_path):
    summary = finish(task, tmp_path)

    assert tuple(read_winners(tmp_path / "finish" / "winners.csv")) == summary.rows


def test_picture_and_table_are_made_from_the_rows_alone(task, tmp_path):
    rows = finish(task, tmp_path).rows

    write_finish_png(rows, name="run", path=tmp_path / "finish.png")

    assert (tmp_path / "finish.png").read_bytes().startswith(b"\x89PNG")
    assert [line[0] for line in confirmation_table(rows)] == [
        "network",
        "trial 0",
        "trial 1",
        "trial 2",
    ]
    assert "3 winners, 6 retrainings" in optimism_line(rows)


def test_testing_the_same_networks_under_another_recipe_is_told(task, tmp_path, caplog):
    finish(task, tmp_path)
    caplog.clear()

    finish(replace(task, recipe=replace(task.recipe, epochs=3)), tmp_path)

    assert "the test split was opened 6 times before" in caplog.text


class LosesEachOnce:
    """A backend whose worker is lost half-way through the first attempt of each job."""

    num_slots = 1
    is_concurrent = False

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._inline = InlineBackend(evaluator)
        self._lost: list[TrialResult] = []

    @property
    def num_free(self):
        return 0 if self._lost else self._inline.num_free

    def submit(self, spec):
        if spec.attempt > 0:
            assert Path(spec.checkpoint, "training.pt").is_file()
            self._inline.submit(spec)
            return
        self._evaluator.evaluate(replace(spec, budget=0.5))  # leaves a checkpoint
        failure = Failure(FailureKind.LOST, "the node went away")
        self._lost.append(
            TrialResult(spec.number, spec.attempt, TrialState.FAILED, failure=failure)
        )

    def next_finished(self, *, timeout_s):
        lost, self._lost = self._lost, []
        return lost or self._inline.next_finished(timeout_s=timeout_s)

    def close(self):
        self._inline.close()


def test_job_whose_worker_is_lost_goes_on_from_its_checkpoint(task, tmp_path):
    whole = finish(task, tmp_path / "whole")

    summary = finish(task, tmp_path / "lossy", make_backend=LosesEachOnce)

    assert summary.failures == ()
    assert summary.rows == whole.rows
    assert not any((tmp_path / "lossy").rglob("training.pt"))


def test_network_that_cannot_be_trained_is_told_and_the_others_are_confirmed(
    task, tmp_path, records
):
    broken = replace(
        records[1], architecture=Architecture({"channels": 4, "kernel": 5}), number=9
    )  # padded by 2, so it trains; channels as text does not
    broken = replace(broken, architecture=Architecture({"channels": "four", "kernel": 3}))
    costs = {"num_params": 1.0, "num_macs": 1.0, "size_bytes": 1.0}

    class Space(type(task.space)):
        def static_costs(self, architecture, data):
            return costs

    summary = finish(replace(task, records=(records[0], broken), space=Space()), tmp_path)

    assert [row.trial for row in summary.rows] == [0]
    assert {name for name, _ in summary.failures} == {"trial 9 seed 0", "trial 9 seed 1"}


def test_member_that_a_smaller_one_beats_by_more_than_the_noise_is_marked(tmp_path, recipe):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    plan = RetrainingPlan(recipe, num_seeds=3, seed=0, data_key="d")
    accuracies = {
        "small and good": [0.90, 0.91, 0.92],
        "large and bad": [0.70, 0.71, 0.72],
        "large and as good": [0.89, 0.91, 0.92],
    }
    candidates = [Winner(name, Architecture({"name": name})) for name in accuracies]
    for candidate in candidates:
        for job, value in zip(plan.jobs_of(candidate), accuracies[candidate.name], strict=True):
            ledger.append(LedgerEntry(job.key, {"accuracy": value}))
    sizes = {"small and good": 1.0, "large and bad": 2.0, "large and as good": 3.0}
    costs = {
        c.architecture.id: {"num_params": 1.0, "num_macs": 1.0, "size_bytes": sizes[c.name]}
        for c in candidates
    }

    rows = confirmed_rows(candidates, plan=plan, ledger=ledger, num_examples=1000, costs=costs)

    assert {row.name: row.beaten_by for row in rows} == {
        "small and good": "",
        "large and bad": "small and good",
        "large and as good": "",
    }


def test_job_keys_change_with_recipe_seed_and_data_but_not_with_the_device(recipe, dataset):
    candidate = Winner("trial 0", Architecture({"channels": 2}))

    def key(**changes):
        plan = replace(
            RetrainingPlan(recipe, num_seeds=1, seed=0, data_key=data_key(dataset)), **changes
        )
        return plan.jobs_of(candidate)[0].key

    assert key(recipe=replace(recipe, device="auto")) == key()
    others = [key(recipe=replace(recipe, epochs=9)), key(seed=1), key(data_key="x"), key(step="q")]
    assert len({key(), *others}) == 5


def test_baselines_are_trained_beside_the_winners(task, tmp_path):
    summary = finish(
        replace(task, pick=Pick(trials=(0,)), baselines=Baselines(num_random=1)), tmp_path
    )

    assert [(row.name, row.is_baseline) for row in summary.rows] == [
        ("trial 0", False),
        ("random 0", True),
    ]


def test_random_baseline_is_of_nearly_equal_cost(space, dataset, recipe):
    evaluator = final_evaluator(space, dataset, recipe)
    winner = Architecture({"channels": 4, "kernel": 3})
    cost = evaluator.static_costs(winner)["size_bytes"]

    (found,) = random_at_equal_cost(
        space, sizes=[cost], costs=evaluator.static_costs, known=[winner], seed=0
    )

    every = {a: evaluator.static_costs(a)["size_bytes"] for a in space.enumerate() if a != winner}
    nearest = min(every.values(), key=lambda size: max(size / cost, cost / size))
    assert every[found.architecture] == nearest


@pytest.mark.parametrize("side", [8, 32, 64])
def test_mobilenetv3_keeps_a_map_of_four_pixels_where_the_image_allows_it(side):
    model = mobilenetv3_small(DataShape((1, side, side), 10), width=0.25).eval()
    maps = []
    model.blocks[-1].register_forward_hook(lambda module, images, output: maps.append(output))

    logits = model(torch.zeros(2, 1, side, side))

    assert logits.shape == (2, 10)
    assert maps[0].shape[-1] == 4


def test_hand_made_baseline_builds_in_the_space_and_is_counted(space, dataset, recipe):
    candidate = hand_made("mobilenetv3_small", width=0.25)

    costs = final_evaluator(WithBaselines(space), dataset, recipe).static_costs(
        candidate.architecture
    )

    assert costs["num_params"] > 100_000


def test_each_winner_gets_files_and_a_card_that_states_the_numbers(task, tmp_path):
    made = replace(
        task,
        export=ExportSettings(TORCH_FILES, peak_memory=False),
        pick=Pick(trials=(0, 2), floors=((-0.2, np.inf),)),
        license="apache-2.0",
        command="nas finish run=runs/x",
    )

    summary = finish(made, tmp_path)

    assert tuple(map(repr, read_artefacts(tmp_path / "finish" / "artefacts.csv"))) == tuple(
        map(repr, summary.artefacts)
    )
    card = (tmp_path / "finish" / "2" / "README.md").read_text()
    row = next(row for row in summary.rows if row.trial == 2)
    assert f"| test accuracy, mean of 2 retrainings | {100 * row.test_mean:.2f} % |" in card
    most = np.bincount(task.dataset.train.labels).argmax()
    assert summary.trivial[0].accuracy == (task.dataset.test.labels == most).mean()
    simplest = max(summary.trivial, key=lambda model: model.accuracy)
    told = (
        f"| test accuracy of a trivial model ({simplest.name}) | {100 * simplest.accuracy:.2f} %"
    )
    assert told in card
    assert "license: apache-2.0" in card
    assert "nas finish run=runs/x" in card
    assert "120 train, 60 validation, 90 test" in card
    assert f"{row.num_params:,.0f}" in card


def test_shipped_weights_are_those_of_the_first_seed_whatever_the_test_says(task, tmp_path):
    finish(
        replace(
            task, export=ExportSettings(TORCH_FILES, peak_memory=False), pick=Pick(trials=(1,))
        ),
        tmp_path,
    )
    ledger = Ledger(tmp_path / "finish" / "ledger.jsonl")
    plan = RetrainingPlan(task.recipe, 2, task.seed, data_key(task.dataset))
    first = plan.jobs_of(Winner("trial 1", task.records[1].architecture))[0]
    assert first.key in ledger

    shipped = (tmp_path / "finish" / "1" / "model.safetensors").read_bytes()

    assert shipped == weights_path(tmp_path / "finish", first.key).read_bytes()


def test_interval_borrows_from_the_spreads_of_others(tmp_path, recipe):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    plan = RetrainingPlan(recipe, num_seeds=2, seed=0, data_key="d")
    candidate = Winner("one", Architecture({"a": 1}))
    for job, value in zip(plan.jobs_of(candidate), (0.90, 0.91), strict=True):
        ledger.append(LedgerEntry(job.key, {"accuracy": value}))
    costs = {candidate.architecture.id: dict.fromkeys(("num_params", "num_macs", "size_bytes"), 1)}

    def width(others):
        (row,) = confirmed_rows(
            [candidate], plan=plan, ledger=ledger, num_examples=1000, costs=costs, others=others
        )
        return row.prediction_high - row.prediction_low

    assert width([[0.80, 0.81], [0.70, 0.71], [0.60, 0.61]]) < 0.5 * width([])


def test_the_data_key_is_that_of_earlier_versions_ledgers():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, size=(1500, 3, 2, 1), dtype=np.uint8)[:, ::-1]  # not contiguous
    parts = [Split(images, np.arange(len(images)) % 2) for images in (train, train[:5], train[:7])]
    whole = hashlib.blake2b(digest_size=8)
    for word, split in zip(("train", "validation", "test"), parts, strict=True):
        whole.update(word.encode() + split.images.tobytes() + split.labels.tobytes())

    found = data_key(Dataset("own", *parts, class_names=("a", "b"), split_rule="by hand"))

    assert found == f"own {whole.hexdigest()}"


@pytest.mark.parametrize("place", ["images", "labels"])
def test_the_data_key_changes_with_a_pixel_and_with_a_label(place):
    images, labels = np.zeros((4, 2, 2, 1), dtype=np.uint8), np.array([0, 1, 0, 1])
    other = {"images": images.copy(), "labels": labels.copy()}
    other[place][0] = 1

    keys = {
        data_key(Dataset("own", *[Split(i, k)] * 3, class_names=("a", "b"), split_rule="by hand"))
        for i, k in ((images, labels), (other["images"], other["labels"]))
    }

    assert len(keys) == 2
