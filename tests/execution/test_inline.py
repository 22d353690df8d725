from parts.engine import SMALL, ClosedForm, complete, size_of

from nas.execution.guard import evaluate_guarded
from nas.execution.inline import InlineBackend
from nas.space.space import SearchSpace
from nas.trial import FailureKind, TrialSpec, TrialState

ARCHITECTURE = next(iter(SearchSpace(SMALL).enumerate()))


def spec(**changes):
    costs = {"size_bytes": size_of(ARCHITECTURE)}
    return TrialSpec(number=3, architecture=ARCHITECTURE, seed=1, static_costs=costs, **changes)


def test_a_trial_is_evaluated_when_its_result_is_asked_for():
    backend = InlineBackend(ClosedForm())

    backend.submit(spec())

    assert backend.num_free == 0
    assert backend.next_finished(timeout_s=1.0) == [complete(spec())]
    assert backend.num_free == 1
    assert backend.next_finished(timeout_s=1.0) == []


class Raising(ClosedForm):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def evaluate(self, spec):
        raise self.error


def test_what_an_evaluator_raises_is_the_trials_failure():
    result = evaluate_guarded(Raising(ValueError("bad\nvery bad")), spec(attempt=2))

    assert (result.number, result.attempt, result.state) == (3, 2, TrialState.FAILED)
    assert result.failure.kind is FailureKind.ERROR
    assert result.failure.message == "ValueError: bad"
    assert "raise self.error" in result.failure.traceback


def test_memory_that_cannot_be_had_is_a_failure_of_its_own_kind():
    result = evaluate_guarded(Raising(MemoryError()), spec())

    assert result.failure.kind is FailureKind.OUT_OF_MEMORY


def test_a_checkpoint_is_kept_only_while_it_may_be_of_use(tmp_path):
    place = tmp_path / "checkpoint"
    (place / "epochs").mkdir(parents=True)
    (place / "epochs/mine.ckpt").write_bytes(b"named as the user's evaluator likes")

    evaluate_guarded(ClosedForm(), spec(checkpoint=str(place)))

    assert not place.exists()


def test_a_checkpoint_folder_that_is_a_link_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").write_text("not the trial's")
    place = tmp_path / "checkpoint"
    place.symlink_to(elsewhere)

    evaluate_guarded(ClosedForm(), spec(checkpoint=str(place)))

    assert (elsewhere / "kept.txt").exists()
