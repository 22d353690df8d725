"""Tokenizers that came with a model."""

import json

import numpy as np
import pytest

from nas.data.published_tokenizer import PublishedTokenizer, read_tokenizer
from nas.data.text_loaders import load_text
from nas.data.tokenizers import ByteTokenizer, CharacterTokenizer
from nas.errors import DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "tokenizer",
    [
        ByteTokenizer(has_end=True),
        ByteTokenizer(has_end=False),
        CharacterTokenizer("abé", has_unknown=True, has_end=True),
    ],
)
def test_one_of_our_own_needs_no_package(tokenizer, tmp_path):
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_json())
    found = read_tokenizer(tmp_path, has_end=True)
    assert type(found) is type(tokenizer)
    assert found.to_json() == tokenizer.to_json()
    assert found.vocabulary_size == tokenizer.vocabulary_size


def test_a_text_is_read_in_the_tokens_of_a_model(tmp_path):
    (tmp_path / "tokenizer.json").write_text(
        CharacterTokenizer(" abc", has_unknown=True, has_end=True).to_json()
    )
    (tmp_path / "a.txt").write_text("abc " * 200 + "abd " * 200)
    data = load_text(path=str(tmp_path / "a.txt"), tokenizer=str(tmp_path), context=8)
    assert data.shape.vocabularies == (6,)
    assert data.search_data().train_tokens(6)[:4].tolist() == [1, 2, 3, 0]
    assert data.search_data().judged_by(6).unknown_nats > 1.0


def test_pieces_of_a_model_are_applied_and_its_end_is_known(tmp_path):
    package = pytest.importorskip("tokenizers")
    made = package.Tokenizer(package.models.BPE())
    made.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = package.decoders.ByteLevel()
    trainer = package.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["</s>"],
        initial_alphabet=package.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["the cat sat on the mat"] * 30, trainer)
    made.save(str(tmp_path / "tokenizer.json"))
    found = read_tokenizer(tmp_path, has_end=True)
    assert isinstance(found, PublishedTokenizer)
    tokens = found.encode("the cat, é".encode())
    assert found.decode(tokens.tolist()) == "the cat, é"
    assert (found.end, found.vocabulary_size) == (0, made.get_vocab_size())
    assert tokens.dtype == np.int64
    assert json.loads(found.to_json()) == json.loads((tmp_path / "tokenizer.json").read_text())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no JSON with a model"),
        (b"[]", "no JSON with a model"),
        (b'{"model": {}}', "no JSON with a model"),
        (b"\x00\xff\xfe", "it is no text"),
        (b'{"model": {"vocab": {"a": 0}}}', "the package tokenizers says"),
        (b'{"model": {"vocab": 7}}', "the package tokenizers says"),
        (b'{"model": {"type": "BPE", "vocab": {}, "merges": []}}', "it knows 0 tokens"),
    ],
    ids=["empty", "list", "no words", "bytes", "no kind", "number", "nothing known"],
)
def test_a_file_that_is_no_tokenizer_is_told(tmp_path, content, told):
    pytest.importorskip("tokenizers")
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(DataError, match=rf"byte, character, bpe, or the folder, .*{told}"):
        read_tokenizer(tmp_path, has_end=True)


def test_a_damaged_gguf_file_is_told(tmp_path):
    for package in ("gguf", "transformers", "accelerate"):
        pytest.importorskip(package)
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(range(99)))
    with pytest.raises(DataError, match=r"m.gguf is none: transformers cannot read it"):
        read_tokenizer(tmp_path / "m.gguf", has_end=True)


def test_a_folder_without_a_tokenizer_is_told(tmp_path):
    with pytest.raises(DataError, match="is none: No such file"):
        read_tokenizer(tmp_path, has_end=True)


def test_a_list_of_pieces_with_chances_is_applied_and_unknown_ones_are_counted(tmp_path):
    """Unigram, as of T5 and XLNet; what it does not know costs what naming a character takes."""
    package = pytest.importorskip("tokenizers")
    pieces = [("<unk>", 0.0), ("ab", -1.0), ("c", -2.0), ("</s>", -3.0)]
    made = package.Tokenizer(package.models.Unigram(pieces, unk_id=0, byte_fallback=False))
    made.save(str(tmp_path / "tokenizer.json"))
    found = read_tokenizer(tmp_path, has_end=True)
    assert found.encode(b"abcabxc").tolist() == [1, 2, 1, 0, 2]
    assert (found.end, found.unknown) == (3, 0)
