# SPDX-License-Identifier: Apache-2.0
"""Files that nobody has for now: who waits for them is told, and has them once somebody has."""

import json
import os
import pathlib

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


def blob_files(broker):
    """Largest first."""
    files = [path for path in pathlib.Path(broker.data, "blobs").rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: path.stat().st_size, reverse=True)


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


def test_one_whose_file_was_removed_is_found_out_by_who_asks_for_it(broker, pair_of_notes, make_device):
    """Nothing is typed: the broker says it, and has it from the next device that has it."""
    laptop, desktop, here, there = pair_of_notes
    put(here, "large", os.urandom(300_000))
    laptop.sync()
    desktop.sync()
    (lost, *_) = blob_files(broker)
    lost.unlink()
    tablet = another(laptop, make_device)
    assert ABSENT in waiting(tablet, "sync")["large"]
    (note,) = tablet.json("status")["notes"]
    assert "until a device comes that still has it" in note["text"], note
    wait_until(lambda: f"blob {lost.name} is gone: the devices are asked for it" in open(broker.log).read(), "it is said")
    assert desktop.sync()["in_sync"]
    assert lost.exists() and tablet.sync()["in_sync"]
    assert (tablet.source() / "large").read_bytes() == (here / "large").read_bytes()
    assert not tablet.json("status")["notes"]
    assert broker.run("verify") == "everything is whole\n"
