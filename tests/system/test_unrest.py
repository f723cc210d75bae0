# SPDX-License-Identifier: Apache-2.0
"""Files that programs hold open, or write to without rest."""

import os

import pytest

from counterfoil import broker, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from hands import Busy
from stand import put

LONG = 90  # seconds: some wait a minute before they are read while they are open


def serve_both(laptop, desktop):
    laptop.serve(), desktop.serve()
    for device in laptop, desktop:
        wait_until(lambda: device.json("status")["broker"]["connected"], f"{device.name} is connected")


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def begins_with(path, other):
    with open(path, "rb") as whole, open(other, "rb") as begin:
        there = begin.read()
        return whole.read(len(there)) == there


@pytest.mark.parametrize("stays_open", [False, True])
def test_a_log_that_never_rests_is_followed(pair_of_notes, stays_open):
    laptop, desktop, here, there = pair_of_notes
    put(here, "log", os.urandom(8 << 20))
    laptop.sync(), desktop.sync()
    serve_both(laptop, desktop)
    held = open(here / "log", "ab", buffering=0)

    def append():
        if stays_open:
            held.write(b"a line of some 30 characters\n")
        else:
            with open(here / "log", "ab", buffering=0) as file:
                file.write(b"a line of some 30 characters\n")

    if not stays_open:
        held.close()
    first = size_of(there / "log")
    with Busy(append, 0.02):
        for _ in range(2):
            wait_until(lambda: size_of(there / "log") > first, "the log has grown there", LONG)
            assert begins_with(here / "log", there / "log"), "it was like that once"
            first = size_of(there / "log")
    held.close()
    wait_until(lambda: tree(here) == tree(there), "both are alike")
