"""Passages: whole characters, nothing lost, and cut alike wherever a text stands."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nas.data.documents import Document, Piece
from nas.data.passages import LEAST_BYTES, MOST_BYTES, passages_of


def piece_of(path, content, *, start=0):
    path.write_bytes(content)
    return Piece(Document(path, len(content), b""), start, len(content))


def some_lines(seed, number):
    chance = random.Random(seed)
    lines = (f"{chance.random()} {'x' * chance.randint(0, 60)}\n" for _ in range(number))
    return "".join(lines)


@given(
    parts=st.lists(
        st.text(alphabet="aé水😀\n ", min_size=1, max_size=3000), min_size=1, max_size=4
    )
)
def test_passages_are_whole_characters_and_give_the_text_back(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("passages")
    pieces = [piece_of(folder / f"{i}.txt", part.encode()) for i, part in enumerate(parts)]
    passages = passages_of(pieces)
    texts = list(passages.texts())
    assert "".join(text.decode() for text in texts) == "".join(parts)
    assert passages.num_bytes == sum(map(len, texts))


def test_a_passage_is_neither_tiny_nor_endless(tmp_path):
    content = some_lines(0, 3000).encode() + b"y" * 50_000
    sizes = [len(t) for t in passages_of([piece_of(tmp_path / "a.txt", content)]).texts()]
    assert min(sizes[:-1]) >= LEAST_BYTES
    assert max(sizes) <= 3 * MOST_BYTES
    assert len(sizes) > 100


def test_text_is_cut_alike_wherever_it_stands(tmp_path):
    common = some_lines(1, 400)
    texts = []
    for index in range(2):
        content = (some_lines(10 + index, 37 + index) + common).encode()
        texts.append(set(passages_of([piece_of(tmp_path / f"{index}", content)]).texts()))
    shared = sum(map(len, texts[0] & texts[1]))
    assert shared > 0.9 * len(common)


def test_neighbours_are_one_piece_again_and_what_was_left_out_parts_them(tmp_path):
    piece = piece_of(tmp_path / "a.txt", some_lines(2, 400).encode(), start=100)
    passages = passages_of([piece])
    assert passages.pieces() == [piece]
    mask = np.ones(len(passages), dtype=bool)
    mask[1] = False
    first, last = passages.taken(mask).pieces()
    assert (first.start, first.stop) == (100, int(passages.start[1]))
    assert (last.start, last.stop) == (int(passages.stop[1]), piece.stop)
    assert passages.taken(np.zeros(len(passages), dtype=bool)).pieces() == []
