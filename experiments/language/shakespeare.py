"""Members of a searched front against hand-set GPTs of nanoGPT's shape, on tiny Shakespeare.

    python -m experiments.language.shakespeare TEXT FOLDER [--tokens 300000] [--trials 24]

Character level, nanoGPT's split: the first nine tenths train. A search (preset small_lm's sampler
and space) sees the next twentieth; all are judged on the last twentieth, which no choice saw. At
each of three sizes the best member of the front that has no more parameters than the GPT is
trained with as many tokens, by the same recipe, with seeds of its own. Results are appended to
FOLDER/contest.csv; trainings that stand there are not repeated.
"""

import csv
import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from experiments.smoke import make_parser, run_experiment
from nas.cli.main import main as nas
from nas.data.text import TextSearchData
from nas.data.text_loaders import load_text
from nas.evaluation.language import vocabulary_of
from nas.models.decoder import LOGIT_SCALE
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records
from nas.train.token_recipe import TokenRecipe
from nas.train.token_training import TokenTraining, mean_loss
from search_spaces.decoder_lm import DecoderSpace

# Layers, heads and width; the last is nanoGPT's own setting for CPUs.
SHAPES = {"small": (2, 2, 32), "middle": (3, 4, 64), "large": (4, 4, 128)}
CONTEXT = 64
COLUMNS = ("size", "network", "seed", "num_params", "test_loss", "cpu_s")


class GptBlock(nn.Module):
    """Attention and a feed-forward of four times the width, each behind a layer norm.

    Args:
        width: features.
        heads: of attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the same shape."""
        size, length, width = x.shape
        q, k, v = (
            part.view(size, length, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norms[0](x)).chunk(3, dim=-1)
        )
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(size, length, width))
        result: torch.Tensor = x + self.down(functional.gelu(self.up(self.norms[1](x))))
        return result


class HandSetGpt(nn.Module):
    """GPT-2's definition as nanoGPT has it: learnt positions, tied embedding, no biases.

    Its weights begin, and its logits are scaled, by the rule of our own models: the learning rate
    of the one recipe is then as right for it as for them.

    Args:
        vocabulary: different tokens.
        layers: blocks.
        heads: of each.
        width: features.
    """

    def __init__(self, vocabulary: int, layers: int, heads: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(vocabulary, width)
        self.place_embedding = nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(*(GptBlock(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                last = name.endswith(("out.weight", "down.weight"))
                depth = math.sqrt(2 * layers) if last else 1.0
                is_table = name.endswith("embedding.weight")
                std = 1.0 if is_table else parameter.shape[1] ** -0.5 / depth
                nn.init.normal_(parameter, std=std)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, V)."""
        place = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.blocks(self.embedding(tokens) + self.place_embedding(place))
        return functional.linear(self.norm(x) * (LOGIT_SCALE / self.width), self.embedding.weight)


def train(
    model: nn.Module, data: TextSearchData, recipe: TokenRecipe, *, context: int, seed: int
) -> float:
    """Return the loss on the last twentieth after a training on the first nine tenths."""
    size = vocabulary_of(model, data).size
    device = torch.device("cpu")
    tokens = data.train_tokens(size)
    TokenTraining(model, tokens, recipe, context=context, seed=seed, device=device).run()
    return mean_loss(model, data.tokenized[size].file.of("test"), context=context, device=device)


def search(text: Path, folder: Path, trials: int) -> RunFolder:
    """Search, or go on with a search."""
    run = folder / "run"
    words = ["search", "preset=small_lm", "data=text", f"data.path={text}"]
    words += ["data.tokenizer=character", "execution=inline", "ui=plain", f"run_folder={run}"]
    words += [
        f"stopping.num_trials={trials}",
        "stopping.time_limit_s=null",
        "training.tokens=60000",
    ]
    words += ["search_space.parameters.width.choice=[32,48,64,96,128]"]
    words += ["constraints.num_params.max=850000"]
    nas([*words, f"resume={'true' if run.is_dir() else 'false'}"])
    return RunFolder.open(run)


def main(words: Sequence[str]) -> int:
    """Search, then train what is not in the file yet."""
    parser = make_parser(__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, default=300_000)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    data = load_text(path=str(asked.text), tokenizer="character").search_data()
    records = load_records(search(asked.text, asked.folder, asked.trials).study_journal)
    recipe = TokenRecipe(tokens=asked.tokens, batch_tokens=1024)
    place = asked.folder / "contest.csv"
    done = set()
    if place.is_file():
        done = {tuple(row[c] for c in COLUMNS[:3]) for row in csv.DictReader(place.open())}
    space = DecoderSpace()
    with place.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(COLUMNS)
        for seed in range(asked.seeds):
            for size, shape in SHAPES.items():
                hand_set = HandSetGpt(data.shape.num_classes, *shape)
                most = sum(p.numel() for p in hand_set.parameters())
                fitting = [r for r in records if r.metrics.get("num_params", math.inf) <= most]
                best = min(fitting, key=lambda r: r.metrics.get("bits_per_byte", math.inf))
                for network in ("hand-set", f"trial {best.number}"):
                    if (size, network, str(seed)) in done:
                        continue
                    torch.manual_seed(seed)
                    if network == "hand-set":
                        model: nn.Module = HandSetGpt(data.shape.num_classes, *shape)
                        context = CONTEXT
                    else:
                        model = space.build(best.architecture, data.shape)
                        context = vocabulary_of(model, data).context
                    before = time.process_time()
                    loss = train(model, data, recipe, context=context, seed=seed)
                    spent = time.process_time() - before
                    number = sum(p.numel() for p in model.parameters())
                    writer.writerow([size, network, seed, number, round(loss, 4), round(spent, 1)])
                    file.flush()
    rows = list(csv.DictReader(place.open()))
    for key in dict.fromkeys((row["size"], row["network"]) for row in rows):
        losses = [float(r["test_loss"]) for r in rows if (r["size"], r["network"]) == key]
        spread = statistics.stdev(losses) if len(losses) > 1 else math.nan
        print(*key, f"{statistics.mean(losses):.4f} ± {spread:.4f} (n={len(losses)})")
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Search and train on a text of a few words, for a few steps."""
    text = folder / "text.txt"
    text.write_text("to be or not to be, that is the question\n" * 400)
    yield [str(text), str(folder), "--tokens", "2048", "--trials", "3", "--seeds", "1"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
