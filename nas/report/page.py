"""report.html: the whole run in one file that works without a network.

Sections are data (`nas.report.sections`) that `templates/` turn into HTML; charts are data
(`nas.report.charts`) that `assets/*.js` draw with Plotly's basic bundle, which is written into the
page: scatter charts are all that it needs, and the whole library is four times as large.
"""

from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from nas.files import write_text
from nas.report.charts import page_data, to_script_json
from nas.report.content import Report
from nas.report.rendering import render
from nas.report.sections import SECTIONS
from nas.report.tables import knee_sentence
from nas.report.tiles import tiles

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("values.js", "charts.js", "card.js", "page.js")


def write_page(report: Report, *, path: Path) -> None:
    """Write the page of a run, whole or not at all."""
    write_text(path, page_html(report))


def page_html(report: Report, *, now: datetime | None = None) -> str:
    """Return the page; `now` is the time that its foot names."""
    made = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return render(
        "page.html",
        title=f"{report.name} – nas report",
        name=report.name,
        sentence=knee_sentence(report.records, report.objectives, floors=report.floors),
        tiles=tiles(report),
        sections=[found for section in SECTIONS if (found := section(report)) is not None],
        footer=f"Made {made} from study.journal. Plain numbers: trials.csv and front.csv.",
        # These four are made here, not by a user: nothing in them can end its element.
        style=Markup(_asset("page.css")),
        data=Markup(to_script_json(page_data(report))),
        plotly=Markup(_asset("plotly-basic.min.js")),
        script=Markup("\n".join(map(_asset, _SCRIPTS))),
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
