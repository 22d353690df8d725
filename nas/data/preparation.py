"""What all loaders of encoded images may be told: size, channels, splits, where pixels are kept.

The configuration is checked against the signature of a loader, so each must show all of it:
`with_preparation` gives a loader these settings beside its own.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeAlias, get_type_hints

from nas.data.dataset import Dataset
from nas.data.heads import look_at_heads
from nas.data.picture import MODES, DecodeSettings, Fit, ImageSource, OnBroken
from nas.errors import DataError
from nas.planning.image_side import SIDE_ON_CPU, KeptSize, kept_channels, kept_size

AUTO: Final = "auto"
ImageSize: TypeAlias = int | Sequence[int] | Literal["auto"] | None

_MAX_SIDE = 4096  # pixels; no network of the shipped spaces takes more


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How encoded images become a data set.

    Attributes:
        image_size: side, or height and width, that all images are resized to, pixels; None if they
            are alike; auto: by the sizes of the files (`nas.planning.image_side`).
        fit: how images of another shape come to that size: stretch, crop or pad.
        channels: 1 for grey, 3 for colour; auto: 1 where no file has colour.
        on_broken: refuse images that cannot be read, or skip them; both name all of them.
        validation_fraction: share of each class held out for validation where there is no such
            split.
        test_fraction: the same for the test.
        split_seed: of these draws.
        is_mirrorable: a mirrored image keeps its class; auto: as the training images say
            (`nas.data.mirroring`).
        streaming: true decodes images again in each epoch, false keeps all of them decoded in
            memory; auto streams what would take more than `memory_limit_mb`.
        memory_limit_mb: megabytes (1e6 bytes) that the decoded images of all splits may take.
        auto_side: the largest side that `image_size` auto gives, pixels.

    Raises:
        DataError: a setting is not allowed.
    """

    image_size: int | Sequence[int] | Literal["auto"] | None = None
    fit: Fit = Fit.STRETCH
    channels: int | Literal["auto"] = 3
    on_broken: OnBroken = OnBroken.REFUSE
    validation_fraction: float = 0.2
    test_fraction: float = 0.1
    split_seed: int = 0
    is_mirrorable: bool | Literal["auto"] = False
    streaming: bool | Literal["auto"] = "auto"
    memory_limit_mb: float = 4000.0
    auto_side: int = SIDE_ON_CPU

    def __post_init__(self) -> None:
        if self.channels not in (*MODES, AUTO):
            raise DataError(
                f"data.channels must be 1 (grey), 3 (colour) or auto, but got {self.channels!r}"
            )
        for key, value, kind in (("fit", self.fit, Fit), ("on_broken", self.on_broken, OnBroken)):
            if value not in list(kind):
                allowed = ", ".join(kind)
                raise DataError(f"data.{key} must be one of {allowed}, but got {value!r}")
        if self.streaming not in (True, False, "auto"):
            raise DataError(
                f"data.streaming must be one of true, false, auto, but got {self.streaming!r}"
            )
        if not self.memory_limit_mb > 0:
            raise DataError(
                f"data.memory_limit_mb must be above 0, but got {self.memory_limit_mb!r}; "
                "data.streaming=true streams whatever the size"
            )
        if self.is_mirrorable not in (True, False, AUTO):
            raise DataError(
                f"data.is_mirrorable must be one of true, false, auto, but got "
                f"{self.is_mirrorable!r}"
            )
        for key in ("validation_fraction", "test_fraction"):
            share = getattr(self, key)
            if not 0 <= share < 1:  # 0 where the split is given; `hold_out` judges the others
                raise DataError(
                    f"data.{key} must be a share from 0 to 1, or as 20%, but got {share:g}"
                )
        if self.split_seed < 0:
            raise DataError(f"data.split_seed must be at least 0, but got {self.split_seed}")
        _checked_size(self.image_size)

    def stored(self, sources: Iterable[ImageSource]) -> tuple[DecodeSettings, KeptSize | None]:
        """Return how decoded images are stored; where that was left open, what decided it.

        Raises:
            DataError: it was left open, and no image can be opened.
        """
        if AUTO not in (self.image_size, self.channels):
            return self._stored(self.image_size, self.channels), None
        found = look_at_heads(sources)
        if not found:
            raise DataError(
                "no image can be opened, so their size is not known; repair the images, or "
                "give data.image_size and data.channels to see what is wrong with each"
            )
        channels = kept_channels(found) if self.channels == AUTO else self.channels
        if self.image_size != AUTO:
            return self._stored(self.image_size, channels), None
        kept = kept_size(found, most=self.auto_side)
        return self._stored((kept.height, kept.width), channels), kept

    def _stored(self, size: ImageSize, channels: int | Literal["auto"]) -> DecodeSettings:
        assert channels != AUTO, "what was left open is decided"
        fit, on_broken = Fit(self.fit), OnBroken(self.on_broken)
        return DecodeSettings(channels, _checked_size(size), fit, on_broken)

    @property
    def fractions(self) -> Mapping[str, float]:
        """Split that may be absent -> share of each class that is held out for it."""
        return {"validation": self.validation_fraction, "test": self.test_fraction}

    def is_streamed(self, num_images: int, image_shape: Sequence[int]) -> bool:
        """Say whether so many images of a shape (H, W, C), uint8, are not kept decoded."""
        if isinstance(self.streaming, bool):
            return self.streaming
        height, width, channels = image_shape
        return num_images * height * width * channels > self.memory_limit_mb * 1e6


def _checked_size(image_size: ImageSize) -> tuple[int, int] | None:
    if image_size is None or image_size == AUTO:
        return None
    sides = [image_size, image_size] if isinstance(image_size, int) else list(image_size)
    if len(sides) != 2 or any(
        isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sides
    ):
        raise DataError(
            f"data.image_size must be a side or [height, width], in pixels, but got {image_size!r}"
        )
    if max(sides) > _MAX_SIDE:
        raise DataError(
            f"data.image_size may be {_MAX_SIDE} pixels a side at most, but got {image_size!r}"
        )
    return sides[0], sides[1]


def with_preparation(
    **defaults: Any,
) -> Callable[[Callable[..., Dataset]], Callable[..., Dataset]]:
    """Let a loader with the argument `preparation` take the settings of `Preparation` by name.

    `loader.prepared(settings)` judges them without a look at the data.

    Args:
        defaults: settings whose default is another one for this loader.
    """
    names = [item.name for item in fields(Preparation)]
    shared = inspect.signature(Preparation).parameters
    hints = get_type_hints(Preparation)

    def prepared(settings: Mapping[str, Any]) -> Preparation:
        given = {name: settings[name] for name in names if name in settings}
        return Preparation(**{**defaults, **given})

    def decorate(load: Callable[..., Dataset]) -> Callable[..., Dataset]:
        @functools.wraps(load)
        def loader(*args: Any, **settings: Any) -> Dataset:
            others = {name: value for name, value in settings.items() if name not in names}
            return load(*args, preparation=prepared(settings), **others)

        own = inspect.signature(load)
        parameters = [p for p in own.parameters.values() if p.name != "preparation"]
        parameters += [
            shared[name].replace(default=defaults.get(name, shared[name].default))
            for name in names
        ]
        annotations = {p.name: p.annotation for p in parameters}
        loader.__annotations__ = {**annotations, **{name: hints[name] for name in names}}
        loader.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined] # read by inspect
        loader.prepared = prepared  # type: ignore[attr-defined] # before anything is read
        return loader

    return decorate
