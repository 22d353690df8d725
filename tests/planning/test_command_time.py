"""How a budget is shared out."""

import pytest

from nas.planning.command_time import Retrainings, TimeBudget, unit_of


def planned(**settings):
    """Return the plan of 300 s, ten seconds after the command began."""
    settings = {"seconds": 300.0, "began_s": 1000.0, "unit_s": 4.0, **settings}
    return TimeBudget(**settings).planned(1010.0)


@pytest.mark.parametrize("finish_share", [None, 0.5, 0.7])
def test_the_parts_of_a_plan_add_up_to_the_budget(finish_share):
    plan = planned(finish_share=finish_share)
    assert sum(plan.parts().values()) == pytest.approx(300.0)


def test_the_share_of_a_finish_is_of_the_time_for_trainings_alone():
    plan, quick = planned(finish_share=0.7), planned(finish_share=0.7, unit_s=2.0)
    free_s = plan.trials_s / 0.3
    assert plan.files_s > quick.files_s
    assert plan.trials_s < quick.trials_s
    assert plan.retraining_s == pytest.approx(0.7 * free_s + 2.0 * 4.0)


def test_a_search_that_starts_no_processes_has_the_time_of_their_start():
    assert planned(has_workers=False).trials_s == pytest.approx(planned().trials_s + 8.0)


def test_what_earlier_commands_spent_on_the_search_is_spent():
    assert planned(spent_s=60.0).trials_s == pytest.approx(planned().trials_s - 60.0)


def test_a_budget_that_is_too_short_for_all_still_leaves_some_for_trainings():
    assert planned(seconds=20.0).trials_s == pytest.approx(0.15 * 20.0)


def test_a_disk_that_is_read_for_the_first_time_is_no_slow_processor():
    assert unit_of(9.0, busy_s=2.5) == 5.0
    assert unit_of(60.0, busy_s=30.0) == 7.0


def test_retrainings_end_sooner_where_more_files_follow():
    retrainings = Retrainings(ends_s=500.0, unit_s=5.0)
    none, one, two = (retrainings.until_s(number) for number in (0, 1, 2))
    assert 500.0 > none > one > two
    assert retrainings.spares_time(none - 100.0, 1)
    assert not retrainings.spares_time(none, 1)
