"""How small and how accurate are int8 files of networks of several sizes? On the digits.

python -m experiments.end_to_end.int8 [EPOCHS]

Trains one random architecture of the space mobilenet near each size, and exports it as
`nas finish` does. The results have a row for each file.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from safetensors.torch import load

from experiments.smoke import make_parser, run_experiment
from nas.data.digits import load_digits
from nas.export.format import Format
from nas.export.formats.onnx_float import OnnxFloat
from nas.export.formats.onnx_int8 import OnnxInt8
from nas.export.formats.torch_export import TorchExport
from nas.export.formats.weights import Weights
from nas.export.network_files import TrainedNetwork, export_network
from nas.export.settings import ExportSettings
from nas.finish.retrain import final_evaluator
from nas.record.artefacts import ArtefactRow, write_artefacts
from nas.train.recipe import Recipe
from nas.trial import TrialSpec
from search_spaces.mobilenet import MobileNetSpace

FORMATS: dict[str, Format] = {
    "weights": Weights(),
    "torch_export": TorchExport(),
    "onnx": OnnxFloat(),
    "int8": OnnxInt8(),
}
RESULTS = Path(__file__).parent / "results" / "int8.csv"
SIZES = (5_000, 30_000, 105_000, 200_000, 500_000)


def main(words: Sequence[str]) -> int:
    """Train, export, write."""
    parser = make_parser(__doc__)
    parser.add_argument("epochs", type=int, nargs="?", default=12)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="parameters")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    space, dataset = MobileNetSpace(), load_digits()
    evaluator = final_evaluator(space, dataset, Recipe(epochs=options.epochs, device="cpu"))
    rng = np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(400)]
    rows: list[ArtefactRow] = []
    for size in options.sizes:
        above = [a for a in drawn if evaluator.static_costs(a)["num_params"] >= size]
        architecture = min(above, key=lambda a: evaluator.static_costs(a)["num_params"])
        weights = evaluator.evaluate(TrialSpec(0, architecture, seed=1)).weights
        assert weights is not None, "a full training returns its weights"
        model = space.build(architecture, dataset.shape)
        model.load_state_dict(load(weights))
        trained = TrainedNetwork(f"random {size}", "trained", str(size), architecture, weights)
        with tempfile.TemporaryDirectory() as folder:
            rows += export_network(
                trained, model, dataset=dataset, folder=Path(folder), place=str(size),
                settings=ExportSettings(FORMATS, peak_memory=False),
            )  # fmt: skip
        floats, integers = rows[-2:]
        print(
            f"{floats.num_params:>7} parameters: {floats.size_bytes:>8} B, "
            f"{floats.test_value:.4f}; "
            f"int8 {integers.size_bytes:>7} B {integers.test_value:.4f}, "
            f"ratio {integers.size_bytes / floats.size_bytes:.3f}",
            flush=True,
        )
    write_artefacts(options.results, rows)
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Train and export one network."""
    yield ["1", "--sizes", "5000", "--results", str(folder / "int8.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
