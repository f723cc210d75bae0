# SPDX-License-Identifier: Apache-2.0
"""Rows that refer to others by what is not the key: several columns, a column that is unique, a key that compares without case."""

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import add, both, pending
from test_sqlite_held import listed, refused

TIED = """
CREATE TABLE areas (land TEXT, code TEXT, what TEXT, PRIMARY KEY (land, code));
CREATE TABLE towns (id TEXT PRIMARY KEY, land TEXT, code TEXT, what TEXT, FOREIGN KEY (land, code) REFERENCES areas);
CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, what TEXT);
CREATE TABLE letters (id TEXT PRIMARY KEY, mail TEXT REFERENCES people(mail), what TEXT);
CREATE TABLE tags (name TEXT PRIMARY KEY COLLATE NOCASE, what TEXT);
CREATE TABLE tagged (id TEXT PRIMARY KEY, tag TEXT REFERENCES tags, what TEXT);
CREATE TABLE plain (id TEXT PRIMARY KEY, what TEXT);
CREATE TABLE refers (id TEXT PRIMARY KEY, other TEXT REFERENCES plain, what TEXT);
CREATE TABLE others (id TEXT PRIMARY KEY);
"""
PARENTS, CHILDREN = ("areas", "people", "tags", "plain"), ("towns", "letters", "tagged", "refers")
PARENT_ROWS = ("INSERT INTO areas VALUES ('x', '1', '{0}'); INSERT INTO people VALUES ({1}, 'x', '{0}');"
               "INSERT INTO tags VALUES ('x', '{0}'); INSERT INTO plain VALUES ('x', '{0}');")
CHILD_ROWS = ("INSERT INTO towns VALUES ('{0}', 'x', '1', 'new'); INSERT INTO letters VALUES ('{0}', 'x', 'new');"
              "INSERT INTO tagged VALUES ('{0}', 'X', 'new'); INSERT INTO refers VALUES ('{0}', 'x', 'new');")


def drop(*tables):
    return "".join(f"DELETE FROM {table};" for table in tables)


class Pair:
    """Two databases of one schema, with parents in both."""

    def __init__(self, laptop, desktop, schema=TIED):
        self.laptop, self.desktop = laptop, desktop
        self.here = add(laptop, schema)
        laptop.sync()
        desktop.sync()
        self.there = add(desktop, schema, options=("--existing",))
        self.here.run(PARENT_ROWS.format("first", 1)).many("INSERT INTO others VALUES (?)", [(f"stays {i}",) for i in range(20)])
        self.agree()

    def count(self):
        return len(self.laptop.json("log", "-n", "1000"))

    def agree(self):
        """Both are equal, nothing waits, and nobody has anything more to say."""
        both(self.laptop, self.desktop)
        said = self.count()
        both(self.laptop, self.desktop)
        assert self.count() == said, "and it is quiet"
        assert self.here.all(*PARENTS, *CHILDREN) == self.there.all(*PARENTS, *CHILDREN)
        assert pending(self.laptop) == pending(self.desktop) == {}

    def shown(self, tables):
        """How many rows each of them has."""
        return [self.here.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables]

    def sound(self):
        return self.here.sound() and self.there.sound()


@pytest.mark.parametrize("first", ["laptop", "desktop"])
def test_a_deleted_parent_with_a_new_child_comes_back(two, first):
    pair = Pair(*two)
    pair.here.run(drop(*PARENTS))
    pair.there.run(CHILD_ROWS.format("t"))
    getattr(pair, first).sync()
    pair.agree()
    assert pair.shown(PARENTS) == pair.shown(CHILDREN) == [1] * 4 and pair.sound()
    assert pair.here.rows("SELECT what FROM areas UNION SELECT what FROM people UNION SELECT what FROM tags") == [("first",)]
    pair.there.run(drop(*CHILDREN))
    pair.agree()
    assert pair.shown(PARENTS) == [1] * 4, "its user saw them there, and deleted only what refers to them"
    pair.there.run(drop(*PARENTS))
    pair.agree()
    assert pair.shown(PARENTS) == [0] * 4, "and what is deleted stays so"


def test_one_whose_child_was_changed_comes_back_with_it(two):
    cascading = TIED.replace("REFERENCES areas", "REFERENCES areas ON DELETE CASCADE")
    pair = Pair(*two, cascading)
    pair.here.run(CHILD_ROWS.format("t"))
    pair.agree()
    pair.here.run(drop(*CHILDREN, *PARENTS))
    pair.there.run("".join(f"UPDATE {table} SET what = 'changed';" for table in CHILDREN))
    pair.agree()
    assert pair.shown(PARENTS) == pair.shown(CHILDREN) == [1] * 4 and pair.sound()
    assert pair.here.rows("SELECT land, code, what FROM towns") == [("x", "1", "changed")]


def test_where_another_one_is_what_they_refer_to_the_deleted_one_stays_so(two):
    pair = Pair(*two)
    pair.here.run(drop(*PARENTS) + PARENT_ROWS.format("again", 2))
    pair.there.run(CHILD_ROWS.format("t"))
    pair.agree()
    assert pair.shown(PARENTS) == pair.shown(CHILDREN) == [1] * 4 and pair.sound()
    assert pair.here.rows("SELECT * FROM people") == [(2, "x", "again")]
    assert pair.here.rows("SELECT what FROM areas UNION SELECT what FROM tags UNION SELECT what FROM plain") == [("again",)]


def test_a_parent_that_nobody_refers_to_any_more_stays_deleted(two):
    pair = Pair(*two)
    pair.here.run(CHILD_ROWS.format("t"))
    pair.agree()
    pair.there.run("UPDATE towns SET land = NULL; UPDATE letters SET mail = NULL; UPDATE tagged SET tag = NULL; UPDATE refers SET other = NULL")
    pair.agree()
    pair.here.run(drop(*PARENTS))
    pair.there.run("".join(f"UPDATE {table} SET what = 'changed';" for table in CHILDREN))
    pair.agree()
    assert pair.shown(PARENTS) == [0] * 4 and pair.shown(CHILDREN) == [1] * 4


def test_what_refers_to_one_since_an_other_column_said_so_needs_that_one(two):
    """The child is told of with the change, not when it was made."""
    pair = Pair(*two)
    pair.here.run("INSERT INTO towns(id) VALUES ('t'); INSERT INTO letters(id) VALUES ('t'); INSERT INTO tagged(id) VALUES ('t');"
                  "INSERT INTO refers(id) VALUES ('t')")
    pair.agree()
    pair.here.run(drop(*PARENTS))
    pair.there.run("UPDATE towns SET land = 'x', code = '1'; UPDATE letters SET mail = 'x'; UPDATE tagged SET tag = 'X'; UPDATE refers SET other = 'x'")
    pair.agree()
    assert pair.shown(PARENTS) == pair.shown(CHILDREN) == [1] * 4 and pair.sound()


GOES = {table: "rows that stay here refer to what it says" for table in ('areas/["x","1"]', "people/1", "tags/x")}


def test_a_program_that_checks_no_references_deletes_what_others_refer_to(two):
    """It leaves rows behind that refer to nothing: nobody takes that for a wish to have them back."""
    pair = Pair(*two)
    pair.here.run(CHILD_ROWS.format("t"))
    pair.agree()
    pair.here.run(drop("areas", "people", "tags"))
    pair.laptop.finish("sync")
    assert refused(pair.desktop) == GOES and pending(pair.laptop) == {}
    pair.there.run("UPDATE towns SET what = 'changed'; UPDATE letters SET what = 'changed'; UPDATE tagged SET what = 'changed'")
    pair.laptop.finish("sync")
    assert refused(pair.desktop) == GOES
    pair.laptop.finish("sync")
    assert pair.shown(("areas", "people", "tags")) == [0] * 3
    pair.here.run(drop(*CHILDREN))
    pair.agree()


WAITS = {f"{table}/t": "it refers to a row that is not here" for table in ("towns", "letters", "tagged")}


def test_what_refers_to_nothing_anywhere_waits_where_that_is_checked(two):
    pair = Pair(*two)
    pair.here.run(drop("areas", "people", "tags"))
    pair.agree()
    pair.there.run(CHILD_ROWS.format("t"))
    pair.desktop.finish("sync")
    assert refused(pair.laptop) == WAITS and pending(pair.desktop) == {}
    said = pair.count()
    refused(pair.laptop)
    assert pair.count() == said, "and nobody writes anything"
    pair.here.run(PARENT_ROWS.format("again", 2).replace("INSERT INTO plain VALUES ('x', 'again');", ""))
    pair.agree()
    assert pair.shown(CHILDREN) == [1] * 4 and pair.sound()


ANEW = "CREATE TABLE anew ({1}); INSERT INTO anew SELECT * FROM {0}; DROP TABLE {0}; ALTER TABLE anew RENAME TO {0};"
NO_REFERENCES = (ANEW.format("towns", "id TEXT PRIMARY KEY, land TEXT, code TEXT, what TEXT")
                 + ANEW.format("letters", "id TEXT PRIMARY KEY, mail TEXT, what TEXT")
                 + ANEW.format("tagged", "id TEXT PRIMARY KEY, tag TEXT, what TEXT"))


@pytest.mark.parametrize("where", ["both", "here", "there"])
def test_what_is_deleted_since_the_references_were_dropped_stays_so(two, where):
    pair = Pair(*two)
    pair.here.run(CHILD_ROWS.format("t"))
    pair.agree()
    if where != "there":
        pair.here.run(NO_REFERENCES)
    if where != "here":
        pair.there.run(NO_REFERENCES)
    pair.agree()
    pair.here.run(drop("areas", "people", "tags"))
    pair.laptop.finish("sync")
    if where == "here":
        assert refused(pair.desktop) == GOES
    else:
        pair.agree()
    pair.laptop.sync()
    assert pair.shown(("areas", "people", "tags")) == [0] * 3 and pair.shown(CHILDREN) == [1] * 4


LANDS = """
CREATE TABLE lands (id TEXT PRIMARY KEY);
CREATE TABLE people (id TEXT PRIMARY KEY, mail TEXT UNIQUE, land TEXT REFERENCES lands);
CREATE TABLE letters (id TEXT PRIMARY KEY, mail TEXT REFERENCES people(mail));
CREATE TABLE others (id TEXT PRIMARY KEY);
"""


def test_one_that_stays_deleted_brings_nothing_else_back(two):
    laptop, desktop = two
    here = add(laptop, LANDS)
    laptop.sync()
    desktop.sync()
    there = add(desktop, LANDS, options=("--existing",))
    here.run("INSERT INTO lands VALUES ('l'); INSERT INTO people VALUES ('ann', 'x', 'l')")
    here.many("INSERT INTO others VALUES (?)", [(f"stays {i}",) for i in range(20)])
    both(laptop, desktop)
    here.run("DELETE FROM people; DELETE FROM lands; INSERT INTO people VALUES ('eve', 'x', NULL)")
    there.run("INSERT INTO letters VALUES ('new', 'x')")
    both(laptop, desktop)
    both(laptop, desktop)
    assert here.all("lands", "people", "letters") == there.all("lands", "people", "letters")
    assert here.rows("SELECT * FROM people") == [("eve", "x", None)] and here.rows("SELECT * FROM lands") == []


BOUND = """
CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, what TEXT);
CREATE TABLE letters (id TEXT PRIMARY KEY, mail TEXT NOT NULL REFERENCES people(mail) ON DELETE CASCADE);
CREATE TABLE others (id TEXT PRIMARY KEY);
"""
EXCHANGE = "".join(f"UPDATE people SET mail = '{mail}' WHERE id = {one};" for one, mail in ((1, "t"), (2, "x"), (1, "y")))


def test_letters_do_not_go_with_one_whose_address_another_one_has_by_now(two, make_device):
    """Deleted is where no letters are shown."""
    laptop, desktop = two
    tablet = make_device("tablet")
    laptop.pair(tablet)
    here = add(laptop, BOUND)
    for device in laptop, desktop, tablet:
        device.sync()
    there = add(desktop, BOUND, options=("--existing",))
    far = add(tablet, BOUND, options=("--existing", "--include", "people", "--include", "others"))
    here.run("INSERT INTO people VALUES (1, 'x', 'Ann'), (2, 'y', 'Eve')")
    here.many("INSERT INTO others VALUES (?)", [(f"stays {i}",) for i in range(20)])

    def agree():
        for device in (laptop, desktop, tablet) * 2:
            device.finish("sync")
        assert here.all("people", "letters") == there.all("people", "letters") and here.all("people") == far.all("people")

    agree()
    here.run(EXCHANGE)
    there.run("INSERT INTO letters VALUES ('new', 'x')")
    agree()
    far.run("DELETE FROM people WHERE mail = 'y'")
    agree()
    assert here.rows("SELECT * FROM letters") == [("new", "x")] and here.rows("SELECT mail FROM people") == [("x",)]
    assert here.sound() and there.sound()
