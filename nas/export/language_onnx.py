"""A language model as one ONNX file that keeps what it has read: a token in, the next one out.

The file takes `tokens` (batch,), their `position` (1,), and `cache` (batch, layers, 2, key-value
heads, context, features of a head), zeros at first; it returns `logits` (batch, vocabulary) and
the `next_cache`. All shapes but the batch are fixed, so that any runtime can plan its memory.

    B texts, D width, H heads, K key-value heads, C context, E features of a head, L layers
"""

import math
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas.export.onnx_files import onnx_session, require_onnx, slimmed
from nas.files import write_bytes
from nas.models.decoder import ACTIVATIONS, LINEAR, WINDOW, Decoder, DecoderBlock, RmsNorm

# ruff: noqa: N803, N806 - names of tensors end in their shapes

FILE, KIND = "model.onnx", "ONNX with cache"
_SPEED_TOKENS, _REPEATS = 32, 3


class CachedStep(nn.Module):
    """One token of each text, with what was kept of the earlier ones.

    Args:
        model: whose layers are attention, with a window or without.
    """

    rotary: torch.Tensor
    places: torch.Tensor

    def __init__(self, model: Decoder) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("places", torch.arange(model.plan.context))

    def forward(
        self, tokens_B: torch.Tensor, position: torch.Tensor, cache: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (B, V) and the next cache."""
        model = self.model
        x_BD = model.embedding(tokens_B)
        turned = model.rotary.index_select(1, position)
        kept = []
        for index, block in enumerate(model.blocks):
            assert isinstance(block, DecoderBlock), "blocks holds nothing else"
            mixed, own = self._mix(block, _normed(block.mixer_norm, x_BD), turned, position,
                                   cache[:, index])  # fmt: skip
            kept.append(own)
            x_BD = x_BD + mixed
            normed = _normed(block.feed_forward_norm, x_BD)
            gate, inner = block.feed_forward.gate_in(normed).chunk(2, dim=-1)
            active = ACTIVATIONS[model.plan.activation](gate)
            x_BD = x_BD + block.feed_forward.out(active * inner)
        head = model.embedding.weight if model.head is None else model.head.weight
        logits = (_normed(model.norm, x_BD) * model.logit_scale) @ head.T
        return logits, torch.stack(kept, dim=1)

    def _mix(
        self,
        block: DecoderBlock,
        x_BD: torch.Tensor,
        turned: torch.Tensor,
        position: torch.Tensor,
        cache: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        plan, mixer = self.model.plan, block.mixer
        size, features = x_BD.shape[0], plan.head_features
        sizes = [plan.query_features, plan.kv_features, plan.kv_features]
        q, k, v = (p.view(size, -1, features) for p in mixer.qkv(x_BD).split(sizes, dim=-1))
        q, k = _turn(q, turned), _turn(k, turned)
        is_now = (self.places == position)[None, None, :, None]
        keys = torch.where(is_now, k[:, :, None], cache[:, 0])
        values = torch.where(is_now, v[:, :, None], cache[:, 1])
        seen = self.places <= position
        if mixer.kind == WINDOW:
            seen = seen & (self.places > position - plan.window)
        q = q.view(size, plan.num_kv_heads, -1, features)
        scores = q @ keys.transpose(-1, -2) / math.sqrt(features)
        scores = scores.masked_fill(~seen, -1e9)
        mixed = torch.softmax(scores, dim=-1) @ values
        return mixer.out(mixed.reshape(size, -1)), torch.stack([keys, values], dim=1)


def _normed(norm: RmsNorm, x_BD: torch.Tensor) -> torch.Tensor:
    mean = x_BD.square().mean(dim=-1, keepdim=True)
    return x_BD * torch.rsqrt(mean + norm.epsilon) * norm.weight


def _turn(x: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * turned[0] + torch.cat([-second, first], dim=-1) * turned[1]


class OnnxDecoder(nn.Module):
    """Runs the file: tokens (B, T) to logits (B, T, V), one token after the other.

    Args:
        path: of the file.
        num_threads: of ONNX Runtime.
    """

    def __init__(self, path: Path, *, num_threads: int = 1) -> None:
        super().__init__()
        self._session = onnx_session(path, num_threads=num_threads)
        self._shape = tuple(self._session.get_inputs()[2].shape[1:])

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, V)."""
        cache, found = self.empty_cache(tokens_BT.shape[0]), []
        for place, column in enumerate(tokens_BT.numpy().T):
            logits, cache = self.step(column, place, cache)
            found.append(torch.from_numpy(logits))
        return torch.stack(found, dim=1)

    def empty_cache(self, size: int) -> np.ndarray[Any, Any]:
        """Return what is kept before the first token."""
        return np.zeros((size, *self._shape), dtype=np.float32)

    def step(self, tokens: Any, place: int, cache: Any) -> tuple[Any, Any]:
        """Return logits and the next cache."""
        given = {"tokens": np.ascontiguousarray(tokens), "cache": cache}
        logits, after = self._session.run(None, {**given, "position": np.array([place])})
        return logits, after

    def tokens_per_second(self) -> float:
        """Return how many tokens a second it writes, one text at a time: the best of repeats."""
        length = min(_SPEED_TOKENS, int(self._shape[3]))
        spent = []
        for _ in range(_REPEATS):
            cache, began_s = self.empty_cache(1), time.perf_counter()
            for place in range(length):
                _, cache = self.step(np.zeros(1, dtype=np.int64), place, cache)
            spent.append(time.perf_counter() - began_s)
        return length / min(spent)


def can_hold(model: Decoder) -> bool:
    """Say whether the file can hold a model: all but linear attention."""
    return all(layer.mixer != LINEAR for layer in model.plan.layers)


def write_onnx(path: Path, model: Decoder) -> None:
    """Write the file.

    Raises:
        MissingPackageError: the packages are not installed.
    """
    onnx = require_onnx()
    plan = model.plan
    shape = (2, len(plan.layers), 2, plan.num_kv_heads, plan.context, plan.head_features)
    given = (
        torch.zeros(2, dtype=torch.long),
        torch.zeros(1, dtype=torch.long),
        torch.zeros(shape),
    )
    batch = torch.export.Dim("batch", min=1, max=1 << 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            CachedStep(model.cpu().eval()),
            given,
            dynamo=True,
            verbose=False,
            dynamic_shapes=({0: batch}, None, {0: batch}),
            input_names=["tokens", "position", "cache"],
            output_names=["logits", "next_cache"],
        )
    assert program is not None, "the exporter returns a program when it writes no file"
    made = slimmed(program.model_proto)
    onnx.checker.check_model(made, full_check=True)
    write_bytes(path, bytes(made.SerializeToString()))
