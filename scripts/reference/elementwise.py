"""Activations and arithmetic."""

import torch
import torch.nn.functional as F
from torch import nn

from case import Case

ACTIVATIONS = {
    'relu': nn.ReLU(),
    'hardtanh': nn.Hardtanh(-0.7, 1.1),
    'sigmoid': nn.Sigmoid(),
    'tanh': nn.Tanh(),
    'elu': nn.ELU(0.7),
    'selu': nn.SELU(),
    'celu': nn.CELU(1.3),
    'leaky-relu': nn.LeakyReLU(0.2),
    'silu': nn.SiLU(),
    'mish': nn.Mish(),
    'softplus': nn.Softplus(),
    'softsign': nn.Softsign(),
    'log-sigmoid': nn.LogSigmoid(),
    'gelu-erf': nn.GELU(),
    'gelu-tanh': nn.GELU(approximate='tanh'),
    'glu': nn.GLU(1),
    'erf': torch.erf,
    'exp': torch.exp,
    'log': lambda x: torch.log(x * x + 0.1),
    'sqrt': lambda x: torch.sqrt(x * x + 0.1),
    'rsqrt': lambda x: torch.rsqrt(x * x + 0.1),
    'reciprocal': lambda x: torch.reciprocal(x * x + 0.1),
    'abs': torch.abs,
    'neg': torch.neg,
    'sin-cos': lambda x: torch.sin(x) * torch.cos(2 * x),
    'square': lambda x: x**2,
    'cube': lambda x: x**3,
    'pow-fraction': lambda x: (x * x + 0.1) ** 0.7,
    'clamp': lambda x: torch.clamp(x, -0.5, 0.8),
    'clamp-low': lambda x: torch.clamp(x, min=-0.5),
    'clamp-high': lambda x: torch.clamp(x, max=0.5),
    'scalars': lambda x: 2 - 3 * x / 1.7 + 1 / (x * x + 1),
    'sign-times': lambda x: torch.sign(x) * x * x,
    'floor': lambda x: x * torch.floor(3 * x) + x.round(),
    'through-integer': lambda x: x * x.to(torch.int64) + x,
    'reused': lambda x: x * torch.sigmoid(x) + torch.tanh(x) - x * x,
}

BINARY = {
    'add': lambda x, y: x + y,
    'sub': lambda x, y: x - y,
    'mul': lambda x, y: x * y,
    'div': lambda x, y: x / (y * y + 0.3),
    'min': torch.minimum,
    'max': torch.maximum,
    'pow': lambda x, y: (x * x + 0.2) ** y,
}

SHAPES = {
    'same': ((2, 3, 4), (2, 3, 4)),
    'channel': ((2, 3, 4, 4), (3, 1, 1)),
    'both': ((3, 1, 4), (2, 1, 5, 1)),
    'scalar': ((2, 3), ()),
}


def cases():
    for name, module in ACTIVATIONS.items():
        yield Case(name, module, ((2, 4, 3, 5),))
    # These are written with other operators in an old and in a new opset.
    for opset in (11, 12, 14, 16):
        yield Case(f'relu6-opset{opset}', nn.ReLU6(), ((2, 3, 20),), opset=opset)
    for opset in (11, 14, 17):
        yield Case(f'hardswish-opset{opset}', nn.Hardswish(), ((2, 3, 20),), opset=opset)
        yield Case(f'hardsigmoid-opset{opset}', nn.Hardsigmoid(), ((2, 3, 20),), opset=opset)
    yield Case('prelu-one', nn.PReLU(), ((2, 3, 4, 4),), folding=True)
    yield Case('prelu-channel', nn.PReLU(3), ((2, 3, 4, 4),), folding=True)
    yield Case('prelu-channel-unfolded', nn.PReLU(3), ((2, 3, 4, 4),), folding=False)
    for name, function in BINARY.items():
        for shape, inputs in SHAPES.items():
            if name in ('add', 'mul', 'div') or shape in ('both', 'same'):
                yield Case(f'{name}-{shape}', function, inputs)
    yield Case('where-three', lambda x, y: torch.where(x > 0.1, x * y, y - x), ((2, 3, 4), (3, 1)))
    mask = torch.arange(12).reshape(3, 4) % 3 == 0
    yield Case('where-mask', lambda x, y, z: torch.where(z, x, y), ((2, 3, 4), (4,), mask))
    yield Case('masked-fill', lambda x, y: F.softmax(x.masked_fill(y, -1e4), -1), ((2, 3, 4), mask))
    yield Case('two-outputs', lambda x, y: (x * y, torch.tanh(x) + y), ((2, 3), (3,)))
    yield Case('same-input-twice', lambda x: torch.matmul(x, x) * x, ((4, 4),))
    yield Case('cast', lambda x: x.double().exp().float() * (x > 0).float(), ((3, 4),))
    yield Case('output-reused', lambda x: (lambda e: (e, e.sum(1)))(torch.exp(x)), ((2, 3),))
    yield Case('output-is-input', lambda x, y: (x, x * y), ((2, 3), (3,)))
    yield Case('lower-triangle', lambda x: torch.tril(x @ x), ((2, 4, 4),), opset=14)
