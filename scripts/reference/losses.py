"""Losses, whose targets are class indices."""

import torch
import torch.nn.functional as F

from case import Case

LOGITS, PIXELS = (4, 3), (2, 3, 2, 2)
LABELS = torch.tensor([2, 0, 1, 1])
IGNORED = torch.tensor([2, -1, 1, -1])
PIXEL_LABELS = torch.tensor([[[0, 2], [1, 1]], [[2, -100], [0, 1]]])
WEIGHTS = torch.tensor([0.5, 1, 2])

LOSSES = {
    'mean': (lambda x: F.cross_entropy(x, LABELS), LOGITS),
    'none': (lambda x: F.cross_entropy(x, LABELS, reduction='none'), LOGITS),
    'weighted': (lambda x: F.cross_entropy(x, LABELS, weight=WEIGHTS.to(x.dtype)), LOGITS),
    'weighted-sum': (
        lambda x: F.cross_entropy(x, LABELS, weight=WEIGHTS.to(x.dtype), reduction='sum'),
        LOGITS,
    ),
    'ignored': (lambda x: F.cross_entropy(x, IGNORED, ignore_index=-1), LOGITS),
    'pixels': (lambda x: F.cross_entropy(x, PIXEL_LABELS, weight=WEIGHTS.to(x.dtype)), PIXELS),
    'likelihood': (lambda x: F.nll_loss(torch.log_softmax(x, 1), LABELS), LOGITS),
    'likelihood-pixels': (
        lambda x: F.nll_loss(-x * x, PIXEL_LABELS, weight=WEIGHTS.to(x.dtype)),
        PIXELS,
    ),
}


def cases():
    for name, (module, shape) in LOSSES.items():
        yield Case(f'loss-{name}', module, (shape,), opset=12 + len(name) % 5)
