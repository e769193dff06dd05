"""Writes a case as NAME.onnx and NAME.json."""

import base64
import json
import os
import re

import numpy as np
import torch

from case import Case
from reference import Reference


def encode(value: np.ndarray) -> dict:
    if value.dtype == np.float64:
        value = value.astype(np.float32)
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {'type': str(value.dtype), 'dims': list(value.shape), 'data': data}


def short(number: float) -> float:
    return float(f'{number:.4g}')


def dump(value, indent: str = '') -> str:
    """JSON with two spaces, and lists of numbers on one line, as the formatter of the repository wants it."""
    if not isinstance(value, dict) or not value:
        return re.sub(r'e-0', 'e-', json.dumps(value)) if isinstance(value, float) else json.dumps(value)
    inner = indent + '  '
    lines = [f'{inner}{json.dumps(key)}: {dump(item, inner)}' for key, item in value.items()]
    return '{\n' + ',\n'.join(lines) + f'\n{indent}}}'


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
