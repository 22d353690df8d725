"""What a command says of its time."""

import time

from nas.architecture import Architecture
from nas.cli.command_clock import CommandClock, began_s, beginning, trials_line
from nas.planning.command_time import LEAST_UNIT_S, CommandTime
from nas.planning.trials import TrialPlan
from nas.trial import TrialRecord, TrialState


def record(number, seconds, **metrics):
    architecture = Architecture({"a": number})
    return TrialRecord(number, architecture, TrialState.COMPLETE, metrics, seconds=seconds)


def test_fewer_trials_than_planned_are_told_with_what_each_took():
    plan = TrialPlan(side=64, epochs=8, num_trials=12, trial_s=8.7, seconds=52.0)
    records = [record(0, 3.0), record(1, 14.0), record(2, 16.0, training_share=0.8)]
    told = trials_line(records, plan, num_before=1)
    assert told.startswith("Trials: 2; planned were about 12. One took 15 s, planned were 8.7 s")
    assert "1 trained for fewer steps than planned, down to 80%" in told


def test_each_part_is_told_with_its_plan():
    clock = CommandClock(time.monotonic() - 20.0)
    clock.end("start")
    told = clock.describe(180.0, CommandTime(180.0, start_s=12.0, trials_s=100.0, reports_s=68.0))
    assert told == "The command took 20 s of its 3.0 min: start 20 s (planned 12 s)."


def test_a_command_line_inside_another_program_begins_when_it_is_called():
    before_s = time.monotonic()
    with beginning(is_process=False):
        assert before_s <= began_s() <= time.monotonic()


def test_tables_that_were_quick_tell_of_a_quicker_machine():
    clock = CommandClock(time.monotonic(), unit_s=7.0)
    clock.wrote_reports()
    assert clock.unit_s == LEAST_UNIT_S
    assert list(clock.took_s) == ["tables and pictures"]
