"""Trainings on tokens: what they read, how they go on after a cut, how far steps go."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from nas.errors import ConfigError
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.train.checkpoint import load_checkpoint, save_checkpoint
from nas.train.loop import NonfiniteLossError, TimeLimitError
from nas.train.token_recipe import TokenRecipe
from nas.train.token_training import TokenTeacher, TokenTraining, mean_loss
from nas.train.width_rules import BASE_WIDTH, TokenOptimizer

CPU = torch.device("cpu")
VOCABULARY, CONTEXT = 8, 16
# Each token is the one before plus 1 or 2: an even guess among two is the best there is.
STEPS = np.random.default_rng(0).integers(1, 3, size=20_000)
TOKENS = (np.cumsum(STEPS) % VOCABULARY).astype(np.uint16)
RECIPE = TokenRecipe(tokens=16_000, batch_tokens=256, learning_rate=0.02)


def make_model(seed=0, width=16):
    plan = DecoderPlan(
        vocabulary=VOCABULARY,
        context=CONTEXT,
        width=width,
        num_heads=2,
        num_kv_heads=1,
        head_features=8,
        activation="silu",
        is_tied=True,
        window=4,
        layers=(DecoderLayer("attention", 16),),
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Decoder(plan)


def make_training(recipe=RECIPE, *, model=None, seed=3, **settings):
    model = model or make_model()
    return TokenTraining(model, TOKENS, recipe, context=CONTEXT, seed=seed, device=CPU, **settings)


class Even(nn.Module):
    """Guesses all tokens alike."""

    def forward(self, tokens):
        return torch.zeros(*tokens.shape, VOCABULARY)


def test_an_even_guess_costs_the_logarithm_of_the_vocabulary():
    for number in (17, 100, 4001):
        loss = mean_loss(Even(), TOKENS[:number], context=CONTEXT, device=CPU)
        assert loss == pytest.approx(math.log(VOCABULARY), rel=1e-6)


def test_each_token_but_the_first_is_guessed_once():
    class Counting(Even):
        seen = 0

        def forward(self, tokens):
            self.seen += tokens.numel()
            return super().forward(tokens)

    model = Counting()
    mean_loss(model, TOKENS[:1003], context=CONTEXT, device=CPU)
    assert model.seen == 1002


def test_stretches_are_cut_each_for_itself():
    """No token is guessed from another stretch: what is seen is next to what is wanted."""

    class Next(nn.Module):
        """Knows that the next token of a text that counts up is one more."""

        def forward(self, tokens):
            aim = nn.functional.one_hot((tokens + 1) % VOCABULARY, VOCABULARY)
            return 100.0 * aim.float()

    texts = np.array([[0, 1, 2, 3, 4], [2, 3, 4, 5, 6]], dtype=np.uint16) % VOCABULARY
    assert mean_loss(Next(), texts, context=3, device=CPU) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_training_learns_what_there_is_to_learn(optimizer):
    recipe = TokenRecipe(
        tokens=60_000, batch_tokens=256, learning_rate=0.02, optimizer=optimizer, averaging=0.1
    )
    training = make_training(recipe)
    training.run()
    loss = mean_loss(training.model, TOKENS[:4000], context=CONTEXT, device=CPU)
    # log 2 is the best; the first of each 16 has nothing to go by but itself, which is enough.
    assert math.log(2) - 0.01 < loss < math.log(2) + 0.05


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("step", [1, 30, 61], ids=["first", "mid", "averaging"])
def test_a_cut_training_goes_on_and_ends_as_if_it_had_not_been_cut(tmp_path, optimizer, step):
    recipe = TokenRecipe(
        tokens=16_000, batch_tokens=256, learning_rate=0.02, optimizer=optimizer, averaging=0.2
    )
    whole = make_training(recipe)
    whole.run()
    first = make_training(recipe)
    first.run(budget=step / first.num_steps)
    save_checkpoint(first, tmp_path)
    second = make_training(recipe, model=make_model(seed=9))
    assert load_checkpoint(second, tmp_path)
    assert second.step == step
    second.run()
    for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_parts_of_a_step_add_up_to_the_whole_step():
    parted = TokenRecipe(
        tokens=16_000, batch_tokens=256, micro_batch_tokens=48, learning_rate=0.02
    )
    one, other = make_training(RECIPE), make_training(parted)
    for training in (one, other):
        training.run(budget=3 / training.num_steps)
    for whole, parts in zip(one.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-3, atol=1e-4)


def test_the_mean_of_the_last_weights_is_taken():
    model = nn.Linear(1, 1, bias=False)
    optimizer = TokenOptimizer(model, RECIPE, CPU)
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(model.weight, value)
        optimizer.average()
    optimizer.take_mean()
    assert float(model.weight.detach()) == pytest.approx(3.0)


def test_a_wider_matrix_takes_smaller_steps_and_tables_the_same():
    """Steps of Adam are as large as the learning rate, whatever the gradient."""
    moved = {}
    for width in (BASE_WIDTH, 4 * BASE_WIDTH):
        model = make_model(width=width)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        recipe = TokenRecipe(
            tokens=16_000,
            batch_tokens=256,
            optimizer="adamw",
            learning_rate=0.01,
            weight_decay=0.0,
            warmup=0.0,
        )
        training = make_training(recipe, model=model)
        training.run(budget=1 / training.num_steps)
        now = model.state_dict()
        moved[width] = {name: float((now[name] - before[name]).abs().max()) for name in before}
    narrow, wide = moved.values()
    qkv = "blocks.0.mixer.qkv.weight"
    assert narrow[qkv] / wide[qkv] == pytest.approx(4.0, rel=0.02)
    assert narrow["embedding.weight"] == pytest.approx(wide["embedding.weight"], rel=0.02)


def test_a_student_comes_to_guess_what_its_teacher_guesses():
    class Teacher(nn.Module):
        """Says that the same token comes again: what the text never holds."""

        def forward(self, tokens):
            return 6.0 * nn.functional.one_hot(tokens, VOCABULARY).float()

    teacher = TokenTeacher(Teacher(), temperature=1.0, weight=1.0)
    training = make_training(
        TokenRecipe(tokens=40_000, batch_tokens=256, learning_rate=0.02), teacher=teacher
    )
    training.run()
    tokens = torch.from_numpy(TOKENS[:64].astype(np.int64)).view(4, 16)
    assert (training.model(tokens).argmax(-1) == tokens).float().mean() > 0.95


def test_a_loss_that_is_not_finite_ends_the_training():
    model = make_model()
    nn.init.constant_(model.embedding.weight, math.nan)
    with pytest.raises(NonfiniteLossError, match="training loss is nan"):
        make_training(model=model).run()


def test_a_training_that_takes_too_long_ends():
    with pytest.raises(TimeLimitError, match="longer than 1e-09 s"):
        make_training(time_limit_s=1e-9).run()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tokens": 10}, "tokens must be a whole number from 1,024"),
        ({"tokens": 2048}, "would not fill one step"),
        ({"optimizer": "sgd"}, "one of adamw, muon"),
        ({"averaging": 1.0}, "averaging must be from 0 to 0.9"),
        ({"learning_rate": 0}, "learning_rate must be from 1e-09"),
        ({"batch_tokens": 2.5}, "batch_tokens must be a whole number"),
    ],
)
def test_settings_out_of_range_are_told(settings, told):
    with pytest.raises(ConfigError, match=told):
        TokenRecipe(**settings)


def test_a_growing_text_is_drawn_from_its_beginning_first():
    tokens = np.arange(4096, dtype=np.uint16) // 64
    recipe = TokenRecipe(tokens=4096, batch_tokens=256)
    training = TokenTraining(
        Counting(), tokens, recipe, context=32, seed=0, device=torch.device("cpu"), grows=True
    )
    training.run()
    seen = training.model.seen
    assert seen[0] <= 0.1 * 64 + 1
    assert max(seen[:3]) < 40
    assert max(seen[8:]) >= 56


class Counting(torch.nn.Module):
    """Guesses nothing, and remembers the largest token of each step."""

    def __init__(self):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(64))
        self.seen = []

    def forward(self, tokens):
        self.seen.append(int(tokens.max()))
        return self.bias.expand(*tokens.shape, 64)
