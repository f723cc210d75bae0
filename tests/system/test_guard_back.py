# SPDX-License-Identifier: Apache-2.0
"""What was deleted elsewhere and is held here is held no longer when it is put back there, by whoever has it."""

import shutil
import sqlite3

from counterfoil import broker, make_device, tree, two  # noqa: F401

GONE, ALL = 120, 123


def folder_of(device):
    device.sync()
    source = device.add("notes", None, "--existing")
    device.sync()
    return source


def shared(two):
    laptop, desktop = two
    here = laptop.add("notes", {**{f"d/f{i}": f"file {i}\n" for i in range(GONE)}, **{f"k{i}": "k\n" for i in range(ALL - GONE)}})
    laptop.sync()
    return laptop, desktop, here, folder_of(desktop)


def test_a_folder_that_is_copied_back_is_held_nowhere(two, tmp_path):
    laptop, desktop, here, there = shared(two)
    before = tree(here)
    shutil.copytree(there / "d", tmp_path / "saved")
    shutil.rmtree(there / "d")
    desktop.sync(0, "--yes")
    laptop.sync(8)
    shutil.copytree(tmp_path / "saved", there / "d")
    laptop.run("sync", "--dry-run", code=8)  # it can't have heard of that
    desktop.sync()
    assert laptop.sync()["in_sync"]
    assert tree(here) == tree(there) == before
    (there / "d/f7").write_text("edited there\n")
    desktop.sync()
    laptop.sync()
    (here / "d/f8").write_text("edited here\n")
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there) == {**before, "d/f7": b"edited there\n", "d/f8": b"edited here\n"}


def test_what_one_brings_back_for_all_is_held_by_no_other(two, make_device):
    laptop, desktop, here, there = shared(two)
    tablet = make_device("tablet")
    laptop.pair(tablet)
    third = folder_of(tablet)
    before = tree(here)
    shutil.rmtree(there / "d")
    desktop.sync(0, "--yes")
    laptop.sync(8)
    tablet.sync(8)
    laptop.run("remove", str(here))
    laptop.run("add", str(here), "--collection", "notes", "--existing", "--mine")
    laptop.sync()
    desktop.sync()
    assert tablet.sync()["in_sync"]
    assert tree(here) == tree(there) == tree(third) == before


def rows_on_two(two, name, options, write):
    laptop, desktop = two
    sources = []
    for device in two:
        device.sync()
        source = device.source(name)
        write(source, [] if sources else range(ALL))
        device.run("add", str(source), "--collection", "rows", *(["--existing"] if sources else []), *options)
        device.sync()
        sources.append(source)
    return sources


def write_table(path, rows):
    path.write_text("id,name\n" + "".join(f"{i},name {i}\n" for i in rows))


def read_table(path):
    return sorted(path.read_text().splitlines())


def write_database(path, rows):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, name TEXT)")
        database.execute("DELETE FROM t")
        database.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"name {i}") for i in rows])
    database.close()


def read_database(path):
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT id, name FROM t ORDER BY id").fetchall()
    database.close()
    return rows


def rows_come_back(two, name, options, write, read):
    laptop, desktop = two
    here, there = rows_on_two(two, name, options, write)
    before = read(here)
    assert read(there) == before
    write(there, range(GONE, ALL))
    desktop.sync(0, "--yes")
    laptop.sync(8)
    write(there, range(ALL - 20))
    desktop.finish("sync")
    done = laptop.finish("sync")
    assert len(read(here)) == len(before), "what is not there again is held until the word is said"
    write(there, range(ALL))
    desktop.finish("sync")
    assert laptop.sync()["in_sync"], done
    assert read(here) == read(there) == before


def test_rows_of_a_table_that_are_put_back_are_held_no_longer(two):
    rows_come_back(two, "rows.csv", ["--format", "csv", "--key", "id"], write_table, read_table)


def test_rows_of_a_database_that_are_put_back_are_held_no_longer(two):
    rows_come_back(two, "rows.db", ["--format", "sqlite"], write_database, read_database)
