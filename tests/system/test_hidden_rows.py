# SPDX-License-Identifier: Apache-2.0
"""Rows of which one alone can be shown: the other is listed under a name of its own, with what ends that."""
import re

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import add, pending, share
from test_unique import both, listed

LISTS = "CREATE TABLE lists (id INTEGER PRIMARY KEY, title TEXT NOT NULL);"
# Each list has one cover: no two rows can have one reference, and it can't be empty.
COVERS = LISTS + """
CREATE TABLE covers (id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL UNIQUE REFERENCES lists(id), title TEXT);
CREATE TABLE stains (id INTEGER PRIMARY KEY, cover INTEGER NOT NULL REFERENCES covers(id), what TEXT);
CREATE TABLE smells (id INTEGER PRIMARY KEY, stain INTEGER NOT NULL REFERENCES stains(id), what TEXT);
"""
TAGS = """
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE CHECK (length(name) <= 4), colour TEXT);
CREATE TABLE tagged (id INTEGER PRIMARY KEY, tag INTEGER NOT NULL REFERENCES tags(id));
"""
# The name may be empty; and what a row would be shown with instead is too long.
LOOSE = TAGS.replace("name TEXT NOT NULL", "name TEXT")
PLACES = """
CREATE TABLE places (key TEXT PRIMARY KEY, url TEXT NOT NULL UNIQUE CHECK (length(url) <= 4), title TEXT) WITHOUT ROWID;
"""
BOOK = "book//"


def begin(two, schema=COVERS):
    laptop, desktop, here, there = share(two, schema)
    here.run("INSERT INTO lists VALUES (1, 'house'), (2, 'shop')")
    both(laptop, desktop)
    return laptop, desktop, here, there


def make_apart(laptop, desktop, here, there, list_id=1, key=1):
    here.run(f"INSERT INTO covers(id, list_id, title) VALUES ({key}, {list_id}, 'red')")
    there.run(f"INSERT INTO covers(id, list_id, title) VALUES ({key}, {list_id}, 'blue')")
    both(laptop, desktop)


def name_apart(two):
    laptop, desktop, here, there = share(two, LOOSE)
    here.run("INSERT INTO tags VALUES (9, 'shop', 'grey')")
    both(laptop, desktop)
    here.run("INSERT INTO tags VALUES (1, 'home', 'red')")
    there.run("INSERT INTO tags VALUES (1, 'home', 'blue')")
    both(laptop, desktop)
    assert list(rows(laptop)) == list(rows(desktop)) == ["tags/2~desktop"]
    return laptop, desktop, here, there


def rows(device):
    """Those that are hidden, by their names."""
    return {path: one for path, one in listed(device).items() if one["kind"] == "row"}


def advice(device):
    return [line for line in device.run("conflicts", code=4).splitlines() if "to settle" in line]


def commands(device):
    """What is to be typed, as it is told, without the quotes of the shell."""
    return re.findall(r"`counterfoil ([^`]*)`", "\n".join(advice(device)))


def resolve(device, name, *how):
    return device.finish("conflicts", "resolve", f"{BOOK}{name}", *how)


def expect_settled(*pairs):
    first = pairs[0][1]
    tables = [name for name, in first.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for device, database in pairs:
        assert pending(device) == {} and device.json("conflicts") == [] and device.run("status", "--check"), device.name
        assert database.all(*tables) == first.all(*tables) and database.sound(), device.name


def test_it_has_a_name_of_its_own_on_both(two):
    """Both counted to 1: covers/1 is the laptop's, and the desktop's is covers/1~desktop everywhere."""
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO covers VALUES (1, 1, 'red'); INSERT INTO stains VALUES (1, 1, 'ink')")
    there.run("INSERT INTO covers VALUES (1, 1, 'blue'); INSERT INTO stains VALUES (1, 1, 'tea'); INSERT INTO smells VALUES (1, 1, 'of tea')")
    both(laptop, desktop)
    assert here.all("covers", "stains") == there.all("covers", "stains") == {"covers": [(1, 1, "red")], "stains": [(1, 1, "ink")]}
    for device in laptop, desktop:
        ((name, one),) = rows(device).items()
        assert name == "covers/1~desktop" and one["device"] == "desktop" and one["values"] == {"list_id": 1, "title": "blue"}
        assert (one["columns"], one["of"], one["rival"], one["rival_device"]) == (["list_id"], "covers/1", "covers/1", "laptop")
        assert one["waits"] == ["smells/1~desktop", "stains/1~desktop"] and (one["same"], one["keep"]) == (True, False)
        assert pending(device) == {
            "covers/1~desktop": "only one row can have the same list_id, and that is covers/1: both are in conflict",
            "stains/1~desktop": "what it refers to can't be shown: covers/1~desktop",
            "smells/1~desktop": "what it refers to can't be shown: stains/1~desktop"}
        for text in device.run("status"), device.run("conflicts", code=4), device.run("conflicts", "show", one["id"], code=4):
            assert f"{BOOK}covers/1~desktop: not shown is this row, made on desktop" in text
            assert 'list_id 1, title "blue"; only one row can have the same list_id, and that is book//covers/1, written on laptop' in text
            assert "for it wait book//smells/1~desktop, book//stains/1~desktop" in text
            assert "give covers/1 another value there, or delete it" in text
        assert commands(device) == ["conflicts resolve 'book//covers/1~desktop'"] and "--keep" not in advice(device)[0]


def test_most_of_a_database_leaves_it_only_with_a_word(two):
    """Nobody deleted a row: what waits for a hidden one is the user's still."""
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO covers VALUES (1, 1, 'red')")
    there.run("INSERT INTO covers VALUES (1, 1, 'blue')")
    there.many("INSERT INTO stains VALUES (?, 1, ?)", [(n, f"stain {n}") for n in range(15)])
    before = there.all("covers", "stains")
    laptop.sync()
    told = desktop.sync(8)["collections"][0]["pending"]
    assert "held" in {one["kind"] for one in told} and there.all("covers", "stains") == before, told
    desktop.finish("sync", "--yes")
    assert there.all("covers", "stains") == {"covers": [(1, 1, "red")], "stains": []}


def test_every_verb_knows_the_name(two):
    laptop, desktop, here, there = begin(two)
    make_apart(laptop, desktop, here, there)
    here.run("INSERT INTO covers VALUES (2, 2, 'green')")
    both(laptop, desktop)
    for device in laptop, desktop:
        (shown,) = device.json("show", f"{BOOK}covers/1~desktop")
        assert (shown["path"], shown["standing"]) == ("covers/1~desktop", "hidden")
        assert shown["why"] == "only one row can have the same list_id, and that is covers/1"
        assert {one["field"]: (one["value"], one["device"]) for one in shown["values"]} == {"list_id": (1, "desktop"), "title": ("blue", "desktop")}
        (field,) = device.json("show", f"{BOOK}covers/1~desktop/title")[0]["values"]
        assert field["value"] == "blue"
        assert [one["path"] for one in device.json("show", f"{BOOK}covers/1")] == ["covers/1", "covers/1~desktop"]
        (line,) = device.json("log", f"{BOOK}covers/1~desktop")
        assert (line["path"], line["device"], line["hidden"]) == ("covers/1~desktop", "desktop", True)
        assert "new covers/1~desktop \"blue\" (hidden)" in device.run("log", "-n", "5")
        assert [one["path"] for one in device.json("conflicts", "show", f"{BOOK}covers/*~*", code=4)] == ["covers/1~desktop"]
        assert [one["path"] for one in device.json("status", f"{BOOK}covers/1~desktop")["collections"][0]["pending"]] == ["covers/1~desktop"]
        assert "no conflict is listed so" in device.run("conflicts", "show", f"{BOOK}covers/2~desktop", code=3)
        assert "knows no record" in device.run("show", f"{BOOK}covers/1~laptop", code=3)


def test_what_refers_to_it_names_it(two):
    """Not as gone, nor by the number that the other one has."""
    laptop, desktop, here, there = begin(two)
    there.run("INSERT INTO covers VALUES (1, 1, 'blue'); INSERT INTO stains VALUES (1, 1, 'tea')")
    here.run("INSERT INTO covers VALUES (1, 1, 'red')")
    both(laptop, desktop)
    for device in laptop, desktop:
        (shown,) = device.json("show", f"{BOOK}stains/1~desktop")
        assert {one["field"]: one["value"] for one in shown["values"]} == {"cover": "covers/1~desktop", "what": "tea"}, device.name
        assert [one["to"] for one in shown["history"] if one["field"] == "cover"] == ["covers/1~desktop"]
        assert 'cover: "covers/1~desktop"' in device.run("show", f"{BOOK}stains/1~desktop") and "gone" not in device.run("show", f"{BOOK}stains/1~desktop")


def test_both_are_made_one(two):
    """What refers to it follows; what both say of a column, and is not shown, stays a conflict. A second time, too."""
    laptop, desktop, here, there = begin(two)
    there.run("INSERT INTO covers VALUES (1, 1, 'blue'); INSERT INTO stains VALUES (1, 1, 'tea')")
    here.run("INSERT INTO covers VALUES (1, 1, 'red')")
    both(laptop, desktop)
    assert "1 row would be made one" in resolve(desktop, "covers/1~desktop", "--same", "-n").stdout and rows(desktop)
    assert "1 row made one with another" in resolve(desktop, "covers/1~desktop", "--same").stdout
    both(laptop, desktop)
    for device, database in (laptop, here), (desktop, there):
        ((_, title),) = database.rows("SELECT list_id, title FROM covers")
        assert database.rows("SELECT what, list_id FROM stains JOIN covers ON cover = covers.id") == [("tea", 1)]
        ((path, one),) = listed(device).items()
        assert path == "covers/1/title" and {title, one["value"]} == {"red", "blue"} and pending(device) == {}
    desktop.finish("conflicts", "resolve", f"{BOOK}covers/1/title", "--keep", "theirs")
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))
    make_apart(laptop, desktop, here, there, list_id=2, key=5)
    assert list(rows(laptop)) == list(rows(desktop)) == ["covers/5~desktop"]
    assert resolve(laptop, "covers/5~desktop", "--same").returncode == 4
    assert resolve(desktop, "covers/5~desktop", "--same").returncode == 1, "it had ended"
    laptop.finish("sync"), laptop.finish("conflicts", "resolve", f"{BOOK}*", "--keep", "mine")
    both(laptop, desktop)
    assert here.rows("SELECT list_id, title FROM covers ORDER BY 1") == [(1, "red"), (2, "red")]
    expect_settled((laptop, here), (desktop, there))


@pytest.mark.parametrize("act", ("UPDATE covers SET list_id = 2", "DELETE FROM covers"))
def test_the_one_that_is_shown_makes_room(two, act):
    laptop, desktop, here, there = begin(two)
    there.run("INSERT INTO covers VALUES (1, 1, 'blue'); INSERT INTO stains VALUES (1, 1, 'tea')")
    here.run("INSERT INTO covers VALUES (1, 1, 'red')")
    both(laptop, desktop)
    assert rows(desktop)
    there.run(act)
    both(laptop, desktop)
    assert here.rows("SELECT title, what FROM stains JOIN covers ON cover = covers.id WHERE list_id = 1") == [("blue", "tea")]
    assert len(here.rows("SELECT * FROM covers")) == (2 if "UPDATE" in act else 1)
    expect_settled((laptop, here), (desktop, there))


@pytest.mark.parametrize("who", ("laptop", "desktop"))
@pytest.mark.parametrize("keep, has_it", (("1", "red"), ("2", "blue"), ("mine", None), ("theirs", None)))
def test_its_user_says_which_keeps_the_value(two, who, keep, has_it):
    """Where the column may be empty both are shown then."""
    laptop, desktop, here, there = name_apart(two)
    device, other = (laptop, desktop) if who == "laptop" else (desktop, laptop)
    assert "--keep 1, and the row that is not shown has no name any more, or --keep 2, and tags/1 has none" in advice(device)[0]
    if keep in ("mine", "theirs"):
        has_it = "red" if (who == "laptop") == (keep == "mine") else "blue"
    settled = resolve(device, "tags/2~desktop", "--keep", keep)
    assert settled.returncode == 0 and "1 field settled" in settled.stdout, settled
    assert resolve(other, "tags/2~desktop", "--keep", keep).returncode == 1, "it had ended"
    both(laptop, desktop)
    assert sorted(here.rows("SELECT colour, name IS NULL FROM tags WHERE id < 9")) == [("blue", has_it != "blue"), ("red", has_it != "red")]
    expect_settled((laptop, here), (desktop, there))
    here.run("UPDATE tags SET colour = colour || '!'")
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))


def test_a_word_for_fields_takes_no_value_from_a_hidden_row(two):
    laptop, desktop, here, there = name_apart(two)
    here.run("UPDATE tags SET colour = 'white' WHERE id = 9")
    there.run("UPDATE tags SET colour = 'black' WHERE id = 9")
    both(laptop, desktop)
    done = laptop.json("conflicts", "resolve", f"{BOOK}*", "--keep", "mine", code=4)
    assert done == {"settled": 1, "lacking": 0, "ended": 0, "locked": 0} and list(rows(laptop)) == ["tags/2~desktop"]
    refused = resolve(laptop, "tags/2~desktop", "--keep", "3")
    assert refused.returncode == 2 and "there is no such version" in refused.stderr and "value" not in refused.stderr
    assert resolve(laptop, "tags/1", "--keep", "1").returncode == 3, "that is the one that is shown"


def test_where_neither_can_be_without_the_value(two):
    laptop, desktop, here, there = begin(two)
    make_apart(laptop, desktop, here, there)
    refused = resolve(laptop, "covers/1~desktop", "--keep", "1")
    assert refused.returncode == 2 and "can't be without the value" in refused.stderr and "version" not in refused.stderr
    assert list(rows(laptop)) == ["covers/1~desktop"]


def test_no_value_passes_the_schema(two):
    """The next name that is free is too long for the table: the one that came later is hidden, under the key that it has."""
    laptop, desktop, here, there = share(two, TAGS)
    here.run("INSERT INTO tags VALUES (1, 'home', 'red')")
    there.run("INSERT INTO tags VALUES (1, 'home', 'blue')")
    both(laptop, desktop)
    for device, database in (laptop, here), (desktop, there):
        ((name, one),) = rows(device).items()
        assert name == "tags/2~desktop" and one["values"] == {"name": "home", "colour": "blue"} and one["rival"] == "tags/1"
        assert {name: one["refused"]} == pending(device) == {name: "CHECK constraint failed: length(name) <= 4"}
        assert "--keep" not in advice(device)[0] and "--same" in advice(device)[0] and "give tags/1 another value" in advice(device)[0]
        (shown,) = device.json("show", f"{BOOK}tags/2~desktop")
        assert (shown["path"], shown["standing"]) == ("tags/2~desktop", "hidden")
        assert {one["field"]: (one["value"], one["device"]) for one in shown["values"]} == {
            "name": ("home", "desktop"), "colour": ("blue", "desktop")}, "not the name that was tried"
        (line,) = device.json("log", f"{BOOK}tags/2~desktop")
        assert (line["path"], line["hidden"]) == ("tags/2~desktop", True) and "now" not in line
        assert "new tags/2~desktop \"home\" (hidden)" in device.run("log", f"{BOOK}tags/2~desktop")
        assert shown["not_shown"] == []
        assert database.rows("SELECT id, name, colour FROM tags") == [(1, "home", "red")]
    assert resolve(laptop, "tags/2~desktop", "--keep", "1").returncode == 2
    assert resolve(laptop, "*", "--keep", "mine").returncode == 3
    assert "1 row made one" in resolve(laptop, "tags/2~desktop", "--same").stdout
    both(laptop, desktop)
    assert list(listed(desktop)) == ["tags/1/colour"] and pending(laptop) == pending(desktop) == {}


def test_what_refers_to_it_keeps_it_where_it_was_made(two):
    """The other one has its number, by which a row refers to it: so it isn't put there, or that one would be its child."""
    laptop, desktop, here, there = share(two, TAGS)
    here.run("INSERT INTO tags VALUES (1, 'home', 'red')")
    there.run("INSERT INTO tags VALUES (1, 'home', 'blue'); INSERT INTO tagged VALUES (1, 1)")
    both(laptop, desktop)
    assert here.all("tags", "tagged") == {"tags": [(1, "home", "red")], "tagged": []}
    assert there.all("tags", "tagged") == {"tags": [(1, "home", "blue")], "tagged": [(1, 1)]}
    ((_, one),) = rows(laptop).items()
    assert one["waits"] == ["tagged/1"] and rows(desktop)["tags/2~desktop"]["waits"] == []
    assert "give tags/1 another value there" in advice(laptop)[0] and "shown here alone, as it was" in desktop.run("status")
    there.run("UPDATE tags SET colour = 'green'; INSERT INTO tagged VALUES (2, 1)")
    both(laptop, desktop)
    assert here.rows("SELECT colour FROM tags") == [("red",)] and one["id"] == rows(laptop)["tags/2~desktop"]["id"]
    there.run("UPDATE tags SET name = 'hut'")
    both(laptop, desktop)
    assert here.rows("SELECT name, colour, tagged.id FROM tags LEFT JOIN tagged ON tag = tags.id ORDER BY tagged.id") == [
        ("home", "red", None), ("hut", "green", 1), ("hut", "green", 2)]
    expect_settled((laptop, here), (desktop, there))


def test_no_value_passes_and_the_other_one_is_renamed(two):
    laptop, desktop, here, there = share(two, TAGS)
    for key, again in (1, "home"), (5, "shop"):
        here.run("DELETE FROM tags")
        both(laptop, desktop)
        here.run(f"INSERT INTO tags VALUES ({key}, '{again}', 'red')")
        there.run(f"INSERT INTO tags VALUES ({key}, '{again}', 'blue')")
        both(laptop, desktop)
        (name,) = rows(laptop)
        assert re.fullmatch(r"tags/\d+~desktop", name)
        there.run(f"UPDATE tags SET name = 'x' WHERE name = '{again}'")
        both(laptop, desktop)
        assert sorted(here.rows("SELECT name, colour FROM tags")) == [(again, "blue"), ("x", "red")]
        expect_settled((laptop, here), (desktop, there))


def test_no_value_passes_where_there_may_be_none(two):
    """Nothing passes a CHECK: so a word parts them."""
    laptop, desktop, here, there = share(two, TAGS.replace("name TEXT NOT NULL", "name TEXT"))
    for keep, names in ("1", [(None, "blue"), ("home", "red")]), ("2", [(None, "red"), ("home", "blue")]):
        here.run("DELETE FROM tags")
        both(laptop, desktop)
        here.run(f"INSERT INTO tags VALUES ({keep}, 'home', 'red')")
        there.run(f"INSERT INTO tags VALUES ({keep}, 'home', 'blue')")
        both(laptop, desktop)
        (name,) = rows(laptop)
        assert resolve(desktop, name, "--keep", keep).returncode == 0
        both(laptop, desktop)
        assert sorted(here.rows("SELECT name, colour FROM tags"), key=lambda row: row[0] or "") == names
        expect_settled((laptop, here), (desktop, there))


def test_keys_that_nobody_counts(two):
    """Two that made the key a mean one place. Of a and b, with one address, each shows its own, and there is no word for it."""
    laptop, desktop, here, there = share(two, PLACES)
    here.run("INSERT INTO places VALUES ('a', 'u', 'A')")
    there.run("INSERT INTO places VALUES ('a', 'u', 'B')")
    both(laptop, desktop)
    assert list(listed(laptop)) == ["places/a/title"] and pending(laptop) == {}
    laptop.finish("conflicts", "resolve", f"{BOOK}places/*", "--keep", "mine")
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))
    here.run("INSERT INTO places VALUES ('b', 'v', 'A')")
    there.run("INSERT INTO places VALUES ('c', 'v', 'B')")
    both(laptop, desktop)
    assert list(rows(laptop)) == list(rows(desktop)) == ["places/c~desktop"] and commands(laptop) == commands(desktop) == []
    assert "give places/b another value there" in advice(laptop)[0] and "give places/c another value there" in advice(desktop)[0]
    assert "shown here alone, as it was" in desktop.run("conflicts", code=4)
    there.run("UPDATE places SET url = 'w' WHERE key = 'c'")
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))


def test_a_third_device_and_a_reader(two, make_device, broker):
    """Two rows are hidden by one: each has its name. Who only reads is told, and no command; a restart changes nothing."""
    laptop, desktop, here, there = begin(two)
    tower, reader = make_device("tower"), make_device("reader")
    laptop.pair(tower), laptop.pair(reader, "--role", "reader")
    others = []
    for device in tower, reader:
        device.sync()
        others.append((device, add(device, COVERS, options=("--existing",))))
        device.sync()
    (_, third), (_, fourth) = others
    pairs = (laptop, here), (desktop, there), *others
    third.run("INSERT INTO covers VALUES (1, 1, 'black')")
    make_apart(laptop, desktop, here, there)
    for device, _ in pairs * 2:
        device.finish("sync")
    server = laptop.serve()
    laptop.stop(server)
    broker.stop(), broker.restart()
    for device, _ in pairs:
        device.finish("sync")
        assert sorted(rows(device)) == ["covers/1~desktop", "covers/1~tower"] and len(pending(device)) == 2, device.name
    assert commands(laptop) == ["conflicts resolve 'book//covers/*~*'"]
    assert commands(reader) == [] and "give the rows that are shown other values" in advice(reader)[0]
    assert resolve(reader, "covers/1~tower", "--same").returncode in (2, 6)
    assert len(rows(laptop)) == 2
    assert resolve(laptop, "covers/1~tower", "--same").returncode == 4
    assert rows(laptop) == {}, "the one that both were beaten by would be beaten by the desktop's as one with the tower's"
    for device, _ in pairs * 2:
        device.finish("sync")
    laptop.finish("conflicts", "resolve", f"{BOOK}covers/*", "--keep", "1")
    for device, _ in pairs * 2:
        device.finish("sync")
    assert fourth.rows("SELECT list_id FROM covers") == [(1,)]
    expect_settled(*pairs)


def test_two_that_one_device_gave_one_key(two):
    """The first one is hidden by the time that its key is given to another: the second has a number behind the name."""
    laptop, desktop, here, there = begin(two)
    for list_id, title in (1, "blue"), (2, "green"):
        here.run(f"INSERT INTO covers VALUES ({list_id}, {list_id}, 'red')")
        there.run(f"INSERT INTO covers VALUES (7, {list_id}, '{title}')")
        both(laptop, desktop)
    for device in laptop, desktop:
        assert {name: one["values"]["title"] for name, one in rows(device).items()} == {"covers/7~desktop": "blue", "covers/7~desktop~2": "green"}
        assert len(pending(device)) == 2 and device.json("show", f"{BOOK}covers/7~desktop~2")[0]["title"] == "green"
    assert "1 row made one" in resolve(desktop, "covers/7~desktop~2", "--same").stdout
    both(laptop, desktop)
    assert list(rows(laptop)) == ["covers/7~desktop"] and "covers/2/title" in listed(laptop)


def test_one_that_is_locked_waits(two):
    laptop, desktop, here, there = name_apart(two)
    desktop.run("lock", f"{BOOK}tags/2~desktop", "--for", "10m")
    assert resolve(laptop, "tags/2~desktop", "--keep", "1").returncode == 9
    assert resolve(laptop, "tags/2~desktop", "--same").returncode == 9
    desktop.run("unlock", f"{BOOK}tags/2~desktop")
    assert resolve(laptop, "tags/2~desktop", "--keep", "1").returncode == 0
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))


def test_a_device_that_was_renamed(two):
    laptop, desktop, here, there = begin(two)
    make_apart(laptop, desktop, here, there)
    assert list(rows(laptop)) == ["covers/1~desktop"]
    laptop.run("devices", "rename", "desktop", "Ann's [PC]")
    name = "covers/1~Ann's [PC]"
    assert list(rows(laptop)) == [name] and laptop.json("show", f"{BOOK}{name}")[0]["path"] == name
    assert resolve(laptop, name, "--same").returncode == 4


def test_one_that_a_database_refuses_is_told_by_the_name_that_it_would_have(two):
    """Both counted to 1. The collection knows no two equal names, so it has no name as hidden rows have: it is tn/2, as `status` says."""
    laptop, desktop, here, there = share(
        two, "CREATE TABLE tn (id INTEGER PRIMARY KEY, name TEXT NOT NULL, colour TEXT); CREATE UNIQUE INDEX low ON tn (lower(name));")
    here.run("INSERT INTO tn VALUES (1, 'home', 'red')")
    there.run("INSERT INTO tn VALUES (1, 'Home', 'blue')")
    both(laptop, desktop)
    assert here.all("tn") == there.all("tn") == {"tn": [(1, "home", "red")]}
    for device in laptop, desktop:
        ((name, reason),) = pending(device).items()
        assert name == "tn/2" and "UNIQUE" in reason, device.name
        (shown,) = device.json("show", f"{BOOK}tn/2")
        assert {one["field"]: one["value"] for one in shown["values"]} == {"name": "Home", "colour": "blue"}, device.name
        assert shown["path"] == "tn/2" and [one["value"] for one in device.json("show", f"{BOOK}tn/2/colour")[0]["values"]] == ["blue"]
        (line,) = device.json("log", f"{BOOK}tn/2")
        assert (line["path"], line["now"], line["device"]) == ("tn/1", "tn/2", "desktop")
        assert [one["path"] for one in device.json("show", f"{BOOK}tn/1")] == ["tn/1"]
        assert "knows no record" in device.run("show", f"{BOOK}tn/3", code=3) and "knows nothing" in device.run("log", f"{BOOK}tn/3", code=3)
    there.run("DELETE FROM tn")
    both(laptop, desktop)
    assert here.all("tn") == there.all("tn") == {"tn": [(1, "Home", "blue")]}
