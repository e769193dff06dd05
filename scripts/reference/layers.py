"""Convolution, pooling, linear layers and normalization."""

import torch
import torch.nn.functional as F
from torch import nn

from case import Case


class Convolution(nn.Module):
    """A convolution of which the batch of filters is an input."""

    def forward(self, x, y):
        return F.conv2d(x, y, padding=1)


class Product(nn.Module):
    def __init__(self, *shape, left=False):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))
        self.left = left

    def forward(self, x):
        return torch.matmul(self.weight, x) if self.left else torch.matmul(x, self.weight)


class WeightNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.direction = nn.Parameter(torch.zeros(3, 4, 3, 3))
        self.length = nn.Parameter(torch.zeros(3, 1, 1, 1))

    def forward(self, x):
        norm = self.direction.flatten(1).norm(dim=1).view(3, 1, 1, 1)
        return F.conv2d(x, self.length * self.direction / norm)


class AddMM(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 5))
        self.bias = nn.Parameter(torch.zeros(5))

    def forward(self, x):
        return torch.addmm(self.bias, x, self.weight, beta=0.5, alpha=2.0)


def convolutions():
    image = (2, 4, 7, 6)
    layers = {
        '1x1': nn.Conv2d(4, 3, 1),
        '1x1-strided': nn.Conv2d(4, 3, 1, stride=2, bias=False),
        '3x3': nn.Conv2d(4, 3, 3),
        '3x3-same': nn.Conv2d(4, 3, 3, padding=1),
        '3x3-no-bias': nn.Conv2d(4, 3, 3, padding=1, bias=False),
        '3x3-strided': nn.Conv2d(4, 3, 3, stride=2, padding=1),
        '3x3-strided-ragged': nn.Conv2d(4, 3, 3, stride=(3, 2)),
        '2x2-strided': nn.Conv2d(4, 3, 2, stride=2),
        '4x4-even': nn.Conv2d(4, 3, 4, padding=1),
        'same-even': nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(4, 3, 4)),
        '1x5': nn.Conv2d(4, 3, (1, 5), padding=(0, 2)),
        '5x3-wide-pad': nn.Conv2d(4, 3, (5, 3), padding=(4, 2)),
        'dilated': nn.Conv2d(4, 3, 3, padding=2, dilation=2),
        'dilated-strided': nn.Conv2d(4, 3, 3, padding=(2, 3), dilation=(2, 3), stride=2),
        'grouped': nn.Conv2d(4, 6, 3, padding=1, groups=2),
        'grouped-strided': nn.Conv2d(4, 6, 3, padding=1, groups=2, stride=2, bias=False),
        'depthwise': nn.Conv2d(4, 4, 3, padding=1, groups=4),
        'depthwise-strided': nn.Conv2d(4, 4, 3, padding=1, groups=4, stride=2, bias=False),
        'depthwise-multiplier': nn.Conv2d(4, 8, 3, padding=1, groups=4),
        'depthwise-dilated': nn.Conv2d(4, 4, 3, padding=2, groups=4, dilation=2),
        'reflect': nn.Conv2d(4, 3, 3, padding=1, padding_mode='reflect'),
        'asymmetric': nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(4, 3, 3, stride=2)),
    }
    for name, layer in layers.items():
        yield Case(f'conv-{name}', layer, (image,))
    yield Case('conv-filters-input', Convolution(), (image, (3, 4, 3, 3)))
    yield Case('conv-1d', nn.Conv1d(4, 3, 3, stride=2, padding=1), ((2, 4, 9),))
    yield Case('conv-3d', nn.Conv3d(2, 3, (2, 3, 3), padding=(0, 1, 1)), ((2, 2, 3, 5, 4),))
    yield Case('conv-batch', nn.Conv2d(4, 3, 3, padding=1), ((3, 4, 5, 5),), dynamic=True)
    transposed = {
        '': nn.ConvTranspose2d(4, 3, 3),
        '-strided': nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1),
        '-output-padding': nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1),
        '-grouped': nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, bias=False),
    }
    for name, layer in transposed.items():
        yield Case(f'conv-transpose{name}', layer, ((2, 4, 4, 3),))
    yield Case('conv-transpose-dilated', nn.ConvTranspose2d(4, 3, (3, 2), stride=2, padding=1, dilation=2), ((2, 4, 4, 3),))
    yield Case('conv-transpose-1d', nn.ConvTranspose1d(4, 3, 4, stride=3, padding=2), ((2, 4, 5),))
    yield Case('conv-transpose-3d', nn.ConvTranspose3d(2, 3, 2, stride=(2, 1, 2), bias=False), ((2, 2, 2, 3, 2),))
    yield Case('conv-1d-grouped', nn.Conv1d(4, 6, 3, padding=2, dilation=2, groups=2), ((2, 4, 9),))
    yield Case('conv-3d-strided', nn.Conv3d(4, 4, 2, stride=2, padding=1, groups=4), ((1, 4, 3, 4, 5),))


def pools():
    layers = {
        'max-tiling': nn.MaxPool2d(2),
        'max-ragged': nn.MaxPool2d(2, 2),
        'max-overlapping': nn.MaxPool2d(3, 2),
        'max-padded': nn.MaxPool2d(3, 2, 1),
        'max-stride-1': nn.MaxPool2d(3, 1, 1),
        'max-ceil': nn.MaxPool2d(3, 2, ceil_mode=True),
        'max-ceil-padded': nn.MaxPool2d(2, 3, padding=1, ceil_mode=True),
        'max-dilated': nn.MaxPool2d(2, 2, dilation=2),
        'max-oblong': nn.MaxPool2d((2, 3), (1, 2), (0, 1)),
        'average-tiling': nn.AvgPool2d(2),
        'average-overlapping': nn.AvgPool2d(3, 2),
        'average-padded': nn.AvgPool2d(3, 2, 1),
        'average-padded-exclude': nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        'average-stride-1-exclude': nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        'average-ceil': nn.AvgPool2d(3, 2, ceil_mode=True),
        'average-ceil-padded': nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        'average-ceil-exclude': nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        'average-oblong': nn.AvgPool2d((3, 2), (2, 1)),
        'adaptive-1': nn.AdaptiveAvgPool2d(1),
        'adaptive-max-1': nn.AdaptiveMaxPool2d(1),
        'lp': nn.LPPool2d(2, 2),
    }
    for name, layer in layers.items():
        shape = (2, 2, 6, 6) if name.endswith('tiling') else (2, 2, 8, 7)
        yield Case(f'pool-{name}', layer, (shape,))
    # A stride beyond the window: the last window of ceil_mode would start after the end of the input.
    yield Case('pool-max-ceil-gaps', nn.MaxPool2d(2, 3, ceil_mode=True), ((2, 2, 6, 9),))
    yield Case('pool-average-ceil-gaps', nn.AvgPool2d(2, 3, ceil_mode=True), ((2, 2, 6, 9),))
    yield Case('pool-adaptive-3x2', nn.AdaptiveAvgPool2d((3, 2)), ((2, 3, 6, 6),))
    yield Case('pool-adaptive-max-2', nn.AdaptiveMaxPool2d(2), ((2, 3, 6, 4),))
    yield Case('pool-max-1d', nn.MaxPool1d(3, 2, 1), ((2, 3, 9),))
    yield Case('pool-average-1d', nn.AvgPool1d(2), ((2, 3, 9),))
    ties = torch.tensor([1.0, 1, 0, 2, 1, 1, 2, 2, 3, 3, 3, 0, 0, 0, 3, 1]).reshape(1, 1, 4, 4)
    yield Case('pool-max-ties', nn.MaxPool2d(3, 1, 1), (ties,), convention=True)


def linear():
    yield Case('linear', nn.Linear(5, 4), ((3, 5),))
    yield Case('linear-no-bias', nn.Linear(5, 4, bias=False), ((3, 5),), folding=False)
    yield Case('linear-no-bias-folded', nn.Linear(5, 4, bias=False), ((3, 5),), folding=True)
    yield Case('linear-3d', nn.Linear(5, 4), ((2, 3, 5),), folding=False)
    yield Case('linear-3d-folded', nn.Linear(5, 4), ((2, 3, 5),), folding=True)
    yield Case('linear-4d-batch', nn.Linear(5, 4), ((3, 2, 3, 5),), dynamic=True)
    yield Case('addmm', AddMM(), ((3, 4),))
    yield Case('bilinear-form', lambda x, y: (x @ y.t()) * 0.5, ((3, 4), (5, 4)))
    yield Case('matmul-batched', torch.matmul, ((2, 3, 4), (2, 4, 5)))
    yield Case('matmul-broadcast-left', torch.matmul, ((3, 4), (2, 4, 5)))
    yield Case('matmul-broadcast-right', torch.matmul, ((2, 3, 4), (4, 5)))
    yield Case('matmul-broadcast-both', torch.matmul, ((2, 1, 3, 4), (3, 4, 2)))
    yield Case('matmul-vector-right', torch.matmul, ((2, 3, 4), (4,)))
    yield Case('matmul-vector-left', torch.matmul, ((3,), (2, 3, 4)))
    yield Case('matmul-vectors', torch.matmul, ((4,), (4,)))
    yield Case('matmul-parameter', Product(2, 4, 3), ((2, 3, 4),))
    yield Case('matmul-parameter-left', Product(3, 4, left=True), ((2, 4, 5),))
    for opset in (12, 15):
        einsum = lambda x, y: torch.einsum('bhid,bhjd->bhij', x, y)
        yield Case(f'einsum-opset{opset}', einsum, ((2, 2, 3, 4), (2, 2, 5, 4)), opset=opset)


def norms():
    image = (3, 4, 4, 3)
    yield Case('batch-norm-2d', nn.BatchNorm2d(4), (image,), mode='keep', opset=13)
    yield Case('batch-norm-2d-opset15', nn.BatchNorm2d(4, eps=1e-3), (image,), mode='keep', opset=15)
    yield Case('batch-norm-1d', nn.BatchNorm1d(4), ((6, 4),), mode='keep')
    yield Case('batch-norm-1d-time', nn.BatchNorm1d(4), ((3, 4, 5),), mode='keep')
    yield Case('batch-norm-plain', nn.BatchNorm2d(4, affine=False), (image,), mode='keep')
    conv = lambda: nn.Sequential(nn.Conv2d(4, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU())
    yield Case('batch-norm-after-conv', conv(), (image,), mode='keep')
    yield Case('batch-norm-folded', conv(), (image,), mode='eval')
    merged = nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Tanh(), nn.BatchNorm2d(4))
    yield Case('batch-norm-merged', merged, (image,), mode='keep', plain_norms=True)
    for opset in (12, 13, 14, 15, 17):
        yield Case(f'batch-norm-train-opset{opset}', nn.BatchNorm2d(4), (image,), mode='train', opset=opset)
    yield Case('batch-norm-1d-train', nn.BatchNorm1d(4), ((6, 4),), mode='train', opset=16)
    yield Case('batch-norm-conv-train', conv(), (image,), mode='train', opset=14)
    yield Case('batch-norm-conv-bias-train', nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3)), (image,), mode='train', opset=15)
    yield Case('batch-norm-merged-train', merged, (image,), mode='train', opset=17, plain_norms=True)
    for opset in (11, 14, 16, 17):
        yield Case(f'layer-norm-opset{opset}', nn.LayerNorm(6), ((2, 3, 6),), opset=opset)
    yield Case('layer-norm-two-axes', nn.LayerNorm((3, 4)), ((2, 3, 4),), opset=17)
    yield Case('layer-norm-no-affine', nn.LayerNorm(6, elementwise_affine=False), ((2, 3, 6),), opset=16)
    yield Case('group-norm', nn.GroupNorm(2, 4), (image,))
    yield Case('instance-norm', nn.InstanceNorm2d(4, affine=True), (image,))
    yield Case('instance-norm-1d', nn.InstanceNorm1d(4), ((3, 4, 6),))
    yield Case('local-response-norm', nn.LocalResponseNorm(3, alpha=0.5), (image,))
    yield Case('weight-norm', WeightNorm(), (image,), folding=False)
    yield Case('dropout-eval', nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Tanh()), ((3, 4),), opset=11)
    yield Case('dropout-keep', nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Tanh()), ((3, 4),), mode='keep')


def cases():
    yield from convolutions()
    yield from pools()
    yield from linear()
    yield from norms()
