"""Training steps of one network on one batch: forward, loss, backward, update."""

import torch
from torch.nn import functional as F

from networks import networks
from serve import numbers, serve, settings

optimizers = {
    'sgd': lambda parameters, rate: torch.optim.SGD(parameters, rate),
    'momentum': lambda parameters, rate: torch.optim.SGD(parameters, rate, momentum=0.9),
    'adam': lambda parameters, rate: torch.optim.Adam(parameters, rate),
}
layouts = {'contiguous': torch.contiguous_format, 'channels_last': torch.channels_last}

take = numbers()
model = networks[settings['network']]()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(take(*parameter.shape))
layout = layouts[settings['layout']]
model = model.to(memory_format=layout)
x = take(settings['batch'], *settings['input']).contiguous(memory_format=layout)
y = take(settings['batch']).long()
optimizer = optimizers[settings['optimizer']](model.parameters(), settings['learningRate'])


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


serve([step() for _ in range(settings['checked'])], step)
