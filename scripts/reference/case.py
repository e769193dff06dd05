"""A case: a module to export, its mode, and generic values for its parameters and inputs."""

import zlib
from dataclasses import dataclass
from typing import Any, Callable, Optional

import torch
from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)


class Function(nn.Module):
    """A module without parameters, from a function."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


@dataclass
class Case:
    """One module to export. `mode` is 'eval' (the exporter may fold BatchNormalization into Conv), 'keep' (evaluation,
    nothing folded) or 'train'. An input is a shape (standard normal values), or a tensor. Without `opset` and `folding`
    they follow from the name, so that they are spread over the cases and stay put when a case is added."""

    name: str
    module: Any
    inputs: tuple
    mode: str = 'eval'
    opset: Optional[int] = None
    folding: Optional[bool] = None
    dynamic: bool = False
    """The batch is symbolic, and is 2 at the export: shapes are computed inside the graph."""
    plain_norms: bool = False
    """Norms keep scale 1 and shift 0: the exporter then merges equal initializers and copies them through Identity."""
    convention: bool = False
    """The subgradient is a matter of convention: only its sum is comparable."""

    def __post_init__(self):
        self.seed = zlib.crc32(self.name.encode())
        if self.opset is None:
            self.opset = 11 + self.seed % 7
        if self.folding is None:
            self.folding = (self.seed >> 8) % 2 == 0
        if not isinstance(self.module, nn.Module):
            self.module = Function(self.module)


def randomize(module: nn.Module, seed: int, plain_norms: bool = False) -> None:
    """Gives every parameter and running statistic a generic value; weights keep the scale of their fan-in."""
    generator = torch.Generator().manual_seed(seed)

    def normal(shape):
        return torch.randn(shape, generator=generator)

    with torch.no_grad():
        for owner in module.modules():
            norm = isinstance(owner, NORMS)
            for name, value in owner.named_parameters(recurse=False):
                if norm and plain_norms:
                    continue
                if value.dim() > 1:
                    value.copy_(normal(value.shape) / max(1, value[0].numel()) ** 0.5)
                else:
                    value.copy_((0 if name == 'bias' else 1) + 0.3 * normal(value.shape))
            for name, value in owner.named_buffers(recurse=False):
                if name == 'running_mean':
                    value.copy_(0.3 * normal(value.shape))
                if name == 'running_var':
                    value.copy_(0.5 + torch.rand(value.shape, generator=generator))


def make_inputs(case: Case) -> list:
    generator = torch.Generator().manual_seed(case.seed + 1)
    return [
        item if isinstance(item, torch.Tensor) else torch.randn(item, generator=generator)
        for item in case.inputs
    ]


def set_mode(module: nn.Module, mode: str) -> nn.Module:
    """Training affects the norms only: dropout and stochastic depth would make the outputs random."""
    module.eval()
    if mode == 'train':
        module.training = True
        for part in module.modules():
            if isinstance(part, NORMS):
                part.train()
    return module
