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
    file = open(settings['data'], 'rb')

    def take(*shape):
        values = bytearray(file.read(4 * torch.Size(shape).numel()))
        return torch.frombuffer(values, dtype=torch.float32).reshape(shape).clone()

    return take


def serve(losses, repeat):
    """Announces the first losses, then answers with the milliseconds of each repetition, with the CPU time, of all
    threads, that was used since the last answer, and with the peak memory of the process so far."""
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
        say({'values': times, 'idle': idle * 1e3, 'peak': peak_memory()})


def say(message):
    print(json.dumps(message), flush=True)


def peak_memory():
    """The most memory that this process has had so far, in MiB, as Linux counts it."""
    try:
        with open('/proc/self/status') as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith('VmHWM:'))
    except OSError:
        return None
