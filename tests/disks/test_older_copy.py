# SPDX-License-Identifier: Apache-2.0
"""An older copy of a disk in its place, with all that belongs to the source: a stick of last month, an image that was
restored. It has taken back nothing, unless its user says so."""

import os
import shutil
import subprocess
import time

import pytest

from counterfoil import both, broker, make_device, tree, two, wait_until  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

FILES = {"one": "one\n", "two": "two\n", "three": "three\n", "in/four": "four\n", "in/five": "five\n", "six": "six\n"}
MONTH = 30 * 86400
WAYS = ("an older copy of what was here", "put that back", "--refill`", "--yes` sends it as edits")


def age(path):
    then = time.time_ns() // 10**9 - MONTH
    os.utime(path, (then, then))


def copied(disk):
    """Its image as it is, which is read once nothing is mounted."""
    disk.unmount()
    old = disk.image.with_name("old")
    shutil.copyfile(disk.image, old)
    disk.mount()
    return old


def put_in_its_place(disk, image):
    """The one that was there last is the other one."""
    disk.unmount()
    aside = disk.image.with_name("aside")
    disk.image.rename(aside)
    image.rename(disk.image)
    aside.rename(image)
    disk.mount()


@pytest.fixture
def notes(stick, disk):
    laptop, desktop = stick
    here = laptop.source("notes")
    laptop.add("notes", FILES)
    for name in FILES:
        age(here / name)
    both(laptop, desktop)
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    assert tree(here) == tree(there) and "in/four" in tree(there)
    return laptop, desktop, here, there


def refused(laptop, verb="sync"):
    said = laptop.run(verb, code=8) if verb == "sync" else laptop.finish(verb).stdout
    for words in WAYS:
        assert words in said, said


@of("exfat", "ntfs", "ext2", "ext4")
def test_it_reverts_nothing_until_its_user_chooses(disk, notes):
    laptop, desktop, here, there = notes
    old = copied(disk)
    (here / "one").write_text("edited here\n")
    (there / "in/four").write_text("edited there\n")
    (here / "in/new").write_text("new\n")
    both(laptop, desktop)
    expected = tree(there)
    assert expected["one"] == b"edited here\n" and tree(here) == expected
    put_in_its_place(disk, old)
    assert tree(here)["one"] == b"one\n" and "in/new" not in tree(here)
    refused(laptop, "status")
    for _ in range(2):
        refused(laptop)
        desktop.sync()
        assert tree(there) == expected and tree(here)["one"] == b"one\n"
    put_in_its_place(disk, old)
    both(laptop, desktop)
    assert tree(here) == tree(there) == expected
    assert not [one for one in laptop.json("log") if one["change"] == "deleted"]


@of("exfat", "ext2")
def test_who_serves_goes_on_when_the_right_one_is_mounted(disk, notes):
    """At once, however long the other one lay there."""
    laptop, desktop, here, there = notes
    old = copied(disk)
    (here / "one").write_text("edited here\n")
    (here / "in/new").write_text("new\n")
    both(laptop, desktop)
    expected = tree(there)
    serving = laptop.serve()
    for i in range(2):
        put_in_its_place(disk, old)
        wait_until(lambda: WAYS[0] in laptop.finish("status").stdout, "the older one is told")
        laptop.run("sync", code=8)
        put_in_its_place(disk, old)
        wait_until(lambda: laptop.json("status")["in_sync"], "it goes on")
        (here / f"since {i}").write_text("since\n")
        expected |= {f"since {i}": b"since\n"}
        wait_until(lambda: f"since {i}" in tree(here) and not desktop.finish("sync").returncode and
                   tree(there) == expected, "what is made is sent")
    assert laptop.stop(serving) == 0
    assert not [one for one in laptop.json("log") if one["change"] == "deleted"]


@of("exfat", "ext2")
def test_it_is_filled_from_the_log(disk, notes):
    laptop, desktop, here, there = notes
    old = copied(disk)
    (here / "one").write_text("edited here\n")
    (here / "in/new").write_text("new\n")
    (here / "six").unlink()
    both(laptop, desktop)
    expected = tree(there)
    put_in_its_place(disk, old)
    refused(laptop)
    laptop.run("repair", here, "--refill")
    both(laptop, desktop)
    assert tree(here) == tree(there) == expected


@of("exfat", "ntfs")
def test_it_is_what_its_user_means(disk, notes):
    laptop, desktop, here, there = notes
    before = tree(there)
    old = copied(disk)
    (here / "one").write_text("edited here\n")
    (here / "in/new").write_text("new\n")
    both(laptop, desktop)
    put_in_its_place(disk, old)
    refused(laptop)
    laptop.run("sync", "--yes")
    both(laptop, desktop)
    assert tree(here) == tree(there) == before


@of("exfat", "ext2")
def test_deletions_that_came_back_and_what_was_made_since(disk, notes):
    laptop, desktop, here, there = notes
    old = copied(disk)
    (here / "one").unlink()
    (there / "in/five").unlink()
    (here / "in/new").write_text("new\n")
    both(laptop, desktop)
    expected = tree(there)
    put_in_its_place(disk, old)
    refused(laptop)
    desktop.sync()
    assert tree(there) == expected


@of("exfat", "ntfs")
def test_a_copy_of_its_files_on_another_disk(disk, notes, make_disk, request):
    laptop, desktop, here, there = notes
    other = make_disk(request.node.callspec.params["disk"])
    subprocess.run(["cp", "-a", f"{disk.at}/.", other.at], check=True)
    (here / "one").write_text("edited here\n")
    (here / "in/new").write_text("new\n")
    both(laptop, desktop)
    expected = tree(there)
    disk.unmount()
    other.unmount()
    other.at = disk.at
    other.mount()
    refused(laptop)
    desktop.sync()
    assert tree(there) == expected


@of("exfat")
def test_under_serve(disk, notes):
    laptop, desktop, here, there = notes
    old = copied(disk)
    (here / "one").write_text("edited here\n")
    (here / "in/new").write_text("new\n")
    both(laptop, desktop)
    expected = tree(there)
    put_in_its_place(disk, old)
    serving = laptop.serve()
    refused(laptop, "status")
    desktop.sync()
    assert tree(there) == expected
    laptop.stop(serving)


@of("exfat", "ext4")
def test_who_restores_files_is_heard(disk, notes):
    """One file alone; two, of more that were changed together; a backup that takes its file's place."""
    laptop, desktop, here, there = notes
    old = here.parent / "backup"
    subprocess.run(["cp", "-a", here, old], check=True)
    (here / "one").write_text("edited\n")
    both(laptop, desktop)
    subprocess.run(["cp", "-p", old / "one", here / "one"], check=True)
    both(laptop, desktop)
    assert tree(there)["one"] == b"one\n"
    for name in ("one", "two", "three"):
        (here / name).write_text("edited\n")
    both(laptop, desktop)
    for name in ("one", "two"):
        subprocess.run(["cp", "-p", old / name, here / name], check=True)
    (here / "in/five").unlink()
    both(laptop, desktop)
    assert tree(there) == tree(here)
    assert {**tree(there), "one": b"one\n", "two": b"two\n", "three": b"edited\n"} == tree(there)
    assert "in/five" not in tree(there)
    (here / "six").rename(here / "six~")
    (here / "six").write_text("edited\n")
    both(laptop, desktop)
    (here / "six~").rename(here / "six")
    both(laptop, desktop)
    assert tree(there) == tree(here) and tree(there)["six"] == b"six\n" and "six~" not in tree(there)


@of("ext4")
def test_who_moves_files_out_and_in_again_is_heard(disk, notes):
    """What `mv` or `cp -p` brings has the time of now, which no snapshot of the disk has."""
    laptop, desktop, here, there = notes
    old = here.parent / "backup"
    subprocess.run(["cp", "-a", here, old], check=True)
    (here / "one").rename(disk.at / "trash")
    both(laptop, desktop)
    (here / "new").write_text("new\n")
    both(laptop, desktop)
    (disk.at / "trash").rename(here / "one")
    (here / "new").unlink()
    both(laptop, desktop)
    assert tree(there) == tree(here) and "one" in tree(there) and "new" not in tree(there)
    for name in ("two", "three"):
        (here / name).write_text("edited\n")
    both(laptop, desktop)
    for name in ("two", "three"):
        subprocess.run(["cp", "-p", old / name, here / name], check=True)
    both(laptop, desktop)
    assert tree(there) == tree(here) and tree(there)["two"] == b"two\n" and tree(there)["three"] == b"three\n"
