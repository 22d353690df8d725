"""What is done once before the first trial: by evaluators that share weights, and no others."""

import pytest

from nas.engine.preparing import prepare_run


class SharingEvaluator:
    """Remembers what it was told, and says that a signal ended it."""

    slice_share = 0.05

    def prepare_run(self, folder, *, seed, say, is_ended):
        self.told = (folder, seed, is_ended())
        say("trained")
        return False


def test_an_evaluator_that_shares_nothing_is_ready(tmp_path):
    assert prepare_run(object(), tmp_path, seed=1, say=pytest.fail)


def test_an_evaluator_that_shares_weights_is_asked_with_the_runs_folder_and_seed(tmp_path):
    evaluator, said = SharingEvaluator(), []
    assert not prepare_run(evaluator, tmp_path, seed=4, say=said.append)
    assert evaluator.told == (tmp_path, 4, False)
    assert said == ["trained"]
