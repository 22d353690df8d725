"""Load this network and use it. Needs torch; for image files Pillow too.

python load_without_nas.py photo.jpg ...      the class and its probability of image files
python load_without_nas.py images.npy         the same of an array (N, H, W, C)

    from load_without_nas import load
    network = load()
    logits = network(["photo.jpg"])           # files: prepared as in training (input.json)
    logits = network(images)                  # (N, H, W, C), as stored: uint8 or float32

Where there are no names of classes, it prints what comes out.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

# N images, C channels, H height, W width, K classes
# ruff: noqa: N803, N806 - names of tensors end in their shapes

_DEEP_MODES = ("I", "F")  # more than 8 bits a channel


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


def _pillow() -> tuple[Any, Any]:
    """Return what opens image files and what fits them; arrays of the right size need neither."""
    try:
        return import_module("PIL.Image"), import_module("PIL.ImageOps")
    except ImportError as error:
        raise ImportError("image files need Pillow: pip install pillow") from error


def read_image(path: str | Path, described: Mapping[str, Any]) -> torch.Tensor:
    """Return an image file (H, W, C) as it was stored in training.

    Upright by its EXIF orientation, grey or RGB, brought to `image_size` by `fit`.

    Raises:
        ValueError: the network has learnt from arrays, or the image cannot be used.
    """
    if described["mode"] is None:
        raise ValueError(
            "this network has learnt from arrays, not from image files; give an array"
        )
    pillow, operations = _pillow()
    with pillow.open(path) as opened:
        if opened.mode.split(";")[0] in _DEEP_MODES:
            raise ValueError(f"{path} has more than 8 bits a channel; convert it to 8")
        upright = operations.exif_transpose(opened).convert(described["mode"])
    return _stored(upright, described, str(path))


def _stored(image: Any, described: Mapping[str, Any], name: str) -> torch.Tensor:
    """Bring a Pillow image to the size of training."""
    import numpy as np

    pillow, operations = _pillow()
    height, width = described["image_size"]
    bilinear = pillow.Resampling.BILINEAR
    if described["fit"] == "crop":
        image = operations.fit(image, (width, height), bilinear)
    elif described["fit"] == "pad":
        image = operations.pad(image, (width, height), bilinear)
    elif described["fit"] == "stretch":
        image = image.resize((width, height), bilinear, reducing_gap=3.0)
    elif image.size != (width, height):
        raise ValueError(
            f"{name} has {image.size[1]} x {image.size[0]} pixels (height x width), but the "
            f"network has learnt from images of {height} x {width}"
        )
    return torch.from_numpy(np.array(image)).reshape(height, width, described["channels"])


def prepared(images: Any, described: Mapping[str, Any]) -> torch.Tensor:
    """Return images (N, H, W, C) as they were stored in training.

    Args:
        images: paths of image files; or an array or tensor (N, H, W, C) of the type in the data.
            Arrays of another height and width are brought to it as files are, where the data were
            files.
        described: the content of input.json.

    Raises:
        ValueError: they are of another type, or of another shape where the data were arrays.
    """
    if isinstance(images, str | Path):
        images = [images]
    if isinstance(images, list | tuple) and images and isinstance(images[0], str | Path):
        return torch.stack([read_image(path, described) for path in images])
    images_NHWC = torch.as_tensor(images)
    expected = getattr(torch, described["dtype"])
    size, channels = tuple(described["image_size"]), described["channels"]
    is_fit = images_NHWC.ndim == 4 and images_NHWC.shape[-1] == channels
    if is_fit and images_NHWC.dtype == expected:
        if tuple(images_NHWC.shape[1:3]) == size:
            return images_NHWC
        if described["fit"] is not None:
            return _fitted(images_NHWC, described)
    raise ValueError(
        f"the images must be (N, {size[0]}, {size[1]}, {channels}) of {expected}, but got "
        f"{tuple(images_NHWC.shape)} of {images_NHWC.dtype}"
    )


def _fitted(images_NHWC: torch.Tensor, described: Mapping[str, Any]) -> torch.Tensor:
    pillow, _ = _pillow()
    arrays = [one.squeeze(2) if one.shape[2] == 1 else one for one in images_NHWC]
    return torch.stack(
        [_stored(pillow.fromarray(one.numpy()), described, "the image") for one in arrays]
    )


def load(folder: str | Path = ".") -> Callable[[Any], torch.Tensor]:
    """Return a function from images to outputs: logits (N, K).

    Images are paths of files, or an array or tensor (N, H, W, C) as in the data: same channels,
    uint8 or float32, not normalised.
    """
    place = Path(folder)
    described = json.loads((place / "input.json").read_text(encoding="utf-8"))
    network = torch.export.load(str(place / "model.pt2")).module()
    size = (described["height"], described["width"])

    def predict(images: Any) -> torch.Tensor:
        with torch.inference_mode():
            logits: torch.Tensor = network(resize(prepared(images, described), size))
        return logits

    return predict


def main(arguments: Sequence[str]) -> None:
    """Print the class and its probability, or the outputs, for each image."""
    import numpy as np

    folder = Path(__file__).resolve().parent
    classes = json.loads((folder / "input.json").read_text(encoding="utf-8"))["classes"]
    images: Any = list(arguments)
    if len(arguments) == 1 and arguments[0].endswith(".npy"):
        images = np.load(arguments[0], allow_pickle=False)  # a pickle would run code
    outputs = load(folder)(images)
    if not classes:
        np.savetxt(sys.stdout, outputs.flatten(1).numpy(), fmt="%.6g")
        return
    probabilities = outputs.softmax(1)
    for share, index in zip(*probabilities.max(1), strict=True):
        sys.stdout.write(f"{classes[int(index)]} {float(share):.4f}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
