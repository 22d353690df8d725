"""Low-rank updates of a trained decoder, whose own weights stay as they are.

LoRA: Hu et al., 2021, https://arxiv.org/abs/2106.09685, section 4.1: to a matrix is added the
product of two thin ones, times alpha over the rank, zero at first. The frozen weights are buffers
that no checkpoint holds: what is trained and stored are the thin matrices alone. Queries, keys and
values have updates of their own, as have both parts of the gate, so that the files of the package
peft hold them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from nas.models.decoder import Decoder, DecoderBlock, DecoderPlan

# ruff: noqa: N803 - names of tensors end in their shapes
# B texts, T tokens, I inputs, O outputs, R rank

ATTENTION_PARTS, MLP_PARTS = "attention", "mlp"
TARGETS = (ATTENTION_PARTS, MLP_PARTS, "all")


@dataclass(frozen=True)
class LoraPlan:
    """Which updates a decoder gets.

    Attributes:
        rank: of each.
        alpha: an update counts alpha / rank times.
        targets: attention, mlp or all: which matrices.
        num_layers: the last so many layers have updates.
    """

    rank: int
    alpha: float
    targets: str
    num_layers: int

    @property
    def scale(self) -> float:
        """What an update is multiplied by."""
        return self.alpha / self.rank


class UpdatedLinear(nn.Module):
    """A frozen product, and thin updates of parts of its outputs.

    Args:
        weight_OI: stays as it is.
        sizes: outputs of each part, together all of them.
        plan: of the updates.
    """

    weight: torch.Tensor

    def __init__(self, weight_OI: torch.Tensor, sizes: Sequence[int], plan: LoraPlan) -> None:
        super().__init__()
        self.plan, self.scale = plan, plan.scale
        self.register_buffer("weight", weight_OI.detach(), persistent=False)
        inputs = weight_OI.shape[1]
        self.down = nn.ParameterList(
            nn.Parameter(weight_OI.new_empty(plan.rank, inputs)) for _ in sizes
        )
        self.up = nn.ParameterList(nn.Parameter(weight_OI.new_zeros(o, plan.rank)) for o in sizes)
        for matrix in self.down:
            nn.init.normal_(matrix, std=inputs**-0.5)

    def forward(self, x_BTI: torch.Tensor) -> torch.Tensor:
        """Return (B, T, O)."""
        added = [
            functional.linear(functional.linear(x_BTI, down), up)
            for down, up in zip(self.down, self.up, strict=True)
        ]
        return functional.linear(x_BTI, self.weight) + self.scale * torch.cat(added, dim=-1)

    def extra_repr(self) -> str:
        """Tell what the shapes of the weights do not."""
        return f"rank={self.plan.rank}, alpha={self.plan.alpha:g}"

    def merged(self) -> torch.Tensor:
        """Return the weight (O, I) with its updates."""
        added = [up @ down for down, up in zip(self.down, self.up, strict=True)]
        return self.weight + self.scale * torch.cat(added)


def add_updates(model: Decoder, plan: LoraPlan) -> None:
    """Freeze a decoder and give it updates, in place."""
    number = len(model.blocks)
    for index, block in enumerate(model.blocks):
        assert isinstance(block, DecoderBlock), "blocks holds nothing else"
        if index >= number - plan.num_layers:
            for owner, name, sizes in _places(block, model.plan, index, plan.targets):
                linear = getattr(owner, name)
                setattr(owner, name, UpdatedLinear(linear.weight, sizes, plan))
    for module in model.modules():
        if isinstance(module, UpdatedLinear | nn.ParameterList):
            continue
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach(), persistent=False)


def _places(
    block: DecoderBlock, plan: DecoderPlan, index: int, targets: str
) -> Iterator[tuple[nn.Module, str, list[int]]]:
    """Yield who owns a matrix that gets updates, its name, and the outputs of its parts."""
    hidden = plan.layers[index].hidden_features
    if targets != MLP_PARTS:
        yield block.mixer, "qkv", [plan.query_features, plan.kv_features, plan.kv_features]
        yield block.mixer, "out", [plan.width]
    if targets != ATTENTION_PARTS:
        yield block.feed_forward, "gate_in", [hidden, hidden]
        yield block.feed_forward, "out", [plan.width]


def has_updates(model: nn.Module) -> bool:
    """Say whether some weights of a model are updates of frozen ones."""
    return any(isinstance(module, UpdatedLinear) for module in model.modules())


def plan_of_updates(model: Decoder) -> LoraPlan:
    """Return which updates a decoder has; it has some."""
    return next(m.plan for m in model.modules() if isinstance(m, UpdatedLinear))


def merged_decoder(model: Decoder) -> Decoder:
    """Return an ordinary decoder that computes the same."""
    found = Decoder(model.plan)
    frozen = {name: tensor for name, tensor in model.named_buffers() if name != "rotary"}
    updated = {
        f"{name}.weight": module.merged()
        for name, module in model.named_modules()
        if isinstance(module, UpdatedLinear)
    }
    found.load_state_dict({**frozen, **updated})
    return found.to(model.rotary.device)


def num_update_weights(plan: DecoderPlan, lora: LoraPlan) -> int:
    """Return how many numbers are trained, without building."""
    total = 0
    for layer in plan.layers[len(plan.layers) - lora.num_layers :]:
        width, query, kv = plan.width, plan.query_features, plan.kv_features
        if lora.targets != MLP_PARTS:
            total += 3 * width + query + 2 * kv + query + width
        if lora.targets != ATTENTION_PARTS:
            total += 2 * (width + layer.hidden_features) + layer.hidden_features + width
    return lora.rank * total


def updates_of(model: Decoder) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return the thin matrices (R, I) and (O, R) of each update, by Llama's name of its weight."""
    parts = {
        "mixer.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "mixer.out": ("self_attn.o_proj",),
        "feed_forward.gate_in": ("mlp.gate_proj", "mlp.up_proj"),
        "feed_forward.out": ("mlp.down_proj",),
    }
    found = {}
    for name, module in model.named_modules():
        if not isinstance(module, UpdatedLinear):
            continue
        _, index, own = name.split(".", 2)
        for place, theirs in enumerate(parts[own]):
            thin = (module.down[place].detach().cpu(), module.up[place].detach().cpu())
            found[f"model.layers.{index}.{theirs}"] = thin
    return found


def peft_tensors(model: Decoder) -> dict[str, torch.Tensor]:
    """Return the updates by the names that the package peft reads."""
    found = {}
    for name, (down, up) in updates_of(model).items():
        found[f"base_model.model.{name}.lora_A.weight"] = down.contiguous()
        found[f"base_model.model.{name}.lora_B.weight"] = up.contiguous()
    return found


def peft_config(plan: LoraPlan, *, num_layers: int, base: str) -> dict[str, object]:
    """Return the content of adapter_config.json, as the package peft reads it.

    Args:
        plan: of the updates.
        num_layers: of the whole decoder.
        base: where the model is that they belong to.
    """
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    mlp = ["gate_proj", "up_proj", "down_proj"]
    targets = {ATTENTION_PARTS: attention, MLP_PARTS: mlp}.get(plan.targets, attention + mlp)
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": plan.rank,
        "lora_alpha": plan.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "target_modules": targets,
        "layers_to_transform": list(range(num_layers - plan.num_layers, num_layers)),
        "layers_pattern": "layers",
    }
