"""Movement of data, reductions, and softmax."""

import torch
import torch.nn.functional as F
from torch import nn

from case import Case

X = (2, 3, 4)
IMAGE = (2, 3, 5, 4)

MOVES = {
    'transpose': (lambda x: x.transpose(1, 2), X),
    'permute': (lambda x: x.permute(2, 0, 3, 1), IMAGE),
    'flatten': (nn.Flatten(), IMAGE),
    'flatten-tail': (lambda x: x.flatten(2), IMAGE),
    'reshape': (lambda x: x.reshape(4, -1), X),
    'squeeze': (lambda x: x.squeeze(1) * 2, (3, 1, 4)),
    'unsqueeze': (lambda x: x.unsqueeze(1) + x.unsqueeze(-2), X),
    'expand': (lambda x: x.expand(2, 3, 4), (3, 1)),
    'expand-leading': (lambda x: x.expand(2, -1, -1) * 2, (1, 3, 4)),
    'tile': (lambda x: x.repeat(2, 1, 3), X),
    'chunk': (lambda x: (lambda a, b: a * torch.sigmoid(b))(*x.chunk(2, 2)), X),
    'split-uneven': (lambda x: (lambda a, b: (a * 2, b * b))(*x.split([1, 3], 2)), X),
    'split-part-unused': (lambda x: x.split([1, 2, 1], 2)[1] * 3, X),
    'unbind': (lambda x: x.unbind(1)[0] * x.unbind(1)[2], X),
    'slice': (lambda x: x[:, 1:, :3], X),
    'slice-steps': (lambda x: x[:, ::2, 1::3], (2, 5, 9)),
    'slice-negative': (lambda x: x[:, -2:, :-1], X),
    'slice-one': (lambda x: x[:, 0] * x[:, -1], X),
    'slice-patches': (lambda x: torch.cat([x[:, :, 0::2, 0::2], x[:, :, 1::2, 1::2]], 1), (2, 2, 4, 4)),
    'flip': (lambda x: x.flip(2), X),
    'roll': (lambda x: torch.roll(x, (1, -1), (1, 2)), X),
    'pad-constant': (lambda x: F.pad(x, (1, 2, 0, 1), value=0.7), IMAGE),
    'pad-crop': (lambda x: F.pad(x, (-1, 1, 2, -2)), IMAGE),
    'pad-reflect': (lambda x: F.pad(x, (1, 2, 3, 0), mode='reflect'), IMAGE),
    'pad-edge': (lambda x: F.pad(x, (1, 2, 3, 0), mode='replicate'), IMAGE),
    'pixel-shuffle': (nn.PixelShuffle(2), (2, 4, 3, 2)),
    'pixel-unshuffle': (nn.PixelUnshuffle(2), (2, 2, 4, 6)),
    'channel-shuffle': (lambda x: x.view(2, 2, 2, 3, 3).transpose(1, 2).reshape(2, 4, 3, 3), (2, 4, 3, 3)),
    'upsample-nearest': (nn.Upsample(scale_factor=2), (2, 2, 3, 4)),
    'upsample-bilinear': (nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False), (2, 2, 3, 4)),
    'upsample-cubic': (nn.Upsample(size=(5, 7), mode='bicubic', align_corners=False), (2, 2, 3, 4)),
    'downsample-nearest': (nn.Upsample(size=(3, 2)), (2, 2, 4, 5)),
    'upsample-corners': (nn.Upsample(size=(5, 7), mode='bilinear', align_corners=True), (2, 2, 3, 4)),
}

REDUCTIONS = {
    'sum': lambda x: x.sum(),
    'sum-axis': lambda x: x.sum(1),
    'sum-axes-keep': lambda x: x.sum((0, 2), keepdim=True) * x,
    'mean': lambda x: x.mean(),
    'mean-axis': lambda x: x.mean(-1),
    'mean-axes-keep': lambda x: x - x.mean((1, 2), keepdim=True),
    'max-axis': lambda x: x.amax(1),
    'max-with-index': lambda x: x.max(2)[0],
    'min-axes': lambda x: x.amin((0, 2), keepdim=True) * x,
    'product': lambda x: x.prod(1),
    'log-sum-exp': lambda x: torch.logsumexp(x, 2),
    'norm-2': lambda x: x.norm(dim=2),
    'norm-1': lambda x: x.norm(p=1, dim=1, keepdim=True),
    'normalize': lambda x: F.normalize(x, dim=1),
    'variance': lambda x: x.var(2, unbiased=False),
    'deviation': lambda x: x.std(2),
    'cumulative-sum': lambda x: x.cumsum(1),
    'max-axes': lambda x: x.amax((1, 2)) - x.mean((0, 1), keepdim=True).amin(2),
    'sum-square': lambda x: x.norm(dim=1) * x.pow(2).sum((0, 2)).unsqueeze(0).sum(),
    'top': lambda x: x.topk(2, dim=2)[0],
    'cosine': lambda x: F.cosine_similarity(x[:, 0], x[:, 1], dim=-1),
}


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 3)

    def forward(self, x):
        return self.embedding(x) * 2


class Tied(nn.Module):
    """Embedding and output layer share their weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(7, 3))

    def forward(self, x):
        return F.linear(torch.tanh(F.embedding(x, self.weight)), self.weight)


class Table(nn.Module):
    """A bias looked up by a constant index, as in a relative position bias."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(5, 2))
        self.register_buffer('index', torch.tensor([[0, 1, 2], [1, 2, 3], [2, 4, 4]]))

    def forward(self, x):
        bias = self.table[self.index.view(-1)].view(3, 3, 2).permute(2, 0, 1).contiguous()
        return x + bias.unsqueeze(0)


class ClassToken(nn.Module):
    """A learned token in front of a batch of unknown size, and learned positions."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 3))
        self.positions = nn.Parameter(torch.zeros(1, 5, 3))

    def forward(self, x):
        return torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions


def sampling():
    """Grids that reach beyond the image on every side; operator set 16 is the first that has the operator."""
    grid = torch.rand((2, 3, 5, 2), generator=torch.Generator().manual_seed(7)) * 3 - 1.5
    for mode in ('bilinear', 'nearest', 'bicubic'):
        for padding in ('zeros', 'border', 'reflection'):
            for corners in (True, False):
                name = f'grid-sample-{mode}-{padding}' + '-corners' * corners
                options = {'mode': mode, 'padding_mode': padding, 'align_corners': corners}
                function = lambda x, y, options=options: F.grid_sample(x, y, **options)
                yield Case(name, function, ((2, 2, 4, 3), grid), opset=16 + corners)


def cases():
    yield from sampling()
    for name, (function, shape) in MOVES.items():
        yield Case(name, function, (shape,))
    for name, function in REDUCTIONS.items():
        yield Case(name, function, (X,))
    # Axes became an input of these operators at opset 13.
    for opset in (11, 13):
        yield Case(f'sum-axes-opset{opset}', lambda x: x.sum((0, 2)), (X,), opset=opset)
        yield Case(f'unsqueeze-opset{opset}', lambda x: x.unsqueeze(0).squeeze(2), ((2, 1, 4),), opset=opset)
        yield Case(f'split-opset{opset}', lambda x: x.split(2, 2)[0] * x.split(2, 2)[1], (X,), opset=opset)
    for axis in (0, 1, -1):
        for opset in (11, 13):
            softmax, log_softmax = nn.Softmax(axis), nn.LogSoftmax(axis)
            yield Case(f'softmax-axis{axis}-opset{opset}', softmax, (X,), opset=opset)
            yield Case(f'log-softmax-axis{axis}-opset{opset}', log_softmax, (X,), opset=opset)
    yield Case('cat', lambda x, y: torch.cat([x, y, x], 1), ((2, 3, 2), (2, 1, 2)))
    yield Case('stack', lambda x, y: torch.stack([x, y], 1), ((2, 3), (2, 3)))
    yield Case('where-broadcast', lambda x, y: torch.where(y > 0, x, x.mean(1, keepdim=True)), (X, (4,)))
    # Shapes computed inside the graph from a batch that the exporter does not know.
    dynamic = {
        'view-batch': lambda x: x.view(x.size(0), -1) * 2,
        'view-computed': lambda x: x.view(x.size(0), x.size(1) * x.size(2), -1).mean(-1),
        'flatten-batch': lambda x: torch.flatten(x, 1).sum(1, keepdim=True) * x.flatten(1),
        'expand-batch': lambda x: x.mean((0,), keepdim=True).expand(x.size(0), -1, -1, -1) * x,
        'shuffle-batch': lambda x: x.view(x.size(0), 3, 1, 5, 4).transpose(1, 2).contiguous().view(x.size(0), -1, 5, 4),
        'interpolate-batch': lambda x: F.interpolate(x, size=(x.size(2) * 2, x.size(3) * 2)),
        'scale-batch': lambda x: x / x.size(0),
        'slice-batch': lambda x: x[: x.size(0) - 1],
    }
    for name, function in dynamic.items():
        yield Case(name, function, ((3, 3, 5, 4),), dynamic=True)
    indices = torch.tensor([[0, 3, 3, 6], [5, 1, 0, 3]])
    yield Case('embedding', Embedded(), (indices,))
    yield Case('embedding-batch', Embedded(), (indices,), dynamic=True)
    yield Case('tied-weight', Tied(), (indices,), folding=False)
    yield Case('gather-largest', lambda x: x.gather(1, x.argmax(1, keepdim=True)), (X,))
    yield Case('gather-constant', lambda x: x[:, torch.tensor([2, 0, 0, 1])], (X,))
    yield Case('index-select', lambda x, y: x.index_select(2, y), (X, torch.tensor([3, 1, 1])))
    yield Case('gather-elements', lambda x, y: x.gather(1, y), (X, indices.view(2, 1, 4) % 3))
    yield Case('scatter', lambda x, y, z: x.scatter(1, z, y), (X, (2, 2, 4), torch.tensor([[[0, 1, 2, 0], [2, 0, 0, 1]]] * 2)))
    yield Case('scatter-add', lambda x, y, z: x.scatter_add(1, z, y), (X, (2, 2, 4), torch.tensor([[[0, 1, 2, 0], [0, 1, 0, 0]]] * 2)), opset=16)
    yield Case('gather-nd', lambda x: x[torch.tensor([0, 1, 1]), torch.tensor([2, 0, 0])], (X,))
    yield Case('position-table', Table(), ((2, 2, 3, 3),), folding=True)
    yield Case('position-table-unfolded', Table(), ((2, 2, 3, 3),), folding=False)
    yield Case('class-token', ClassToken(), ((2, 4, 3),))
    yield Case('class-token-batch', ClassToken(), ((3, 4, 3),), dynamic=True)
