# SPDX-License-Identifier: Apache-2.0
"""Trying histories, and making those that break a law as short as they go.

    python3 tests/model/trials.py files HISTORY    a history as a failure prints it, step by step; or records
"""
import json
import os
import random
import sys
import time

import file_histories
import record_histories

KINDS = {"files": file_histories, "records": record_histories}
CRASHES = (KeyError, IndexError, ValueError, TypeError, AssertionError, RecursionError, AttributeError)


def numbers(count):
    """So many numbers, or, with MODEL_SECONDS in the environment, as many as that time has room for."""
    seconds, begun, n = float(os.environ.get("MODEL_SECONDS", 0)), time.monotonic(), 0
    while time.monotonic() - begun < seconds if seconds else n < count:
        yield n
        n += 1


def seeds(count):
    """MODEL_SEED in the environment: others than ever."""
    for n in numbers(count):
        yield f"{os.environ.get('MODEL_SEED', '1')}/{n}"


def failure(kind, history, trace=None):
    """The law that the history breaks; None: it breaks none."""
    count, ops = history
    try:
        world = kind.World(count)
        for op in ops:
            world.step(tuple(op))
            if trace:
                trace(world, op)
        world.check()
    except file_histories.Broken as broken:
        return str(broken)
    except CRASHES as error:
        return f"crash: {type(error).__name__} {error}"
    return None


def shrink(kind, history):
    """The history without the steps that the failure doesn't need."""
    law = failure(kind, history).split(":")[0]
    count, ops = history
    size = max(1, len(ops) // 2)
    while size:
        i = 0
        while i < len(ops):
            shorter = ops[:i] + ops[i + size:]
            if (failure(kind, (count, shorter)) or "").split(":")[0] == law:
                ops = shorter
            else:
                i += size
        size //= 2
    return count, ops


def try_random(name, count):
    kind = KINDS[name]
    for seed in seeds(count):
        history = kind.random_history(random.Random(seed))
        if failure(kind, history):
            small = shrink(kind, history)
            raise AssertionError(f"{seed} breaks {failure(kind, small)}\n"
                                 f"    python3 tests/model/trials.py {name} '{json.dumps(small)}'")


def show_files(device):
    return {"/".join(path): file.content + file.mode for path, file in sorted(device.disk.items())}


def show_records(device):
    return [{f"{table} {key}": row for (table, key), row in sorted(source.disk.items())} for source in device.sources]


def print_step(world, op):
    print(*op)
    for device in world.devices:
        print("   ", device.name, (show_files if hasattr(device, "disk") else show_records)(device))


if __name__ == "__main__":
    print(failure(KINDS[sys.argv[1]], json.loads(sys.argv[2]), print_step) or "no law is broken")
