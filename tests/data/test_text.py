"""Text: fixed splits by document or position, streamed, tokenized once, faults told first."""

import gzip
import hashlib
import json
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data import documents
from nas.data.documents import Document, Piece, read_documents
from nas.data.fingerprint import fingerprint_of
from nas.data.text_files import find_files
from nas.data.text_loaders import load_python_source, load_text
from nas.data.tokenizers import ByteTokenizer, CharacterTokenizer
from nas.errors import DataError, MissingPackageError, SpaceError
from search_spaces.decoder_lm import DecoderSpace

WORDS = "eins zwei drei über vier\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def only(data):
    """Return the one tokenization."""
    (found,) = data.tokenized.values()
    return found


def folder_of(tmp_path, *, number, size=400):
    """Return a folder of documents, each other text."""
    folder = tmp_path / "books"
    folder.mkdir()
    for index in range(number):
        text = f"document {index}: " + hashlib.sha256(str(index).encode()).hexdigest() * 9
        (folder / f"{index:03}.txt").write_text(text[:size])
    return folder


def test_a_text_comes_back_from_its_tokens_split_by_split(tmp_path):
    text = WORDS * 200
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    found = only(load_text(path=str(tmp_path / "a.txt"), context=16))
    back = [
        found.tokenizer.decode(found.file.of(word).tolist())
        for word in ("train", "validation", "test")
    ]
    assert "".join(back) == text
    assert [found.file.stretches[w].num_bytes for w in ("train", "validation")] == [4680, 260]


def test_one_document_is_cut_at_the_position_of_the_usual_split(tmp_path):
    """The usual split of a text of 1,115,394 bytes trains on the first 1,003,854."""
    (tmp_path / "a.txt").write_bytes(b"xy" * 557_697)
    data = load_text(path=str(tmp_path / "a.txt"))
    assert only(data).file.stretches["train"].stop == 1_003_854
    assert any("one document" in note for note in data.notes)


def test_documents_go_whole_to_one_split_and_equal_ones_to_the_same(tmp_path):
    folder = folder_of(tmp_path, number=60)
    for index in range(60):
        (folder / f"copy{index}.txt").write_bytes((folder / f"{index:03}.txt").read_bytes())
    data = load_text(path=str(folder), context=16, validation_fraction=0.2, test_fraction=0.2)
    digests = {word: {row.tobytes() for row in rows} for word, rows in data.digests.items()}
    assert (
        sum(map(len, digests.values())) == 60
    )  # no text in two splits, though each is there twice
    assert all(len(rows) == 2 * len(digests[word]) for word, rows in data.digests.items())
    assert min(len(found) for found in digests.values()) >= 8


def test_a_document_ends_with_a_token_where_there_are_several(tmp_path):
    data = load_text(path=str(folder_of(tmp_path, number=30)), context=16)
    tokens = np.concatenate([only(data).file.of(word) for word in data.digests])
    assert (tokens == 256).sum() == 30
    assert data.shape.num_classes == 257


@given(text=st.text(min_size=1, max_size=400), size=st.integers(4, 40))
def test_pieces_give_their_text_in_whole_characters_whatever_the_size(
    tmp_path_factory, text, size
):
    path = tmp_path_factory.mktemp("piece") / "a.txt"
    content = text.encode()
    path.write_bytes(content)
    piece = Piece(Document(path, len(content), b""), 0, len(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "CHUNK", size)
        parts = list(piece.chunks())
    assert "".join(part.decode() for part in parts) == text


@given(text=st.text(alphabet="aé水😀\n", min_size=300, max_size=500))
def test_a_cut_by_position_never_parts_a_character(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("cut") / "a.txt"
    path.write_text(text, newline="")
    dealt, _ = documents.deal(
        read_documents([path], skips_others=False)[0],
        shares={"validation": 0.1, "test": 0.1},
        seed=0,
        by="auto",
    )
    parts = ["".join(c.decode() for p in dealt[w] for c in p.chunks()) for w in dealt]
    assert "".join(parts) == text


@pytest.mark.parametrize("tokenizer", [ByteTokenizer(has_end=True)])
@given(text=st.text(max_size=60))
def test_bytes_decode_to_what_they_were(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text.encode()).tolist()) == text


def test_models_are_judged_by_stretches_from_all_over_a_split(tmp_path):
    (tmp_path / "a.txt").write_text("".join(chr(33 + i // 100) for i in range(8000)))
    settings = {"path": str(tmp_path / "a.txt"), "context": 16, "validation_fraction": 0.4}
    data = load_text(**settings, judged_tokens=64).search_data()
    whole = only(data).file.of("validation")
    tokens = data.judged_by(256).tokens
    assert tokens.shape == (4, 17)  # 16 are guessed in each
    assert (tokens[0, 0], tokens[-1, -1]) == (whole[0], whole[-1])
    assert len(np.unique(tokens)) >= 4  # each comes from another place
    everything = load_text(**settings, judged_tokens=1 << 20).search_data()
    assert np.array_equal(everything.judged_by(256).tokens, whole)


def test_a_character_that_training_lacks_costs_what_it_takes_to_name_one_of_all(tmp_path):
    (tmp_path / "a.txt").write_text("ab" * 900 + "abaz" * 25 + "ab" * 50)
    data = load_text(path=str(tmp_path / "a.txt"), tokenizer="character", context=16)
    judged = data.search_data().judged_by(data.shape.num_classes)
    assert data.shape.num_classes == 3  # a, b and the unknown
    assert judged.unknown_nats == pytest.approx(0.25 * math.log(0x110000 - 0x800))


def test_characters_know_their_places_and_say_what_they_do_not_know():
    tokenizer = CharacterTokenizer("abé", has_unknown=True, has_end=True)
    assert tokenizer.encode("béz".encode()).tolist() == [1, 2, 3]
    assert (tokenizer.vocabulary_size, tokenizer.end) == (5, 4)


def test_the_second_reading_takes_the_tokens_of_the_first(tmp_path):
    (tmp_path / "a.txt").write_text(WORDS * 100)
    first = only(load_text(path=str(tmp_path / "a.txt"), context=16)).file
    before = (first.folder / "tokens.bin").stat().st_mtime_ns
    again = only(load_text(path=str(tmp_path / "a.txt"), context=16)).file
    assert (again.folder / "tokens.bin").stat().st_mtime_ns == before
    (again.folder / "tokens.bin").write_bytes(b"cut")
    mended = only(load_text(path=str(tmp_path / "a.txt"), context=16)).file
    assert len(mended.tokens) == len(first.tokens)


def test_workers_get_a_path_and_no_tokens(tmp_path):
    (tmp_path / "a.txt").write_text(WORDS * 40_000)
    data = load_text(path=str(tmp_path / "a.txt")).search_data()
    data.train_tokens(256)
    sent = pickle.dumps(data)
    assert len(sent) < 10_000
    assert pickle.loads(sent).train_tokens(256)[:4].tolist() == list(b"eins")


def test_tokens_that_are_not_on_this_machine_are_named(tmp_path):
    (tmp_path / "a.txt").write_text(WORDS * 100)
    data = load_text(path=str(tmp_path / "a.txt"), context=16)
    sent = pickle.dumps(data.search_data())
    (only(data).file.folder / "tokens.bin").unlink()
    with pytest.raises(DataError, match="XDG_CACHE_HOME"):
        pickle.loads(sent).train_tokens(256)


def test_a_changed_document_changes_the_fingerprint(tmp_path):
    folder = folder_of(tmp_path, number=30)
    before = fingerprint_of(load_text(path=str(folder), context=16))
    (folder / "003.txt").write_text("something else that is long enough " * 9)
    after = fingerprint_of(load_text(path=str(folder), context=16))
    assert before.unit == "documents"
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("content", "settings", "told"),
    [
        (b"", {}, "is empty"),
        (b"good \xff bad", {}, r"no UTF-8 text: byte 5 is 0xff"),
        (b"abc" * 900 + b"\xc3", {}, r"no UTF-8 text: byte 2,700 is 0xc3"),
        (b"ab" * 450, {"context": 64}, "validation split has only 45 tokens"),
        (b"a" * 900, {"split_by": "documents"}, "split_by=position cuts"),
        (b"abc", {}, "3 bytes are too few; give more text"),
        (b"\n" * 900, {}, "810 times the same token"),
        (b"a" * 900, {"tokenizer": "words"}, "byte, character, bpe"),
        (b"a" * 900, {"vocabulary_size": 300}, "is for tokenizer=bpe"),
        (b"a" * 900, {"test_fraction": 0.9}, "at most 0.45"),
        (b"a" * 900, {"tokenizer": "bpe", "vocabulary_size": 100}, "above 256"),
        (b"a" * 900, {"tokenizer": "bpe", "vocabulary_size": "many"}, "but got 'many'"),
        (b"a" * 900, {"tokenizer": "bpe", "vocabulary_size": []}, "give at least one size"),
    ],
    ids=[
        "empty", "bytes", "cut", "context", "one", "few", "same", "kind", "size", "share",
        "small", "word", "none",
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_text_is_told(tmp_path, content, settings, told):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=told):
        load_text(path=str(tmp_path / "a.txt"), **{"context": 16, **settings})


GERMAN = "Die Straße – „naß“\n" * 200


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (gzip.compress(GERMAN.encode()), "compressed by gzip; unpack it: gunzip -k .*a.txt"),
        (b"PK\x03\x04" + bytes(99), "zip archive, as .docx"),
        (GERMAN.encode("utf-16"), "is UTF-16; convert it: iconv -f utf-16 "),
        (GERMAN.encode("utf-16-le"), "iconv -f utf-16le "),
        (("plain\n" * 99).encode("utf-16-be"), "byte 0 is 0x00, .* iconv -f utf-16be "),
        (GERMAN.encode("utf-32"), "is UTF-32; "),
        (GERMAN.encode("windows-1252"), "iconv -f windows-1252 -t utf-8 .*a.txt > .*a-utf8.txt"),
        (b"plain\n" * 900_000 + b"caf\xe9\n", "byte 5,400,003 is 0xe9; .* windows-1252"),
        (GERMAN.encode() + b"\xff\n" + GERMAN.encode(), "UTF-8 before it; .* iconv -c -f utf-8"),
        (GERMAN.encode() + b"\xc3", "ends within that character; .* iconv -c"),
        (b"abc\n" * 99 + b"\0abc\n", "byte 396 is 0x00, which text does not hold; .* tr -d"),
        (bytes(range(1, 256)) + bytes(9), "byte 127 is 0x80, and it holds zero bytes"),
    ],
    ids=[
        "gzip", "zip", "utf-16", "unmarked", "big end", "utf-32", "windows", "late",
        "one byte", "cut", "zero", "binary",
    ],
)  # fmt: skip
def test_a_file_that_is_no_utf8_is_told_with_what_to_do(tmp_path, content, told):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match="a.txt is no UTF-8 text: .*" + told):
        load_text(path=str(tmp_path / "a.txt"), context=16)


def test_a_mark_at_the_beginning_is_no_part_of_a_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(GERMAN.encode("utf-8-sig"))
    found = only(load_text(path=str(tmp_path / "a.txt"), context=16, tokenizer="character"))
    back = [found.tokenizer.decode(found.file.of(w).tolist()) for w in found.file.stretches]
    assert "".join(back) == GERMAN


def test_links_are_followed_but_never_in_a_circle_and_hidden_files_are_left_out(tmp_path):
    folder, other = folder_of(tmp_path, number=30), tmp_path / "other"
    other.mkdir()
    (other / "linked.TXT").write_text("linked " * 50)
    (folder / "other").symlink_to(other)
    (folder / "again").symlink_to(other)
    (folder / "circle").symlink_to(folder)
    (folder / "itself.txt").symlink_to(folder / "itself.txt")
    (folder / ".git").mkdir()
    (folder / ".git" / "hidden.txt").write_text("hidden")
    os.mkfifo(folder / "pipe.txt")
    found = find_files(folder, suffixes=["txt"])
    assert len(found) == 31
    assert found[-1] == folder / "again" / "linked.TXT"


@pytest.mark.parametrize("suffixes", [[], [""], ["."], [7]])
def test_endings_that_are_none_are_told(tmp_path, suffixes):
    with pytest.raises(DataError, match=r"data.suffixes must be endings"):
        find_files(folder_of(tmp_path, number=1), suffixes=suffixes)


def test_a_place_without_text_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is a pipe"):
        load_text(path=str(tmp_path / "pipe"))
    with pytest.raises(DataError, match=r"data\.path is empty"):
        load_text(path="")
    with pytest.raises(DataError, match="there is no"):
        load_text(path=str(tmp_path / "absent"))
    with pytest.raises(DataError, match="no file that ends in"):
        load_text(path=str(tmp_path))


def test_files_that_are_no_utf8_are_left_out_where_that_is_asked_for(tmp_path):
    folder = folder_of(tmp_path, number=30)
    (folder / "latin.txt").write_bytes("größe".encode("latin-1"))
    data = load_text(path=str(folder), context=16, on_broken="skip")
    assert "latin.txt is no UTF-8 text: byte 2" in data.notes[0]


def test_pieces_need_their_package_and_a_text_that_holds_so_many(tmp_path):
    (tmp_path / "a.txt").write_text(WORDS * 100)
    with pytest.raises((MissingPackageError, DataError), match=r"nas\[language\]|holds only"):
        load_text(path=str(tmp_path / "a.txt"), tokenizer="bpe", vocabulary_size=5000)


def test_pieces_are_learnt_from_training_alone_and_come_back(tmp_path):
    pytest.importorskip("tokenizers")
    (tmp_path / "a.txt").write_text(
        "the cat sat on the mat, the rat ate the oats\n" * 200 + "Q" * 300
    )
    data = load_text(
        path=str(tmp_path / "a.txt"),
        tokenizer="bpe",
        vocabulary_size=[258, 270],
        context=8,
        validation_fraction=0.02,
        test_fraction=0.02,
    )
    assert data.shape.vocabularies == (258, 270)
    for found in data.tokenized.values():
        parts = [found.tokenizer.decode(found.file.of(w).tolist()) for w in data.digests]
        assert "".join(parts) == (tmp_path / "a.txt").read_text()
    small, large = (data.search_data().judged_by(size).bytes_per_token for size in (258, 270))
    assert large > small


def test_pythons_sources_are_there_without_tests_and_never_in_two_splits():
    data = load_python_source()
    kept = [{row.tobytes() for row in rows} for rows in data.digests.values()]
    assert len(set.union(*kept)) == sum(map(len, kept))
    sizes = [only(data).file.stretches[w].num_bytes for w in ("train", "validation", "test")]
    assert sizes[0] > 1_000_000
    assert all(0.03 < size / sum(sizes) < 0.06 for size in sizes[1:])


def test_a_context_that_the_data_do_not_have_is_told(tmp_path):
    (tmp_path / "a.txt").write_text(WORDS * 100)
    data = load_text(path=str(tmp_path / "a.txt"), context=64)
    with pytest.raises(SpaceError, match=r"set data.context=256"):
        DecoderSpace().check_data(data.shape)


@pytest.mark.long
def test_a_large_file_is_streamed_and_never_loaded(tmp_path):
    """A text of 1 GB in a process that may take 600 MB beside what torch needs to be imported."""
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        for _ in range(1000):
            file.write(b"0123456789abcde\n" * 62_500)
    code = (
        "import resource, sys; from nas.data.text_loaders import load_text;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "data = load_text(path=sys.argv[1]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,"
        " len(data.search_data().train_tokens(256)))"
    )
    run = [sys.executable, "-c", code, str(path)]
    told = subprocess.run(run, capture_output=True, text=True, check=True, timeout=600).stdout
    kilobytes, number = map(int, told.split())
    assert number == 900_000_000
    assert kilobytes < 600_000


def test_the_record_says_what_the_text_is(tmp_path):
    (tmp_path / "a.txt").write_text(WORDS * 100)
    told = load_text(path=str(tmp_path / "a.txt"), context=16).describe()
    assert json.loads(json.dumps(told))["num_bytes"] == {
        "train": 2340,
        "validation": 130,
        "test": 130,
    }
