"""Where the stages and blocks of a network are, found by its structure.

A stage is a container (`nn.Sequential`, `nn.ModuleList`) of blocks; a block is a module with
layers inside. Blocks that put out what they take in can be left out; the last ones first, as in
Once-for-All's elastic depth (Cai et al., 2020, https://arxiv.org/abs/1908.09791, section 3.3).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nas.errors import SpaceError, nearest_first

_Container = nn.Sequential | nn.ModuleList


@dataclass(frozen=True)
class BlockStage:
    """A container of blocks.

    Attributes:
        name: of the container.
        blocks: names of its blocks, inside it, in order.
        num_removable: how many of the last blocks can be left out; one block always stays.
        linears: names of the linear layers in it.
    """

    name: str
    blocks: tuple[str, ...]
    num_removable: int
    linears: tuple[str, ...]

    @property
    def label(self) -> str:
        """A word that can stand in the name of a parameter."""
        return self.name.replace(".", "_")

    def holds(self, module: str) -> bool:
        """Say whether a module of that name is in the stage."""
        return module.startswith(f"{self.name}.")


def find_stages(
    model: nn.Module, images: torch.Tensor, *, names: Sequence[str] | None = None
) -> tuple[BlockStage, ...]:
    """Return the stages of a model, in order.

    Args:
        model: any.
        images: an example batch.
        names: of the containers; None finds them.

    Raises:
        SpaceError: a name is no container of the model.
    """
    containers = dict(_walk(model, ""))
    if names is not None:
        known = {n: m for n, m in model.named_modules() if isinstance(m, _Container)}
        for name in names:
            if name not in known:
                raise SpaceError(
                    f"the model has no container '{name}'; nearest: {nearest_first(name, known)}"
                )
        containers = {name: known[name] for name in names}
    shapes = _block_shapes(model, containers, images)
    return tuple(_stage(name, container, shapes) for name, container in containers.items())


def drop_blocks(model: nn.Module, stage: BlockStage, num_kept: int) -> None:
    """Leave out the last blocks of a stage, in place."""
    container = model.get_submodule(stage.name)
    assert isinstance(container, _Container), f"{stage.name} is no container"
    del container[num_kept:]


def _stage(
    name: str, container: nn.Module, shapes: dict[str, tuple[torch.Size, torch.Size]]
) -> BlockStage:
    blocks = tuple(word for word, _ in container.named_children())
    num_removable = 0
    for word in reversed(blocks[1:]):
        taken, given = shapes.get(f"{name}.{word}", (None, ()))
        if taken != given:
            break
        num_removable += 1
    linears = tuple(
        f"{name}.{word}"
        for word, module in container.named_modules()
        if isinstance(module, nn.Linear)
    )
    return BlockStage(name, blocks, num_removable, linears)


def _walk(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    for word, child in module.named_children():
        full = f"{name}.{word}" if name else word
        if isinstance(child, _Container) and _blocks_of(child) and not _has_stages_inside(child):
            yield full, child
        else:
            yield from _walk(child, full)


def _blocks_of(container: nn.Module) -> list[nn.Module]:
    return [
        child
        for child in container.children()
        if not isinstance(child, _Container) and any(True for _ in child.children())
    ]


def _has_stages_inside(container: nn.Module) -> bool:
    """Say whether its blocks are themselves stages: lists of two equal blocks or more."""
    for block in _blocks_of(container):
        for inner in block.modules():
            kinds = [type(child) for child in _blocks_of(inner)]
            if isinstance(inner, _Container) and len(kinds) > len(set(kinds)):
                return True
    return False


def _block_shapes(
    model: nn.Module, containers: dict[str, nn.Module], images: torch.Tensor
) -> dict[str, tuple[torch.Size, torch.Size]]:
    """Return the shapes of input and output of each block that takes and gives one tensor."""
    shapes: dict[str, tuple[torch.Size, torch.Size]] = {}
    hooks = []
    for name, container in containers.items():
        for word, block in container.named_children():
            hooks.append(block.register_forward_hook(_recorder(shapes, f"{name}.{word}")))
    model.eval()
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return shapes


def _recorder(
    shapes: dict[str, tuple[torch.Size, torch.Size]], name: str
) -> Callable[[nn.Module, tuple[object, ...], object], None]:
    def record(_module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if inputs and isinstance(inputs[0], torch.Tensor) and isinstance(output, torch.Tensor):
            shapes[name] = (inputs[0].shape, output.shape)

    return record
