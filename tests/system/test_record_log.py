# SPDX-License-Identifier: Apache-2.0
"""The history of files and records, in one order, with the names that people know."""

import re

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import add as add_database

PEOPLE = "name,email,town\nanna,anna@example.org,Paris\nbert,bert@example.org,Rome\n"


def told(device, *arguments):
    """The newest last."""
    return [
        (event["collection"], event["change"], event["path"], event.get("fields", []))
        for event in reversed(device.json("log", *arguments)) if not event["collection"].startswith("(")
    ]


def test_a_file_and_a_record_in_one_order(two):
    laptop, desktop = two
    notes = laptop.add("notes", {"one.txt": "one\n"})
    people = laptop.source("people.csv")
    people.write_text(PEOPLE)
    laptop.json("add", str(people), "--collection", "people", "--format", "csv", "--key", "name")
    laptop.sync()
    begun = len(told(laptop))
    (notes / "one.txt").write_text("two\n")
    laptop.sync()
    people.write_text(PEOPLE.replace("Paris,", "Oslo,").replace("anna@example.org,Paris", "a@example.org,Oslo"))
    laptop.sync()
    (notes / "one.txt").rename(notes / "uno.txt")
    laptop.sync()
    people.write_text(people.read_text().replace("bert,bert@example.org,Rome\n", "cleo,,Bonn\n"))
    laptop.sync()
    expected = [
        ("notes", "edited", "one.txt", []),
        ("people", "edited", "anna", ["email", "town"]),
        ("notes", "moved", "uno.txt", []),
        ("people", "deleted", "bert", []),
        ("people", "new", "cleo", []),
    ]
    here = told(laptop)[begun:]
    assert here[:3] == expected[:3] and sorted(here[3:]) == expected[3:]
    desktop.sync()
    there = told(desktop)[begun:]
    assert there == here, "one order everywhere"
    text = laptop.run("log")
    assert 'people: edited anna: email "a@example.org", town "Oslo"' in text
    assert "(catalog): new people" in text and "settled" not in text, "what tables there are devices say by themselves"


def test_one_record_by_its_key(two):
    laptop, _ = two
    people = laptop.source("people.csv")
    people.write_text(PEOPLE)
    laptop.json("add", str(people), "--collection", "people", "--format", "csv", "--key", "name")
    laptop.sync()
    people.write_text(PEOPLE.replace("Rome", "Oslo"))
    laptop.sync()
    people.write_text(PEOPLE.replace("bert,bert@example.org,Rome\n", ""))
    laptop.sync()
    assert told(laptop, "people//bert") == [
        ("people", "new", "bert", []), ("people", "edited", "bert", ["town"]), ("people", "deleted", "bert", [])
    ]
    assert told(laptop, "people//bert", "-n", "1") == [("people", "deleted", "bert", [])]
    assert len(told(laptop, str(people))) == 4
    laptop.run("log", "people//nobody", code=3)
    laptop.run("log", "nothing//bert", code=3)
    assert told(laptop, "people//anna") == [("people", "new", "anna", [])]


ODD = r'''
CREATE TABLE "my people" (id TEXT PRIMARY KEY, "full name" TEXT); INSERT INTO "my people" VALUES ('a b', 1), ('e/f', 2), ('', 3), ('x
y', 4);
CREATE TABLE "a/b" (id INTEGER PRIMARY KEY, v); INSERT INTO "a/b" VALUES (1, 2);
CREATE TABLE "say ""hi""" (id TEXT PRIMARY KEY, v); INSERT INTO "say ""hi""" VALUES ('q"r', 2);
CREATE TABLE "größe" (id TEXT PRIMARY KEY, v); INSERT INTO "größe" VALUES ('ä', 1);
CREATE TABLE "x//y" (k TEXT, l TEXT, v, PRIMARY KEY (k, l)); INSERT INTO "x//y" VALUES ('k/l', 'm', 1);
CREATE TABLE "back\slash" (id BLOB PRIMARY KEY, v); INSERT INTO "back\slash" VALUES (x'00ff', 1), ('C:\x', 2);
CREATE TABLE "p*" (id REAL PRIMARY KEY, v); INSERT INTO "p*" VALUES (1.5, 2);
'''


def test_rows_are_found_by_the_names_that_are_shown(two):
    """Of tables that are called so that nobody would type it."""
    laptop, _ = two
    add_database(laptop, ODD, name="my book")
    laptop.sync()
    events = laptop.json("log", "my book")
    assert len(events) == 11
    for path in {one["path"] for one in events}:
        name = f"my book//{path}"
        assert [one["path"] for one in laptop.json("log", name)] == [path]
        assert laptop.json("status", name, f"{name}/v")["in_sync"]
        assert laptop.json("lock", name)["path"]
        laptop.run("unlock", name)
    for table in "my people", "a/b", 'say "hi"', "größe", "x//y", "back\\slash", "back\\\\slash", "p*":
        assert laptop.json("status", f"my book//{table}")["in_sync"]
    assert len(laptop.json("log", "my book//back\\slash/C:\\x")) == 1
    assert "no such record" in laptop.run("status", "my book//my people/zz", code=3)


def test_a_row_that_has_another_number_by_now_is_told_with_that(two):
    """Both count up to the same number: the one whose row gave way finds it in the log as what he sees."""
    laptop, desktop = two
    sheets = [device.source("sheet.csv") for device in two]
    for device, sheet, options in zip(two, sheets, ([], ["--existing"])):
        if not options:
            sheet.write_text("id,name\n1,Anna\n")
        device.json("add", str(sheet), "--collection", "people", "--format", "csv", "--key", "id", *options)
        device.sync()
    for device, sheet, name in zip(two, sheets, ("Bert", "Cleo")):
        sheet.write_text(f"id,name\n1,Anna\n2,{name}\n")
        device.sync()
    laptop.sync()
    assert sheets[0].read_text() == sheets[1].read_text() == "id,name\n1,Anna\n2,Bert\n3,Cleo\n"
    for device in two:
        lines = [line.split(" people: ", 1)[1] for line in device.run("log", "people").splitlines()]
        assert lines == ['new 2 (now 3)', 'new 2', 'new 1']
        assert [one.get("now") for one in device.json("log", "people")] == ["3", None, None]
        assert [one["device"] for one in device.json("log", "people//3")] == ["desktop"]


def test_a_value_that_was_kept_stays(two):
    """Of two in conflict: that the other one was given up empties nothing."""
    laptop, desktop = two
    people = laptop.source("people.csv")
    people.write_text(PEOPLE)
    laptop.json("add", str(people), "--collection", "people", "--format", "csv", "--key", "name")
    laptop.sync()
    desktop.sync()
    there = desktop.source("people.csv")
    desktop.json("add", str(there), "--existing", "--collection", "people", "--format", "csv", "--key", "name")
    desktop.sync()
    people.write_text(PEOPLE.replace("Rome", "Oslo"))
    there.write_text(there.read_text().replace("Rome", "Bern"))
    laptop.sync()
    desktop.sync(4)
    kept = next(line.rpartition(",")[2] for line in there.read_text().splitlines() if "bert@" in line)
    desktop.run("conflicts", "resolve", "people//bert/town", "--keep", "mine")
    desktop.sync()
    laptop.sync()
    assert f'edited bert: town stays "{kept}"' in laptop.run("log", "-n", "1")
    assert laptop.json("log", "-n", "1")[0]["values"] == [kept]
    given_up, = {"Oslo", "Bern"} - {kept}
    assert told_of_town(laptop)[0] == f'town: "{kept}" stays, "{given_up}" is given up'
    people.write_text(people.read_text().replace(kept, ""))
    laptop.sync()
    assert "edited bert: town nothing" in laptop.run("log", "-n", "1")
    assert told_of_town(laptop)[0] == f'town: "{kept}" -> nothing'
    people.write_text(people.read_text().replace("bert,bert@example.org,", "bert,bert@example.org,Genf"))
    laptop.sync()
    assert told_of_town(laptop)[0] == 'town: "Genf"'
    assert [line.rpartition("bert: ")[2] for line in laptop.run("log", "-n", "3").splitlines()] == ['town "Genf"', "town", "town"]
    assert [one["values"] for one in laptop.json("log", "-n", "3")] == [["Genf"], [None], [None]]


def told_of_town(device):
    """What the record's history says of it, newest first."""
    lines = device.run("show", "people//bert/town").splitlines()
    return [re.sub(r"^  \S+ \S+ \S+ ", "", line) for line in lines[lines.index("history, newest first:") + 1:]]
