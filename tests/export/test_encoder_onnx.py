"""An encoder in ONNX: the vectors of ONNX Runtime are those of torch, at any length."""

from dataclasses import replace

import pytest
import torch
from parts.small_encoder import PLAN, WORDS

from nas.export.encoder_onnx import FILE, OnnxEncoder, write_encoder_onnx
from nas.models.encoder import Encoder


@pytest.mark.long
def test_texts_of_all_lengths_have_the_vectors_of_torch(tmp_path):
    pytest.importorskip("onnxscript")
    model = Encoder(replace(PLAN, num_heads=2, embedding_features=24)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    write_encoder_onnx(tmp_path / FILE, model)
    run = OnnxEncoder(tmp_path / FILE)
    with torch.inference_mode():
        for size, length in ((1, 1), (3, 9), (2, PLAN.positions)):
            tokens = torch.randint(0, len(WORDS), (size, length))
            mask = torch.arange(length) < torch.arange(1, size + 1)[:, None]
            assert torch.allclose(run(tokens), model(tokens), atol=1e-5)
            own = model.portable.embed(tokens, mask)
            assert torch.allclose(run(tokens, mask), own, atol=1e-5)
