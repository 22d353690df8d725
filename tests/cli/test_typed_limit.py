import pytest

from nas.cli.typed_limit import is_limit, joined, limit_of
from nas.errors import ConfigError
from nas.objective import Constraint


@pytest.mark.parametrize(
    ("word", "limit"),
    [
        ("size_bytes.max=500kB", Constraint("size_bytes", maximum=500_000)),
        ("size_bytes.max=5e5", Constraint("size_bytes", maximum=500_000)),
        ("num_macs.max=2M", Constraint("num_macs", maximum=2e6)),
        ("accuracy.min=0.95", Constraint("accuracy", minimum=0.95)),
        ("accuracy.min=95%", Constraint("accuracy", minimum=0.95)),
        ("latency_ms@pi5.max=20ms", Constraint("latency_ms@pi5", maximum=20)),
        ("my_column.min=-3", Constraint("my_column", minimum=-3)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_limit_has_the_units_of_its_metric(word, limit):
    assert is_limit(word)
    assert limit_of(word) == limit


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("size_bytes.max=much", "size_bytes.max must be a number .bytes, or as 500kB"),
        ("size_bytes.max=3 parsecs", "must be a number .bytes"),
        ("accuracy.min=95", "accuracy.min must be a share from 0 to 1, or as 95%, but got '95'"),
        ("my_column.max=inf", "my_column.max must be a number, but got 'inf'"),
        (
            "size.max=3MB",
            "size.max must be a number, but got '3MB'; perhaps size_bytes.max=3MB is meant",
        ),
        ("my_column.max=", "my_column.max must be a number, but got ''"),
    ],
    ids=lambda value: value,
)
def test_what_is_no_number_is_refused(word, told):
    with pytest.raises(ConfigError, match=told):
        limit_of(word)


def test_both_ends_of_one_metric_are_one_limit_and_the_last_one_counts():
    words = ["size_bytes.max=2kB", "size_bytes.min=1kB", "size_bytes.max=3kB", "loss.max=1"]

    assert joined(map(limit_of, words)) == (
        Constraint("size_bytes", 1000, 3000),
        Constraint("loss", maximum=1),
    )


def test_other_words_are_no_limits():
    assert not any(map(is_limit, ["run=runs/a.max", "which=knee", "trial=1"]))
