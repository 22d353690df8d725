"""The files of students of an encoder: what they hold, and what embed.py makes of them."""

from dataclasses import replace

import pytest
import torch
from parts.small_encoder import PLAN, WORDS, tokenizer_json
from safetensors.torch import load_file

from nas.architecture import Architecture
from nas.export.encoder_files import write_encoder
from nas.models.embed_without_nas import load
from nas.models.encoder import Encoder

TOKENS = torch.randint(0, len(WORDS), (3, 9), generator=torch.Generator().manual_seed(0))
# Half of the heads that the width holds, and vectors of another width.
THIN = replace(PLAN, num_heads=2, embedding_features=24)


@pytest.fixture(params=[PLAN, THIN], ids=["whole", "thin"])
def written(request, tmp_path):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = Encoder(request.param).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    architecture = Architecture({"depth": 1.0})
    write_encoder(tmp_path, model, architecture=architecture, tokenizer=tokenizer_json())
    return model, tmp_path


def test_embed_reads_what_was_written(written):
    model, folder = written
    with torch.inference_mode():
        assert torch.allclose(load(folder).embed(TOKENS), model(TOKENS), atol=1e-6)


def test_weights_of_8_bits_give_nearly_the_same_vectors(written):
    model, folder = written
    with torch.inference_mode():
        theirs = load(folder, "model_int8.safetensors").embed(TOKENS)
        assert (theirs * model(TOKENS)).sum(-1).min() > 0.999


def test_matrices_are_stored_in_8_bits_with_a_scale_for_each_row(written):
    model, folder = written
    stored = load_file(folder / "model_int8.safetensors")
    bits = {name: tensor for name, tensor in stored.items() if tensor.dtype == torch.int8}
    matrices = {name: tensor for name, tensor in model.state_dict().items() if tensor.ndim == 2}
    assert set(bits) == set(matrices)
    for name, tensor in matrices.items():
        scale = stored[f"{name}.scale"].float()
        assert bits[name].shape == tensor.shape
        # Rounded by half a step at most; scales are kept in 16 bits.
        assert ((bits[name] * scale - tensor).abs() <= 0.51 * scale).all()


def test_absent_heads_are_zeros_for_transformers_and_take_no_8_bit_weights(written):
    model, folder = written
    floats = load_file(folder / "model.safetensors")
    few = load_file(folder / "model_int8.safetensors")
    name = "encoder.layer.0.attention.self.query.weight"
    kept = model.plan.attention_features
    assert floats[name].shape == (PLAN.width, PLAN.width)
    assert (floats[name][kept:] == 0).all()
    assert few[name].shape == (kept, PLAN.width)
