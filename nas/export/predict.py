"""Use this network. Needs numpy, Pillow for image files, and ONNX Runtime or torch.

python predict.py photo.jpg ...    a line for each: file, likeliest classes and probabilities
python predict.py images.npy       the same of an array (N, H, W, C) as in the data; .npz too
python predict.py                  runs the example that lies here and checks what comes out

    from predict import load          # with this folder on sys.path
    network = load()
    logits = network(["photo.jpg"])   # (N, K), an array; files are prepared as in training
    logits = network(images)          # (N, H, W, C), as in the data: uint8 or float32

input.json says how inputs are prepared. Without names of classes the outputs are printed.
"""

import argparse
import contextlib
import importlib
import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# N images, C channels, H height, W width, K classes
# ruff: noqa: N803 - names of tensors end in their shapes

HERE = Path(__file__).resolve().parent
_FIRST = ("model.onnx", "model.pt2", "model_int8_weights.onnx", "model_int4_weights.onnx")
_BATCH = 32
# Pillow hands them to other programs, or only recognises them.
_NOT_OPENED = {"EPS", "PDF", "PALM", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}

Array = np.ndarray[Any, Any]
Described = Mapping[str, Any]  # the content of input.json


def load(folder: str | Path = HERE, *, model: str | None = None) -> Callable[[Any], Array]:
    """Return a function from images to outputs: logits (N, K).

    Images are paths of files; or an array (N, H, W, C) as in the data: same channels, uint8 or
    float32, not normalised.

    Args:
        folder: of this file.
        model: the file to run, such as model_int8.onnx; None for the floats.

    Raises:
        FileNotFoundError: there is no such file, or none at all.
        ImportError: neither ONNX Runtime nor torch is there.
    """
    place = Path(folder)
    described = read_json(place / "input.json")
    network, size = open_network(place, model), (described["height"], described["width"])
    return lambda images: network(resize(prepared(images, described), size))


def open_network(place: Path, model: str | None = None) -> Callable[[Array], Array]:
    """Return the network as a function of floats (N, C, H, W) in the stored unit."""
    others = sorted(path.name for path in place.glob("model*.onnx"))
    names = [model] if model else list(dict.fromkeys([*_FIRST, *others]))
    there = [name for name in names if (place / name).is_file()]
    if not there:
        raise FileNotFoundError(f"{place} has no {model or 'model.onnx and no model.pt2'}")
    missing: ImportError | None = None
    for name in there:
        try:
            return _RUNTIMES[Path(name).suffix](place / name)
        except ImportError as error:
            missing = error
        except KeyError:
            raise ValueError(f"predict.py runs .onnx and .pt2 files, not {name}") from None
    packages = {".onnx": "ONNX Runtime (pip install onnxruntime)", ".pt2": "torch"}
    needed = dict.fromkeys(packages[Path(name).suffix] for name in there)
    raise ImportError(f"to run {' or '.join(there)}, install {' or '.join(needed)}") from missing


def _in_onnx_runtime(path: Path) -> Callable[[Array], Array]:
    runtime: Any = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run(None, {name: images})[0])


def _in_torch(path: Path) -> Callable[[Array], Array]:
    torch: Any = importlib.import_module("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.export.load(str(path)).module()

    def run(images: Array) -> Array:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(images)).numpy())

    return run


_RUNTIMES = {".onnx": _in_onnx_runtime, ".pt2": _in_torch}


def resize(images_NHWC: Array, size: tuple[int, int]) -> Array:
    """Return floats (N, C, *size): bilinear with antialiasing; images of whole numbers stay so.

    In 32-bit floats and in the order of torch: halves are rounded to the same side as in training.
    """
    maps = images_NHWC.transpose(0, 3, 1, 2).astype(np.float32)
    if maps.shape[2:] != tuple(size):
        maps = _along_lines(maps, size[1])
        maps = _along_lines(maps.swapaxes(2, 3), size[0]).swapaxes(2, 3)
        if images_NHWC.dtype == np.uint8:
            maps = np.rint(maps).clip(0, 255)
    return np.ascontiguousarray(maps)


def _along_lines(maps: Array, new: int) -> Array:
    """Return maps (N, C, H, W) at another width."""
    old, scale = maps.shape[3], np.float32(maps.shape[3] / new)
    reach, half = max(scale, np.float32(1)), np.float32(0.5)
    centres = scale * (np.arange(new, dtype=np.float32) + half)
    first = np.maximum((centres - reach + half).astype(int), 0)
    last = np.minimum((centres + reach + half).astype(int), old)
    places = first + np.arange((last - first).max())[:, None]
    distances = np.abs((places.astype(np.float32) - centres + half) * (np.float32(1) / reach))
    weights = np.where(places < last, np.maximum(np.float32(1) - distances, 0), np.float32(0))
    weights /= weights.sum(0)
    total = np.zeros((*maps.shape[:3], new))
    for place, weight in zip(np.minimum(places, old - 1), weights, strict=True):
        # As a fused multiply-add: rounded to 32 bits once.
        total = (total + maps[..., place] * weight.astype(np.float64)).astype(np.float32)
    return np.asarray(total, dtype=np.float32)


def read_image(path: str | Path, described: Described) -> Array:
    """Return an image file (H, W, C) as it was stored in training.

    Upright by its EXIF orientation, grey or RGB, brought to `image_size` by `fit`. Of 16 bits a
    channel the upper 8 are taken.

    Raises:
        ValueError: the network has learnt from arrays, or the image cannot be used.
    """
    if described["mode"] is None:
        raise ValueError("this network has learnt from arrays: give an .npy or .npz file")
    pillow, operations = _pillow()
    pillow.init()
    with pillow.open(path, formats=sorted(set(pillow.OPEN) - _NOT_OPENED)) as opened:
        upright = _of_8_bits(operations.exif_transpose(opened), str(path))
        if "transparency" in upright.info:
            upright = upright.convert("RGBA")
        return _stored(upright.convert(described["mode"]), described, str(path))


def _pillow() -> tuple[Any, Any]:
    """Return what opens image files and what fits them."""
    try:
        modules = importlib.import_module("PIL.Image"), importlib.import_module("PIL.ImageOps")
    except ImportError as error:
        raise ImportError("image files need Pillow: pip install pillow") from error
    with contextlib.suppress(ImportError):  # without it, HEIC photos are refused
        importlib.import_module("pillow_heif").register_heif_opener()
    return modules


def _of_8_bits(image: Any, name: str) -> Any:
    """Return an image of at most 8 bits a channel; the upper 8 of 16."""
    if image.mode == "F":
        raise ValueError(f"{name} holds floats, whose range is not known; convert it to 8 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"{name} has more than 16 bits a channel; convert it to 8")
    return _pillow()[0].fromarray((values >> 8).astype(np.uint8))


def _stored(image: Any, described: Described, name: str) -> Array:
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
    return np.array(image).reshape(height, width, described["channels"])


def prepared(images: Any, described: Described) -> Array:
    """Return images (N, H, W, C) as they were stored in training.

    Args:
        images: paths of image files; or an array (N, H, W, C) of the type in the data, whose axes
            of length 1 may be left out. Arrays of another height and width are brought to it as
            files are, where the data were files.
        described: the content of input.json.

    Raises:
        ValueError: they are of another type, or of another shape where the data were arrays.
    """
    if isinstance(images, str | Path):
        images = [images]
    if isinstance(images, list | tuple) and images and isinstance(images[0], str | Path):
        return np.stack([read_image(path, described) for path in images])
    given = np.asarray(images)
    expected = np.dtype(described["dtype"])
    if expected == np.float32 and given.dtype == np.float64:
        given = given.astype(np.float32)
    shape = (*described["image_size"], described["channels"])
    if given.dtype == expected and given.ndim > 0:
        if given.shape[1:] == (shape[2], *shape[:2]) and given.shape[1:] != shape:
            given = given.transpose(0, 2, 3, 1)  # channels first, as some files have them
        if [n for n in given.shape[1:] if n != 1] == [n for n in shape if n != 1]:
            return given.reshape(len(given), *shape)
        if described["fit"] is not None and given.ndim == 4 and given.shape[3] == shape[2]:
            return _fitted(given, described)
    raise ValueError(
        f"the inputs must be (N, {', '.join(map(str, shape))}) of {expected}, but got "
        f"(N, {', '.join(map(str, given.shape[1:]))}) of {given.dtype}"
    )


def _fitted(images_NHWC: Array, described: Described) -> Array:
    arrays = [one[..., 0] if one.shape[2] == 1 else one for one in images_NHWC]
    images = map(_pillow()[0].fromarray, arrays)
    return np.stack([_stored(image, described, "the image") for image in images])


def probabilities_of(logits: Array) -> Array:
    """Return (N, K) probabilities of classes."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def line_of(name: str, outputs: Array, described: Described, *, top: int) -> str:
    """Return a line for one input: classes and probabilities, or what comes out."""
    values = outputs.astype(np.float64).ravel()
    if described["outputs"] == "labels":  # several may be true of one input
        shares = 1.0 / (1.0 + np.exp(-values))
        return "\t".join([name, *(f"{place} {share:.4f}" for place, share in enumerate(shares))])
    if described["outputs"] != "classes":
        return "\t".join([name, " ".join(f"{value:.6g}" for value in values)])
    shares = probabilities_of(values[None])[0]
    best = np.argsort(-shares, kind="stable")[: max(1, top)]
    return "\t".join([name, *(f"{described['classes'][i]} {shares[i]:.4f}" for i in best)])


def files_in(path: str) -> list[str]:
    """Return the files in a folder and those within it, no hidden ones; or the path itself."""
    found = (one for one in Path(path).rglob("*") if one.is_file())
    seen = (one for one in found if "/." not in f"/{one.relative_to(path).as_posix()}")
    return sorted(map(str, seen)) or [path]


def inputs_of(path: str) -> Iterator[tuple[list[str], Any]]:
    """Yield names and inputs of a file, a batch at a time."""
    if Path(path).is_dir():
        raise ValueError("there is no file in this folder, nor in those within it")
    if not path.endswith((".npy", ".npz")):
        yield [path], [path]
        return
    array = read_array(Path(path))
    for start in range(0, len(array), _BATCH):
        part = array[start : start + _BATCH]
        yield [f"{path}[{start + place}]" for place in range(len(part))], part


def read_array(path: Path) -> Array:
    """Return the array of an .npy file; of an .npz `images`, `test_images` or the only one."""
    found = np.load(path, allow_pickle=False)  # a pickle would run code
    if isinstance(found, np.ndarray):
        return found
    with found:
        names = [n for n in ("images", "test_images") if n in found.files][:1] or found.files
        if len(names) != 1:
            raise ValueError(f"{path} has the arrays {', '.join(names)}; call one of them images")
        return np.asarray(found[names[0]])


def check_example(folder: Path, *, model: str | None, top: int) -> int:
    """Run the example that lies beside this file; return 0 where its outputs are as stored."""
    example, described = (read_json(folder / f"{name}.json") for name in ("example", "input"))
    path = str(folder / example["file"])
    inputs = [path] if path.endswith(".png") else read_array(Path(path))
    states = []
    chosen = {n: stored for n, stored in example["outputs"].items() if n == (model or n)}
    for name, stored in chosen.items():
        try:
            outputs = load(folder, model=name)(inputs)
        except ImportError as error:
            sys.stdout.write(f"{name}: not run: {error}\n")
            continue
        difference = float(np.abs(outputs[0] - np.array(stored["values"])).max())
        states.append(difference <= stored["tolerance"])
        words = "as stored" if states[-1] else f"NOT as stored ({stored['tolerance']:.2g} allowed)"
        line = line_of(example["file"], outputs[0], described, top=top)
        sys.stdout.write(f"{name}: outputs {words}, difference {difference:.2g}\n  {line}\n")
    if not states:
        sys.stderr.write(f"no file was run; the example is for {list(example['outputs'])}\n")
    return 0 if states and all(states) else 1


def read_json(path: Path) -> Any:
    """Return what a file of this folder says."""
    return json.loads(path.read_text(encoding="utf-8"))


def main(arguments: Sequence[str]) -> int:
    """Print a line for each input; return 1 where one could not be read."""
    parser = argparse.ArgumentParser(
        prog="predict.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("inputs", nargs="*", help="images, folders, .npy, .npz; none: the example")
    parser.add_argument("--top", type=int, default=3, help="classes in a line")
    parser.add_argument("--model", help="the file to run, such as model_int8.onnx")
    asked = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # names in any script, where a terminal lacks it
        getattr(stream, "reconfigure", dict)(errors="backslashreplace")
    if not asked.inputs:
        return check_example(HERE, model=asked.model, top=asked.top)
    described = read_json(HERE / "input.json")
    network, status = load(HERE, model=asked.model), 0
    for path in (file for given in asked.inputs for file in files_in(given)):
        try:
            for names, inputs in inputs_of(path):
                for name, output in zip(names, network(inputs), strict=True):
                    sys.stdout.write(line_of(name, output, described, top=asked.top) + "\n")
        except ImportError:
            raise
        except Exception as error:  # noqa: BLE001 - decoders raise whatever there is
            sys.stderr.write(f"{path}: {getattr(error, 'strerror', None) or error}\n")
            status = 1
    return status


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):  # end silently where nobody reads on
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        sys.exit(main(sys.argv[1:]))
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"predict.py: {error}")
