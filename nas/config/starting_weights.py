"""Are the weights there that networks are to start from? Told before torch and timm are loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.models.hub import is_surely_unavailable, unavailable

_SPACES = ("search_spaces.timm_family.", "search_spaces.elastic.")  # that take published weights


def weight_faults(values: Mapping[str, Any]) -> list[str]:
    """Return why networks cannot start from the weights that are named."""
    space, training = (values.get(name) for name in ("search_space", "training"))
    faults = []
    if isinstance(training, Mapping) and isinstance(place := training.get("transfer_from"), str):
        advice = "give the folder of a run, such as runs/1, or of one of its networks, such as "
        faults += _absent("training.transfer_from", place, f"{advice}runs/1/finish/12")
    if isinstance(space, Mapping) and str(space.get("_target_")).startswith(_SPACES):
        faults += _published_faults(space)
    return faults


def _published_faults(space: Mapping[str, Any]) -> list[str]:
    pretrained, weights = space.get("pretrained"), space.get("weights")
    if isinstance(weights, str):
        advice = "give a file of weights: .safetensors, .pt or .pth"
        return _absent("search_space.weights", weights, advice)
    if isinstance(pretrained, str):
        advice = "give a folder of NAME.safetensors, or true for the published weights"
        return _absent("search_space.pretrained", pretrained, advice)
    if pretrained is not True:
        return []
    named = space.get("models", space.get("model"))
    names = named if isinstance(named, list) else [named]
    plain = [name for name in names if isinstance(name, str) and not set("*?[/") & set(name)]
    return next(
        ([f"search_space: {unavailable(name)}"] for name in plain if is_surely_unavailable(name)),
        [],
    )


def _absent(setting: str, place: str, advice: str) -> list[str]:
    path = Path(place).expanduser().absolute()
    return [] if path.exists() else [f"{setting}: there is no {path}; {advice}"]
