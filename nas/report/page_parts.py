"""What the page is made of: sections and tables as data, which `templates/` turn into HTML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_WORD_JOINER = "\u2060"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what is read.
        key: what it sorts by; the text itself where None.
        is_number: aligned to the right; without a key it sorts last.
        style: CSS class of the text, or empty.
        link: where the text leads, or empty.
    """

    text: str
    key: float | None = None
    is_number: bool = False
    style: str = ""
    link: str = ""

    @property
    def shown(self) -> str:
        """The text; a dash that stands for an absent value is no place to break a line."""
        if self.style != "words":
            return self.text
        return self.text.replace("–", f"{_WORD_JOINER}–{_WORD_JOINER}")


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        cells: its cells.
        id: identity in the page, or empty.
        style: CSS class, or empty.
    """

    cells: Sequence[Cell]
    id: str = ""
    style: str = ""


@dataclass(frozen=True)
class PageTable:
    """A table whose columns sort by click.

    Attributes:
        headings: one for each column.
        rows: what stands below them.
        caption: what the table is, for screen readers.
        is_tall: keep it to about half a screen.
    """

    headings: Sequence[str]
    rows: Sequence[Row]
    caption: str
    is_tall: bool = False

    def columns(self) -> Iterator[tuple[str, bool]]:
        """Yield each heading, and whether its column holds numbers alone."""
        for index, heading in enumerate(self.headings):
            yield heading, bool(self.rows) and all(r.cells[index].is_number for r in self.rows)


@dataclass(frozen=True)
class Section:
    """A part of the page: a template of `templates/sections/`, and what it shows.

    Attributes:
        template: file name of the template, which sees this object as `section`.
        title: its heading.
    """

    template: str
    title: str = ""


@dataclass(frozen=True)
class TableSection(Section):
    """A table with a heading.

    Attributes:
        table: what it shows.
        lead: a sentence above the table, or empty.
        note: small print, or empty.
    """

    table: PageTable = field(kw_only=True)
    lead: str = ""
    note: str = ""


@dataclass(frozen=True)
class TextSection(Section):
    """A text with a heading.

    Attributes:
        text: what it says.
    """

    text: str = field(kw_only=True)


@dataclass(frozen=True)
class FactsSection(Section):
    """Names and values.

    Attributes:
        facts: pairs of a name and a value.
    """

    facts: Sequence[tuple[str, str]] = field(kw_only=True)


@dataclass(frozen=True)
class Axis:
    """An axis of the front's chart: its name, and the place of the metric that it begins with."""

    name: str
    chosen: int


@dataclass(frozen=True)
class AxisMetric:
    """A metric that an axis can show, and the words for it."""

    name: str
    label: str


@dataclass(frozen=True)
class ChartSection(Section):
    """The interactive chart of the front.

    Attributes:
        axes: both axes; none where there is nothing to draw.
        metrics: what each axis can show.
        has_stopped: some trials were stopped early.
    """

    axes: Sequence[Axis] = ()
    metrics: Sequence[AxisMetric] = ()
    has_stopped: bool = False


@dataclass(frozen=True)
class Tile:
    """A number that matters, on top of the page: its words, the number, small print."""

    label: str
    value: str
    note: str
