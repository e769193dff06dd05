"""The PyTorch side of a row: prepares itself, then runs one round for each line "run", and sleeps in between."""

import json
import sys
import time

import torch

settings = json.loads(sys.argv[1])
torch.set_num_threads(settings['threads'])
torch.set_flush_denormal(True)


def numbers():
    """A function that takes tensors off the file of float32 numbers, in their order."""
    with open(settings['data'], 'rb') as file:
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    taken = 0

    def take(*shape):
        nonlocal taken
        count = torch.Size(shape).numel()
        taken += count
        return values[taken - count : taken].reshape(shape).clone()

    return take


def serve(losses, repeat):
    """Announces the first losses, then answers with the milliseconds of each repetition, and with the CPU time, of all
    threads, that was used since the last answer."""
    say({'losses': losses})
    rested = time.process_time()
    for _ in sys.stdin:
        idle = time.process_time() - rested
        times = []
        for _ in range(settings['repetitions']):
            start = time.perf_counter()
            repeat()
            times.append((time.perf_counter() - start) * 1e3)
        rested = time.process_time()
        say({'times': times, 'idle': idle * 1e3})


def say(message):
    print(json.dumps(message), flush=True)
