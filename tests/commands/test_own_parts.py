"""Parts from outside of the package, each named by a word on the command line.

Own file formats are in `test_own_format`, own stop rules in `test_stop_rules`.
"""

import csv
import sys

import pytest

SAMPLER = """
from optuna.samplers import BaseSampler


class FromTheLast(BaseSampler):
    '''Proposes the last networks of a grid of four by four first.'''

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

    def sample_independent(self, study, trial, param_name, param_distribution):
        index = 15 - trial.number
        wanted = index // 4 if param_name == "a" else index % 4
        return next(v for v in param_distribution.choices if int(v) == wanted)
"""
PARTS = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from nas.data.dataset import Split
from nas.data.task_data import TaskData
from nas.space.space import SearchSpace
from nas.task import Task


class Layers(SearchSpace):
    default_parameters = {"width": {"choice": [1, 2]}}

    def build(self, architecture, data):
        width = architecture["width"]
        return nn.Sequential(nn.Flatten(), nn.Linear(5, width), nn.Linear(width, data.num_classes))


class HalfTheExamples(Task):
    '''Measures a number that is known beforehand.'''

    measures = ("quality",)

    def loss(self, outputs, targets):
        return functional.mse_loss(outputs.squeeze(1), targets)

    def metrics(self, outputs, targets):
        return {"quality": len(outputs) / 2}


def load(number: int) -> TaskData:
    def split(seed):
        rows = np.random.default_rng(seed).normal(size=(number, 1, 1, 5)).astype(np.float32)
        return Split(rows, rows[:, 0, 0, 0])

    return TaskData(
        name="rows", task=HalfTheExamples(), train=split(0), validation=split(1), test=split(2),
        num_outputs=1, split_rule="drawn",
    )
"""


@pytest.fixture(autouse=True)
def own_modules(launch_folder):
    (launch_folder / "own_sampler.py").write_text(SAMPLER)
    (launch_folder / "own_parts.py").write_text(PARTS)
    yield
    for name in ("own_sampler", "own_parts"):
        sys.modules.pop(name, None)


def write(folder, place, text):
    (folder / "mine" / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / "mine" / place).write_text(text)


def rows(folder):
    with (folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_sampler_of_the_users_own_proposes(nas, table_words, launch_folder):
    write(launch_folder, "sampler/backwards.yaml", "_target_: own_sampler.FromTheLast\n")
    words = [*table_words, "sampler=backwards", "stopping.num_trials=3", "name=t"]

    status, _, told = nas("search", "--config-dir", "mine", *words)

    assert status == 0, told
    found = [(row["param.a"], row["param.b"]) for row in rows(launch_folder / "runs/t")]
    assert found == [("3", "3"), ("3", "2"), ("3", "1")]


def test_a_space_data_and_a_measure_of_the_users_own_are_searched(nas, launch_folder):
    write(launch_folder, "search_space/layers.yaml", "_target_: own_parts.Layers\n")
    write(launch_folder, "data/rows.yaml", "_target_: own_parts.load\nnumber: 12\n")
    words = ["search_space=layers", "data=rows", "objectives=[quality,num_params]", "name=t"]
    quick = ["execution=inline", "sampler=random", "stopping.num_trials=2", "training.epochs=1"]

    status, _, told = nas("search", "--config-dir", "mine", *words, *quick)

    assert status == 0, told
    found = {row["param.width"]: row for row in rows(launch_folder / "runs/t")}
    # Weights and biases of 5 -> width -> 1 outputs.
    assert {w: float(row["num_params"]) for w, row in found.items()} == {"1": 8.0, "2": 15.0}
    assert {float(row["quality"]) for row in found.values()} == {6.0}
