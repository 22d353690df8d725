"""Trials that start from the weights of others: which, how long, and after a kill."""

from dataclasses import replace

import pytest
import torch
from parts.engine import ClosedForm, RecordingView, random_sampler, search, small_task
from safetensors.torch import load, save

from nas.architecture import Architecture
from nas.engine.relatives import InheritancePlan, Relatives
from nas.record.run_folder import RunFolder
from nas.space.parameters import Int, Parameter
from nas.study.journal import load_records
from nas.trial import (
    NO_RELATIVE,
    Failure,
    FailureKind,
    TrialRecord,
    TrialResult,
    TrialSpec,
    TrialState,
)

DEPTH = (Parameter("depth", Int(0, 1000)),)


def shapes_of(architecture):
    """As many layers as it is deep, and one more."""
    return {f"{place}.weight": (2, 2) for place in range(int(architecture["depth"]) + 1)}


def weights_of(architecture):
    """Return weights that tell whose they are."""
    mark = float(int(architecture.id[:6], 16))
    return {name: torch.full(shape, mark) for name, shape in shapes_of(architecture).items()}


PLAN = InheritancePlan(shapes_of, share=0.25, learning_rate_share=1.0)


class Heirs(ClosedForm):
    """Brings weights, and keeps the orders that it got."""

    brings_weights = True

    def __init__(self, *, dies_at=None):
        super().__init__()
        self.orders = []
        self.dies_at = dies_at

    def weight_shapes(self, architecture):
        return shapes_of(architecture)

    def evaluate(self, spec):
        self.orders.append(spec)
        if spec.number == self.dies_at:
            raise KeyboardInterrupt
        return replace(super().evaluate(spec), weights=save(weights_of(spec.architecture)))


def task_with(evaluator, num_trials=12, **changes):
    plan = InheritancePlan(evaluator.weight_shapes, share=0.25, learning_rate_share=0.5)
    settings = {"evaluator": evaluator, "inheritance": plan, "make_sampler": random_sampler}
    return small_task(num_trials, **{**settings, **changes})


def record(number, depth, **changes):
    architecture = Architecture({"depth": depth})
    return TrialRecord(number, architecture, TrialState.COMPLETE, {}, **changes)


def relatives_in(folder, *, records=(), **limits):
    return Relatives(RunFolder(folder), parameters=DEPTH, plan=PLAN, records=records, **limits)


def keep(relatives, *records):
    for each in records:
        brought = save(weights_of(each.architecture))
        relatives.save(_result(each.number, brought), [each])
        relatives.written([each])


def _result(number, weights):
    return TrialResult(number, 0, TrialState.COMPLETE, weights=weights)


def test_each_later_trial_gets_the_weights_of_a_finished_one_that_is_most_alike(tmp_path):
    evaluator = Heirs()

    summary = search(task_with(evaluator), tmp_path / "run")

    by_number = {r.number: r for r in summary.records}
    assert evaluator.orders[0].inheritance is None
    heirs = [order for order in evaluator.orders if order.inheritance is not None]
    assert len(heirs) > 3
    for order in heirs:
        begun_at_random = [r for r in summary.records if not r.has_inherited]
        depths = [abs(r.architecture["depth"] - order.architecture["depth"])
                  for r in begun_at_random if r.number < order.number]  # fmt: skip
        source = by_number[order.inherited_from]
        assert abs(source.architecture["depth"] - order.architecture["depth"]) == min(depths)
        mark = load(order.inheritance.weights)["0.weight"]
        assert torch.equal(mark, weights_of(source.architecture)["0.weight"])
        assert by_number[order.number].inherited_from == order.inherited_from


def test_the_less_is_alike_the_longer_a_trial_trains(tmp_path):
    relatives = relatives_in(tmp_path)
    keep(relatives, record(0, 3))  # four layers
    order = replace(_order(7), inherited_from=relatives.nearest(Architecture({"depth": 7})))

    assert order.inherited_from == 0
    assert relatives.order(order).inheritance.share == pytest.approx(1 - 0.5 * 0.75)
    same = replace(_order(3), inherited_from=0)
    assert relatives.order(same).inheritance.share == pytest.approx(0.25)


def _order(depth):
    return TrialSpec(9, Architecture({"depth": depth}), 0)


def test_a_network_that_is_hardly_like_any_other_starts_at_random(tmp_path):
    relatives = relatives_in(tmp_path)
    keep(relatives, record(0, 0))  # one layer

    assert relatives.nearest(Architecture({"depth": 9})) is None


def test_a_network_that_cannot_be_built_starts_at_random(tmp_path):
    relatives = relatives_in(tmp_path)
    keep(relatives, record(0, 3))

    assert relatives.nearest(Architecture({"width": 3})) is None


def test_no_more_are_kept_than_allowed_and_those_that_a_later_one_stands_for_go_first(tmp_path):
    relatives = relatives_in(tmp_path, max_kept=3)

    keep(relatives, record(0, 10), record(1, 500), record(2, 11), record(3, 900))

    assert [n for n in range(4) if relatives.has(n)] == [1, 2, 3]
    files = sorted(path.parent.name for path in tmp_path.glob("relatives/*/weights.safetensors"))
    assert files == ["1", "2", "3"]


def test_bytes_are_bounded_too(tmp_path):
    size = len(save(weights_of(Architecture({"depth": 10}))))
    relatives = relatives_in(tmp_path, max_bytes=2 * size + 1)

    keep(relatives, record(0, 10), record(1, 10), record(2, 10))

    assert [n for n in range(3) if relatives.has(n)] == [1, 2]


def test_weights_that_a_running_trial_starts_from_stay_until_it_is_on_record(tmp_path):
    relatives = relatives_in(tmp_path, max_kept=1)
    keep(relatives, record(0, 10))
    assert relatives.nearest(Architecture({"depth": 10})) == 0

    keep(relatives, record(1, 10))
    assert relatives.has(0)

    keep(relatives, record(2, 10, inherited_from=0))
    keep(relatives, record(3, 10))
    assert not relatives.has(0)


def test_what_has_inherited_passes_nothing_on_so_that_trainings_do_not_add_up(tmp_path):
    relatives = relatives_in(tmp_path)

    keep(relatives, record(0, 10), record(1, 12, inherited_from=0))

    assert relatives.nearest(Architecture({"depth": 12})) == 0


@pytest.mark.parametrize(("roots_on_front", "found"), [([0], 0), ([], 1)])
def test_a_search_that_had_ended_goes_on_with_the_front_that_is_left_if_it_must(
    tmp_path, roots_on_front, found
):
    records = [record(0, 10), record(1, 12, inherited_from=0)]
    for number in (*roots_on_front, 1):
        place = RunFolder(tmp_path).model_dir(number)
        place.mkdir(parents=True)
        weights = save(weights_of(records[number].architecture))
        (place / "weights.safetensors").write_bytes(weights)

    relatives = relatives_in(tmp_path, records=records)

    assert relatives.nearest(Architecture({"depth": 12})) == found


def test_nothing_is_left_of_them_when_a_search_is_over(tmp_path):
    search(task_with(Heirs()), tmp_path / "run")

    assert not (tmp_path / "run" / "relatives").exists()
    assert list((tmp_path / "run" / "models").iterdir())


def test_a_trial_that_was_cut_by_a_kill_starts_from_the_same_weights_again(tmp_path):
    run = tmp_path / "run"
    cut = Heirs(dies_at=6)
    with pytest.raises(KeyboardInterrupt):
        search(task_with(cut), run)
    assert (run / "relatives").is_dir()
    told = load_records(run / "study.journal")[6]
    assert told.state is TrialState.RUNNING

    again = Heirs()
    summary = search(task_with(again), run)

    first = again.orders[0]
    assert (first.number, first.attempt) == (6, 1)
    assert first.inherited_from == told.inherited_from == cut.orders[6].inherited_from
    assert first.inheritance == cut.orders[6].inheritance
    assert summary.records[6].inherited_from == told.inherited_from


def test_a_trial_whose_relative_is_lost_starts_at_random_and_says_so(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        search(task_with(Heirs(dies_at=6)), run)
    for path in [*run.glob("relatives/*/*"), *run.glob("models/*/weights.safetensors")]:
        path.unlink()

    again = Heirs()
    summary = search(task_with(again, trains_again=False), run)

    assert again.orders[0].inheritance is None
    assert summary.records[6].inherited_from == NO_RELATIVE
    assert not load_records(run / "study.journal")[6].has_inherited


def test_a_run_that_goes_on_starts_from_its_front(tmp_path):
    run = tmp_path / "run"
    search(task_with(Heirs()), run)
    evaluator = Heirs()

    search(task_with(evaluator, 14), run)

    kept = {int(path.name) for path in (run / "models").iterdir()}
    assert [order.number for order in evaluator.orders] == [12, 13]
    assert evaluator.orders[0].inherited_from in kept


def test_weights_that_are_damaged_are_no_start_and_no_hindrance(tmp_path, caplog):
    run = tmp_path / "run"
    search(task_with(Heirs()), run)
    for path in run.glob("models/*/weights.safetensors"):
        path.write_bytes(path.read_bytes()[:9])
    evaluator = Heirs()

    search(task_with(evaluator, 13), run)

    assert evaluator.orders[0].inheritance is None
    assert "which cannot be read" in caplog.text


def test_a_trial_that_lost_its_worker_starts_from_the_same_weights(tmp_path):
    class Loses(Heirs):
        def evaluate(self, spec):
            result = super().evaluate(spec)
            if (spec.number, spec.attempt) == (5, 0):
                lost = Failure(FailureKind.LOST, "the node went away")
                return replace(result, state=TrialState.FAILED, failure=lost)
            return result

    evaluator = Loses()
    search(task_with(evaluator), tmp_path / "run", view=RecordingView())

    first, second = (order for order in evaluator.orders if order.number == 5)
    assert (first.attempt, second.attempt) == (0, 1)
    assert first.inheritance == second.inheritance is not None


def test_without_the_setting_no_order_speaks_of_weights(tmp_path):
    evaluator = Heirs()

    search(task_with(evaluator, inheritance=None), tmp_path / "run")

    assert {order.inherited_from for order in evaluator.orders} == {None}
    assert not any(order.keeps_weights for order in evaluator.orders)
    assert not (tmp_path / "run" / "relatives").exists()
