"""Load this network and use it. Needs torch alone.

python load_without_nas.py images.npy         classes and probabilities of images (N, H, W, C)

    from load_without_nas import load
    network = load()
    logits = network(images)                  # (N, H, W, C), as stored: uint8 or float32

Where there are no names of classes, it prints what comes out.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

# N images, C channels, H height, W width, K classes
# ruff: noqa: N803, N806 - names of tensors end in their shapes


def resize(images_NHWC: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return floats (N, C, *size): bilinear with antialiasing; images of whole numbers stay so."""
    images = images_NHWC.permute(0, 3, 1, 2).to(torch.float32)
    if tuple(images.shape[2:]) != tuple(size):
        images = torch.nn.functional.interpolate(
            images, size=tuple(size), mode="bilinear", antialias=True
        )
        if images_NHWC.dtype == torch.uint8:
            images = images.round_().clamp_(0, 255)
    return images.contiguous()


def load(folder: str | Path = ".") -> Callable[[Any], torch.Tensor]:
    """Return a function from images (N, H, W, C), array or tensor, to outputs: logits (N, K).

    The images are as they were in the data: same channels, uint8 or float32, not normalised.
    """
    place = Path(folder)
    described = json.loads((place / "input.json").read_text())
    network = torch.export.load(str(place / "model.pt2")).module()
    size = (described["height"], described["width"])

    def predict(images: Any) -> torch.Tensor:
        images_NHWC = torch.as_tensor(images)
        expected = getattr(torch, described["dtype"])
        if images_NHWC.dtype != expected or images_NHWC.shape[-1] != described["channels"]:
            raise ValueError(
                f"the images must be (N, H, W, {described['channels']}) of {expected}, but got "
                f"{tuple(images_NHWC.shape)} of {images_NHWC.dtype}"
            )
        with torch.inference_mode():
            logits: torch.Tensor = network(resize(images_NHWC, size))
        return logits

    return predict


def main(arguments: list[str]) -> None:
    """Print the class and its probability, or the outputs, for each image of a .npy file."""
    import numpy as np

    folder = Path(__file__).resolve().parent
    classes = json.loads((folder / "input.json").read_text())["classes"]
    outputs = load(folder)(np.load(arguments[0]))
    if not classes:
        np.savetxt(sys.stdout, outputs.flatten(1).numpy(), fmt="%.6g")
        return
    probabilities = outputs.softmax(1)
    for share, index in zip(*probabilities.max(1), strict=True):
        sys.stdout.write(f"{classes[int(index)]} {float(share):.4f}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
