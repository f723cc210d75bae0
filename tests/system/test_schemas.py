# SPDX-License-Identifier: Apache-2.0
"""Databases of one collection whose tables are not alike: what a new column brings."""

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import both, share

NOTES = "CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT);"
THREE = "INSERT INTO notes VALUES ('a', 'one'), ('b', 'two'), ('c', 'three')"
STARS = "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;"
MOOD = "ALTER TABLE notes ADD COLUMN mood TEXT DEFAULT 'it''s fine';"


@pytest.fixture
def notes(two):
    """Three notes on both."""
    laptop, desktop, here, there = share(two, NOTES)
    here.run(THREE)
    both(laptop, desktop)
    return laptop, desktop, here, there


def conflicts(device):
    return [one["path"] for one in device.json("status")["collections"][0]["conflicts"]]


# ---- A column with a default ----


@pytest.mark.parametrize("column, name, set_by_user", [(STARS, "stars", 5), (MOOD, "mood", "'fine'")])
def test_a_default_does_not_prevail_over_what_a_user_wrote(notes, column, name, set_by_user):
    """The program of each makes the column by itself."""
    laptop, desktop, here, there = notes
    here.run(f"{column} UPDATE notes SET {name} = {set_by_user} WHERE id = 'a'")
    laptop.sync()
    there.run(f"{column} UPDATE notes SET text = 'ONE' WHERE id = 'a'; UPDATE notes SET {name} = {set_by_user} WHERE id = 'b'")
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes")
    first, = here.rows(f"SELECT {set_by_user}")[0]
    found = dict(here.rows(f"SELECT id, {name} FROM notes"))
    assert found["a"] == found["b"] == first != found["c"]
    assert conflicts(laptop) == conflicts(desktop) == []


def test_a_default_brings_no_deleted_row_back(notes):
    laptop, desktop, here, there = notes
    there.run("DELETE FROM notes WHERE id = 'b'")
    desktop.sync()
    here.run(STARS)
    both(laptop, desktop)
    assert here.rows("SELECT id, stars FROM notes ORDER BY id") == [("a", 3), ("c", 3)]
    assert there.rows("SELECT id FROM notes ORDER BY id") == [("a",), ("c",)]


def test_a_default_does_not_replace_what_others_have(notes):
    laptop, desktop, here, there = notes
    here.run(f"{STARS} UPDATE notes SET stars = 4 WHERE id = 'b'")
    both(laptop, desktop)
    there.run(f"{STARS} UPDATE notes SET stars = 5 WHERE id = 'a'")
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes")
    assert dict(here.rows("SELECT id, stars FROM notes")) == {"a": 5, "b": 4, "c": 3}


def test_a_row_that_comes_without_a_value_has_the_default(notes):
    laptop, desktop, here, there = notes
    here.run(STARS)
    both(laptop, desktop)
    there.run("INSERT INTO notes VALUES ('d', 'four')")
    both(laptop, desktop)
    both(laptop, desktop)
    assert ("d", "four", 3) in here.rows("SELECT * FROM notes")
    count = len(laptop.json("log"))
    there.run(STARS)
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes") and len(laptop.json("log")) == count, "nothing new was said"
