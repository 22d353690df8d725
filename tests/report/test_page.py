import json
import math
import re
from html.parser import HTMLParser

import pytest
from parts.work import num_calls

from nas.architecture import Architecture
from nas.metric import Direction
from nas.objective import Objective, objective_for
from nas.record.environment import collect_environment, write_environment
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow, write_winners
from nas.report.charts import chart_data, to_script_json
from nas.report.content import Report
from nas.report.front import front_records, knee_record
from nas.report.page import page_html
from nas.report.page_parts import Cell, PageTable, Row, TableSection
from nas.report.rendering import render
from nas.report.reports import load_report, write_reports, write_tables
from nas.report.sections import MOST_ROWS
from nas.trial import Failure, FailureKind, TrialState

VOID = {"meta", "link", "img", "br", "input", "hr"}


class _Outline(HTMLParser):
    """Checks that elements nest, and keeps ids, headings, targets and rows of the page."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings, self.targets, self.rows = [], [], [], [], 0

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.targets += [attributes[name] for name in ("src", "href") if name in attributes]
        self.rows += tag == "tr"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "summary"):
            self.headings.append(data)


def _outline(html):
    outline = _Outline()
    outline.feed(html)
    assert outline.open == []
    return outline


def _data(html):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1]
    )


def test_the_page_nests_and_has_all_sections(search_records, accuracy_size):
    report = Report(
        "my run", search_records(80), accuracy_size, config="seed: 0\n",
        environment={"command": ["nas"], "devices": []},
    )  # fmt: skip

    outline = _outline(page_html(report))

    assert outline.headings == [
        "my run", "Front", "The front, smallest first", "What the front's members share",
        "Which parameters matter", "Progress", "What it cost", "Timeline of the slots",
        "Failures", "All trials", "Environment", "Settings",
    ]  # fmt: skip
    assert len(outline.ids) == len(set(outline.ids))


def test_the_page_loads_nothing_from_elsewhere(search_records, accuracy_size):
    html = page_html(Report("a", search_records(20), accuracy_size))

    targets = set(_outline(html).targets)

    assert targets == {"#main", "#card", "front.png"}
    assert "Plotly" in html
    assert "default-src 'none'" in html


def test_names_messages_and_settings_are_escaped(trial):
    evil = "<script>alert(1)</script>&\"'@@{data}</title>"
    objectives = (
        Objective(evil, Direction.MAXIMIZE, False),
        Objective("size_bytes", Direction.MINIMIZE, True),
    )
    failure = Failure(FailureKind.ERROR, evil)
    records = [
        trial(0, architecture=Architecture({"block": evil}), **{evil: 1.0, "size_bytes": 2.0}),
        trial(1, architecture=Architecture({"block": "x"}), **{evil: 2.0, "size_bytes": 3.0}),
        trial(2, state=TrialState.FAILED, failure=failure, size_bytes=3.0),
    ]

    html = page_html(Report(evil, records, objectives, config=evil, environment={"cpu": evil}))

    assert "<script>alert" not in html
    assert evil in _outline(html).headings[0] + "".join(_outline(html).headings)
    assert _data(html)["objectives"][0] == evil
    assert evil in _data(html)["trials"]["parameters"]["block"]["values"]


@pytest.mark.parametrize(
    "states",
    [[], [TrialState.FAILED] * 3, [TrialState.STOPPED] * 2, [TrialState.COMPLETE]],
    ids=["no trial", "all failed", "all stopped", "one"],
)
def test_small_runs_have_a_page(trial, accuracy_size, states):
    values = {"accuracy": 0.5, "size_bytes": 10.0}
    records = [trial(number, state=state, **values) for number, state in enumerate(states)]

    html = page_html(Report("a", records, accuracy_size))

    assert _outline(html).headings[:2] == ["a", "Front"]


def test_the_chart_holds_the_front_its_knee_and_values_in_percent(search_records, accuracy_size):
    records = search_records(80)
    front = front_records(records, accuracy_size)

    data = chart_data(records, accuracy_size, front, name="a")

    groups = dict(zip(data["trials"]["number"], data["trials"]["group"], strict=True))
    values = dict(zip(data["trials"]["number"], data["trials"]["values"]["accuracy"], strict=True))
    knee = knee_record(front, accuracy_size)
    assert groups[knee.number] == "knee"
    assert {n for n, g in groups.items() if g in ("front", "knee")} == {r.number for r in front}
    assert all(values[r.number] == pytest.approx(100 * r.metrics["accuracy"]) for r in front)
    assert [axis["metric"] for axis in data["axes"]][:2] == ["size_bytes", "accuracy"]
    assert data["growth"]["num_trials"][-1] == 80


def test_the_chart_leaves_out_failures_and_has_no_nan(search_records, trial, accuracy_size):
    records = [
        *search_records(40),
        trial(90, state=TrialState.STOPPED, accuracy=math.nan, size_bytes=math.inf),
    ]
    failed = {record.number for record in records if record.state is TrialState.FAILED}

    data = chart_data(records, accuracy_size, [], name="a")

    assert failed
    assert failed.isdisjoint(data["trials"]["number"])
    assert json.loads(to_script_json(data)) == data
    assert data["trials"]["values"]["accuracy"][-1] is None


def test_failures_are_grouped_by_kind_with_the_most_frequent_message(trial, accuracy_size):
    messages = ["out of 2 GiB", "out of 3 GiB", "out of 3 GiB"]
    records = [
        trial(n, state=TrialState.FAILED, failure=Failure(FailureKind.OUT_OF_MEMORY, message))
        for n, message in enumerate(messages)
    ]
    records.append(trial(3, state=TrialState.FAILED, failure=Failure(FailureKind.TIMEOUT, "slow")))

    html = page_html(Report("a", records, accuracy_size))

    assert "2 × out of 3 GiB (and 1 other messages)" in html
    assert html.index("out of memory") < html.index("timeout")
    assert "0, 1, 2" in html


def test_weights_are_linked_where_they_are_kept(trial, accuracy_size):
    records = [trial(n, accuracy=0.9 + n / 100, size_bytes=10.0 + n) for n in range(2)]

    html = page_html(Report("a", records, accuracy_size, weights={0: "models/0/"}))

    assert html.count(">weights</a>") == 1
    assert '<a href="models/0/">weights</a>' in html


def test_winners_of_the_finish_are_shown_from_its_table(tmp_path, trial, accuracy_size):
    folder = RunFolder.create(tmp_path / "run")
    row = WinnerRow(
        name="trial <7>", is_baseline=False, trial=7, architecture_id="ab", num_params=1.0,
        num_macs=1.0, size_bytes=4e3, metric="accuracy", search_value=0.9, test_mean=0.875,
        test_std=0.01,
        confidence_low=0.86, confidence_high=0.89, prediction_low=0.85, prediction_high=0.9,
        sampling_std=0.02, num_seeds=3, beaten_by="",
    )  # fmt: skip
    write_winners(folder.finish_dir / "winners.csv", [row])

    html = page_html(load_report(folder, [trial(0, accuracy=0.9, size_bytes=9.0)], accuracy_size))

    assert "Winners: retrained and tested" in _outline(html).headings
    assert "trial &lt;7&gt;" in html
    assert "87.50 %" in html
    assert "86.00 to 89.00" in html


def test_a_page_of_very_many_trials_is_cut_and_says_so(trial, accuracy_size):
    records = [trial(n, accuracy=0.5, size_bytes=10.0 + n) for n in range(MOST_ROWS + 1)]

    html = page_html(Report("a", records, accuracy_size))

    assert "The last 2,000 of 2,001; trials.csv holds all of them." in html
    assert _outline(html).rows == (1 + 1) + (
        1 + MOST_ROWS
    )  # the front and its head, all and theirs


@pytest.mark.slow  # 10,000 records take 5 s to make
def test_the_page_of_10000_trials_is_under_5_megabytes(search_records, accuracy_size):
    html = page_html(Report("a", search_records(10_000), accuracy_size))

    assert len(html.encode()) < 5_000_000


def test_cells_sort_by_number_and_absent_ones_last():
    rows = [Row([Cell("1 kB", 1e3, is_number=True)], "r<"), Row([Cell("–", is_number=True)])]
    section = TableSection("x", table=PageTable(["size"], rows, 'a "caption"'))

    html = render("sections/titled_table.html", section=section)

    assert 'data-value="1000.0">1 kB' in html
    assert 'data-value="">–' in html
    assert 'id="r&lt;"' in html
    assert 'aria-label="a &#34;caption&#34;"' in html


def test_all_reports_come_from_the_run_folder(tmp_path, search_records, accuracy_size):
    folder = RunFolder.create(tmp_path / "my run")
    folder.config_yaml.write_text("marker_of_settings: 1\n")
    write_environment(folder.environment_json, collect_environment(command=["nas", "marked"]))
    (folder.model_dir(0)).mkdir(parents=True)

    write_reports(folder, search_records(30), accuracy_size)

    html = folder.report_html.read_text()
    assert folder.front_png.read_bytes()[:4] == b"\x89PNG"
    assert folder.trials_csv.read_text().count("\n") == 31
    assert "marker_of_settings" in html
    assert "nas marked" in html
    assert sorted(p.name for p in folder.path.iterdir()) == [
        "config.yaml", "environment.json", "front.csv", "front.png", "front.svg", "models",
        "report.html", "trials.csv",
    ]  # fmt: skip


def test_writing_again_replaces_the_reports(tmp_path, search_records, accuracy_size):
    folder = RunFolder.create(tmp_path / "run")
    write_tables(folder, search_records(10), accuracy_size)
    before = folder.trials_csv.read_text()

    write_tables(folder, search_records(20), accuracy_size)

    assert folder.trials_csv.read_text().count("\n") == 21
    assert before.splitlines()[1] in folder.trials_csv.read_text()


@pytest.mark.slow
def test_the_work_on_all_reports_grows_with_the_trials_alone(
    tmp_path, search_records, three_objectives
):
    folder = RunFolder.create(tmp_path / "run")

    def work(num_trials):
        records = search_records(num_trials)
        return num_calls(lambda: write_reports(folder, records, three_objectives))

    assert work(1000) < 12 * work(100)


def test_seconds_may_be_an_objective(trial):
    objectives = (objective_for("accuracy"), objective_for("seconds"))
    records = [trial(n, accuracy=0.5 + 0.1 * n, seconds=1.0 + n) for n in range(3)]

    html = page_html(Report("a", records, objectives))

    assert _data(html)["objectives"] == ["accuracy", "seconds"]
