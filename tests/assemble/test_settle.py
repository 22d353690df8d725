"""What a search of a folder of photos decides when nothing but the folder and a time is said."""

import time

import numpy as np
import pytest
from PIL import Image

from nas.assemble.check import check_values
from nas.assemble.settle import settle
from nas.config.compose import compose_values
from nas.config.source import ConfigSource
from nas.planning.command_time import TimeBudget

pytestmark = pytest.mark.slow  # networks are timed for some seconds


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(200):
        place = tmp_path / "my photos" / f"class {number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)).save(
            place / f"{number}.png"
        )
    return tmp_path / "my photos"


def settled(folder, *overrides, seconds):
    told = ("name=x", "data=image_folder", f"data.path='{folder}'", "execution=inline", *overrides)
    composed = compose_values(ConfigSource(overrides=told))
    budget = TimeBudget(seconds, began_s=time.monotonic(), has_workers=False)
    return settle(composed.values, check_values(composed), budget=budget)


def first_network(found):
    (space, facts) = found.search.task.space, found.search.task.evaluator.static_costs
    named = space.recommended()
    return named[0], facts(named[0])


def test_a_short_budget_leaves_room_for_what_the_space_recommends(folder):
    found = settled(folder, seconds=20)
    _, costs = first_network(found)
    most = found.config.constraints["num_macs"].max
    assert most is None or most > costs["num_macs"]
    assert found.values["search_space"]["parameters"]["stages"]["fused"] == {
        "choice": [True, False]
    }


def test_a_limit_of_the_user_leaves_out_what_is_recommended_and_too_large(folder):
    found = settled(folder, "constraints.size_bytes.max=20kB", seconds=20)
    _, costs = first_network(found)
    assert costs["size_bytes"] > 20e3
    assert found.config.constraints["size_bytes"].max == 20e3
