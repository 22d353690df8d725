"""Overrides, as Hydra gets them."""

import pytest

from nas.config.overrides import for_hydra, parse
from nas.metric import METRICS


@pytest.mark.parametrize("node", ["constraints", "pick"])
@pytest.mark.parametrize("metric", METRICS)
def test_the_limit_of_a_metric_needs_no_line_in_a_file(metric, node):
    text = f"{node}.{metric}.max=3"
    assert for_hydra(text) == f"++{text}"


def test_a_misspelt_setting_of_pick_is_not_made_up():
    assert for_hydra("pick.wich=all") == "pick.wich=all"


@pytest.mark.parametrize(
    "path", ["my photos (2)", "фото", "a&b #1!", "it's", "a{b}", "photos (copy)/[1]", "x=y;z"]
)
def test_a_path_needs_no_quotes_of_hydra(path):
    assert parse(f"data.path={path}").value() == path
    assert parse(f"run_folder={path}").value() == path


@pytest.mark.parametrize("value", ["'a b'", '"a b"', "${seed}/x", "a b,c", r"a\ b", "photos", ""])
def test_what_is_written_for_hydra_stays(value):
    assert for_hydra(f"data.path={value}") == f"data.path={value}"


def test_a_home_is_filled_in(monkeypatch):
    monkeypatch.setenv("HOME", "/home/a b")
    assert parse("data.path=~/photos").value() == "/home/a b/photos"
