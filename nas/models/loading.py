"""A trained model to start from: by timm's name, by a function of yours, or from a file.

Weights are a state dict (`.safetensors`, or `.pt` and `.pth` as `torch.save` writes them), and are
read as data. A file of a whole model (`torch.save(model, path)`) needs no function, but is a
pickle: reading it runs the code that is in it (`nas.models.unpickling`).
"""

import pickle
import warnings
import zipfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from nas.errors import SpaceError
from nas.models.timm_scaling import build_timm, check_name
from nas.models.unpickling import may_unpickle
from nas.task import DataShape

_FILES = (".pt", ".pth")
_NOMINAL = DataShape((3, 64, 64), 10)
_PICKLE = (
    "is a pickle, and reading it would run whatever code its author put into it, with all your "
    "rights; save the weights alone, by torch.save(model.state_dict(), path) or as .safetensors, "
    "and name the model beside them; or add trust=true if you trust whoever made the file"
)


@dataclass(frozen=True)
class StartingModel:
    """Where a model comes from.

    Attributes:
        model: timm's name, the dotted name of a function without arguments, or a file of a whole
            model.
        weights: a file of its weights, or None.
        pretrained: timm's published weights; a text is a folder with files of them.
        input_size: (H, W) that it was trained at, for models that are made for one size.
        unpickles: read files that run code while they are read; see `nas.models.unpickling`.
    """

    model: str
    weights: str | None = None
    pretrained: bool | str = False
    input_size: tuple[int, int] | None = None
    unpickles: bool = field(default_factory=may_unpickle)

    def load(self, data: DataShape | None = None) -> nn.Module:
        """Return the model with its weights, on the CPU, for data of that shape.

        Where the data have another number of classes, timm's models get a new classifier and keep
        the rest. Without data the shape is that of the weights, or a nominal one.

        Raises:
            SpaceError: the model or its weights cannot be found, or fit neither each other nor the
                data.
        """
        with torch.device("cpu"):
            state = None if self.weights is None else self._state()
            if "." not in self.model or timm.is_model(self.model):
                return self._load_timm(state, data)
            model = self._model()
            if state is not None:
                _load_state(model, state, of=self.model, weights=str(self.weights))
            if data is not None:
                check_fits(model, data)
            return model

    def _state(self) -> dict[str, Any]:
        assert self.weights is not None, "there are weights to read"
        return read_weights(self.weights, unpickles=self.unpickles)

    def _model(self) -> nn.Module:
        if is_file(self.model):
            return _from_file(self.model, unpickles=self.unpickles)
        return _from_function(self.model)

    def _load_timm(self, state: dict[str, Any] | None, data: DataShape | None) -> nn.Module:
        settings = timm.get_pretrained_cfg(check_name(self.model))
        wanted = data or _NOMINAL
        channels, num_classes = wanted.input_shape[0], wanted.num_classes
        if state is not None and settings is not None:
            num_classes = _rows(state, settings.classifier, 0, num_classes)
            channels = _rows(state, settings.first_conv, 1, channels)
        model = build_timm(
            self.model,
            num_classes=num_classes,
            in_channels=channels,
            image_size=self.input_size,
            pretrained=self.pretrained,
        )
        if state is not None:
            _load_state(model, state, of=self.model, weights=str(self.weights))
        if data is not None and data.num_classes != num_classes:
            model.reset_classifier(data.num_classes)  # type: ignore[operator] # timm's own
        if data is not None and data.input_shape[0] != channels:
            raise SpaceError(
                f"the weights {self.weights} take images of {channels} channels, "
                f"but the data have {data.input_shape[0]}"
            )
        return model


def read_weights(path: str, *, unpickles: bool = False) -> dict[str, Any]:
    """Return a state dict from a file.

    Raises:
        SpaceError: there is no such file, or it holds no state dict, or more than weights.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise SpaceError(f"weights: there is no file {file.absolute()}")
    if file.suffix == ".safetensors":
        try:
            return dict(load_file(file))
        except (SafetensorError, OSError, ValueError) as error:
            raise SpaceError(f"weights: {file} cannot be read: {error}") from error
    found = _loaded(file, "weights", unpickles=unpickles)
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(torch.is_tensor(v) for v in found.values()):
        raise SpaceError(
            f"weights: {file} holds no state dict; "
            "write it by torch.save(model.state_dict(), path)"
        )
    return found


def check_fits(model: nn.Module, data: DataShape) -> None:
    """Refuse a model that does not turn images of that shape into logits of those classes.

    Raises:
        SpaceError: with the shapes.
    """
    size = getattr(model, "input_size", data.input_shape[1:])
    images = torch.zeros(2, data.input_shape[0], *size)
    try:
        with torch.no_grad():
            logits = model.eval()(images)
    except RuntimeError as error:
        raise SpaceError(
            f"the model cannot take images of shape {tuple(images.shape)}: {error}"
        ) from error
    if tuple(logits.shape) != (2, data.num_classes):
        raise SpaceError(
            f"the model gives {tuple(logits.shape)} for two images of {data.num_classes} classes; "
            f"it should give (2, {data.num_classes})"
        )


def _rows(state: dict[str, Any], layer: Any, dim: int, default: int) -> int:
    """Return a side of a layer's weights, which tells classes or channels."""
    first = layer[0] if isinstance(layer, list | tuple) and layer else layer
    tensor = state.get(f"{first}.weight")
    return default if tensor is None else int(tensor.shape[dim])


def is_file(name: str) -> bool:
    """Say whether a model is named by a file."""
    return Path(name).suffix in _FILES


def _loaded(file: Path, what: str, *, unpickles: bool) -> Any:
    """Return what torch saved in a file: plain data, or whatever it is where that is allowed.

    Raises:
        SpaceError: it cannot be read, or not without running code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of scripts, which are refused below
            return torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        if not unpickles:
            raise SpaceError(f"{what}: {file} {_why_not(file, error)}") from error
    except (AttributeError, TypeError, IndexError, OSError, UnicodeError, OverflowError) as error:
        raise SpaceError(f"{what}: {file} cannot be read: {error}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(file, map_location="cpu", weights_only=False)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise SpaceError(f"{what}: {file} cannot be read: {error}") from error


def _why_not(file: Path, error: Exception) -> str:
    """Tell a pickle or a script from a file that is merely broken."""
    if isinstance(error, pickle.UnpicklingError) or _is_script(file):
        return _PICKLE
    return f"cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}"


def _is_script(file: Path) -> bool:
    """Say whether a file is an archive of TorchScript, which alone keeps its constants apart."""
    if not zipfile.is_zipfile(file):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
    return any(name.split("/")[1:] == ["constants.pkl"] for name in names)


def _from_file(name: str, *, unpickles: bool) -> nn.Module:
    path = Path(name).expanduser()
    if not path.is_file():
        raise SpaceError(f"model: there is no file {path.absolute()}")
    model = _loaded(path, "model", unpickles=unpickles)
    if not isinstance(model, nn.Module):
        raise SpaceError(
            f"model: {path} holds a {type(model).__name__}, not a model; name the model, and give "
            "this file as weights"
        )
    return model


def _from_function(name: str) -> nn.Module:
    module_name, _, word = name.rpartition(".")
    try:
        function = getattr(import_module(module_name), word)
    except (ModuleNotFoundError, AttributeError) as error:
        raise SpaceError(
            f"model '{name}' is neither a model of timm, nor a file ({', '.join(_FILES)}), nor a "
            f"function that Python finds: {error}"
        ) from error
    model = function()
    if not isinstance(model, nn.Module):
        raise SpaceError(f"{name}() must return a model, but returned {type(model).__name__}")
    return model


def _load_state(model: nn.Module, state: dict[str, Any], *, of: str, weights: str) -> None:
    own = model.state_dict()
    wrong = [
        f"{name} is {tuple(state[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in state and state[name].shape != tensor.shape
    ]
    wrong += [f"{name} is missing" for name in own if name not in state]
    wrong += [f"{name} is unknown" for name in state if name not in own]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise SpaceError(
            f"the weights {weights} are not those of {of}: {'; '.join(wrong[:3])}{more}"
        )
    model.load_state_dict(state)
