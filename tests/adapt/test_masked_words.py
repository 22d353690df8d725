"""Students guess hidden tokens: what is hidden, what is learnt, and a training that was cut."""

import numpy as np
import pytest
import torch
from parts.small_encoder import PLAN, WORDS, drawn_head, write_encoder_folder

from nas.adapt.encoder_training import EncoderTeacher, EncoderTraining
from nas.adapt.masked_words import MaskedWords, hidden_text
from nas.models.encoder import Encoder, Kept
from nas.models.masked_head import MaskedHead
from nas.train.checkpoint import load_checkpoint, save_checkpoint
from nas.train.token_recipe import TokenRecipe

MASK = WORDS.index("[MASK]")
CPU = torch.device("cpu")
EVERYTHING = Kept(tuple(range(PLAN.num_layers)), torch.arange(PLAN.width))
# "the cat sat on the mat", again and again.
TEXT = np.array([4, 5, 7, 8, 4, 9] * 200, dtype=np.uint16)
RECIPE = TokenRecipe(tokens=8192, batch_tokens=256, learning_rate=0.02, optimizer="adamw")


@pytest.fixture
def teacher(tmp_path):
    model = write_encoder_folder(tmp_path / "bert")
    return EncoderTeacher(model.requires_grad_(False), 2, 3, MASK)


def training_of(teacher, weight):
    """Return a fresh training of a student of the teacher's size, always the same."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        student, head = Encoder(PLAN, EVERYTHING), MaskedHead(PLAN)
    words = MaskedWords(head, weight, MASK)
    training = EncoderTraining(
        student, TEXT, RECIPE, teacher=teacher, hidden_weight=0.0, words=words,
        context=12, seed=0, device=CPU,
    )  # fmt: skip
    return training, student, words


def test_of_the_guessed_tokens_four_fifths_are_hidden_and_the_others_stay():
    tokens = torch.full((400, 102), 5)
    seen, is_guessed = hidden_text(tokens, MASK, len(WORDS), np.random.default_rng(0))
    assert not is_guessed[:, [0, -1]].any()
    assert torch.equal(seen[~is_guessed], tokens[~is_guessed])
    number = int(is_guessed.sum())
    # 400 x 100 tokens; five standard deviations: false alarms below one in a million.
    assert number / 40_000 == pytest.approx(0.15, abs=5 * (0.15 * 0.85 / 40_000) ** 0.5)
    is_hidden = float((seen[is_guessed] == MASK).float().mean())
    # A thirteenth of those that are replaced by any token are replaced by the mask.
    expected = 0.8 + 0.1 / len(WORDS)
    assert is_hidden == pytest.approx(expected, abs=5 * (0.16 / number) ** 0.5)


def test_a_text_of_one_token_is_guessed():
    _, is_guessed = hidden_text(torch.tensor([[2, 5, 3]]), MASK, len(WORDS), _Never())
    assert is_guessed.tolist() == [[False, True, False]]


class _Never:
    """Draws that choose nothing."""

    def random(self, shape):
        return np.ones(shape)

    def integers(self, low, high, shape):
        return np.full(shape, low)


def test_a_student_learns_which_words_a_text_is_made_of(teacher):
    training, student, words = training_of(teacher, 0.9)
    texts = torch.from_numpy(TEXT[:120].astype("int64")).view(10, 12)
    before, after = [], []
    for found in (before, after):
        with torch.inference_mode():
            for seed in range(5):
                rng = np.random.default_rng(seed)
                found.append(float(words.loss(student, teacher.framed(texts), rng)))
        training.run()
    # Of 13 words all are as likely at first, 2.56 nats; the text has five, one of them twice.
    assert np.mean(before) > 2.3
    assert np.mean(after) < 1.8


def test_a_teacher_that_guesses_alike_halves_the_loss(teacher):
    head = drawn_head()
    texts = torch.from_numpy(TEXT[:24].astype("int64")).view(2, 12)
    alone = MaskedWords(head, 0.5, MASK)
    taught = MaskedWords(head, 0.5, MASK, (teacher.model, head))
    losses = [
        float(words.loss(teacher.model, texts, np.random.default_rng(0)))
        for words in (alone, taught)
    ]
    assert losses[1] == pytest.approx(losses[0] / 2, rel=1e-5)


def test_a_training_that_was_cut_goes_on_as_if_it_had_not_been(teacher, tmp_path):
    whole, student, words = training_of(teacher, 0.5)
    whole.run()
    cut, _, _ = training_of(teacher, 0.5)
    cut.run(budget=0.4)
    save_checkpoint(cut, tmp_path)
    again, same, others = training_of(teacher, 0.5)
    assert load_checkpoint(again, tmp_path)
    again.run()
    for one, other in ((student, same), (words.head, others.head)):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)
