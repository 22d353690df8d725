"""The small model's guesses are a distribution, and it knows what it has read."""

import math
import random

import pytest

from nas.data.ngrams import NgramModel

TEXT = b"the cat sat on the mat and the dog sat on the log\n"


def test_what_it_has_read_is_easy_and_noise_takes_its_eight_bits():
    model = NgramModel(num_bytes=10**6)
    for _ in range(200):
        model.learn(TEXT)
    noise = bytes(random.Random(0).randrange(256) for _ in range(4000))
    assert model.bits_per_byte(TEXT) < 0.6
    assert model.bits_per_byte(noise) > 7.9


def test_a_model_that_read_nothing_gives_all_bytes_the_same_chance():
    assert NgramModel(num_bytes=10).bits_per_byte(TEXT) == pytest.approx(8.0)
    assert math.isnan(NgramModel(num_bytes=10).bits_per_byte(b""))


def test_the_chances_of_all_next_bytes_are_one_together():
    model = NgramModel(num_bytes=10**6)
    for _ in range(50):
        model.learn(TEXT)
    seen = b"the cat s"
    before = model.bits_per_byte(seen) * len(seen)
    chances = [
        2.0 ** -(model.bits_per_byte(seen + bytes([byte])) * (len(seen) + 1) - before)
        for byte in range(256)
    ]
    assert sum(chances) == pytest.approx(1.0, abs=0.02)
    assert max(chances) == chances[ord("a")]


def test_it_stops_learning_where_it_was_told_to():
    model = NgramModel(num_bytes=len(TEXT))
    model.learn(TEXT)
    before = model.bits_per_byte(TEXT)
    assert model.is_full
    model.learn(TEXT)
    assert model.bits_per_byte(TEXT) == before
