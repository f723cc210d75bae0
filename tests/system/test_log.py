# SPDX-License-Identifier: Apache-2.0
"""The history, and that its end can be read without its beginning."""

import os
import random
import re
import shutil

from counterfoil import both, broker, make_device, pair_of_notes, two  # noqa: F401

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


def apart(laptop, desktop, here, there, name):
    """Both write this file, apart: the path of the conflict copy."""
    (here / name).write_text("first\n")
    (there / name).write_text("second\n")
    both(laptop, desktop, 4)
    copy, = here.glob(f"{name.split('.')[0]} (conflict *")
    return copy


def newest(device, path="notes", count=1):
    """What the log tells of the path, as JSON, after the lines that people read."""
    told = device.json("log", path, "-n", str(count))
    whole = device.json("log", path)[:count]
    assert told == whole
    lines = device.run("log", path, "-n", str(count)).splitlines()
    return [(one["change"], one["path"], one.get("from"), one.get("of")) for one in told], \
        [line.split(" notes: ", 1)[1] for line in lines]


def test_a_conflict_copy_is_named_where_it_was_deleted(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    copy = apart(laptop, desktop, here, there, "one.txt")  # of two contents
    copy.unlink()
    both(laptop, desktop)
    for device in laptop, desktop:
        for path in "notes", f"notes//{copy.name}", "notes//one.txt":
            assert newest(device, path) == ([("deleted", copy.name, None, "one.txt")], [f"deleted {copy.name}"]), path
    copy = apart(laptop, desktop, here, there, "made")  # of two files
    copy.unlink()
    both(laptop, desktop)
    for path in "notes", f"notes//{copy.name}", "notes//made":
        assert newest(laptop, path) == ([("deleted", copy.name, None, "made")], [f"deleted {copy.name}"]), path
    (here / "made").unlink()
    laptop.sync()
    assert newest(laptop) == ([("deleted", "made", None, None)], ["deleted made"])
    assert newest(laptop, f"notes//{copy.name}")[1] == [f"deleted {copy.name}"]


def test_what_else_is_done_to_a_conflict_copy_names_it(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    copies = [apart(laptop, desktop, here, there, name) for name in ("one.txt", "made")]
    for copy in copies:
        copy.write_text("more\n")
    laptop.sync(4)
    assert sorted(newest(laptop, count=2)[1]) == sorted(f"edited {copy.name}" for copy in copies)
    for copy in copies:
        copy.rename(copy.with_name(f"{copy.name} is mine"))
    laptop.sync()
    assert sorted(newest(laptop, count=2)[1]) == sorted(
        f"moved {copy.name} is mine from {copy.name}" for copy in copies)
    copy = apart(laptop, desktop, here, there, "two")
    copy.rename(here / "untouched until now")
    laptop.sync()
    assert newest(laptop)[1] == [f"moved untouched until now from {copy.name}"]


def test_a_copy_that_stays_keeps_its_name_in_the_log(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    copy = apart(laptop, desktop, here, there, "made")
    (here / "made").unlink()  # the copy stays as it is called
    laptop.sync(4)
    assert ("deleted", "made", None, None) in newest(laptop, count=2)[0]
    copy.unlink()
    both(laptop, desktop)
    for device in laptop, desktop:
        assert newest(device)[1] == [f"deleted {copy.name}"]


def test_a_conflict_copy_is_named_that_goes_with_the_file(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    copies = [apart(laptop, desktop, here, there, name) for name in ("one.txt", "made", "sub/two.txt")]
    (here / "one.txt").rename(here / "other")
    (here / "made").unlink()
    (here / "sub").rename(here / "moved")
    (here / "moved/two.txt").write_text("third\n")
    for copy in copies[:2]:
        copy.unlink()
    laptop.sync(4)
    assert sorted(newest(laptop, count=6)[1]) == sorted([
        *(f"deleted {copy.name}" for copy in copies[:2]), "deleted made", "edited moved/two.txt",
        "moved moved from sub", "moved other from one.txt"])
    (here / "moved/two.txt").rename(here / "out")
    (here / "moved" / copies[2].name).unlink()
    laptop.sync()
    assert sorted(newest(laptop, count=2)[1]) == [
        f"deleted moved/{copies[2].name}", "moved out from moved/two.txt"]


def test_conflict_copies_are_told_from_the_end_alone(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    names = "one.txt", "made", "pinned", "sub/two.txt", "lives"
    copies = [apart(laptop, desktop, here, there, name) for name in names]
    (here / "pinned").unlink()
    for number in range(70):
        (here / "other").write_text(f"{number} edits\n")
        laptop.sync(4)
    for copy in copies:
        copy.unlink()
        laptop.finish("sync")
    (here / "made").unlink()
    laptop.sync()
    whole = laptop.json("log")
    paths = [os.path.relpath(copy, here) for copy in copies]
    assert [one["path"] for one in whole[:6]] == ["made", *reversed(paths)]
    assert [one.get("of") for one in whole[:6]] == [None, "lives", "sub/two.txt", None, "made", "one.txt"]
    for count in range(1, 7):
        assert laptop.json("log", "-n", str(count)) == whole[:count]
    assert "from 1 to" not in laptop.finish("-v", "log", "-n", "2").stderr


def test_a_copy_of_what_was_written_over_since_has_no_name(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (there / "one.txt").write_text("second\n")
    desktop.sync()
    (here / "one.txt").write_text("first\n")
    laptop.sync(4)
    copy, = here.glob("one (conflict *")
    copy.unlink()
    laptop.sync()
    assert newest(laptop)[1] == [f"deleted {copy.name}"]
    (there / "one.txt").write_text("second again\n")  # and the desktop has not seen any of that
    desktop.sync(4)
    laptop.sync(4)
    assert newest(laptop, count=2)[1] == ["edited one.txt", "deleted a conflict copy"]


def test_folders_moved_into_each_other_lie_where_they_are_shown(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    for name in "u", "v":
        (here / "in" / name).mkdir(parents=True)
        (here / "in" / name / "file").write_text(name)
    both(laptop, desktop)
    (here / "in/u").rename(here / "in/v/u")
    (there / "in/v").rename(there / "in/u/v")
    both(laptop, desktop)
    told = desktop.json("log", "-n", "1")[0]
    assert told == laptop.json("log")[0]
    assert told["change"] == "moved" and told["path"] == "in/v"  # the later one stays where it was
    assert (here / told["path"] / "file").read_text() == "v"
    assert (there / told["path"] / "file").read_text() == "v"


def test_what_is_called_otherwise_since_is_told_with_its_name_of_now(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").rename(here / "uno.txt")
    both(laptop, desktop)
    (there / "sub").rename(there / "under")
    (there / "uno.txt").rename(there / "under/eins.txt")
    both(laptop, desktop)
    (there / "under/two.txt").unlink()
    both(laptop, desktop)
    for device in laptop, desktop:
        lines = [line.split(" notes: ", 1)[1] for line in device.run("log", "notes").splitlines()]
        assert lines[0] == "deleted under/two.txt"
        assert sorted(lines[1:3]) == ["moved under from sub", "moved under/eins.txt from uno.txt"]
        assert lines[3] == "moved uno.txt from one.txt (now under/eins.txt)"
        assert sorted(lines[4:]) == ["new one.txt (now under/eins.txt)", "new sub (now under)", "new sub/two.txt"]
        now = {one["path"]: one.get("now") for one in device.json("log", "notes") if one["change"] != "deleted"}
        assert now == {"uno.txt": "under/eins.txt", "one.txt": "under/eins.txt", "sub": "under", "sub/two.txt": None,
                       "under": None, "under/eins.txt": None}
        for count in range(1, 7):
            assert device.json("log", "notes", "-n", str(count)) == device.json("log", "notes")[:count]
