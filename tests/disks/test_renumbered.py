# SPDX-License-Identifier: Apache-2.0
"""A disk that is mounted again, whose files may have other inode numbers by then: a file that was renamed meanwhile is
moved elsewhere, and no other one is touched there."""

import pytest

from counterfoil import both, broker, fill, make_device, tree, two, wait_until  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

FILES = 40


def inodes(folder):
    return {path.name: path.stat().st_ino for path in folder.rglob("*") if path.is_file() and path.parent.name != "tmp"}


@pytest.fixture
def known(stick):
    laptop, desktop = stick
    here = laptop.add("notes", {f"{'in/' if i % 4 == 0 else ''}f{i:02}": f"file {i:02}\n" for i in range(FILES)})
    both(laptop, desktop)
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    return laptop, desktop, here, there


LASTING = of("ext4", "ext2", "ntfs", "exfat", "bindfs", "mergerfs")


@LASTING
def test_to_be_mounted_again_is_no_news(disk, known):
    laptop, desktop, here, there = known
    before = inodes(there)
    disk.remount()
    both(laptop, desktop)
    assert inodes(there) == before


@LASTING
def test_one_renamed_while_away_is_moved_and_no_other_is(disk, known):
    laptop, desktop, here, there = known
    before = inodes(there)
    disk.remount()
    (here / "f30").rename(here / "another")
    laptop.sync()
    desktop.sync()
    before["another"] = before.pop("f30")
    assert inodes(there) == before
    assert tree(there) == tree(here)


@LASTING
def test_a_folder_renamed_while_away(disk, known):
    laptop, desktop, here, there = known
    before = inodes(there)
    disk.remount()
    (here / "in").rename(here / "out")
    laptop.sync()
    desktop.sync()
    assert inodes(there) == before
    assert tree(there) == tree(here)


@of("exfat", "bindfs")
def test_a_folder_renamed_while_away_is_one_move(disk, known):
    laptop, desktop, here, there = known
    disk.remount()
    (here / "in").rename(here / "out")
    laptop.sync()
    changed = {(one["change"], one["path"]) for one in laptop.json("log") if one["change"] in ("moved", "deleted")}
    assert changed == {("moved", "out")}


@of("exfat")
def test_a_folder_gets_its_old_case_back_here_and_is_not_new(disk, known):
    """Renamed elsewhere by case alone, applied here, and named by its old case here."""
    laptop, desktop, here, there = known
    before = inodes(there)
    (there / "in").rename(there / "IN")
    both(desktop, laptop)
    assert tree(here) == tree(there) and "IN" in tree(here)
    (here / "IN").rename(here / "in")
    both(laptop, desktop)
    assert tree(here) == tree(there) and "in" in tree(there)
    assert inodes(there) == before
    assert {one["change"] for one in laptop.json("log") if one["path"].lower() == "in"} <= {"new", "moved"}
    assert not [one for one in laptop.json("log") if one["change"] == "deleted"]


@LASTING
def test_what_is_renamed_while_it_is_served_is_moved(disk, known):
    """At once, and without reading what is in a folder."""
    laptop, desktop, here, there = known
    before = inodes(there)
    serving = [laptop.serve(), desktop.serve()]
    (here / "first").write_text("what is sent was listed, and what is listed is watched\n")
    wait_until(lambda: (there / "first").exists(), "all was looked at once", 60)
    (here / "f30").rename(here / "another")
    (here / "in").rename(here / "out")
    (here / "f31").rename(here / "edited")
    with open(here / "edited", "a") as file:
        file.write("and more\n")
    wait_until(lambda: tree(there) == tree(here), "what was renamed", 60)
    for device, process in zip((laptop, desktop), serving):
        device.stop(process)
    both(laptop, desktop)
    before["another"] = before.pop("f30")
    assert inodes(there).items() >= {name: number for name, number in before.items() if name != "f31"}.items()
    log = laptop.json("log")
    assert {("another", "f30"), ("out", "in")} <= {
        (one["path"], one["from"]) for one in log if one["change"] == "moved"}
    assert not [one for one in log if one["change"] == "deleted" or
                (one["change"] == "new" and one["path"] in ("another", "out", "edited"))]


@of("exfat", "ntfs", "bindfs")
def test_a_stick_below_a_source_that_is_mounted_anew(two, disk):
    """Its files are of one size and were written in one second."""
    laptop, desktop = two
    disk.unmount()
    here = laptop.source("notes")
    disk.at = here / "stick"
    disk.at.mkdir(parents=True)
    disk.mount()
    files = {f"{i}.jpg": f"pic{i}\n" for i in range(1, 26)}
    fill(disk.at / "pics", files)
    laptop.run("add", here, "--collection", "notes")
    desktop.run("sync")
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    expected = {name: text.encode() for name, text in files.items()}
    assert tree(there / "stick/pics") == expected
    disk.unmount()
    laptop.sync(8)
    disk.mount()
    laptop.sync()
    desktop.sync()
    assert tree(there / "stick/pics") == expected
    changed = {one["path"] for one in laptop.json("log") if one["change"] in ("moved", "deleted")}
    assert not changed
