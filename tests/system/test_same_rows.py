# SPDX-License-Identifier: Apache-2.0
"""Rows made apart of which a user says that they are one."""
from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import share
from test_unique import TABLES, begin, both, expect_settled, listed


def made_twice(two):
    """One tag on both devices, by which each has an item; and one item has both, as one device has seen them."""
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO tags VALUES (1, 'home', 'red'); INSERT INTO tagged VALUES (1, 1)")
    there.run("INSERT INTO tags VALUES (1, 'home', NULL); INSERT INTO tagged VALUES (2, 1)")
    both(laptop, desktop)
    ((path, one),) = listed(laptop).items()
    first, second = int(one["rival"].split("/")[1]), int(one["of"].split("/")[1])
    there.run(f"INSERT INTO tagged VALUES (3, {first}), (3, {second})")
    both(laptop, desktop)
    return laptop, desktop, here, there, path, first, second


def test_a_tag_made_on_both_is_one(two):
    """Who refers to either refers to it, also where that joins the same, and their columns merge."""
    laptop, desktop, here, there, path, first, second = made_twice(two)
    there.run(f"UPDATE tags SET colour = 'blue' WHERE id = {second}; INSERT INTO items VALUES (4, 1, 4, 'tea');"
              f"INSERT INTO tagged VALUES (4, {second})")  # desktop knows nothing of it yet
    assert "or with --same" in laptop.run("conflicts", code=4)
    assert "1 row made one with another" in laptop.finish("conflicts", "resolve", f"book//{path}", "--same").stdout
    both(laptop, desktop)
    assert here.all(*TABLES) == there.all(*TABLES) and here.sound() and there.sound()
    ((key, name, colour),) = here.rows("SELECT id, name, colour FROM tags")
    assert (key, name) == (first, "home")
    assert sorted(here.rows("SELECT item, tag FROM tagged")) == [(1, first), (2, first), (3, first), (4, first)]
    ((path, one),) = listed(desktop).items()
    assert {colour, one["value"]} == {"red", "blue"} and path == f"tags/{first}/colour"
    assert laptop.json("conflicts", code=4) and not any(d.run("status").count("same key") for d in (laptop, desktop))
    laptop.finish("conflicts", "resolve", "book//*", "--keep", "mine")
    both(laptop, desktop)
    assert here.rows("SELECT id, name, colour FROM tags") == [(first, "home", "red")]
    expect_settled(laptop, desktop, here, there)
    there.run("UPDATE tags SET name = 'flat', colour = 'blue'")
    both(laptop, desktop)
    assert here.rows("SELECT id, name, colour FROM tags") == [(first, "flat", "blue")]
    there.run("DELETE FROM tagged; DELETE FROM tags")
    both(laptop, desktop)
    assert not here.rows("SELECT * FROM tags") and not here.rows("SELECT * FROM tagged")
    expect_settled(laptop, desktop, here, there)


def test_the_other_one_is_deleted_meanwhile(two):
    laptop, desktop, here, there, path, first, second = made_twice(two)
    there.run(f"DELETE FROM tagged WHERE tag = {second}; DELETE FROM tags WHERE id = {second}")
    laptop.finish("conflicts", "resolve", f"book//{path}", "--same")
    both(laptop, desktop)
    assert here.rows("SELECT id, name, colour FROM tags") == [(first, "home", "red")]
    assert (1, first) in here.rows("SELECT item, tag FROM tagged")
    expect_settled(laptop, desktop, here, there)


def test_a_row_that_is_held_back_is_one_with_the_one_before_it(two):
    """Its reference can't give way: so nothing of it is shown, nor what refers to it, until somebody says what it is."""
    laptop, desktop, here, there = share(two, "CREATE TABLE lists (id INTEGER PRIMARY KEY, title TEXT NOT NULL);"
                                              "CREATE TABLE covers (id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL UNIQUE REFERENCES lists(id), title TEXT);"
                                              "CREATE TABLE stains (id INTEGER PRIMARY KEY, cover INTEGER NOT NULL REFERENCES covers(id), what TEXT);")
    here.run("INSERT INTO lists VALUES (1, 'house'), (2, 'shop')")
    both(laptop, desktop)
    here.run("INSERT INTO covers VALUES (1, 1, 'red'), (2, 2, 'red')")
    there.run("INSERT INTO covers VALUES (7, 1, 'blue'), (8, 2, 'blue'); INSERT INTO stains VALUES (1, 7, 'tea')")
    both(laptop, desktop)
    assert not here.rows("SELECT * FROM stains") and len(here.rows("SELECT * FROM covers")) == 2
    command = "conflicts", "resolve", "book//covers/7"
    assert "conflicts resolve 'book//covers/*~*'` with --same" in laptop.run("status")
    laptop.run(*command, "--keep", "mine", code=3)
    assert "1 row made one with another" in laptop.finish(*command, "--same").stdout
    both(laptop, desktop)
    for database in here, there:
        ((title,),) = database.rows("SELECT title FROM covers WHERE list_id = 1")
        assert database.rows("SELECT what, list_id FROM stains JOIN covers ON cover = covers.id") == [("tea", 1)] and database.sound()
    ((path, one),) = ((path, one) for path, one in listed(desktop).items() if one["kind"] == "field")
    assert {title, one["value"]} == {"red", "blue"} and path == "covers/1/title", "the other one waits still, as it was not named"
    assert [one["path"] for one in laptop.json("status")["collections"][0]["pending"]] == ["covers/8~desktop"]
    laptop.finish("conflicts", "resolve", "book//*", "--same")
    laptop.finish("sync"), laptop.finish("conflicts", "resolve", "book//*", "--keep", "mine")
    both(laptop, desktop)
    assert here.all("lists", "covers", "stains") == there.all("lists", "covers", "stains")
    assert laptop.json("conflicts") == desktop.json("conflicts") == [] and laptop.run("status", "--check") and desktop.run("status", "--check")


def test_what_cannot_be_one(two):
    laptop, desktop, here, there, path, first, second = made_twice(two)
    assert "--same or --keep" in laptop.run("conflicts", "resolve", f"book//{path}", "--same", "--keep", "mine", code=2)
    assert "1 row would be made one" in laptop.finish("conflicts", "resolve", "-n", f"book//{path}", "--same").stdout
    assert listed(laptop), "nothing was done"
    here.run("UPDATE lists SET title = 'a'")
    there.run("UPDATE lists SET title = 'b'")
    both(laptop, desktop)
    said = laptop.run("conflicts", "resolve", "book//lists/*", "--same", code=2)
    assert "no other row has such a value" in said and "no two rows that could be one" in said


def test_two_columns_of_one_value_each_make_one_once(two):
    """Both give way to the same row: that is said in one sentence, and nothing is called ended."""
    laptop, desktop, here, there = share(two, "CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT UNIQUE, slug TEXT UNIQUE, note TEXT);")
    here.run("INSERT INTO places VALUES (1, 'Home', 'home', 'ours')")
    there.run("INSERT INTO places VALUES (1, 'Home', 'home', NULL)")
    both(laptop, desktop)
    assert len(listed(laptop)) == 2
    done = laptop.finish("conflicts", "resolve", "book//*", "--same")
    assert done.returncode == 0 and "1 row made one with another" in done.stdout and "ended" not in done.stdout, done
    both(laptop, desktop)
    assert here.rows("SELECT name, slug, note FROM places") == [("Home", "home", "ours")]
    assert here.all("places") == there.all("places") and here.sound() and there.sound()
    assert laptop.json("conflicts") == desktop.json("conflicts") == [] and laptop.run("status", "--check")


def test_what_was_written_of_either_is_told_of_the_one(two):
    """Its values and their writers, and its history: by the name of either, the second one's is that of the first now."""
    laptop, desktop, here, there, path, first, second = made_twice(two)
    there.run(f"UPDATE tags SET colour = 'blue' WHERE id = {second}")
    both(laptop, desktop)
    here.run(f"UPDATE tags SET colour = 'green' WHERE id = {first}")
    both(laptop, desktop)
    laptop.finish("conflicts", "resolve", f"book//{path}", "--same")
    both(laptop, desktop)
    for name in first, second:
        (one,) = laptop.json("show", f"book//tags/{name}")
        assert one["standing"] == "shown" and one["path"] == f"tags/{first}"
        colours = {value["value"]: value["device"] for value in one["values"] + one["not_shown"] if value["field"] == "colour"}
        assert colours == {"green": "laptop", "blue": "desktop"}, one
        assert {"red", "blue", "green"} <= {write.get("to") for write in one["history"]}, one
        events = laptop.json("log", f"book//tags/{name}")
        assert {event["device"] for event in events} == {"laptop", "desktop"}, events


def test_a_conflict_of_a_row_that_is_one_with_a_locked_one_waits(two):
    """The lock may be of any of them: another device took it before it heard that they are one."""
    laptop, desktop, here, there, path, first, second = made_twice(two)
    there.run(f"UPDATE tags SET colour = 'blue' WHERE id = {second}")
    both(laptop, desktop)
    laptop.finish("conflicts", "resolve", f"book//{path}", "--same")
    locked = desktop.finish("lock", f"book//tags/{second}", "--for", "10m")
    assert locked.returncode == 0, locked
    both(laptop, desktop)
    done = laptop.finish("conflicts", "resolve", f"book//tags/{first}/colour", "--keep", "mine")
    assert done.returncode != 0 and "locked" in done.stdout + done.stderr, done
    assert laptop.json("conflicts", code=4)


def test_a_row_that_would_be_one_with_another_is_locked(two):
    """Of what joins the two: nothing is made one before it is free."""
    laptop, desktop, here, there, path, first, second = made_twice(two)
    joins = [event["path"] for event in laptop.json("log") if event["path"].startswith("tagged/")]
    assert joins
    for join in sorted(set(joins)):
        desktop.finish("lock", f"book//{join}", "--for", "10m")
    laptop.finish("sync")
    done = laptop.finish("conflicts", "resolve", f"book//{path}", "--same")
    assert done.returncode != 0 and "locked" in done.stdout + done.stderr, done
    both(laptop, desktop)
    assert len(here.rows("SELECT * FROM tags")) == len(there.rows("SELECT * FROM tags")) == 2
    for join in sorted(set(joins)):
        desktop.finish("unlock", f"book//{join}")
    laptop.finish("sync")
    assert "1 row made one" in laptop.finish("conflicts", "resolve", f"book//{path}", "--same").stdout
    both(laptop, desktop)
    assert len(here.rows("SELECT * FROM tags")) == len(there.rows("SELECT * FROM tags")) == 1
