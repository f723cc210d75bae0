# SPDX-License-Identifier: Apache-2.0
"""Two devices with the same notes, of which one locks something."""

import os
import stat

import pytest

from counterfoil import tree, two, wait_until  # noqa: F401


@pytest.fixture
def shared(two):
    """Two devices with the same notes."""
    ann, bob = two
    ann.add(files={"page": "one\n", "deep/leaf": "leaf\n"})
    ann.sync()
    bob.add()
    bob.sync()
    assert tree(bob.source()) == tree(ann.source())
    return ann, bob


def write(device, name, content):
    with open(device.source() / name, "w") as file:
        file.write(content)


def read(device, name):
    with open(device.source() / name) as file:
        return file.read()


def mode(device, name):
    return stat.S_IMODE(os.stat(device.source() / name).st_mode)


def pending(device, kind):
    return [p for c in device.json("status")["collections"] for p in c["pending"] if p["kind"] == kind]


def wait_for_it(broker, device, *words):
    """A process that has asked, and has been told to wait."""
    before = len(broker.audit("lease-waited"))
    process = device.start(*words)
    wait_until(lambda: len(broker.audit("lease-waited")) > before, "it has to wait")
    return process


def copies(device):
    return [name for name in tree(device.source()) if "conflict" in name]
