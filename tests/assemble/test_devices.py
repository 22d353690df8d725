"""Searches that are told of devices: what they are refused, and what they keep."""

from dataclasses import replace

import pytest
from parts.devices import rows_of, write_networks, write_rows

from nas.assemble.check import check_search
from nas.assemble.devices import device_notes, devices_of, keep_devices, within_error
from nas.assemble.search import build_search
from nas.cli.main import main
from nas.config.recorded import objective_names
from nas.config.source import ConfigSource
from nas.errors import ConfigError
from nas.objective import Constraint


@pytest.fixture
def pi5(tmp_path, monkeypatch):
    """The current folder, where a device called pi5 has a model."""
    monkeypatch.chdir(tmp_path)
    graphs = write_networks(tmp_path / "devices" / "pi5", 12)
    table = write_rows(tmp_path / "measured.csv", rows_of(graphs))
    assert main(["device", "fit", "pi5", str(table)]) == 0
    return tmp_path


def checked(*overrides):
    return check_search(ConfigSource(overrides=("execution=inline", *overrides)))


def test_each_device_is_an_objective_behind_those_that_are_named():
    values = {
        "objectives": {"metrics": ["accuracy", "latency_ms@a"]},
        "devices": ["a", "b"],
    }
    assert objective_names(values) == ["accuracy", "latency_ms@a", "latency_ms@b"]


def test_a_latency_on_a_device_is_counted_before_training(pi5):
    search = build_search(checked("devices=[pi5]", "sampler=random"))
    architecture = next(iter(search.task.space.enumerate()))
    costs = search.task.evaluator.static_costs(architecture)
    assert costs["latency_ms@pi5"] > 0
    objectives = [(o.metric, o.is_static) for o in search.task.objectives]
    assert objectives[-1] == ("latency_ms@pi5", True)


def test_memory_of_a_microcontroller_is_counted_before_training():
    search = build_search(checked("objectives=[accuracy,ram_bytes,flash_bytes]", "sampler=random"))
    architecture = next(iter(search.task.space.enumerate()))
    costs = search.task.evaluator.static_costs(architecture)
    assert 0 < costs["ram_bytes"] <= costs["flash_bytes"] * 1000
    assert costs["flash_bytes"] > costs["num_params"]  # a scale for each output


@pytest.mark.parametrize(
    "override",
    [
        "devices=[pixel]",
        "objectives=[accuracy,latency_ms@pixel]",
        "constraints.latency_ms@pixel.max=3",
    ],
)
def test_a_search_for_an_unknown_device_is_refused(override, pi5):
    with pytest.raises(ConfigError, match=r"no model of the device 'pixel' .*nearest first: pi5"):
        checked(override)


def test_only_what_was_measured_on_a_device_is_predicted(pi5):
    with pytest.raises(ConfigError, match="no energy_j was measured there"):
        devices_of(["energy_j@pi5"], run_folder=pi5 / "runs" / "a")
    with pytest.raises(ConfigError, match="there is no metric 'accuracy@pi5'"):
        checked("objectives=[accuracy,accuracy@pi5]")


def test_a_limit_on_a_device_leaves_room_for_the_error_of_predictions(pi5):
    devices = devices_of(["latency_ms@pi5"], run_folder=pi5 / "runs" / "a")
    error = devices["pi5"].high_error("latency_ms")
    kept = within_error(Constraint("latency_ms@pi5", minimum=1, maximum=20), devices)
    assert (kept.minimum, kept.maximum) == (1, pytest.approx(20 / (1 + error)))
    other = Constraint("size_bytes", maximum=20)
    assert within_error(other, devices) is other
    assert any("nine of ten" in note for note in device_notes(devices, [kept]))


def test_a_run_keeps_the_models_that_it_began_with(pi5):
    run = pi5 / "runs" / "a"
    devices = devices_of(["latency_ms@pi5"], run_folder=run)
    keep_devices(devices, run_folder=run)
    (pi5 / "devices" / "pi5" / "device.json").unlink()
    again = devices_of(["latency_ms@pi5"], run_folder=run)
    assert again["pi5"].errors == devices["pi5"].errors


def test_data_of_another_size_than_the_measured_are_told_of(pi5):
    devices = devices_of(["latency_ms@pi5"], run_folder=pi5 / "runs" / "a")
    small = {"pi5": replace(devices["pi5"], input_shape=(3, 32, 32))}
    notes = device_notes(small, [], input_shape=(3, 224, 224))
    assert "measured with networks for data of 3x32x32, this search has 3x224x224" in notes[0]
    assert len(device_notes(small, [], input_shape=(3, 28, 28))) == len(notes) - 1
    assert len(device_notes(devices, [], input_shape=(3, 224, 224))) == len(notes) - 1
