# SPDX-License-Identifier: Apache-2.0
"""Files that nobody has for now: who waits for them is told, and has them once somebody has."""

import json
import os

import pytest

from counterfoil import broker, make_device, pair_of_notes, two, wait_until  # noqa: F401
from stand import put
from test_recovery import another

ABSENT = "waits for a device that has all of it"


def lose_blobs(broker):
    """The broker's disk lost them, and it has found that out."""
    broker.stop()
    for folder, _, names in os.walk(os.path.join(broker.data, "blobs")):
        for name in names:
            os.unlink(os.path.join(folder, name))
    broker.restart()
    assert "asked for it" in broker.finish("verify").stdout


def waiting(device, verb):
    """Path -> reason."""
    (collection,) = json.loads(device.finish("--json", verb).stdout)["collections"]
    return {one["path"]: one["reason"] for one in collection["pending"]}


@pytest.fixture
def lost(broker, pair_of_notes, make_device):
    """The laptop wrote it and is away; the desktop has never had it. A third device keeps the broker from
    forgetting what it had."""
    laptop, desktop, here, there = pair_of_notes
    another(laptop, make_device)
    content = os.urandom(300_000)
    put(here, "large", content)
    laptop.sync()
    lose_blobs(broker)
    return laptop, desktop, there, content


def test_it_is_told_and_comes_with_the_device_that_has_it(lost):
    laptop, desktop, there, content = lost
    assert ABSENT in waiting(desktop, "sync")["large"]
    assert laptop.sync()["in_sync"]
    assert desktop.sync()["in_sync"] and (there / "large").read_bytes() == content


def test_it_is_told_while_serve_runs_too(lost):
    """Each look of `status` asked for it again, and showed it as on the way."""
    _, desktop, _, _ = lost
    desktop.serve()
    wait_until(lambda: ABSENT in waiting(desktop, "status").get("large", ""), "it is told")
