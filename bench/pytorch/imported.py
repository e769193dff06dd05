"""Training steps of a network of torchvision, which is also written as an ONNX file for the other side."""

import warnings

import torch
from torchvision import models

from serve import numbers, settings
from step import optimizers, run

size = settings['input'][1]
networks = {
    'resnet18': lambda: models.resnet18(num_classes=10),
    'resnet50': lambda: models.resnet50(num_classes=10),
    'mobilenet_v2': lambda: models.mobilenet_v2(num_classes=10, dropout=0),
    'vit': lambda: models.VisionTransformer(
        image_size=size, patch_size=4, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768, num_classes=10
    ),
}

torch.manual_seed(0)
take = numbers()
model = networks[settings['network']]()
model.train(settings['batchStatistics'])
x = take(settings['batch'], *settings['input'])
y = take(settings['batch']).long()
if 'model' in settings:
    from torch.onnx import TrainingMode

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            model,
            (x,),
            settings['model'],
            opset_version=17,
            do_constant_folding=False,
            training=TrainingMode.PRESERVE,
            input_names=['input'],
            dynamic_axes={'input': {0: 'N'}},
        )
model.train(settings['batchStatistics'])
run(model, x, y)
