"""Weights of a decoder as single matrices, so that another decoder can take slices of each.

Our blocks stack queries, keys and values in one matrix, and the gate and the features of a
feed-forward in another. Between decoders with other heads or features these lie at other rows.
"""

from collections.abc import Mapping

import torch

_QKV, _OUT, _GATE = ".mixer.qkv.weight", ".mixer.out.weight", ".feed_forward.gate_in.weight"


def single_matrices(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return views of the weights of `nas.models.decoder.Decoder`, one for each matrix.

    Args:
        state: of a decoder; what is written into a view is written into it.
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if name.endswith(_QKV):
            place = name.removesuffix(_QKV)
            query = state[place + _OUT].shape[1]
            rest = (len(tensor) - query) // 2
            parts = torch.split(tensor, [query, rest, rest])
            found |= {f"{place}.mixer.{w}.weight": p for w, p in zip("qkv", parts, strict=True)}
        elif name.endswith(_GATE):
            place = name.removesuffix(_GATE)
            gate, inner = tensor.chunk(2)
            found[f"{place}.feed_forward.gate.weight"] = gate
            found[f"{place}.feed_forward.inner.weight"] = inner
        else:
            found[name] = tensor
    return found
