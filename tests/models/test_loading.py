"""Which files are models and weights, and which are code that reading would run."""

import pickle
import warnings
import zipfile

import pytest
import torch

from nas.errors import SpaceError
from nas.models.loading import read_weights


def save_script(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of newer torch: scripts are to go
        torch.jit.script(torch.nn.Linear(1, 1)).save(path)


def save_whole_model(path):
    torch.save(torch.nn.Linear(1, 1), path)


def save_bare_pickle(path):
    path.write_bytes(pickle.dumps(torch.nn.Linear))


@pytest.mark.parametrize("save", [save_script, save_whole_model, save_bare_pickle])
def test_a_file_that_runs_code_is_refused_with_the_word_that_trusts_it(save, tmp_path):
    save(tmp_path / "own.pt")

    with pytest.raises(SpaceError, match=r"is a pickle.*trust=true"):
        read_weights(str(tmp_path / "own.pt"))


def save_archive_of_something_else(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photos/TorchScript.txt", "no model")


def save_half_of_the_weights(path):
    torch.save({"a": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize("save", [save_archive_of_something_else, save_half_of_the_weights])
def test_a_broken_file_is_no_matter_of_trust(save, tmp_path):
    save(tmp_path / "broken.pt")

    with pytest.raises(SpaceError, match=r"broken\.pt cannot be read") as refused:
        read_weights(str(tmp_path / "broken.pt"))
    assert "trust" not in str(refused.value)


def test_weights_come_as_they_were_saved(tmp_path):
    state = {"a": torch.arange(3.0), "b": torch.ones(2, 2)}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.pth")

    found = read_weights(str(tmp_path / "w.pth"))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_data_that_are_no_weights_are_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")

    with pytest.raises(SpaceError, match="holds no state dict"):
        read_weights(str(tmp_path / "list.pt"))
