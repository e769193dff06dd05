"""Whole networks, and the inputs at which they are differentiated."""

from dataclasses import dataclass
from typing import Callable

import torch
import torchvision.models as models
from torch import nn


@dataclass
class Input:
    """Uniform values of variance 1, or, with `below`, whole numbers."""

    dims: tuple
    below: int = 0


@dataclass
class Architecture:
    name: str
    build: Callable
    inputs: list
    opset: int
    modes: tuple = ('keep', 'train')
    folding: bool = True


class EncoderBlock(nn.Module):
    """A block of BERT: the norms come after the sums."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.norm2 = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, penalty):
        def split(values):
            return values.view(*values.shape[:2], self.heads, -1).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + penalty
        mixed = (torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + self.mlp(x))


class Encoder(nn.Module):
    """BERT in small: token numbers and a mask of the tokens that count in, classes out."""

    def __init__(self, words=61, length=16, width=48, heads=4, blocks=2, classes=10):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.positions = nn.Embedding(length, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.blocks = nn.ModuleList(EncoderBlock(width, heads) for _ in range(blocks))
        self.pooler = nn.Linear(width, width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens, mask):
        penalty = (1 - mask[:, None, None, :].to(self.pooler.weight.dtype)) * -10000.0
        x = self.norm(self.words(tokens) + self.positions(torch.arange(tokens.shape[1])))
        for block in self.blocks:
            x = block(x, penalty)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


def image(batch: int, size: int) -> list:
    return [Input((batch, 3, size, size))]


def bare(build: Callable, **options) -> Callable:
    return lambda: build(num_classes=10, **options)


ONCE = ('eval',)

ARCHITECTURES = [
    Architecture('resnet18', bare(models.resnet18), image(4, 64), 13),
    Architecture('resnet50', bare(models.resnet50), image(4, 64), 17),
    Architecture('wide_resnet50_2', bare(models.wide_resnet50_2), image(4, 64), 14),
    Architecture('resnext50_32x4d', bare(models.resnext50_32x4d), image(4, 64), 15),
    Architecture('mobilenet_v2', bare(models.mobilenet_v2), image(4, 64), 16),
    Architecture('mobilenet_v3_small', bare(models.mobilenet_v3_small), image(4, 64), 14),
    Architecture('efficientnet_b0', bare(models.efficientnet_b0), image(4, 64), 17),
    Architecture('shufflenet_v2_x0_5', bare(models.shufflenet_v2_x0_5), image(4, 64), 14),
    Architecture('squeezenet1_1', bare(models.squeezenet1_1), image(4, 64), 11, ONCE),
    Architecture('densenet121', bare(models.densenet121), image(4, 64), 14),
    Architecture('googlenet', bare(models.googlenet, aux_logits=False, init_weights=False), image(4, 64), 15),
    Architecture('regnet_y_400mf', bare(models.regnet_y_400mf), image(4, 64), 15),
    Architecture('convnext_tiny', bare(models.convnext_tiny), image(2, 64), 15, ONCE),
    Architecture('vit_b_16', bare(models.vit_b_16, image_size=32), image(2, 32), 17, ONCE),
    Architecture('swin_t', bare(models.swin_t), image(2, 64), 16, ONCE, folding=False),
    Architecture('bert', Encoder, [Input((3, 16), below=61), Input((3, 16), below=2)], 14, ONCE),
]
