import math
from types import SimpleNamespace

import pytest

from nas.evaluation.winner_metric import ACCURACY
from nas.finish import settle
from nas.finish.choose import Pick
from nas.finish.confirm import RetrainingPlan, candidate_of
from nas.finish.find_length import FITS
from nas.finish.ledger import Ledger, LedgerEntry
from nas.finish.length import Length, Lengths
from nas.finish.settle import trained_lengths
from nas.objective import objective_for
from nas.train.recipe import Recipe
from tests.finish.conftest import record


@pytest.mark.parametrize(("share", "is_told"), [(0.07, True), (0.09, False)])
def test_a_winner_that_was_trained_no_longer_than_a_trial_is_told(
    tmp_path, caplog, share, is_told
):
    winner = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3))
    plan = RetrainingPlan(Recipe(epochs=100), 1, 0, "data", winner_metric=ACCURACY)
    ledger = Ledger(tmp_path / "ledger.jsonl")
    metrics = {"accuracy": 0.5, "training_share": share}
    ledger.append(LedgerEntry(plan.jobs_of(winner)[0].key, metrics, 1.0, {}))
    planned = Lengths({winner.architecture.id: Length(100, "it was still getting better")}, 1)

    found = trained_lengths(planned, [winner], plan, ledger, search_epochs=8)

    assert found.of[winner.architecture.id].epochs == round(100 * share)
    assert ("retrain trial 0 no longer than its trial, for 7 epochs" in caplog.text) == is_told


@pytest.mark.parametrize(("share", "epochs", "reason"), [(5 / 16, 5, FITS), (1.0, 16, "enough")])
def test_retrainings_of_unlike_lengths_are_told(tmp_path, share, epochs, reason):
    winner = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3))
    plan = RetrainingPlan(Recipe(epochs=16), 3, 0, "data", winner_metric=ACCURACY)
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for job, trained in zip(plan.jobs_of(winner), (share, 1.0, 14 / 16), strict=True):
        metrics = {"accuracy": 0.5, "training_share": trained}
        ledger.append(LedgerEntry(job.key, metrics, 1.0, {}))
    planned = Lengths({winner.architecture.id: Length(16, "enough")}, 3)

    found = trained_lengths(planned, [winner], plan, ledger, search_epochs=4)

    assert found.of[winner.architecture.id].reason == reason  # which the command compares
    assert found.story(winner.architecture.id) == (
        f"Trained for {epochs} epochs: {reason}. Its 3 retrainings had {epochs}, 16 and 14 epochs."
    )


@pytest.mark.parametrize(
    ("floors", "expected"),
    [(((-0.1, math.inf), (-0.37, math.inf)), 0.37), (((math.inf, 5.0),), None), ((), None)],
)
def test_trivial_models_are_told_by_what_winners_are_judged_by(floors, expected):
    objectives = [objective_for("accuracy"), objective_for("size_bytes")]
    task = SimpleNamespace(winner_metric=ACCURACY, objectives=objectives, pick=Pick(floors=floors))
    assert settle._trivial_gain(task) == expected
