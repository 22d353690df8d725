"""Makes the four folders of photos of the contest, each with photos that no search ever sees.

    python -m experiments.photos.sets CLOTHES CIFAR10 PICTURES FOLDER

CLOTHES holds `train`, `validation` and `test` with a folder for each class; CIFAR10 the mosaics of
`experiments.cifar10.convert`; PICTURES the pictures that scikit-image ships (`skimage/data`).
Below FOLDER come `clothes`, `cifar10`, `crops` and `glyphs`, each with `known/<class>/*.jpg`,
which is what a user has, and `unseen/<class>/*.jpg`, which judges what was made of it.
"""

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from experiments.cifar10.convert import convert
from experiments.smoke import make_parser, run_experiment

COUNTS = {"known": 120, "unseen": 300}  # images of a class, of the sets that are made here
PICTURES = (
    "astronaut.png", "brick.png", "chelsea.png", "coffee.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png", "rocket.jpg",
)  # fmt: skip
SEED = 0
Counts = Mapping[str, int]
LETTERS, NEIGHBOURS, GLYPH_SEED = "aegkmqrsyz", "bcdfhijlnoptuvwx", 5


def main(words: Sequence[str]) -> int:
    """Make the folders that are not there yet."""
    parser = make_parser(__doc__)
    for name in ("clothes", "cifar10", "pictures", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--few", action="store_true", help="two images of a class")
    options = parser.parse_args(words)
    counts = dict.fromkeys(COUNTS, 2) if options.few else COUNTS
    makers = {
        "clothes": (copy_clothes, options.clothes),
        "cifar10": (write_cifar10, options.cifar10),
        "crops": (write_crops, options.pictures),
        "glyphs": (write_glyphs, Path(matplotlib.get_data_path()) / "fonts" / "ttf"),
    }
    for name, (make, source) in makers.items():
        folder = options.folder / name
        if not folder.is_dir():
            unfinished = options.folder / f".{name}"
            shutil.rmtree(unfinished, ignore_errors=True)
            make(source, unfinished, counts)
            unfinished.rename(folder)
        found = {part: len(list(folder.glob(f"{part}/*/*"))) for part in ("known", "unseen")}
        print(f"{folder}: {found['known']:,} images known, {found['unseen']:,} unseen")
    return 0


def copy_clothes(source: Path, folder: Path, _: Counts) -> None:
    """Put the training and validation photos together; the test photos are the unseen ones."""
    for split, part in (("train", "known"), ("validation", "known"), ("test", "unseen")):
        for path in sorted(source.glob(f"{split}/*/*")):
            to = folder / part / path.parent.name / f"{split}_{path.name}"
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)


def write_cifar10(source: Path, folder: Path, counts: Counts) -> None:
    """Write 120 images a class as JPEGs of mixed sizes, 32 to 96 pixels, wide and tall ones."""
    arrays = convert(source)
    rng = np.random.default_rng(SEED)
    for split, part in (("train", "known"), ("test", "unseen")):
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        for label, name in enumerate(arrays["class_names"]):
            chosen = np.flatnonzero(labels == label)[: counts[part]]
            for number, image in enumerate(images[chosen]):
                height, width = np.exp(rng.uniform(np.log(32), np.log(96), size=2)).astype(int)
                width = int(np.clip(width, 0.75 * height, 1.5 * height))
                resized = Image.fromarray(image).resize(
                    (width, int(height)), Image.Resampling.BICUBIC
                )
                _save(resized, folder / part / str(name) / f"{number:04}.jpg")


def write_crops(pictures: Path, folder: Path, counts: Counts) -> None:
    """Cut pieces of ten pictures: which picture is it? Unseen pieces come from its right third."""
    rng = np.random.default_rng(SEED)
    for name in PICTURES:
        picture = Image.open(pictures / name).convert("RGB")
        border = picture.width * 2 // 3
        for part, left, right in (("known", 0, border), ("unseen", border, picture.width)):
            for number in range(counts[part]):
                side = int(rng.integers(24, 49))
                x, y = rng.integers(left, right - side), rng.integers(0, picture.height - side)
                piece = picture.crop((int(x), int(y), int(x) + side, int(y) + side))
                # Colour would give the picture away: light and hue vary as between cameras.
                light = rng.uniform(0.5, 1.5) * rng.uniform(0.7, 1.3, size=3)
                lit = np.clip(np.asarray(piece, dtype=float) * light, 0, 255).astype(np.uint8)
                place = folder / part / name.partition(".")[0] / f"{number:04}.jpg"
                _save(Image.fromarray(lit), place)


def write_glyphs(fonts: Path, folder: Path, counts: Counts) -> None:
    """Write letters between two others, turned and grainy; unseen ones are of other fonts."""
    names = [
        path
        for path in sorted(fonts.glob("*.ttf"))
        if path.name.startswith(("DejaVu", "STIXGeneral")) and "Display" not in path.name
    ]
    rng = np.random.default_rng(GLYPH_SEED)
    rng.shuffle(names)
    for part, own in (("known", names[:9]), ("unseen", names[9:])):
        for letter in LETTERS:
            for number in range(counts[part]):
                _save(_glyph(letter, own, rng), folder / part / letter / f"{number:04}.jpg", 75)


def _glyph(letter: str, fonts: Sequence[Path], rng: np.random.Generator) -> Image.Image:
    height, width = int(rng.integers(60, 160)), int(rng.integers(60, 160))
    paper = tuple(int(value) for value in rng.integers(150, 256, 3))
    ink = tuple(int(value) for value in rng.integers(0, 110, 3))
    image = Image.new("RGB", (width, height), paper)
    path = fonts[int(rng.integers(len(fonts)))]
    font = ImageFont.truetype(str(path), int(rng.uniform(0.4, 0.8) * min(height, width)))
    text = NEIGHBOURS[int(rng.integers(16))] + letter + NEIGHBOURS[int(rng.integers(16))]
    left = width / 2 - font.getlength(text) / 2 + rng.uniform(-0.1, 0.1) * width
    top = height / 2 - font.size * 0.6 + rng.uniform(-0.15, 0.15) * height
    ImageDraw.Draw(image).text((left, top), text, font=font, fill=ink)
    turned = image.rotate(rng.uniform(-25, 25), fillcolor=paper, resample=Image.Resampling.BICUBIC)
    grain = rng.normal(0, 18, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(turned, float) + grain, 0, 255).astype(np.uint8))


def _save(image: Image.Image, path: Path, quality: int = 85) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=quality)


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: pretended pictures."""
    from experiments.cifar10.pretend import write_mosaics

    rng = np.random.default_rng(SEED)
    write_mosaics(folder / "cifar10")
    for place in [*(f"pictures/{name}" for name in PICTURES), "clothes/train/hat/1.jpg",
                  "clothes/validation/hat/2.jpg", "clothes/test/hat/3.jpg"]:  # fmt: skip
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (160, 180, 3), dtype=np.uint8)).save(path)
    yield ["--few", *(str(folder / name) for name in ("clothes", "cifar10", "pictures", "sets"))]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
