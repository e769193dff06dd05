"""Reference gradients: the module itself, differentiated by PyTorch in float64.

The names are those of the ONNX file, so that a reader needs nothing but ONNX.
"""

import copy
from dataclasses import dataclass
from typing import Optional

import numpy as np
import onnx
import torch
from torch import nn

from case import Case, make_inputs, randomize, set_mode
from exporting import INPUTS, export, fuse, match


def as_list(outputs) -> list:
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    return [output for output in outputs if isinstance(output, torch.Tensor)]


def differentiate(module: nn.Module, inputs: list, cotangents: Optional[list], pairs: list, dtype) -> tuple:
    """The outputs, and the gradients of sum(cotangent * output) for the float inputs and the parameters, as float64
    arrays under the names of the ONNX file."""
    module = copy.deepcopy(module).to(dtype)
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    leaves = [
        value.detach().to(dtype).requires_grad_(True) if value.is_floating_point() else value for value in inputs
    ]
    outputs = as_list(module(*leaves))
    results = [output.detach().double().numpy() for output in outputs]
    if cotangents is None:
        return results, {}
    total = sum((output * cotangent.to(dtype)).sum() for output, cotangent in zip(outputs, cotangents))
    total.backward()
    gradients = {}
    for name, leaf in zip(INPUTS, leaves):
        if leaf.is_floating_point():
            gradients[name] = zeros_if_none(leaf)
    parameters = dict(module.named_parameters())
    for pair in pairs:
        gradient = zeros_if_none(parameters[pair.source])
        gradients[pair.name] = (gradient.T if pair.transposed else gradient).reshape(pair.dims)
    return results, gradients


def zeros_if_none(leaf: torch.Tensor) -> np.ndarray:
    gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    return gradient.double().numpy()


@dataclass
class Reference:
    model: bytes
    inputs: dict
    cotangents: dict
    outputs: dict
    gradients: dict
    scales: dict
    """What an error is measured against: the norm, or, where the true value is zero, the largest norm of the case."""
    own_errors: dict
    """The relative error of torch's own float32, the worse of its two convolution backends."""
    others: list


def make_reference(case: Case) -> Reference:
    module = copy.deepcopy(case.module)
    randomize(module, case.seed, case.plain_norms)
    set_mode(module, case.mode)
    inputs = make_inputs(case)
    count = len(as_list(copy.deepcopy(module)(*inputs)))
    data = export(module, inputs, count, case.opset, case.folding, case.mode, case.dynamic)
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model)
    if case.mode == 'eval':
        module = fuse(module)
    pairs, others = match(model, module)

    generator = torch.Generator().manual_seed(case.seed + 2)
    shapes, _ = differentiate(module, inputs, None, pairs, torch.float32)
    cotangents = [torch.randn(value.shape, generator=generator) for value in shapes]
    outputs, gradients = differentiate(module, inputs, cotangents, pairs, torch.float64)

    names = [output.name for output in model.graph.output]
    exact = {f'output {name}': value for name, value in zip(names, outputs)}
    exact.update(gradients)
    largest = max(np.linalg.norm(value) for value in exact.values())
    scales = {}
    for name, value in exact.items():
        norm = np.linalg.norm(value)
        scales[name] = float(norm if norm > 1e-9 * largest else largest)
    own = dict.fromkeys(exact, 0.0)
    for backend in (True, False):
        with torch.backends.mkldnn.flags(enabled=backend):
            single, single_gradients = differentiate(module, inputs, cotangents, pairs, torch.float32)
        approximate = {f'output {name}': value for name, value in zip(names, single)}
        approximate.update(single_gradients)
        for name, value in approximate.items():
            own[name] = max(own[name], float(np.linalg.norm(value - exact[name]) / scales[name]))
    return Reference(
        model=data,
        inputs=dict(zip(INPUTS, (value.numpy() for value in inputs))),
        cotangents=dict(zip(names, (value.numpy() for value in cotangents))),
        outputs=dict(zip(names, outputs)),
        gradients=gradients,
        scales=scales,
        own_errors=own,
        others=others,
    )
