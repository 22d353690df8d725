"""The mean of a tensor as a module, for parts of networks that are run by themselves."""

import torch
from torch import nn


class Mean(nn.Module):
    """The mean over some dimensions."""

    def __init__(self, *dimensions: int) -> None:
        super().__init__()
        self.dimensions = dimensions

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Return the mean."""
        return given.mean(self.dimensions)
