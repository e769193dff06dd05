"""Blocks of known networks, and whole networks in small."""

import torch
import torch.nn.functional as F
from torch import nn

from case import Case


def conv_norm(inputs, outputs, size=3, stride=1, groups=1, activation=None):
    padding = (size - 1) // 2
    layers = [nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation] if activation else []))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.first = conv_norm(inputs, outputs, 3, stride, activation=nn.ReLU(inplace=True))
        self.second = conv_norm(outputs, outputs)
        self.shortcut = conv_norm(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else nn.Identity()

    def forward(self, x):
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, gate):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, 2, 1)
        self.excite = nn.Conv2d(2, channels, 1)
        self.gate = gate

    def forward(self, x):
        pooled = F.adaptive_avg_pool2d(x, 1)
        return x * self.gate(self.excite(F.silu(self.squeeze(pooled))))


class InvertedResidual(nn.Module):
    def __init__(self, channels, expansion, activation, gate=None):
        super().__init__()
        wide = channels * expansion
        parts = [
            conv_norm(channels, wide, 1, activation=activation()),
            conv_norm(wide, wide, 3, groups=wide, activation=activation()),
        ]
        if gate:
            parts.append(SqueezeExcite(wide, gate()))
        self.body = nn.Sequential(*parts, conv_norm(wide, channels, 1))

    def forward(self, x):
        return x + self.body(x)


class Attention(nn.Module):
    """Self-attention of two heads, with the projections of queries, keys and values in one matrix."""

    def __init__(self, width, heads=2):
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.project(x).reshape(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5, -1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, length, width))


class Transformer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class TorchAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 3, padding=1, bias=False))
        self.second = nn.Sequential(nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 2, 3, padding=1, bias=False))

    def forward(self, x):
        x = torch.cat([x, self.first(x)], 1)
        return torch.cat([x, self.second(x)], 1)


class Shared(nn.Module):
    """One layer used twice: its gradient is a sum."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(torch.tanh(self.layer(x)))


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 3, 3, 2, 1), nn.LeakyReLU(0.1), nn.Conv2d(3, 4, 3, 2, 1), nn.ELU())
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(3, 1, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def classifier(*features, width, classes=3):
    return nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(width, classes))


def resnet():
    return classifier(
        conv_norm(3, 4, 3, 2, activation=nn.ReLU()), nn.MaxPool2d(3, 2, 1), Residual(4, 4), Residual(4, 6, 2), width=6
    )


def mobilenet():
    return classifier(
        conv_norm(3, 4, 3, 2, activation=nn.Hardswish()),
        InvertedResidual(4, 2, nn.ReLU6),
        InvertedResidual(4, 3, nn.Hardswish, nn.Hardsigmoid),
        conv_norm(4, 8, 1, activation=nn.Hardswish()),
        width=8,
    )


def vgg():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 3), nn.LogSoftmax(1),
    )  # fmt: skip


def cases():
    block = (2, 4, 6, 6)
    image = (3, 3, 12, 12)
    for mode, opset in (('eval', 13), ('keep', 11), ('train', 15)):
        yield Case(f'residual-{mode}', Residual(4, 4), (block,), mode=mode, opset=opset)
        yield Case(f'residual-strided-{mode}', Residual(4, 5, 2), (block,), mode=mode, opset=opset)
        inverted = InvertedResidual(4, 2, nn.SiLU, nn.Sigmoid)
        yield Case(f'inverted-residual-{mode}', inverted, (block,), mode=mode, opset=opset + 1)
        yield Case(f'dense-block-{mode}', Dense(), ((2, 3, 4, 4),), mode=mode)
        yield Case(f'autoencoder-{mode}', Autoencoder(), ((2, 1, 8, 8),), mode=mode, opset=opset)
        yield Case(f'resnet-{mode}', resnet(), (image,), mode=mode, opset=14, dynamic=True)
        yield Case(f'mobilenet-{mode}', mobilenet(), (image,), mode=mode, opset=opset + 2)
    yield Case('resnet-merged', resnet(), (image,), mode='keep', plain_norms=True)
    yield Case('resnet-merged-train', resnet(), (image,), mode='train', opset=16, plain_norms=True)
    yield Case('vgg', vgg(), ((2, 1, 8, 8),))
    yield Case('shared-layer', Shared(), ((3, 4),))
    yield Case('shared-layer-folded', nn.Sequential(Shared(), nn.Tanh()), ((2, 3, 4),), folding=True)
    yield Case('attention', Attention(4), ((2, 3, 4),), folding=False)
    yield Case('attention-folded', Attention(4), ((2, 3, 4),), folding=True)
    yield Case('attention-batch', Attention(4), ((3, 3, 4),), dynamic=True)
    yield Case('attention-torch', TorchAttention(), ((2, 3, 4),))
    for opset in (12, 14, 17):
        yield Case(f'transformer-opset{opset}', Transformer(4), ((2, 3, 4),), opset=opset)
