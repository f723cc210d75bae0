# SPDX-License-Identifier: Apache-2.0
"""What can't be written to is sent from: it has no mark, and is known by what it is."""

import os
import shutil

import pytest

from counterfoil import broker, make_device, tree, two  # noqa: F401
from disks import make_disk, run  # noqa: F401

FILES = {**{f"DCIM/photo {i:02}.jpg": f"photo {i}\n" * 50 for i in range(12)}, "index.txt": "12 photos\n",
         "readme.txt": "read me\n", "licence.txt": "free\n"}


def lies(folder, files):
    folders = {os.path.dirname(name): None for name in files if "/" in name}
    return tree(folder) == {**folders, **{name: text.encode() for name, text in files.items()}}


CARD = {f"DCIM/100CANON/IMG_{i:04}.JPG": f"card one, {i}\n" for i in range(60)}


def put_in(disk, other):
    """Another image where this one is."""
    disk.unmount()
    shutil.copy(other.image, disk.image)
    disk.mount()


@pytest.fixture
def sent(two, make_disk):
    laptop, desktop = two
    disk = make_disk("squashfs", FILES)
    laptop.run("add", disk.at, "--mode", "send", "--collection", "photos")
    laptop.run("sync")
    desktop.run("sync")
    there = desktop.add("photos", None, "--existing")
    desktop.run("sync")
    assert lies(there, FILES)
    return laptop, desktop, disk, there


def test_an_image_is_sent_from(sent):
    laptop, desktop, disk, there = sent
    assert not (disk.at / ".counterfoil").exists()
    disk.remount()
    before = laptop.json("log")
    laptop.run("sync")
    assert laptop.json("log") == before


def test_nothing_is_added_to_it_without_the_word(two, make_disk):
    laptop, _ = two
    disk = make_disk("squashfs", FILES)
    said = laptop.run("add", disk.at, "--collection", "photos", code=1)
    assert "--mode send" in said and "Read-only file system" in said


def shown(disk, how):
    """The same disk, which can be written to, or not."""
    disk.unmount()
    disk.mount()
    run("mount", "-o", f"remount,{how}", disk.at)


def test_what_was_a_source_and_can_t_be_written_to_is_named_as_that(two, make_disk):
    """By another home, and by the one whose it was, which could not take its mark away."""
    laptop, desktop = two
    disk = make_disk("ext4", FILES)
    laptop.run("add", disk.at, "--collection", "photos")
    laptop.run("sync")
    desktop.run("sync")
    shown(disk, "ro")
    said = desktop.run("add", disk.at, "--collection", "photos", "--existing", code=1)
    assert f"`--mode send` adds what can't be written to: {disk.at}: Read-only file system" in said
    assert "/.counterfoil" not in said and "removing" not in said
    assert "stays there" in laptop.run("remove", disk.at, code=1)
    said = laptop.run("add", disk.at, "--collection", "photos", "--existing", code=1)
    assert f"{disk.at}: Read-only file system" in said
    laptop.run("add", disk.at, "--collection", "photos", "--existing", "--mode", "send")
    laptop.run("remove", disk.at)
    shown(disk, "rw")
    done = laptop.finish("add", str(disk.at), "--collection", "photos", "--existing")
    assert done.returncode == 0 and "was a source already, of another home or of this one before" in done.stdout + done.stderr
    laptop.run("sync")
    assert laptop.json("status")["in_sync"]


def test_what_comes_from_elsewhere_stays_there(sent):
    laptop, desktop, disk, there = sent
    (there / "index.txt").write_text("mine\n")
    (there / "new.txt").write_text("new\n")
    desktop.run("sync")
    (photos,) = laptop.json("sync", code=1)["collections"]
    assert {one["path"]: one["reason"] for one in photos["pending"]} == {
        "index.txt": "it was changed elsewhere; this source only sends", "new.txt": "it is new elsewhere; this source only sends"}
    assert "--mode both" not in photos["advice"] and "--existing --mine --collection photos --mode send" in photos["advice"]
    assert lies(disk.at, FILES) and (there / "index.txt").read_text() == "mine\n"
    assert "send" in laptop.run("set", disk.at, "--mode", "both", code=2)


def test_a_newer_one_is_sent(sent, make_disk):
    laptop, desktop, disk, there = sent
    newer = {**FILES, "DCIM/photo 12.jpg": "photo 12\n", "index.txt": "13 photos, one is new\n"}
    del newer["licence.txt"]
    put_in(disk, make_disk("squashfs", newer))
    laptop.run("sync")
    desktop.run("sync")
    assert lies(there, newer)


NUMBERED = {f"docs/f{i}": f"s{i}\n" for i in range(10, 30)}


@pytest.mark.parametrize("gone, new", [("docs/f15", "docs/fnew"), ("docs/f29", "docs/a-new")])
def test_the_numbers_of_an_image_say_nothing_of_the_next_one(two, make_disk, gone, new):
    """An inode of squashfs is a place in the image, and each file here has one size and one time."""
    laptop, desktop = two
    disk = make_disk("squashfs", NUMBERED)
    laptop.run("add", disk.at, "--mode", "send", "--collection", "docs")
    laptop.run("sync")
    desktop.run("sync")
    there = desktop.add("docs", None, "--existing")
    desktop.run("sync")
    newer = {**NUMBERED, new: "new\n"}
    del newer[gone]
    put_in(disk, make_disk("squashfs", newer))
    laptop.run("sync")
    desktop.run("sync")
    assert lies(there, newer)
    assert "moved" not in str(laptop.json("log"))


def test_another_one_deletes_nothing(sent, make_disk):
    laptop, desktop, disk, there = sent
    put_in(disk, make_disk("squashfs", {"films/one.mp4": "one\n"}))
    said = laptop.run("sync", code=8)
    assert "another folder than the one that was added" in said and "--refill" not in said
    assert "can't be written to" in laptop.run("repair", disk.at, "--refill", code=2)
    disk.unmount()
    assert "another folder than the one that was added" in laptop.run("sync", code=8)
    desktop.run("sync")
    assert lies(there, FILES)
    laptop.run("remove", disk.at)
    assert lies(there, FILES)


@pytest.mark.parametrize("other", [{"DCIM/101NIKON/DSC_0001.JPG": "card two\n"},
                                   {name: "of card two, too\n" for name in CARD}])
def test_another_card_of_such_a_camera_deletes_nothing(two, make_disk, other):
    laptop, desktop = two
    disk = make_disk("squashfs", CARD)
    laptop.run("add", disk.at, "--mode", "send", "--collection", "photos")
    laptop.run("sync")
    desktop.run("sync")
    there = desktop.add("photos", None, "--existing")
    desktop.run("sync")
    before = tree(there)
    put_in(disk, make_disk("squashfs", other))
    assert "another folder than the one that was added" in laptop.run("sync", code=8)
    desktop.run("sync")
    assert tree(there) == before


def test_a_folder_that_is_mounted_read_only(two, make_disk, tmp_path):
    """It changes all the same, from another side."""
    laptop, desktop = two
    below = make_disk("ext4", FILES)
    shown = tmp_path / "shown"
    shown.mkdir()
    run("mount", "--bind", "-o", "ro", below.at, shown)
    try:
        run("mount", "-o", "remount,bind,ro", shown)
        laptop.run("add", shown, "--mode", "send", "--collection", "photos")
        laptop.run("sync")
        for name in os.listdir(below.at):
            if name != "lost+found":
                os.rename(below.at / name, below.at / f"{name} 2")
        laptop.run("sync")
        desktop.run("sync")
        there = desktop.add("photos", None, "--existing")
        desktop.run("sync")
        assert sorted(name for name in os.listdir(there) if name != ".counterfoil") == [
            "DCIM 2", "index.txt 2", "licence.txt 2", "lost+found", "readme.txt 2"]
    finally:
        run("umount", shown)
