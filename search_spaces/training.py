"""Any space, with settings of the training as further parameters.

The best learning rate or weight decay differs between networks, so a search may choose them for
each (joint architecture and hyperparameter search: Zela et al., 2018,
https://arxiv.org/abs/1807.06906; Klein and Hutter, 2019, https://arxiv.org/abs/1905.04970). They
cost no bytes: two points that differ in them alone build one network, and are two trainings.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.evaluation.chosen import PREFIX
from nas.space.extended import ExtendedSpace
from nas.space.space import SearchSpace
from nas.task import DataShape

# Those of the shipped recipes; a recipe of the user's own may have others.
_USUAL = frozenset({
    *("learning_rate", "weight_decay", "label_smoothing", "warmup", "epochs", "batch_size"),
    *("augmentation", "shift", "crop", "colour", "erasing", "mixup", "adapter_rank"),
    *("tokens", "batch_tokens", "optimizer", "averaging"),
})  # fmt: skip


class TrainingSpace(ExtendedSpace):
    """A space and settings of its networks' training.

    Args:
        space: builds the networks.
        settings: name of a setting of `training` -> a domain as in a tree of parameters, or None
            to leave it as `training` says.

    Raises:
        SpaceError: no setting is given, or one cannot be read.
    """

    told_by_parameters: ClassVar[frozenset[str]] = _USUAL

    def __init__(self, space: SearchSpace, **settings: Any) -> None:
        tree = {name: node for name, node in settings.items() if node is not None}
        if not tree:
            raise SpaceError(
                "search_space.training: no setting is searched; give one, such as "
                "search_space.training.learning_rate={float:[0.003,0.1],log:true}"
            )
        super().__init__(space, {PREFIX.rstrip("."): tree})
        depends = [parameter.name for parameter in self._own if parameter.conditions]
        if depends:
            raise SpaceError(
                f"search_space.{depends[0]}: settings of a training cannot depend on others; "
                "leave out 'when' and 'repeat'"
            )

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained model, as the space inside builds it."""
        return self.space.build(self.parted(architecture)[0], data)

    def check_data(self, data: DataShape) -> None:
        """Refuse what the space inside refuses.

        Raises:
            SpaceError: the data do not fit.
        """
        self.space.check_data(data)

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return the costs of the network: its training changes none."""
        return self.space.static_costs(self.parted(architecture)[0], data)

    def places(self, architecture: Architecture) -> Mapping[str, str] | None:
        """Return what the space inside says: its training changes no network."""
        return self.space.places(self.parted(architecture)[0])

    def identity(self, architecture: Architecture) -> str:
        """Return the identity of the network, and how it is trained."""
        inner, own = self.parted(architecture)
        return f"{self.space.identity(inner)} {sorted(own.items())}"
