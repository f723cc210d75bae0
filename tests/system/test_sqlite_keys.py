# SPDX-License-Identifier: Apache-2.0
"""Keys that are changed, used again, given twice: which row it is, and under which number it is shown."""

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import Database, add, both, pending, share

BOOK = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER);
CREATE TABLE phones (id INTEGER PRIMARY KEY, number TEXT,
 person INTEGER NOT NULL REFERENCES people(id) ON UPDATE CASCADE ON DELETE CASCADE);
"""
FIRST = """
INSERT INTO people VALUES (1, 'Ann', 1970), (2, 'Bob', 1980), (3, 'Cleo', 1990);
INSERT INTO phones VALUES (1, '+1', 1), (2, '+2', 2), (3, '+3', 3);
"""
OWN = "PRAGMA foreign_keys = ON;"
TABLES = "people", "phones"


def told(database):
    """Who has which number and telephones."""
    found = {}
    rows = database.rows("SELECT people.id, name, born, number FROM people LEFT JOIN phones ON person = people.id")
    for id, name, born, number in sorted(rows, key=repr):
        found.setdefault((id, name, born), []).extend([number] if number else [])
    return found


def expect(*databases, **shown):
    """Everywhere these people, each with born, id and telephones."""
    for database in databases:
        assert told(database) == {(id, name, born): numbers for name, (born, id, *numbers) in shown.items()}
        assert database.sound()
    assert len({str(database.all(*TABLES)) for database in databases}) == 1


def sync(*devices):
    for device in devices:
        device.sync()


def counted(device):
    return len({change["entry"] for change in device.json("log", "-n", "1000")})


# ---- Changed and used again ----


def filled(two):
    laptop, desktop, here, there = share(two, BOOK)
    here.run(FIRST)
    both(laptop, desktop)
    return laptop, desktop, here, there


def test_a_row_whose_key_is_changed_is_that_row(two):
    """Its telephones follow, and what is done to it elsewhere meanwhile is done to it."""
    laptop, desktop, here, there = filled(two)
    here.run(OWN + "UPDATE people SET id = 30 WHERE id = 3")
    there.run("UPDATE people SET name = 'Clio' WHERE id = 3; INSERT INTO phones(person, number) VALUES (3, '+33')")
    both(laptop, desktop)
    expect(here, there, Ann=(1970, 1, "+1"), Bob=(1980, 2, "+2"), Clio=(1990, 30, "+3", "+33"))
    here.run(OWN + "UPDATE people SET id = -1 WHERE name = 'Ann'; UPDATE people SET id = 1 WHERE name = 'Bob';"
             "UPDATE people SET id = 2 WHERE name = 'Ann'")
    there.run("UPDATE people SET born = 1971 WHERE name = 'Ann'; INSERT INTO phones(person, number) VALUES (2, '+22')")
    both(laptop, desktop)
    expect(here, there, Bob=(1980, 1, "+2", "+22"), Ann=(1971, 2, "+1"), Clio=(1990, 30, "+3", "+33"))
    here.run(OWN + "UPDATE people SET id = 50 WHERE name = 'Ann'")
    there.run("INSERT INTO people VALUES (50, 'Dora', 2000); INSERT INTO phones(person, number) VALUES (50, '+5')")
    both(laptop, desktop)
    expect(here, there, Bob=(1980, 1, "+2", "+22"), Clio=(1990, 30, "+3", "+33"), Ann=(1971, 50, "+1"),
           Dora=(2000, 51, "+5"))
    changes = {change["change"] for change in laptop.json("log", "-n", "1000") if "people" in change["path"]}
    assert changes == {"new", "edited", "moved"}, "nobody is deleted"


def test_keys_that_are_all_changed_at_once_are_no_deletions(two):
    laptop, desktop, here, there = share(two, "CREATE TABLE t (id INTEGER PRIMARY KEY, name, n)")
    here.many("INSERT INTO t(name, n) VALUES (?, ?)", [(f"name {i}", i) for i in range(120)])
    both(laptop, desktop)
    here.run("UPDATE t SET id = id + 1000")
    there.run("UPDATE t SET name = 'edited' WHERE n = 7")
    assert not [one for one in laptop.json("status")["collections"][0]["pending"] if one["kind"] == "held"]
    sync(laptop, desktop)
    assert there.rows("SELECT count(*), min(id) FROM t") == [(120, 1001)]
    both(laptop, desktop)
    assert here.all("t") == there.all("t")
    assert here.rows("SELECT id, name FROM t WHERE n = 7") == [(1008, "edited")]
    assert here.rows("SELECT count(*), min(id), max(id) FROM t") == [(120, 1001, 1120)]
    there.run("UPDATE t SET id = -id; DELETE FROM t WHERE n < 80")
    told = desktop.json("sync", code=8)["collections"][0]["pending"]
    assert len([one for one in told if one["kind"] == "held"]) == 80, "those that were moved are not among them"
    laptop.sync()
    assert here.rows("SELECT count(*), min(id) FROM t") == [(120, 1001)], "but wait with these"
    desktop.sync(0, "--yes")
    laptop.sync(0, "--yes")
    assert here.all("t") == there.all("t") and here.rows("SELECT count(*), max(id) FROM t") == [(40, -1081)]


def test_a_key_that_is_changed_on_both(two):
    laptop, desktop, here, there = filled(two)
    for database in (here, there):
        database.run(OWN + "UPDATE people SET id = 40 WHERE name = 'Ann'")
    here.run(OWN + "UPDATE people SET id = 60 WHERE name = 'Bob'; UPDATE people SET id = 90 WHERE name = 'Cleo'")
    laptop.sync()
    there.run(OWN + "UPDATE people SET id = 70 WHERE name = 'Bob'; DELETE FROM people WHERE name = 'Cleo'")
    both(laptop, desktop, 4)
    expect(here, there, Ann=(1970, 40, "+1"), Bob=(1980, 70, "+2"), Cleo=(1990, 90, "+3"))  # with what went with her
    assert [one["path"] for one in laptop.json("status")["collections"][0]["conflicts"]] == ["people/70/key"]


def test_a_key_that_is_used_again_is_of_another_row(two):
    """SQLite gives the key of the last row away again: the new one gets nothing of the old one, nor the old one's edits."""
    laptop, desktop, here, there = filled(two)

    def replace(database, id, name, number):
        database.run(OWN + f"DELETE FROM people WHERE id = {id}; INSERT INTO people VALUES ({id}, '{name}', {2000 + id});"
                           f"INSERT INTO phones(person, number) VALUES ({id}, '{number}')")

    replace(here, 3, "Gina", "+9")
    there.run("UPDATE people SET born = 1991 WHERE id = 3")
    both(laptop, desktop)
    expect(here, there, Ann=(1970, 1, "+1"), Bob=(1980, 2, "+2"), Cleo=(1991, 3), Gina=(2003, 4, "+9"))
    replace(here, 4, "Hugo", "+8")
    there.run("INSERT INTO phones(person, number) VALUES (4, '+22')")
    both(laptop, desktop)
    expect(here, there, Ann=(1970, 1, "+1"), Bob=(1980, 2, "+2"), Cleo=(1991, 3), Hugo=(2004, 4, "+8"), Gina=(2003, 5, "+22"))
    here.run("INSERT INTO phones(person, number) VALUES (1, '+11')")  # so no telephone's number is used again
    both(laptop, desktop)
    replace(here, 5, "Ines", "+7")
    laptop.sync()
    replace(there, 5, "Jana", "+6")
    both(laptop, desktop)
    expect(here, there, Ann=(1970, 1, "+1", "+11"), Bob=(1980, 2, "+2"), Cleo=(1991, 3), Hugo=(2004, 4, "+8"), Ines=(2005, 5, "+7"),
           Jana=(2005, 6, "+6"))
    assert pending(laptop) == pending(desktop) == {}
    assert laptop.json("status")["collections"][0]["conflicts"] == []


NAMED = """
CREATE TABLE tags (name TEXT PRIMARY KEY, colour TEXT, note TEXT);
CREATE TABLE tagged (id TEXT PRIMARY KEY, tag TEXT REFERENCES tags(name) ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO tags VALUES ('red', '#f00', 'fire'), ('blue', '#00f', 'sky');
INSERT INTO tagged VALUES ('1', 'red'), ('2', 'blue');
"""


def test_a_name_that_is_changed_and_used_again(two):
    """A name is the row: another name is another row, and the same one again is the same row, without what it was."""
    laptop, desktop = two
    here = add(laptop, NAMED)
    sync(laptop, desktop)
    there = add(desktop, NAMED)
    both(laptop, desktop)
    here.run(OWN + "UPDATE tags SET name = 'rouge' WHERE name = 'red'")
    there.run("UPDATE tags SET colour = '#e00' WHERE name = 'red'; INSERT INTO tagged VALUES ('3', 'red')")
    both(laptop, desktop)
    assert here.all("tags", "tagged") == there.all("tags", "tagged") == {
        "tags": [("blue", "#00f", "sky"), ("red", "#e00", "fire"), ("rouge", "#f00", "fire")],
        "tagged": [("1", "rouge"), ("2", "blue"), ("3", "red")]}, "an edit beats the deletion"
    here.run(OWN + "DELETE FROM tags WHERE name = 'blue'; INSERT INTO tags VALUES ('blue', '#00e', NULL)")
    there.run("INSERT INTO tagged VALUES ('4', 'blue')")
    both(laptop, desktop)
    assert here.all("tags", "tagged") == there.all("tags", "tagged")
    assert here.rows("SELECT colour, note FROM tags WHERE name = 'blue'") == [("#00e", None)]
    assert sorted(here.rows("SELECT id FROM tagged WHERE tag = 'blue'")) == [("4",)]
    assert pending(laptop) == pending(desktop) == {}


# ---- Given twice ----


def come_late(first, make_device, name):
    device = make_device(name)
    first.pair(device)
    device.sync()
    database = add(device, BOOK, options=("--existing",))
    device.sync()
    return device, database


def insert(database, name):
    database.run(f"INSERT INTO people(name, born) VALUES ('{name}', 1970);"
                 f"INSERT INTO phones(person, number) VALUES ((SELECT id FROM people WHERE name = '{name}'), 'of {name}')")


def keys(*databases):
    """Everywhere the same; each has his own telephone."""
    for database in databases:
        assert database.sound() and database.all(*TABLES) == databases[0].all(*TABLES)
        assert all(numbers == [f"of {name}"] for (_, name, _), numbers in told(database).items())
    return {name: id for id, name, _ in told(databases[0])}


def test_a_key_that_was_given_is_kept_from_the_first_change_on(two, make_device):
    laptop, desktop, here, there = share(two, BOOK)
    for name in "Ann", "Bob":
        insert(here, name)
    for name in "Cleo", "Dora":
        insert(there, name)
    sync(laptop, desktop)
    before = counted(desktop)
    sync(laptop, desktop)
    assert keys(here, there) == {"Ann": 1, "Bob": 2, "Cleo": 3, "Dora": 4}
    assert counted(laptop) == counted(desktop) == before, "which key it is is computed, not published"
    tablet, late = come_late(laptop, make_device, "tablet")
    assert keys(here, late) == keys(there)

    here.run(OWN + "DELETE FROM people WHERE name = 'Ann'")
    sync(laptop, desktop, tablet)
    assert keys(here, there, late) == {"Bob": 2, "Cleo": 3, "Dora": 4}, "who deletes moves nobody"

    insert(here, "Emil")
    sync(laptop, tablet)
    insert(there, "Fred")
    sync(desktop, laptop)
    assert keys(here, there) == {"Bob": 2, "Cleo": 3, "Dora": 4, "Emil": 5, "Fred": 6}
    late.run(OWN + "DELETE FROM people WHERE name = 'Emil'")  # by one who has not seen the other
    sync(tablet, laptop, desktop)
    assert keys(here, there, late) == {"Bob": 2, "Cleo": 3, "Dora": 4, "Fred": 5}, "nobody had changed anything since"

    insert(here, "Gus")
    sync(laptop, tablet)
    insert(there, "Hanna")
    sync(desktop, laptop)
    there.run("UPDATE people SET born = 1971 WHERE name = 'Bob'")
    desktop.sync()
    late.run(OWN + "DELETE FROM people WHERE name = 'Gus'")
    sync(tablet, laptop, desktop)
    assert keys(here, there, late) == {"Bob": 2, "Cleo": 3, "Dora": 4, "Fred": 5, "Hanna": 7}
    last = come_late(laptop, make_device, "last")[1]
    assert keys(here, last) == keys(there, late)
    before = counted(laptop)
    sync(laptop, desktop, tablet)
    assert counted(laptop) == before
