"""The networks of bench/networks.ts, with their parameters in the same order."""

from torch import nn


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 14 * 14, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def mlp():
    sizes = [28 * 28, 300, 100, 50, 50, 50]
    hidden = [(nn.Linear(*pair), nn.SELU()) for pair in zip(sizes, sizes[1:])]
    return nn.Sequential(nn.Flatten(), *[layer for pair in hidden for layer in pair], nn.Linear(50, 10))


def wide():
    return nn.Sequential(nn.Flatten(), nn.Linear(2000, 2000), nn.ReLU(), nn.Linear(2000, 10))


networks = {'cnn': cnn, 'mlp': mlp, 'wide': wide}
