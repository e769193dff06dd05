"""Writes a case as NAME.onnx and NAME.json."""

import base64
import json
import os
import re
import textwrap

import numpy as np
import torch

from case import Case
from reference import Reference

LINE = 100
"""How long a line may be."""


def encode(value: np.ndarray) -> dict:
    if value.dtype == np.float64:
        value = value.astype(np.float32)
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {'type': str(value.dtype), 'dims': list(value.shape), 'data': data}


def short(number: float) -> float:
    return float(f'{number:.4g}')


def dump(value, indent: str = '', room: int = LINE) -> str:
    """JSON as the formatter of the repository wants it: two spaces, and lists of numbers fill their lines. `room` is
    what the first line has."""
    inner = indent + '  '
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            start = f'{inner}{json.dumps(key)}: '
            comma = len(lines) < len(value) - 1
            lines.append(start + dump(item, inner, LINE - len(start) - comma) + ',' * comma)
        return '\n'.join(['{', *lines, indent + '}'])
    if isinstance(value, float):
        return re.sub(r'e-0', 'e-', json.dumps(value))
    if isinstance(value, list) and all(isinstance(item, (int, float)) for item in value):
        items = ', '.join(map(dump, value))
        if len(items) + 2 <= room:
            return f'[{items}]'
        filled = textwrap.fill(items, LINE, initial_indent=inner, subsequent_indent=inner, break_on_hyphens=False)
        return f'[\n{filled}\n{indent}]'
    return json.dumps(value)


def write(path: str, data: bytes) -> None:
    with open(path + '.partial', 'wb') as file:
        file.write(data)
    os.replace(path + '.partial', path)


def save(case: Case, reference: Reference, folder: str) -> int:
    """Writes NAME.onnx and NAME.json, and returns their size in bytes."""

    def measured(key: str, value: np.ndarray) -> dict:
        return {**encode(value), 'scale': short(reference.scales[key]), 'ownError': short(reference.own_errors[key])}

    record = {
        'source': f'torch {torch.__version__}',
        'opset': case.opset,
        'mode': case.mode,
        'convention': case.convention,
        'inputs': {name: encode(value) for name, value in reference.inputs.items()},
        'cotangents': {name: encode(value) for name, value in reference.cotangents.items()},
        'outputs': {name: measured(f'output {name}', value) for name, value in reference.outputs.items()},
        'gradients': {name: measured(name, value) for name, value in reference.gradients.items()},
    }
    text = (dump(record) + '\n').encode()
    write(os.path.join(folder, case.name + '.onnx'), reference.model)
    write(os.path.join(folder, case.name + '.json'), text)
    return len(reference.model) + len(text)
