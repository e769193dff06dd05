"""Export to ONNX, and which parameter of the module each parameter of the file is."""

import copy
import io
import warnings
from dataclasses import dataclass
from typing import Optional

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.onnx import TrainingMode

INPUTS = ['x', 'y', 'z']


def export(module: nn.Module, inputs: list, outputs: int, opset: int, folding: bool, mode: str, dynamic: bool) -> bytes:
    """The bytes of the ONNX file that torch.onnx.export writes."""
    names = ['out'] if outputs == 1 else [f'out{i}' for i in range(outputs)]
    buffer = io.BytesIO()
    if dynamic:
        inputs = [torch.cat([value, value])[:2] if value.dim() > 0 else value for value in inputs]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            copy.deepcopy(module),
            tuple(inputs),
            buffer,
            opset_version=opset,
            do_constant_folding=folding,
            training=TrainingMode.EVAL if mode == 'eval' else TrainingMode.PRESERVE,
            input_names=INPUTS[: len(inputs)],
            output_names=names,
            dynamic_axes={n: {0: 'batch'} for n in INPUTS[: len(inputs)] + names} if dynamic else None,
        )
    return buffer.getvalue()


def fuse(module: nn.Module) -> nn.Module:
    """Folds every BatchNormalization into the convolution registered just before it, as the exporter does."""
    for owner in list(module.modules()):
        previous = (None, None)
        for name, child in list(owner.named_children()):
            before, conv = previous
            if isinstance(child, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d):
                if conv.out_channels == child.num_features:
                    setattr(owner, before, fuse_conv_bn_eval(conv, child))
                    setattr(owner, name, nn.Identity())
            previous = (name, child)
    return module


@dataclass
class Parameter:
    """A parameter of the ONNX file, and the parameter of the module that it holds."""

    name: str
    source: Optional[str]
    transposed: bool
    dims: tuple


def initializers(model: onnx.ModelProto) -> dict:
    """The float initializers, and the copies that the exporter made of equal ones, by the name of the copy."""
    values = {}
    for item in model.graph.initializer:
        if item.data_type == onnx.TensorProto.FLOAT:
            values[item.name] = onnx.numpy_helper.to_array(item)
    for node in model.graph.node:
        if node.op_type == 'Identity' and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    return values


def match(model: onnx.ModelProto, module: nn.Module) -> tuple:
    """Pairs the parameters of the file with those of the module, by name or by value, and gives the module the exact
    values of the file. Returns the pairs, and the names of the float initializers that are no parameter."""
    sources = dict(module.named_parameters())
    values = initializers(model)
    pairs, others = [], []
    for name, value in values.items():
        if name in sources and sources[name].numel() == value.size:
            pairs.append(Parameter(name, name, False, value.shape))
        else:
            pairs.append(find(name, value, sources))
    # A parameter that was folded into several constants has only the sum of their gradients.
    found = [pair.source for pair in pairs]
    others = [pair.name for pair in pairs if pair.source is None or found.count(pair.source) > 1]
    pairs = [pair for pair in pairs if pair.name not in others]
    with torch.no_grad():
        for pair in pairs:
            value = values[pair.name]
            exact = torch.from_numpy(np.array(value.T if pair.transposed else value))
            sources[pair.source].copy_(exact.reshape(sources[pair.source].shape))
    return pairs, others


def find(name: str, value: np.ndarray, sources: dict) -> Parameter:
    """The parameter of the module with these values: reshaped, transposed, or folded anew with other rounding."""
    for source, parameter in sources.items():
        mine = parameter.detach().numpy()
        if mine.size != value.size:
            continue
        if mine.ndim == 2 and mine.T.shape == value.shape and np.allclose(mine.T, value, rtol=1e-4, atol=1e-6):
            return Parameter(name, source, True, value.shape)
        if np.allclose(mine.reshape(-1), value.reshape(-1), rtol=1e-4, atol=1e-6):
            return Parameter(name, source, False, value.shape)
    return Parameter(name, None, False, value.shape)
