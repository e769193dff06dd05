"""A product of two square matrices."""

import torch

from serve import serve, settings

size = settings['size']
a, b, product = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
serve([], lambda: torch.mm(a, b, out=product))
