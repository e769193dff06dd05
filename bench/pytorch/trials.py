"""The trials of an output layer on a frozen MobileNetV2 as they are plainly written: for every penalty and every fold, some epochs in which each
image, mirrored or not, goes through the frozen network again. The network is also written as an ONNX file for the other side."""

import warnings

import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

from serve import numbers, serve, settings

torch.manual_seed(0)
model = models.mobilenet_v2(num_classes=1000).eval()
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    example = torch.zeros(2, 3, settings['side'], settings['side'])
    torch.onnx.export(
        model,
        (example,),
        settings['model'],
        opset_version=17,
        input_names=['input'],
        dynamic_axes={'input': {0: 'N'}},
    )
model.requires_grad_(False)
take = numbers()
count, classes = settings['count'], settings['classes']
images = take(count, 3, settings['side'], settings['side'])
labels = take(count).long()


def features(rows, mirror):
    batch = images[rows]
    if mirror:
        flip = torch.rand(len(rows)) < 0.5
        batch[flip] = batch[flip].flip(3)
    with torch.no_grad():
        return model.features(batch).mean((2, 3))


def trial(train, validation, penalty):
    head = nn.Linear(model.last_channel, classes)
    optimizer = torch.optim.Adam(head.parameters(), 1e-2, weight_decay=penalty / len(train))
    for _ in range(settings['epochs']):
        for rows in train[torch.randperm(len(train))].split(32):
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(head(features(rows, True)), labels[rows])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return F.cross_entropy(head(features(validation, False)), labels[validation]).item()


def trials():
    folds = torch.arange(count).chunk(settings['folds'])
    for penalty in settings['penalties']:
        for index, validation in enumerate(folds):
            train = torch.cat([fold for other, fold in enumerate(folds) if other != index])
            trial(train, validation, penalty)


serve([], trials)
