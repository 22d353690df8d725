"""A student of an encoder as one ONNX file: texts in, vectors out.

The file takes `tokens` (batch, length), whole numbers of 64 bits, and `mask` of that shape, 1
where a token is of the text and 0 where a shorter one was filled up; it returns `vectors` (batch,
width of the teacher), of length 1. Batch and length are free.
"""

import warnings
from pathlib import Path

import torch
from torch import nn

from nas.export.onnx_files import onnx_session, require_onnx, slimmed
from nas.files import write_bytes
from nas.models.encoder import Encoder

# ruff: noqa: N803 - names of tensors end in their shapes

FILE, KIND = "model.onnx", "ONNX"
_MOST_TEXTS = 1 << 20


class MaskedTexts(nn.Module):
    """An encoder that takes texts of several lengths at once.

    Args:
        model: with its weights.
    """

    def __init__(self, model: Encoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        """Return the vectors (B, W)."""
        return self.model.portable.embed(tokens_BT, mask_BT != 0)


class OnnxEncoder(nn.Module):
    """Runs the file.

    Args:
        path: of the file.
        num_threads: of ONNX Runtime.
    """

    def __init__(self, path: Path, *, num_threads: int = 1) -> None:
        super().__init__()
        self._session = onnx_session(path, num_threads=num_threads)

    def forward(
        self, tokens_BT: torch.Tensor, mask_BT: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the vectors (B, W); without a mask all tokens are of the texts."""
        mask = torch.ones_like(tokens_BT) if mask_BT is None else mask_BT.long()
        given = {"tokens": tokens_BT.numpy(), "mask": mask.numpy()}
        return torch.from_numpy(self._session.run(None, given)[0])


def write_encoder_onnx(path: Path, model: Encoder) -> None:
    """Write the file.

    Raises:
        MissingPackageError: the packages are not installed.
    """
    onnx = require_onnx()
    tokens = torch.zeros(2, 4, dtype=torch.long)
    shape = {
        0: torch.export.Dim("batch", min=1, max=_MOST_TEXTS),
        1: torch.export.Dim("length", min=1, max=model.plan.positions),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            MaskedTexts(model.cpu().eval()),
            (tokens, torch.ones_like(tokens)),
            dynamo=True,
            verbose=False,
            dynamic_shapes=(shape, shape),
            input_names=["tokens", "mask"],
            output_names=["vectors"],
        )
    assert program is not None, "the exporter returns a program when it writes no file"
    made = slimmed(program.model_proto)
    onnx.checker.check_model(made, full_check=True)
    write_bytes(path, bytes(made.SerializeToString()))
