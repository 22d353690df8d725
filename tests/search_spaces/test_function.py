"""A space from a function: named or given, inside the repository or outside."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from torch import nn

from nas.errors import SpaceError
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.function import FunctionSpace

PARAMETERS = {"width": {"choice": [4, 8]}, "layers": {"int": [1, 2]}}
DATA = DataShape((1, 8, 8), 10)

USERS_FILE = """
from torch import nn

def build(architecture, data):
    channels, height, width = data.input_shape
    return nn.Sequential(
        nn.Flatten(), nn.Linear(channels * height * width, architecture["width"]), nn.ReLU(),
        nn.Linear(architecture["width"], data.num_classes),
    )

def costs(architecture, data):
    return {"num_params": 1.0}

def too_many(architecture, data, more):
    return None

def nothing(architecture, data):
    return None

constant = 3
"""


def build(architecture, data):
    inputs = int(np.prod(data.input_shape))
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(inputs, architecture["width"])]
    for _ in range(architecture["layers"]):
        layers += [nn.ReLU(), nn.Linear(architecture["width"], architecture["width"])]
    return nn.Sequential(*layers, nn.Linear(architecture["width"], data.num_classes))


class TestFunctionSpace(SpaceContract):
    def make_space(self):
        return FunctionSpace(PARAMETERS, build=build)


@pytest.fixture
def users_module(tmp_path, monkeypatch):
    (tmp_path / "users_nets.py").write_text(USERS_FILE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "users_nets"
    sys.modules.pop("users_nets", None)


def test_a_function_outside_the_repository_is_found_by_name(users_module):
    space = FunctionSpace({"width": {"choice": [4, 8]}}, build="users_nets.build")
    (narrow, _) = space.enumerate()
    assert space.build(narrow, DATA)[1].out_features == 4
    assert space.static_costs(narrow, DATA) is None


def test_a_function_of_costs_is_asked(users_module):
    space = FunctionSpace({"width": 4}, build="users_nets.build", static_costs="users_nets.costs")
    (only,) = space.enumerate()
    assert space.static_costs(only, DATA) == {"num_params": 1.0}


def test_a_space_by_name_is_found_again_in_another_process(users_module, tmp_path):
    space = FunctionSpace({"width": 4}, build="users_nets.build")
    (tmp_path / "space.pickle").write_bytes(pickle.dumps(space))
    program = (
        "import pickle; from pathlib import Path\n"
        "space = pickle.loads(Path('space.pickle').read_bytes())\n"
        "from nas.task import DataShape\n"
        "print(space.build(next(space.enumerate()), DataShape((1, 8, 8), 10))[1].out_features)"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '.')\n{program}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "4"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("users_nest.build", "no module 'users_nest'", id="no such module"),
        pytest.param("users_nets.bild", "nearest first: build, costs", id="no such function"),
        pytest.param("users_nets.constant", "is a int, not a function", id="no function"),
        pytest.param("build", "write module.function", id="no module"),
        pytest.param(
            "users_nets.too_many", "must take (architecture, data)", id="three arguments"
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(users_module, name, message):
    with pytest.raises(SpaceError, match=re.escape(message)):
        FunctionSpace({"width": 4}, build=name)


def test_a_function_that_builds_no_model_is_refused(users_module):
    space = FunctionSpace({"width": 4}, build="users_nets.nothing")
    with pytest.raises(SpaceError, match=r"must return a torch\.nn\.Module"):
        space.build(next(space.enumerate()), DATA)
