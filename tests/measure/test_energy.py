"""Counters of energy: read, wrapped, absent."""

import math

import pytest

from nas.measure.energy import EnergyUse, EnergyWatch, Meter, Meters, find_meters


def package(folder, *, microjoules, wraps_at=262_143_328_850, name="package-0", number=0):
    place = folder / f"intel-rapl:{number}"
    place.mkdir(parents=True)
    (place / "name").write_text(f"{name}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    (place / "max_energy_range_uj").write_text(f"{wraps_at}\n")
    return place


def test_energy_of_a_block_is_what_the_counters_rose_by(tmp_path):
    first = package(tmp_path, microjoules=5_000_000)
    second = package(tmp_path, microjoules=7_000_000, name="package-1", number=1)

    watch = EnergyWatch(find_meters(tmp_path))
    (first / "energy_uj").write_text("8000000")
    (second / "energy_uj").write_text("7500000")
    use = watch.so_far()

    assert use.joules == pytest.approx(3.5)
    assert use.meters[:2] == ("RAPL package-0", "RAPL package-1")
    assert use.seconds > 0


def test_counter_that_starts_again_is_followed(tmp_path):
    place = package(tmp_path, microjoules=9_000_000, wraps_at=10_000_000)

    watch = EnergyWatch(find_meters(tmp_path))
    (place / "energy_uj").write_text("2000000")

    assert watch.so_far().joules == pytest.approx(3.0)


def test_counter_that_starts_again_many_times_is_followed_if_it_is_read_in_each_round(tmp_path):
    place = package(tmp_path, microjoules=0, wraps_at=10_000_000)

    watch = EnergyWatch(find_meters(tmp_path))
    for turns in range(1, 8):  # 6 J each
        (place / "energy_uj").write_text(str(6_000_000 * turns % 10_000_000))
        used = watch.so_far()

    assert used.joules == pytest.approx(42.0)


def test_counter_that_was_set_back_counts_from_zero():
    counts = iter([5.0, 7.0, 1.0])
    watch = EnergyWatch(Meters((Meter("GPU", lambda: next(counts)),)))

    assert [watch.so_far().joules, watch.so_far().joules] == [2.0, 3.0]


def test_parts_of_a_package_are_not_counted_again(tmp_path):
    place = package(tmp_path, microjoules=1)
    package(place, microjoules=1, name="core", number="0:0")
    (tmp_path / "intel-rapl:0:0").symlink_to(place / "intel-rapl:0:0")

    names = [meter.name for meter in find_meters(tmp_path).readable]

    assert names.count("RAPL package-0") == 1
    assert "RAPL core" not in names


def test_machine_without_counters_gives_no_number_and_says_why(tmp_path):
    meters = Meters((), find_meters(tmp_path).why_none)

    use = EnergyWatch(meters).so_far()

    assert math.isnan(use.joules)
    assert f"no processor counters in {tmp_path}" in use.describe()


def test_counter_that_may_not_be_read_is_named(tmp_path):
    place = package(tmp_path, microjoules=1)
    (place / "energy_uj").unlink()

    assert any(
        "intel-rapl:0" in reason and "No such file" in reason
        for reason in find_meters(tmp_path).why_none
    )


def test_carbon_is_energy_times_the_grids_intensity():
    use = EnergyUse(joules=7.2e6, seconds=10.0, meters=("RAPL package-0",))

    assert use.kwh == pytest.approx(2.0)
    assert use.carbon_g(grid_g_per_kwh=400.0) == pytest.approx(800.0)
    assert "800 g of CO2 at 400 g a kWh" in use.describe(grid_g_per_kwh=400.0)
    assert "whole machine by RAPL package-0" in use.describe()
