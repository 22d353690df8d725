"""Do better data, and pruning with healing, help at equal size and equal tokens?

    python -m experiments.language.better RESULTS.csv [--tokens 50000] [--whole-tokens 250000]

Bytes of Python's sources; models are judged on the test split. Curation: one architecture, trained
for as many tokens on each training text. Healing: a larger model is trained once for
`--whole-tokens`; a quarter or so of it is healed for `--tokens`, with and without the whole as
teacher, beside the same shape trained from nothing for as many. Rows that stand in the file are
not trained again.
"""

import csv
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from experiments.smoke import make_parser, run_experiment
from nas.data.curation import Curation
from nas.data.text import TextSearchData
from nas.data.text_loaders import load_python_source
from nas.evaluation.language import judge, vocabulary_of
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_pruning import KeptParts, find_importance, smaller_plan, smaller_state
from nas.train.token_recipe import TokenRecipe
from nas.train.token_training import TokenTeacher, TokenTraining

CONTEXT = 128
COLUMNS = ("question", "way", "seed", "num_params", "tokens", "bits_per_byte", "cpu_s")
CURATIONS = ("none", "near", "filtered", "easy0.5", "middle0.5", "hard0.5", "ordered")
NEEDS_RENSA = "near"  # left out where that package is not installed
CPU = torch.device("cpu")


def plan_of(vocabulary: int, *, width: int, layers: int) -> DecoderPlan:
    """Return a decoder with heads of 16 and feed-forwards of twice the width."""
    return DecoderPlan(
        vocabulary=vocabulary,
        context=CONTEXT,
        width=width,
        num_heads=4,
        num_kv_heads=2,
        head_features=16,
        activation="silu",
        is_tied=True,
        window=32,
        layers=(DecoderLayer("attention", 2 * width),) * layers,
    )


def train(
    model: Decoder,
    data: TextSearchData,
    recipe: TokenRecipe,
    *,
    seed: int,
    curation: str = "none",
    teacher: TokenTeacher | None = None,
) -> None:
    """Train a model in place."""
    TokenTraining(
        model,
        data.train_tokens(model.plan.vocabulary, curation),
        recipe,
        context=CONTEXT,
        seed=seed,
        device=CPU,
        teacher=teacher,
        grows=Curation.named(curation).is_ordered,
    ).run()


class Book:
    """The rows of the results, each written as soon as it is known.

    Args:
        path: of the file.
        data: with the test split to judge by.
    """

    def __init__(self, path: Path, data: TextSearchData) -> None:
        self._path = path
        self._judged = replace(data, judged="test")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            path.write_text(",".join(COLUMNS) + "\n")

    def rows(self) -> list[dict[str, str]]:
        """Return what is known."""
        with self._path.open(newline="") as file:
            return list(csv.DictReader(file))

    def has(self, question: str, way: str, seed: int) -> bool:
        """Say whether a row is known."""
        key = (question, way, str(seed))
        return any((r["question"], r["way"], r["seed"]) == key for r in self.rows())

    def add(
        self, question: str, way: str, seed: int, model: nn.Module, *, tokens: int, cpu_s: float
    ) -> None:
        """Judge a model and write its row."""
        seen = vocabulary_of(model, self._judged)
        bits = judge(model, self._judged, seen, device=CPU)["bits_per_byte"]
        number = sum(parameter.numel() for parameter in model.parameters())
        row = [question, way, seed, number, tokens, round(bits, 4), round(cpu_s, 1)]
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow(row)
        print(*row, flush=True)


def compare_curations(book: Book, data: TextSearchData, recipe: TokenRecipe, seed: int) -> None:
    """Train one architecture on each training text."""
    for curation in data.shape.curations:
        if book.has("curation", curation, seed):
            continue
        torch.manual_seed(seed)
        model = Decoder(plan_of(data.shape.num_classes, width=48, layers=2))
        began_s = time.process_time()
        train(model, data, recipe, seed=seed, curation=curation)
        spent_s = time.process_time() - began_s
        book.add("curation", curation, seed, model, tokens=recipe.tokens, cpu_s=spent_s)


def compare_healing(
    book: Book, data: TextSearchData, recipe: TokenRecipe, whole: Decoder, seed: int
) -> None:
    """Heal what is left of the whole in several ways, and train its shape from nothing."""
    vocabulary = data.shape.num_classes
    tokens = data.train_tokens(vocabulary, "none")[: 64 * CONTEXT].astype("int64")
    importance = find_importance(whole, torch.from_numpy(tokens).view(64, CONTEXT))
    kept = KeptParts(layers=2, groups=2, hidden=96, width=48)
    plan = smaller_plan(whole.plan, importance, kept)
    teacher = TokenTeacher(whole.eval().requires_grad_(False), temperature=1.0, weight=0.5)
    ways = {
        "from nothing": (False, None),
        "from nothing, taught": (False, teacher),
        "pruned, healed": (True, None),
        "pruned, healed, taught": (True, teacher),
    }
    for way, (is_pruned, learnt_from) in ways.items():
        if book.has("healing", way, seed):
            continue
        torch.manual_seed(seed)
        model = Decoder(plan)
        if is_pruned:
            model.load_state_dict(smaller_state(whole.plan, whole.state_dict(), importance, kept))
        began_s = time.process_time()
        train(model, data, recipe, seed=seed, teacher=learnt_from)
        spent_s = time.process_time() - began_s
        book.add("healing", way, seed, model, tokens=recipe.tokens, cpu_s=spent_s)


def main(words: Sequence[str]) -> int:
    """Train what is not in the file yet, and print means."""
    parser = make_parser(__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--tokens", type=int, default=50_000)
    parser.add_argument("--whole-tokens", type=int, default=250_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--judged-tokens", type=int, default=32_768)
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    has_rensa = find_spec("rensa") is not None
    ways = [name for name in CURATIONS if has_rensa or name != NEEDS_RENSA]
    data = load_python_source(
        context=CONTEXT, judged_tokens=asked.judged_tokens, curation=ways
    ).search_data()
    book = Book(asked.results, data)
    recipe = TokenRecipe(tokens=asked.tokens, batch_tokens=1024)
    torch.manual_seed(100)
    whole = Decoder(plan_of(data.shape.num_classes, width=96, layers=4))
    kept = asked.results.with_suffix(".whole.pt")
    if kept.is_file():
        whole.load_state_dict(torch.load(kept, weights_only=True))
    else:
        train(whole, data, replace(recipe, tokens=asked.whole_tokens), seed=100)
        torch.save(whole.state_dict(), kept)
    if not book.has("healing", "the whole", 100):
        book.add("healing", "the whole", 100, whole, tokens=asked.whole_tokens, cpu_s=0.0)
    for seed in range(asked.seeds):
        compare_healing(book, data, recipe, whole, seed)
        compare_curations(book, data, recipe, seed)
    rows = book.rows()
    for key in dict.fromkeys((row["question"], row["way"]) for row in rows):
        found = [float(r["bits_per_byte"]) for r in rows if (r["question"], r["way"]) == key]
        spread = statistics.stdev(found) if len(found) > 1 else float("nan")
        print(*key, f"{statistics.mean(found):.4f} ± {spread:.4f} (n={len(found)})", sep="; ")
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Train for a step or two."""
    words = ["--tokens", "2048", "--whole-tokens", "2048", "--seeds", "1"]
    yield [str(folder / "better.csv"), *words, "--judged-tokens", "2048"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
