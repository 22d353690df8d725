"""Guesses hidden tokens from an encoder's features, as BERT's definition has it.

A matrix, the activation and a norm, then a product with the table of tokens and a number for each
token (Devlin et al., 2018, https://arxiv.org/abs/1810.04805, section 3.1). The head is there while
an encoder learns; files of the encoder do not hold it.

    N tokens, W width, V vocabulary
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from nas.models.embed_without_nas import ACTIVATIONS
from nas.models.encoder import EncoderPlan

# ruff: noqa: N803 - names of tensors end in their shapes

# Our names, and those in files of BertForMaskedLM.
_NAMES = {
    "dense.weight": "cls.predictions.transform.dense.weight",
    "dense.bias": "cls.predictions.transform.dense.bias",
    "norm.weight": "cls.predictions.transform.LayerNorm.weight",
    "norm.bias": "cls.predictions.transform.LayerNorm.bias",
    "bias": "cls.predictions.bias",
}


class MaskedHead(nn.Module):
    """The head of an encoder; the table of tokens is the encoder's.

    Args:
        plan: of the encoder.
    """

    def __init__(self, plan: EncoderPlan) -> None:
        super().__init__()
        self.dense = nn.Linear(plan.width, plan.width)
        self.norm = nn.LayerNorm(plan.width, eps=plan.norm_epsilon)
        self.bias = nn.Parameter(torch.zeros(plan.vocabulary))
        self.activation = ACTIVATIONS[plan.activation]
        nn.init.normal_(self.dense.weight, std=plan.width**-0.5)
        nn.init.zeros_(self.dense.bias)

    def forward(self, features_NW: torch.Tensor, table_VW: torch.Tensor) -> torch.Tensor:
        """Return logits (N, V)."""
        inner = self.norm(self.activation(self.dense(features_NW)))
        return functional.linear(inner, table_VW, self.bias)


def head_state_of(
    plan: EncoderPlan, tensors: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor] | None:
    """Return the weights of the head that a checkpoint holds; None where it holds none.

    A head with a table of its own is none of ours.

    Args:
        plan: of the encoder.
        tensors: of the checkpoint, by the names in its file.
    """
    found = {ours: tensors[theirs].float() for ours, theirs in _NAMES.items() if theirs in tensors}
    shapes = {name: tensor.shape for name, tensor in found.items()}
    with torch.device("meta"):  # no draw is made
        wanted = {name: tensor.shape for name, tensor in MaskedHead(plan).state_dict().items()}
    own = tensors.get("cls.predictions.decoder.weight")
    table = tensors.get("bert.embeddings.word_embeddings.weight")
    is_tied = own is None or (table is not None and torch.equal(own, table))
    return found if shapes == wanted and is_tied else None


def smaller_head_state(
    state: Mapping[str, torch.Tensor], width_V: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return what of a head's weights belongs to the features that a student keeps.

    Args:
        state: of the teacher's head.
        width_V: places of the features that stay.
    """
    return {
        "dense.weight": state["dense.weight"][width_V][:, width_V].clone(),
        **{name: state[name][width_V].clone() for name in ("dense.bias", "norm.weight")},
        "norm.bias": state["norm.bias"][width_V].clone(),
        "bias": state["bias"].clone(),
    }
