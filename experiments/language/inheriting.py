"""What is a short training of a language model worth that starts from another one's weights?

    python -m experiments.language.inheriting TEXT RESULTS.csv [--tokens 40000] [--seeds 3]

Character level. A model of `decoder_lm` is trained in full; others, of another depth, width or
feed-forward, then train for a part of the tokens, from its weights and from drawn ones, and fully
from drawn ones. The part is the one that `training.inherit` would give: less where more is
inherited. Bits per byte of the validation text.
"""

import csv
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from experiments.smoke import make_parser, run_experiment
from nas.data.text_loaders import load_text
from nas.evaluation.language import LanguageEvaluator
from nas.objective import objective_for
from nas.train.correspondence import likeness
from nas.train.token_recipe import TokenRecipe
from nas.trial import Inheritance, TrialSpec
from search_spaces.decoder_lm import DecoderSpace

RELATIVE = {"width": 48, "layers.repeat": 2, "mlp_ratio": 2.0}
CHILDREN = {
    "one layer more": {**RELATIVE, "layers.repeat": 3},
    "wider": {**RELATIVE, "width": 64},
    "larger feed-forward": {**RELATIVE, "mlp_ratio": 4.0},
}
COLUMNS = ("child", "way", "seed", "share", "bits_per_byte", "cpu_s")
OBJECTIVES = (objective_for("bits_per_byte"), objective_for("size_bytes"))
INHERIT_SHARE = 0.25  # the default of training.inherit_share


def values_of(told: dict[str, float]) -> dict[str, float | int | str | bool]:
    """Return the parameters of an architecture whose layers are alike."""
    layers = range(int(told["layers.repeat"]))
    return {
        "width": int(told["width"]),
        "heads": 2,
        "heads_per_kv": 1,
        "activation": "silu",
        "is_tied": True,
        "context": 64,
        "layers.repeat": len(layers),
        **{f"layers.{index}.mlp_ratio": told["mlp_ratio"] for index in layers},
        **{f"layers.{index}.mixer": "attention" for index in layers},
    }


def main(words: Sequence[str]) -> int:
    """Train all, write the rows, tell means."""
    parser = make_parser(__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--tokens", type=int, default=40_000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    data = load_text(
        path=str(asked.text), tokenizer="character", context=256, judged_tokens=32_768
    )
    space = DecoderSpace()
    recipe = TokenRecipe(tokens=asked.tokens, batch_tokens=1024)
    evaluator = LanguageEvaluator(space, data, recipe, OBJECTIVES)
    rows: list[tuple[str, str, int, float, float, float]] = []

    def trained(
        told: dict[str, float], seed: int, start: Inheritance | None = None, share: float = 1.0
    ) -> tuple[float, float, bytes]:
        part = TokenRecipe(tokens=round(share * asked.tokens), batch_tokens=1024)
        evaluator.recipe = recipe if start is not None else part
        spec = TrialSpec(
            0, space.architecture(values_of(told)), seed, inheritance=start, keeps_weights=True
        )
        began = time.process_time()
        result = evaluator.evaluate(spec)
        spent = time.process_time() - began
        assert result.weights is not None, result.failure
        return result.metrics["bits_per_byte"], spent, result.weights

    with asked.results.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for seed in range(asked.seeds):
            bits, spent, weights = trained(RELATIVE, seed)
            rows.append(("relative", "drawn, whole", seed, 1.0, bits, spent))
            shapes = evaluator.weight_shapes(space.architecture(values_of(RELATIVE)))
            for child, told in CHILDREN.items():
                own = evaluator.weight_shapes(space.architecture(values_of(told)))
                share = 1.0 - likeness(own, shapes) * (1.0 - INHERIT_SHARE)
                start = Inheritance(weights, share, learning_rate_share=1.0)
                for way, given in (
                    ("drawn, whole", (None, 1.0)),
                    ("drawn, part", (None, share)),
                    ("inherited, part", (start, share)),
                ):
                    bits, spent, _ = trained(told, seed + 100, *given)
                    rows.append((child, way, seed, given[1], bits, spent))
            new = rows[-1 - 3 * len(CHILDREN) :]
            writer.writerows((*row[:3], *(round(value, 4) for value in row[3:])) for row in new)
            file.flush()
    tell(rows)
    return 0


def tell(rows: Sequence[tuple[str, str, int, float, float, float]]) -> None:
    """Print the mean of each way over its seeds."""
    for child, way in dict.fromkeys(row[:2] for row in rows):
        own = [row for row in rows if row[:2] == (child, way)]
        bits = [row[4] for row in own]
        spread = statistics.stdev(bits) if len(bits) > 1 else 0.0
        spent = statistics.mean(row[5] for row in own)
        print(
            f"{child}, {way} ({own[0][3]:.2f}): {statistics.mean(bits):.3f} ± {spread:.3f} "
            f"(n={len(own)}), {spent:.1f} CPU s"
        )


def small(folder: Path) -> Iterator[list[str]]:
    """Train on a text of a few words, for a few steps."""
    text = folder / "text.txt"
    text.write_text("to be or not to be, that is the question\n" * 400)
    yield [str(text), str(folder / "inheriting.csv"), "--tokens", "4096", "--seeds", "1"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
