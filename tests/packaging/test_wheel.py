"""The installed wheel, far from the checkout: its own configuration, and users' own code."""

import csv
from pathlib import Path

import pytest

SPACE = '''
"""A space of a user: a perceptron of searched width and depth."""
from torch import nn

import nas


class Mine(nas.SearchSpace):
    default_parameters = {
        "width": nas.Choice([4, 16, 64]),
        "layers": nas.Repeat(nas.Int(1, 3), {"relu": nas.Choice([True, False])}),
    }

    def build(self, architecture, data):
        channels, height, row = data.input_shape
        features, width = channels * height * row, architecture["width"]
        layers = [nn.Flatten()]
        for block in range(architecture["layers.repeat"]):
            layers.append(nn.Linear(features, width))
            relu = architecture[f"layers.{block}.relu"]
            layers.append(nn.ReLU() if relu else nn.Tanh())
            features = width
        return nn.Sequential(*layers, nn.Linear(features, data.num_classes))
'''
YAML = "_target_: my_spaces.Mine\n"


@pytest.fixture
def launch_folder(tmp_path) -> Path:
    """A folder of a user: a space of their own, and a `conf` that is none of ours."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "search.yaml").write_text("this: is not ours\n")
    (tmp_path / "my_spaces.py").write_text(SPACE)
    (tmp_path / "my_conf" / "search_space").mkdir(parents=True)
    (tmp_path / "my_conf" / "search_space" / "mine.yaml").write_text(YAML)
    return tmp_path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_wheel_lists_its_spaces_beside_a_foreign_conf_folder(run_nas, launch_folder):
    done = run_nas("spaces", "list")
    assert done.returncode == 0, done.stderr
    assert "mobilenet" in done.stdout


@pytest.mark.parametrize(
    "execution",
    [
        pytest.param("execution=inline", marks=pytest.mark.slow),
        pytest.param("execution.num_workers=2", marks=[pytest.mark.ray, pytest.mark.long]),
    ],
)
def test_a_users_own_space_is_searched_from_the_wheel(run_nas, launch_folder, execution):
    done = run_nas(
        "search",
        "--config-dir",
        "my_conf",
        "search_space=mine",
        "name=mine",
        "stopping.num_trials=4",
        "training.epochs=1",
        execution,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trials = rows(launch_folder / "runs" / "mine" / "trials.csv")
    assert [row["state"] for row in trials] == ["complete"] * 4
    assert len({row["architecture_id"] for row in trials}) == 4
    assert (launch_folder / "runs" / "mine" / "front.png").stat().st_size > 1000


def test_a_package_of_the_same_name_in_the_launch_folder_is_refused(run_nas, launch_folder):
    (launch_folder / "nas").mkdir()
    (launch_folder / "nas" / "__init__.py").write_text("")
    done = run_nas("search", "stopping.num_trials=1")
    assert done.returncode == 2
    assert "nas" in done.stderr
    assert "Traceback" not in done.stderr
