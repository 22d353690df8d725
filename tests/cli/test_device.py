"""`nas device`: fit, list, show and confirm, on an invented device."""

import pytest
from parts.devices import network_ms, rows_of, write_networks, write_rows

from nas.cli.main import main
from nas.config.compose import compose_values
from nas.config.overrides import for_hydra
from nas.config.source import ConfigSource
from nas.exit_status import ExitStatus


@pytest.fixture
def graphs(tmp_path, monkeypatch):
    """The networks of a device called pi5, measured; the folder is the current one."""
    monkeypatch.chdir(tmp_path)
    found = write_networks(tmp_path / "devices" / "pi5", 12)
    write_rows(tmp_path / "measured.csv", rows_of(found))
    return found


def test_a_fitted_device_is_listed_and_shown(graphs, capsys):
    assert main(["device", "fit", "pi5", "measured.csv"]) == ExitStatus.DONE
    fitted = capsys.readouterr().out
    assert "multiply-accumulates alone" in fitted
    assert "latency_ms@pi5" in fitted
    assert main(["device", "list"]) == ExitStatus.DONE
    assert "pi5" in capsys.readouterr().out
    assert main(["device", "show", "pi5"]) == ExitStatus.DONE
    assert "depthwise" in capsys.readouterr().out


def test_a_device_may_start_from_another_one(graphs, tmp_path, capsys):
    assert main(["device", "fit", "pi5", "measured.csv"]) == ExitStatus.DONE
    write_networks(tmp_path / "devices" / "pixel", 12)
    assert main(["device", "fit", "pixel", "measured.csv", "from=[pi5]"]) == ExitStatus.DONE
    capsys.readouterr()
    main(["device", "show", "pixel"])
    assert "started from pi5" in capsys.readouterr().out


def test_measured_times_stand_beside_predicted_ones(graphs, tmp_path, capsys):
    main(["device", "fit", "pi5", "measured.csv"])
    winners = write_networks(tmp_path / "runs" / "device", 3, seed=5)
    table = write_rows(tmp_path / "runs" / "device" / "measured.csv", rows_of(winners, seed=5))
    capsys.readouterr()
    assert main(["device", "confirm", "pi5", str(table)]) == ExitStatus.DONE
    told = capsys.readouterr().out
    assert f"{network_ms(winners[0].counts):.4g} ms" in told
    assert "of 3 networks" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fit", "pi5"], "write nas device fit NAME MEASURED.csv"),
        (["fit", "pi 5", "measured.csv"], "letters, digits"),
        (["fit", "pi5", "absent.csv"], "there is no table absent.csv"),
        (["fit", "pi5", "measured.csv", "threads=x"], "threads must be from 1"),
        (["fit", "pi5", "measured.csv", "use=mean"], "use must be one of median, fastest"),
        (["fit", "pi5", "measured.csv", "from=[pi4]"], "no model of the device 'pi4'"),
        (["show", "pi5"], "run measure.py on the device"),
        (["new", "../up"], "letters, digits"),
        (["new", "pi5", "networks=3"], "networks must be from 10 to 200"),
        (["forget", "pi5"], "nas device cannot 'forget'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(words, told, graphs, capsys):
    assert main(["device", *words]) == ExitStatus.USERS_FAULT
    assert told in capsys.readouterr().err


def test_no_device_is_no_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["device", "list"]) == ExitStatus.DONE
    assert "nas device new NAME" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["constraints.latency_ms@pi5.max=20", "++constraints.latency_ms@pi5.max=20"]
)
def test_a_limit_on_a_device_is_an_override_like_any_other(text, graphs):
    composed = compose_values(ConfigSource(overrides=(text,)))
    assert composed.faults == ()
    assert composed.values["constraints"]["latency_ms@pi5"] == {"max": 20}
    assert composed.values["constraints"]["num_params"] == {"min": None, "max": None}


def test_both_ends_of_a_limit_on_a_device_can_be_given():
    texts = ("constraints.latency_ms@pi5.max=20", "constraints.latency_ms@pi5.min=1")
    composed = compose_values(ConfigSource(overrides=texts))
    assert composed.values["constraints"]["latency_ms@pi5"] == {"max": 20, "min": 1}


def test_other_overrides_stay_as_they_are():
    assert for_hydra("search_space@a=b") == "search_space@a=b"


def test_a_time_in_another_unit_than_the_others_is_not_believed(graphs, tmp_path, capsys):
    rows = rows_of(graphs)
    rows[3] = {**rows[3], "latency_ms": float(rows[3]["latency_ms"]) / 1000}
    table = write_rows(tmp_path / "measured.csv", rows)
    assert main(["device", "fit", "pi5", str(table)]) == 0
    told = capsys.readouterr().out
    assert "not believed: network_003 took" in told
    assert told.count("not believed") == 1
    assert "billion multiply-accumulates a second" in told
