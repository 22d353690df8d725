"""report.html in a real browser: nothing on the console, nothing fetched, everything drawn."""

from dataclasses import replace

import pytest
from parts.browser import CHROMIUM, visit

from nas.architecture import Architecture
from nas.objective import objective_for
from nas.record.references import Reference
from nas.record.winners import WinnerRow
from nas.report.content import Report
from nas.report.page import write_page
from nas.trial import Rung, TrialRecord, TrialState

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium")

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
ODD = '<b>odd</b> & "quoted" $x$'
DRAW = "document.querySelectorAll('.chart').forEach((chart) => drawOne(chart.id));\n"
POINTS = "document.querySelectorAll('#front-chart .point').length"


def record(number):
    values = {"width": 0.25 * (1 + number % 4), "activation": ODD}
    for stage in range(2 + number % 3):
        values |= {f"stages.{stage}.kernel": 3 + 2 * (number % 2), f"stages.{stage}.depth": 2}
    size = 2e4 * (1 + number % 7)
    metrics = {"accuracy": 0.5 + 0.04 * (number % 11), "size_bytes": size}
    done = TrialRecord(
        number, Architecture(values), TrialState.COMPLETE, metrics, 5.0, 1.0, None,
        1e9 + 3 * number, 1e9 + 3 * number + 5,
    )  # fmt: skip
    return replace(done, rungs=(Rung(0.5, {"accuracy": 0.4}, 2.0),))


def winner(number, size):
    return WinnerRow(
        name=f"trial {number}", is_baseline=False, trial=number, architecture_id="ab",
        num_params=9.0, num_macs=9.0, size_bytes=size, metric="accuracy", search_value=0.8,
        test_mean=0.75, test_std=0.01, confidence_low=0.7, confidence_high=0.8,
        prediction_low=0.6, prediction_high=0.9, sampling_std=0.02, num_seeds=3, beaten_by="",
    )  # fmt: skip


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "report.html"
    references = [
        Reference(ODD, "trivial", 0.3, 4.0, 1.0, 1.0, 0.1),
        Reference("resnet10t", "hand-made", 0.95, 2e6, 5e5, 1e8, 30.0),
    ]
    report = Report(
        ODD, [record(n) for n in range(60)], OBJECTIVES, references=references, config="seed: 0",
        winners=[winner(3, 4e4), winner(9, 8e4)], weights={3: "models/3/"},
    )  # fmt: skip
    write_page(report, path=path)
    return path


def test_all_charts_are_drawn_on_a_narrow_dark_screen_without_a_word_on_the_console(
    page, tmp_path
):
    told = (
        "tell([matchMedia('(prefers-color-scheme: dark)').matches, [...isDrawn].length,"
        f"{POINTS}, document.documentElement.scrollWidth <= innerWidth,"
        "document.querySelectorAll('#card rect.block').length > 1]);"
    )

    seen = visit(page, tmp_path, script=DRAW + told, width=400, dark=True)

    assert seen.console == []
    is_dark, num_charts, num_points, fits, has_drawing = seen.told[0]
    assert is_dark
    assert num_charts == 5
    assert num_points >= 60
    assert fits
    assert has_drawing


@pytest.mark.slow
def test_a_reader_chooses_axes_sorts_and_picks_trials_without_a_word_on_the_console(
    page, tmp_path
):
    script = (
        DRAW
        + """
      const choose = document.getElementById("front-x");
      const ticks = [...document.querySelectorAll("#front-chart .xtick text")];
      tell(ticks.map((text) => text.textContent));
      choose.value = "accuracy";
      choose.dispatchEvent(new Event("change"));
      frontChart.emit("plotly_hover", { points: [{ customdata: 4 }] });
      tell(document.querySelector("#card h3").firstChild.textContent);
      frontChart.emit("plotly_unhover", {});
      tell(document.querySelector("#card h3").firstChild.textContent === `Trial ${pinned}`);
      frontChart.emit("plotly_click", { points: [{ customdata: 3 }] });
      tell([document.querySelector("#card h3").firstChild.textContent,
        document.querySelector("#card a").getAttribute("href")]);
      document.querySelectorAll("th button").forEach((button) => button.click());
    """
    )

    seen = visit(page, tmp_path, script=script)

    assert seen.console == []
    ticks, hovered, is_back, clicked = seen.told
    assert "100 kB" in ticks
    assert hovered == "Trial 4"
    assert is_back
    assert clicked == ["Trial 3", "models/3/"]


@pytest.mark.slow
def test_the_page_may_fetch_nothing(page, tmp_path):
    seen = visit(page, tmp_path, script="fetch('http://127.0.0.1:9/a').catch(() => null);")

    assert any("Content Security Policy" in line for line in seen.console)


@pytest.mark.slow
def test_a_run_without_trials_has_a_page_without_a_word_on_the_console(tmp_path):
    write_page(Report("empty", [], OBJECTIVES), path=tmp_path / "report.html")

    assert visit(tmp_path / "report.html", tmp_path).console == []
