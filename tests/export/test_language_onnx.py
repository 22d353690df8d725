"""The ONNX file with a cache writes token by token what the model computes for a whole text."""

import pytest
import torch

from nas.export.language_onnx import CachedStep, OnnxDecoder, can_hold, write_onnx
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan


def make_model(*mixers, **changes):
    settings = {
        "vocabulary": 20,
        "context": 12,
        "width": 8,
        "num_heads": 4,
        "num_kv_heads": 2,
        "head_features": 4,
        "activation": "gelu",
        "is_tied": False,
        "window": 3,
        "layers": tuple(DecoderLayer(mixer, 12) for mixer in mixers),
    }
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = Decoder(DecoderPlan(**{**settings, **changes}))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


TOKENS = torch.arange(36).view(3, 12) % 20


@pytest.mark.parametrize("changes", [{}, {"num_kv_heads": 1, "is_tied": True}])
def test_steps_with_a_cache_give_the_logits_of_the_whole_text(changes):
    model = make_model("attention", "window", **changes)
    plan, step = model.plan, CachedStep(model)
    cache = torch.zeros(3, 2, 2, plan.num_kv_heads, 12, 4)
    found = []
    with torch.no_grad():
        for place in range(12):
            logits, cache = step(TOKENS[:, place], torch.tensor([place]), cache)
            found.append(logits)
        assert torch.allclose(torch.stack(found, dim=1), model(TOKENS), atol=1e-4)


@pytest.mark.slow
def test_the_file_computes_the_same_for_any_number_of_texts(tmp_path):
    pytest.importorskip("onnxruntime")
    model = make_model("attention", "window")
    write_onnx(tmp_path / "model.onnx", model)
    ready = OnnxDecoder(tmp_path / "model.onnx")
    with torch.no_grad():
        assert torch.allclose(ready(TOKENS), model(TOKENS), atol=1e-4)
        assert torch.allclose(ready(TOKENS[:1, :5]), model(TOKENS[:1, :5]), atol=1e-4)
    assert ready.tokens_per_second() > 1.0


def test_linear_attention_has_no_such_file():
    assert can_hold(make_model("attention", "window"))
    assert not can_hold(make_model("attention", "linear"))
