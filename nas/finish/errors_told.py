"""The section of a model card on mistakes: the worst classes, and where the pictures lie."""

from nas.export.chance import share_interval
from nas.export.markdown import code_span
from nas.record.confusion import ClassErrors, Confusion

_MOST = 5  # classes that a card names


def mistakes_words(confusion: Confusion, *, has_pictures: bool) -> str:
    """Return the section.

    Args:
        confusion: of the test split, by the weights that are shipped.
        has_pictures: there is a sheet of mistakes.
    """
    parts = ["## Where it errs", *_table(confusion.worst(_MOST))]
    parts.append(
        "`confusion.csv` has all classes: a row for each class, a column for each that its test "
        "examples were taken for. `mistakes.csv` names each example that is told wrong, the "
        "surest mistake first."
    )
    parts.append("![What each class was taken for](confusion.png)")
    if has_pictures:
        parts.append(
            "The mistakes that the network was surest of; some may be wrong labels in the data:"
        )
        parts.append("![The surest mistakes](mistakes.png)")
    return "\n\n".join(parts)


def _table(worst: list[ClassErrors]) -> list[str]:
    if not worst:
        return ["Every test example is classified correctly."]
    head = "| worst classes | classified correctly | 95 % interval | most often taken for |\n"
    head += "| --- | ---: | ---: | --- |\n"
    return [head + "\n".join(map(_line, worst))]


def _line(errors: ClassErrors) -> str:
    low, high = share_interval(errors.num_right, errors.num_examples)
    cells = [
        code_span(errors.name, in_table=True),
        f"{errors.num_right} of {errors.num_examples}",
        f"{100 * low:.0f} to {100 * high:.0f} %",
        f"{code_span(errors.taken_for, in_table=True)} ({errors.num_taken_for})",
    ]
    return f"| {' | '.join(cells)} |"
