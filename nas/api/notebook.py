"""A run as notebooks show it: the front as a small table."""

from collections.abc import Sequence

from jinja2 import Environment

from nas.objective import Objective
from nas.report.values import format_value, heading_of
from nas.trial import TrialRecord

_TABLE = Environment(autoescape=True).from_string(
    """<p>{{ title }}</p>
<table><thead><tr><th>trial</th>{% for head in heads %}<th>{{ head }}</th>{% endfor %}
<th>architecture</th></tr></thead>
<tbody>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>"""
)


def front_as_html(
    front: Sequence[TrialRecord], *, objectives: Sequence[Objective], title: str
) -> str:
    """Return the front as HTML, a row for each member."""
    metrics = [objective.metric for objective in objectives]
    rows = [
        [
            trial.number,
            *(format_value(metric, trial.metrics[metric]) for metric in metrics),
            trial.describe(),
        ]
        for trial in front
    ]
    return _TABLE.render(title=title, heads=[heading_of(metric) for metric in metrics], rows=rows)
