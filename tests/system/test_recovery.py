# SPDX-License-Identifier: Apache-2.0
"""Brokers that were rolled back or emptied, contents that they lost."""

import os
import shutil

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import put


def notes_of(device, kind):
    return [one for one in device.json("status")["notes"] if one["kind"] == kind]


class Copy:
    """A copy of a broker's data, as a backup would have it."""

    def __init__(self, broker, folder):
        self.broker, self.folder = broker, str(folder)
        broker.stop()
        shutil.copytree(broker.data, self.folder, symlinks=True)
        broker.restart()

    def restore(self):
        self.broker.stop()
        shutil.rmtree(self.broker.data)
        shutil.copytree(self.folder, self.broker.data, symlinks=True)
        self.broker.restart()


def test_a_rolled_back_broker_is_reported_once_and_filled_by_anybody(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    for n in range(3):
        put(here, "one.txt", b"edit %d\n" % n)
        laptop.sync()
    desktop.sync()
    entries = broker.status()["entries"]
    backup.restore()
    assert broker.status()["entries"] == entries - 3
    done = desktop.finish("sync")
    assert done.returncode == 0 and done.stderr.count("rolled back") == 1
    assert f"{broker.place[0]}:{broker.place[1]} was rolled back" in done.stderr
    assert "3 entries" in done.stderr and "note: " in done.stdout
    assert broker.status()["entries"] == entries, "the laptop's entries came back from the desktop"
    assert "rolled back" not in desktop.finish("sync").stderr
    (note,) = notes_of(desktop, "rolled-back")
    assert "3 entries" in note["text"] and "counterfoil sync" in note["text"] and note["time"].startswith("20")
    assert desktop.json("status")["in_sync"]
    assert laptop.sync()["in_sync"] and not notes_of(laptop, "rolled-back")
    tablet = make_device("tablet")
    laptop.pair(tablet)
    assert (tablet.add("notes", None, "--existing") / "one.txt").exists() is False
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def test_a_device_that_is_behind_takes_no_broker_for_rolled_back(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    for n in range(3):
        put(here, "one.txt", b"edit %d\n" % n)
        laptop.sync()
    for device in laptop, desktop:
        assert "rolled back" not in device.finish("sync").stderr
        assert not device.json("status")["notes"]
