"""Checkpoints while a training runs: when, how many, and what is left when it is cut."""

import math
from types import SimpleNamespace

import pytest
import torch

from nas.errors import ConfigError
from nas.train import checkpoint
from nas.train.checkpoint import RegularCheckpoints, checked_interval, load_checkpoint
from nas.train.loop import TimeLimitError, Training


class CutError(Exception):
    """The worker is gone."""


def cut_at(step, training, save):
    """Return what is called after each step: save if it is time, and die at some step."""

    def after_step():
        save()
        if training.step == step:
            raise CutError

    return after_step


def weights_of(training):
    return {name: tensor.clone() for name, tensor in training.model.state_dict().items()}


@pytest.mark.parametrize("step", [1, 9, 20], ids=["first", "mid", "late"])
def test_a_training_cut_anywhere_goes_on_and_ends_as_if_it_had_not_been_cut(
    make_model, resident, recipe, tmp_path, monkeypatch, step
):
    monkeypatch.setattr(checkpoint, "MAX_SHARE", math.inf)  # saved after each step
    with torch.random.fork_rng([]):
        torch.manual_seed(7)
        whole = Training(make_model(), resident, recipe, seed=3)
        whole.run()
    with torch.random.fork_rng([]):
        torch.manual_seed(7)
        first = Training(make_model(), resident, recipe, seed=3)
        save = RegularCheckpoints(first, tmp_path, every_s=1e-9)
        with pytest.raises(CutError):
            first.run(after_step=cut_at(step, first, save))
    second = Training(make_model(seed=99), resident, recipe, seed=3)
    with torch.random.fork_rng([]):
        assert load_checkpoint(second, tmp_path)
        assert second.step == step
        second.run()

    assert second.step == whole.num_steps
    for name, tensor in weights_of(whole).items():
        assert torch.equal(tensor, weights_of(second)[name]), name


def test_a_training_shorter_than_the_interval_writes_nothing(
    make_model, resident, recipe, tmp_path
):
    training = Training(make_model(), resident, recipe, seed=0)

    training.run(after_step=RegularCheckpoints(training, tmp_path, every_s=600.0))

    assert not list(tmp_path.iterdir())


def test_saving_takes_a_small_share_of_the_time_however_often_it_is_asked_for(
    make_model, resident, recipe, tmp_path, monkeypatch
):
    now_s, saved_at = [0.0], []
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    training = Training(make_model(), resident, recipe, seed=0)

    def take_half_a_second(*_):
        saved_at.append(now_s[0])
        now_s[0] += 0.5

    training.model.register_state_dict_pre_hook(take_half_a_second)
    save = RegularCheckpoints(training, tmp_path, every_s=1.0)
    for _ in range(1000):  # steps of a tenth of a second
        now_s[0] += 0.1
        save()

    # After half a second of saving come 25 s without: a share of 2 %.
    assert saved_at == pytest.approx([1.0, 26.5, 52.0, 77.5], abs=0.5)


def test_a_disk_that_takes_no_checkpoint_costs_no_trial(
    make_model, resident, recipe, tmp_path, caplog
):
    (tmp_path / "file").write_text("in the way of the folder")
    training = Training(make_model(), resident, recipe, seed=0)

    training.run(after_step=RegularCheckpoints(training, tmp_path / "file", every_s=1e-9))

    assert training.step == training.num_steps
    assert "no checkpoint could be saved" in caplog.text


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 torn"])
def test_a_checkpoint_that_cannot_be_read_is_left_alone(
    make_model, resident, recipe, tmp_path, caplog, content
):
    (tmp_path / "training.pt").write_bytes(content)
    training = Training(make_model(), resident, recipe, seed=0)

    assert not load_checkpoint(training, tmp_path)
    assert training.step == 0
    assert "cannot be read" in caplog.text


def test_the_time_before_a_cut_counts_against_the_limit(make_model, resident, recipe, tmp_path):
    first = Training(make_model(), resident, recipe, seed=0)
    first.earlier_s = 100.0
    first.run(budget=0.1)
    checkpoint.save_checkpoint(first, tmp_path)
    second = Training(make_model(), resident, recipe, seed=0, time_limit_s=50.0)
    load_checkpoint(second, tmp_path)

    assert second.spent_s > 100.0
    with pytest.raises(TimeLimitError, match="longer than 50 s: step"):
        second.run()


@pytest.mark.parametrize("every_s", [0, -1.0, float("nan")])
def test_an_interval_must_be_above_zero(every_s):
    with pytest.raises(ConfigError, match="checkpoint_every_s must be above 0, but got"):
        checked_interval(every_s)


def test_no_interval_is_none():
    assert checked_interval(None) is None
