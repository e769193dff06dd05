"""Keeps a network away from its kinks.

At a kink (the zero of ReLU, the ends of a clip, two equal maxima of a pool) the gradient jumps. Where a value is nearer
to a kink than float32 is exact, PyTorch and anyone else may fall on different sides of it, both rightly, and their
gradients then differ by percents. So the biases before the kinks are shifted until no value is near one. A pool has no
such bias: where two of its maxima are too close, other weights have to be drawn.
"""

import contextlib
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SHIFT = 2.0**-10
"""Biases are shifted by multiples of this."""

MARGIN = 10
"""How far a value stays from a kink, in standard deviations of the error of float32 there."""

POOL_MARGIN = 4
"""The same for the two largest values of a window; more would take too many draws of the weights."""

KINKS = {
    'relu': lambda *bounds, **_: (0,),
    'hardtanh': lambda low=-1.0, high=1.0, *_: (low, high),
    'hardswish': lambda *_, **__: (-3, 3),
    'hardsigmoid': lambda *_, **__: (-3, 3),
}


class NearKink(Exception):
    """A value is too near to a kink."""


class Observer:
    """Is told of every value that meets a kink, and may replace it."""

    def before_kinks(self, value: torch.Tensor, kinks: tuple, owner: nn.Module) -> torch.Tensor:
        return value

    def before_pool(self, value: torch.Tensor, gaps: torch.Tensor) -> None:
        pass


def gaps_of(value: torch.Tensor, size: int, stride: int, padding: int, ceil_mode: bool) -> torch.Tensor:
    """The distances between the two largest values of each window of a pool."""
    padded = F.pad(value.detach(), [padding] * 4, value=-np.inf)
    if ceil_mode:
        padded = F.pad(padded, [0, stride - 1, 0, stride - 1], value=-np.inf)
    windows = padded.unfold(2, size, stride).unfold(3, size, stride).flatten(4)
    largest = windows.topk(2, dim=-1)[0]
    gaps = largest[..., 0] - largest[..., 1]
    # Equal values are zeros of a ReLU, which stops the gradient, or come from the same value through overlapping
    # windows: it does not matter which of them the gradient goes to. Not a number: outside the image.
    return gaps[gaps > 0]


@contextlib.contextmanager
def watched(module: nn.Module, observer: Observer):
    """Calls the observer while the module runs; `owner` is the module whose bias was added last."""
    last = [None]
    originals = {name: getattr(F, name) for name in (*KINKS, 'max_pool2d')}

    def replace(name):
        def function(value, *args, inplace=False, **options):
            kinks = KINKS[name](*args, **options)
            return originals[name](observer.before_kinks(value, kinks, last[0]), *args, **options)

        return function

    def max_pool2d(value, size, stride=None, padding=0, dilation=1, ceil_mode=False, **options):
        observer.before_pool(value, gaps_of(value, size, stride or size, padding, ceil_mode))
        return originals['max_pool2d'](value, size, stride, padding, dilation, ceil_mode, **options)

    hooks = [
        part.register_forward_hook(lambda part, *_: last.__setitem__(0, part))
        for part in module.modules()
        if getattr(part, 'bias', None) is not None
    ]
    try:
        for name in KINKS:
            setattr(F, name, replace(name))
        F.max_pool2d = max_pool2d
        yield
    finally:
        for name, original in originals.items():
            setattr(F, name, original)
        for hook in hooks:
            hook.remove()


class Recorder(Observer):
    """Keeps all the values that meet kinks."""

    def __init__(self):
        self.values = []

    def before_kinks(self, value, kinks, owner):
        self.values.append(value.detach().double().clone())
        return value

    def before_pool(self, value, gaps):
        self.values.append(value.detach().double().clone())


class Shifter(Observer):
    """Shifts channels that have a value too near to a kink, if it may; otherwise raises NearKink."""

    def __init__(self, errors: list, names: dict, may_shift: bool):
        self.errors = iter(errors)
        self.names = names
        self.may_shift = may_shift
        self.shifts = defaultdict(dict)
        self.nearest = np.inf
        """The least distance to a kink, in standard deviations of the error there."""

    def before_kinks(self, value, kinks, owner):
        error = next(self.errors)
        channels = value.detach().transpose(0, 1).flatten(1)

        def distance(values):
            return torch.stack([(values - kink).abs() for kink in kinks]).amin(dim=(0, -1))

        if not self.may_shift:
            self.nearest = min(self.nearest, float(distance(channels).min() / error))
            if self.nearest < MARGIN:
                raise NearKink(f'a value is {self.nearest:.1f} deviations from a kink')
            return value
        # The errors change a little when biases shift.
        enough = 1.5 * MARGIN * error
        near = (distance(channels) < enough).nonzero().flatten().tolist()
        moved = torch.zeros(channels.shape[0], dtype=value.dtype)
        for channel in near:
            tries = sorted(range(-64, 65), key=abs)
            options = channels[channel] + SHIFT * torch.tensor(tries, dtype=value.dtype)[:, None]
            far = (distance(options) >= enough).nonzero().flatten()
            if far.numel() == 0:
                raise NearKink('no shift is enough')
            steps = tries[int(far[0])]
            moved[channel] = SHIFT * steps
            taken = self.shifts[self.names[owner]]
            taken[channel] = taken.get(channel, 0) + steps
        return value + moved.reshape(-1, *[1] * (value.dim() - 2))

    def before_pool(self, value, gaps):
        error = next(self.errors)
        if gaps.numel() and float(gaps.min()) < POOL_MARGIN * error:
            raise NearKink(f'two maxima of a pool differ by {float(gaps.min()) / error:.1f} deviations')


def errors_of_float32(recorders: list) -> list:
    """The largest standard deviation of the error at each kink: `recorders` are of float64, and of several float32."""
    exact, *approximate = [recorder.values for recorder in recorders]
    return [
        max(float((other[i] - value).square().mean().sqrt()) for other in approximate)
        for i, value in enumerate(exact)
    ]
