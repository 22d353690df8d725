"""Overrides, as Hydra gets them."""

import pytest

from nas.config.overrides import for_hydra
from nas.metric import METRICS


@pytest.mark.parametrize("node", ["constraints", "pick"])
@pytest.mark.parametrize("metric", METRICS)
def test_the_limit_of_a_metric_needs_no_line_in_a_file(metric, node):
    text = f"{node}.{metric}.max=3"
    assert for_hydra(text) == f"++{text}"


def test_a_misspelt_setting_of_pick_is_not_made_up():
    assert for_hydra("pick.wich=all") == "pick.wich=all"
