"""report.html: the whole run in one file that works without a network.

Sections are functions (`nas.report.sections`), charts are data (`nas.report.charts`) that
`assets/page.js` draws with the Plotly that is written into the page.
"""

from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from plotly.offline import get_plotlyjs

from nas.files import write_text
from nas.report.charts import chart_data, to_script_json
from nas.report.sections import SECTIONS, Report, header

_ASSETS = Path(__file__).parent / "assets"


class _Slots(Template):
    """A template whose slots read `@@{name}`, since CSS and JavaScript use `$` and braces."""

    delimiter = "@@"


def write_page(report: Report, *, path: Path) -> None:
    """Write the page of a run, whole or not at all."""
    write_text(path, page_html(report))


def page_html(report: Report, *, now: datetime | None = None) -> str:
    """Return the page; `now` is the time that its foot names."""
    made = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    data = chart_data(report.records, report.objectives, report.front, name=report.name)
    return _Slots(_asset("page.html")).substitute(
        title=escape(f"{report.name} – nas report"),
        style=_asset("page.css"),
        header=header(report),
        sections="\n".join(f"<section>{html}</section>" for s in SECTIONS if (html := s(report))),
        footer=f"Made {made} from study.journal. Plain numbers: trials.csv and front.csv.",
        data=to_script_json(data),
        plotly=get_plotlyjs(),
        script=_asset("page.js"),
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
