# SPDX-License-Identifier: Apache-2.0
"""Homes that were restored from a backup, or cloned with their disk."""

import shutil

from counterfoil import broker, make_device, pair_of_notes, tree, two  # noqa: F401
from stand import put

IGNORED = shutil.ignore_patterns("control")


def forks_of(device):
    return [one for one in device.json("status")["notes"] if one["kind"] == "forked"]


def test_a_cloned_home_merges_and_is_reported_on_every_device(broker, pair_of_notes, make_device):
    laptop, desktop, here, there = pair_of_notes
    assert not forks_of(laptop) and not forks_of(desktop)
    clone = make_device("clone")
    shutil.copytree(desktop.home, clone.home, ignore=IGNORED)
    where = clone.source()
    shutil.copytree(there, where, symlinks=True)
    aside = there.rename(str(there) + ".aside")  # the clone runs on another machine
    clone.json("add", str(where), "--collection", "notes", "--existing")
    aside.rename(there)
    broker.stop()
    put(there, "one.txt", b"by the desktop\n")
    desktop.run("sync", "--timeout", "2s", code=5)
    put(where, "sub/two.txt", b"by the clone\n")
    clone.run("sync", "--timeout", "2s", code=5)  # the same sequence a second time
    broker.restart()
    for _ in range(2):
        for device in laptop, desktop, clone:
            assert device.sync()["in_sync"]
    expected = {"one.txt": b"by the desktop\n", "sub": None, "sub/two.txt": b"by the clone\n"}
    assert tree(here) == tree(there) == tree(where) == expected
    for device in laptop, desktop, clone:
        (note,) = forks_of(device)
        assert "desktop" in note["text"] and "join" in note["text"] and note["time"].startswith("20")
        assert device.json("status")["in_sync"] and device.json("status", "--check")
        assert "note: " in device.run("status")
    put(there, "one.txt", b"again, both\n")
    put(where, "sub/two.txt", b"go on\n")
    desktop.sync(), clone.sync(), desktop.sync(), laptop.sync()
    assert tree(here) == tree(there) == {"one.txt": b"again, both\n", "sub": None, "sub/two.txt": b"go on\n"}
    entries = broker.status()["entries"]
    for device in laptop, desktop, clone, laptop:
        device.sync()
    assert broker.status()["entries"] == entries, "the copies don't answer each other for ever"


def test_a_restored_home_goes_on_under_a_new_writer(broker, pair_of_notes, tmp_path):
    """It hears of what it wrote after the backup, and signs no sequence twice, also after a restart."""
    laptop, desktop, here, there = pair_of_notes
    backup = str(tmp_path / "backup")
    shutil.copytree(desktop.home, backup, ignore=IGNORED)
    for n in range(3):
        put(there, "one.txt", b"edit %d\n" % n)
        desktop.sync()
    shutil.rmtree(desktop.home)
    shutil.copytree(backup, desktop.home)
    assert desktop.sync()["in_sync"]
    assert not forks_of(laptop), "nothing was written twice yet"
    put(there, "one.txt", b"after\n")
    desktop.sync()
    laptop.sync()
    assert tree(here) == tree(there)
    for device in laptop, desktop:
        (note,) = forks_of(device)
        assert "desktop" in note["text"]
    heads = broker.status()["entries"]
    put(there, "one.txt", b"and on\n")
    desktop.sync()
    laptop.sync()
    assert broker.status()["entries"] == heads + 1
    assert (here / "one.txt").read_bytes() == b"and on\n"
