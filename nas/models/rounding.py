"""How numbers of channels are rounded."""

_MOST_LOST = 0.9  # no more than a tenth is rounded away


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Return the multiple of `divisor` nearest to `channels`, as `timm.layers.make_divisible`.

    Half goes up; the result is at least `divisor`, and at least nine tenths of `channels`
    (MobileNetV2: Sandler et al., 2018). Said here again because timm takes seconds to import.

    >>> make_divisible(30), make_divisible(11), make_divisible(1)
    (32, 16, 8)
    """
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < _MOST_LOST * channels else nearest
