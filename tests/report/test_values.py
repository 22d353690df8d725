import math

import pytest

from nas.report.values import axis_title, format_duration, format_value, heading_of, three_digits


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [
        ("accuracy", 0.91254, "91.25 %"),
        ("size_bytes", 999, "999 B"),
        ("size_bytes", 999.6, "1.00 kB"),
        ("size_bytes", 102_400, "102 kB"),
        ("size_bytes", 5_120_000, "5.12 MB"),
        ("num_params", 17_567, "17.6 k"),
        ("num_macs", 3.2e9, "3.20 G"),
        ("latency_ms", 0.01234, "0.0123 ms"),
        ("latency_ms", 1234.5, "1234 ms"),
        ("loss", 0.0, "0"),
        ("params_c10", 1_230_000, "1.23 M"),
        ("val200_c10", 71.234, "71.2"),
        ("accuracy", math.nan, "–"),
        ("accuracy", None, "–"),
    ],
)
def test_values_read_with_unit_and_few_digits(metric, value, expected):
    assert format_value(metric, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.0, "1.00"), (12.345, "12.3"), (999.9, "1000"), (-0.5, "-0.500"), (0.0, "0")],
)
def test_three_digits_keeps_what_stands_before_the_point(value, expected):
    assert three_digits(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 s"),
        (2.5, "2.50 s"),
        (59.6, "1 min 0 s"),
        (3725, "1 h 2 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations_show_their_two_largest_units(seconds, expected):
    assert format_duration(seconds) == expected


def test_axes_name_words_and_unit():
    assert axis_title("accuracy") == "validation accuracy (%)"
    assert axis_title("num_params") == "parameters"
    assert axis_title("my_metric") == "my_metric"
    assert heading_of("accuracy") == "accuracy"
