"""Does one learning rate serve all widths? Losses over learning rates, a factor of 16 in width.

    python -m experiments.language.widths OUT.csv [--tokens 100000] [--seeds 1]

Two layers, feed-forward of twice the width, bytes of Python's sources, context 128; each row is
one training: optimizer, width, learning rate, seed, validation bits per byte, CPU seconds. Rows
that stand in the file are not trained again.
"""

import csv
import itertools
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from experiments.smoke import make_parser, run_experiment
from nas.data.text_loaders import load_python_source
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.train.token_recipe import TokenRecipe
from nas.train.token_training import TokenTraining, mean_loss

CONTEXT = 128
WIDTHS = (16, 32, 64, 128, 256)
RATES = {"muon": (0.005, 0.02, 0.08), "adamw": (0.005, 0.02, 0.08)}
COLUMNS = ("optimizer", "width", "learning_rate", "seed", "bits_per_byte", "cpu_s")


def plan_of(width: int, vocabulary: int) -> DecoderPlan:
    """Return a network of a width."""
    layer = DecoderLayer("attention", 2 * width)
    return DecoderPlan(
        vocabulary=vocabulary,
        context=CONTEXT,
        width=width,
        num_heads=width // 16,
        num_kv_heads=width // 16,
        head_features=16,
        activation="silu",
        is_tied=True,
        window=CONTEXT,
        layers=(layer, layer),
    )


def train(width: int, recipe: TokenRecipe, seed: int) -> float:
    """Return the bits per byte after a training."""
    data = load_python_source(context=CONTEXT, judged_tokens=32_768).search_data()
    vocabulary = data.shape.num_classes
    torch.manual_seed(seed)
    model = Decoder(plan_of(width, vocabulary))
    device = torch.device("cpu")
    tokens = data.train_tokens(vocabulary)
    training = TokenTraining(model, tokens, recipe, context=CONTEXT, seed=seed, device=device)
    training.run()
    judged = data.judged_by(vocabulary)
    loss = mean_loss(model, judged.tokens, context=CONTEXT, device=device)
    return loss / math.log(2) / judged.bytes_per_token


def main(words: Sequence[str]) -> int:
    """Train what is not in the file yet."""
    parser = make_parser(__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--optimizers", nargs="+", default=list(RATES))
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    done = set()
    if asked.out.is_file():
        rows = list(csv.DictReader(asked.out.open()))
        done = {tuple(row[name] for name in COLUMNS[:4]) for row in rows}
    with asked.out.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(COLUMNS)
        for width, optimizer in itertools.product(asked.widths, asked.optimizers):
            for rate, seed in itertools.product(RATES[optimizer], range(asked.seeds)):
                if (optimizer, str(width), str(rate), str(seed)) in done:
                    continue
                recipe = TokenRecipe(
                    tokens=asked.tokens,
                    batch_tokens=1024,
                    learning_rate=rate,
                    optimizer=optimizer,
                )
                before = time.process_time()
                bits = train(width, recipe, seed)
                spent = time.process_time() - before
                writer.writerow([optimizer, width, rate, seed, round(bits, 5), round(spent, 1)])
                file.flush()
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Train the narrowest for a few steps."""
    yield [str(folder / "widths.csv"), "--tokens", "1024", "--widths", "32"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
