# SPDX-License-Identifier: Apache-2.0
"""What a disk can't keep is never published: the devices agree once, and then nobody changes anything."""

import os
import stat

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

ODD = 1_500_000_001_123_456_789
KINDS = ("ext4", "ext2", "ntfs", "exfat", "bindfs", "mergerfs")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def entries(device):
    return len(device.json("log"))


def expect_no_change(laptop, desktop):
    before = entries(desktop)
    for _ in range(3):
        both(laptop, desktop)
    assert entries(desktop) == before


@of(*KINDS)
def test_what_is_sent_from_it_changes_nothing_later(stick):
    laptop, desktop = stick
    here = laptop.add("notes", {"run.sh": "echo\n", "in/two.txt": "two\n"})
    for path in here / "run.sh", here / "in/two.txt":
        os.utime(path, ns=(ODD, ODD))
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    (there / "run.sh").chmod(0o750)
    desktop.sync()
    both(laptop, desktop)
    expect_no_change(laptop, desktop)
    assert mode(there / "run.sh") == 0o750
    (here / "run.sh").write_text("echo more\n")
    both(laptop, desktop)
    assert (there / "run.sh").read_text() == "echo more\n" and mode(there / "run.sh") == 0o750


@of(*KINDS)
def test_what_comes_to_it_stays_as_it_was_elsewhere(stick):
    laptop, desktop = stick
    there = desktop.add("notes", {"run.sh": "echo\n", "secret": "x\n", "in/two.txt": "two\n"})
    (there / "run.sh").chmod(0o755)
    (there / "secret").chmod(0o600)
    (there / "in").chmod(0o700)
    for name in "run.sh", "secret", "in/two.txt":
        os.utime(there / name, ns=(ODD, ODD))
    desktop.sync()
    here = laptop.add("notes", None, "--existing")
    both(laptop, desktop)
    expect_no_change(laptop, desktop)
    assert (mode(there / "run.sh"), mode(there / "secret"), mode(there / "in")) == (0o755, 0o600, 0o700)
    assert (there / "run.sh").stat().st_mtime_ns == ODD
    assert 0 <= ODD - (here / "run.sh").stat().st_mtime_ns < 2_000_000_000
    (here / "run.sh").write_text("echo more\n")
    both(laptop, desktop)
    assert (there / "run.sh").read_text() == "echo more\n" and mode(there / "run.sh") == 0o755
    expect_no_change(laptop, desktop)


TOLD = {"ext2": "this disk keeps times to 1 s",
        "ntfs": "this disk keeps no modes, times to 100 ns",
        "exfat": "this disk keeps no modes and no links, times to 1 s, and takes A for a, and "
                 "refuses some names"}


@of(*KINDS, "tmpfs")
def test_what_a_disk_keeps_is_said_in_one_line(disk, stick, request):
    laptop, _ = stick
    told = TOLD.get(request.node.callspec.params["disk"])
    source = laptop.source("notes")
    source.mkdir()
    said = laptop.run("add", source).splitlines()
    assert said[1:] == ([told] if told else [])
    assert laptop.run("set", source).splitlines()[1:] == said[1:]
    shown = laptop.run("-v", "status", source)
    assert f"  {told}\n" in shown if told else "this disk" not in shown
    assert "this disk" not in laptop.run("status", source)
    keeps = laptop.json("status")["collections"][0]["disk"]
    assert keeps["links"] == ("no links" not in (told or "")) and keeps["modes"] == ("no modes" not in (told or ""))
    assert not list((source / ".counterfoil/tmp").iterdir())
