"""At the end of a search stands what its sampler believes of noisy results."""

import pytest
from parts.engine import OBJECTIVES, search, small_task

from nas.assemble.facts import facts_of
from nas.frontier.sampler import FrontierSampler
from nas.record.beliefs import BELIEVED_CSV, read_beliefs
from nas.report.front import comparable_records
from nas.study.beliefs import MIN_RESULTS


def task_of(num_trials, *, num_judged):
    task = small_task(num_trials)
    facts = facts_of(task.evaluator, space=task.space, objectives=OBJECTIVES)

    def make_sampler(seed):
        return FrontierSampler(
            task.space, facts, objectives=OBJECTIVES, seed=seed, num_judged=num_judged
        )

    return small_task(num_trials, make_sampler=make_sampler)


def searched(folder, num_trials, *, num_judged):
    """Let all trials but the last be random ones: asks of a model take their time."""
    search(small_task(num_trials - 1), folder)
    return search(task_of(num_trials, num_judged=num_judged), folder).records


def test_each_result_is_believed_and_a_longer_search_writes_anew(tmp_path):
    found = []
    for num_trials in (MIN_RESULTS, MIN_RESULTS + 1):
        records = comparable_records(searched(tmp_path, num_trials, num_judged=50), OBJECTIVES)
        beliefs = read_beliefs(tmp_path / BELIEVED_CSV, records)
        assert set(beliefs) == set(range(num_trials))
        found.append([beliefs[number]["accuracy"] for number in range(MIN_RESULTS)])

    assert found[0] != pytest.approx(found[1])


@pytest.mark.parametrize(("num_trials", "num_judged"), [(MIN_RESULTS - 1, 50), (MIN_RESULTS, 0)])
def test_few_or_exact_results_are_as_they_were_measured(tmp_path, num_trials, num_judged):
    searched(tmp_path, num_trials, num_judged=num_judged)

    assert not (tmp_path / BELIEVED_CSV).exists()


def test_a_search_with_nothing_left_to_do_leaves_the_file_and_mends_one_that_is_lost(tmp_path):
    searched(tmp_path, MIN_RESULTS, num_judged=50)
    place = tmp_path / BELIEVED_CSV
    written, since_ns = place.read_text(), place.stat().st_mtime_ns

    search(task_of(MIN_RESULTS, num_judged=50), tmp_path)
    assert place.stat().st_mtime_ns == since_ns

    place.unlink()
    search(task_of(MIN_RESULTS, num_judged=50), tmp_path)
    assert place.read_text() == written


def test_a_sampler_without_a_model_of_readings_believes_nothing(tmp_path):
    search(small_task(MIN_RESULTS), tmp_path)

    assert not (tmp_path / BELIEVED_CSV).exists()
