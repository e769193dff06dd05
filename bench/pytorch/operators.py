"""PyTorch's own samples of its operators (OpInfo), as ONNX files with the gradients that PyTorch computes.

Prints a line of JSON for each sample, and nothing else; its argument is JSON: the names of the operators, and the most samples of each.
"""

import base64
import copy
import io
import json
import sys
import types
import unittest
import warnings

import numpy as np

try:
    import expecttest  # noqa: F401
except ImportError:
    # PyTorch's test helpers want it as a base class, which is not used here.
    sys.modules['expecttest'] = types.ModuleType('expecttest')
    sys.modules['expecttest'].TestCase = unittest.TestCase
    sys.modules['expecttest'].ACCEPT = False

import torch
from torch.onnx import TrainingMode
from torch.testing._internal.common_methods_invocations import op_db

OPSET = 17


class Sample(torch.nn.Module):
    """A call of an operator as a function of its tensors, which may also lie in tuples and lists among its arguments."""

    def __init__(self, operator, sample):
        super().__init__()
        self.operator = operator
        self.arguments = [sample.input, list(sample.args), dict(sample.kwargs)]

    def tensors(self) -> list:
        found = []
        self.mapped(lambda tensor: found.append(tensor) or tensor)
        return found

    def mapped(self, change):
        def visit(value):
            if isinstance(value, torch.Tensor):
                return change(value)
            if isinstance(value, dict):
                return {key: visit(item) for key, item in value.items()}
            if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
                return type(value)(visit(item) for item in value)
            return value

        return visit(self.arguments)

    def forward(self, *tensors):
        rest = iter(tensors)
        first, args, kwargs = self.mapped(lambda _: next(rest))
        return self.operator(first, *args, **kwargs)

    def description(self) -> str:
        def text(value):
            if isinstance(value, torch.Tensor):
                return f'{str(value.dtype)[6:]}{list(value.shape)}'
            if isinstance(value, dict):
                return ', '.join(f'{key}={text(item)}' for key, item in value.items())
            if isinstance(value, (list, tuple)):
                return '[' + ', '.join(map(text, value)) + ']'
            return str(value)

        first, args, kwargs = self.arguments
        return ', '.join([text(first), *map(text, args), *([text(kwargs)] if kwargs else [])])


def outputs_of(result) -> list:
    """The results that are floats: indices have no gradient."""
    results = result if isinstance(result, (tuple, list)) else [result]
    return [value for value in results if isinstance(value, torch.Tensor) and value.is_floating_point()]


def is_leaf(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and tensor.requires_grad


def differentiate(sample: Sample, dtype, cotangents) -> tuple:
    """Outputs, and gradients of the tensors that want one, as float64. Without cotangents only outputs, as they are."""
    tensors = [
        value.detach().clone().to(dtype if value.is_floating_point() else value.dtype).requires_grad_(is_leaf(value))
        for value in sample.tensors()
    ]
    outputs = outputs_of(sample(*tensors))
    values = [output.detach() for output in outputs]
    if cotangents is None:
        return values, {}
    total = sum((output * cotangent.to(output.dtype)).sum() for output, cotangent in zip(outputs, cotangents))
    total.backward()
    gradients = {
        f'x{i}': torch.zeros_like(tensor).double() if tensor.grad is None else tensor.grad.double()
        for i, tensor in enumerate(tensors)
        if tensor.requires_grad
    }
    return [value.double() for value in values], gradients


def export(sample: Sample, inputs: list) -> bytes:
    def attempt(training: bool) -> bytes:
        stream = io.BytesIO()
        torch.onnx.export(
            copy.deepcopy(sample).train(training),
            tuple(inputs),
            stream,
            opset_version=OPSET,
            training=TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=[f'x{i}' for i in range(len(inputs))],
        )
        return stream.getvalue()

    try:
        return attempt(True)
    except Exception:
        # The exporter of PyTorch 1.13 writes some norms in training mode with more outputs than ONNX has.
        return attempt(False)


def encode(value) -> dict:
    array = np.ascontiguousarray(value.numpy())
    return {'type': str(array.dtype), 'dims': list(value.shape), 'data': base64.b64encode(array.tobytes()).decode()}


def errors(exact: dict, single: list) -> dict:
    """The scale that an error is relative to, and the error of PyTorch's own float32: the worse of its two backends."""
    largest = max(float(value.norm()) for value in exact.values())
    found = {}
    for name, value in exact.items():
        norm = float(value.norm())
        scale = norm if norm > 1e-9 * largest else largest
        own = max(float((values[name] - value).norm()) / (scale or 1) for values in single)
        found[name] = {**encode(value), 'scale': scale or 1, 'ownError': own}
    return found


def described(operator, given, dtype, index: int) -> dict:
    sample = Sample(operator, given)
    about = {'dtype': str(dtype)[6:], 'index': index, 'arguments': sample.description()}
    try:
        inputs = [value.detach().clone() for value in sample.tensors()]
        if any(value.numel() == 0 for value in inputs):
            # Some of these stop PyTorch 1.13 with a division by zero.
            return {**about, 'skipped': 'no values'}
        plain, _ = differentiate(sample, dtype, None)
        generator = torch.Generator().manual_seed(index)
        cotangents = [torch.randn(value.shape, generator=generator).to(value.dtype) for value in plain]
        outputs, gradients = differentiate(sample, torch.float64, cotangents)
        if not gradients:
            return {**about, 'skipped': 'nothing to differentiate'}
        own = []
        for enabled in (True, False):
            with torch.backends.mkldnn.flags(enabled=enabled):
                values, found = differentiate(sample, dtype, cotangents)
                own.append({**found, **{f'output {i}': value for i, value in enumerate(values)}})
    except Exception as error:
        return {**about, 'skipped': f'PyTorch: {first_line(error)}'}
    try:
        model = export(sample, inputs)
    except Exception as error:
        return {**about, 'unexported': first_line(error)}
    exact = {**gradients, **{f'output {i}': value for i, value in enumerate(outputs)}}
    return {
        **about,
        'model': base64.b64encode(model).decode(),
        'inputs': {f'x{i}': encode(value) for i, value in enumerate(inputs)},
        'cotangents': [encode(value) for value in cotangents],
        'exact': errors(exact, own),
    }


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def main(names: list, most: int) -> None:
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    for name in names:
        variants = [info for info in op_db if info.name == name]
        if not variants:
            print(json.dumps({'operator': name, 'missing': True}), flush=True)
        for info in variants:
            label = ' '.join(filter(None, [name, info.variant_test_name]))
            for dtype in (torch.float32, torch.float64):
                torch.manual_seed(0)
                np.random.seed(0)
                samples = list(info.sample_inputs('cpu', dtype, requires_grad=True))
                step = max(1, -(-len(samples) // most))
                for index in range(0, len(samples), step):
                    line = described(info.op, samples[index], dtype, index)
                    print(json.dumps({'operator': label, **line}), flush=True)


settings = json.loads(sys.argv[1])
main(settings['operators'], settings['most'])
