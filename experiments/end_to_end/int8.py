"""How small and how accurate are int8 files of networks of several sizes? On the digits.

python experiments/end_to_end/int8.py [EPOCHS]

Trains one random architecture of the space mobilenet near each size, exports it as `nas finish`
does, and writes results/int8.csv: a row for each file.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.torch import load

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
SIZES = (5_000, 30_000, 105_000, 200_000, 500_000)


def main(num_epochs: int = 12) -> None:
    """Train, export, write."""
    space, dataset = MobileNetSpace(), load_digits()
    evaluator = final_evaluator(space, dataset, Recipe(epochs=num_epochs, device="cpu"))
    rng = np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(400)]
    rows: list[ArtefactRow] = []
    for size in SIZES:
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
    write_artefacts(Path(__file__).parent / "results" / "int8.csv", rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
