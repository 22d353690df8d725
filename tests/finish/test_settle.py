import pytest

from nas.evaluation.winner_metric import ACCURACY
from nas.finish.confirm import RetrainingPlan, candidate_of
from nas.finish.ledger import Ledger, LedgerEntry
from nas.finish.length import Length, Lengths
from nas.finish.settle import FEW_EPOCHS, trained_lengths
from nas.train.recipe import Recipe
from tests.finish.conftest import record


@pytest.mark.parametrize(
    ("share", "is_told"), [(FEW_EPOCHS / 100 - 0.01, True), (FEW_EPOCHS / 100, False)]
)
def test_a_winner_that_the_clock_ended_after_few_epochs_is_told(tmp_path, caplog, share, is_told):
    winner = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3))
    plan = RetrainingPlan(Recipe(epochs=100), 1, 0, "data", winner_metric=ACCURACY)
    ledger = Ledger(tmp_path / "ledger.jsonl")
    metrics = {"accuracy": 0.5, "training_share": share}
    ledger.append(LedgerEntry(plan.jobs_of(winner)[0].key, metrics, 1.0, {}))
    planned = Lengths({winner.architecture.id: Length(100, "it was still getting better")}, 1)

    found = trained_lengths(planned, [winner], plan, ledger)

    assert found.of[winner.architecture.id].epochs == round(100 * share)
    assert ("trial 0 was retrained for 7 epochs, since" in caplog.text) == is_told
