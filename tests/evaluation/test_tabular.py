import pyarrow as pa
import pyarrow.parquet
import pytest

from nas.architecture import Architecture
from nas.evaluation.tabular import TabularEvaluator, with_scores
from nas.metric import Direction
from nas.trial import FailureKind, TrialRecord, TrialSpec, TrialState

LARGE, SMALL = Architecture({"width": 2}), Architecture({"width": 1})


@pytest.fixture
def make_evaluator(tmp_path):
    path = tmp_path / "table.parquet"
    columns = {
        "width": [1, 2],
        "val": [70.0, 90.0],
        "val12": [50.0, 60.0],
        "val40": [65.0, 80.0],
        "test": [69.0, 89.0],
        "params": [10, 20],
        "macs": [100, 1000],
        "share": [0.25, 0.5],
        "zeros": [0, 8],
        "net": ["a", "b"],
        "hours": [3.0, 7.0],
    }
    pa.parquet.write_table(pa.table(columns), path)

    def make(**more):
        names = {"parameters": ["width"], "quality": "val", "size": "params"}
        return TabularEvaluator({"path": path, **names, **more})

    return make


def test_facts_are_log_size_identity_and_fact_columns(make_evaluator):
    facts = make_evaluator(facts=["macs", "share"], identity="net").facts(LARGE)

    assert facts.log_size == pytest.approx(1.30103)  # log10 of 20
    assert facts.identity == "b"
    assert facts.numbers == pytest.approx((3.0, 0.5))  # macs span a factor of 10, share does not


def test_architecture_without_a_row_has_no_facts(make_evaluator):
    assert make_evaluator().facts(Architecture({"width": 9})) is None


def test_size_of_nothing_counts_as_half_of_the_smallest(make_evaluator):
    assert make_evaluator(size="zeros").facts(SMALL).log_size == pytest.approx(0.60206)  # 8 / 2


def order(architecture, **more):
    return TrialSpec(number=4, architecture=architecture, seed=0, attempt=1, **more)


def test_full_training_has_quality_under_both_names_and_static_costs(make_evaluator):
    result = make_evaluator(facts=["macs"], score="test").evaluate(order(LARGE))

    assert result.state is TrialState.COMPLETE
    assert (result.number, result.attempt, result.budget) == (4, 1, 1.0)
    assert result.metrics == {"quality": 90.0, "val": 90.0, "params": 20.0, "macs": 1000.0}


def test_objectives_are_quality_up_and_size_down(make_evaluator):
    quality, size = make_evaluator().objectives

    assert (quality.metric, quality.direction, quality.is_static) == (
        "quality",
        Direction.MAXIMIZE,
        False,
    )
    assert (size.metric, size.direction, size.is_static) == ("params", Direction.MINIMIZE, True)


def test_score_is_looked_up_apart(make_evaluator):
    assert make_evaluator(score="test").score(SMALL) == 69.0
    assert make_evaluator().score(SMALL) is None


def test_only_the_named_records_get_their_score(make_evaluator):
    records = [
        TrialRecord(number, architecture, TrialState.COMPLETE, {"quality": 1.0})
        for number, architecture in enumerate([SMALL, LARGE])
    ]

    scored = with_scores(records, evaluator=make_evaluator(score="test"), numbers={1})

    assert scored[0] == records[0]
    assert scored[1].metrics == {"quality": 1.0, "score": 89.0}


def test_records_stay_as_they_are_without_a_score_column(make_evaluator):
    records = [TrialRecord(0, SMALL, TrialState.COMPLETE, {"quality": 1.0})]

    assert with_scores(records, evaluator=make_evaluator(), numbers={0}) == records


@pytest.mark.parametrize(
    ("budget", "quality", "seconds"),
    [(0.1, 50.0, 0.7), (0.2, 50.0, 0.7), (0.4, 65.0, 2.8), (0.99, 65.0, 2.8), (1.0, 70.0, 7.0)],
)
def test_budget_buys_the_dearest_rung_that_it_pays_for(make_evaluator, budget, quality, seconds):
    rungs = [{"quality": "val40", "cost": 0.4}, {"quality": "val12", "cost": 0.1}]
    evaluator = make_evaluator(rungs=rungs, seconds="hours")

    result = evaluator.evaluate(order(SMALL, budget=budget))

    assert result.metrics["quality"] == quality
    assert result.seconds == pytest.approx(seconds * 3 / 7)
    assert result.budget == budget


@pytest.mark.parametrize(("continues", "seconds"), [(True, 7.0), (False, 7.7)])
def test_a_network_that_goes_on_pays_for_what_it_lacks_or_begins_again(
    make_evaluator, continues, seconds
):
    rungs = [{"quality": "val12", "cost": 0.1}]
    evaluator = make_evaluator(rungs=rungs, seconds="hours", rungs_continue=continues)

    first = evaluator.evaluate(order(SMALL, budget=0.1))
    whole = evaluator.evaluate(order(SMALL, reached=0.1, spent_s=first.seconds))

    assert first.state is TrialState.STOPPED
    assert whole.state is TrialState.COMPLETE
    assert whole.seconds == pytest.approx(seconds * 3 / 7)


def test_cheap_result_does_not_stand_under_the_name_of_the_full_one(make_evaluator):
    evaluator = make_evaluator(rungs=[{"quality": "val12", "cost": 0.1}])

    metrics = evaluator.evaluate(order(SMALL, budget=0.1)).metrics

    assert metrics["val12"] == 50.0
    assert "val" not in metrics


def test_budget_below_all_rungs_is_a_failed_trial(make_evaluator):
    result = make_evaluator().evaluate(order(SMALL, budget=0.5))

    assert result.state is TrialState.FAILED
    assert "no result for 0.5 of a full training; cheaper results: none" in result.failure.message


def test_architecture_without_a_row_is_a_failed_trial(make_evaluator):
    result = make_evaluator().evaluate(order(Architecture({"width": 9})))

    assert result.failure.kind is FailureKind.ERROR
    assert "no row for width=9" in result.failure.message
    assert "Traceback" in result.failure.traceback


def test_training_that_took_too_long_is_a_timeout_at_the_limit(make_evaluator):
    evaluator = make_evaluator(seconds="hours")

    result = evaluator.evaluate(order(LARGE, time_limit_s=5.0))

    assert result.failure.kind is FailureKind.TIMEOUT
    assert "took 7 s of the 5 s" in result.failure.message
    assert result.seconds == 5.0
