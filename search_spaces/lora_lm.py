"""The space `lora_lm`: low-rank updates of a trained decoder, whose own weights stay frozen.

Rank, alpha, which matrices of which layers, and in how many bits the frozen weights are stored.
Better at what it learns, against bytes that are trained and bytes that are shipped.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import nn

from nas.architecture import Architecture
from nas.compress.weight_only import packed_weights
from nas.models.decoder import Decoder
from nas.models.decoder_costs import decoder_costs
from nas.models.decoder_files import tensors_of
from nas.models.decoder_lora import (
    TARGETS,
    LoraPlan,
    add_updates,
    num_update_weights,
    updates_of,
)
from nas.models.decoder_reading import state_of
from nas.models.generate_without_nas import unpacked
from nas.space.rules import Rule, above, check_parameters, one_of, whole
from nas.task import DataShape
from nas.widths import WIDTHS
from search_spaces.pretrained_lm import COMMON_RULES, PretrainedDecoderSpace

FLOATS = 32
_BITS = (FLOATS, 8, 4)
_UPDATE_BYTES = 4  # of a number of an update, as it is trained and as it is shipped
_MOST_RANK = 1024


class LoraDecoderSpace(PretrainedDecoderSpace):
    """Low-rank updates of a trained decoder.

    Args:
        model: a folder that `nas finish` or transformers wrote, or a file in GGUF.
        parameters: `rank`; perhaps `alpha`, `targets`, `depth` (share of the layers that get
            updates, from the last on), `base_bits`, `context` and `curation`.

    Raises:
        SpaceError: the model cannot be had, or a parameter is not as it must be.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "rank": {"choice": [1, 2, 4, 8, 16]},
        "alpha": {"choice": [4.0, 8.0, 16.0, 32.0]},
        "targets": {"choice": list(TARGETS)},
        "depth": {"choice": [0.5, 1.0]},
        "base_bits": {"choice": list(_BITS)},
    }

    # Frozen weights are no trained numbers of the network, and its file may hold them in few bits.
    told_of_files: ClassVar[frozenset[str]] = frozenset({"num_params", "size_bytes", *WIDTHS})

    def __init__(self, model: str, *, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(model, parameters)
        rules: dict[str, Rule] = {
            "rank": whole(1, _MOST_RANK),
            "alpha": above(0, _MOST_RANK),
            "targets": one_of(*TARGETS),
            "depth": above(0, 1),
            "base_bits": Rule("32, 8 or 4", lambda value: value in _BITS),
            **COMMON_RULES,
        }
        check_parameters(
            self.domains, rules, space="lora_lm", optional=frozenset(rules) - {"rank"}
        )
        self._packed_bytes = {bits: self._bytes_of_base(bits) for bits in _BITS}

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return the decoder with its weights frozen, and updates that change nothing yet."""
        plan = replace(self.whole_plan, context=self.context_of(architecture, data))
        model = Decoder(plan)
        if not model.embedding.weight.is_meta:
            model.load_state_dict(self._base(int(architecture.get("base_bits", FLOATS))))
        add_updates(model, self.updates(architecture))
        return model

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return what is stored of the frozen weights and the updates, without building.

        `size_bytes` is of both, `trained_bytes` of the updates.
        """
        plan = replace(self.whole_plan, context=self.context_of(architecture, data))
        whole_costs = decoder_costs(plan)
        number = num_update_weights(plan, self.updates(architecture))
        trained = _UPDATE_BYTES * number
        base = self._packed_bytes[int(architecture.get("base_bits", FLOATS))]
        return {
            **whole_costs,
            "num_params": whole_costs["num_params"] + number,
            "num_body_params": whole_costs["num_body_params"] + number,
            "num_macs": whole_costs["num_macs"] + number * plan.context,
            "size_bytes": base + trained,
            "trained_bytes": trained,
        }

    def identity(self, architecture: Architecture) -> str:
        """Return what is made: shares of layers that round alike are one network."""
        rest = [str(architecture.get(n, "")) for n in ("base_bits", "context", "curation")]
        return " ".join([str(self.updates(architecture)), *rest])

    def updates(self, architecture: Architecture) -> LoraPlan:
        """Return which updates an architecture has."""
        number = len(self.whole_plan.layers)
        rank = int(architecture["rank"])
        return LoraPlan(
            rank=rank,
            alpha=float(architecture.get("alpha", 2.0 * rank)),
            targets=str(architecture.get("targets", "all")),
            num_layers=max(1, round(number * float(architecture.get("depth", 1.0)) + 1e-9)),
        )

    def stored_base(self, bits: int) -> dict[str, torch.Tensor]:
        """Return the frozen weights by Llama's names, as they are stored in so many bits."""
        tensors = tensors_of(self.whole_plan, self._read.state)
        return tensors if bits == FLOATS else packed_weights(tensors, bits=bits)

    def shipped(self, model: Decoder, architecture: Architecture) -> dict[str, torch.Tensor]:
        """Return what is stored of a trained model: frozen weights in their bits, and updates."""
        scale = self.updates(architecture).scale
        found = self.stored_base(int(architecture.get("base_bits", FLOATS)))
        for name, (down, up) in updates_of(model).items():
            found[f"{name}.weight.lora_A"] = down.contiguous()
            found[f"{name}.weight.lora_B"] = (scale * up).contiguous()
        return found

    def _base(self, bits: int) -> Mapping[str, torch.Tensor]:
        if bits == FLOATS:
            return self._read.state
        return _rounded(self, bits)

    def _bytes_of_base(self, bits: int) -> int:
        stored = self.stored_base(bits).values()
        return sum(tensor.numel() * tensor.element_size() for tensor in stored)


@lru_cache(maxsize=2)
def _rounded(space: LoraDecoderSpace, bits: int) -> dict[str, torch.Tensor]:
    """Return the frozen weights as floats that few bits can hold; kept, as trials ask for them."""
    with torch.device("cpu"):
        floats = unpacked(space.stored_base(bits))
        return state_of(space.whole_plan, floats, where=space.model)
