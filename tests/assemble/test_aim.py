from types import SimpleNamespace

import pytest

from nas.assemble.aim import build_aim
from nas.config.schema import AimKind
from nas.objective import objective_for


@pytest.mark.parametrize(
    ("num_trials", "time_limit_s", "budget", "begins_small"),
    [
        (32, None, None, True),
        (None, None, None, True),
        (5, None, None, False),
        (32, 600.0, None, False),
        (None, None, 600.0, False),
    ],
)
def test_a_search_begins_small_where_nothing_ends_it_before_all_that_is_recommended(
    num_trials, time_limit_s, budget, begins_small
):
    config = SimpleNamespace(
        aim=AimKind.FRONT,
        budget=budget,
        stopping=SimpleNamespace(num_trials=num_trials, time_limit_s=time_limit_s),
        references=SimpleNamespace(is_floor=True),
    )
    objectives = (objective_for("accuracy"), objective_for("size_bytes"))

    aim = build_aim(config, objectives, limits=(), references=())

    assert aim.begins_small == begins_small
