"""Language models in GGUF: read back by transformers they guess alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nas.data.tokenizers import ByteTokenizer, CharacterTokenizer, learn_bpe
from nas.export.gguf_files import FILE, can_hold_in_gguf, model_in_gguf, write_gguf
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan

BYTES = ByteTokenizer(has_end=True)
TEXT = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. " * 20
PLAN = DecoderPlan(
    vocabulary=280,
    context=24,
    width=40,  # other than the features of all heads together
    num_heads=4,
    num_kv_heads=2,
    head_features=8,
    activation="silu",
    is_tied=False,
    window=8,
    layers=(DecoderLayer("attention", 48), DecoderLayer("attention", 80)),
)


def drawn(plan):
    torch.manual_seed(0)
    model = Decoder(plan).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def pieces():
    pytest.importorskip("tokenizers")
    return learn_bpe(iter([TEXT.encode()]), vocabulary_size=280, has_end=True)


def test_what_the_architecture_cannot_hold_is_left_out(pieces):
    windows = replace(PLAN, layers=(DecoderLayer("window", 48),))
    assert can_hold_in_gguf(drawn(PLAN), pieces)
    assert not can_hold_in_gguf(drawn(windows), pieces)
    assert not can_hold_in_gguf(drawn(replace(PLAN, activation="gelu")), pieces)
    letters = CharacterTokenizer("abc", has_unknown=False, has_end=False)
    assert not any(can_hold_in_gguf(drawn(PLAN), tokens) for tokens in (letters, BYTES))


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_model_comes_back_with_equal_logits(tmp_path, pieces, is_tied):
    for package in ("gguf", "transformers", "accelerate"):
        pytest.importorskip(package)
    model = drawn(replace(PLAN, is_tied=is_tied))
    write_gguf(tmp_path / FILE, model, pieces, name="drawn")
    other = model_in_gguf(tmp_path / FILE)
    assert (other.plan.num_heads, other.plan.is_tied) == (4, is_tied)
    tokens = torch.randint(0, 280, (3, 24))
    with torch.inference_mode():
        assert torch.allclose(other(tokens), model(tokens), atol=1e-5)


def test_tokens_come_back(tmp_path, pieces):
    pytest.importorskip("gguf")
    transformers = pytest.importorskip("transformers")
    write_gguf(tmp_path / FILE, drawn(PLAN), pieces, name="drawn")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, gguf_file=FILE)
    ours = pieces.encode(TEXT.encode())
    assert np.array_equal(theirs(TEXT, add_special_tokens=False)["input_ids"], ours)
    assert theirs.decode(ours) == TEXT


@pytest.mark.parametrize("has_end", [True, False])
def test_the_token_that_ends_a_text_is_in_no_text(tmp_path, has_end):
    """Where none is named llama.cpp takes token 11, which a text may hold."""
    gguf = pytest.importorskip("gguf")
    pytest.importorskip("tokenizers")
    pieces = learn_bpe(iter([TEXT.encode()]), vocabulary_size=280, has_end=has_end)
    write_gguf(tmp_path / FILE, drawn(PLAN), pieces, name="drawn")
    fields = gguf.GGUFReader(tmp_path / FILE).fields
    ends = [fields[f"tokenizer.ggml.{name}_token_id"].contents() for name in ("bos", "eos")]
    every = bytes(n for n in range(256) if n < 128) + "".join(map(chr, range(128, 2048))).encode()
    assert ends[0] == ends[1]
    assert ends[0] not in pieces.encode(every)
