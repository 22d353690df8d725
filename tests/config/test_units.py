import pytest

from nas.assemble.check import check_search
from nas.config.finishing import check_finish
from nas.config.source import ConfigSource
from nas.config.units import (
    COUNT,
    MEGABYTES,
    MILLISECONDS,
    SHARE,
    SIZE,
    TIME,
    unit_of,
    with_numbers,
)
from nas.errors import ConfigError


@pytest.mark.parametrize(
    ("unit", "text", "number"),
    [
        (TIME, "90s", 90),
        (TIME, "1.5h", 5400),
        (TIME, "2 min", 120),
        (TIME, "1h30min", 5400),
        (TIME, "250ms", 0.25),
        (TIME, "2min30s", 150),
        (TIME, "1 hour 30 minutes", 5400),
        (TIME, "1e3s", 1000),
        (MILLISECONDS, "1s", 1000),
        (SIZE, "500kB", 500_000),
        (SIZE, "2mb", 2_000_000),
        (SIZE, "1.5GiB", 1_610_612_736),
        (MEGABYTES, "4GB", 4000),
        (SIZE, "500 kilobytes", 500_000),
        (SIZE, "500k", 500_000),
        (COUNT, "1.5M", 1_500_000),
        (COUNT, "1 million", 1_000_000),
        (SHARE, "57%", 0.57),
        (SHARE, "2.5 %", 0.025),
    ],
)
def test_a_number_with_a_unit_is_read(unit, text, number):
    assert unit.read(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "min",
        "30",
        "30parsecs",
        "1kB2kB",
        "30min later",
        "-5s",
        "1e400h",
        "02:30",
        "2h30",
        "5%",
    ],
)
def test_what_is_no_number_with_a_unit_is_not_guessed_at(text):
    assert TIME.read(text) is None
    assert SIZE.read(text) is None


@pytest.mark.parametrize(
    "place",
    ["name", "constraints.tokens_per_s.max", "data.path", "table.seconds", "sampler.pool_size"],
)
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
                "constraints.accuracy.min=60%",
                "finish_share=50%",
            )
        )
    )
    assert (config.budget, config.stopping.time_limit_s) == (1800, 3600)
    assert config.training["trial_time_limit_s"] == 90
    assert config.constraints["size_bytes"].max == 500_000
    assert config.constraints["num_params"].max == 1_000_000
    assert (config.constraints["accuracy"].min, config.finish_share) == (0.6, 0.5)


def test_limits_of_winners_take_units():
    config = check_finish(["run=runs/a", "pick.size_bytes.max=2MB", "pick.latency_ms.max=1s"])
    assert config.pick.metrics["size_bytes"].max == 2_000_000
    assert config.pick.metrics["latency_ms"].max == 1000


def test_a_unit_that_is_not_known_is_refused_with_those_that_are():
    message = r"stopping.time_limit_s must be a number \(seconds, or as 90s, 30min, 1h\) above 0"
    with pytest.raises(ConfigError, match=message):
        check_search(ConfigSource(overrides=("name=x", "stopping.time_limit_s=3parsecs")))


@pytest.mark.parametrize("word", ["budget=1,5h", "constraints.size_bytes.max=1,5MB"])
def test_a_comma_in_a_number_is_told_as_such(word):
    key = word.partition("=")[0]
    unit = word.rpartition("5")[2]
    with pytest.raises(ConfigError, match=f"a number has no comma: {key}=15{unit} or "):
        check_search(ConfigSource(overrides=("name=x", word)))


def test_a_share_of_winners_is_no_percent_without_its_sign():
    with pytest.raises(
        ConfigError, match=r"pick\.accuracy\.min must be a share from 0 to 1, or as"
    ):
        check_finish(["run=runs/a", "pick.accuracy.min=95"])
    assert check_finish(["run=runs/a", "pick.accuracy.min=95%"]).pick.limits()[0].minimum == 0.95


def test_a_limit_on_what_is_no_metric_is_read_so_that_its_name_alone_is_the_fault():
    read = with_numbers({"constraints": {"sizebytes": {"max": "50kB"}}, "name": "50kB"})

    assert read == {"constraints": {"sizebytes": {"max": 50000}}, "name": "50kB"}
