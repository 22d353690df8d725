"""Tables of measurements, right and wrong."""

import pytest
from parts.devices import network_ms, rows_of, write_networks, write_rows

from nas.device.measured import read_measured, read_networks
from nas.device.places import NETWORKS_JSON
from nas.errors import ConfigError

NUMBER = 12


@pytest.fixture
def graphs(tmp_path):
    return write_networks(tmp_path, NUMBER)


@pytest.fixture
def given(graphs, tmp_path):
    del graphs
    return read_networks(tmp_path / NETWORKS_JSON)


def read(tmp_path, rows, given, **settings):
    return read_measured(write_rows(tmp_path / "measured.csv", rows), given, **settings)


def changed(rows, place, **values):
    return [{**row, **values} if index == place else row for index, row in enumerate(rows)]


def test_times_come_in_the_order_of_the_networks(tmp_path, graphs, given):
    measured = read(tmp_path, rows_of(graphs)[::-1], given)
    expected = [network_ms(graph.counts) for graph in graphs]
    assert measured.values["latency_ms"] == pytest.approx(expected, rel=1e-5)
    assert measured.names == tuple(given)
    assert measured.told == {"threads": "1", "runtime": "onnxruntime 1.0"}


def test_two_columns_are_enough(tmp_path, graphs, given):
    rows = [{k: row[k] for k in ("network", "latency_ms")} for row in rows_of(graphs)]
    assert len(read(tmp_path, rows, given).names) == NUMBER


def test_the_fastest_turns_can_be_taken(tmp_path, graphs, given):
    slow = read(tmp_path, rows_of(graphs), given).values["latency_ms"]
    fast = read(tmp_path, rows_of(graphs), given, takes_fastest=True).values["latency_ms"]
    assert fast == pytest.approx([0.9 * value for value in slow], rel=1e-4)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1e-3), ("us", 1e3), ("ns", 1e6)])
def test_the_unit_is_that_of_the_columns_name(unit, factor, tmp_path, graphs, given):
    rows = [
        {"network": row["network"], f"latency_{unit}": float(row["latency_ms"]) * factor}
        for row in rows_of(graphs)
    ]
    expected = [network_ms(graph.counts) for graph in graphs]
    assert read(tmp_path, rows, given).values["latency_ms"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("time", ["0", "-1", "nan", "inf", "", "fast"])
def test_a_time_of_nothing_is_refused_by_the_networks_name(time, tmp_path, graphs, given):
    rows = changed(rows_of(graphs), 3, latency_ms=time)
    with pytest.raises(ConfigError, match=r"network_003 is .* must be a number above 0"):
        read(tmp_path, rows, given)


def test_a_table_of_another_space_is_refused(tmp_path, graphs, given):
    with pytest.raises(ConfigError, match="another device or search space"):
        read(tmp_path, changed(rows_of(graphs), 0, network="mobilenet_7"), given)
    with pytest.raises(ConfigError, match="other files than this device's networks"):
        read(tmp_path, rows_of(graphs, seed=5), given)


def test_too_few_networks_are_refused(tmp_path, graphs, given):
    with pytest.raises(ConfigError, match="times of 9 networks, and at least 10"):
        read(tmp_path, rows_of(graphs)[:9], given)


def test_networks_that_were_not_measured_are_named(tmp_path, graphs, given):
    measured = read(tmp_path, rows_of(graphs)[:10], given)
    assert measured.absent == ("network_010", "network_011")


def test_several_numbers_of_threads_must_be_chosen_from(tmp_path, graphs, given):
    rows = rows_of(graphs) + rows_of(graphs, threads="4")
    with pytest.raises(ConfigError, match="1, 4 threads; say which by threads=1"):
        read(tmp_path, rows, given)
    assert read(tmp_path, rows, given, threads=4).told["threads"] == "4"
    with pytest.raises(ConfigError, match="no times with 2 threads"):
        read(tmp_path, rows, given, threads=2)


def test_rows_of_one_network_are_one_time_their_median(tmp_path, graphs, given):
    rows = rows_of(graphs)
    again = [{**rows[0], "latency_ms": "5"}, {**rows[0], "latency_ms": "7"}]
    measured = read(tmp_path, changed(rows, 0, latency_ms="6") + again, given)
    assert measured.values["latency_ms"][0] == 6.0


def test_times_that_no_device_reaches_are_in_another_unit(tmp_path, graphs, given):
    rows = [{**row, "latency_ms": 1e6 * float(row["latency_ms"])} for row in rows_of(graphs)]
    with pytest.raises(ConfigError, match="is the unit right"):
        read(tmp_path, [{**row, "latency_ms": 1e9 * row["latency_ms"]} for row in rows], given)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "no column 'network'"),
        ("model,latency_ms\nx,1\n", "no column 'network'; it has model, latency_ms"),
        ("network,latency_ms\n", "has no rows"),
        ("network,time\nnetwork_000,1\n", "has no column latency_ms"),
    ],
)
def test_a_table_of_another_kind_says_what_it_has(text, match, tmp_path, given):
    path = tmp_path / "measured.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=match):
        read_measured(path, given)


def test_energy_is_read_where_the_device_has_a_meter(tmp_path, graphs, given):
    rows = [{**row, "energy_j": "0.5"} for row in rows_of(graphs)]
    assert read(tmp_path, rows, given).values["energy_j"] == (0.5,) * NUMBER


def test_a_network_may_be_named_by_its_file(tmp_path, graphs, given):
    rows = [{**row, "network": f"networks/{row['network']}.onnx"} for row in rows_of(graphs)]
    found = read_measured(write_rows(tmp_path / "measured.csv", rows), given)
    assert found.names == tuple(given)


def test_measurements_of_one_network_that_contradict_each_other_are_refused(
    tmp_path, graphs, given
):
    rows = rows_of(graphs)
    twice = [*rows, {**rows[3], "latency_ms": 3 * float(rows[3]["latency_ms"])}]
    with pytest.raises(ConfigError, match=r"several rows of network_003, from .* to .* ms"):
        read_measured(write_rows(tmp_path / "measured.csv", twice), given)


def test_one_time_for_all_networks_teaches_nothing(tmp_path, graphs, given):
    rows = [{**row, "latency_ms": "5"} for row in rows_of(graphs)]
    with pytest.raises(ConfigError, match=r"the same time for all networks, 5 ms"):
        read_measured(write_rows(tmp_path / "measured.csv", rows), given)
