# SPDX-License-Identifier: Apache-2.0
"""Devices that only receive, by their mode or by their role, and hold files or records already when they meet them."""

import sqlite3

import pytest

from counterfoil import broker, fill, make_device, tree, two  # noqa: F401

SIX = {"a": "a\n", "b": "b\n", "sub/c": "c\n", "sub/d": "d\n", "sub/deep/e": "e\n", "f": "f\n"}


@pytest.fixture(params=["receive", "reader"])
def receiver(request, broker, make_device):
    """A device that writes and one that only receives; the options with which that adds a source."""
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop, *(["--role", "reader"] if request.param == "reader" else []))
    options = ["--existing"] + (["--mode", "receive"] if request.param == "receive" else [])
    return laptop, desktop, options


def pending(device, code=0):
    said = device.sync(code)["collections"][0]
    assert ("--refill` undoes what was done here" in said.get("advice", "")) == (code != 0), said
    return {one["path"]: (one["kind"], one["reason"]) for one in said["pending"]}


def meet(receiver, files):
    laptop, desktop, options = receiver
    here = laptop.add("notes", SIX)
    laptop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, files)
    said = desktop.json("add", str(there), "--collection", "notes", *options)
    return here, there, said


def test_equal_files_are_agreed_at_once(receiver):
    laptop, desktop, _ = receiver
    here, there, said = meet(receiver, SIX)
    assert said["equal"] == 8 and said["different"] == said["only_here"] == said["only_there"] == 0
    assert desktop.sync()["in_sync"]
    (here / "a").write_text("a, edited\n")
    (here / "sub/deep/e").unlink()
    (here / "sub/c").rename(here / "moved")
    (here / "new").write_text("new\n")
    laptop.sync()
    assert desktop.sync()["in_sync"]
    assert tree(there) == tree(here)


def test_different_ones_are_listed_and_block_nothing_else(receiver):
    laptop, desktop, _ = receiver
    here, there, said = meet(receiver, {**SIX, "a": "mine\n", "sub/c": "mine\n", "own": "mine\n"})
    assert (said["equal"], said["different"], said["only_here"]) == (6, 2, 1)
    found = pending(desktop, 1)
    assert sorted(found) == ["a", "own", "sub/c"]
    assert all("it is different here; " in found[path][1] for path in ("a", "sub/c")), found
    assert "it is new here; " in found["own"][1]
    for path in "a", "b", "sub/d":
        (here / path).write_text("edited\n")
    laptop.sync()
    assert sorted(pending(desktop, 1)) == ["a", "own", "sub/c"]
    assert tree(there) == {**tree(here), "a": b"mine\n", "sub/c": b"mine\n", "own": b"mine\n"}
    (there / "a").unlink()
    assert sorted(pending(desktop, 1)) == ["own", "sub/c"]
    assert (there / "a").read_text() == "edited\n"


def test_a_table_is_agreed_at_once(receiver):
    laptop, desktop, options = receiver
    here, there = laptop.source("people.csv"), desktop.source("people.csv")
    here.write_text("id,name\n1,Ann\n2,Bob\n3,Cem\n")
    laptop.json("add", str(here), "--collection", "people", "--format", "csv", "--key", "id", "--natural")
    laptop.sync()
    there.write_text("id,name\n1,Ann\n2,Bert\n3,Cem\n")
    said = desktop.json("add", str(there), "--collection", "people", "--format", "csv", "--key", "id", *options)
    assert (said["equal"], said["different"]) == (2, 1)
    found = pending(desktop, 1)
    assert list(found) == ["2"] and "it is different here; " in found["2"][1], found
    here.write_text("id,name\n1,Anna\n2,Bob\n4,Dan\n")
    laptop.sync()
    assert list(pending(desktop, 1)) == ["2"]
    assert there.read_text() == "id,name\n1,Anna\n2,Bert\n4,Dan\n"


def test_cards_are_agreed_at_once(receiver):
    laptop, desktop, options = receiver
    here, there = laptop.source("cards"), desktop.source("cards")
    for folder in here, there:
        folder.mkdir()
        for uid, name in ("u1", "Ann"), ("u2", "Bob"):
            (folder / f"{uid}.vcf").write_text(
                f"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{uid}\r\nFN:{name}\r\nEND:VCARD\r\n", newline="")
    laptop.json("add", str(here), "--collection", "cards", "--format", "vcard")
    laptop.sync()
    said = desktop.json("add", str(there), "--collection", "cards", "--format", "vcard", *options)
    assert said["equal"] == 2
    assert desktop.sync()["in_sync"]
    (here / "u1.vcf").write_text((here / "u1.vcf").read_text().replace("Ann", "Anna"))
    laptop.sync()
    assert desktop.sync()["in_sync"]
    assert "FN:Anna" in (there / "u1.vcf").read_text()


def test_a_database_is_agreed_at_once(receiver):
    laptop, desktop, options = receiver
    here, there = laptop.source("b.db"), desktop.source("b.db")
    for path, second in (here, "Bob"), (there, "Bert"):
        base = sqlite3.connect(path)
        base.execute("create table people (id text primary key, name text)")
        base.executemany("insert into people values (?, ?)", [("1", "Ann"), ("2", second), ("3", "Cem")])
        base.commit()
        base.close()
    laptop.json("add", str(here), "--collection", "b", "--format", "sqlite")
    laptop.sync()
    said = desktop.json("add", str(there), "--collection", "b", "--format", "sqlite", *options)
    assert (said["equal"], said["different"]) == (2, 1)
    assert list(pending(desktop, 1)) == ["people/2"]
    base = sqlite3.connect(here)
    base.execute("update people set name = 'Anna' where id = '1'")
    base.execute("delete from people where id = '3'")
    base.commit()
    base.close()
    laptop.sync()
    assert list(pending(desktop, 1)) == ["people/2"]
    with sqlite3.connect(there) as base:
        assert base.execute("select * from people order by id").fetchall() == [("1", "Anna"), ("2", "Bert")]


BOOKS = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT, author INT NOT NULL REFERENCES author);
CREATE TABLE tagged (book INT REFERENCES book, tag TEXT, PRIMARY KEY (book, tag));
INSERT INTO author VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO book VALUES (1, 'One', 1), (2, 'Two', 2);
INSERT INTO tagged VALUES (1, 'x'), (2, 'y');
"""


def run(path, sql):
    with sqlite3.connect(path) as there:
        there.executescript(sql)
    there.close()


def rows(path, sql):
    there = sqlite3.connect(path)
    try:
        return there.execute(sql).fetchall()
    finally:
        there.close()


def test_a_row_that_is_different_holds_up_none_that_refers_to_it(receiver):
    laptop, desktop, options = receiver
    here, there = laptop.folder / "here.db", desktop.folder / "there.db"
    for path in here, there:
        run(path, BOOKS)
    run(there, "UPDATE author SET name = 'Anna' WHERE id = 1")
    laptop.run("add", str(here), "--format", "sqlite", "--collection", "books")
    laptop.sync()
    desktop.run("sync")
    desktop.run("add", str(there), "--format", "sqlite", "--collection", "books", "--rows", "same", *options)
    assert list(pending(desktop, 1)) == ["author/1"]
    run(here, "UPDATE book SET title = 'One!' WHERE id = 1; INSERT INTO book VALUES (3, 'Three', 1); DELETE FROM tagged WHERE book = 1")
    laptop.sync()
    assert list(pending(desktop, 1)) == ["author/1"]
    assert rows(there, "SELECT * FROM book ORDER BY id") == [(1, "One!", 1), (2, "Two", 2), (3, "Three", 1)]
    assert rows(there, "SELECT * FROM tagged") == [(2, "y")]
    assert rows(there, "SELECT name FROM author WHERE id = 1") == [("Anna",)], "nor is it touched"


def test_what_was_different_is_a_conflict_once_it_is_sent(two):
    """Nobody has seen there what it would replace."""
    laptop, desktop = two
    here, there = laptop.source("people.csv"), desktop.source("people.csv")
    here.write_text("id,name,born\n1,Ann,1970\n2,Bob,1980\n")
    add = "--collection", "people", "--format", "csv", "--key", "id", "--natural"
    laptop.json("add", str(here), *add)
    laptop.sync()
    desktop.sync()
    there.write_text("id,name,born\n1,Ann,1970\n2,Bert,1980\n")
    desktop.json("add", str(there), *add[:-1], "--existing", "--mode", "receive")
    assert list(pending(desktop, 1)) == ["2"]
    desktop.run("set", str(there), "--mode", "both")
    desktop.finish("sync")
    laptop.sync(4)
    desktop.sync(4)
    assert here.read_text() == there.read_text()
    for device in laptop, desktop:
        listed, = device.json("conflicts", code=4)
        assert {listed["shown"], listed["value"]} == {"Bob", "Bert"}, listed
