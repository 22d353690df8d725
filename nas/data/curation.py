"""What may be done to make the training text better, under a name that says all of it.

`near+filtered+easy0.5+ordered`: near duplicates go, then passages of odd length or entropy, then
all but the half that a small model guesses best; the rest is learnt from easy to hard.
`nas.data.curating` does it.
"""

import re
from dataclasses import dataclass

from nas.errors import DataError

NONE = "none"
_SHARE = re.compile(r"(?P<part>easy|middle|hard)(?P<share>0?\.\d+)")
_EXAMPLES = (
    "none, exact, near, filtered, easy0.5, middle0.5, hard0.5, ordered, or several joined by +, "
    "in this order: near+filtered+easy0.5+ordered"
)


@dataclass(frozen=True)
class Curation:
    """Steps, in the order of the fields.

    Attributes:
        duplicates: exact: passages that stand there twice go; near: those that are nearly equal
            too; empty: all stay.
        is_filtered: passages of unusual length or entropy go.
        part: easy, middle or hard: which passages stay by how well a small model guesses them;
            empty for all.
        share: of the bytes that stay then.
        is_ordered: trainings see easy passages first.
    """

    duplicates: str = ""
    is_filtered: bool = False
    part: str = ""
    share: float = 1.0
    is_ordered: bool = False

    @classmethod
    def named(cls, name: str) -> "Curation":
        """Return what a name says.

        >>> Curation.named("near+easy0.5")
        Curation(duplicates='near', is_filtered=False, part='easy', share=0.5, is_ordered=False)

        Raises:
            DataError: it says nothing, or something twice, or nothing that can be done.
        """
        if name == NONE:
            return cls()
        found: dict[str, str | float | bool] = {}
        for word in str(name).split("+"):
            match = _SHARE.fullmatch(word)
            step: dict[str, str | float | bool] = {}
            if match is not None and 0.0 < float(match["share"]) < 1.0:
                step = {"part": match["part"], "share": float(match["share"])}
            elif word in ("exact", "near"):
                step = {"duplicates": word}
            elif word in ("filtered", "ordered"):
                step = {f"is_{word}": True}
            if not step or step.keys() & found.keys():
                raise DataError(f"data.curation: '{name}' is none; it may be {_EXAMPLES}")
            found |= step
        made = cls(**found)  # type: ignore[arg-type] # each has the type of its field
        if made.name != name:
            raise DataError(f"data.curation: write '{made.name}' for '{name}'")
        return made

    @property
    def name(self) -> str:
        """The name in its canonical form."""
        return "+".join(self.steps) or NONE

    @property
    def steps(self) -> list[str]:
        """The steps, each by its name."""
        told = [self.duplicates, "filtered" if self.is_filtered else ""]
        told.append(f"{self.part}{self.share:g}" if self.part else "")
        told.append("ordered" if self.is_ordered else "")
        return [word for word in told if word]


def is_curation(name: object) -> bool:
    """Say whether something is the name of a curation."""
    try:
        Curation.named(str(name))
    except DataError:
        return False
    return True
