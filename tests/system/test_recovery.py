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


def another(laptop, make_device, name="tablet"):
    """A device that joins now and gets what there is."""
    joined = make_device(name)
    laptop.pair(joined)
    joined.add("notes", None, "--existing")
    return joined


def test_a_lost_blob_is_sealed_again_by_whoever_has_the_content(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    put(here, "large", os.urandom(3_000_000))
    laptop.sync()
    desktop.sync()
    before = broker.status()
    backup.restore()
    assert desktop.sync()["in_sync"]
    after = broker.status()
    assert after["entries"] == before["entries"], "the same bytes came out: nothing more is said"
    assert (after["blobs"], after["blob_bytes"]) == (before["blobs"], before["blob_bytes"])
    tablet = another(laptop, make_device)
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def test_the_author_brings_his_own_blobs_again(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    put(here, "large", os.urandom(3_000_000))
    laptop.sync()
    before = broker.status()
    backup.restore()
    assert laptop.sync()["in_sync"]
    assert broker.status()["blobs"] == before["blobs"] and broker.status()["entries"] == before["entries"]
    desktop.sync()
    assert tree(here) == tree(there)


def test_an_author_whose_file_has_changed_says_so(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    put(here, "large", os.urandom(3_000_000))
    laptop.sync()
    backup.restore()
    put(here, "large", os.urandom(3_000_000))
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert tree(here) == tree(there)
    assert laptop.sync()["in_sync"] and "rolled back" not in laptop.finish("sync").stderr
    tablet = another(laptop, make_device)
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def test_what_stands_on_a_lost_content_is_supplied_whole(broker, pair_of_notes, make_device, tmp_path):
    """Nobody has the base of the delta any more, but two have what it made."""
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    content = bytearray(os.urandom(3_000_000))
    put(here, "large", content)
    laptop.sync()
    content[1_000_000:1_000_100] = os.urandom(100)
    put(here, "large", content)
    assert laptop.sync()["traffic"]["deltas"] == 1
    desktop.sync()
    backup.restore()
    entries = broker.status()["entries"]
    assert desktop.sync()["in_sync"]
    told = broker.status()["entries"]
    assert told == entries + 3, "two entries of the laptop's, and the supply"
    for _ in range(2):
        assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
    assert broker.status()["entries"] == told, "it is said once"
    tablet = another(laptop, make_device)
    assert tablet.sync()["in_sync"]
    assert tree(tablet.source()) == tree(here)
    content[2_000_000:2_000_100] = os.urandom(100)
    put(here, "large", content)
    assert laptop.sync()["traffic"]["deltas"] == 1, "what was supplied is built upon again"
    tablet.sync()
    assert tree(tablet.source()) == tree(here)
