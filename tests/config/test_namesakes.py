"""Modules of the launch folder that would hide the real ones in workers are refused."""

import pytest

from nas.config.launch import open_launch_folder
from nas.config.namesakes import find_namesakes
from nas.errors import ConfigError


@pytest.mark.parametrize(
    "place",
    [
        *("torch.py", "numpy.py", "ray.py", "optuna.py", "timm.py", "hydra.py", "sklearn.py"),
        *("torch/__init__.py", "PIL/__init__.py", "yaml.py", "torchvision.pyc", "torch.abi3.so"),
        *("random.py", "types.py", "socket.py", "logging/__init__.py", "profile.py"),
    ],
)
def test_a_module_that_would_hide_a_real_one_is_refused_by_name(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.touch()

    with pytest.raises(ConfigError, match=f"{place}.*worker processes would load it"):
        open_launch_folder(tmp_path)


@pytest.mark.parametrize(
    "place",
    [
        *("my_spaces.py", "data.py", "utils.py", "models/__init__.py", "tests/__init__.py"),
        *("torch/weights.pt", "numpy/notes.py", "data/cats/1.png"),  # no __init__.py
        *("torch.txt", "numpy.tar.gz", "torch-2.py", "random", ".torch.py"),
    ],
)
def test_what_hides_nothing_is_left_alone(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

    assert find_namesakes(tmp_path) == []


def test_all_namesakes_are_named_at_once(tmp_path):
    names = ["numpy.py", "random.py", "torch.py"]
    for name in names:
        (tmp_path / name).touch()

    assert find_namesakes(tmp_path) == [tmp_path / name for name in names]


def test_an_unreadable_folder_holds_no_namesakes(tmp_path):
    assert find_namesakes(tmp_path / "absent") == []
