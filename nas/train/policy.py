"""What chance may change in a training image: named policies, and single settings over them.

A policy is a word for strengths that suit a kind of data. The draws of an epoch
(`nas.train.augmentation`) and what they do to pixels (`nas.train.appearance`) follow from it.
"""

from dataclasses import dataclass, replace

from nas.errors import ConfigError, nearest_first


@dataclass(frozen=True)
class Augmentation:
    """How much a training image may differ from the stored one; 0 everywhere changes nothing.

    Attributes:
        shift: largest move in each direction, as a share of the side; edges repeat outwards.
        crop: largest share of the area that a random rectangle leaves out; the rest is stretched
            to the whole size, its sides in a proportion of 3:4 to 4:3.
        colour: strength of changes of contrast, brightness and the balance of channels.
        erasing: share of images in which a random rectangle is made grey.
        mixup: parameter of the beta distribution by which two images, and their losses, are
            averaged (Zhang et al. 2018, https://arxiv.org/abs/1710.09412); 0 mixes none.
    """

    shift: float = 0.0
    crop: float = 0.0
    colour: float = 0.0
    erasing: float = 0.0
    mixup: float = 0.0


POLICIES = {
    "none": Augmentation(),
    "light": Augmentation(shift=0.125),
    "photo": Augmentation(crop=0.5, colour=0.2),
    "strong": Augmentation(crop=0.75, colour=0.4, erasing=0.25, mixup=0.2),
}


def augmentation_of(policy: str, *, shift: float, **single: float | None) -> Augmentation:
    """Return a policy with single settings over it.

    Args:
        policy: its name.
        shift: at least so much, whatever the policy says.
        single: `crop`, `colour`, `erasing`, `mixup`; None leaves what the policy says.

    Raises:
        ConfigError: there is no such policy.
    """
    if policy not in POLICIES:
        raise ConfigError(
            f"training.augmentation must be one of {', '.join(POLICIES)}, but got {policy!r}; "
            f"nearest first: {nearest_first(str(policy), POLICIES)}"
        )
    known = POLICIES[policy]
    told = {name: value for name, value in single.items() if value is not None}
    return replace(known, shift=max(shift, known.shift), **told)
