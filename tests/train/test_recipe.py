"""A recipe refuses values out of range, by name."""

import pytest

from nas.errors import ConfigError
from nas.train.recipe import Recipe


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epochs", 0, "training.epochs must be a whole number of at least 1, but got 0"),
        ("epochs", 1.5, "training.epochs must be a whole number"),
        ("epochs", 100_001, "training.epochs must be at most 100,000, but got 100,001"),
        ("batch_size", 10**30, "training.batch_size must be at most 1,000,000"),
        ("batch_size", True, "training.batch_size must be a whole number"),
        ("learning_rate", 0.0, "training.learning_rate must be above 0 up to 10, but got 0.0"),
        ("learning_rate", float("nan"), "training.learning_rate must be above 0"),
        ("weight_decay", -0.1, "training.weight_decay must be from 0"),
        ("label_smoothing", 1.0, "training.label_smoothing must be from 0 up to 0.9"),
        ("warmup", 1.0, "training.warmup must be"),
        ("gradient_norm", 0.0, "training.gradient_norm must be above 0"),
        ("shift", 0.6, "training.shift must be from 0 up to 0.5"),
        ("norm_momentum", 0.0, "training.norm_momentum must be above 0 up to 1"),
        ("optimizer", "adam", "training.optimizer must be one of adamw, muon, but got 'adam'"),
        ("whitening", 1, "training.whitening must be true or false, but got 1"),
        ("device", "tpu", "training.device must be one of auto, cpu, cuda, mps, but got 'tpu'"),
    ],
)
def test_a_value_out_of_range_is_refused(name, value, message):
    with pytest.raises(ConfigError, match=message):
        Recipe(**{name: value})
