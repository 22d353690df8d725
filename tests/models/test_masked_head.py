"""The head that guesses hidden tokens: read from a checkpoint, computed as transformers does."""

import pytest
import torch
from parts.small_encoder import HEAD_NAMES, PLAN, WORDS, drawn_head, write_encoder_folder
from safetensors.torch import load_file, save_file

from nas.models.encoder_reading import read_encoder
from nas.models.masked_head import MaskedHead, smaller_head_state

TABLE = "embeddings.word_embeddings.weight"


def test_a_head_comes_back_from_the_file_of_a_masked_language_model(tmp_path):
    head = drawn_head()
    write_encoder_folder(tmp_path, head=head)
    read = read_encoder(tmp_path)
    assert read.mask == WORDS.index("[MASK]")
    assert set(read.head) == set(HEAD_NAMES)
    assert all(torch.equal(read.head[name], t) for name, t in head.state_dict().items())


def test_a_checkpoint_without_a_head_has_none(tmp_path):
    write_encoder_folder(tmp_path)
    assert read_encoder(tmp_path).head is None


def test_a_head_with_a_table_of_its_own_is_left_alone(tmp_path):
    write_encoder_folder(tmp_path, head=drawn_head())
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["cls.predictions.decoder.weight"] = tensors[f"bert.{TABLE}"] + 1.0
    save_file(tensors, tmp_path / "model.safetensors")
    assert read_encoder(tmp_path).head is None


def test_the_part_of_a_head_that_has_all_features_is_the_head():
    head = drawn_head()
    part = MaskedHead(PLAN)
    part.load_state_dict(smaller_head_state(head.state_dict(), torch.arange(PLAN.width)))
    features, table = torch.randn(5, PLAN.width), torch.randn(len(WORDS), PLAN.width)
    assert torch.equal(part(features, table), head(features, table))


def test_transformers_guesses_alike(tmp_path):
    transformers = pytest.importorskip("transformers")
    head = drawn_head()
    model = write_encoder_folder(tmp_path, head=head, architectures=["BertForMaskedLM"])
    theirs = transformers.BertForMaskedLM.from_pretrained(tmp_path).eval()
    tokens = torch.randint(0, len(WORDS), (2, 12))
    with torch.inference_mode():
        features = model.portable.hidden(tokens)[-1]
        ours = head(features.flatten(0, 1), model.portable.tensors[TABLE])
        assert torch.allclose(ours, theirs(tokens).logits.flatten(0, 1), atol=1e-5)
