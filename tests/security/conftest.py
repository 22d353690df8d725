import shutil
from pathlib import Path

import pytest
import yaml
from parts.launch import launch_folder

from nas.cli.main import main

__all__ = ["evil", "launch_folder", "nas", "own_run", "record"]

GROUPS = ("search_space", "data", "sampler", "training", "evaluation")


@pytest.fixture(scope="session")
def own_run(tmp_path_factory) -> Path:
    """A finished search of two trials on the digits."""
    folder = tmp_path_factory.mktemp("own") / "evil"
    words = [
        *("preset=smoke", f"run_folder={folder}", "name=evil", "sampler=random", "ui=none"),
        *("stopping.num_trials=2", "execution=inline", "evaluation.num_threads=1"),
    ]
    assert main(["search", *words]) == 0
    return folder


@pytest.fixture
def evil(own_run, launch_folder) -> Path:
    """A copy of a run at runs/evil, of which a test may change what it likes."""
    place = launch_folder / "runs" / "evil"
    shutil.copytree(own_run, place)
    record(place, "run_folder", "runs/evil")
    return place


def record(run: Path, key: str, value: object) -> None:
    """Have both records of a run say something else."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    *parents, last = key.split(".")
    node = config
    for name in parents:
        node = node[name]
    node[last] = value
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    told = yaml.safe_load((run / "overrides.yaml").read_text())
    told["overrides"] += [f"~{key}"] * (isinstance(value, dict) and key in GROUPS)
    told["overrides"] += [f"++{text}" for text in _overrides(key, value)]
    (run / "overrides.yaml").write_text(yaml.safe_dump(told))


def _overrides(key: str, value: object) -> list[str]:
    """Return overrides that set a value: mappings key by key, so that none is merged away."""
    if isinstance(value, dict):
        return [text for name, item in value.items() for text in _overrides(f"{key}.{name}", item)]
    if isinstance(value, str) and not value.startswith("${"):
        return [f"{key}='" + value.replace("'", "\\'") + "'"]
    return [f"{key}={value}"]


@pytest.fixture
def nas(capsys):
    """Run one command line in this process: its exit status, and what it wrote."""

    def run(*words: str) -> tuple[int, str]:
        status = main(words)
        written = capsys.readouterr()
        return status, written.out + written.err

    return run
