"""Writes test/golden/gradients: small modules as PyTorch exports them, and their gradients in float64.

    python3 scripts/reference/gradients.py [NAME ...]

Made with torch 1.13, onnx 1.12 and numpy 1.24. Another version of torch writes other graphs; the gradients stay the same.
"""

import os
import sys

import torch

import elementwise
import layers
import losses
import networks
import shapes
from reference import make_reference
from storage import save

FOLDER = os.path.join(os.path.dirname(__file__), '..', '..', 'test', 'golden', 'gradients')


def main(wanted: list) -> None:
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    total, names, failed = 0, set(), []
    for group in (elementwise, layers, losses, shapes, networks):
        for case in group.cases():
            if wanted and case.name not in wanted:
                continue
            if case.name in names:
                raise ValueError(f'two cases are named {case.name}')
            names.add(case.name)
            try:
                reference = make_reference(case)
            except Exception as error:
                failed.append(case.name)
                print(f'{case.name}: {str(error).splitlines()[0]}', file=sys.stderr)
                continue
            size = save(case, reference, FOLDER)
            total += size
            worst = max(reference.own_errors.values())
            rest = f'  no parameter: {" ".join(reference.others)}' if reference.others else ''
            print(f'{case.name}: opset {case.opset}, {size} bytes, torch float32 {worst:.1e}{rest}')
    print(f'{len(names) - len(failed)} cases, {total} bytes; {len(failed)} failed: {" ".join(failed)}')
    if failed:
        sys.exit(1)


main(sys.argv[1:])
