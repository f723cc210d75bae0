# SPDX-License-Identifier: Apache-2.0
"""Two devices, of which one has its source on a disk of each kind: whatever is done on either comes to the other."""

import shutil

import pytest

from counterfoil import both, broker, fill, make_device, tree, two  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401


def make(source, word):
    fill(source, {f"{word} one.txt": "one\n", f"{word}/two.txt": "two\n", f"{word}/in/three.txt": "three\n",
                  f"{word}/empty": "", f"{word}/large": bytes(range(256)) * 1200, f"{word} gone": "gone\n"})


def edit(source, word):
    (source / f"{word} one.txt").write_text("one, longer\n")
    (source / word / "in/three.txt").write_text("")
    with open(source / word / "large", "r+b") as file:
        file.seek(100000)
        file.write(b"another piece")
        file.truncate(290000)


def rename(source, word):
    (source / f"{word} one.txt").rename(source / word / "moved.txt")
    (source / word / "two.txt").rename(source / word / "2.txt")
    (source / word / "in").rename(source / f"{word} out")


def replace(source, word):
    """A file by a file, as editors save; a file by a folder, and a folder by a file."""
    (source / "new").write_text("saved by a rename\n")
    (source / "new").rename(source / word / "moved.txt")
    (source / word / "empty").unlink()
    fill(source / word, {"empty/no more": "full\n"})
    shutil.rmtree(source / f"{word} out")
    (source / f"{word} out").write_text("a file\n")


def remove(source, word):
    (source / f"{word} gone").unlink()
    shutil.rmtree(source / word / "empty")


def test_whatever_is_done_comes_to_the_other(stick):
    laptop, desktop = stick
    here = laptop.add("notes", {"first": "first\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    for act in make, edit, rename, replace, remove:
        act(here, "here")
        both(laptop, desktop)
        assert tree(here) == tree(there)
        act(there, "there")
        both(desktop, laptop)
        assert tree(here) == tree(there)
    assert not [path for path in tree(here) if "conflict" in path]


@of("ext4", "ext2", "ntfs", "exfat", "bindfs", "mergerfs")
def test_a_disk_that_is_away_deletes_nothing_and_goes_on(disk, stick):
    laptop, desktop = stick
    here = laptop.add("notes", {"one.txt": "one\n", "in/two.txt": "two\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    disk.unmount()
    laptop.sync(8)
    desktop.sync()
    assert tree(there) == {"one.txt": b"one\n", "in": None, "in/two.txt": b"two\n"}
    disk.mount()
    (here / "one.txt").write_text("one, longer\n")
    (here / "in/two.txt").unlink()
    both(laptop, desktop)
    assert tree(here) == tree(there) == {"one.txt": b"one, longer\n", "in": None}
