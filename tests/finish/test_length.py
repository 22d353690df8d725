"""How long winners train: the rule, by hand-made curves, and the whole search on a tiny space."""

import json
import math
from dataclasses import replace

import pytest

from nas.evaluation.winner_metric import ACCURACY, WinnerMetric
from nas.execution.inline import InlineBackend
from nas.export.formats.weights import Weights
from nas.export.settings import ExportSettings
from nas.finish import ship
from nas.finish.ledger import Ledger
from nas.finish.length import (
    MAX_DOUBLINGS,
    CurvePoint,
    Gain,
    Length,
    Lengths,
    Room,
    gains_of,
    remember_lengths,
    remembered_lengths,
)
from nas.finish.length_question import Patience
from nas.finish.run import run_finish
from nas.finish.task import FinishTask
from nas.record.artefacts import read_artefacts
from nas.record.rows import read_rows
from nas.record.run_folder import RunFolder
from tests.finish.conftest import OBJECTIVES, Signal, crew_of

LOSS = WinnerMetric("loss", tells_classes=False)


@pytest.fixture
def task(space, dataset, recipe, records):
    """Two winners that know the task after some epochs, each of which took a second."""
    timed = [replace(r, metrics={**r.metrics, "seconds": 1.0}) for r in records[1:3]]
    return FinishTask(
        space, dataset, replace(recipe, epochs=1, learning_rate=0.1), OBJECTIVES, tuple(timed),
        num_seeds=2, patience=Patience(search_epochs=1),
    )  # fmt: skip


def finish(task, folder, signal=None, on_length=lambda *told: None):
    crew = replace(crew_of(signal or Signal(), InlineBackend), on_length=on_length)
    return run_finish(task, folder=RunFolder(folder), crew=crew, publish=lambda rows: None)


def test_the_noise_of_a_share_is_that_of_one_measurement():
    (gain,) = gains_of([0.7], [0.8], ACCURACY, num_examples=400)
    assert gain.value == pytest.approx(0.1)
    assert gain.noise == pytest.approx(math.sqrt(0.8 * 0.2 / 400))


def test_gains_that_vary_no_more_than_noise_are_one_gain():
    """0.02 and 0.04 at a noise of 0.04: their mean for both, and its noise, over the root of 2."""
    one, other = gains_of([0.78, 0.76], [0.8, 0.8], ACCURACY, num_examples=100)
    assert one.value == other.value == pytest.approx(0.03)
    assert one.noise == pytest.approx(0.04 / math.sqrt(2))


def test_gains_that_vary_far_more_than_noise_stay_their_own():
    one, other = gains_of([0.8, 0.4], [0.8, 0.8], ACCURACY, num_examples=10_000)
    assert one.value == pytest.approx(0.0, abs=2e-3)
    assert other.value == pytest.approx(0.4, abs=2e-3)


def test_a_loss_that_falls_is_a_gain_and_its_noise_is_how_gains_vary():
    one, other = gains_of([2.0, 3.0], [1.5, 2.7], LOSS, num_examples=9)
    assert one.value == other.value == pytest.approx(0.4)
    assert one.noise == pytest.approx(0.1)  # deviation of 0.5 and 0.3, over the root of 2
    assert (one.scale, other.scale) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("value", "noise", "is_worth_it"),
    [(0.02, 0.03, True), (0.01, 0.03, False), (0.002, 0.0001, False), (-0.1, 0.01, False)],
    ids=["clear", "in the noise", "tiny", "worse"],
)
def test_a_doubling_is_worth_it_where_it_gains_more_than_noise_and_more_than_little(
    value, noise, is_worth_it
):
    assert Gain(value, noise, 1.0).is_worth_it is is_worth_it


def test_what_fits_on_one_slot_is_the_sum_of_all_work():
    room = Room([2.0, 10.0], num_slots=1, available_s=120.0)
    assert room.fits([10, 10], num_seeds=1)
    assert not room.fits([11, 10], num_seeds=1)
    assert room.seeds([5, 3], most=9) == 3  # 40 s each
    assert room.seeds([5, 30], most=9) == 0


def test_the_longest_epochs_are_cut_to_what_fits_and_no_network_trains_less_than_one():
    room = Room([2.0, 10.0], num_slots=1, available_s=120.0)
    assert room.bounded([4, 64], num_seeds=1) == [4, 11]
    assert room.bounded([64, 4], num_seeds=1) == [40, 4]
    assert Room([5.0], 4, 0.1).bounded([8], num_seeds=1) == [1]


def test_two_slots_never_fit_more_than_twice_the_work_of_one():
    room = Room([2.0, 10.0], num_slots=2, available_s=120.0)
    assert not room.fits([12, 13], num_seeds=1)  # the longest alone takes 130 s
    assert room.seeds([10, 10], most=9) == 1  # 120 s of work each, half of the longest beside it


@pytest.mark.parametrize("num_slots", [1, 2, 5])
def test_how_long_all_can_train_alike_is_the_most_that_fits(num_slots):
    room = Room([2.0, 10.0, 0.0], num_slots=num_slots, available_s=120.0)
    most = int(room.epochs)
    assert room.fits([most] * 3, num_seeds=1)
    assert not room.fits([most + 1] * 3, num_seeds=1)
    assert Room([0.0], num_slots, 120.0).epochs == math.inf


def test_remembered_lengths_answer_their_own_question_alone(tmp_path):
    point = CurvePoint("trial 3", "abc", 8, "accuracy", 0.8, 1.5)
    lengths = Lengths({"abc": Length(16, "32 gained nothing")}, 2, (point,))

    remember_lengths(tmp_path, "question", lengths)

    assert remembered_lengths(tmp_path, "question") == lengths
    assert remembered_lengths(tmp_path, "another") is None
    assert read_rows(tmp_path / "length.csv", kind=CurvePoint, made_by="") == [point]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"key": "question", "curve": 3}'])
def test_a_damaged_memory_is_no_answer(tmp_path, text):
    (tmp_path / "length.json").write_text(text)
    assert remembered_lengths(tmp_path, "question") is None


def test_winners_train_until_twice_as_many_epochs_gain_nothing(task, tmp_path):
    summary = finish(task, tmp_path)

    for winner in ("trial 1", "trial 2"):
        curve = [point for point in summary.lengths.curve if point.name == winner]
        length = summary.lengths.of[curve[0].architecture_id]
        assert [point.epochs for point in curve] == [2**place for place in range(len(curve))]
        assert len(curve) > 2
        assert length.epochs == curve[-2].epochs
        assert "twice as many gained" in length.reason
    assert all(row.num_seeds == 2 for row in summary.rows)


def test_the_search_for_a_length_never_opens_the_test_split(task, dataset, tmp_path):
    finish(task, tmp_path)

    tested = Ledger(tmp_path / "finish" / "ledger.jsonl").entries()
    tried = Ledger(tmp_path / "finish" / "lengths.jsonl").entries()
    assert {entry.facts["step"] for entry in tested} == {"confirm"}
    assert {entry.facts["step"] for entry in tried} == {"length"}
    shares = [entry.metrics["accuracy"] * len(dataset.validation) for entry in tried]
    assert shares == pytest.approx([round(share) for share in shares])


@pytest.mark.parametrize("after", [1, 3])
def test_a_finish_that_was_cut_loses_no_training_and_ends_with_the_same_numbers(
    task, tmp_path, after
):
    whole = finish(task, tmp_path / "whole")
    cut = finish(task, tmp_path / "cut", Signal(after=after))
    assert cut.is_interrupted
    again, steps = Signal(), []

    done = finish(task, tmp_path / "cut", again, on_length=lambda *told: steps.append(told))

    assert steps == []  # the length was known
    assert again.seen == 4 - after
    assert done.rows == whole.rows


def test_a_signal_during_the_search_for_a_length_ends_it_without_an_answer(task, tmp_path):
    class Asked(Signal):
        requested = True

    summary = finish(task, tmp_path, Asked())

    assert summary.is_interrupted
    assert summary.lengths is None
    assert summary.rows == ()
    assert not (tmp_path / "finish" / "length.json").exists()


def test_epochs_that_the_user_gives_stand_and_seeds_fit_the_budget(task, tmp_path):
    patience = Patience(search_epochs=1, budget_s=1e-3, keeps_epochs=True)

    summary = finish(replace(task, patience=patience), tmp_path)

    assert summary.lengths.longest == 1
    assert summary.lengths.curve == ()
    assert all(row.num_seeds == 1 for row in summary.rows)


def test_seeds_that_the_user_gives_stand_however_short_the_budget_is(task, tmp_path):
    patience = Patience(search_epochs=1, budget_s=1e-3, keeps_seeds=True)

    summary = finish(replace(task, patience=patience), tmp_path)

    assert all(row.num_seeds == 2 for row in summary.rows)


def test_a_budget_decides_by_the_seconds_of_the_search(task, tmp_path):
    """Two winners of 1 s an epoch, half as much again on all images: 3 s of 29.1 s."""
    patience = Patience(search_epochs=1, budget_s=30.0)

    summary = finish(replace(task, patience=patience), tmp_path)

    assert summary.lengths.curve == ()  # no time for 16 epochs of both
    assert summary.lengths.num_seeds == 1
    for length in summary.lengths.of.values():
        assert length.epochs in (8, 9)
        assert length.reason == "so many fit into the budget"


def test_a_budget_takes_the_lengths_that_an_earlier_command_tried(task, tmp_path):
    whole = finish(task, tmp_path).lengths
    ledger = (tmp_path / "finish" / "ledger.jsonl").read_text()
    patience = Patience(search_epochs=1, budget_s=30.0)  # in which none could be tried

    summary = finish(replace(task, patience=patience), tmp_path)

    told = {identity: (one.epochs, one.reason) for identity, one in summary.lengths.of.items()}
    assert told == {identity: (one.epochs, one.reason) for identity, one in whole.of.items()}
    assert summary.lengths.curve == whole.curve
    assert [row.num_seeds for row in summary.rows] == [2, 2]  # none was trained again
    assert (tmp_path / "finish" / "ledger.jsonl").read_text() == ledger


def test_no_length_is_longer_than_the_limit_however_large_the_budget_is(task, tmp_path):
    patience = Patience(search_epochs=1, budget_s=1e9)

    summary = finish(replace(task, patience=patience), tmp_path)

    assert summary.lengths.longest <= 2**MAX_DOUBLINGS


def test_length_and_curve_stand_with_the_files_of_each_winner(task, tmp_path):
    files = ExportSettings(formats={"weights": Weights()}, peak_memory=False)
    task = replace(task, export=files, search_epochs=1)

    summary = finish(task, tmp_path)

    for place, length in zip(("1", "2"), summary.lengths.of.values(), strict=True):
        told = json.loads((tmp_path / "finish" / place / "length.json").read_text())
        assert told["epochs"] == length.epochs
        assert told["reason"] == length.reason
        tried = [point["epochs"] for point in told["validation_curve"]]
        assert tried[-1] == 2 * length.epochs
        card = (tmp_path / "finish" / place / "README.md").read_text()
        told = f"Trained for {length.epochs} epochs: {length.reason}."
        assert f"In the search it trained for 1 epoch at most. {told}" in card
        assert "Validation accuracy by epochs of training" in card


def test_a_recipe_that_the_user_fixed_is_trained_as_it_is(task, tmp_path):
    summary = finish(replace(task, patience=None), tmp_path)

    assert summary.lengths is None
    assert not (tmp_path / "finish" / "lengths.jsonl").exists()


def test_a_finish_that_was_begun_with_the_epochs_of_the_search_is_ended_so(task, tmp_path, caplog):
    finish(replace(task, patience=None), tmp_path, Signal(after=1))
    rest = Signal()

    summary = finish(task, tmp_path, rest)

    assert rest.seen == 3  # of two winners with two seeds each
    assert summary.lengths is None
    assert "retrainings of 1 epochs are on record" in caplog.text


def test_after_a_command_with_epochs_of_its_own_every_file_tells_of_that_one(task, tmp_path):
    files = ExportSettings(formats={"weights": Weights()}, peak_memory=False)
    task = replace(task, export=files, search_epochs=1)
    finish(task, tmp_path)

    fixed = replace(task, patience=None, recipe=replace(task.recipe, epochs=3))
    finish(fixed, tmp_path)

    told = json.loads((tmp_path / "finish" / "length.json").read_text())["trained"]
    assert [one["epochs"] for one in told.values()] == [3, 3]
    assert not list((tmp_path / "finish").glob("*/length.json"))


def test_a_winner_that_only_an_earlier_command_trained_keeps_its_length_on_record(task, tmp_path):
    (tmp_path / "finish").mkdir()
    earlier = {"trained": {"other": {"epochs": 7, "reason": "it was enough"}}}
    (tmp_path / "finish" / "length.json").write_text(json.dumps(earlier))

    finish(task, tmp_path)

    told = json.loads((tmp_path / "finish" / "length.json").read_text())["trained"]
    assert told["other"]["epochs"] == 7
    assert len(told) == 3


def test_a_kill_between_two_networks_leaves_the_first_with_its_rows(task, tmp_path, monkeypatch):
    files = ExportSettings(formats={"weights": Weights()}, peak_memory=False)
    task = replace(task, export=files, patience=None)
    make, made = ship._files_of, []

    def killed(shipped, *rest):
        if made:
            raise KeyboardInterrupt
        made.extend(make(shipped, *rest))
        return list(made)

    monkeypatch.setattr(ship, "_files_of", killed)
    with pytest.raises(KeyboardInterrupt):
        finish(task, tmp_path)

    listed = read_artefacts(tmp_path / "finish" / "artefacts.csv")
    assert [row.file for row in listed] == [row.file for row in made]
