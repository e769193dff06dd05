"""Training steps of a network that both sides build."""

import torch

from networks import networks
from serve import numbers, settings
from step import run

take = numbers()
model = networks[settings['network']]()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(take(*parameter.shape))
x = take(settings['batch'], *settings['input'])
run(model, x, take(settings['batch']).long())
