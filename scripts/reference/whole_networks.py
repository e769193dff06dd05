"""Writes test/golden/networks: whole networks, and what float64 says of their gradients.

    python3 scripts/reference/whole_networks.py [NAME-MODE ...]

A network is kept as its ONNX file with inputs in place of parameters, which are drawn again by the test, and each
gradient as its norm and its products with random directions. Made with torch 1.13, torchvision 0.14, onnx 1.12
and numpy 1.24. One process of one thread takes a quarter of an hour.
"""

import copy
import gzip
import os
import sys
import time
from dataclasses import dataclass

import numpy as np
import onnx
import onnx.helper
import torch
import torchvision
from torch import nn

from architectures import ARCHITECTURES, Architecture
from case import randomize, set_mode
from draws import integers, project, uniform
from exporting import INPUTS, export, match
from kinks import SHIFT, NearKink, Recorder, Shifter, errors_of_float32, watched
from reference import differentiate
from storage import dump, short, write

FOLDER = os.path.join(os.path.dirname(__file__), '..', '..', 'test', 'golden', 'networks')
SEEDS = 200
NORMAL = 3**0.5
"""Uniform values in [-NORMAL, NORMAL) have variance 1."""


@dataclass
class Draw:
    """A parameter or statistic of the file: where the module keeps it, and what its values are drawn from."""

    target: torch.Tensor
    transposed: bool
    dims: tuple
    centre: float
    spread: float


def plan(model: onnx.ModelProto, module: nn.Module, pairs: list) -> dict:
    """How each parameter and running statistic of the file is drawn, by its name in the file."""
    parameters, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    draws = {}
    for pair in pairs:
        value = parameters[pair.source]
        if value.dim() > 1:
            centre, spread = 0, NORMAL / max(1, value[0].numel()) ** 0.5
        else:
            centre, spread = 0 if pair.name.endswith('bias') else 1, 0.3 * NORMAL
        draws[pair.name] = Draw(value, pair.transposed, pair.dims, centre, short(spread))
    for item in model.graph.initializer:
        if item.name.endswith('running_mean'):
            draws[item.name] = Draw(buffers[item.name], False, tuple(item.dims), 0, 0.5)
        if item.name.endswith('running_var'):
            draws[item.name] = Draw(buffers[item.name], False, tuple(item.dims), 1, 0.5)
    return draws


def fill(draws: dict, seed: int, shifts: dict) -> None:
    """Gives the module the values that the test gives to the file."""
    with torch.no_grad():
        for name, draw in draws.items():
            value = uniform(f'{seed}/{name}', draw.dims, draw.centre, draw.spread)
            for index, steps in shifts.get(name, {}).items():
                value[index] = np.float64(value[index]) + SHIFT * steps
            exact = torch.from_numpy(np.array(value.T if draw.transposed else value))
            draw.target.copy_(exact.reshape(draw.target.shape))


def variants(module: nn.Module, inputs: list):
    """The ways in which torch computes in float32: oneDNN with either order of the axes, and its own kernels."""
    last = [value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value for value in inputs]
    for backend, given in ((True, inputs), (True, last), (False, inputs)):
        with torch.backends.mkldnn.flags(enabled=backend):
            yield given


def observe(module: nn.Module, inputs: list, observer) -> None:
    with torch.no_grad(), watched(module, observer):
        module(*inputs)


def measure_kinks(module: nn.Module, inputs: list) -> tuple:
    """A copy in float64, its inputs, and the error of float32 at each kink."""
    double = copy.deepcopy(module).double()
    exact = [value.double() if value.is_floating_point() else value for value in inputs]
    recorders = [Recorder()]
    observe(double, exact, recorders[0])
    for given in variants(module, inputs):
        recorders.append(Recorder())
        observe(copy.deepcopy(module), given, recorders[-1])
    return double, exact, errors_of_float32(recorders)


def shift_from_kinks(module: nn.Module, inputs: list, draws: dict, seed: int) -> tuple:
    """Fills the module, with biases shifted so that it has no value near a kink. Returns the shifts, and how near the
    nearest value is, in standard deviations of its float32 error. Raises NearKink where that cannot be done."""
    fill(draws, seed, {})
    double, exact, errors = measure_kinks(module, inputs)
    names = {part: f'{name}.bias' for name, part in double.named_modules()}
    shifter = Shifter(errors, names, may_shift=True)
    observe(double, exact, shifter)
    fill(draws, seed, shifter.shifts)
    double, exact, errors = measure_kinks(module, inputs)
    judge = Shifter(errors, {}, may_shift=False)
    observe(double, exact, judge)
    return shifter.shifts, judge.nearest


def draw_inputs(architecture: Architecture, seed: int) -> list:
    values = []
    for name, given in zip(INPUTS, architecture.inputs):
        stream = f'{seed}/{name}'
        if given.below:
            drawn = integers(stream, given.dims, given.below)
        else:
            drawn = uniform(stream, given.dims, 0, short(NORMAL))
        values.append(torch.from_numpy(drawn))
    return values


def measure_gradients(module: nn.Module, inputs: list, pairs: list, seed: int) -> dict:
    """The record of each gradient: its scale, the error of torch's float32 at its worst, and the products."""
    shape = module(*inputs).shape
    cotangent = torch.from_numpy(uniform(f'{seed}/out', tuple(shape), 0, short(NORMAL)))
    _, exact = differentiate(module, inputs, [cotangent], pairs, torch.float64)
    norms = {name: float(np.linalg.norm(value)) for name, value in exact.items()}
    largest = max(norms.values())
    scales = {name: norm if norm > 1e-9 * largest else largest for name, norm in norms.items()}
    own = dict.fromkeys(exact, 0.0)
    for given in variants(module, inputs):
        _, single = differentiate(module, given, [cotangent], pairs, torch.float32)
        for name, value in single.items():
            own[name] = max(own[name], float(np.linalg.norm(value - exact[name]) / scales[name]))
    return {
        name: {
            'scale': float(f'{scales[name]:.10g}'),
            'ownError': short(own[name]),
            'products': (project(f'directions/{name}', value) / scales[name]).round(9).tolist(),
        }
        for name, value in exact.items()
    }


def skeleton(model: onnx.ModelProto, draws: dict) -> bytes:
    """The file, with inputs in place of what is drawn."""
    drawn = [item for item in model.graph.initializer if item.name in draws]
    listed = {item.name for item in model.graph.input}
    for item in drawn:
        model.graph.initializer.remove(item)
        if item.name not in listed:
            model.graph.input.append(onnx.helper.make_tensor_value_info(item.name, item.data_type, list(item.dims)))
    for node in model.graph.node:
        node.ClearField('doc_string')
    onnx.checker.check_model(model)
    return gzip.compress(model.SerializeToString(), mtime=0)


def make(architecture: Architecture, mode: str) -> tuple:
    torch.manual_seed(0)
    module = set_mode(architecture.build(), mode)
    randomize(module, 0)
    inputs = draw_inputs(architecture, 0)
    data = export(module, inputs, 1, architecture.opset, architecture.folding, mode, False)
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model)
    pairs, others = match(model, module)
    draws = plan(model, module, pairs)
    # What is neither drawn nor a parameter of the module would keep the values of the export in the file.
    if kept := [name for name in others if name not in draws]:
        raise ValueError(f'no parameters: {" ".join(kept)}')
    for seed in range(SEEDS):
        inputs = draw_inputs(architecture, seed)
        try:
            shifts, nearest = shift_from_kinks(module, inputs, draws, seed)
            break
        except NearKink as reason:
            print(f'  seed {seed}: {reason}', file=sys.stderr)
    else:
        raise RuntimeError(f'each of {SEEDS} seeds has a value near a kink')
    record = {
        'source': f'torch {torch.__version__}, torchvision {torchvision.__version__}',
        'seed': seed,
        'shift': SHIFT,
        'inputs': {
            name: {'dims': list(given.dims), **({'below': given.below} if given.below else {'spread': short(NORMAL)})}
            for name, given in zip(INPUTS, architecture.inputs)
        },
        'cotangents': {'out': {'dims': list(module(*inputs).shape), 'spread': short(NORMAL)}},
        'parameters': {name: [draw.centre, draw.spread] for name, draw in draws.items()},
        'shifts': {name: [value for pair in shifts[name].items() for value in pair] for name in shifts},
        'gradients': measure_gradients(module, inputs, pairs, seed),
    }
    return skeleton(model, draws), record, nearest


def main(wanted: list) -> None:
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    total = 0
    for architecture in ARCHITECTURES:
        for mode in architecture.modes:
            name = f'{architecture.name}-{mode}'
            if wanted and name not in wanted and architecture.name not in wanted:
                continue
            start = time.time()
            model, record, nearest = make(architecture, mode)
            text = (dump(record) + '\n').encode()
            write(os.path.join(FOLDER, name + '.onnx.gz'), model)
            write(os.path.join(FOLDER, name + '.json'), text)
            total += len(model) + len(text)
            gradients = record['gradients']
            own = sorted(value['ownError'] for value in gradients.values())
            moved = sum(len(value) // 2 for value in record['shifts'].values())
            print(
                f'{name}: seed {record["seed"]}, {moved} biases shifted, nearest {nearest:.1f}, '
                f'{len(gradients)} gradients, torch float32 {own[0]:.1e} to {own[-1]:.1e}, '
                f'{len(model)} + {len(text)} bytes, {time.time() - start:.0f}s',
                flush=True,
            )
    print(f'{total} bytes')


main(sys.argv[1:])
