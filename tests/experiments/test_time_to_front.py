"""The contest on real trainings: which fronts it looks at, and what it counts."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from experiments.search_quality.scale import scale_of
from experiments.time_to_front.gpu_steps import GRAPHED, STEPS, network
from experiments.time_to_front.real.cpu_clock import steps_of
from experiments.time_to_front.real.summary import (
    LOOKS,
    ArmRow,
    fronts_at,
    looks_until,
    rows_of,
    wanted,
)
from nas.architecture import Architecture
from nas.trial import Rung, TrialRecord, TrialState


def record(number, accuracy, size, seconds=1.0):
    metrics = {"accuracy": accuracy, "size_bytes": float(size)}
    return TrialRecord(
        number,
        Architecture({"n": number}),
        TrialState.COMPLETE,
        metrics,
        seconds=seconds,
        finished_s=float(number),
    )


RECORDS = [
    record(0, 0.5, 100),
    record(1, 0.4, 200, 2.0),
    record(2, 0.9, 100),
    record(3, 0.95, 999),
]
STEPS_DONE = steps_of(RECORDS)


def test_each_rung_costs_its_own_seconds_and_a_stopped_trial_no_more_than_its_rungs():
    def rung(budget, seconds, finished_s):
        return Rung(budget, {}, seconds, finished_s)

    went_on = replace(record(0, 0.5, 100, 4.0), finished_s=9.0, rungs=(rung(0.25, 1.0, 1.0),))
    stopped = replace(
        record(1, 0.1, 100, 2.0),
        state=TrialState.STOPPED,
        finished_s=10.0,
        rungs=(rung(0.25, 1.5, 2.0), rung(0.5, 2.0, 3.0)),
    )
    found = steps_of([went_on, stopped], before_s=10.0)

    assert [step.spent_s for step in found] == [11.0, 12.5, 13.0, 16.0, 16.0]
    assert [step.record for step in found] == [None, None, None, went_on, None]


def test_the_front_of_a_time_is_that_of_the_trials_that_ended_by_then():
    found = fronts_at(STEPS_DONE, [0.5, 1.0, 2.9, 4.0, 9.0])
    assert [[r.number for r in front] for front in found] == [[], [0], [0], [2], [2, 3]]


def test_only_networks_that_stood_on_a_front_are_wanted():
    assert [a["n"] for a in wanted(STEPS_DONE, [1.0, 4.0, 9.0])] == [0, 2, 3]


def test_an_arm_is_worth_what_its_front_is_worth_when_retrained():
    retrained = {
        r.architecture.id: value for r, value in zip(RECORDS, (0.5, 0, 0.5, 1.0), strict=True)
    }
    scale = scale_of(np.array([[-0.5, 2.0], [-1.0, math.log10(999)]]))

    rows = rows_of(
        ("p", "a", 0), STEPS_DONE, total_s=5.0, until=1.0, retrained=retrained, scale=scale
    )

    assert [row.look for row in rows] == [look for look in LOOKS if look <= 1.0]
    assert rows[0].volume == 0.0  # nothing has ended
    assert rows[-1].volume == pytest.approx(1.0)
    assert rows[-1].num_whole == 4


def looks(*volumes):
    return [
        ArmRow("p", "a", 0, look, 0.0, 0, volume)
        for look, volume in zip(LOOKS, volumes, strict=False)
    ]


def test_an_arm_has_enough_from_the_look_on_after_which_it_keeps_it():
    assert (
        looks_until(looks(0.1, 0.96, 0.9, 0.95, 0.97, 0.97, 0.97, 0.97), enough=0.95) == LOOKS[3]
    )
    assert looks_until(looks(*[0.5] * len(LOOKS)), enough=0.95) == math.inf


@pytest.mark.parametrize("name", ["mobilenet", "resnet"])
@pytest.mark.parametrize("way", sorted(set(STEPS) - set(GRAPHED)))
def test_a_step_of_each_way_makes_the_loss_of_its_batch_smaller(name, way):
    torch.manual_seed(0)
    model, device = network(name, side=32), torch.device("cpu")
    images, labels = torch.rand(4, 3, 32, 32), torch.arange(4)
    step = STEPS[way](model, device)
    before = functional.cross_entropy(model(images), labels).item()

    for _ in range(6):
        step(images, labels)

    assert functional.cross_entropy(model(images), labels).item() < before
