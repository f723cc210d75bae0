# SPDX-License-Identifier: Apache-2.0
"""Two databases that have rows already, under the same counted keys: `add` asks whether these are the same."""

from counterfoil import broker, make_device, two  # noqa: F401
from family import at_terminal
from test_sqlite import ADDRESS_BOOK, Database, add, both, pending

BOOK = """
INSERT INTO people(id, name, born) VALUES (1, 'Ann', 1970), (2, 'Bob', {}), (3, '{}', 1990);
INSERT INTO phones(person, kind, number) VALUES (1, 'home', '+1'), (2, 'home', '{}'), (3, 'work', '{}');
INSERT INTO groups VALUES (1, '{}');
INSERT INTO members VALUES (1, 1), (3, 1);
"""
MINE = BOOK.format(1980, "Cleo", "+2", "+3", "friends")
THEIRS = BOOK.format(1988, "Dora", "+22", "+33", "choir") + "INSERT INTO people(id, name, born) VALUES (4, 'Emil', 2000)"
LISTED = "groups/1/title", "people/2/born", "people/3/name", "phones/2/number", "phones/3/number"
TABLES = "people", "phones", "groups", "members"
TOLD = "SELECT name, born, kind, number FROM people LEFT JOIN phones ON person = people.id"
JOINED = "SELECT name, title FROM members JOIN people ON person = people.id JOIN groups ON grp = groups.id"


def meeting(two):
    laptop, desktop = two
    here = add(laptop, ADDRESS_BOOK + MINE)
    laptop.sync()
    desktop.sync()
    there = Database(desktop.folder / "desktop-book.db").run(ADDRESS_BOOK + THEIRS)
    return laptop, desktop, here, there, ("add", str(there.path), "--format", "sqlite", "--collection", "book")


def expect_both(here, there, told, joined):
    assert here.all(*TABLES) == there.all(*TABLES)
    for database in (here, there):
        assert sorted(database.rows(TOLD), key=repr) == told
        assert sorted(database.rows(JOINED)) == joined
        assert database.sound()


def expect_new_ones_apart(laptop, desktop, here, there, code):
    """What was answered goes for what was there at first."""
    count, = here.rows("SELECT max(id) + 1 FROM people")[0]
    for database, name in (here, "Fay"), (there, "Gus"):
        database.run(f"INSERT INTO people(id, name) VALUES ({count}, '{name}');"
                     f"INSERT INTO phones(person, number) VALUES ({count}, 'of {name}')")
    both(laptop, desktop, code)
    assert here.all(*TABLES) == there.all(*TABLES) and here.sound()
    new = here.rows("SELECT name, number FROM people JOIN phones ON person = people.id WHERE number LIKE 'of %'")
    assert sorted(new) == [("Fay", "of Fay"), ("Gus", "of Gus")]
    assert pending(laptop) == pending(desktop) == {}


def test_rows_that_are_others_keep_their_own(two):
    laptop, desktop, here, there, command = meeting(two)
    before = there.path.read_bytes()
    said = desktop.run(*command, code=2)
    assert "5 rows" in said and "--rows same" in said and "--rows apart" in said
    assert "unknown answer 'maybe'" in desktop.run(*command, "--rows", "maybe", code=2)
    assert desktop.json("status")["collections"] == [], "nothing is done before the answer"
    assert there.path.read_bytes() == before
    told = desktop.json(*command, "--rows", "apart")
    assert (told["meeting"], told["different"], told["only_here"], told["only_there"]) == (5, 5, 1, 0)
    both(laptop, desktop)
    expect_both(here, there, [
        ("Ann", 1970, "home", "+1"), ("Bob", 1980, "home", "+2"), ("Bob", 1988, "home", "+22"), ("Cleo", 1990, "work", "+3"),
        ("Dora", 1990, "work", "+33"), ("Emil", 2000, None, None),
    ], [("Ann", "choir"), ("Ann", "friends"), ("Cleo", "friends"), ("Dora", "choir")])
    assert here.rows("SELECT name FROM people WHERE id < 4 ORDER BY id") == [("Ann",), ("Bob",), ("Cleo",)], "the first stay"
    assert desktop.json("status")["collections"][0]["conflicts"] == []
    expect_new_ones_apart(laptop, desktop, here, there, 0)


def test_rows_that_are_the_same_merge_as_the_user_says_at_a_terminal(two):
    laptop, desktop, here, there, command = meeting(two)
    code, said = at_terminal(desktop, command, [("[y/N]", "yes")])
    assert code == 0 and "5 rows here have the numbers of others there" in said
    both(laptop, desktop, 4)
    expect_both(here, there, [
        ("Ann", 1970, "home", "+1"), ("Bob", 1988, "home", "+22"), ("Dora", 1990, "work", "+33"), ("Emil", 2000, None, None),
    ], [("Ann", "choir"), ("Dora", "choir")])
    for device in laptop, desktop:
        listed = {one["path"]: one["device"] for one in device.json("status")["collections"][0]["conflicts"]}
        assert listed == dict.fromkeys(LISTED, "laptop"), "nothing is lost"
    expect_new_ones_apart(laptop, desktop, here, there, 4)
