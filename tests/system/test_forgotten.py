# SPDX-License-Identifier: Apache-2.0
"""Tables and columns that no device has any more: nobody is told of them, and nobody gets them back by himself."""

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_records import add as add_file
from test_sqlite import share

SHOP = "CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT, old TEXT); CREATE TABLE tags (name TEXT PRIMARY KEY);"
FILLED = "INSERT INTO notes VALUES ('a', 'one', 'x'), ('b', 'two', 'y'); INSERT INTO tags VALUES ('red'), ('blue')"
TABLE = "DROP TABLE tags"
COLUMN = "ALTER TABLE notes RENAME COLUMN old TO new"
SHEET = "id,name,fax\nx,Ann,1\ny,Bob,2\n"
WITHOUT = "id,name\nx,Ann\ny,Bob\n"
CSV = ("--format", "csv", "--key", "id")


def told(device):
    """What is left out, by name; nothing else is to be listed, and all is in sync."""
    said = device.json("status", "--check")["collections"][0]
    assert said["in_sync"] and {one["kind"] for one in said["pending"]} <= {"left out"}
    return sorted(one["path"] for one in said["pending"])


def filled(two):
    laptop, desktop, here, there = share(two, SHOP)
    here.run(FILLED)
    both(laptop, desktop)
    return laptop, desktop, here, there


def sheets(two, make_file=True):
    laptop, desktop = two
    here = add_file(laptop, "people.csv", SHEET, *CSV)
    laptop.sync()
    desktop.sync()
    there = add_file(desktop, "people.csv", SHEET if make_file else None, *CSV, "--existing")
    both(laptop, desktop)
    return laptop, desktop, here, there


def test_a_table_and_a_column_that_all_gave_up_are_forgotten(two):
    laptop, desktop, here, there = filled(two)
    here.run(f"{TABLE}; {COLUMN}")
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == ["notes.old", "tags"], "the desktop has them"
    assert there.rows("SELECT count(*) FROM tags") == [(2,)]
    there.run(f"{COLUMN}; {TABLE}")
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == told(desktop) == []
    here.run("UPDATE notes SET text = 'three'")
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes")


def test_what_is_given_up_apart_is_forgotten_too(two):
    laptop, desktop, here, there = filled(two)
    for database in here, there:
        database.run(f"{TABLE}; {COLUMN}")
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == told(desktop) == []
    for device in laptop, desktop:
        assert device.sync()["traffic"]["entries_sent"] == 0, "nobody contradicts for ever"


def test_a_table_that_is_made_again_has_its_rows(two):
    laptop, desktop, here, there = filled(two)
    for database in here, there:
        database.run(TABLE)
        both(laptop, desktop)
    there.run("CREATE TABLE tags (name TEXT PRIMARY KEY)")
    both(laptop, desktop)
    both(laptop, desktop)
    assert sorted(there.rows("SELECT name FROM tags")) == [("blue",), ("red",)]
    assert told(laptop) == ["tags"] and told(desktop) == []
    here.run("CREATE TABLE tags (name TEXT PRIMARY KEY); INSERT INTO tags VALUES ('green')")
    both(laptop, desktop)
    assert here.all("tags") == there.all("tags") and len(here.all("tags")["tags"]) == 3
    assert told(laptop) == told(desktop) == []


def test_rows_of_a_forgotten_table_are_not_missed_in_another_file(two):
    """A program that saves by writing a new file."""
    laptop, desktop, here, there = filled(two)
    for database in here, there:
        database.run(TABLE)
        both(laptop, desktop)
    both(laptop, desktop)
    here.run(f"VACUUM INTO '{here.path}.new'")
    here.path.with_name(f"{here.path.name}.new").replace(here.path)
    here.run("UPDATE notes SET text = 'new' WHERE id = 'a'")
    both(laptop, desktop)
    assert there.rows("SELECT text FROM notes WHERE id = 'a'") == [("new",)]


def test_who_only_leaves_a_table_out_has_not_given_it_up(two):
    laptop, desktop, here, there = filled(two)
    here.run(TABLE)
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == ["tags"]
    desktop.run("set", str(there.path), "--exclude", "tags")
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == ["tags"] and there.rows("SELECT count(*) FROM tags") == [(2,)]


def test_a_column_of_a_sheet_that_all_gave_up_is_forgotten(two, make_device):
    laptop, desktop, here, there = sheets(two)
    here.write_text(WITHOUT)
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == ["column fax"] and there.read_text() == SHEET
    there.write_text(WITHOUT)
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == told(desktop) == []
    phone = make_device("phone")
    laptop.pair(phone)
    phone.sync()
    made = add_file(phone, "people.csv", None, *CSV, "--existing")
    phone.sync()
    assert made.read_text() == WITHOUT, "who comes later doesn't bring it back"
    both(laptop, desktop)
    assert told(laptop) == told(desktop) == told(phone) == []


def test_a_document_has_the_column_as_long_as_an_object_says_it(two):
    laptop, desktop = two
    here = add_file(laptop, "people.csv", SHEET, *CSV)
    laptop.sync()
    desktop.sync()
    there = add_file(desktop, "people.json", None, "--format", "json", "--key", "id", "--existing", collection="people")
    both(laptop, desktop)
    here.write_text(WITHOUT)
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == ["column fax"] and "fax" in there.read_text()
    there.write_text('[{"id": "x", "name": "Ann"}, {"id": "y", "name": "Bob"}]')
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == told(desktop) == []


def test_one_that_only_receives_has_no_say(two):
    laptop, desktop, here, there = sheets(two)
    desktop.run("set", str(there), "--mode", "receive")
    there.write_text(WITHOUT)
    desktop.finish("sync")
    laptop.sync()
    assert told(laptop) == [] and here.read_text() == SHEET
    here.write_text(WITHOUT)
    both(laptop, desktop)
    both(laptop, desktop)
    assert told(laptop) == told(desktop) == []


def conflicts(device):
    return sorted(one["path"] for one in device.json("conflicts", code=device.finish("conflicts").returncode))


def test_a_conflict_is_forgotten_with_its_column_and_its_table(two):
    """Nobody could settle it. As long as one device has the column it is told on both."""
    laptop, desktop, here, there = filled(two)
    for database, value in (here, "A"), (there, "B"):
        database.run(f"UPDATE notes SET old = '{value}', text = '{value}' WHERE id = 'a'")
    both(laptop, desktop, 4)
    listed = ["notes/a/old", "notes/a/text"]
    assert conflicts(laptop) == conflicts(desktop) == listed
    here.run(COLUMN)
    both(laptop, desktop, 4)
    both(laptop, desktop, 4)
    assert conflicts(laptop) == conflicts(desktop) == listed, "the desktop has the column"
    there.run(COLUMN)
    both(laptop, desktop, 4)
    both(laptop, desktop, 4)
    assert conflicts(laptop) == conflicts(desktop) == ["notes/a/text"]
    assert "no conflict is listed so" in laptop.run("conflicts", "resolve", "book//notes/a/old", "--keep", "1", code=3)
    for database in here, there:
        database.run("DROP TABLE notes")
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    assert conflicts(laptop) == conflicts(desktop) == told(laptop) == told(desktop) == []
    for database in here, there:
        database.run("CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT)")
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    assert here.all("notes") == there.all("notes") and conflicts(laptop) == conflicts(desktop) == ["notes/a/text"]


def test_a_row_that_is_hidden_is_forgotten_with_its_table_and_shown_without_the_column(two):
    laptop, desktop, here, there = share(two, "CREATE TABLE lists (id INTEGER PRIMARY KEY, title TEXT);"
                                              "CREATE TABLE covers (id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL UNIQUE REFERENCES lists(id), title TEXT);"
                                              "CREATE TABLE seals (id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL UNIQUE REFERENCES lists(id), title TEXT);")
    here.run("INSERT INTO lists VALUES (1, 'house')")
    both(laptop, desktop)
    for database, title in (here, "red"), (there, "blue"):
        database.run(f"INSERT INTO covers VALUES (1, 1, '{title}'); INSERT INTO seals VALUES (1, 1, '{title}')")
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    assert conflicts(laptop) == conflicts(desktop) == ["covers/1~desktop", "seals/1~desktop"]
    for database in here, there:
        database.run("DROP TABLE seals; CREATE TABLE kept (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO kept SELECT id, title FROM covers;"
                     "DROP TABLE covers; ALTER TABLE kept RENAME TO covers")
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    assert conflicts(laptop) == conflicts(desktop) == told(laptop) == told(desktop) == []
    assert here.rows("SELECT title FROM covers ORDER BY 1") == there.rows("SELECT title FROM covers ORDER BY 1") == [("blue",), ("red",)]


def test_a_conflict_is_forgotten_with_a_column_of_a_sheet(two):
    laptop, desktop, here, there = sheets(two)
    for path, fax in (here, "7"), (there, "8"):
        path.write_text(SHEET.replace("Ann,1", f"Ann,{fax}"))
    both(laptop, desktop, 4)
    assert conflicts(laptop) == conflicts(desktop) == ["x/fax"]
    for path in here, there:
        path.write_text(WITHOUT)
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    assert conflicts(laptop) == conflicts(desktop) == told(laptop) == told(desktop) == []
