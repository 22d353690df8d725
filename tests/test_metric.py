"""Whatever may be limited, picked or counted is what `nas.metric` says there is."""

from pathlib import Path

import pytest
import yaml
from torch import nn

import nas
from nas.assemble.check import check_search
from nas.config.finishing import check_finish
from nas.config.schema import constraints_of
from nas.config.source import ConfigSource
from nas.device.costs import operator_costs
from nas.device.trace import operators_of_model
from nas.errors import ConfigError
from nas.measure.cost import costs_of
from nas.metric import (
    LANGUAGE_METRICS,
    METRICS,
    STATIC_METRICS,
    Scale,
    describe_metric,
    is_share,
    metric_named,
)
from nas.objective import Constraint
from nas.report.values import format_value, heading_of
from nas.task import DataShape

CONF = Path(nas.__file__).parents[1] / "conf"


@pytest.mark.parametrize(("file", "node"), [("search", "constraints"), ("finish", "pick")])
def test_the_limits_that_a_file_lists_are_of_metrics(file, node):
    listed = yaml.safe_load((CONF / f"{file}.yaml").read_text())[node]

    assert set(listed) - {"which", "count", "trials"} <= set(METRICS)


@pytest.mark.parametrize("name", STATIC_METRICS)
def test_every_static_metric_can_be_limited(name):
    source = ConfigSource(overrides=(f"constraints.{name}.max=7", "execution=inline"))

    assert constraints_of(check_search(source).constraints) == (Constraint(name, maximum=7.0),)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_can_be_picked_by(name):
    pick = check_finish(["run=x", f"pick.{name}.min=0.5"]).pick

    assert pick.limits() == (Constraint(name, minimum=0.5),)


def test_every_static_metric_is_counted_of_a_model():
    model, data = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), DataShape((1, 2, 2), 2)
    of_operators = operator_costs(
        operators_of_model(model, data), metrics=STATIC_METRICS, devices={}
    )

    of_text = {name for name in LANGUAGE_METRICS if METRICS[name].is_static}
    counted = set(costs_of(model, data)) | set(of_operators)

    assert counted | of_text == set(STATIC_METRICS)


def test_a_metric_on_a_device_is_known_before_training():
    latency = metric_named("latency_ms@pi5")

    assert latency.is_static
    assert not METRICS["latency_ms"].is_static
    assert (latency.unit, latency.direction, latency.name) == ("ms", "minimize", "latency_ms@pi5")
    assert format_value("latency_ms@pi5", 3.14159) == "3.14 ms"


@pytest.mark.parametrize("name", ["accuracy@pi5", "latency_ms@", "speed@pi5", "size_bytes@pi5"])
def test_only_times_and_energies_are_predicted_for_a_device(name):
    with pytest.raises(ConfigError, match=r"latency_ms and energy_j: write latency_ms@NAME"):
        metric_named(name)


def test_a_pick_may_limit_what_was_predicted_for_a_device():
    pick = check_finish(["run=x", "pick.latency_ms@pi5.max=20"]).pick

    assert pick.limits() == (Constraint("latency_ms@pi5", maximum=20.0),)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_reads_with_its_unit(name):
    metric = METRICS[name]

    assert format_value(name, 0.5).endswith(metric.shown_unit)
    assert 0 < len(heading_of(name)) <= len(metric.label)


def test_a_share_is_read_as_percent_and_nothing_else_is():
    assert [name for name in METRICS if is_share(name)] == [
        "accuracy",
        "probe_accuracy",
        "training_share",
        "supernet_share",
    ]
    assert describe_metric("recall").scale is Scale.QUANTITY
