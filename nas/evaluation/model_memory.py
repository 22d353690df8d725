"""Does a network fit the memory of this process? Asked before it is built.

The system may end a process that takes more than there is, with no word and with all it knew. What
is known of a network beforehand is enough to refuse the ones that cannot fit by far.
"""

from collections.abc import Mapping

from nas.data.memory import free_bytes

_BYTES_PER_WEIGHT = 4
_GIB = 2**30


def check_memory(costs: Mapping[str, float], *, copies: int) -> None:
    """Refuse a network whose weights alone are more than the free memory.

    Args:
        costs: of the network; nothing is refused where `num_params` is not among them.
        copies: how many numbers are kept for each weight at the least: 2 where gradients lie
            beside the weights.

    Raises:
        MemoryError: it cannot fit.
    """
    needed, free = costs.get("num_params", 0.0) * _BYTES_PER_WEIGHT * copies, free_bytes()
    if needed > free:
        what = "its weights" if copies == 1 else "its weights and their gradients"
        raise MemoryError(
            f"the network takes at least {needed / _GIB:.3g} GiB for {what}, and "
            f"{free / _GIB:.3g} GiB of memory are free; a limit leaves such networks out: "
            "constraints.num_params.max=..."
        )
