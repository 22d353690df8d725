"""An HTML table whose columns sort by click; every text in it is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what is read.
        key: what it sorts by; the text itself where None.
        is_number: aligned to the right.
        style: CSS class of the text, or empty.
        link: where the text leads, or empty.
    """

    text: str
    key: float | None = None
    is_number: bool = False
    style: str = ""
    link: str = ""

    def html(self, tag: str = "td") -> str:
        """Return the cell as HTML."""
        text = self.text.replace("–", "\u2060–\u2060") if self.style == "words" else self.text
        inner = escape(text)  # word joiners: a dash for an absent value is no place to break
        if self.link:
            inner = f'<a href="{escape(self.link)}">{inner}</a>'
        if self.style == "words":
            return f'<{tag} class="words">{inner}</{tag}>'
        if self.style:
            inner = f'<span class="{self.style}">{inner}</span>'
        kind = ' class="number"' if self.is_number else ""
        key = f' data-value="{self.key!r}"' if self.key is not None else ""
        if self.is_number and self.key is None:
            key = ' data-value=""'  # sorts last
        return f"<{tag}{kind}{key}>{inner}</{tag}>"


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        cells: its cells, the first of which heads the row.
        id: identity in the page, or empty.
        style: CSS class, or empty.
    """

    cells: Sequence[Cell]
    id: str = ""
    style: str = ""

    def html(self) -> str:
        """Return the row as HTML."""
        name = f' id="{escape(self.id)}"' if self.id else ""
        style = f' class="{self.style}"' if self.style else ""
        return f"<tr{name}{style}>{''.join(cell.html() for cell in self.cells)}</tr>"


def html_table(
    headings: Sequence[str], rows: Sequence[Row], *, caption: str, is_tall: bool = False
) -> str:
    """Return a table that scrolls within its place.

    Args:
        headings: one for each column.
        rows: what stands below them.
        caption: what the table is, for screen readers.
        is_tall: keep it to about half a screen.
    """
    numbers = [
        bool(rows) and all(row.cells[column].is_number for row in rows)
        for column in range(len(headings))
    ]
    head = "".join(
        f'<th scope="col"{" class=" + chr(34) + "number" + chr(34) if number else ""}>'
        f'<button type="button">{escape(heading)}</button></th>'
        for heading, number in zip(headings, numbers, strict=True)
    )
    place = "scroll tall" if is_tall else "scroll"
    body = "\n".join(row.html() for row in rows)
    return (
        f'<div class="{place}" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )
