# SPDX-License-Identifier: Apache-2.0
"""Numbers of rows: which of two rows is meant where a program says all of a row anew, gives a number away again, or fills the
gap of a deleted row with the last one."""
import pytest
from counterfoil import both, broker, make_device, two  # noqa: F401
from test_sqlite import pending, share

NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, changed INTEGER); CREATE TABLE tags (id INTEGER PRIMARY KEY, note INTEGER REFERENCES notes(id), word TEXT);"
BOOK = "CREATE TABLE marks (id INTEGER PRIMARY KEY, url TEXT UNIQUE, title TEXT, words TEXT DEFAULT '', flags INTEGER DEFAULT 0);"


def fill(two, schema):
    laptop, desktop, here, there = share(two, schema)
    here.run("INSERT INTO notes(body, changed) VALUES ('milk', 1), ('bread', 1), ('salt', 1); INSERT INTO tags VALUES (1, 1, 'shop')")
    both(laptop, desktop)
    return laptop, desktop, here, there


def values(database):
    return database.rows("SELECT id, body, changed FROM notes ORDER BY id")


@pytest.mark.parametrize("number, schema", ((1, NOTES), (2, NOTES), (3, NOTES.replace("PRIMARY KEY, body", "PRIMARY KEY AUTOINCREMENT, body"))),
                         ids=["the first", "the second", "the last, whose number no other gets"])
def test_a_row_of_which_all_is_said_anew_is_the_same(two, number, schema):
    laptop, desktop, here, there = fill(two, schema)
    here.run(f"UPDATE notes SET body = 'two litres', changed = 5 WHERE id = {number}")
    there.run(f"UPDATE notes SET body = 'eggs', changed = 6 WHERE id = {number}; INSERT INTO tags VALUES (2, {number}, 'food')")
    both(laptop, desktop, 4)
    assert values(here) == values(there) and len(values(here)) == 3, "it isn't there twice"
    assert dict((key, (body, changed)) for key, body, changed in values(here))[number] == ("eggs", 6), "the later is shown"
    listed = {one["path"] for one in laptop.json("conflicts", code=4)}
    assert listed == {f"notes/{number}/body", f"notes/{number}/changed"}
    assert there.rows("SELECT note FROM tags WHERE word = 'food'") == here.rows("SELECT note FROM tags WHERE word = 'food'") == [(number,)]


def test_the_number_of_the_last_row_is_given_to_another(two):
    laptop, desktop, here, there = fill(two, NOTES)
    here.run("DELETE FROM notes WHERE id = 3; INSERT INTO notes(body, changed) VALUES ('soap', 7)")
    there.run("INSERT INTO tags VALUES (2, 3, 'food')")
    both(laptop, desktop)
    assert here.rows("SELECT body FROM notes JOIN tags ON note = notes.id WHERE word = 'food'") == [("salt",)], "it is of no soap"
    assert values(here) == values(there) and len(values(here)) == 4


def test_a_gap_that_is_filled_with_the_last_row(two):
    """As buku does: who deletes the first gives its number to the last."""
    laptop, desktop, here, there = share(two, BOOK)
    here.run("INSERT INTO marks(url, title) VALUES ('one', 'One'), ('two', 'Two'), ('three', 'Three')")
    both(laptop, desktop)
    here.run("UPDATE marks SET words = 'my remark' WHERE id = 1")
    there.run("DELETE FROM marks WHERE id = 1; UPDATE marks SET id = 1 WHERE id = 3")
    both(laptop, desktop)
    rows = here.rows("SELECT url, title, words FROM marks ORDER BY url")
    assert rows == there.rows("SELECT url, title, words FROM marks ORDER BY url")
    assert rows == [("one", "One", "my remark"), ("three", "Three", ""), ("two", "Two", "")], "the remark is of the one it was made of"
    assert not pending(laptop) and not pending(desktop)


def test_two_gaps_that_are_filled_with_the_same_row(two):
    laptop, desktop, here, there = share(two, BOOK)
    here.run("INSERT INTO marks(url, title) VALUES ('one', 'One'), ('two', 'Two'), ('three', 'Three')")
    both(laptop, desktop)
    here.run("DELETE FROM marks WHERE id = 1; UPDATE marks SET id = 1 WHERE id = 3")
    there.run("DELETE FROM marks WHERE id = 2; UPDATE marks SET id = 2 WHERE id = 3")
    both(laptop, desktop, 4)  # one says 1, the other one 2
    assert here.rows("SELECT url, title FROM marks") == there.rows("SELECT url, title FROM marks") == [("three", "Three")]
