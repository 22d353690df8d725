"""Devices as files, their names, and the networks chosen for them."""

import json

import numpy as np
import pytest
from parts.devices import network_ms, random_counts, rows_of, write_networks, write_rows

from nas.device.choose import choose_networks
from nas.device.device import read_device, write_device
from nas.device.fitting import fit_device
from nas.device.latency_model import fit_latency_model
from nas.device.measured import read_measured, read_networks
from nas.device.places import NETWORKS_JSON, checked_device_name, find_device
from nas.device.validation import prediction_error
from nas.errors import ConfigError
from nas.files import write_text


@pytest.fixture
def device(tmp_path):
    graphs = write_networks(tmp_path, 14)
    table = write_rows(tmp_path / "measured.csv", rows_of(graphs))
    measured = read_measured(table, read_networks(tmp_path / NETWORKS_JSON))
    return fit_device("pi5", measured)


def test_a_device_read_from_its_file_predicts_the_same(device, tmp_path):
    write_device(device, tmp_path / "device.json")
    again = read_device(tmp_path / "device.json")
    other = random_counts(np.random.default_rng(5))
    before, after = device.models["latency_ms"], again.models["latency_ms"]
    assert after.predict(other) == pytest.approx(before.predict(other), rel=1e-9)
    assert (again.errors, again.measured) == (device.errors, device.measured)


def test_a_device_that_started_from_another_one_needs_no_second_file(device, tmp_path):
    graphs = write_networks(tmp_path / "b", 10, seed=1)
    table = write_rows(tmp_path / "b.csv", rows_of(graphs, seed=1))
    measured = read_measured(table, read_networks(tmp_path / "b" / NETWORKS_JSON))
    second = fit_device("pixel", measured, start_from=[device])
    write_device(second, tmp_path / "second.json")
    other = random_counts(np.random.default_rng(5))
    found = read_device(tmp_path / "second.json")
    assert found.started_from == ("pi5",)
    expected = second.models["latency_ms"].predict(other)
    assert found.models["latency_ms"].predict(other) == pytest.approx(expected, rel=1e-9)


def test_the_model_is_shown_beside_simple_rivals(device):
    errors = device.errors["latency_ms"]
    assert set(errors) == {"nas", "multiply-accumulates alone", "parameters alone"}
    assert errors["nas"].median_error < errors["parameters alone"].median_error


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"version": 9}', '{"version": 1, "name": 2}'])
def test_a_damaged_file_says_what_to_do(text, tmp_path):
    write_text(tmp_path / "device.json", text)
    with pytest.raises(ConfigError, match="nas device fit"):
        read_device(tmp_path / "device.json")


@pytest.mark.parametrize("name", ["", "a b", "../up", "pi@5", "-x", "a.b", "é", "x" * 65, "a\n"])
def test_a_device_has_no_odd_name(name):
    with pytest.raises(ConfigError, match="letters, digits"):
        checked_device_name(name)


def test_a_missing_device_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="nas device new pi5"):
        find_device("pi5")
    write_networks(tmp_path / "devices" / "pi5", 10)
    with pytest.raises(ConfigError, match=r"run measure\.py on the device"):
        find_device("pi5")


def test_the_copy_of_a_run_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("devices/pi5/device.json", "runs/a/devices/pi5.json"):
        write_text(tmp_path / place, json.dumps({}))
    found = find_device("pi5", run_folder=tmp_path / "runs" / "a")
    assert found == tmp_path / "runs" / "a" / "devices" / "pi5.json"


def test_chosen_networks_are_different_and_no_more_than_there_are():
    rng = np.random.default_rng(0)
    pool = [random_counts(rng) for _ in range(30)]
    chosen = choose_networks(pool, 12)
    assert len(set(chosen)) == 12
    assert sorted(choose_networks(pool, 40)) == list(range(30))


def test_chosen_networks_tell_more_than_random_ones():
    # 5 pools; chosen networks lose to a random draw of the same pool in one pool at the most.
    wins = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        pool = [random_counts(rng) for _ in range(150)]
        values = np.array([network_ms(one) for one in pool])
        errors = []
        for places in (choose_networks(pool, 10), list(rng.permutation(150)[:10])):
            model = fit_latency_model([pool[p] for p in places], [values[p] for p in places])
            predicted = np.array([model.predict(one) for one in pool])
            errors.append(prediction_error(predicted, values).median_error)
        wins += errors[0] < errors[1]
    assert wins >= 4
