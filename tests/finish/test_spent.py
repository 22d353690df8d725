"""What searching and finishing cost."""

import math
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest
from rich.console import Console

from nas.architecture import Architecture
from nas.cli.spending import Spending
from nas.cli.view import SilentView
from nas.finish.spent import total_use
from nas.measure.energy import EnergyUse, Meter, Meters
from nas.record.run_folder import RunFolder
from nas.record.spent import Noting, Spent, note_spent, read_spent, total_spent
from nas.report.cost import search_cost
from nas.trial import TrialRecord, TrialState


def trial(number, state, seconds, budget=1.0):
    return TrialRecord(number, Architecture({"a": number}), state, {}, seconds, budget)


def test_search_costs_the_time_of_all_its_trials_and_early_stops_save_the_rest():
    cost = search_cost(
        [
            trial(0, TrialState.COMPLETE, 1800.0),
            trial(1, TrialState.STOPPED, 900.0, budget=0.25),
            trial(2, TrialState.FAILED, 900.0),
            trial(3, TrialState.RUNNING, 0.0),
        ]
    )

    assert cost.device_hours == pytest.approx(1.0)
    assert cost.saved_device_hours == pytest.approx(0.75)  # 3600 s to the end, 900 s spent
    assert (cost.num_trials, cost.num_stopped, cost.num_failed) == (3, 1, 1)
    assert "times of 3 trials add up to 1.00 device-hours; 1 of them failed" in cost.describe()
    assert "Stopping 1 trial early saved about 0.75 device-hours" in cost.describe()


def test_search_without_early_stops_claims_to_have_saved_nothing():
    assert "saved" not in search_cost([trial(0, TrialState.COMPLETE, 60.0)]).describe()


def test_seconds_of_a_simulated_clock_are_told_as_such():
    records = [trial(0, TrialState.COMPLETE, 60.0)]

    told = search_cost(records, [Spent(2.0, num_known=7, is_simulated=True)]).describe()

    assert told == "1 trial took 1 min 0 s on a simulated clock."


def note_use(folder, use):
    note_spent(folder / "spent.jsonl", Spent(**asdict(use)))


def test_commands_add_up(tmp_path):
    note_use(tmp_path, EnergyUse(100.0, 5.0, ("RAPL package-0",)))
    note_use(tmp_path, EnergyUse(50.0, 2.0, ("RAPL package-0",)))

    total = total_use(tmp_path)

    assert (total.joules, total.seconds, total.meters) == (150.0, 7.0, ("RAPL package-0",))


def test_total_is_unknown_where_a_part_of_it_is(tmp_path):
    note_use(tmp_path, EnergyUse(100.0, 5.0, ("RAPL package-0",)))
    note_use(tmp_path, EnergyUse(seconds=2.0, why_unknown="no counters"))

    assert math.isnan(total_use(tmp_path).joules)
    assert "Energy is not known: no counters" in total_use(tmp_path).describe()


def test_folder_in_which_nothing_was_trained_has_no_total(tmp_path):
    assert "nothing was trained" in total_use(tmp_path).describe()


def test_proposals_that_were_drawn_again_saved_a_training_each():
    records = [trial(0, TrialState.COMPLETE, 1000.0), trial(1, TrialState.COMPLETE, 800.0)]
    spent = [Spent(60.0, why_unknown="no counters", num_known=3, num_forbidden=2)] * 2

    cost = search_cost(records, spent)
    told = cost.describe()

    assert "6 proposals that repeated a known network saved about 1.50 device-hours." in told
    assert "Replacing 4 proposals that broke a constraint saved about 1.00 device" in told
    assert "Energy" not in told
    assert cost.energy() == "Energy is not known: no counters."


def test_energy_of_a_search_is_told_with_its_carbon():
    spent = [Spent(60.0, 3.6e6, ("RAPL package-0",))]

    told = search_cost([trial(0, TrialState.COMPLETE, 60.0)], spent).describe(grid_g_per_kwh=350)

    assert "(1 kWh), 350 g of CO2 at 350 g a kWh" in told


def test_what_was_noted_is_read_again_and_a_torn_line_left_out(tmp_path):
    path = tmp_path / "spent.jsonl"
    parts = [Spent(1.0, 5.0, ("NVML GPU 0",), "", 2, 3), Spent(2.0, 6.0, ("NVML GPU 0",), "", 1)]
    for part in parts:
        note_spent(path, part)
    with path.open("a") as file:
        file.write('{"seconds": 1.0, "jou')

    assert read_spent(path) == parts
    assert total_spent(parts) == Spent(3.0, 11.0, ("NVML GPU 0",), "", 3, 3)


def test_command_notes_what_it_used_and_did_not_have_to_train(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    counts = iter([10.0, 11.0, 19.0])
    meters = Meters((Meter("RAPL package-0", lambda: next(counts)),))

    spending = Spending(folder, SilentView(Console()), meters)
    with spending.noting:
        spending.drawn_again(num_redrawn=5, num_known=2)

    (noted,) = read_spent(folder.spent_jsonl)
    assert (noted.joules, noted.meters) == (9.0, ("RAPL package-0",))
    assert (noted.num_known, noted.num_forbidden) == (2, 3)


def test_command_that_raises_is_noted_all_the_same(tmp_path):
    path = tmp_path / "spent.jsonl"
    looks = iter([Spent(0.0, 0.0), Spent(2.0, 3.0)])

    with pytest.raises(KeyError), Noting(path, lambda: next(looks)):
        raise KeyError

    assert read_spent(path) == [Spent(2.0, 3.0)]


KILLED = """
import itertools, os, signal, sys, time
from pathlib import Path
from nas.record.spent import Noting, Spent, read_spent
path, counts = Path(sys.argv[1]), itertools.count()
with Noting(path, lambda: Spent(float(next(counts)), 1.0, ("m",)), every_s=0.01):
    while not read_spent(path) or read_spent(path)[-1].seconds < 3:
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_command_that_is_killed_is_counted_up_to_its_last_look(tmp_path):
    path = tmp_path / "spent.jsonl"
    note_spent(path, Spent(100.0, 50.0, ("m",)))

    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    note_spent(path, Spent(10.0, 5.0, ("m",)))

    assert killed.returncode == -signal.SIGKILL
    assert [spent.joules for spent in read_spent(path)] == [50.0, 1.0, 5.0]
    assert total_spent(read_spent(path)).seconds >= 113.0


def test_lost_meter_ends_nothing(tmp_path, caplog):
    def lost():
        raise OSError("no such device")

    looks = iter([lambda: Spent(1.0, 1.0), lost])

    with Noting(tmp_path / "spent.jsonl", lambda: next(looks)()):
        pass

    assert read_spent(tmp_path / "spent.jsonl") == [Spent(1.0, 1.0)]
    assert "cannot be noted" in caplog.text
