"""Low-rank updates of a frozen model as files: the package peft loads the folder."""

import json
from pathlib import Path

from safetensors.torch import save as save_safetensors

from nas.files import write_bytes, write_text
from nas.models.decoder import Decoder
from nas.models.decoder_lora import peft_config, peft_tensors, plan_of_updates


def write_updates(folder: Path, model: Decoder, *, base: str) -> None:
    """Write the updates of a decoder.

    Args:
        folder: gets adapter_config.json and adapter_model.safetensors.
        model: with updates.
        base: where the model is that they belong to.
    """
    config = peft_config(plan_of_updates(model), num_layers=len(model.blocks), base=base)
    write_text(folder / "adapter_config.json", json.dumps(config, indent=2) + "\n")
    content = save_safetensors(peft_tensors(model), metadata={"format": "pt"})
    write_bytes(folder / "adapter_model.safetensors", content)
