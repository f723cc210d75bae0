# SPDX-License-Identifier: Apache-2.0
"""`show` a record with all that is known of it, and what `log` tells of records."""

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_hidden_rows import begin, make_apart
from test_sqlite import add, share

KEY = ["--format", "csv", "--key", "id", "--collection", "people"]


@pytest.fixture
def people(two):
    laptop, desktop = two
    here, there = laptop.source("p.csv"), desktop.source("p.csv")
    here.write_text("id,name,city\nx,Ann,Ulm\ny,Bob,Bonn\n")
    laptop.json("add", str(here), *KEY)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), *KEY, "--existing")
    both(laptop, desktop)
    return laptop, desktop, here, there


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def values(record):
    return {one["field"]: (one["value"], one["device"]) for one in record["values"]}


def steps(record):
    return [(one["device"], one.get("field"), one.get("from"), one.get("to")) for one in record["history"]]


def test_a_record_with_who_wrote_what(people):
    laptop, desktop, here, there = people
    edit(there, "Ann", "Anna")
    both(desktop, laptop)
    (record,) = laptop.json("show", "people//x")
    assert (record["collection"], record["path"], record["standing"]) == ("people", "x", "shown")
    assert values(record) == {"city": ("Ulm", "laptop"), "name": ("Anna", "desktop")} and record["not_shown"] == []
    assert steps(record)[0] == ("desktop", "name", ["Ann"], "Anna")
    assert ("laptop", "name", [], "Ann") in steps(record) and ("laptop", "city", [], "Ulm") in steps(record)
    entry = laptop.json("log", "people//x")[0]
    assert record["history"][0]["entry"] == entry["entry"] and record["history"][0]["time"] == entry["time"]
    text = laptop.run("show", "people//x")
    assert text.splitlines()[0] == "people//x"
    assert '  name: "Anna"  (desktop, ' in text and 'desktop name: "Ann" -> "Anna"' in text
    assert laptop.run("show", "people//x", "-n", "1").count("\n  ") == 3
    assert "key" not in {one[1] for one in steps(record)}


def test_one_field_of_it(people):
    laptop, *_ = people
    (record,) = laptop.json("show", "people//x/city")
    assert values(record) == {"city": ("Ulm", "laptop")} and {one[1] for one in steps(record)} == {"city"}


def test_a_field_that_it_does_not_have(people):
    """A name that was typed wrong is no record that says nothing."""
    laptop, _, here, _ = people
    for verb in ("show", "people//x/town"), ("--json", "show", "people//x/town"):
        assert "people//x has no field 'town': it has city, name" in laptop.run(*verb, code=3)
    edit(here, "x,Ann,Ulm", "x,Ann,")
    laptop.sync()
    (record,) = laptop.json("show", "people//x/city")
    assert record["values"] == [] and steps(record)[0][1] == "city", "it had one"
    edit(here, "x,Ann,\n", "")
    laptop.sync()
    laptop.json("show", "people//x/city")
    laptop.run("show", "people//x/town", code=3)


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//t//t//EN
BEGIN:VEVENT
UID:e1
DTSTAMP:20260101T000000Z
DTSTART:20260102T100000Z
SUMMARY:Meeting
GEO:48.4;9.98
END:VEVENT
END:VCALENDAR
"""


def test_a_field_as_conflicts_name_it(two):
    laptop, desktop = two
    here, there = laptop.source("c.ics"), desktop.source("c.ics")
    here.write_bytes(CALENDAR.replace("\n", "\r\n").encode())
    laptop.json("add", str(here), "--format", "icalendar", "--collection", "cal")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--format", "icalendar", "--collection", "cal", "--existing")
    both(laptop, desktop)
    for path, value in (here, "1.5;2.5"), (there, "3.5;4.5"):
        path.write_bytes(path.read_bytes().replace(b"48.4;9.98", value.encode()))
    both(laptop, desktop, code=4)
    (conflict,) = laptop.json("conflicts", code=4)
    print(conflict)
    (record,) = laptop.json("show", f"cal//{conflict['path']}")
    assert len(record["values"]) == 1 and len(record["not_shown"]) == 1, record


def test_what_is_not_shown(people):
    laptop, desktop, here, there = people
    edit(here, "Ann", "Anna")
    edit(there, "Ann", "Anne")
    both(laptop, desktop, code=4)
    for device in laptop, desktop:
        (record,) = device.json("show", "people//x")
        shown, (other,) = values(record)["name"][0], record["not_shown"]
        assert {shown, other["value"]} == {"Anna", "Anne"} and other["field"] == "name"
        assert other["device"] == {"Anna": "laptop", "Anne": "desktop"}[other["value"]]
        assert f'  name, not shown: "{other["value"]}"  ({other["device"]}, ' in device.run("show", "people//x")


def test_one_that_was_deleted(people):
    laptop, desktop, here, there = people
    edit(here, "x,Ann,Ulm\n", "")
    both(laptop, desktop)
    (record,) = desktop.json("show", "people//x")
    assert record["standing"] == "deleted" and record["history"][0]["change"] == "deleted"
    assert values(record) == {"city": ("Ulm", "laptop"), "name": ("Ann", "laptop")}
    assert "people//x: deleted; it said\n" in desktop.run("show", "people//x")


def test_what_is_not_there(people):
    laptop, *_ = people
    assert "people//nobody" in laptop.run("show", "people//nobody", code=3)
    laptop.add("notes", {"one.txt": "one"})
    for path in "notes//one.txt", "notes//nothing":
        said = laptop.run("show", path, code=3)
        assert f"`counterfoil log {path}` tells of files" in said and "status" not in said, said
    laptop.run("show", "nothing//x", code=3)
    laptop.run("show", "people", code=3)
    laptop.run("show", code=2)


def test_a_document_is_shown_by_its_collection(two):
    laptop, _ = two
    here = laptop.source("s.json")
    here.write_text('{"look": {"theme": "dark"}}\n')
    laptop.json("add", str(here), "--collection", "s", "--format", "json")
    laptop.sync()
    (record,) = laptop.json("show", "s//")
    assert values(record) == {"look/theme": ("dark", "laptop")} and record["path"] == ""
    assert [one["change"] for one in laptop.json("log") if one["path"] == ""] == ["new"]


# ---- Rows ----

TABLES = """
CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, label TEXT NOT NULL UNIQUE);
CREATE TABLE item_tags (item INTEGER NOT NULL REFERENCES items(id), tag INTEGER NOT NULL REFERENCES tags(id), PRIMARY KEY (item, tag));
"""


@pytest.fixture
def shop(two):
    laptop, desktop = two
    here = add(laptop, TABLES)
    here.run("INSERT INTO items(name) VALUES ('Milk'), ('Bread'); INSERT INTO tags(label) VALUES ('food');"
             "INSERT INTO item_tags VALUES (1, 1)")
    laptop.sync()
    desktop.sync()
    there = add(desktop, TABLES, options=("--existing",))
    both(laptop, desktop)
    return laptop, desktop, here, there


def test_the_log_tells_values_and_names_joins_by_what_they_join(shop):
    laptop, desktop, here, there = shop
    there.run("UPDATE items SET name = 'Oat milk' WHERE id = 1")
    both(desktop, laptop)
    log = laptop.json("log", "book//items/1")
    assert (log[0]["change"], log[0]["title"], log[0]["fields"], log[0]["values"]) == (
        "edited", "Oat milk", ["name"], ["Oat milk"])
    assert 'edited items/1 "Oat milk": name "Oat milk"' in laptop.run("log", "book//items/1")
    (join,) = [one for one in laptop.json("log") if one["path"].startswith("item_tags/")]
    assert join["title"] == "item 'Oat milk' + tag 'food'"
    (record,) = laptop.json("show", f"book//{join['path']}")
    assert record["title"] == "item 'Oat milk' + tag 'food'"
    (record,) = laptop.json("show", "book//items/1")
    assert steps(record)[0] == ("desktop", "name", ["Milk"], "Oat milk")


def test_joins_of_rows_that_have_no_name_are_called_by_their_texts(two):
    """By the first that is short, or by a key that says it; else by the number."""
    laptop, _ = two
    here = add(laptop, "CREATE TABLE books (id INTEGER PRIMARY KEY, blurb TEXT, caption TEXT, year INTEGER);"
                       "CREATE TABLE shelves (code TEXT PRIMARY KEY, room TEXT); CREATE TABLE slots (id INTEGER PRIMARY KEY, size INTEGER);"
                       "CREATE TABLE stands (book_id INTEGER REFERENCES books(id), shelf TEXT REFERENCES shelves(code),"
                       " slot INTEGER REFERENCES slots(id), since INTEGER, PRIMARY KEY (book_id, shelf));")
    here.run(f"INSERT INTO books VALUES (7, '{'long ' * 30}', 'Moby Dick', 1851); INSERT INTO shelves VALUES ('A3', 'hall');"
             "INSERT INTO slots VALUES (4, 1); INSERT INTO stands VALUES (7, 'A3', 4, 1999)")
    laptop.sync()
    here.run("UPDATE stands SET since = 2000")
    laptop.sync()
    here.run("DELETE FROM stands; DELETE FROM books; DELETE FROM shelves")
    laptop.sync()
    told = [one for one in laptop.json("log") if one["path"].startswith("stands/")]
    assert [one["change"] for one in told] == ["deleted", "edited", "new"]
    assert {one["title"] for one in told} == {"book 'Moby Dick' + shelf 'A3' + slot slots/4"}


def test_a_join_is_named_though_its_first_column_is_the_first_of_the_collection(two):
    """Of what is made together any row may come first: most are joins."""
    laptop, _ = two
    here = add(laptop, "CREATE TABLE items (id INTEGER PRIMARY KEY, what TEXT); CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
                       "CREATE TABLE joins (item INTEGER REFERENCES items(id), place INTEGER, tag INTEGER REFERENCES tags(id), PRIMARY KEY (item, tag, place));")
    here.run("INSERT INTO items VALUES (1, 'Milk'); INSERT INTO tags VALUES (2, 'food')")
    here.many("INSERT INTO joins VALUES (1, ?, 2)", [(place,) for place in range(60)])
    laptop.sync()
    told = [one for one in laptop.json("log") if one["path"].startswith("joins/")]
    assert len(told) == 60 and {one.get("title") for one in told} == {"item 'Milk' + tag 'food'"}


def test_a_hidden_row_is_known(two):
    """Both made the cover of one list apart: one of them is hidden."""
    laptop, desktop, here, there = begin(two)
    make_apart(laptop, desktop, here, there)
    hidden = {one["path"] for one in laptop.json("log") if one.get("hidden")}
    assert hidden == {"covers/1~desktop"} and here.rows("SELECT title FROM covers") == there.rows("SELECT title FROM covers") == [("red",)]
    records = laptop.json("show", "book//covers/1~desktop")
    (record,) = [record for record in records if record["standing"] == "hidden"]
    assert record["why"].startswith("only one row can have the same list_id")
    assert {one["field"]: one["value"] for one in record["values"]}["title"] == "blue"
    assert ": hidden: " in laptop.run("show", "book//covers/1~desktop")
    assert " (hidden)" in laptop.run("log", "book//covers/1~desktop")


def test_a_field_of_a_document_goes_by_the_name_that_is_listed(two):
    """It is one record without a key: conflicts lists its theme as set///theme."""
    laptop, desktop = two
    here, there = laptop.source("s.json"), desktop.source("s.json")
    words = "--format", "json", "--collection", "set"
    here.write_text('{"theme": "dark", "font": {"size": 12}}')
    laptop.run("add", str(here), *words)
    laptop.sync(), desktop.sync()
    desktop.run("add", str(there), *words, "--existing")
    both(laptop, desktop)
    here.write_text('{"theme": "light", "font": {"size": 12}}')
    there.write_text('{"theme": "blue", "font": {"size": 12}}')
    both(laptop, desktop, None)
    (path,) = {one["path"] for one in laptop.json("conflicts", code=4)}
    assert path == "/theme"
    for typed in "set//" + path, "set//theme":
        (record,) = laptop.json("show", typed)
        assert set(values(record)) == {"theme"} and {one["field"] for one in record["history"]} == {"theme"}
        assert laptop.json("log", typed) == laptop.json("log", "set")
        assert "not shown is" in laptop.run("status", typed)
    (record,) = laptop.json("show", "set///font/size")
    assert set(values(record)) == {"font/size"}
    told = laptop.run("status", "set///font/size")
    assert "nothing of it is out of sync" in told and "not shown is" not in told


def test_a_key_without_case_is_typed_in_any(two):
    laptop, desktop, here, there = share(two, "CREATE TABLE Tag (name TEXT PRIMARY KEY COLLATE NOCASE, Colour TEXT);"
                                              "CREATE TABLE plain (name TEXT PRIMARY KEY, colour TEXT);")
    here.run("INSERT INTO Tag VALUES ('Obst/Nuss', 'red'); INSERT INTO plain VALUES ('Obst', 'a'), ('obst', 'b')")
    laptop.sync()
    for key in "Obst/Nuss", "obst/nuss", "OBST/NUSS":
        (record,) = laptop.json("show", f"book//Tag/{key}")
        assert record["path"] == "Tag/obst/nuss"
        (record,) = laptop.json("show", f"book//Tag/{key}/Colour")
        assert set(values(record)) == {"Colour"}
        assert laptop.json("log", f"book//Tag/{key}") and "nothing of it is out of sync" in laptop.run("status", f"book//Tag/{key}")
    for key, colour in ("Obst", "a"), ("obst", "b"):
        (record,) = laptop.json("show", f"book//plain/{key}")
        assert record["path"] == f"plain/{key}" and values(record)["colour"][0] == colour
    laptop.run("show", "book//tag/obst/nuss", code=3)


def test_what_is_no_record_is_told_how_one_is_called(people):
    laptop, *_ = people
    assert "'people' names no record: say COLLECTION//KEY" in laptop.run("show", "people", code=3)


def test_a_field_that_is_asked_for_is_shown_whole(two):
    """A line of a record has the beginning of a long value, and how long that is."""
    laptop, _ = two
    long = "Once upon a time there was " + 20 * "a river, and " + "that is all"
    file = laptop.source("people.csv")
    file.write_text(f"id,note\n1,\"{long}\"\n")
    laptop.run("add", file, "--format", "csv", "--key", "id", "--collection", "people")
    laptop.sync()
    assert long not in laptop.run("show", "people//1")
    shown = laptop.run("show", "people//1/note")
    assert f'note: "{long}"  (laptop, ' in shown
