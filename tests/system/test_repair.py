# SPDX-License-Identifier: Apache-2.0
"""Damage in a home: `verify` names it, `repair` mends from the log what can be mended."""

import subprocess

import pytest

from counterfoil import WAIT, both, broker, make_device, pair_of_notes, tree, two  # noqa: F401

USER = 64  # hexadecimal digits of a key before the table's letter


def ldb(device, family, *arguments):
    done = subprocess.run(
        ["ldb", f"--db={device.home}/store", f"--column_family={family}", "--hex", *arguments],
        capture_output=True, text=True, timeout=WAIT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def keys(device, family, table=None):
    found = [line.split(" : ")[0] for line in ldb(device, family, "scan").splitlines()]
    if table is None:
        return found
    return [key for key in found if key[2 + USER:4 + USER] == f"{ord(table):02X}"]


def nothing_was_deleted(laptop, desktop, here, there):
    """And what is done from now on travels."""
    before = len(laptop.json("log"))
    assert laptop.sync()["in_sync"]
    assert len(laptop.json("log")) == before
    desktop.sync()
    assert len(tree(there)) == 3
    (here / "sub/two.txt").write_text("after the damage\n")
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there) and len(tree(there)) == 3
    assert laptop.json("verify")["whole"]


def test_a_damaged_base(pair_of_notes):
    laptop = pair_of_notes[0]
    nodes = keys(laptop, "records", "n")
    assert len(nodes) == 3
    ldb(laptop, "records", "put", nodes[0], "0x9A01C1")
    ldb(laptop, "records", "put", nodes[2], "0x")
    assert "repair" in laptop.run("sync", code=7)
    found = laptop.json("verify", code=7)
    assert not found["whole"] and len(found["damaged"]) == 2
    assert all("base of source 1" in one for one in found["damaged"])
    assert laptop.json("repair") == {"mended": 2, "lost": 0}
    nothing_was_deleted(*pair_of_notes)


def test_a_damaged_state(pair_of_notes):
    laptop = pair_of_notes[0]
    items = keys(laptop, "records", "i")
    ldb(laptop, "records", "put", items[0], "0x93C1")
    ldb(laptop, "records", "delete", items[1])
    contents = keys(laptop, "records", "c")
    ldb(laptop, "records", "delete", contents[0])
    damaged = laptop.json("verify", code=7)["damaged"]
    assert len(damaged) == 3
    assert len([one for one in damaged if one.startswith(("notes: ", "(catalog): "))]) == 3, damaged
    assert laptop.json("repair") == {"mended": 3, "lost": 0}
    nothing_was_deleted(*pair_of_notes)


def test_damage_is_told_by_path(pair_of_notes):
    laptop = pair_of_notes[0]
    damaged = {}
    for item in keys(laptop, "records", "i"):
        record = ldb(laptop, "records", "get", item).strip()
        ldb(laptop, "records", "delete", item)
        damaged[laptop.json("verify", code=7)["damaged"][0].split(" (item ")[0]] = item
        ldb(laptop, "records", "put", item, record)
    assert {"notes: one.txt", "notes: sub", "notes: sub/two.txt", "(catalog): laptop", "(catalog): desktop"} < set(damaged)
    assert laptop.json("verify")["whole"]


def rows(*lines):
    return "".join(f"{line}\n" for line in ("id,name,sum", *lines))


def test_a_device_that_has_just_joined_is_whole(two, make_device):
    """After a conflict that was resolved: who joins reads the entries before it has the key, and folds them writer by
    writer. Each who joins does so under other names, in another order."""
    laptop, desktop = two
    here = laptop.add("notes", {"one.txt": "one\n"})
    table = laptop.source("accounts.csv")
    table.write_text(rows("1,Ann,1", "2,Bob,2", "3,Cleo,3"))
    laptop.json("add", str(table), "--collection", "accounts", "--format", "csv", "--key", "id")
    both(laptop, desktop)
    there = desktop.add("notes", None, "--existing")
    other = desktop.source("accounts.csv")
    desktop.json("add", str(other), "--collection", "accounts", "--format", "csv", "--key", "id", "--existing")
    both(laptop, desktop)
    (here / "one.txt").write_text("one of laptop\n")
    (there / "one.txt").write_text("one of desktop\n")
    table.write_text(rows("1,Ann,1", "3,Cleo,3"))
    other.write_text(rows("1,Ann,1", "2,Bob,20", "3,Cleo,3"))
    for device in laptop, desktop, laptop:
        device.finish("sync")
    (copy,) = [path for path in here.iterdir() if "conflict" in path.name]
    copy.unlink()
    (here / "one.txt").write_text("one of both\n")
    both(laptop, desktop)
    for name in "tablet", "phone", "watch":
        newcomer = make_device(name)
        laptop.pair(newcomer)
        newcomer.sync()
        assert newcomer.run("verify").strip() == "everything is whole"
        assert newcomer.json("repair") == {"mended": 0, "lost": 0}


def test_a_damaged_log_is_not_mended_but_named(pair_of_notes):
    laptop = pair_of_notes[0]
    entries = keys(laptop, "entries")
    ldb(laptop, "entries", "put", entries[-1], "0x9C0102")
    assert laptop.json("verify", code=7)["damaged"]
    assert "new home" in laptop.run("repair", code=7)


def test_damage_does_no_harm_before_the_repair(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    before = tree(here)
    for node in keys(laptop, "records", "n"):
        ldb(laptop, "records", "put", node, "0xC1")
    laptop.run("sync", code=7)
    laptop.run("status", code=7)
    laptop.run("serve", code=7)
    desktop.sync()
    assert tree(here) == tree(there) == before
    laptop.run("repair")
    nothing_was_deleted(*pair_of_notes)


def test_rows_that_say_their_fields_in_another_order_are_whole(two):
    """What a process has read first is in front; others had only a birthday."""
    laptop, _ = two
    path = laptop.source("people.csv")
    path.write_text("id,name,born\n1,Ann,\n")
    laptop.json("add", str(path), "--collection", "people", "--format", "csv", "--key", "id")
    laptop.sync()
    path.write_text(path.read_text() + "".join(f"{i},,20{i}\n" for i in range(10, 30)))
    laptop.sync()
    path.write_text(path.read_text().replace("1,Ann,\n", "1,Ann,1999\n"))
    laptop.sync()
    assert laptop.run("verify").strip() == "everything is whole"
