import math

import pytest
from parts.command import folder_of_a_table_run, nas, table_run, table_words
from parts.launch import launch_folder

from nas.record.winners import WinnerRow, write_winners
from nas.study.journal import load_records

__all__ = ["folder_of_a_table_run", "launch_folder", "nas", "table_run", "table_words"]


@pytest.fixture
def records(table_run):
    return load_records(table_run / "study.journal")


@pytest.fixture
def tested_run(table_run, records):
    """A run of which two networks were retrained: the most accurate, and a smaller one."""
    first, second, *_ = sorted(records, key=lambda record: -record.metrics["quality"])
    values = {first.number: 0.7, second.number: 0.9}
    rows = [
        WinnerRow(
            name=f"trial {record.number}", is_baseline=False, trial=record.number,
            architecture_id=record.architecture.id, num_params=1, num_macs=1,
            size_bytes=record.metrics["bytes"], metric="quality", search_value=0.5,
            test_mean=values[record.number], test_std=math.nan, confidence_low=math.nan,
            confidence_high=math.nan, prediction_low=math.nan, prediction_high=math.nan,
            sampling_std=math.nan, num_seeds=1, beaten_by="",
        )
        for record in (first, second)
    ]  # fmt: skip
    write_winners(table_run / "finish" / "winners.csv", rows)
    return first, second
