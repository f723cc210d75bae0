# SPDX-License-Identifier: Apache-2.0
"""A record in an old copy with edits of its own, added by a device that is late or once more by one that had removed it:
what is only old in it comes up to date field by field, and what was edited there stands beside what the others have."""

import csv
import json
import re
import shutil
import sqlite3

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401

FIRST = dict(a=1, b=1, c=1, d=1)
OTHERS = dict(a=2, c=1, d=2, m=1)  # a and d are edited, b is taken away, m is new
COPY = dict(a=1, b=1, c=2, d=3, n=1)  # c and d are edited, n is new
MERGED = dict(a=2, c=2, d=3, m=1, n=1)


class Csv:
    name, options = "r.csv", ("--format", "csv", "--key", "k")

    def write(self, path, values):
        path.write_text("k,a,b,c,d,m,n\nx," + ",".join(str(values.get(name, "")) for name in "abcdmn") + "\n")

    def read(self, path):
        (row,) = csv.DictReader(path.open())
        return {name: int(row[name]) for name in "abcdmn" if row[name]}


class Json:
    name, options = "r.json", ("--format", "json")

    def write(self, path, values):
        path.write_text(json.dumps(values))

    def read(self, path):
        return json.loads(path.read_text())


class Lines:
    """Each field is a line, with the number in it."""

    def write(self, path, values):
        lines = [self.lines[name] % values[name] for name in values]
        path.write_text("\r\n".join([*self.head, *lines, *self.end, ""]), newline="")

    def read(self, path):
        found = {}
        for name, line in self.lines.items():
            numbers = re.findall("^" + re.escape(line).replace("%d", r"(\d)"), path.read_text(), re.M)
            assert len(numbers) < 2, path.read_text()
            found |= {name: int(number) for number in numbers}
        return found


class Vcard(Lines):
    name, options = "r.vcf", ("--format", "vcard")
    head = ["BEGIN:VCARD", "VERSION:4.0", "UID:u", "FN:Ann"]
    end = ["END:VCARD"]
    lines = dict(a="TEL:+1 %d", b="NOTE:%d", c="ANNIVERSARY:200%d0101", d="BDAY:199%d0101", m="TITLE:%d", n="ROLE:%d")


class Icalendar(Lines):
    name, options = "r.ics", ("--format", "icalendar")
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:e", "DTSTAMP:20260101T000000Z",
            "DTSTART:20261005T100000Z", "DTEND:20261005T110000Z"]
    end = ["END:VEVENT", "END:VCALENDAR"]
    lines = dict(a="LOCATION:%d", b="DESCRIPTION:%d", c="SUMMARY:%d", d="PRIORITY:%d", m="URL:http://h/%d", n="X-N:%d")


class Database:
    name, options = "r.db", ("--format", "sqlite")
    key = "k text primary key"

    def write(self, path, values):
        base = sqlite3.connect(path)
        with base:
            base.execute(f"create table if not exists t ({self.key}, a, b, c, d, m, n)")
            base.execute("insert into t (k) values (7) on conflict do nothing")
            base.execute("update t set (a, b, c, d, m, n) = (?, ?, ?, ?, ?, ?)", [values.get(name) for name in "abcdmn"])
        base.close()

    def read(self, path):
        base = sqlite3.connect(path)
        (row,) = base.execute("select a, b, c, d, m, n from t")
        base.close()
        return {name: value for name, value in zip("abcdmn", row) if value is not None}


class Counted(Database):
    """Its row has a number, which the user says is the same row everywhere."""

    key = "k integer primary key"
    again = ("--rows", "same")


@pytest.fixture(params=[Csv, Json, Vcard, Icalendar, Database, Counted], ids=lambda kind: kind.__name__.lower())
def kind(request):
    return request.param()


def rows(path, *statements):
    base = sqlite3.connect(path)
    with base:
        for statement in statements[:-1]:
            base.execute(statement)
    found = base.execute(statements[-1]).fetchall()
    base.close()
    return found


def expect_merged(kind, here, there, laptop, desktop):
    assert len(desktop.sync(4)["collections"][0]["conflicts"]) == 2  # c and d
    assert len(laptop.sync(4)["collections"][0]["conflicts"]) == 2
    assert kind.read(here) == kind.read(there) == MERGED
    desktop.json("conflicts", "resolve", "r//*", "--keep", "1")
    both(desktop, laptop)
    assert kind.read(here) == kind.read(there) == MERGED


def add(device, kind, path, *more):
    return device.json("add", str(path), "--collection", "r", *kind.options, *more)


def test_a_late_copy_brings_its_own_edits_alone(two, kind):
    laptop, desktop = two
    here, there = (device.source(kind.name) for device in two)
    kind.write(here, FIRST)
    add(laptop, kind, here)
    laptop.sync()
    shutil.copy(here, there)
    kind.write(here, OTHERS)
    laptop.sync()
    desktop.sync()
    kind.write(there, COPY)
    assert add(desktop, kind, there, "--existing", *getattr(kind, "again", ()))["different"] == 1
    expect_merged(kind, here, there, laptop, desktop)


def test_what_was_removed_and_edited_apart_is_added_again(two, kind):
    laptop, desktop = two
    here, there = (device.source(kind.name) for device in two)
    kind.write(here, FIRST)
    add(laptop, kind, here)
    laptop.sync()
    shutil.copy(here, there)
    desktop.sync()
    add(desktop, kind, there, "--existing")
    both(desktop, laptop)
    desktop.run("remove", "r")
    kind.write(here, OTHERS)
    laptop.sync()
    kind.write(there, COPY)
    add(desktop, kind, there, "--existing", *getattr(kind, "again", ()))
    expect_merged(kind, here, there, laptop, desktop)


def test_of_a_set_what_is_old_goes_and_what_is_new_stays(two):
    """One telephone number was changed, one is the copy's, one was there all the time, and one came meanwhile."""
    laptop, desktop = two
    here, there = (device.source("r.vcf") for device in two)
    kind = Vcard()

    def card(*numbers):
        return "\r\n".join([*kind.head, *(f"TEL:{number}" for number in numbers), *kind.end, ""])

    here.write_text(card(1, 2), newline="")
    add(laptop, kind, here)
    laptop.sync()
    here.write_text(card(10, 2), newline="")
    laptop.sync()
    here.write_text(card(10, 2, 4), newline="")
    laptop.sync()
    there.write_text(card(1, 2, 3), newline="")
    desktop.sync()
    add(desktop, kind, there, "--existing")
    both(desktop, laptop)
    assert [sorted(re.findall("TEL:(.*)", path.read_text())) for path in (here, there)] == 2 * [["10", "2", "3", "4"]]


@pytest.mark.parametrize("key", ["text", "integer"])
def test_what_refers_to_a_row_that_is_different_comes_up_to_date(two, key):
    """The phone in the copy is as it was, but for its kind; Ann, whose it is, says something of her own there."""
    laptop, desktop = two
    here, there = (device.source("r.db") for device in two)
    kind = Counted() if key == "integer" else Database()
    everything = "select name, number, kind from phone join person on person.k = person"

    rows(here, f"create table person (k {key} primary key, name)",
       f"create table phone (k {key} primary key, person {key} references person (k), number, kind)",
       "insert into person values (7, 'Ann')", "insert into phone values (5, 7, 1, 'home')", everything)
    add(laptop, kind, here)
    laptop.sync()
    shutil.copy(here, there)
    rows(here, "update phone set number = 2", everything)
    laptop.sync()
    rows(there, "update phone set kind = 'work'", "update person set name = 'Anna'", everything)
    desktop.sync()
    add(desktop, kind, there, "--existing", *getattr(kind, "again", ()))
    both(desktop, laptop, 4)
    assert rows(here, everything) == rows(there, everything) == [("Anna", 2, "work")]


def test_rows_of_one_number_that_are_two_stay_so(two):
    """Where numbers say nothing, as the user says, nor does what is old in a row of one."""
    laptop, desktop = two
    here, there = (device.source("r.db") for device in two)
    kind, options = Database(), ("--natural-key", "named.guid")
    tables = [f"create table {name} (k integer primary key, guid text, title, seen)" for name in ("named", "counted")]
    everything = "select * from named, counted order by 2, 6"

    def fill(path, guid, seen):
        filled = [f"insert into {name} values (1, '{guid}', 't', {seen})" for name in ("named", "counted")]
        rows(path, *tables, *filled, everything)

    fill(here, "a", 0)
    add(laptop, kind, here, *options)
    laptop.sync()
    rows(here, "update named set seen = 1", "update counted set seen = 1", everything)
    laptop.sync()
    fill(there, "b", 0)
    desktop.sync()
    add(desktop, kind, there, "--existing", "--rows", "apart", *options)
    both(desktop, laptop)
    assert rows(here, everything) == rows(there, everything)
    assert [row[1:4] for row in rows(here, everything)] == 2 * [("a", "t", 1)] + 2 * [("b", "t", 0)]


def test_a_text_that_names_rows_tells_them_apart_whatever_their_numbers(two):
    laptop, desktop = two
    here, there = (device.source("r.db") for device in two)
    kind, options = Database(), ("--natural-key", "t.guid")
    table = "create table t (k integer primary key, guid text, title, seen)"
    everything = "select guid, title, seen from t order by 1"
    rows(here, table, "insert into t values (1, 'a', 't', 0)", everything)
    add(laptop, kind, here, *options)
    laptop.sync()
    rows(here, "update t set seen = 1", everything)
    laptop.sync()
    rows(there, table, "insert into t values (1, 'b', 't', 0)", everything)
    desktop.sync()
    add(desktop, kind, there, "--existing", "--rows", "same", *options)
    both(desktop, laptop)
    assert rows(here, everything) == rows(there, everything) == [("a", "t", 1), ("b", "t", 0)]


class Members:
    """Two persons, and a team in which the first is; the desktop has the copy."""

    everything = "select * from member order by person"

    def __init__(self, two):
        self.laptop, self.desktop = two
        self.here, self.there = (device.source("r.db") for device in two)
        self.change(
            self.here, "create table person (id integer primary key, name)",
            "create table team (id integer primary key, name)",
            "create table member (team integer references team (id), person integer references person (id), "
            "role, note, since, primary key (team, person))",
            "insert into person values (1, 'Ann'), (3, 'Bob')", "insert into team values (2, 'T')",
            "insert into member values (2, 1, 'x', 'n', 1)")
        add(self.laptop, Database(), self.here)
        self.laptop.sync()
        shutil.copy(self.here, self.there)

    def change(self, path, *statements):
        return rows(path, *statements, self.everything)

    def add_copy(self, rows_are, code):
        self.desktop.sync()
        add(self.desktop, Database(), self.there, "--existing", "--rows", rows_are)
        both(self.desktop, self.laptop, code)
        assert self.change(self.here) == self.change(self.there)
        return self.change(self.here)


@pytest.mark.parametrize("rows_are", ["same", "apart"])
def test_a_row_that_joins_others_is_what_it_joins(two, rows_are):
    """Whatever the user says of numbers."""
    members = Members(two)
    members.change(members.here, "update member set role = 'y', note = null")
    members.laptop.sync()
    members.change(members.there, "update member set since = 3")
    assert members.add_copy(rows_are, 4) == [(2, 1, "y", None, 3)]


def test_a_row_that_joins_something_else_is_another_one(two, make_device):
    """Ann has another number by now, which one gave her who has no members, and Cid has hers: his membership has the
    numbers that hers had when it was made."""
    members, tablet = Members(two), make_device("tablet")
    members.laptop.pair(tablet)
    tablet.sync()
    persons = tablet.source("r.db")
    rows(persons, "create table person (id integer primary key, name)", "select 1")
    tablet.json("add", str(persons), "--collection", "r", "--format", "sqlite", "--existing")
    tablet.sync()
    rows(persons, "update person set id = 5 where id = 1", "select 1")
    tablet.sync()
    rows(persons, "insert into person values (1, 'Cid')", "select 1")
    both(tablet, members.laptop)
    members.change(members.here, "update member set role = 'y'")
    members.laptop.sync()
    members.change(members.there, "update person set id = 5 where id = 1", "insert into person values (1, 'Cid')",
                   "update member set since = 9")
    assert members.add_copy("same", 0) == [(2, 1, "x", "n", 9), (2, 5, "y", "n", 1)]
