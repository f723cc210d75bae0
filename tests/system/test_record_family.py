# SPDX-License-Identifier: Apache-2.0
"""A row is deleted where the rows that refer to it aren't shown: they go with it, or are without it where they can be, unless
nobody could know of them there."""

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_repair import keys, ldb
from test_sqlite import add, both, pending

FAMILY = """
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
CREATE TABLE phones (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE, kind TEXT, number TEXT);
CREATE TABLE calls (id INTEGER PRIMARY KEY AUTOINCREMENT, phone INTEGER NOT NULL REFERENCES phones(id) ON DELETE CASCADE, said TEXT);
CREATE TABLE places (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
"""
PEOPLE = FAMILY.split(";")[0] + ";"
ROWS = """
INSERT INTO people(name) VALUES ('Ann'), ('Bob'), ('Cleo'), ('Dora');
INSERT INTO phones(person, kind, number) VALUES (1, 'home', '+1'), (1, 'work', '+2'), (2, 'home', '+3'), (2, 'work', '+4');
INSERT INTO calls(phone, said) VALUES (1, 'hello'), (3, 'yes'), (4, 'no');
INSERT INTO places(name) VALUES ('Ulm'), ('Bonn');
"""
TABLES = "people", "phones", "calls", "places"
DELETE = "PRAGMA foreign_keys = ON; DELETE FROM people WHERE name = 'Ann'"
WITHOUT_ANN = {"people": [(2, "Bob"), (3, "Cleo"), (4, "Dora")], "phones": [(3, 2, "home", "+3"), (4, 2, "work", "+4")],
               "calls": [(2, 3, "yes"), (3, 4, "no")], "places": [(1, "Ulm"), (2, "Bonn")]}


def share(two, schema, *options):
    """All on the one, on the other a database of this schema, with these options."""
    laptop, desktop = two
    here = add(laptop, FAMILY)
    here.run(ROWS)
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing", *options))
    desktop.sync()
    return laptop, desktop, here, there


HIDING = pytest.mark.parametrize("schema, include", [
    (FAMILY, ("people",)),
    (FAMILY, ("people", "phones//kind=none", "calls")),
    (PEOPLE, ()),
], ids=["tables not asked for", "rows not asked for", "tables that it lacks"])


def options_of(include):
    return [word for pattern in include for word in ("--include", pattern)]


def quiet(*devices):
    """All is in sync, and nobody has anything to tell."""
    before = [len(device.json("log", "-n", "1000")) for device in devices]
    for device in devices:
        assert device.sync()["in_sync"]
    assert [len(device.json("log", "-n", "1000")) for device in devices] == before


@HIDING
def test_the_children_go_with_the_row(two, schema, include):
    laptop, desktop, here, there = share(two, schema, *options_of(include))
    there.run(DELETE)
    both(laptop, desktop)
    assert here.all(*TABLES) == WITHOUT_ANN and here.sound()
    assert there.rows("SELECT id, name FROM people ORDER BY id") == WITHOUT_ANN["people"]
    quiet(laptop, desktop)


@HIDING
def test_a_child_that_came_later_goes_with_it_once_it_was_heard_of(two, schema, include):
    laptop, desktop, here, there = share(two, schema, *options_of(include))
    here.run("INSERT INTO phones(person, number) VALUES (1, '+5'); INSERT INTO calls(phone, said) VALUES (5, 'new');"
             "UPDATE phones SET number = '+6' WHERE id = 1")
    both(laptop, desktop)
    there.run(DELETE)
    both(laptop, desktop)
    assert here.all(*TABLES) == WITHOUT_ANN and here.sound()
    quiet(laptop, desktop)


@HIDING
def test_a_child_that_is_not_known_here_brings_the_row_back(two, schema, include):
    """And the line that leads to it; what was known of the family stays deleted."""
    laptop, desktop, here, there = share(two, schema, *options_of(include))
    there.run(DELETE)
    here.run("INSERT INTO phones(person, kind, number) VALUES (1, 'new', '+5')")
    laptop.sync()
    both(laptop, desktop)
    for database in (here, there):
        assert database.rows("SELECT id, name FROM people ORDER BY id")[0] == (1, "Ann") and database.sound()
    assert here.rows("SELECT number FROM phones WHERE person = 1") == [("+5",)]
    assert here.rows("SELECT said FROM calls ORDER BY id") == [("yes",), ("no",)]
    quiet(laptop, desktop)


def test_what_came_back_refers_to_rows_that_are_there(two):
    """Ann's phones went with her, and the list that they were in at the same moment; another one is called so now."""
    laptop, desktop = two
    here = add(laptop, """
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
CREATE TABLE lists (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT UNIQUE);
CREATE TABLE phones (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
 list INTEGER REFERENCES lists(id) ON DELETE SET NULL, number TEXT);
INSERT INTO people(name) VALUES ('Ann'), ('Bob');
INSERT INTO lists(title) VALUES ('work'), ('home');
INSERT INTO phones(person, list, number) VALUES (1, 1, '+1'), (2, 2, '+2');
""")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "".join(line + ";" for line in here.schema()), options=("--existing",))
    desktop.sync()
    there.run("UPDATE people SET name = 'Anna' WHERE id = 1")
    here.run("PRAGMA foreign_keys = ON; DELETE FROM people WHERE id = 1; DELETE FROM lists WHERE id = 1")
    laptop.sync()
    here.run("INSERT INTO lists(title) VALUES ('work')")
    laptop.sync()
    both(laptop, desktop, 4)
    for device, database in (laptop, here), (desktop, there):
        assert pending(device) == {}
        assert database.rows("SELECT name FROM people ORDER BY name") == [("Anna",), ("Bob",)] and database.sound()
        assert database.rows("SELECT title FROM lists ORDER BY title") == [("home",), ("work",), ("work (2)",)]
    here.run("UPDATE lists SET title = 'work now' WHERE title = 'work'; UPDATE lists SET title = 'work' WHERE title = 'work (2)'")
    both(laptop, desktop)
    for database in (here, there):
        assert database.rows("SELECT name, title, number FROM phones JOIN people ON person = people.id JOIN lists ON list = lists.id"
                             " ORDER BY 1") == [("Anna", "work", "+1"), ("Bob", "home", "+2")]
        assert database.rows("SELECT title FROM lists ORDER BY title") == [("home",), ("work",), ("work now",)] and database.sound()
    assert here.all("people", "lists", "phones") == there.all("people", "lists", "phones")
    quiet(laptop, desktop)


def test_a_child_that_was_changed_apart_brings_the_row_back(two):
    laptop, desktop, here, there = share(two, FAMILY, "--include", "people")
    there.run(DELETE)
    here.run("UPDATE phones SET number = '+9' WHERE id = 2; UPDATE phones SET person = 2 WHERE id = 1")
    laptop.sync()
    both(laptop, desktop)
    assert here.rows("SELECT people.name, number FROM phones JOIN people ON person = people.id ORDER BY phones.id") \
        == [("Bob", "+1"), ("Ann", "+9"), ("Bob", "+3"), ("Bob", "+4")]
    assert there.rows("SELECT name FROM people ORDER BY id") == [("Ann",), ("Bob",), ("Cleo",), ("Dora",)]
    assert here.sound()
    quiet(laptop, desktop)


@pytest.mark.parametrize("include", [("people",), ()], ids=["hidden", "shown"])
@pytest.mark.parametrize("held", [False, True], ids=["locked", "held"])
def test_what_was_heard_of_while_the_row_was_gone_already_brings_it_back(two, include, held):
    """The look that deletes comes after the one that hears: another has the collection locked, or it deletes too much for the
    guard. Meanwhile no row is written that refers to nobody."""
    laptop, desktop, here, there = share(two, FAMILY, *options_of(include))
    if not held:
        laptop.run("lock", "book")
    there.run("PRAGMA foreign_keys = ON; DELETE FROM people; DELETE FROM places" if held else DELETE)
    desktop.sync(8 if held else 9)
    here.run("INSERT INTO phones(person, number) VALUES (1, '+5')")
    laptop.sync()
    desktop.sync(8 if held else 9)
    assert there.sound() and there.rows("SELECT name FROM people WHERE id = 1") == []
    assert include or "phones/5" in " ".join(pending(desktop)), pending(desktop)
    if held:
        desktop.run("sync", "--yes")
    else:
        laptop.run("unlock", "book")
    both(laptop, desktop)
    assert here.rows("SELECT number FROM phones WHERE person = 1") == [("+5",)]
    assert there.rows("SELECT name FROM people WHERE id = 1") == [("Ann",)]
    assert include or there.rows("SELECT number FROM phones WHERE person = 1") == [("+5",)]
    assert pending(desktop) == {} and here.sound() and there.sound()


def test_what_is_deleted_where_it_is_only_received_refers_to_nobody_never(two):
    laptop, desktop, here, there = share(two, FAMILY)
    desktop.run("set", str(there.path), "--mode", "receive")
    there.run(DELETE)
    desktop.finish("sync")
    here.run("INSERT INTO phones(person, number) VALUES (1, '+5')")
    laptop.sync()
    desktop.finish("sync")
    assert there.sound()
    assert "phones/5" in " ".join(pending(desktop)), pending(desktop)


@pytest.mark.parametrize("waits, include", [("locked", ()), ("held", ()), ("received only", ()), ("locked", ("people",))],
                         ids=["locked", "held", "received only", "hidden"])
def test_what_is_edited_while_the_deletion_waits_brings_the_row_back(two, waits, include):
    """Nothing of the edits is written where Ann and Bob are gone, nor is it deleted with them later: Anna is back with her phones,
    Bob for the one phone that was edited."""
    laptop, desktop, here, there = share(two, FAMILY, *options_of(include))
    exits = {"locked": 9, "held": 8, "received only": 1}[waits]
    if waits == "locked":
        laptop.run("lock", "book")
    elif waits == "received only":
        desktop.run("set", str(there.path), "--mode", "receive")
    there.run("PRAGMA foreign_keys = ON; DELETE FROM people" + ("; DELETE FROM places" if waits == "held" else " WHERE id < 3"))
    desktop.run("sync", code=exits)
    here.run("UPDATE people SET name = 'Anna' WHERE id = 1; UPDATE phones SET number = '+9' WHERE id = 3")
    laptop.sync()
    desktop.run("sync", code=exits)
    assert there.rows("SELECT name FROM people WHERE id < 3") == there.rows("SELECT number FROM phones") == []
    assert "people/1" in pending(desktop) and (include or "phones/3" in pending(desktop)), pending(desktop)
    if waits == "locked":
        laptop.run("unlock", "book")
    elif waits == "received only":
        desktop.run("set", str(there.path), "--mode", "both")
    desktop.run("sync", "--yes")
    both(laptop, desktop)
    assert here.rows("SELECT name FROM people WHERE id < 3 ORDER BY id") == [("Anna",), ("Bob",)]
    assert here.rows("SELECT id, number FROM phones ORDER BY id") == [(1, "+1"), (2, "+2"), (3, "+9")]
    assert here.rows("SELECT phone, said FROM calls ORDER BY id") == [(1, "hello"), (3, "yes")]
    shown = include or TABLES
    assert there.all(*shown) == here.all(*shown) and here.sound() and there.sound()
    assert pending(desktop) == {}


def test_what_refers_to_nobody_deleted_stays(two):
    laptop, desktop, here, there = share(two, FAMILY, "--include", "people")
    there.run("DELETE FROM people WHERE name = 'Cleo'; UPDATE people SET name = 'Anna' WHERE id = 1")
    both(laptop, desktop)
    assert here.rows("SELECT name FROM people ORDER BY id") == [("Anna",), ("Bob",), ("Dora",)]
    assert [len(here.rows(f"SELECT * FROM {table}")) for table in TABLES] == [3, 4, 3, 2]
    quiet(laptop, desktop)


def test_what_is_asked_for_later_is_written_and_what_is_no_more_goes_with_its_row(two):
    laptop, desktop, here, there = share(two, FAMILY, "--include", "people")
    assert desktop.json("status")["collections"][0]["items"] == 4 and there.rows("SELECT * FROM phones") == []
    desktop.run("set", str(there.path), "--include", "people", "--include", "phones", "--include", "calls")
    both(laptop, desktop)
    assert there.all("people", "phones", "calls") == here.all("people", "phones", "calls") and there.sound()
    assert desktop.json("status")["collections"][0]["items"] == 11
    desktop.run("set", str(there.path), "--include", "people")
    both(laptop, desktop)
    here.run("UPDATE phones SET number = '+7' WHERE id = 2; INSERT INTO calls(phone, said) VALUES (1, 'more')")
    both(laptop, desktop)
    assert there.rows("SELECT number FROM phones WHERE id = 2") == [("+2",)], "what isn't asked for is left alone"
    there.run(DELETE)
    both(laptop, desktop)
    assert here.all(*TABLES) == WITHOUT_ANN
    quiet(laptop, desktop)


def test_a_table_that_is_dropped_and_what_is_done_to_its_rows_since(two):
    laptop, desktop, here, there = share(two, FAMILY)
    there.run("DROP TABLE calls; DROP TABLE phones")
    desktop.sync()
    here.run("UPDATE phones SET number = '+7' WHERE id = 2")
    laptop.sync()
    desktop.sync()
    assert len(here.rows("SELECT * FROM phones")) == 4
    there.run(DELETE)
    desktop.sync()
    laptop.sync()
    assert here.all(*TABLES) == WITHOUT_ANN
    desktop.sync()
    assert there.all("people", "places") == here.all("people", "places")


def test_many_children_of_one_row_are_guarded(two):
    """One row was deleted where one is shown; where hundreds would go with it the user is asked, there and where they are."""
    laptop, desktop, here, there = share(two, FAMILY, "--include", "people")
    here.many("INSERT INTO phones(person, number) VALUES (1, ?)", [(f"+{i}",) for i in range(100, 700)])
    both(laptop, desktop)
    there.run(DELETE + "; UPDATE people SET name = 'Bert' WHERE id = 2")
    assert [entry["kind"] for entry in desktop.json("status")["collections"][0]["pending"]] == ["held", "unsent"]
    held = [entry for entry in desktop.sync(8)["collections"][0]["pending"] if entry["kind"] == "held"]
    assert len(held) == 1 and held[0]["path"] == "people/1" and "603 rows that aren't shown here" in held[0]["reason"]
    laptop.sync()
    assert here.rows("SELECT name FROM people WHERE id < 3") == [("Ann",), ("Bob",)], "what was done with it waits, too"
    assert len(here.rows("SELECT * FROM phones")) == 604
    desktop.sync(0, "--max-delete", "604")
    assert "held" in {entry["kind"] for entry in laptop.sync(8)["collections"][0]["pending"]}
    laptop.sync(0, "--yes")
    both(laptop, desktop)
    assert here.all(*TABLES) == {**WITHOUT_ANN, "people": [(2, "Bert"), (3, "Cleo"), (4, "Dora")]}


def test_what_is_kept_of_them_is_little_mended_and_removed(two):
    """Of rows that hang on nothing here nothing is kept."""
    laptop, desktop, here, there = share(two, FAMILY, "--include", "people")
    kept = keys(desktop, "records", "z")
    assert len(kept) == len(here.rows("SELECT * FROM phones")) + len(here.rows("SELECT * FROM calls"))
    assert keys(laptop, "records", "z") == []
    ldb(desktop, "records", "put", kept[0], "0x9601")
    assert "repair" in desktop.run("sync", code=7)
    assert len(desktop.json("verify", code=7)["damaged"]) == 1
    assert desktop.json("repair") == {"mended": 1, "lost": 0}
    desktop.sync()
    assert sorted(keys(desktop, "records", "z")) == sorted(kept)
    there.run(DELETE)
    both(laptop, desktop)
    assert here.all(*TABLES) == WITHOUT_ANN
    desktop.run("remove", str(there.path))
    assert keys(desktop, "records", "z") == []


def test_killed_at_any_moment(two):
    """Between what is heard of, what is asked for no more, and the delete."""
    laptop, desktop, here, there = share(two, FAMILY, "--include", "people", "--include", "phones")
    here.run("INSERT INTO calls(phone, said) VALUES (1, 'more'); INSERT INTO phones(person, number) VALUES (1, '+5')")
    laptop.sync()
    desktop.run("set", str(there.path), "--include", "people")
    for hundredths in range(0, 60, 3):
        desktop.killed("sync", after=hundredths / 100)
    desktop.sync()
    there.run(DELETE)
    for hundredths in range(0, 60, 3):
        desktop.killed("sync", after=hundredths / 100)
    both(laptop, desktop)
    assert here.all(*TABLES) == WITHOUT_ANN
    quiet(laptop, desktop)


LOOSE = """
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
CREATE TABLE phones (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER REFERENCES people(id) ON DELETE CASCADE, number TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, about INTEGER REFERENCES people(id) ON DELETE SET NULL,
  writer INTEGER REFERENCES people(id), phone INTEGER REFERENCES phones(id), said TEXT);
"""


@pytest.mark.parametrize("schema, include", [(LOOSE, ("people",)), (LOOSE, ("people", "notes//said=nothing")), (PEOPLE, ())],
                         ids=["tables not asked for", "rows not asked for", "tables that it lacks"])
def test_rows_that_can_be_without_it_stay(two, schema, include):
    """What foreign keys say is known where the tables aren't: a cascade takes rows along, NULL is for the others."""
    laptop, desktop = two
    here = add(laptop, LOOSE)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob'); INSERT INTO phones(person, number) VALUES (1, '+1'), (2, '+2');"
             "INSERT INTO notes(about, writer, phone, said) VALUES (1, 2, 1, 'a'), (2, 1, 2, 'b'), (NULL, NULL, 1, 'c')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing", *options_of(include)))
    desktop.sync()
    there.run(DELETE)
    both(laptop, desktop)
    assert here.rows("SELECT * FROM people") == there.rows("SELECT * FROM people") == [(2, "Bob")]
    assert here.rows("SELECT * FROM phones") == [(2, 2, "+2")]
    assert here.rows("SELECT * FROM notes ORDER BY id") == [(1, None, 2, None, "a"), (2, 2, None, 2, "b"), (3, None, None, None, "c")]
    assert here.sound()
    quiet(laptop, desktop)


def test_one_that_names_another_meanwhile_keeps_that(two):
    laptop, desktop = two
    here = add(laptop, LOOSE)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob'); INSERT INTO notes(about, said) VALUES (1, 'a'), (1, 'b')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, LOOSE, options=("--existing", "--include", "people"))
    desktop.sync()
    there.run(DELETE)
    here.run("UPDATE notes SET about = 2 WHERE id = 1; UPDATE notes SET said = 'B' WHERE id = 2")
    laptop.sync()
    both(laptop, desktop)
    assert here.rows("SELECT about, said FROM notes ORDER BY id") == [(2, "a"), (None, "B")]
    assert here.rows("SELECT name FROM people") == there.rows("SELECT name FROM people") == [("Bob",)]
    quiet(laptop, desktop)


# ---- A row that refers to one that is hidden ----


@pytest.mark.parametrize("schema, include", [
    (FAMILY, ("phones", "calls")),
    (FAMILY, ("people//name=nobody", "phones", "calls")),
    (FAMILY.split(";")[1] + ";", ()),
], ids=["tables not asked for", "rows not asked for", "tables that it lacks"])
def test_a_new_child_of_a_row_that_is_hidden_hangs_on_it(two, schema, include):
    """It names the row that others see under this number: it follows when that gets another, and brings it back."""
    laptop, desktop, here, there = share(two, schema, *options_of(include))
    assert not there.rows("SELECT * FROM sqlite_master WHERE name = 'people'") or there.rows("SELECT * FROM people") == []
    there.run("PRAGMA foreign_keys = OFF; INSERT INTO phones(id, person, number) VALUES (8, 3, '+8'), (9, 4, '+9'), (10, 77, '+10')")
    desktop.sync()
    here.run("DELETE FROM people WHERE name = 'Dora'; UPDATE people SET id = 30 WHERE name = 'Cleo'")
    both(laptop, desktop)
    assert here.rows("SELECT id, name FROM people WHERE id > 2 ORDER BY id") == [(4, "Dora"), (30, "Cleo")]
    rows = [(8, 30, None, "+8"), (9, 4, None, "+9"), (10, 77, None, "+10")]
    assert here.rows("SELECT * FROM phones WHERE id > 4 ORDER BY id") == rows
    quiet(laptop, desktop)


def test_a_row_that_an_edit_brings_back_has_its_family(two):
    """What the cascade took comes with it; what was deleted by itself stays so."""
    laptop, desktop, here, there = share(two, FAMILY)
    here.run("PRAGMA foreign_keys = ON; DELETE FROM phones WHERE id = 2")
    both(laptop, desktop)
    there.run("PRAGMA foreign_keys = ON; UPDATE people SET name = 'Anna' WHERE id = 1; DELETE FROM phones WHERE id = 3")
    here.run(DELETE)
    laptop.sync()
    both(laptop, desktop)
    for database in here, there:
        assert database.rows("SELECT id, name FROM people ORDER BY id")[0] == (1, "Anna") and database.sound()
        assert database.rows("SELECT id, person, number FROM phones ORDER BY id") == [(1, 1, "+1"), (4, 2, "+4")]
        assert database.rows("SELECT phone, said FROM calls ORDER BY id") == [(1, "hello"), (4, "no")]
    quiet(laptop, desktop)
    there.run("PRAGMA foreign_keys = ON; DELETE FROM people WHERE name = 'Anna'")
    both(laptop, desktop)
    for database in here, there:
        assert database.rows("SELECT said FROM calls") == [("no",)] and database.sound()
    quiet(laptop, desktop)


@pytest.mark.parametrize("schema", [FAMILY, LOOSE], ids=["not without her", "without her"])
def test_one_that_is_deleted_alone_stays_so(two, schema):
    """By a program with foreign keys off: what refers to it is as it was, which is no edit, and says a key that nobody has."""
    laptop, desktop = two
    here = add(laptop, schema)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob'); INSERT INTO phones(person, number) VALUES (1, '+1'), (2, '+2')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing",))
    desktop.sync()
    here.run("PRAGMA foreign_keys = OFF; DELETE FROM people WHERE name = 'Ann'")
    both(laptop, desktop)
    for database in here, there:
        assert database.rows("SELECT id FROM people") == [(2,)]
        assert database.rows("SELECT person, number FROM phones ORDER BY id") == [(1, "+1"), (2, "+2")]
    quiet(laptop, desktop)


def test_a_large_family_comes_back_whole(two):
    """Its deletions take several entries."""
    laptop, desktop, here, there = share(two, FAMILY)
    here.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) "
             "INSERT INTO phones(person, kind, number) SELECT 1, 'kind ' || i, '+' || i FROM n")
    both(laptop, desktop)
    there.run("UPDATE people SET name = 'Anna' WHERE id = 1")
    here.run(DELETE)
    laptop.finish("sync", "--yes")
    both(laptop, desktop)
    for database in here, there:
        assert database.rows("SELECT count(*) FROM phones") == [(4004,)] and database.sound()
    quiet(laptop, desktop)


@pytest.mark.parametrize("column, only, end", [
    ("person INTEGER NOT NULL UNIQUE REFERENCES people(id) ON DELETE CASCADE", "person", []),
    ("person INTEGER REFERENCES people(id) ON DELETE SET NULL, room INTEGER NOT NULL DEFAULT 2 UNIQUE REFERENCES people(id)", "room",
     [(None, "second")]),
], ids=["goes too", "refers to nothing"])
def test_one_that_is_shown_nowhere_brings_nothing_back(two, column, only, end):
    laptop, desktop = two
    schema = f"{PEOPLE} CREATE TABLE badges (id INTEGER PRIMARY KEY AUTOINCREMENT, {column}, said TEXT);"
    here = add(laptop, schema)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing",))
    both(laptop, desktop)
    here.run("INSERT INTO badges(person, said) VALUES (1, 'first')")
    laptop.sync()
    there.run("INSERT INTO badges(person, said) VALUES (1, 'second')")
    desktop.sync(1)
    laptop.sync(1)
    assert f"only one row can have the same {only}" in pending(desktop)["badges/1~desktop"]
    assert here.rows("SELECT said FROM badges") == there.rows("SELECT said FROM badges") == [("first",)]
    there.run("DELETE FROM badges; DELETE FROM people WHERE name = 'Ann'")
    both(laptop, desktop)
    for one in here, there:
        assert one.rows("SELECT name FROM people") == [("Bob",)]
        assert one.rows("SELECT person, said FROM badges") == end
    quiet(laptop, desktop)


# ---- Each cell of the table in peer/sources/records/README.md, "A row that others refer to" ----

HOUSEHOLD = """
CREATE TABLE people (id INTEGER PRIMARY KEY, said TEXT);
CREATE TABLE phones (id INTEGER PRIMARY KEY, of INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE, said TEXT);
CREATE TABLE calls (id INTEGER PRIMARY KEY, of INTEGER NOT NULL REFERENCES phones(id) ON DELETE CASCADE, said TEXT);
CREATE TABLE badges (id INTEGER PRIMARY KEY, of INTEGER REFERENCES people(id) ON DELETE SET NULL, said TEXT);
"""
MEMBERS = {"people": ["ann"], "phones": ["phone1", "phone2"], "calls": ["call11", "call12", "call21", "call22"], "badges": ["badge1"]}
OF = {"phones": "people", "calls": "phones", "badges": "people"}
CELLS = [  # foreign keys on the laptop, which deletes Ann; what the desktop does; what there is then: - refers to nothing, ? to nobody
    ("ON", "", "badge1-"),
    ("ON", "edit people ann", "ann! phone1 phone2 call11 call12 call21 call22 badge1-"),
    ("ON", "edit phones phone1", "ann phone1! call11 call12 badge1-"),
    ("ON", "add phones phone3 ann", "ann phone3 badge1-"),
    ("ON", "edit calls call11", "ann phone1 call11! badge1-"),
    ("ON", "add calls call23 phone2", "ann phone2 call23 badge1-"),
    ("ON", "edit badges badge1", "badge1!-"),
    ("ON", "delete badges badge1", ""),
    ("ON", "add badges badge2 ann", "ann badge1- badge2"),
    ("OFF", "", "phone1? phone2? call11 call12 call21 call22 badge1?"),
    ("OFF", "edit phones phone1", "phone1!? phone2? call11 call12 call21 call22 badge1?"),
    ("OFF", "add phones phone3 ann", "ann phone1 phone2 phone3 call11 call12 call21 call22 badge1"),
    ("OFF", "add calls call23 phone2", "phone1? phone2? call11 call12 call21 call22 call23 badge1?"),
]


def statement(family, deed):
    """Of the rows of this family, whose texts begin with its number."""
    act, table, said, *of = deed.split()
    if act == "add":
        return f"INSERT INTO {table}(of, said) SELECT id, '{family} {said}' FROM {OF[table]} WHERE said = '{family} {of[0]}';"
    where = f"WHERE said = '{family} {said}';"
    return f"DELETE FROM {table} {where}" if act == "delete" else f"UPDATE {table} SET said = said || '!' {where}"


def household(family):
    return "".join(statement(family, f"add {table} {said} {'ann' if OF[table] == 'people' else said[:-1].replace('call', 'phone')}")
                   if table in OF else f"INSERT INTO people(said) VALUES ('{family} {said}');"
                   for table, members in MEMBERS.items() for said in members)


def shown(database, family):
    seen = []
    for table in MEMBERS:
        lost = f"CASE WHEN of IS NULL THEN '-' WHEN of IN (SELECT id FROM {OF[table]}) THEN '' ELSE '?' END" if table in OF else "''"
        seen += [said.split()[1] for said, in database.rows(f"SELECT said || {lost} FROM {table} WHERE said LIKE '{family} %' ORDER BY said")]
    return " ".join(seen)


@pytest.mark.parametrize("laptop_first", [True, False], ids=["laptop first", "desktop first"])
@pytest.mark.whole
def test_who_comes_back_when_a_row_is_deleted_here_and_its_family_changed_there(two, laptop_first):
    laptop, desktop = two
    here = add(laptop, HOUSEHOLD)
    here.run("".join(household(family) for family in range(len(CELLS))))
    laptop.sync()
    desktop.sync()
    there = add(desktop, HOUSEHOLD, options=("--existing",))
    desktop.sync()
    for family, (keys_are, deed, _) in enumerate(CELLS):
        here.run(f"PRAGMA foreign_keys = {keys_are}; {statement(family, 'delete people ann')}")
        there.run("PRAGMA foreign_keys = ON;" + statement(family, deed) if deed else "")
    for device in (laptop, desktop) if laptop_first else (desktop, laptop):
        device.finish("sync", "--yes")
    both(laptop, desktop)
    for database in here, there:
        for family, (keys_are, deed, end) in enumerate(CELLS):
            assert shown(database, family) == end, f"foreign keys {keys_are}, {deed or 'nothing'}"
    assert laptop.json("conflicts") == desktop.json("conflicts") == []
    quiet(laptop, desktop)
