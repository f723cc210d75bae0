# SPDX-License-Identifier: Apache-2.0
"""The history, and that its end can be read without its beginning."""

import random
import re
import shutil

from counterfoil import broker, make_device, two  # noqa: F401

SYNCS = 80


def change_something(dice, here, number):
    """One thing that the log tells, in folders that come, move and go."""
    files = sorted(path for path in here.rglob("*") if path.is_file() and ".counterfoil" not in path.parts)
    folders = sorted(path for path in here.glob("*") if path.is_dir() and path.name != ".counterfoil")
    act = dice.choice(["new", "edit", "edit", "move", "delete", "folder", "move folder", "empty"])
    if act == "edit" and files:
        dice.choice(files).write_text(f"edit {number}\n")
    elif act == "move" and files:
        dice.choice(files).rename(dice.choice(folders) / f"moved {number}")
    elif act == "delete" and len(files) > 5:
        dice.choice(files).unlink()
    elif act == "folder":
        (here / f"folder {number}").mkdir()
    elif act == "move folder":
        dice.choice(folders).rename(here / f"renamed {number}")
    elif act == "empty" and len(folders) > 4:
        shutil.rmtree(dice.choice(folders))
    else:
        (dice.choice(folders) / f"new {number}").write_text(f"new {number}\n")


def test_the_newest_are_told_as_in_the_whole(make_device):
    device = make_device("laptop")
    device.init()
    here = device.add("notes", {f"sub {i}/file {i}": f"{i}\n" for i in range(12)})
    device.sync()
    dice = random.Random(7)
    for number in range(SYNCS):
        change_something(dice, here, number)
        device.sync(0, "--yes")
    whole = device.json("log")
    assert len(whole) > SYNCS
    for count in 1, 2, 5, 20, 60, 100:
        assert device.json("log", "-n", str(count)) == whole[:count]
    for path in sorted(here.rglob("*"))[:12]:
        if ".counterfoil" not in path.parts:
            assert device.json("log", str(path), "-n", "2") == device.json("log", str(path))[:2]


def test_a_few_are_read_from_the_end_alone(make_device):
    device = make_device("laptop")
    device.init()
    here = device.add("notes", {"sub/file": "0\n", "other": "0\n"})
    for number in range(70):
        (here / "sub/file").write_text(f"{number} edits\n")
        device.sync()
    done = device.finish("-v", "log", "-n", "5")
    (first, last), = re.findall(r"read the log from (\d+) to (\d+)", done.stderr)
    assert int(last) > 70 and int(first) == int(last) - 63
    assert [line.split(": ", 1)[1] for line in done.stdout.splitlines()] == ["edited sub/file"] * 5


def test_a_path_that_never_was_is_not_found(make_device):
    device = make_device("laptop")
    device.init()
    here = device.add("notes", {"sub/file": "0\n", "other": "0\n"})
    device.sync()
    (here / "other").unlink()
    device.sync()
    assert [one["change"] for one in device.json("log", str(here / "other"))] == ["deleted", "new"]
    assert "knows nothing of" in device.run("log", str(here / "nothing"), code=3)
    (here / "unsent").write_text("u")
    device.run("log", str(here / "unsent"), code=3)


def test_a_file_is_named_by_its_collection_too(two):
    laptop, _ = two
    here = laptop.add("notes", {"sub/file": "0\n", "other": "0\n", "back\\slash": "0\n"})
    laptop.sync()
    for name in "notes", "notes//", "notes//sub", "notes//sub/", "notes//sub/file", "notes//back\\slash", "notes//back\\\\slash":
        assert laptop.json("status", name)["collections"][0]["name"] == "notes"
        assert laptop.json("log", name)
    (here / "other").write_text("1\n")
    pending, = laptop.json("status", "notes//other")["collections"][0]["pending"]
    assert pending["path"] == "other" and not laptop.json("status", "notes//sub")["collections"][0]["pending"]
    assert laptop.json("log", "notes//sub/file") == laptop.json("log", str(here / "sub/file"))
    assert laptop.json("log", "notes") == laptop.json("log", "notes//") == laptop.json("log", str(here))
    assert "no such file" in laptop.run("status", "notes//nothing", code=3)
    assert "no such file in 'notes'" in laptop.run("lock", "notes//nothing", code=3)
    assert "knows nothing of" in laptop.run("log", "notes//nothing", code=3)
    for verb in "status", "log", "lock":
        assert "collections" in laptop.run(verb, "nothing", code=3)
    laptop.run("lock", "notes//sub/file")
    assert [one["path"] for one in laptop.json("locks")] == ["sub/file"]
    laptop.run("unlock", "notes//sub/file")
    assert laptop.json("locks") == []


def test_a_bare_name_is_a_file_first(make_device):
    device = make_device("laptop")
    device.init()
    here = device.add("notes", {"sub/notes": "0\n", "other": "0\n"})
    device.sync()
    assert len(device.json("log", "notes", folder=here / "sub")) == 1
    assert len(device.json("log", "notes", folder=here)) == 3
    assert device.json("status", "notes", folder=here)["in_sync"]
