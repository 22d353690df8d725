"""A user's `build` that raises while costs are counted: others are drawn, until it is too many."""

import logging

import pytest
from parts.engine import OBJECTIVES, SMALL, ClosedForm, search, small_task

from nas.assemble.facts import facts_of
from nas.engine.costs import CachedCosts
from nas.engine.stopping import Stopping
from nas.errors import ExecutionError
from nas.space.space import SearchSpace
from nas.trial import TrialState


class RaisesFor(ClosedForm):
    """Raises an error while the costs of some architectures are counted."""

    def __init__(self, wanted, error=None):
        super().__init__()
        self.wanted = wanted
        self.error = error or RuntimeError("no \x1b[31msuch\x07 block")

    def static_costs(self, architecture):
        for _ in filter(self.wanted, [architecture]):
            raise self.error
        return super().static_costs(architecture)


def everything(architecture):
    return True


class OfNoKind(BaseException):
    """Neither an Exception nor an exit."""


ERRORS = [RuntimeError("x"), SystemExit(3), RecursionError(), MemoryError(), GeneratorExit()]


@pytest.mark.parametrize("error", [*ERRORS, OfNoKind("odd")], ids=repr)
def test_architectures_whose_build_raises_are_not_trained(tmp_path, error):
    space = SearchSpace(SMALL)
    bad = {a.id for a in list(space.enumerate())[::4]}
    evaluator = RaisesFor(lambda a: a.id in bad, error)

    summary = search(small_task(20, evaluator=evaluator), tmp_path / "run")

    assert len(summary.records) == 20
    assert all(record.state is TrialState.COMPLETE for record in summary.records)
    assert not {record.architecture.id for record in summary.records} & bad
    assert summary.num_raised > 0


def test_a_space_of_which_nothing_can_be_built_ends_the_search_with_its_first_traceback(tmp_path):
    task = small_task(20, evaluator=RaisesFor(everything))

    with pytest.raises(ExecutionError, match=r"(?s)5 of 5 .*raise self.error.*no such block"):
        search(task, tmp_path / "run")


def test_a_share_of_raising_builds_above_the_allowed_one_ends_the_search(tmp_path):
    space = SearchSpace(SMALL)
    good = {a.id for a in list(space.enumerate())[::3]}
    task = small_task(
        200,
        evaluator=RaisesFor(lambda a: a.id not in good),
        stopping=Stopping(num_trials=200, max_failed_share=0.3),
    )

    with pytest.raises(ExecutionError, match=r"stopping\.max_failed_share=0\.3 allows"):
        search(task, tmp_path / "run")


def test_only_the_first_raising_build_is_told_and_without_control_characters(caplog):
    space = SearchSpace(SMALL)
    costs = CachedCosts(RaisesFor(lambda a: a.id in {b.id for b in some}), max_failed_share=1.0)
    some = list(space.enumerate())[:8:2]

    with caplog.at_level(logging.WARNING):
        found = [costs(a) for a in list(space.enumerate())[1::-1] + list(space.enumerate())[2:8]]

    assert found.count(None) == costs.num_raised == 4
    assert len(caplog.records) == 1
    assert "no such block" in caplog.text
    assert not {"\x1b", "\x07"} & set(caplog.text)


def test_a_sampler_that_asks_for_facts_hears_that_there_is_no_such_architecture():
    space = SearchSpace(SMALL)
    first, second = list(space.enumerate())[:2]
    facts = facts_of(RaisesFor(lambda a: a == second), space=space, objectives=OBJECTIVES)

    assert facts(first) is not None
    assert facts(second) is None
