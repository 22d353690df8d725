import pytest

from nas.assemble.check import check_search
from nas.config.finishing import check_finish
from nas.config.source import ConfigSource
from nas.config.units import COUNT, MEGABYTES, MILLISECONDS, SIZE, TIME, unit_of
from nas.errors import ConfigError


@pytest.mark.parametrize(
    ("unit", "text", "number"),
    [
        (TIME, "90s", 90),
        (TIME, "1.5h", 5400),
        (TIME, "2 min", 120),
        (TIME, "1h30min", 5400),
        (TIME, "250ms", 0.25),
        (MILLISECONDS, "1s", 1000),
        (SIZE, "500kB", 500_000),
        (SIZE, "2mb", 2_000_000),
        (SIZE, "1.5GiB", 1_610_612_736),
        (MEGABYTES, "4GB", 4000),
        (COUNT, "1.5M", 1_500_000),
    ],
)
def test_a_number_with_a_unit_is_read(unit, text, number):
    assert unit.read(text) == number


@pytest.mark.parametrize("text", ["", "min", "30", "30parsecs", "1kB2kB", "30min later", "-5s"])
def test_what_is_no_number_with_a_unit_is_not_guessed_at(text):
    assert TIME.read(text) is None
    assert SIZE.read(text) is None


@pytest.mark.parametrize("place", ["name", "data.path", "table.seconds", "sampler.pool_size"])
def test_settings_without_a_unit_have_none(place):
    assert unit_of(place) is None


def test_settings_take_units_on_the_command_line():
    config = check_search(
        ConfigSource(
            overrides=(
                "name=x",
                "budget=30min",
                "stopping.time_limit_s=1h",
                "training.trial_time_limit_s=90s",
                "constraints.size_bytes.max=500kB",
                "constraints.num_params.max=1M",
            )
        )
    )
    assert (config.budget, config.stopping.time_limit_s) == (1800, 3600)
    assert config.training["trial_time_limit_s"] == 90
    assert config.constraints["size_bytes"].max == 500_000
    assert config.constraints["num_params"].max == 1_000_000


def test_limits_of_winners_take_units():
    config = check_finish(["run=runs/a", "pick.size_bytes.max=2MB", "pick.latency_ms.max=1s"])
    assert config.pick.metrics["size_bytes"].max == 2_000_000
    assert config.pick.metrics["latency_ms"].max == 1000


def test_a_unit_that_is_not_known_is_refused_with_those_that_are():
    message = r"stopping.time_limit_s must be a number \(seconds, or as 90s, 30min, 1h\) above 0"
    with pytest.raises(ConfigError, match=message):
        check_search(ConfigSource(overrides=("name=x", "stopping.time_limit_s=3parsecs")))
