"""Numbers that need not be stored: testing/network-reference.ts draws bitwise the same.

Each number is a hash of its index and of the name of its stream. The hash is the finalizer of MurmurHash3 (Appleby),
the key FNV-1a (Fowler, Noll, Vo).
"""

import numpy as np

DIRECTIONS = 8
CHUNK = 1 << 20


def mix(value: np.ndarray) -> np.ndarray:
    value = value ^ (value >> np.uint32(16))
    value = value * np.uint32(0x85EBCA6B)
    value = value ^ (value >> np.uint32(13))
    value = value * np.uint32(0xC2B2AE35)
    return value ^ (value >> np.uint32(16))


def key_of(stream: str) -> np.uint32:
    key = 0x811C9DC5
    for byte in stream.encode():
        key = (key ^ byte) * 0x01000193 & 0xFFFFFFFF
    return np.uint32(key)


def hashes(stream: str, start: int, stop: int) -> np.ndarray:
    return mix(mix(np.arange(start, stop, dtype=np.uint32)) ^ key_of(stream))


def uniform(stream: str, dims: tuple, centre: float, spread: float) -> np.ndarray:
    """Float32 values, uniform in [centre - spread, centre + spread)."""
    size = int(np.prod(dims))
    values = np.empty(size, np.float32)
    for start in range(0, size, CHUNK):
        part = hashes(stream, start, min(start + CHUNK, size))
        # 24 bits, so that the product with a float64 is rounded once, as in JavaScript.
        unit = (part >> np.uint32(8)).astype(np.float64) / 2**23 - 1
        values[start : start + part.size] = centre + spread * unit
    return values.reshape(dims)


def integers(stream: str, dims: tuple, below: int) -> np.ndarray:
    return (hashes(stream, 0, int(np.prod(dims))) % np.uint32(below)).astype(np.int64).reshape(dims)


def project(stream: str, value: np.ndarray) -> np.ndarray:
    """The products of a tensor with DIRECTIONS tensors of random signs, the lowest bits of the hashes."""
    flat = value.reshape(-1).astype(np.float64)
    sums = np.zeros(DIRECTIONS)
    for start in range(0, flat.size, CHUNK):
        part = flat[start : start + CHUNK]
        bits = hashes(stream, start, start + part.size)
        for direction in range(DIRECTIONS):
            signs = 1 - 2 * ((bits >> np.uint32(direction)) & np.uint32(1)).astype(np.float64)
            sums[direction] += part @ signs
    return sums
