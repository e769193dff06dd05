"""Epochs of an output layer on cached features, shuffled anew each time, with Adam."""

import torch
from torch import nn
from torch.nn import functional as F

from serve import numbers, serve, settings

count, columns = settings['count'], settings['columns']
take = numbers()
features = take(count, columns)
labels = take(count).long()
torch.manual_seed(0)


def start():
    """A head at zero and its optimizer."""
    head = nn.Linear(columns, settings['classes'])
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head, torch.optim.Adam(head.parameters(), settings['learningRate'])


def epoch(head, optimizer):
    losses = []
    for rows in torch.randperm(count).split(settings['batch']):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(head(features[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


first = start()
serve([epoch(*first) for _ in range(2)], lambda: epoch(*start()))
