import pytest

from nas.evaluation.winner_metric import ACCURACY
from nas.finish.confirm import RetrainingPlan, candidate_of
from nas.finish.earlier import EarlierRetraining
from nas.finish.find_length import FITS
from nas.finish.ledger import Ledger, LedgerEntry
from nas.finish.length import Length, Lengths
from nas.finish.length_warnings import warn_of_fixed, warn_of_longer, warn_of_short
from nas.train.recipe import Recipe
from tests.finish.conftest import record


@pytest.mark.parametrize(
    ("epochs", "reason", "is_told"),
    [(15, FITS, True), (16, FITS, False), (15, "twice as many gained nothing", False)],
)
def test_a_budget_too_short_for_the_epochs_of_a_trial_is_told(caplog, epochs, reason, is_told):
    winner = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3))
    lengths = Lengths({winner.architecture.id: Length(epochs, reason)}, 1)

    warn_of_short([winner], lengths, search_epochs=8)

    told = "too short to retrain trial 0 for as long as its trial was trained, 8 epochs"
    assert (told in caplog.text) is is_told


@pytest.mark.parametrize(("epochs", "is_told"), [(60, True), (3, False)])
def test_who_asks_for_fewer_epochs_than_an_earlier_finish_had_is_told(caplog, epochs, is_told):
    winner = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3))
    identity = winner.architecture.id
    earlier = {identity: EarlierRetraining(planned=80, epochs=epochs)}

    warn_of_longer([winner], earlier, {identity: 4})

    told = "trained longer: trial 0 for 60 epochs; training.epochs=4 puts shorter trainings"
    assert (told in caplog.text) is is_told


@pytest.mark.parametrize(("epochs", "is_told"), [(2, True), (40, False)])
def test_who_fixes_the_epochs_is_told_of_longer_trainings_before(
    tmp_path, caplog, epochs, is_told
):
    winner = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3))
    ledger = Ledger(tmp_path / "ledger.jsonl")
    before = RetrainingPlan(Recipe(epochs=30), 1, 0, "data", winner_metric=ACCURACY)
    facts = {"epochs": 30, "architecture_id": winner.architecture.id}
    ledger.append(LedgerEntry(before.jobs_of(winner)[0].key, {"accuracy": 0.5}, 1.0, facts))
    plan = RetrainingPlan(Recipe(epochs=epochs), 2, 0, "data", winner_metric=ACCURACY)

    warn_of_fixed([winner], plan, ledger, search_epochs=5)

    assert ("trained longer: trial 0 for 30 epochs" in caplog.text) is is_told
    assert ("less than the trials of the search had, 5 epochs" in caplog.text) is is_told
