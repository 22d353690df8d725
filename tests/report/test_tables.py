import csv
import math

import pytest
from parts.work import num_calls
from rich.console import Console

from nas.architecture import Architecture
from nas.objective import objective_for
from nas.report.front import front_records
from nas.report.tables import (
    front_table,
    knee_sentence,
    parameter_columns,
    split_shared,
    write_front_csv,
    write_trials_csv,
)
from nas.report.values import format_value
from nas.trial import Failure, FailureKind, TrialState


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _printed(table, *, width=100):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table)
    console.file.close()
    return console.export_text()


def test_trials_csv_has_one_row_per_trial_in_the_fixed_order(
    tmp_path, search_records, accuracy_size
):
    records = search_records(80)
    path = tmp_path / "trials.csv"

    write_trials_csv(records[::-1], objectives=accuracy_size, path=path)

    rows = _rows(path)
    columns = list(rows[0])
    assert [int(row["number"]) for row in rows] == list(range(80))
    assert columns[:6] == [
        "number", "state", "rung", "architecture_id", "accuracy", "size_bytes",
    ]  # fmt: skip
    assert columns[6:10] == ["loss", "num_params", "num_macs", "latency_ms"]
    assert columns[-3:] == ["seconds", "failure_kind", "failure_message"]
    assert all(name.startswith("param.") for name in columns[10:-3])


def test_trials_csv_reads_back_to_the_same_numbers(tmp_path, search_records, accuracy_size):
    records = search_records(80)

    write_trials_csv(records, objectives=accuracy_size, path=tmp_path / "trials.csv")

    for row, record in zip(_rows(tmp_path / "trials.csv"), records, strict=True):
        written = {name: float(row[name]) for name in record.metrics if row[name]}
        expected = {n: v for n, v in record.metrics.items() if not math.isnan(v)}
        assert written == expected
        assert row["architecture_id"] == record.architecture.id
        assert float(row["rung"]) == record.budget
        present = {name for name in record.architecture if row[f"param.{name}"] != ""}
        assert present == set(record.architecture)


def test_parameters_that_a_trial_does_not_have_are_empty(tmp_path, trial, accuracy_size):
    records = [
        trial(0, architecture=Architecture({"depth": 1, "flag": False})),
        trial(1, architecture=Architecture({"depth": 2, "blocks.1.kernel": 5})),
    ]

    write_trials_csv(records, objectives=accuracy_size, path=tmp_path / "t.csv")

    first, second = _rows(tmp_path / "t.csv")
    assert (first["param.blocks.1.kernel"], first["param.flag"]) == ("", "false")
    assert (second["param.blocks.1.kernel"], second["param.flag"]) == ("5", "")


def test_failures_are_told_with_kind_and_message_and_no_nan(tmp_path, trial, accuracy_size):
    failure = Failure(FailureKind.NONFINITE, 'loss is "NaN", not\na number', "…")
    record = trial(3, state=TrialState.FAILED, failure=failure, size_bytes=8.0, accuracy=math.nan)

    write_trials_csv([record], objectives=accuracy_size, path=tmp_path / "t.csv")

    (row,) = _rows(tmp_path / "t.csv")
    assert row["state"] == "failed"
    assert row["failure_kind"] == "nonfinite"
    assert row["failure_message"] == failure.message
    assert (row["accuracy"], row["size_bytes"]) == ("", "8")


def test_seconds_as_an_objective_has_one_column(tmp_path, trial):
    objectives = (objective_for("accuracy"), objective_for("seconds"))

    write_trials_csv(
        [trial(0, accuracy=0.5, seconds=2.5)], objectives=objectives, path=tmp_path / "t.csv"
    )

    with (tmp_path / "t.csv").open() as file:
        header = file.readline().strip().split(",")
    assert header.count("seconds") == 1
    assert header.index("seconds") == 5


@pytest.mark.parametrize("write", [write_trials_csv, write_front_csv])
def test_a_run_without_trials_gives_a_header_only(tmp_path, accuracy_size, write):
    write([], objectives=accuracy_size, path=tmp_path / "t.csv")

    text = (tmp_path / "t.csv").read_text()
    assert text.count("\n") == 1
    assert "architecture_id,accuracy,size_bytes" in text


def test_front_csv_lists_the_members_smallest_first(tmp_path, trial, accuracy_size):
    records = [
        trial(0, accuracy=0.9, size_bytes=300.0),
        trial(1, accuracy=0.8, size_bytes=100.0),
        trial(2, accuracy=0.7, size_bytes=200.0),
    ]

    write_front_csv(records, objectives=accuracy_size, path=tmp_path / "f.csv")

    rows = _rows(tmp_path / "f.csv")
    assert [row["trial"] for row in rows] == ["1", "0"]
    assert [row["size_bytes"] for row in rows] == ["100", "300"]
    assert list(rows[0])[:4] == ["trial", "architecture_id", "accuracy", "size_bytes"]


def test_the_work_on_both_tables_grows_with_the_trials_alone(
    tmp_path, search_records, accuracy_size
):
    def work(num_trials):
        records = search_records(num_trials)
        write = num_calls(
            lambda: write_trials_csv(records, objectives=accuracy_size, path=tmp_path / "t.csv")
        )
        return write + num_calls(
            lambda: write_front_csv(records, objectives=accuracy_size, path=tmp_path / "f.csv")
        )

    assert work(1000) < 12 * work(100)


def test_parameters_sort_by_number_within_repeats():
    architecture = Architecture({f"s.{i}.k": 3 for i in (10, 2, 1)} | {"width": 1, "depth": 2})

    assert parameter_columns([architecture]) == ["depth", "width", "s.1.k", "s.2.k", "s.10.k"]


def test_what_all_members_share_is_said_once():
    first = Architecture({"act": "relu", "width": 1, "s.0.k": 3, "s.1.k": 3})
    second = Architecture({"act": "relu", "width": 2, "s.0.k": 3, "s.1.k": 5})

    shared, own = split_shared([first, second])

    assert shared == "act=relu"
    assert own == ["width=1 s.k=3·3", "width=2 s.k=3·5"]


def test_what_all_blocks_of_all_networks_have_in_common_is_said_once():
    first = Architecture({"s.repeat": 1, "s.0.k": 3, "s.0.d": 1})
    second = Architecture({"s.repeat": 2, "s.0.k": 3, "s.1.k": 5, "s.0.d": 1, "s.1.d": 1})

    shared, own = split_shared([first, second])

    assert shared == "s.d=1"
    assert own == ["s.k=3 s.repeat=1", "s.k=3·5 s.repeat=2"]


def test_what_some_blocks_lack_is_not_in_common():
    first = Architecture({"s.0.k": 3, "s.1.k": 5, "s.0.d": 1})
    second = Architecture({"s.0.k": 5, "s.1.k": 5, "s.0.d": 1, "s.1.d": 1})

    shared, own = split_shared([first, second])

    assert shared == ""
    assert own == ["s.d=1·– s.k=3·5", "s.d=1·1 s.k=5·5"]


def test_the_front_reads_in_100_columns_with_units_and_the_knee_marked(trial, accuracy_size):
    records = [
        trial(0, accuracy=0.5, size_bytes=1e3, num_params=250.0, num_macs=1e6),
        trial(4, accuracy=0.9, size_bytes=2e3, num_params=500.0, num_macs=2e6),
        trial(7, accuracy=0.91, size_bytes=1.5e6, num_params=375e3, num_macs=3e9),
    ]

    lines = _printed(front_table(records, accuracy_size)).splitlines()

    assert max(map(len, lines)) <= 100
    assert "accuracy" in lines[1]
    assert "MACs" in lines[1]
    (knee,) = [line for line in lines if "◆" in line]
    assert knee.split()[1:] == ["90.00", "%", "2.00", "kB", "500", "2.00", "M", "4", "index=4"]
    assert "1.50 MB" in lines[5]
    assert "3.00 G" in lines[5]


def test_a_third_objective_has_its_column(search_records, three_objectives):
    text = _printed(front_table(search_records(80), three_objectives))

    assert "latency" in text
    assert " ms " in text


def test_square_brackets_in_a_value_are_shown_as_they_are(trial, accuracy_size):
    record = trial(
        0, accuracy=0.5, size_bytes=10.0, architecture=Architecture({"block": "[bold]x[/bold]"})
    )

    assert "[bold]x[/bold]" in _printed(front_table([record], accuracy_size))


def test_knee_sentence_names_trial_values_and_ends(trial, accuracy_size):
    records = [
        trial(0, accuracy=0.5, size_bytes=1e3),
        trial(4, accuracy=0.9, size_bytes=2e3),
        trial(7, accuracy=0.91, size_bytes=1.5e6),
    ]

    sentence = knee_sentence(records, accuracy_size)

    assert "trial 4 with 90.00 % accuracy, 2.00 kB size" in sentence
    assert "3 members reach from 50.00 % at 1.00 kB to 91.00 % at 1.50 MB" in sentence


def test_knee_sentence_of_a_single_member_and_of_none(trial, accuracy_size):
    assert "one architecture: trial 5" in knee_sentence(
        [trial(5, accuracy=0.5, size_bytes=1e3)], accuracy_size
    )
    assert "no front yet" in knee_sentence([], accuracy_size)


@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_narrow_terminal_cuts_architectures_and_no_value(search_records, accuracy_size, width):
    records = search_records(40)
    front = front_records(records, accuracy_size)

    table, _, _ = _printed(
        front_table(records, accuracy_size, width=width), width=width
    ).partition("In all of them")

    rows = [line for line in table.splitlines() if "%" in line]
    values = [
        [format_value(name, record.metrics[name]) for name in ("accuracy", "size_bytes")]
        for record in front
    ]
    assert [all(text in row for text in each) for row, each in zip(rows, values, strict=True)] == [
        True
    ] * len(front)
    assert max(map(len, rows)) <= width
