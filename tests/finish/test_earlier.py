from dataclasses import replace

import pytest

from nas.evaluation.winner_metric import ACCURACY
from nas.finish import confirm
from nas.finish.confirm import RetrainingPlan, candidate_of
from nas.finish.earlier import (
    EARLIER,
    EarlierRetraining,
    earlier_retrainings,
    measured_growth,
    with_earlier,
    with_longest,
)
from nas.finish.find_length import FITS
from nas.finish.ledger import Ledger, LedgerEntry
from nas.finish.length import Length, Lengths
from nas.train.recipe import Recipe
from tests.finish.conftest import record


@pytest.fixture
def winner():
    return candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3))


@pytest.fixture
def plan():
    return RetrainingPlan(Recipe(epochs=8), 1, 0, "data", winner_metric=ACCURACY)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.jsonl")


def keep(ledger, winner, plan, *, epochs, share=1.0):
    for job in replace(plan, epochs={winner.architecture.id: epochs}).jobs_of(winner):
        metrics = {"accuracy": 0.5, "training_share": share}
        facts = {"architecture_id": winner.architecture.id, "epochs": epochs}
        ledger.append(LedgerEntry(job.key, metrics, 1.0, facts))


def test_the_longest_is_the_one_that_the_clock_left_most_epochs(winner, plan, ledger):
    keep(ledger, winner, plan, epochs=60, share=0.5)
    keep(ledger, winner, plan, epochs=40)

    found = earlier_retrainings([winner], plan, ledger, num_seeds=1)

    assert found == {winner.architecture.id: EarlierRetraining(40, 40.0)}


def test_another_recipe_other_data_and_too_few_seeds_do_not_count(winner, plan, ledger):
    keep(ledger, winner, replace(plan, recipe=Recipe(epochs=8, learning_rate=0.9)), epochs=60)
    keep(ledger, winner, replace(plan, data_key="other data"), epochs=50)
    keep(ledger, winner, plan, epochs=40)

    assert earlier_retrainings([winner], plan, ledger, num_seeds=2) == {}
    known = earlier_retrainings([winner], plan, ledger, num_seeds=1)
    assert known[winner.architecture.id].planned == 40


def test_more_retrainings_of_a_length_than_are_planned_count(winner, plan, ledger):
    keep(ledger, winner, replace(plan, num_seeds=3), epochs=8)
    keep(ledger, winner, replace(plan, num_seeds=2), epochs=60)

    assert len(confirm.tested_values(winner, plan, ledger)) == 3
    longer = replace(plan, epochs={winner.architecture.id: 60})
    assert len(confirm.tested_values(winner, longer, ledger)) == 2


@pytest.mark.parametrize(
    ("planned", "reason", "trained", "is_kept"),
    [
        (20, "done", False, True),
        (40, "done", False, False),
        (58, FITS, False, True),  # planned are twice as many as are sure to fit
        (62, FITS, False, False),
        (60, FITS, False, False),  # of this command, which goes on
        (256, "still getting better", True, True),
    ],
)
def test_the_longer_one_stands(winner, planned, reason, trained, is_kept):
    identity = winner.architecture.id
    lengths = Lengths({identity: Length(planned, reason)}, 1)

    told = with_earlier(
        lengths,
        {identity: EarlierRetraining(60, 30.0)},
        trained=frozenset({identity} if trained else ()),
    )

    expected = Length(60, EARLIER) if is_kept else Length(planned, reason)
    assert told.of[identity] == expected


@pytest.mark.parametrize(
    ("share", "epochs", "is_kept"), [(10 / 160, 64, True), (0.5, 64, True), (0.75, 160, False)]
)
def test_a_retraining_that_the_clock_cut_gives_way_to_one_of_about_its_length(
    winner, plan, ledger, caplog, share, epochs, is_kept
):
    identity = winner.architecture.id
    keep(ledger, winner, plan, epochs=64)
    keep(ledger, winner, plan, epochs=160, share=share)
    planned = Lengths({identity: Length(160, FITS, seconds=9.0)}, 1)

    lengths, kept = with_longest(planned, [winner], replace(plan, epochs={identity: 160}), ledger)

    assert kept.epochs == {identity: epochs}
    assert lengths.of[identity].epochs == epochs
    told = f"its earlier retraining of 64 epochs: the budget left time for {160 * share:.0f}"
    assert (told in caplog.text) == is_kept


def test_what_retrainings_took_says_what_an_epoch_takes(ledger):
    """An epoch of the trial took a second, one of the retraining two."""
    told = record(0, channels=2, accuracy=0.5, size_bytes=1e3)
    winner = candidate_of(replace(told, seconds=8.0))
    assert measured_growth([winner], ledger, 8, 1.3) == 1.3

    identity = winner.architecture.id
    seconds, facts = 2.0 * 30, {"architecture_id": identity, "epochs": 60}
    half = {"training_share": 0.5}
    ledger.append(LedgerEntry("a", half, seconds, {**facts, "step": "confirm"}))
    ledger.append(LedgerEntry("b", half, 100 * seconds, {**facts, "step": "distil"}))
    ledger.append(LedgerEntry("c", half, 99.0, {**facts, "architecture_id": "another"}))

    assert measured_growth([winner], ledger, 8, 1.3) == pytest.approx(2.0)
