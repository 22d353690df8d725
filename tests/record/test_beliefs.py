"""What is believed of noisy results, on disk and back, and when it does not count."""

from dataclasses import replace

import pytest

from nas.architecture import Architecture
from nas.record.beliefs import BELIEVED_CSV, read_beliefs, write_beliefs
from nas.trial import TrialRecord, TrialState

MEASURED = [0.90, 0.94, 0.80]
BELIEVED = {number: {"accuracy": value} for number, value in enumerate([0.91, 0.92, 0.81])}


@pytest.fixture
def records():
    return [
        TrialRecord(
            number=number,
            architecture=Architecture({"channels": number}),
            state=TrialState.COMPLETE,
            metrics={"accuracy": accuracy, "size_bytes": 10.0 * number},
        )
        for number, accuracy in enumerate(MEASURED)
    ]


@pytest.fixture
def path(tmp_path, records):
    write_beliefs(tmp_path / BELIEVED_CSV, records, BELIEVED)
    return tmp_path / BELIEVED_CSV


def values_of(beliefs):
    return {number: pytest.approx(values["accuracy"]) for number, values in beliefs.items()}


def test_what_was_written_is_read_with_what_was_measured_beside_it(path, records):
    assert values_of(BELIEVED) == values_of(read_beliefs(path, records))
    assert path.read_text().splitlines()[:2] == [
        "trial,metric,measured,believed",
        "0,accuracy,0.9,0.91",
    ]


def test_of_some_of_the_trials_the_same_is_believed(path, records):
    assert set(read_beliefs(path, records[1:])) == {1, 2}


def test_a_file_that_lacks_a_trial_is_older_than_the_run_and_counts_for_nothing(path, records):
    later = replace(records[0], number=3, architecture=Architecture({"channels": 9}))
    assert read_beliefs(path, [*records, later]) == {}


def test_a_file_with_another_reading_is_of_other_trials_and_counts_for_nothing(path, records):
    again = replace(records[1], metrics={**records[1].metrics, "accuracy": 0.93})
    assert read_beliefs(path, [records[0], again]) == {}


@pytest.mark.parametrize("text", ["", "trial,metric\n0,accuracy\n", "trial,metric,measured,bel"])
def test_a_damaged_file_counts_for_nothing(path, records, text):
    path.write_text(text)
    assert read_beliefs(path, records) == {}


def test_without_a_file_nothing_is_believed(tmp_path, records):
    assert read_beliefs(tmp_path / BELIEVED_CSV, records) == {}


def test_where_nothing_is_believed_any_more_the_file_goes(path, records):
    write_beliefs(path, records, {})
    assert not path.exists()


def test_a_variant_was_as_lucky_as_its_parent(path, records):
    small = replace(records[1], number=7, parent=1, variant="int8", metrics={"accuracy": 0.935})
    assert read_beliefs(path, [*records, small])[7]["accuracy"] == pytest.approx(0.935 - 0.02)
