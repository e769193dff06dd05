"""Training steps of one network on one batch: forward, loss, backward, update."""

import torch
from torch.nn import functional as F

from serve import serve, settings

optimizers = {
    'sgd': lambda parameters, rate: torch.optim.SGD(parameters, rate),
    'momentum': lambda parameters, rate: torch.optim.SGD(parameters, rate, momentum=0.9),
    'adam': lambda parameters, rate: torch.optim.Adam(parameters, rate),
}
layouts = {'contiguous': torch.contiguous_format, 'channels_last': torch.channels_last}


def run(model, x, y):
    """Serves training steps, in the memory layout of the settings."""
    layout = layouts[settings['layout']]
    model = model.to(memory_format=layout)
    x = x.contiguous(memory_format=layout)
    optimizer = optimizers[settings['optimizer']](model.parameters(), settings['learningRate'])

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    serve([step() for _ in range(settings['checked'])], step)
