# SPDX-License-Identifier: Apache-2.0
"""What a disk can't keep is never published: the devices agree once, and then nobody changes anything."""

import os
import stat
from pathlib import Path

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from disks import KINDS as KINDS_MADE, disk, make_disk, of, stick  # noqa: F401

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


def told_by_manual():
    """The table of disks: by kind, what is said of it; None: nothing."""
    manual = (Path(__file__).parents[2] / "peer/counterfoil.1").read_text()
    table = manual.split(".Ss Disks that keep less\n")[1].split(".Bl ")[1].split("\n.El\n")[0]
    told = {}
    for row in table.split("\n.It ")[1:]:
        names, _, text = row.partition("\n")
        said = " ".join(text.split("\n"))
        for name in names.split(", "):
            told[name.lower()] = said[said.index("this disk"):] if "this disk" in said else None
        assert ("this disk" in said) != said.startswith("nothing: "), row
    return told


TOLD = told_by_manual()
NOT_IN_IT = {"question", "lower", "squashfs"}  # made up, or with a page of its own


def test_the_manual_has_a_row_for_each_disk():
    assert set(TOLD) == set(KINDS_MADE) - NOT_IN_IT


@of(*TOLD)
def test_what_a_disk_keeps_is_said_in_one_line(disk, stick, request):
    laptop, _ = stick
    told = TOLD[request.node.callspec.params["disk"]]
    source = laptop.source("notes")
    source.mkdir()
    said = laptop.run("add", source).splitlines()
    assert said[1:] == ([told] if told else [])
    assert laptop.run("set", source).splitlines()[1:] == said[1:]
    shown = laptop.run("-v", "status", source)
    assert f"  {told}\n" in shown if told else "this disk" not in shown
    assert "this disk" not in laptop.run("status", source)
    collection = laptop.json("status")["collections"][0]
    keeps = collection["disk"]
    assert keeps["numbers_last"] == (collection["poll_ms"] == 0), "of these only those of FUSE are polled, and number anew"
    assert keeps["links"] == ("no links" not in (told or "")) and keeps["modes"] == ("no modes" not in (told or ""))
    assert not list((source / ".counterfoil/tmp").iterdir())
