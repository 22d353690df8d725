"""A training on disk, whole or absent: what it needs to go on as if it had never been cut."""

import io
from pathlib import Path

import torch

from nas.files import write_bytes
from nas.train.loop import Training

_FILE = "training.pt"


def save_checkpoint(training: Training, folder: Path) -> None:
    """Write the training's state to `folder`; a crash leaves the old state or the new one."""
    buffer = io.BytesIO()
    torch.save(
        {
            "model": training.model.state_dict(),
            "optimizer": training.optimizer.state_dict(),
            "step": training.step,
            "num_steps": training.num_steps,
            "seed": training.seed,
            "random": torch.get_rng_state(),
            "cuda_random": (
                torch.cuda.get_rng_state() if training.device.type == "cuda" else None
            ),
        },
        buffer,
    )
    write_bytes(folder / _FILE, buffer.getvalue())


def load_checkpoint(training: Training, folder: Path) -> bool:
    """Bring a fresh training to the state that was saved in `folder`; say whether there was one.

    A state of another seed or another number of steps belongs to other settings and is left alone.
    """
    path = folder / _FILE
    if not path.is_file():
        return False
    state = torch.load(path, map_location=training.device, weights_only=True)
    if (state["seed"], state["num_steps"]) != (training.seed, training.num_steps):
        return False
    training.model.load_state_dict(state["model"])
    training.optimizer.load_state_dict(state["optimizer"])
    training.step = state["step"]
    torch.set_rng_state(state["random"].cpu())
    if state["cuda_random"] is not None and training.device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda_random"].cpu())
    return True
