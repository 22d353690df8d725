"""The README's own space in 30 lines works as it stands there."""

import re
import sys
from pathlib import Path

import yaml

from nas.evaluation.space_check import check_space
from nas.task import DataShape
from search_spaces.function import FunctionSpace

README = Path(__file__).parents[2] / "search_spaces" / "README.md"


def block(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)[0]


def test_the_readmes_own_space_is_sound(tmp_path, monkeypatch):
    code, settings = block("python"), yaml.safe_load(block("yaml"))
    assert settings.pop("_target_") == "search_spaces.function.FunctionSpace"
    (tmp_path / "my_nets.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    space = FunctionSpace(**settings)
    assert space.num_architectures() == sum((3 * 2) ** depth for depth in (1, 2, 3, 4))
    assert check_space(space, DataShape((1, 8, 8), 10), num_architectures=8) == []
    sys.modules.pop("my_nets")
    assert len((code + block("yaml")).strip().splitlines()) <= 30
