"""What readers are told of trials that started from the weights of others."""

import csv
from dataclasses import replace

import pytest

from nas.report.content import Report
from nas.report.inheritance import inheritance_line
from nas.report.page import page_html
from nas.report.tables import write_front_csv, write_trials_csv
from nas.trial import NO_RELATIVE


@pytest.fixture
def records(trial):
    first, second, third = (
        trial(number, accuracy=0.7 + number / 10, size_bytes=1000.0 * (number + 1))
        for number in range(3)
    )
    return [first, replace(second, inherited_from=0), replace(third, inherited_from=NO_RELATIVE)]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_sentence_says_that_the_front_is_not_confirmed(records):
    line = inheritance_line(records, is_retrained=False)
    assert line is not None
    assert line.startswith("1 of 3 trials started from the weights of another one")
    assert "the front is not confirmed: nas finish trains it from scratch" in line


def test_after_nas_finish_it_says_that_winners_were_trained_from_scratch(records):
    line = inheritance_line(records, is_retrained=True)
    assert line is not None
    assert line.endswith("nas finish trained the winners from scratch.")


def test_of_trials_that_all_began_at_random_nothing_is_said(records):
    assert inheritance_line([records[0], records[2]], is_retrained=False) is None


def test_the_tables_name_the_trial_that_another_one_started_from(records, accuracy_size, tmp_path):
    for write in (write_trials_csv, write_front_csv):
        write(records, objectives=accuracy_size, path=tmp_path / "t.csv")
        assert [row["inherited_from"] for row in rows(tmp_path / "t.csv")] == ["", "0", ""]


def test_a_run_where_nothing_was_inherited_has_no_column_for_it(records, accuracy_size, tmp_path):
    write_trials_csv(records[:1], objectives=accuracy_size, path=tmp_path / "t.csv")
    assert "inherited_from" not in rows(tmp_path / "t.csv")[0]


def test_the_page_names_it_too_and_says_what_the_front_is_worth(records, accuracy_size):
    page = page_html(Report("run", records, accuracy_size))
    assert "started from trial" in page
    assert "the front is not confirmed" in page


def test_of_trials_that_began_as_slices_the_sentence_names_the_supernet(records):
    first, _, third = records
    sliced = replace(first, metrics={**first.metrics, "supernet_share": 1.0})
    line = inheritance_line([sliced, third], is_retrained=False)
    assert line is not None
    assert line.startswith("1 of 2 trials started from the weights of a supernet")
    assert "the front is not confirmed" in line
