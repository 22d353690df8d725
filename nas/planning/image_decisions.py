"""What was decided of images, and why, to be told at the start of a search."""

from dataclasses import dataclass

from nas.planning.image_side import KeptSize


@dataclass(frozen=True)
class Mirroring:
    """Whether images may be mirrored, and why.

    Attributes:
        is_sound: a mirrored image keeps its class.
        why: in a few words; empty where it was given.
    """

    is_sound: bool
    why: str = ""


@dataclass(frozen=True)
class ImageDecisions:
    """What a loader decided because nobody said it.

    Attributes:
        size: of the images; None where it was given, or images came as arrays.
        mirroring: whether they may be mirrored.
    """

    size: KeptSize | None = None
    mirroring: Mirroring = Mirroring(is_sound=False)


NOTHING_DECIDED = ImageDecisions()
