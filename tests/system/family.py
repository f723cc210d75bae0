# SPDX-License-Identifier: Apache-2.0
"""A user with two devices of different roles and one collection on both, and what is done with such a family."""

import os
import pty
import select
import time

import pytest

from counterfoil import CLEAN, WAIT, broker, make_device  # noqa: F401


@pytest.fixture
def family(broker, make_device, tmp_path):
    """A user with an owner and a member, one collection on both, and the recovery phrase in a file."""
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.phrase = str(tmp_path / "phrase")
    laptop.json("init", broker.run("invite").strip(), "--name", "laptop", "--recovery-file", laptop.phrase)
    laptop.pair(desktop)
    share(laptop, desktop)
    return laptop, desktop


def share(first, *others, name="notes"):
    first.here = first.add(name, {"one.txt": "one\n", "sub/two.txt": "two\n"})
    first.sync()
    for other in others:
        bind(other, name)


def bind(device, name="notes"):
    device.sync()
    device.here = device.add(name, None, "--existing")
    device.sync()


def state_of(device, name):
    listed = {one["name"]: one for one in device.json("devices")}
    return listed[name]["state"], listed[name]["role"]


def settle(*devices):
    """Enough rounds for everything to reach everyone."""
    for _ in range(2):
        for device in devices:
            device.sync()


def at_terminal(device, arguments, answers):
    """Runs a verb on a terminal; answers are typed when their question has come. Returns its exit code and words."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(device.command()[0], device.command(*arguments), CLEAN)
    said, waiting, end = "", list(answers), time.monotonic() + WAIT
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece.decode(errors="replace")
        while waiting and waiting[0][0] in said:
            os.write(terminal, waiting.pop(0)[1].encode() + b"\n")
    assert not waiting, f"never asked: {waiting}\n{said}"
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said
