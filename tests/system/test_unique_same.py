# SPDX-License-Identifier: Apache-2.0
"""Rows made apart with one text, in a column that is unique by itself, of which a user said beforehand that they are one."""
from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import Database, add, pending
from test_unique import both, listed

PLACES = """
CREATE TABLE places (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, title TEXT, visits INTEGER DEFAULT 0, used INTEGER);
CREATE TABLE keywords (id INTEGER PRIMARY KEY, place_id INTEGER NOT NULL REFERENCES places(id) ON DELETE CASCADE, keyword TEXT);
CREATE TABLE tags (place_id INTEGER REFERENCES places(id), tag TEXT, PRIMARY KEY (place_id, tag));
CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, fk INTEGER REFERENCES places(id), folder TEXT);
"""
TABLES = "places", "keywords", "tags", "bookmarks"
SAME = "--unique", "same"


def share_places(two, here=SAME, there=SAME, schema=PLACES):
    laptop, desktop = two
    first = add(laptop, schema, options=here)
    laptop.sync()
    desktop.sync()
    second = add(desktop, schema, options=("--existing", *there))
    both(laptop, desktop)
    return laptop, desktop, first, second


def expect_one(laptop, desktop, here, there):
    assert here.all(*TABLES) == there.all(*TABLES) and here.sound() and there.sound()
    assert pending(laptop) == pending(desktop) == {}
    assert laptop.json("conflicts") == desktop.json("conflicts") == []
    assert laptop.run("status", "--check") and desktop.run("status", "--check")


def visit_apart(here, there):
    """One place on both, under other numbers, by which each has something; and others, so that numbers cross."""
    here.run("INSERT INTO places(id, url, title) VALUES (1, 'https://a', 'A'), (2, 'https://b', 'B');"
             "INSERT INTO keywords VALUES (1, 2, 'bee'); INSERT INTO tags VALUES (2, 'red'); INSERT INTO bookmarks VALUES (1, 2, 'bar')")
    there.run("INSERT INTO places(id, url, title) VALUES (1, 'https://b', NULL), (2, 'https://c', 'C');"
              "INSERT INTO keywords VALUES (1, 1, 'bumble'); INSERT INTO tags VALUES (1, 'red'), (1, 'blue');"
              "INSERT INTO bookmarks VALUES (1, 1, 'menu')")


def expect_joined(database):
    ((number, title),) = database.rows("SELECT id, title FROM places WHERE url = 'https://b'")
    assert title == "B"
    assert sorted(database.rows("SELECT url FROM places")) == [("https://a",), ("https://b",), ("https://c",)]
    for table, column, found in (("keywords", "keyword", ["bee", "bumble"]), ("bookmarks", "folder", ["bar", "menu"])):
        owner = "fk" if table == "bookmarks" else "place_id"
        assert sorted(database.rows(f"SELECT {owner}, {column} FROM {table}")) == [(number, one) for one in found]
    assert sorted(database.rows("SELECT place_id, tag FROM tags")) == [(number, "blue"), (number, "red")]


def test_a_place_visited_on_both_is_one(two):
    """What refers to it follows, what one lacks the other has, and nobody is asked."""
    laptop, desktop, here, there = share_places(two)
    visit_apart(here, there)
    both(laptop, desktop)
    expect_joined(here)
    expect_one(laptop, desktop, here, there)
    assert "--unique same" in laptop.run("set", str(here.path)) and laptop.json("set", str(here.path))["unique"] == "same"


def test_one_device_says_it_for_all(two):
    laptop, desktop, here, there = share_places(two, here=())
    visit_apart(here, there)
    both(laptop, desktop)
    expect_joined(there)
    expect_one(laptop, desktop, here, there)


def test_both_find_it_at_once(two, broker):  # noqa: F811
    """Each has heard of the other's row, and says so before it hears that the other one did."""
    laptop, desktop, here, there = share_places(two, here=(), there=())
    visit_apart(here, there)
    both(laptop, desktop)
    assert len(listed(laptop)) == 1
    for device, database in (laptop, here), (desktop, there):
        device.run("set", str(database.path), *SAME)
    broker.stop()
    for device in laptop, desktop:
        device.finish("sync")
        assert device.json("conflicts") == []
    broker.restart()
    both(laptop, desktop)
    expect_joined(here)
    expect_one(laptop, desktop, here, there)


def test_what_differs_stays_two_until_its_user_says_so(two):
    laptop, desktop, here, there = share_places(two)
    here.run("INSERT INTO places(url, title) VALUES ('https://b', 'Bee')")
    there.run("INSERT INTO places(url, title) VALUES ('https://b', 'Wasp')")
    both(laptop, desktop)
    assert sorted(here.rows("SELECT url, title FROM places")) == [("https://b", "Bee"), ("https://b (2)", "Wasp")]
    ((path, one),) = listed(laptop).items()
    assert one["unique"] and here.all(*TABLES) == there.all(*TABLES)
    there.run("UPDATE places SET title = 'Bee' WHERE title = 'Wasp'")
    both(laptop, desktop)
    assert here.rows("SELECT url, title FROM places") == [("https://b", "Bee")], "nothing differs by now"
    expect_one(laptop, desktop, here, there)


def test_what_was_known_as_another_is_not_the_same(two):
    """Two that were there on both, and are given one address, are two pages that moved to one place."""
    laptop, desktop, here, there = share_places(two)
    here.run("INSERT INTO places(id, url) VALUES (1, 'https://a'), (2, 'https://b')")
    both(laptop, desktop)
    here.run("UPDATE places SET url = 'https://new' WHERE id = 1")
    there.run("UPDATE places SET url = 'https://new' WHERE id = 2")
    both(laptop, desktop)
    assert len(here.rows("SELECT * FROM places")) == 2 and len(listed(laptop)) == 1
    assert here.all(*TABLES) == there.all(*TABLES)


def test_a_counter_of_which_the_last_value_counts_does_not_differ(two):
    laptop, desktop, here, there = share_places(two, here=(*SAME, "--last", "places.visits", "--last", "places.used"))
    here.run("INSERT INTO places VALUES (1, 'https://b', 'B', 3, 1000)")
    there.run("INSERT INTO places VALUES (7, 'https://b', 'B', 1, 2000)")
    both(laptop, desktop)
    ((url, title, visits, used),) = here.rows("SELECT url, title, visits, used FROM places")
    assert (url, title) == ("https://b", "B") and (visits, used) in ((3, 1000), (1, 2000))
    expect_one(laptop, desktop, here, there)


def test_numbers_are_never_the_same_by_being_equal(two):
    schema = "CREATE TABLE bills (id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, what TEXT)"
    laptop, desktop, here, there = share_places(two, schema=schema)
    here.run("INSERT INTO bills VALUES (1, 7, NULL)")
    there.run("INSERT INTO bills VALUES (2, 7, NULL)")
    both(laptop, desktop)
    assert sorted(here.rows("SELECT number FROM bills")) == [(7,), (8,)] and here.all("bills") == there.all("bills")
    assert len(listed(laptop)) == 1


def test_two_that_have_the_same_places_already(two):
    """As two browsers that were used for years; the other one is added to what the first one made."""
    laptop, desktop = two
    here = Database(laptop.source("book.db"))
    here.run(PLACES)
    here.many("INSERT INTO places(id, url, title) VALUES (?, ?, ?)", [(i, f"https://{i}", f"Place {i}") for i in range(1, 61)])
    laptop.run("add", str(here.path), "--format", "sqlite", "--collection", "book", *SAME)
    laptop.sync()
    desktop.sync()
    there = Database(desktop.source("book.db"))
    there.run(PLACES)
    there.many("INSERT INTO places(id, url, title) VALUES (?, ?, ?)",
               [(1000 - i, f"https://{i}", f"Place {i}" if i % 3 else None) for i in range(31, 91)])
    there.run("INSERT INTO bookmarks SELECT id, id, url FROM places")
    desktop.run("add", str(there.path), "--format", "sqlite", "--existing", "--collection", "book", *SAME, "--rows", "apart")
    both(laptop, desktop)
    assert sorted(here.rows("SELECT url FROM places")) == sorted((f"https://{i}",) for i in range(1, 91))
    assert here.rows("SELECT count(*) FROM bookmarks JOIN places ON fk = places.id WHERE folder = url") == [(60,)]
    expect_one(laptop, desktop, here, there)


def test_who_has_locked_one_of_them_is_waited_for(two):
    laptop, desktop, here, there = share_places(two, here=(), there=())
    visit_apart(here, there)
    both(laptop, desktop)
    ((_, one),) = listed(laptop).items()
    desktop.finish("lock", f"book//{one['rival']}", "--for", "10m")
    laptop.run("set", str(here.path), *SAME)
    laptop.finish("sync")
    assert len(listed(laptop)) == 1
    desktop.finish("unlock", f"book//{one['rival']}")
    both(laptop, desktop)
    expect_joined(here)
    expect_one(laptop, desktop, here, there)


def test_what_cannot_be_said(two):
    laptop, desktop, here, there = share_places(two)
    assert "same or apart" in laptop.run("set", str(here.path), "--unique", "one", code=2)
    notes = laptop.source("notes")
    notes.mkdir()
    assert "--format sqlite" in laptop.run("add", str(notes), *SAME, code=2)
    for device, database in (laptop, here), (desktop, there):
        assert "--unique" not in device.run("set", str(database.path), "--unique", "apart")
    visit_apart(here, there)
    both(laptop, desktop)
    assert len(here.rows("SELECT * FROM places")) == 4 and len(listed(laptop)) == 1


def test_it_is_ended_where_it_was_said(two):
    laptop, desktop, here, there = share_places(two, here=SAME, there=())
    assert "--unique same was not said on this device" in desktop.finish("set", str(there.path), "--unique", "apart").stderr
    assert "--natural-key was not said on this device" in desktop.finish("set", str(there.path), "--natural-key", "default").stderr
    assert laptop.finish("set", str(here.path), "--unique", "apart").stderr == ""
    visit_apart(here, there)
    both(laptop, desktop)
    assert listed(laptop), "nobody says so any more"
