"""How does text get into HTML? Through Jinja2's templates, which escape everything.

Only what is made here and not by a user (scripts, styles, JSON without `<`) is marked as safe.
"""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """Return a template of `templates/` filled in; values that are no `Markup` are escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,  # a slot without a value is a fault, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
    )
