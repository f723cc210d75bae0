# SPDX-License-Identifier: Apache-2.0
"""Names that a disk refuses, or takes for one: what can be placed is placed, the others are named, kept elsewhere, and never
deleted."""

import re

from counterfoil import broker, fill, make_device, tree, two  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401


def received(stick, files):
    """What both hold of files that come from elsewhere, and what the disk's device says."""
    laptop, desktop = stick
    here = laptop.add("notes", {"first": "first\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    fill(there, files)
    desktop.sync()
    said = laptop.finish("sync")
    for device in desktop, laptop, desktop:
        device.finish("sync")
    return tree(here), tree(there), said


@of("ntfs", "exfat", "lower")
def test_names_that_the_disk_refuses_are_named_and_kept_elsewhere(stick):
    files = {"a:b": b"1", "q?": b"2", "AUX": b"3", "end.": b"4", "ok": b"5"}
    here, there, said = received(stick, files)
    assert there == {"first": b"first\n", **files}
    assert here.items() <= there.items() and here["ok"] == b"5"
    for name in files.keys() - here.keys():
        assert re.search(rf"skipped +{re.escape(name)}: .*this disk refuses the name", said.stdout), said.stdout
        assert said.returncode == 1


@of("exfat", "lower")
def test_of_a_rename_the_name_that_the_disk_refuses_is_told(stick):
    laptop, desktop = stick
    here, _, _ = received(stick, {"n5": b"5"})
    there = desktop.source("notes")
    (there / "n5").rename(there / "n5?")
    desktop.sync()
    told = r"n5: .*renaming it to n5\?: this disk refuses the name"
    said = laptop.finish("sync")
    assert re.search(rf"skipped +{told}", said.stdout) and said.returncode == 1, said.stdout
    assert re.search(told, laptop.finish("status").stdout)
    assert here == {"first": b"first\n", "n5": b"5"}


CHANGED = {"question": ("\u00e9t\u00e9", "in\u00e9", "\u00f6k"), "lower": ("Summer", "In", "oK")}


@of("question", "lower")
def test_names_that_the_disk_changes_are_named_and_kept_elsewhere(request, stick):
    name, folder, later = CHANGED[request.node.callspec.params["disk"]]
    files = {name: b"1", f"{folder}/file": b"2", f"{folder}2/file": b"3", "ok": b"4"}
    here, there, said = received(stick, files)
    everything = {"first": b"first\n", folder: None, f"{folder}2": None, **files}
    assert there == everything
    assert here == {"first": b"first\n", "ok": b"4"}
    for one in name, folder, f"{folder}2":
        assert re.search(rf"skipped +{one}: .*this disk changes the name", said.stdout), said.stdout
    laptop, desktop = stick
    there = desktop.source("notes")
    (there / name).rename(there / "summer")
    (there / "ok").rename(there / later)
    (there / later).write_bytes(b"edited")
    for device in desktop, laptop, desktop, laptop:
        device.finish("sync")
    everything["summer"], everything[later] = everything.pop(name), b"edited"
    del everything["ok"]
    assert tree(there) == everything
    assert tree(laptop.source("notes")) == {"first": b"first\n", "ok": b"4", "summer": b"1"}
    assert re.search("this disk.* changes (or refuses )?some names", laptop.run("-v", "status"))


@of("ntfs", "exfat")
def test_names_that_are_one_on_the_disk_stay_two_elsewhere(stick):
    files = {"Case": b"1", "cASE": b"22", "ok": b"3"}
    here, there, said = received(stick, files)
    assert there == {"first": b"first\n", **files}
    assert here["ok"] == b"3" and {b"1", b"22"} & set(here.values())
    if len(here) == len(there) - 1:
        one, other = ("Case", "cASE") if "Case" in here else ("cASE", "Case")
        assert f"{other}: this disk takes {one} for {other}" in said.stdout and said.returncode == 1
        assert said.stdout.count("this disk takes") == 1


def both_have(stick, files):
    """After everybody has heard of everything, and looked again: nothing else came of it."""
    laptop, desktop = stick
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    here, there = (device.source("notes") for device in stick)
    assert tree(here) == tree(there) == {"first": b"first\n", **files}


@of("ntfs", "exfat")
def test_the_other_of_two_that_are_one_comes_when_its_name_is_free(stick):
    here, there, _ = received(stick, {"Case": b"1", "cASE": b"22"})
    kept = "Case" if there["Case"] in here.values() else "cASE"
    (stick[0].source("notes") / kept).rename(stick[0].source("notes") / "apart")
    files = {"Case": b"1", "cASE": b"22"}
    files["apart"] = files.pop(kept)
    both_have(stick, files)


@of("ntfs", "exfat")
def test_a_rename_of_case_alone_goes_both_ways(stick):
    laptop, desktop = stick
    received(stick, {"in/Case": b"1", "in/There": b"2"})
    (laptop.source("notes") / "in/Case").rename(laptop.source("notes") / "in/cASE")
    (desktop.source("notes") / "in/There").rename(desktop.source("notes") / "in/tHERE")
    both_have(stick, {"in": None, "in/cASE": b"1", "in/tHERE": b"2"})
    (desktop.source("notes") / "in").rename(desktop.source("notes") / "IN")
    both_have(stick, {"IN": None, "IN/cASE": b"1", "IN/tHERE": b"2"})


@of("exfat", "ntfs")
def test_a_name_that_is_too_long_for_others_is_no_deletion(disk, stick):
    """Here a name has 255 letters, elsewhere 255 bytes. When it has a shorter one again it is what it was."""
    laptop, desktop = stick
    received(stick, {"notes": b"1", "in/file": b"2"})
    here, there = laptop.source("notes"), desktop.source("notes")
    held = {"first": b"first\n", "notes": b"1", "in": None, "in/file": b"2"}
    long = "\u00e9" * 200
    (here / "notes").rename(here / long)
    (here / "in").rename(here / f"{long}2")
    fill(here, {f"{long}3": b"3"})
    for _ in range(2):
        for _ in range(2):
            said = laptop.finish("sync")
            desktop.finish("sync")
            assert said.returncode == 1 and said.stdout.count("more than 255 bytes") == 3, said.stdout
            assert tree(there) == held
        disk.remount()
    fill(there, {"notes": b"edited there"})
    desktop.run("sync")
    laptop.finish("sync")
    assert (here / long).read_bytes() in (b"1", b"edited there") and tree(there) == {**held, "notes": b"edited there"}
    (here / f"{long}2").rename(here / "in again")
    (here / f"{long}3").unlink()
    for device in laptop, desktop, laptop:
        device.finish("sync")
    assert tree(there) == {"first": b"first\n", "notes": b"edited there", "in again": None, "in again/file": b"2"}
