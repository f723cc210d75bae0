# SPDX-License-Identifier: Apache-2.0
"""Two values of one field: what `status` says of the one that is not shown, and how the user settles it."""

import re
import shlex

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import add, both, share

SCHEMA = """
CREATE TABLE towns (code TEXT PRIMARY KEY, name TEXT);
CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, note, born INTEGER NOT NULL, town REFERENCES towns);
INSERT INTO towns VALUES ('ul', 'Ulm'), ('ki', 'Kiel');
"""
ANNA = "INSERT INTO people VALUES ('anna', 'Anna', 'x', 1990, NULL)"


@pytest.fixture
def people(two):
    """Two databases that agree on one person."""
    laptop, desktop, here, there = share(two, SCHEMA)
    here.run(ANNA)
    both(laptop, desktop)
    return laptop, desktop, here, there


def quarrel(people, first, second):
    """The laptop writes first, the desktop later, and both know it."""
    laptop, desktop, here, there = people
    here.run(f"UPDATE people SET {first}")
    laptop.sync()
    there.run(f"UPDATE people SET {second}")
    desktop.sync(4)
    laptop.sync(4)


def conflicts(device):
    return {one["path"]: one for one in device.json("status")["collections"][0]["conflicts"]}


def test_the_value_that_is_not_shown_is_told(people):
    laptop, desktop, *_ = people
    quarrel(people, "name = 'Änne' || char(10, 27) || '\\', born = 1991, note = x'00ff', town = 'ul'",
            "name = 'Anja', born = 1992, note = 2.5, town = 'ki'")
    for device in laptop, desktop:
        told = conflicts(device)
        assert {path: (one["device"], one["value"], one["shown"]) for path, one in told.items()} == {
            "people/anna/name": ("laptop", "Änne\n\x1b\\", "Anja"), "people/anna/born": ("laptop", 1991, 1992),
            "people/anna/note": ("laptop", "AP8=", 2.5), "people/anna/town": ("laptop", "ul", "ki")}
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["time"]) for one in told.values())
        lines = device.run("status").splitlines()
        name, = [line for line in lines if "//people/anna/name" in line]
        assert re.fullmatch(r"  conflict  book//people/anna/name: not shown is \"Änne\\x0a\\x1b\\\\\", "
                            r"written on laptop, \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", name), name
        settle, = [line for line in lines if "to settle" in line]
        assert settle.startswith("  to settle it, `counterfoil conflicts resolve 'book//people/*/born' 'book//people/*/name' "
                                 "'book//people/*/note' 'book//people/*/town' --keep 1`, as shown, or 2; or "), settle
        for verb in "sync", "conflicts":
            assert settle in device.run(verb, code=4).splitlines()
    laptop.run("conflicts", "resolve", "book//*", "--keep", "mine")
    assert laptop.sync() and "to settle" not in laptop.run("status")
    laptop.run("conflicts", "resolve", "book//*", "--keep", "mine", code=3)
    assert "'' names no field" in laptop.run("conflicts", "resolve", "", "--keep", "1", code=2)


def test_what_is_said_of_one_table_settles_no_other(people):
    """Each table with conflicts has its command, and the ones with fewer are not settled along with them."""
    laptop, desktop, here, there = people
    here.run("UPDATE towns SET name = 'A'; UPDATE people SET name = 'A'")
    laptop.sync()
    there.run("UPDATE towns SET name = 'B'; UPDATE people SET name = 'B'")
    desktop.sync(4)
    laptop.sync(4)
    left = {"people/anna/name", "towns/ki/name", "towns/ul/name"}
    assert set(conflicts(laptop)) == left
    said = [line for line in laptop.run("conflicts", code=4).splitlines() if "to settle" in line]
    assert [re.match(r"  to settle those of (\w+), ", line)[1] for line in said] == ["people", "towns"], said
    for line, table in zip(said, ("people", "towns")):
        command = shlex.split(re.search(r"`counterfoil ([^`]*)`", line)[1])
        assert command[-2:] == ["--keep", "1"]
        laptop.finish(*command[:-1], "2" if table == "towns" else "1")
        left = {path for path in left if not path.startswith(table)}
        assert set(conflicts(laptop)) == left
    both(laptop, desktop)
    for database in here, there:
        assert database.rows("SELECT DISTINCT name FROM people") == [("B",)] and database.rows("SELECT DISTINCT name FROM towns") == [("A",)]


def test_one_field_of_several_rows_is_settled_in_each(people):
    laptop, desktop, here, there = people
    for name in "bert", "carl":
        here.run(f"INSERT INTO people VALUES ('{name}', '{name}', 'x', 1990, NULL)")
    both(laptop, desktop)
    quarrel(people, "name = 'mine'", "name = 'theirs'")
    assert set(conflicts(laptop)) == {f"people/{name}/name" for name in ("anna", "bert", "carl")}
    laptop.run("conflicts", "resolve", "book//*", "--keep", "mine")
    assert conflicts(laptop) == {}
    both(laptop, desktop)
    for database in here, there:
        assert database.rows("SELECT DISTINCT name FROM people") == [("mine",)]


def test_who_wrote_none_of_the_values_is_told_how_to_settle_it(people, make_device):
    laptop, *_ = people
    tablet = make_device("tablet")
    laptop.pair(tablet)
    database = add(tablet, "", options=("--existing",))
    quarrel(people, "name = 'first'", "name = 'second'")
    tablet.sync(4)
    said = tablet.run("conflicts", "resolve", "book//*", "--keep", "mine", code=2)
    assert "none that this device wrote: --keep 1 is what is shown, 2 the first that is not" in said, said
    tablet.run("conflicts", "resolve", "book//*", "--keep", "2")
    tablet.sync()
    assert conflicts(tablet) == {} and database.rows("SELECT name FROM people") == [("first",)]


def test_a_long_value_is_told_short(people):
    laptop, _, here, _ = people
    quarrel(people, "name = replace(hex(zeroblob(1000)), '00', 'é'), note = replace(hex(zeroblob(50000)), '0', 'z')",
            "name = 'Anja', note = 'y'")
    told = conflicts(laptop)
    assert told["people/anna/name"]["value"] == "é" * 1000, "whole"
    note = told["people/anna/note"]
    assert "value" not in note and note["shown"] == "y"
    assert note["long_value"]["size"] == 100000 and re.fullmatch("[0-9a-f]{64}", note["long_value"]["hash"])
    lines = [line for line in laptop.run("status").splitlines() if "not shown is" in line]
    assert all(len(line) < 200 for line in lines)
    name, = [line for line in lines if "/name" in line]
    assert "éé…\"" in name and "(2000 bytes)" in name
    assert any("/note: not shown is 100000 bytes, written" in line for line in lines), lines


def test_the_bytes_of_a_blob_are_counted(people):
    laptop, *_ = people
    quarrel(people, "note = zeroblob(100000), name = CAST(zeroblob(3000) AS BLOB)", "note = 'y', name = 'Anja'")
    assert conflicts(laptop)["people/anna/note"]["long_value"]["size"] == 100000
    lines = [line for line in laptop.run("status").splitlines() if "not shown" in line]
    assert any("/note: not shown is 100000 bytes, written" in line for line in lines), lines
    assert any("/name: not shown is \"AAA" in line and "(3000 bytes)" in line for line in lines), lines


def test_a_reader_of_the_listed_value_settles_it(people):
    """Also of a column that can't be empty."""
    laptop, desktop, here, there = people
    quarrel(people, "name = 'Anne', born = 1991", "name = 'Anja', born = 1992")
    assert sorted(conflicts(laptop)) == ["people/anna/born", "people/anna/name"]
    here.run("UPDATE people SET name = 'Anne', born = 1991")
    both(laptop, desktop)
    assert conflicts(laptop) == conflicts(desktop) == {}
    here.run("UPDATE people SET name = 'Anja', born = 1993")
    both(laptop, desktop)
    assert here.all("people") == there.all("people") == {"people": [("anna", "Anja", "x", 1993, None)]}
    assert conflicts(laptop) == conflicts(desktop) == {}


def test_the_path_of_a_conflict_can_be_asked_for(people):
    laptop, _, here, _ = people
    quarrel(people, "name = 'Anne', born = 1991", "name = 'Anja', born = 1992")
    here.run("INSERT INTO people VALUES ('bert', 'Bert', NULL, 1, NULL)")
    both_paths = {"people/anna/born", "people/anna/name"}

    def listed(named):
        told, = laptop.json("status", named)["collections"]
        return {one["path"] for one in told["conflicts"]}, {one["path"] for one in told["pending"]}

    lines = [line.split(": ")[0].split()[-1] for line in laptop.run("status").splitlines() if "conflict  " in line]
    assert sorted(lines) == ["book//people/anna/born", "book//people/anna/name"]
    for line in lines:
        assert listed(line) == ({line[len("book//"):]}, set())
    assert listed("book//people/anna") == (both_paths, set())
    assert listed("book//people/bert") == (set(), {"people/bert"}), "before it is synced"
    assert listed("book//people") == listed("book//") == (both_paths, {"people/bert"})
    assert listed(str(here.path)) == (both_paths, {"people/bert"})
    assert "book//people/carl: no such record" in laptop.run("status", "book//people/carl", code=3)
    laptop.sync(4)
    here.run("UPDATE people SET note = 'old' WHERE id = 'bert'")
    assert listed("book//people/bert/name") == (set(), {"people/bert"}), "the record waits as a whole"
