"""Writes test/golden/models: models that need more than reading nodes, and their outputs and gradients in float64.

    python3 scripts/reference/models.py

Made with torch 1.13, onnx 1.12 and numpy 1.24: functions, branches, loops, weights in float16 or in another file.
"""

import io
import os
import warnings

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from onnx import TensorProto
from torch import nn

from case import randomize
from exporting import match
from reference import differentiate
from storage import dump, encode, write

FOLDER = os.path.join(os.path.dirname(__file__), '..', '..', 'test', 'golden', 'models')


class Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.fc = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.act = nn.LeakyReLU(0.3)

    def forward(self, x):
        return self.act(self.norm(self.fc(x))) + x


class Blocks(nn.Module):
    """Two blocks of one function; their norms begin equal, so the exporter merges them."""

    def __init__(self):
        super().__init__()
        self.first = Block(4)
        self.second = Block(4)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.second(self.first(x)))


class Branch(nn.Module):
    """What is done depends on the size of the image, which the file leaves open."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.small = nn.Linear(3, 2)
        self.large = nn.Linear(3, 2)

    def forward(self, x):
        y = torch.relu(self.conv(x)).mean(dim=[2, 3])
        if x.size(2) < 6:
            z = torch.tanh(self.small(y))
            if x.size(3) == 5:
                z = z * 2.0
        else:
            z = self.large(y)
        return z


class Squeeze(nn.Module):
    """An axis is squeezed whose size the file leaves open: the exporter asks whether it is 1."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return torch.tanh(self.fc(x).squeeze(1))


class Recurrence(nn.Module):
    """As many turns as there are rows, and a value of each."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(3, 3)

    def forward(self, x):
        state = torch.zeros_like(x[:, 0])
        for i in range(x.size(1)):
            state = torch.tanh(self.cell(state) + x[:, i])
        return state


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(torch.relu(self.norm(self.conv(x))).mean(dim=[2, 3]))


def export(module: nn.Module, x: torch.Tensor, open_axes: dict, opset: int = 15, **options) -> onnx.ModelProto:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module,
            x,
            buffer,
            opset_version=opset,
            input_names=['x'],
            output_names=['out'],
            dynamic_axes={'x': open_axes},
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            **options,
        )
    return onnx.load_model_from_string(buffer.getvalue())


def in_float16(model: onnx.ModelProto) -> None:
    """Weights, constants, input and output in float16, as converters to half precision leave a model."""

    def convert(tensor: TensorProto) -> None:
        if tensor.data_type == TensorProto.FLOAT:
            value = onnx.numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(onnx.numpy_helper.from_array(value, tensor.name))

    for tensor in model.graph.initializer:
        convert(tensor)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == 'value':
                convert(attribute.t)
    for info in [*model.graph.input, *model.graph.output]:
        info.type.tensor_type.elem_type = TensorProto.FLOAT16


def round_weights(module: nn.Module) -> None:
    with torch.no_grad():
        for value in [*module.parameters(), *module.buffers()]:
            if value.is_floating_point():
                value.copy_(value.half().float())


def save(name: str, module: nn.Module, x: torch.Tensor, model: onnx.ModelProto, data: bytes) -> None:
    pairs, others = match(model, module)
    assert all('running' in other for other in others), others
    shapes, _ = differentiate(module, [x], None, pairs, torch.float32)
    cotangents = [torch.randn(value.shape, generator=torch.Generator().manual_seed(2)) for value in shapes]
    outputs, gradients = differentiate(module, [x], cotangents, pairs, torch.float64)
    record = {
        'source': f'torch {torch.__version__}',
        'inputs': {'x': encode(x.numpy())},
        'cotangents': {'out': encode(cotangents[0].numpy())},
        'outputs': {'out': encode(outputs[0])},
        'gradients': {key: encode(value) for key, value in gradients.items()},
    }
    write(os.path.join(FOLDER, f'{name}.onnx'), data)
    write(os.path.join(FOLDER, f'{name}.json'), (dump(record) + '\n').encode())
    print(f'{name}: {len(data)} bytes, {" ".join(node.op_type for node in model.graph.node)}')


def main() -> None:
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)

    def prepared(module: nn.Module, shape: tuple, plain_norms: bool = False) -> tuple:
        randomize(module, 1, plain_norms)
        return module.eval(), torch.randn(shape, generator=torch.Generator().manual_seed(1))

    module, x = prepared(Blocks(), (2, 4), plain_norms=True)
    model = export(module, x, {0: 'batch'}, export_modules_as_functions={Block, nn.LayerNorm, nn.LeakyReLU})
    assert len(model.functions) >= 3
    save('functions', module, x, model, model.SerializeToString())

    for name, module, shape, axes in [
        ('branch-taken', Branch(), (2, 1, 5, 5), {0: 'batch', 2: 'height', 3: 'width'}),
        ('branch-not-taken', Branch(), (2, 1, 6, 5), {0: 'batch', 2: 'height', 3: 'width'}),
        ('squeeze', Squeeze(), (2, 1, 4), {0: 'batch', 1: 'places'}),
        ('recurrence', Recurrence(), (2, 4, 3), {0: 'batch', 1: 'turns'}),
    ]:
        module, x = prepared(module, shape)
        model = export(torch.jit.script(module), x, axes, opset=14)
        assert any(node.op_type in ('If', 'Loop') for node in model.graph.node)
        save(name, module, x, model, model.SerializeToString())

    module, x = prepared(Small(), (2, 1, 5, 5))
    round_weights(module)
    model = export(module, x, {0: 'batch'})
    half = onnx.ModelProto()
    half.CopyFrom(model)
    in_float16(half)
    save('float16', module, x, model, half.SerializeToString())

    module, x = prepared(Small(), (2, 1, 5, 5))
    model = export(module, x, {0: 'batch'})
    path = os.path.join(FOLDER, 'external.onnx')
    outside = onnx.ModelProto()
    outside.CopyFrom(model)
    weights = os.path.join(FOLDER, 'external.weights')
    if os.path.exists(weights):
        os.remove(weights)
    onnx.save_model(
        outside, path, save_as_external_data=True, location='external.weights', size_threshold=0
    )
    with open(path, 'rb') as file:
        save('external', module, x, model, file.read())


main()
