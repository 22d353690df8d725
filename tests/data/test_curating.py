"""Each step takes out what it says and nothing else; validation and test are never touched."""

import random

import numpy as np
import pytest

from nas.data.curating import Curator, require_rensa, shingles
from nas.data.curation import Curation
from nas.data.documents import Document, Piece
from nas.data.text_loaders import load_text
from nas.errors import DataError, MissingPackageError

WORDS = ["river", "stone", "winter", "cloud", "lamp", "garden", "silver", "paper", "bread"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def prose(seed, *, words=60):
    chance = random.Random(seed)
    return " ".join(chance.choice(WORDS) + str(chance.randrange(40)) for _ in range(words)) + "\n"


def curated(tmp_path, texts, name):
    """Return what is left of documents, in order."""
    pieces = []
    for index, text in enumerate(texts):
        path = tmp_path / f"{index}.txt"
        path.write_text(text)
        pieces.append(Piece(Document(path, len(text), b""), 0, len(text)))
    made = Curator(pieces).curated(Curation.named(name))
    return [text.decode() for text in made.passages.texts()], made


def test_of_equal_passages_the_first_stays(tmp_path):
    texts = [prose(0), prose(1), prose(0), "  " + prose(1)]
    left, made = curated(tmp_path, texts, "exact")
    assert left == texts[:2]
    assert [step.name for step in made.steps] == ["passages", "exact"]
    assert made.steps[-1].num_bytes == len(texts[0]) + len(texts[1])


def test_of_nearly_equal_passages_the_first_stays(tmp_path):
    pytest.importorskip("rensa")
    texts = [prose(seed) for seed in range(30)]
    texts += [texts[3].replace(texts[3].split()[0], "other", 1), texts[5].upper()]
    left, _ = curated(tmp_path, texts, "near")
    assert left == texts[:30]


def test_near_duplicates_need_their_package(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rensa", None)
    (tmp_path / "a.txt").write_text(prose(0) * 50)
    with pytest.raises(MissingPackageError, match=r"nas\[language\]"):
        load_text(path=str(tmp_path / "a.txt"), context=16, curation="near")
    with pytest.raises(MissingPackageError):
        require_rensa()


def test_short_and_monotonous_passages_go(tmp_path):
    texts = [prose(seed) for seed in range(40)] + ["short\n", "ab" * 300 + "\n"]
    left, _ = curated(tmp_path, texts, "filtered")
    assert left == texts[:40]


@pytest.mark.parametrize(("part", "kept"), [("easy", 0), ("hard", 1)])
def test_a_small_model_tells_easy_passages_from_noise(tmp_path, part, kept):
    chance = random.Random(1)
    noise = ["".join(chance.choices("abcdefghijklmnop\n", k=500)) for _ in range(30)]
    plain = [("the cat sat on the mat and the dog sat on the log\n" * 10) for _ in range(30)]
    plain = [text[seed:] for seed, text in enumerate(plain)]
    mixed = [text for pair in zip(plain, noise, strict=True) for text in pair]
    left, _ = curated(tmp_path, mixed, f"{part}0.4")
    assert left
    assert set(left) <= set((plain, noise)[kept])
    size = sum(map(len, left)) / sum(map(len, mixed))
    assert size == pytest.approx(0.4, abs=0.05)


def test_an_order_keeps_all_and_begins_with_the_easy(tmp_path):
    chance = random.Random(1)
    texts = ["".join(chance.choices("abcdefghijklmnop ", k=500)) + "\n" for _ in range(10)]
    texts += ["the cat sat on the mat and the dog sat on the log\n" * 10 for _ in range(10)]
    left, _ = curated(tmp_path, texts, "ordered")
    assert sorted(left) == sorted(texts)
    assert set(left[:10]) == set(texts[10:])


def test_steps_that_two_curations_share_are_taken_once(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(prose(0) * 3)
    curator = Curator([Piece(Document(path, len(prose(0)) * 3, b""), 0, len(prose(0)) * 3)])
    one = curator.curated(Curation.named("exact"))
    other = curator.curated(Curation.named("exact+filtered"))
    assert other.steps[:2] == one.steps


def test_words_in_a_row_are_compared_whatever_their_case():
    assert shingles(b"One two") == ["one two"]
    assert len(shingles(prose(0).encode())) == 56


def test_only_training_is_curated_and_a_space_may_choose(tmp_path):
    (tmp_path / "a.txt").write_text("".join(prose(seed) for seed in range(60)) * 2)
    plain = load_text(path=str(tmp_path / "a.txt"), context=16)
    data = load_text(path=str(tmp_path / "a.txt"), context=16, curation=["exact", "none"])
    search = data.search_data()
    assert data.shape.curations == ("exact", "none")
    assert plain.shape.curations == ("none",)
    before, after = (len(search.train_tokens(256, name)) for name in ("none", "exact"))
    assert after < 0.7 * before
    assert len(search.train_tokens(256)) == after  # the first, where nothing chooses
    assert np.array_equal(search.judged_by(256).tokens, plain.search_data().judged_by(256).tokens)
    final = data.final_data().train_tokens(256, "exact")
    validation = plain.tokenized[256].file.of("validation")
    assert np.array_equal(final[after:], validation)
    steps = data.describe()["curation"]
    assert steps["none"] == []
    assert [step["name"] for step in steps["exact"]] == ["passages", "exact"]


def test_the_second_reading_takes_what_was_curated_before(tmp_path):
    (tmp_path / "a.txt").write_text("".join(prose(seed) for seed in range(60)) * 2)
    one, other = (
        load_text(path=str(tmp_path / "a.txt"), context=16, curation="exact") for _ in range(2)
    )
    assert one.describe() == other.describe()


def test_a_curation_that_leaves_too_little_is_told(tmp_path):
    (tmp_path / "a.txt").write_text(" \n" * 400)
    with pytest.raises(DataError, match="nothing of the training text is left after 'filtered'"):
        load_text(path=str(tmp_path / "a.txt"), context=16, curation="filtered")
    with pytest.raises(DataError, match=r"data\.curation is empty"):
        load_text(path=str(tmp_path / "a.txt"), context=16, curation=[])
