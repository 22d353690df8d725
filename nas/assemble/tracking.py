"""Makes the tracker that a configuration names; nothing of it is imported unless one is named."""

from collections.abc import Callable
from importlib import import_module

from nas.config.schema import Tracking, TrackingKind
from nas.errors import MissingPackageError
from nas.tracking.tracker import Tracker

_CLASSES = {
    TrackingKind.MLFLOW: ("nas.tracking.mlflow_tracker", "MlflowTracker"),
    TrackingKind.WANDB: ("nas.tracking.wandb_tracker", "WandbTracker"),
    TrackingKind.TENSORBOARD: ("nas.tracking.tensorboard_tracker", "TensorboardTracker"),
}


def make_tracker(config: Tracking) -> Tracker | None:
    """Return the tracker; None where none is wanted.

    Raises:
        MissingPackageError: its package is not installed.
    """
    if config.kind is TrackingKind.NONE:
        return None
    module, name = _CLASSES[config.kind]
    make: Callable[..., Tracker] = getattr(import_module(module), name)
    try:
        return make(config.place, config.project)
    except ImportError as error:
        raise MissingPackageError(
            f"tracking={config.kind} needs a package that is not installed ({error}); "
            f"pip install 'nas[{config.kind}]', or leave tracking=... out"
        ) from error
