"""Secrets that a run folder does not keep are asked for again, never replaced by a mask."""

import shutil
import sys

import pytest

from nas.cli.main import main
from nas.config.kept_secrets import missing_secrets
from nas.secrets import masked, remember_secrets_in

TOKEN = "Qx7rT2vLm9"
_LOADER = """
from pathlib import Path

from nas.data.dataset import Dataset
from nas.data.digits import load_digits


def load(api_token: str, address: str = "", fails: bool = False) -> Dataset:
    Path("seen.txt").write_text(api_token + address)
    if fails:
        raise ConnectionError("nobody there takes " + api_token)
    return load_digits()
"""
_WORDS = (
    *("preset=smoke", "name=run", "sampler=random", "ui=none", "stopping.num_trials=1"),
    *(
        "search_space.parameters.width.choice=[0.25,0.5]",
        "search_space.parameters.stages.repeat=1",
    ),
    *("execution=inline", "evaluation.num_threads=1", "data=mine", "--config-dir", "my_conf"),
)


def write_loader(folder):
    (folder / "loader_of_mine.py").write_text(_LOADER)
    place = folder / "my_conf" / "data" / "mine.yaml"
    place.parent.mkdir(parents=True)
    place.write_text("_target_: loader_of_mine.load\napi_token: ???\naddress: ''\nfails: false\n")


@pytest.fixture
def loader(launch_folder):
    write_loader(launch_folder)
    return launch_folder


@pytest.fixture(scope="module")
def folder_with_a_run(tmp_path_factory):
    """A folder with the loader and a run `runs/run` that was given its token."""
    folder = tmp_path_factory.mktemp("begun")
    write_loader(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        assert main(["search", *_WORDS, f"data.api_token={TOKEN}"]) == 0
    sys.modules.pop("loader_of_mine")
    (folder / "seen.txt").unlink()
    return folder


@pytest.fixture
def begun(folder_with_a_run, launch_folder):
    """That folder, for the test to change."""
    shutil.copytree(folder_with_a_run, launch_folder, dirs_exist_ok=True)
    return launch_folder


@pytest.mark.parametrize(
    "command",
    [
        ("search", "name=run", "resume=true", "stopping.num_trials=2", "ui=none"),
        pytest.param(
            ("search", "--config-path", "runs/run", "name=other", "ui=none"),
            marks=pytest.mark.slow,
        ),
        pytest.param(("reproduce", "run=runs/run"), marks=pytest.mark.slow),
        (
            "finish",
            "run=runs/run",
            "execution=inline",
            "seeds=1",
            "export.files=false",
            "training.epochs=1",
        ),
    ],
    ids=["resume", "config-path", "reproduce", "finish"],
)
def test_a_secret_that_the_record_lacks_is_asked_for(begun, capsys, command):
    assert main(list(command)) == 2
    assert "data.api_token is missing" in capsys.readouterr().err
    assert not (begun / "seen.txt").exists()

    assert main([*command, f"data.api_token={TOKEN}"]) == 0
    assert (begun / "seen.txt").read_text() == TOKEN


def test_a_password_in_an_address_of_data_is_asked_for(loader, capsys):
    address = f"data.address=s3://me:{TOKEN}@host/digits"
    assert main(["search", *_WORDS, f"data.api_token={TOKEN}", address]) == 0

    assert main(["search", "name=run", "resume=true", f"data.api_token={TOKEN}"]) == 2

    told = capsys.readouterr().err
    assert "data.address is missing" in told
    assert "data.api_token" not in told


def test_a_secret_in_an_error_of_ones_own_loader_is_masked(loader, capsys):
    assert main(["search", *_WORDS, f"data.api_token={TOKEN}", "data.fails=true"]) == 2

    told = capsys.readouterr()
    assert "nobody there takes ***" in told.err
    assert "loader_of_mine.py, line 11" in told.err
    assert TOKEN not in told.err + told.out


def test_values_named_as_secrets_are_masked_wherever_they_come_up():
    remember_secrets_in({"data": {"api_token": "abcdTOKENefgh", "num_tokens": "plainvalue"}})

    assert masked("refused abcdTOKENefgh, plainvalue") == "refused ***, plainvalue"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"data": {"api_token": "***"}}, ["data.api_token"]),
        ({"data": {"parts": [{"key": "s3://a:***@b/c"}]}}, ["data.parts[0].key"]),
        ({"storage": {"url": "postgresql://me:***@host/a"}}, []),
        ({"data": {"path": "a*b**c", "api_token": "x"}, "name": "****"}, []),
        ({"search_space": {"models": ["resnet***"]}}, []),
    ],
    ids=["whole", "nested address", "storage has its own way", "no mask", "names of models"],
)
def test_masks_are_found_where_they_stand_for_a_secret(values, names):
    assert [fault.partition(" is ")[0] for fault in missing_secrets(values)] == names
