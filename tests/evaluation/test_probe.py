"""A linear classifier on vectors of texts: what it can tell, and what it cannot."""

import numpy as np
import pytest
import torch
from parts.small_encoder import PLAN, tokenizer_json

from nas.data.labelled_texts import split_texts
from nas.evaluation.probe import accuracy_of_encoder, accuracy_of_words, probe_accuracy
from nas.models.encoder import Encoder

ANIMALS = [
    (f"the {animal} sat on the {place} {'and ' * (number % 7)}", animal)
    for number in range(40)
    for animal in ("cat", "dog")
    for place in ("mat", "log")
]
TEXTS = split_texts([(f"{text}{n}", label) for n, (text, label) in enumerate(ANIMALS)], where="")


def test_vectors_that_tell_the_label_give_no_errors():
    sides = (
        np.array([[label == "cat", label == "dog"] for label in labels], dtype=np.float32)
        for labels in (TEXTS.train_labels, TEXTS.test_labels)
    )
    assert probe_accuracy(TEXTS, *sides) == 1.0


def test_vectors_that_are_all_alike_tell_the_most_frequent_label_only():
    train, test = np.ones((len(TEXTS.train), 4)), np.ones((len(TEXTS.test), 4))
    most = max(set(TEXTS.train_labels), key=TEXTS.train_labels.count)
    expected = TEXTS.test_labels.count(most) / len(TEXTS.test)
    assert probe_accuracy(TEXTS, train, test) == pytest.approx(expected)


def test_words_tell_which_animal_sat():
    assert accuracy_of_words(TEXTS) == 1.0


def test_an_encoder_s_vectors_come_in_the_order_of_their_texts():
    """Texts of several lengths run together; mixed up, the labels could not be learnt."""
    pytest.importorskip("tokenizers")
    torch.manual_seed(0)
    model = Encoder(PLAN).eval()
    torch.nn.init.normal_(model.get_parameter("embeddings.word_embeddings.weight"))
    found = accuracy_of_encoder(
        model, TEXTS, tokenizer=tokenizer_json(), length=20, device=torch.device("cpu")
    )
    assert found > 0.95
