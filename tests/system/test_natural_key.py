# SPDX-License-Identifier: Apache-2.0
"""Rows made apart with one text in a column that names them, as a feed's articles by their guid: they are one, whatever else differs."""
import json

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import Database, add, pending
from test_unique import both

FEED = """
CREATE TABLE article (id INTEGER PRIMARY KEY, guid TEXT NOT NULL, feed TEXT, title TEXT, unread INTEGER DEFAULT 1);
CREATE TABLE label (article INTEGER NOT NULL REFERENCES article(id), name TEXT, PRIMARY KEY (article, name));
"""
KEY = "--natural-key", "article.guid"


def share(two, here=KEY, there=KEY):
    laptop, desktop = two
    first = add(laptop, FEED, options=here)
    laptop.sync()
    desktop.sync()
    second = add(desktop, FEED, options=("--existing", *there))
    both(laptop, desktop)
    return laptop, desktop, first, second


def fetch(database, *articles, feed="news"):
    """As a reader fetches what is new in its feed; numbers are whatever comes next."""
    database.many("INSERT INTO article(guid, feed, title) VALUES (?, ?, ?)", [(guid, feed, title) for guid, title in articles])


def titles(database):
    return sorted(database.rows("SELECT guid, title FROM article"))


def settled(laptop, desktop, here, there):
    both(laptop, desktop)
    both(laptop, desktop)
    assert here.all("article", "label") == there.all("article", "label") and here.sound() and there.sound()
    return json.loads(laptop.finish("--json", "conflicts").stdout)


def test_what_both_fetched_is_one(two):
    laptop, desktop, here, there = share(two)
    fetch(here, ("a", "A"), ("b", "B"))
    fetch(there, ("b", "B"), ("c", "C"))
    here.run("INSERT INTO label SELECT id, 'red' FROM article WHERE guid = 'b'")
    there.run("INSERT INTO label SELECT id, 'red' FROM article WHERE guid = 'b'; INSERT INTO label SELECT id, 'new' FROM article WHERE guid = 'b'")
    assert settled(laptop, desktop, here, there) == []
    assert titles(here) == [("a", "A"), ("b", "B"), ("c", "C")]
    assert sorted(here.rows("SELECT guid, name FROM label JOIN article ON id = article")) == [("b", "new"), ("b", "red")]
    assert pending(laptop) == pending(desktop) == {} and laptop.run("status", "--check")


def test_what_differs_is_a_conflict_of_the_field(two):
    laptop, desktop, here, there = share(two)
    fetch(here, ("a", "First title"))
    fetch(there, ("a", "Title, mended"))
    (one,) = settled(laptop, desktop, here, there)
    assert len(here.rows("SELECT * FROM article")) == 1 and one["path"].endswith("/title")
    assert one["value"] == "First title" and one["shown"] == "Title, mended"
    laptop.run("conflicts", "resolve", f"book//{one['path']}", "--keep", "theirs")
    assert settled(laptop, desktop, here, there) == []


def test_one_device_says_it_for_all_also_of_what_came_before(two):
    laptop, desktop, here, there = share(two, here=(), there=())
    fetch(here, ("a", "A"))
    fetch(there, ("a", "A'"), ("b", "B"))
    assert settled(laptop, desktop, here, there) == [] and len(titles(here)) == 3, "nobody said that a guid names an article"
    desktop.run("set", str(there.path), *KEY)
    assert len(settled(laptop, desktop, here, there)) == 1
    assert [guid for guid, _ in titles(here)] == ["a", "b"]


def test_what_one_program_made_twice_stays_two(two):
    """One guid in two feeds of one reader: it wants both, and the other reader's is the first of them."""
    laptop, desktop, here, there = share(two)
    fetch(here, ("a", "A"))
    fetch(here, ("a", "A"), feed="sport")
    fetch(there, ("a", "A"))
    assert settled(laptop, desktop, here, there) == []
    assert here.rows("SELECT guid, feed FROM article ORDER BY id") == [("a", "news"), ("a", "sport")]


def test_an_empty_text_or_a_later_one_names_nothing(two):
    laptop, desktop, here, there = share(two)
    fetch(here, ("", "one"), ("a", "renamed"))
    fetch(there, ("", "two"))
    settled(laptop, desktop, here, there)
    assert titles(here) == [("", "one"), ("", "two"), ("a", "renamed")]
    here.run("UPDATE article SET guid = 'b' WHERE guid = 'a'")
    fetch(there, ("b", "another"))
    assert settled(laptop, desktop, here, there) == []
    assert titles(here) == [("", "one"), ("", "two"), ("b", "another"), ("b", "renamed")]


def test_three_devices_find_it_in_any_order(two, make_device):  # noqa: F811
    laptop, desktop = two
    tablet = make_device("tablet")
    laptop.pair(tablet)
    _, _, here, there = share(two, here=())
    tablet.sync()
    third = add(tablet, FEED, options=("--existing", *KEY))
    both(laptop, desktop, tablet)
    for database, own in (third, "x"), (there, "y"), (here, "z"):
        fetch(database, ("a", "A"), (own, "own"))
    for device in desktop, tablet, laptop:
        device.finish("sync")
    both(laptop, desktop, tablet)
    both(laptop, desktop, tablet)
    assert here.all("article") == there.all("article") == third.all("article")
    assert [title for _, title in titles(here)].count("A") == 1 and len(titles(here)) == 4 and third.sound()


def test_what_is_said_and_kept(two):
    laptop, desktop, here, there = share(two)
    assert "--natural-key article.guid" in laptop.run("set", str(here.path))
    assert laptop.json("set", str(here.path))["natural_key"] == ["article.guid"]
    for name, reason in (("article.gid", "no column that is synced is called so; article has id, feed, guid, title, unread"),
                         ("labl.name", "no column that is synced is called so"),
                         ("label.name", "it is a part of the key"), ("article.id", "it is a part of the key")):
        said = laptop.run("set", str(here.path), *KEY, "--natural-key", name, code=2)
        assert f"--natural-key {name}: {reason}" in said
    assert laptop.json("set", str(here.path))["natural_key"] == ["article.guid"], "it is as it was"
    here.run("ALTER TABLE article RENAME COLUMN guid TO gid")
    laptop.sync()
    assert pending(laptop)["--natural-key article.guid"] == "no column that is synced is called so"
    assert laptop.run("status", "--check"), "nothing is missing because of it"
    for name in "article", ".guid", "article.":
        assert "--natural-key" in laptop.run("set", str(here.path), "--natural-key", name, code=2)
    assert "--natural-key" not in laptop.run("set", str(here.path), "--natural-key", "default")
    notes = laptop.source("notes")
    notes.mkdir()
    assert "--format sqlite" in laptop.run("add", str(notes), *KEY, code=2)
    other = laptop.source("other.db")
    assert "--natural-key TABLE.COLUMN" in laptop.run("add", str(other), "--format", "sqlite", "--natural", code=2)


@pytest.mark.parametrize("rows", ((), ("--yes",), ("--rows", "same")))
def test_two_that_were_filled_before_need_no_answer_of_numbers(two, rows):
    """Both have an article 1, which is another one: by its number it would be an edit of all that it says."""
    laptop, desktop = two
    here = add(laptop, FEED, options=KEY)
    fetch(here, ("a", "A"), ("b", "B"))
    laptop.sync()
    desktop.sync()
    there = Database(desktop.folder / "desktop-book.db")
    there.run(FEED)
    fetch(there, ("c", "C"), ("a", "A"))
    there.run("INSERT INTO label VALUES (1, 'of c')")
    command = "add", str(there.path), "--format", "sqlite", "--collection", "book", "--existing"
    said = desktop.run(*command, code=2)
    assert "2 rows here have the numbers of others there" in said and "--rows apart" in said and "--natural-key or --unique same" in said
    assert desktop.json(*command, *KEY, *rows, "-n")["meeting"] == 0
    desktop.run(*command, *KEY, *rows)
    assert settled(laptop, desktop, here, there) == []
    assert titles(here) == [("a", "A"), ("b", "B"), ("c", "C")]
    assert there.rows("SELECT guid FROM article JOIN label ON article = id") == [("c",)]


def test_a_table_without_a_natural_key_is_asked_of_still(two):
    laptop, desktop = two
    feeds = FEED + "CREATE TABLE folder (id INTEGER PRIMARY KEY, name TEXT);"
    here = add(laptop, feeds, options=KEY)
    fetch(here, ("a", "A"))
    here.run("INSERT INTO folder VALUES (1, 'news')")
    laptop.sync()
    desktop.sync()
    there = Database(desktop.folder / "desktop-book.db")
    there.run(feeds)
    fetch(there, ("c", "C"))
    there.run("INSERT INTO folder VALUES (1, 'News')")
    command = "add", str(there.path), "--format", "sqlite", "--collection", "book", "--existing", *KEY
    assert "1 row here has the number of another there" in desktop.run(*command, code=2)
    desktop.run(*command, "--rows", "same")
    assert len(settled(laptop, desktop, here, there)) == 1
    assert titles(here) == [("a", "A"), ("c", "C")] and here.rows("SELECT id FROM folder") == [(1,)]
