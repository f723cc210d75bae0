# SPDX-License-Identifier: Apache-2.0
"""The disks themselves: each is what its name says, keeps what it holds, and leaves nothing behind."""

import errno
import os
import subprocess

import pytest

from disks import NotMade, disk, make_disk, of, run  # noqa: F401

TYPES = {"Ext4": "ext4", "Ext2": "ext2", "Tmpfs": "tmpfs", "Ntfs": "fuseblk", "Exfat": "fuseblk", "Bindfs": "fuse",
         "Mergerfs": "fuse.mergerfs", "Squashfs": "squashfs"}


def loops(disk):
    return subprocess.run(["losetup", "--associated", disk.image], capture_output=True, text=True, check=True).stdout


def kind(disk):
    return run("findmnt", "-no", "FSTYPE", disk.at)


def test_each_is_another_file_system_of_its_kind(disk, tmp_path):
    assert disk.at.stat().st_dev != tmp_path.stat().st_dev
    assert kind(disk) == TYPES[type(disk).__name__]
    (disk.at / "one").write_text("one\n")
    assert [(below / "one").exists() for below in disk.below] in ([], [True], [True, False])


@of("ext4", "ext2", "ntfs", "exfat", "bindfs", "mergerfs")
def test_what_lies_there_is_there_when_it_is_mounted_again(disk):
    (disk.at / "one").write_text("one\n")
    disk.unmount()
    assert not os.listdir(disk.at)
    assert not disk.image.exists() or not loops(disk)
    disk.mount()
    assert (disk.at / "one").read_text() == "one\n"


def test_an_image_that_cannot_be_written_to(make_disk):
    image = make_disk("squashfs", {"in/one": "one\n"})
    assert kind(image) == "squashfs" and (image.at / "in/one").read_text() == "one\n"
    with pytest.raises(OSError) as refused:
        (image.at / "new").touch()
    assert refused.value.errno == errno.EROFS


def test_it_goes_with_a_test_that_fails_while_a_file_is_open(disk):
    with open(disk.at / "held", "w"):
        disk.end()
        assert not os.path.ismount(disk.at)
    assert not disk.image.exists() or not loops(disk)


def test_what_cannot_be_made_says_why():
    with pytest.raises(NotMade, match="^losetup: .*[Nn]o such file"):
        run("losetup", "--find", "--show", "/nowhere/image")
    with pytest.raises(NotMade, match="^no-such-program: No such file"):
        run("no-such-program")
