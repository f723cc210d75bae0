# SPDX-License-Identifier: Apache-2.0
"""Some rows of a database only, while its program makes rows of its own: what refers to which row stays as each user made it."""

import json

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import add, both, pending

SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT);
CREATE TABLE phones (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE, number TEXT);
"""
ROWS = """
INSERT INTO people VALUES (1, 'Ann', 'friend'), (2, 'Bob', 'work'), (3, 'Cy', 'work');
INSERT INTO phones VALUES (1, 1, '+1'), (2, 2, '+2'), (3, 3, '+3');
"""
OWNERS = "SELECT name, number FROM people JOIN phones ON person = people.id ORDER BY number"
ALL = [("Ann", "+1"), ("Bob", "+2"), ("Cy", "+3")]
FRIENDS = "--include", "people//kind=friend", "--include", "phones"
ZOE = "INSERT INTO people(name, kind) VALUES ('Zoe', 'work');"
ZOE_50 = "INSERT INTO people VALUES (50, 'Zoe', 'work');"
HER_PHONE = "INSERT INTO phones(person, number) SELECT id, '+Z' FROM people WHERE name = 'Zoe';"


def share(two, *include):
    laptop, desktop = two
    here = add(laptop, SCHEMA)
    here.run(ROWS)
    laptop.sync()
    desktop.sync()
    there = add(desktop, SCHEMA, options=("--existing", *include))
    desktop.sync()
    return laptop, desktop, here, there


def owners(database):
    assert database.sound()
    return database.rows(OWNERS)


def says_the_same(device):
    """`status` tells what `sync` does; and besides, how many rows are here only."""
    done = device.finish("--json", "sync")
    synced = {one["path"]: one["reason"] for one in json.loads(done.stdout)["collections"][0]["pending"]}
    listed = pending(device)
    assert {path: reason for path, reason in listed.items() if path != "--include"} == synced
    assert device.finish("status", "--check").returncode == done.returncode
    return listed


def troubles(device):
    return {path: reason for path, reason in says_the_same(device).items() if path != "--include"}


def not_all(laptop, desktop):
    """The desktop has something to tell."""
    laptop.finish("sync")
    desktop.sync(1)
    laptop.sync()
    desktop.sync(1)


@pytest.fixture
def friends(two):
    laptop, desktop, here, there = share(two, *FRIENDS)
    assert owners(there) == ALL[:1]
    return laptop, desktop, here, there


@pytest.mark.parametrize("scripts", [[ZOE + HER_PHONE], [ZOE, HER_PHONE], [ZOE_50 + HER_PHONE]],
                         ids=["at once", "one after the other", "under a number of its own"])
def test_what_refers_to_a_row_that_is_left_out_is_left_out(friends, scripts):
    laptop, desktop, here, there = friends
    for script in scripts:
        there.run(script)
        both(laptop, desktop)
    assert owners(here) == ALL and owners(there) == [("Ann", "+1"), ("Zoe", "+Z")]
    assert troubles(desktop) == says_the_same(laptop) == {}
    assert "2 rows here match no pattern" in says_the_same(desktop)["--include"]
    there.run("UPDATE people SET kind = 'friend' WHERE name = 'Zoe'")
    both(laptop, desktop)
    assert owners(here) == [*ALL, ("Zoe", "+Z")] and owners(there) == [("Ann", "+1"), ("Zoe", "+Z")]
    assert says_the_same(desktop) == says_the_same(laptop) == {}


def test_a_row_keeps_what_it_referred_to_where_that_is_left_out_now(friends):
    laptop, desktop, here, there = friends
    there.run(ZOE + "UPDATE phones SET person = (SELECT id FROM people WHERE name = 'Zoe'), number = '+11'")
    not_all(laptop, desktop)
    assert owners(here) == [("Ann", "+11"), *ALL[1:]] and owners(there) == [("Zoe", "+11")]
    (path, reason), = troubles(desktop).items()
    assert path == "phones/1" and "person refers to a row" in reason and "let it refer to another row" in reason
    here.run("UPDATE people SET name = 'Anna' WHERE id = 1")
    not_all(laptop, desktop)
    assert there.rows("SELECT name FROM people ORDER BY id") == [("Anna",), ("Zoe",)]
    there.run("UPDATE phones SET person = 1")
    both(laptop, desktop)
    assert owners(here) == [("Anna", "+11"), *ALL[1:]] and owners(there) == [("Anna", "+11")]
    assert troubles(desktop) == {}


def test_a_row_that_was_moved_to_one_that_is_left_out_goes_with_it_once_all_is_asked_for(friends):
    laptop, desktop, here, there = friends
    there.run(ZOE + "UPDATE phones SET person = (SELECT id FROM people WHERE name = 'Zoe')")
    not_all(laptop, desktop)
    desktop.run("set", str(there.path), "--include", "*")
    both(laptop, desktop)
    both(laptop, desktop)
    assert owners(here) == owners(there) == [("Zoe", "+1"), *ALL[1:]]


def test_what_refers_to_a_row_in_whose_place_another_one_is_waits_for_it(friends):
    laptop, desktop, here, there = friends
    there.run(ZOE + HER_PHONE.replace("(person", "(id, person").replace("SELECT id,", "SELECT 40, id,"))
    desktop.sync()
    here.run("UPDATE people SET kind = 'friend' WHERE name = 'Bob'")
    not_all(laptop, desktop)
    assert owners(here) == ALL and owners(there) == [("Ann", "+1"), ("Zoe", "+Z")]
    listed = says_the_same(desktop)
    assert "not among those asked for" in listed["people/2"] and "can't be shown" in listed["phones/2"]
    assert listed["--include"].startswith("2 rows here match no pattern") and len(listed) == 3
    desktop.run("set", str(there.path), "--include", "*")
    both(laptop, desktop)
    both(laptop, desktop)
    assert owners(here) == owners(there) == [*ALL, ("Zoe", "+Z")]
    assert says_the_same(desktop) == says_the_same(laptop) == {}


def test_a_row_comes_once_the_one_in_its_place_is_gone(friends):
    laptop, desktop, here, there = friends
    there.run(ZOE)
    desktop.sync()
    here.run("UPDATE people SET kind = 'friend' WHERE name = 'Bob'")
    not_all(laptop, desktop)
    there.run("UPDATE people SET id = 60 WHERE name = 'Zoe'")
    both(laptop, desktop)
    assert owners(here) == ALL and owners(there) == ALL[:2]
    assert there.rows("SELECT id, name FROM people ORDER BY id") == [(1, "Ann"), (2, "Bob"), (60, "Zoe")]


SEVERAL = SCHEMA + """
CREATE TABLE places (name TEXT PRIMARY KEY, post TEXT UNIQUE);
CREATE TABLE homes (person INTEGER REFERENCES people(id) ON DELETE CASCADE, place TEXT REFERENCES places(name) ON UPDATE CASCADE,
 post TEXT REFERENCES places(post) ON DELETE SET NULL, PRIMARY KEY (person, place)) WITHOUT ROWID;
"""
SCRAPS = "CREATE TABLE scraps (person INTEGER REFERENCES people(id), text TEXT);"


@pytest.fixture
def parted(two):
    """The desktop has people and places; phones, homes and scraps are its own."""
    laptop, desktop = two
    here = add(laptop, SEVERAL)
    here.run(ROWS.split("INSERT INTO phones")[0] + "INSERT INTO places VALUES ('Ulm', '89'), ('Bonn', '53')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, SEVERAL + SCRAPS, options=("--existing", "--include", "people", "--include", "places"))
    desktop.sync()
    return laptop, desktop, here, there


def people(database):
    assert database.sound()
    return database.rows("SELECT id, name FROM people ORDER BY id")


def test_a_row_to_which_one_refers_that_is_not_synced_here_stays(parted):
    laptop, desktop, here, there = parted
    there.run("INSERT INTO phones VALUES (1, 1, 'own'); INSERT INTO homes VALUES (2, 'Ulm', NULL); INSERT INTO scraps VALUES (3, 'own')")
    desktop.sync()
    here.run("DELETE FROM people; DELETE FROM places")
    laptop.finish("sync", "--yes")
    desktop.finish("sync", "--yes")
    assert people(here) == [] and people(there) == [(1, "Ann"), (2, "Bob"), (3, "Cy")]
    assert there.rows("SELECT name FROM places") == [("Ulm",)]
    listed = says_the_same(desktop)
    assert set(listed) == {"people/1", "people/2", "people/3", "places/Ulm"}
    assert all("deleted elsewhere" in reason and "refer to it" in reason for reason in listed.values())
    there.run("DELETE FROM phones; DELETE FROM homes; DELETE FROM scraps")
    desktop.finish("sync", "--yes")
    assert people(there) == [] and there.rows("SELECT * FROM places") == [] and says_the_same(desktop) == {}


def test_a_row_stays_under_the_number_by_which_others_know_it(parted):
    laptop, desktop, here, there = parted
    there.run("INSERT INTO phones VALUES (1, 2, 'own')")
    desktop.sync()
    here.run("UPDATE people SET id = 77 WHERE id = 2; INSERT INTO people VALUES (2, 'Dan', 'new')")
    not_all(laptop, desktop)
    assert people(here) == [(1, "Ann"), (2, "Dan"), (3, "Cy"), (77, "Bob")] and people(there) == [(1, "Ann"), (2, "Bob"), (3, "Cy")]
    assert set(says_the_same(desktop)) == {"people/2", "people/77"}
    there.run("UPDATE people SET kind = 'old' WHERE name = 'Bob'")
    not_all(laptop, desktop)
    assert here.rows("SELECT id, kind FROM people WHERE name = 'Bob'") == [(77, "old")]
    there.run("UPDATE phones SET person = 3")
    both(laptop, desktop)
    assert people(there) == people(here) == [(1, "Ann"), (2, "Dan"), (3, "Cy"), (77, "Bob")]
    assert there.rows("SELECT person FROM phones") == [(3,)] and says_the_same(desktop) == {}


def test_a_row_keeps_the_value_by_which_others_know_it(parted):
    laptop, desktop, here, there = parted
    there.run("INSERT INTO homes VALUES (1, 'Bonn', '89')")
    desktop.sync()
    here.run("UPDATE places SET post = post || '0'")
    not_all(laptop, desktop)
    assert there.sound() and there.all("places")["places"] == [("Bonn", "530"), ("Ulm", "89")]
    assert "changed elsewhere" in says_the_same(desktop)["places/Ulm"]
    there.run("DELETE FROM homes")
    both(laptop, desktop)
    assert there.all("places") == here.all("places") and says_the_same(desktop) == {}


def test_what_is_asked_for_after_all_is_published_with_what_it_refers_to(parted):
    laptop, desktop, here, there = parted
    there.run("INSERT INTO phones VALUES (1, 1, 'own')")
    desktop.sync()
    here.run("DELETE FROM people WHERE id = 1")
    not_all(laptop, desktop)
    there.run("DROP TABLE scraps")
    desktop.run("set", str(there.path), "--include", "*")
    both(laptop, desktop)
    both(laptop, desktop)
    assert owners(here) == owners(there) == [("Ann", "own")]


WRITTEN = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, mail TEXT UNIQUE);
CREATE TABLE letters (id INTEGER PRIMARY KEY, mail TEXT REFERENCES people(mail));
"""


@pytest.mark.parametrize("letters", [(), ("--include", "letters//id=9")], ids=["none of them", "others of them"])
def test_a_row_of_ones_own_to_which_letters_refer_that_are_not_synced_is_another_one_s_elsewhere(two, letters):
    """Nobody changed it elsewhere, as nobody there ever had it: it is different here, and stays."""
    laptop, desktop = two
    here = add(laptop, WRITTEN)
    both(laptop, desktop)
    there = add(desktop, WRITTEN, options=("--existing", "--include", "people", *letters, "--mode", "receive"))
    both(laptop, desktop)
    there.run("INSERT INTO people VALUES (5, 'Zoe', 'x'); INSERT INTO letters VALUES (1, 'x')")
    here.run("INSERT INTO people VALUES (5, 'Ann', 'y')")
    laptop.sync()
    desktop.sync(1)
    assert pending(desktop)["people/5"].startswith("it is different here; this source only receives")
    assert there.all("people", "letters") == {"people": [(5, "Zoe", "x")], "letters": [(1, "x")]} and there.sound()
    there.run("DELETE FROM letters; DELETE FROM people")
    both(laptop, desktop)
    assert there.all("people") == here.all("people") and "people/5" not in says_the_same(desktop)


RATES = """
CREATE TABLE rates (currency TEXT, day INTEGER, value REAL, code TEXT, UNIQUE (code), PRIMARY KEY (currency, day)) WITHOUT ROWID;
CREATE TABLE bills (id INTEGER PRIMARY KEY, currency TEXT, day INTEGER, code TEXT REFERENCES rates(code), kind TEXT,
 FOREIGN KEY (currency, day) REFERENCES rates);
"""


@pytest.fixture
def bills(two):
    """Each device has bills of its own; those of kind shared are on both."""
    laptop, desktop = two
    here = add(laptop, RATES)
    here.run("INSERT INTO rates VALUES ('EUR', 1, 1.5, 'e1'), ('EUR', 2, 1.6, 'e2'), ('USD', 1, 2.5, 'u1');"
             "INSERT INTO bills VALUES (1, 'EUR', 2, NULL, 'shared')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, RATES, options=("--existing", "--include", "rates", "--include", "bills//kind=shared"))
    both(laptop, desktop)
    return laptop, desktop, here, there


def rated(device):
    return {path: reason for path, reason in troubles(device).items() if path.startswith("rates/")}


def rates(database):
    assert database.sound()
    return database.rows("SELECT currency, day, value FROM rates ORDER BY currency, day")


@pytest.mark.parametrize("own", ["'EUR', 1, NULL", "NULL, NULL, 'e1'"], ids=["several columns", "no key"])
def test_a_row_stays_that_one_refers_to_by_more_than_a_key(bills, own):
    laptop, desktop, here, there = bills
    there.run(f"INSERT INTO bills VALUES (50, {own}, 'own')")
    desktop.sync()
    here.run("DELETE FROM rates WHERE currency = 'EUR' AND day = 1; UPDATE rates SET value = 3 WHERE currency = 'USD';"
             "DELETE FROM bills; DELETE FROM rates WHERE day = 2")
    laptop.finish("sync", "--yes")
    desktop.finish("sync", "--yes")
    desktop.sync(1)
    assert rates(there) == [("EUR", 1, 1.5), ("USD", 1, 3)]
    assert there.rows("SELECT id FROM bills") == [(50,)]
    (path, reason), = rated(desktop).items()
    assert path == 'rates/["EUR",1]' and "refer to it" in reason
    assert rates(here) == [("USD", 1, 3)]
    there.run("DELETE FROM bills")
    both(laptop, desktop)
    assert rates(there) == rates(here) and rated(desktop) == {}


def test_a_row_keeps_what_several_columns_refer_to(bills):
    laptop, desktop, here, there = bills
    there.run("INSERT INTO bills VALUES (50, NULL, NULL, 'e1', 'own'), (51, 'USD', 1, NULL, 'own')")
    desktop.sync()
    here.run("UPDATE rates SET code = code || '0'")
    not_all(laptop, desktop)
    assert there.sound() and there.rows("SELECT code FROM rates ORDER BY code") == [("e1",), ("e20",), ("u10",)]
    (path, reason), = rated(desktop).items()
    assert path == 'rates/["EUR",1]' and "changed elsewhere" in reason
    there.run("DELETE FROM bills WHERE id = 50")
    both(laptop, desktop)
    assert there.all("rates") == here.all("rates") and rated(desktop) == {}


def test_what_refers_by_several_columns_to_a_row_that_is_left_out_is_left_out(two):
    laptop, desktop = two
    here = add(laptop, RATES)
    here.run("INSERT INTO rates VALUES ('EUR', 1, 1.5, 'e1'), ('GBP', 1, 3.5, 'g1'); INSERT INTO bills VALUES (7, 'GBP', 1, NULL, 'g')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, RATES, options=("--existing", "--include", "rates//currency=EUR", "--include", "bills"))
    both(laptop, desktop)
    assert there.sound() and there.rows("SELECT kind FROM bills") == []
    there.run("INSERT INTO rates VALUES ('USD', 1, 2.5, 'u1'); INSERT INTO bills VALUES (1, 'USD', 1, NULL, 'x'), (2, 'EUR', 1, NULL, 'y')")
    both(laptop, desktop)
    assert here.sound() and here.rows("SELECT kind FROM bills ORDER BY kind") == [("g",), ("y",)]
    assert troubles(desktop) == troubles(laptop) == {}
    there.run("UPDATE bills SET currency = 'USD', kind = 'Y' WHERE kind = 'y'")
    not_all(laptop, desktop)
    assert here.rows("SELECT currency, day FROM bills WHERE kind = 'Y'") == [("EUR", 1)] and here.sound()
    (path, reason), = troubles(desktop).items()
    assert path == "bills/2" and "currency refers to a row" in reason
    desktop.run("set", str(there.path), "--include", "*")
    both(laptop, desktop)
    both(laptop, desktop)
    assert rates(here) == rates(there) == [("EUR", 1, 1.5), ("GBP", 1, 3.5), ("USD", 1, 2.5)]
    bills = "SELECT kind, currency FROM bills ORDER BY kind"
    assert here.rows(bills) == there.rows(bills) == [("Y", "USD"), ("g", "GBP"), ("x", "USD")]


SWAP = "UPDATE phones SET id = 100 WHERE id = 1; UPDATE phones SET id = 1 WHERE id = 4; UPDATE phones SET id = 4 WHERE id = 100;"
REUSE = "UPDATE phones SET id = 50 WHERE id = 1; UPDATE phones SET id = 1 WHERE id = 4;"
HOME, WORK = ("Ann", "home", "+1"), ("Eve", "work", "+4")


@pytest.mark.parametrize("moves, stray, told", [
    (SWAP, "number = '+1'", {1: WORK, 4: HOME}),
    (SWAP, "number = '+4'", {1: WORK, 4: HOME}),
    (SWAP, "1", {1: WORK, 4: HOME}),
    (REUSE, "number = '+4'", {1: WORK, 50: HOME}),
    (REUSE, "number = '+1'", {1: WORK}),
    (SWAP + "UPDATE phones SET number = '+11' WHERE id = 4;", "id = 4", {1: WORK}),
    (SWAP + "UPDATE phones SET number = '+44' WHERE id = 1;", "id = 1", {4: HOME}),
    (SWAP + "UPDATE phones SET number = number || '0';", "1", {1: HOME, 4: WORK}),
], ids=["first", "second", "both", "reused", "new key", "first edited", "second edited", "both edited"])
def test_rows_whose_keys_change_while_they_refer_to_one_that_is_left_out(two, moves, stray, told):
    """What is another row by all it says is new, as ever, and then stays here with what it refers to."""
    laptop, desktop = two
    schema = SCHEMA.replace("number TEXT", "kind TEXT, number TEXT")
    here = add(laptop, schema)
    here.run("INSERT INTO people VALUES (1, 'Ann', 'friend'), (2, 'Bob', 'work'), (3, 'Eve', 'friend');"
             "INSERT INTO phones VALUES (1, 1, 'home', '+1'), (2, 2, 'home', '+2'), (4, 3, 'work', '+4')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing", *FRIENDS))
    desktop.sync()
    there.run(ZOE + moves + f"UPDATE phones SET person = (SELECT id FROM people WHERE name = 'Zoe') WHERE {stray}")
    rows = "SELECT phones.id, name, phones.kind, number FROM phones JOIN people ON people.id = person ORDER BY phones.id"
    mine = there.rows(rows)
    for _ in range(2):
        desktop.finish("sync")
        laptop.sync()
    assert {row[0]: row[1:] for row in here.rows(rows)} == {2: ("Bob", "home", "+2"), **told} and here.sound()
    assert there.rows(rows) == mine and there.sound()
    listed = says_the_same(desktop)
    assert len(listed) > 0 and says_the_same(laptop) == {}
    there.run("UPDATE people SET kind = 'friend' WHERE name = 'Zoe'")
    both(laptop, desktop)
    assert there.rows(rows) == mine
    assert here.rows(rows) == sorted([*mine, (2, "Bob", "home", "+2")])
    assert says_the_same(desktop) == says_the_same(laptop) == {}


TO_100 = "UPDATE people SET id = 100 WHERE id = 1; UPDATE phones SET person = 100 WHERE person = 1;"


@pytest.mark.parametrize("changed, number, label", [("1", "1", "home"), ("9", "5", "home"), ("9", "5", "work")],
                         ids=["as it was", "changed", "nothing as it was"])
def test_a_row_in_the_place_of_one_that_both_gave_another_key_is_new(friends, changed, number, label):
    """By its key it looks like the one that was there, which refers to a row that is left out by now."""
    laptop, desktop, here, there = friends
    for database in here, there:
        database.run("ALTER TABLE phones ADD COLUMN label TEXT DEFAULT 'home'")
    both(laptop, desktop)
    steps = ["UPDATE phones SET id = 9 WHERE id = 1;", f"UPDATE phones SET number = '+{changed}' WHERE id = 9;"]
    for step in steps:
        here.run(step)
        laptop.sync()
    there.run("".join(steps) + ZOE_50 + f"INSERT INTO phones VALUES (1, 50, '+{number}', '{label}')")
    assert desktop.finish("sync").returncode >= 0
    both(laptop, desktop)
    hers = ("Ann", f"+{changed}")
    assert sorted(owners(here)) == sorted([hers, *ALL[1:]]) and sorted(owners(there)) == sorted([hers, ("Zoe", f"+{number}")])
    assert troubles(desktop) == says_the_same(laptop) == {}
    there.run("UPDATE people SET kind = 'friend' WHERE name = 'Zoe'")
    both(laptop, desktop)
    assert sorted(owners(here)) == sorted([hers, *ALL[1:], ("Zoe", f"+{number}")])


@pytest.mark.parametrize("typed, others", [
    (TO_100 + "INSERT INTO people VALUES (1, 'Zoe', 'work'); INSERT INTO phones(person, number) VALUES (1, '+Z');",
     [("Ann", "+1"), *ALL[1:], ("Zoe", "+Z")]),
    ("DELETE FROM phones; DELETE FROM people; INSERT INTO people(name, kind) VALUES ('Zoe', 'work');" + HER_PHONE, [*ALL[1:], ("Zoe", "+Z")]),
], ids=["of one that moved", "of one that is gone"])
def test_a_new_row_that_has_the_key_of_a_synced_one_is_published_and_goes(friends, typed, others):
    laptop, desktop, here, there = friends
    there.run(typed)
    both(laptop, desktop)
    assert owners(here) == others and owners(there) == others[:-3], "it is with the others, whoever it refers to"
    assert here.rows("SELECT kind FROM people WHERE name = 'Zoe'") == [("work",)]
    assert [path for path in says_the_same(desktop) if not path.startswith("--include ")] == [] and says_the_same(laptop) == {}
    desktop.run("set", str(there.path), "--include", "*")
    both(laptop, desktop)
    assert owners(there) == owners(here) == others
