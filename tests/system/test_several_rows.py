# SPDX-License-Identifier: Apache-2.0
"""Several tables of one collection on one device: CSV, JSON, databases, and a folder of vCards beside one; columns that
come later."""

import json
import sqlite3

import pytest

from cards import card, edit, entries, fill, items, write
from counterfoil import make_device  # noqa: F401
from several_scene import alone, cards  # noqa: F401

CSV = ("--format", "csv", "--key", "id")


def add(device, name, content, *options):
    path = device.source(name)
    path.write_text(content)
    return path, device.json("add", str(path), "--collection", "rows", *CSV, *options)


def rows(path):
    return {line.split(",", 1)[0]: line.split(",", 1)[1] for line in path.read_text().splitlines()[1:]}


def test_numbers_given_in_both(alone):
    first, told = add(alone, "a.csv", "id,name\n1,Anna\n2,Bert\n", "--serial")
    path = alone.source("b.csv")
    path.write_text("id,name\n1,Anna\n2,Berta\n")
    again = ("add", str(path), "--collection", "rows", *CSV)
    assert "`counterfoil sync` first" in alone.run(*again, code=1)
    alone.sync()
    assert "say --rows same" in alone.run(*again, code=2)
    assert alone.json(*again, "--rows", "apart")["meeting"] == 1
    alone.sync()
    assert rows(first) == rows(path) == {"1": "Anna", "2": "Bert", "3": "Berta"}
    first.write_text(first.read_text() + "4,Cleo\n")
    path.write_text(path.read_text() + "4,Dora\n")
    alone.sync()
    assert rows(first) == rows(path) and sorted(rows(first).values()) == ["Anna", "Bert", "Berta", "Cleo", "Dora"]
    before = entries(alone)
    alone.sync()
    assert entries(alone) == before


def test_numbers_that_are_the_same_merge(alone):
    first, told = add(alone, "a.csv", "id,name\n1,Anna\n2,Bert\n", "--serial")
    alone.sync()
    second, told = add(alone, "b.csv", "id,name\n1,Anna\n2,Berta\n", "--rows", "same")
    alone.sync(4)
    assert rows(first) == rows(second) == {"1": "Anna", "2": "Berta"}


def test_csv_beside_json(alone):
    first, told = add(alone, "a.csv", "id,name,town\na,Anna,Ulm\nb,Bert,Bonn\n")
    alone.sync()
    second = alone.source("b.json")
    alone.json("add", str(second), "--collection", "rows", "--format", "json", "--key", "id")
    alone.sync()
    assert json.loads(second.read_text()) == [{"id": "a", "name": "Anna", "town": "Ulm"},
                                              {"id": "b", "name": "Bert", "town": "Bonn"}]
    first.write_text(first.read_text().replace("Ulm", "Wien"))
    document = json.loads(second.read_text())
    document[1]["note"] = "the table gets a column for it"
    second.write_text(json.dumps(document, indent=1))
    alone.sync()
    assert json.loads(second.read_text())[0]["town"] == "Wien"
    assert json.loads(second.read_text())[1]["note"].startswith("the table")
    assert first.read_text() == "id,name,town,note\na,Anna,Wien,\nb,Bert,Bonn,the table gets a column for it\n"
    first.write_text(first.read_text().replace("Bert", "Berta"))
    alone.sync()
    assert json.loads(second.read_text())[1] == {"id": "b", "name": "Berta", "town": "Bonn",
                                                 "note": "the table gets a column for it"}
    before = entries(alone)
    alone.sync()
    assert entries(alone) == before


def make_database(path, *statements):
    database = sqlite3.connect(path)
    database.executescript("CREATE TABLE people(id TEXT PRIMARY KEY, name TEXT, photo BLOB);" + "".join(statements))
    database.commit()
    database.close()


def select(path):
    database = sqlite3.connect(path)
    found = database.execute("SELECT id, name FROM people ORDER BY id").fetchall()
    database.close()
    return found


def test_a_table_beside_a_folder_of_vcards(alone):
    """The poorer format shows a part; the richer one keeps the rest."""
    lines = "EMAIL;TYPE=home:anna@example.org", "TEL;TYPE=cell:+49 1", "X-LUCKY:7", "NOTE:first"
    folder, table = fill(alone.source("people"), {"anna.vcf": card("anna", "Anna", *lines)}), alone.source("people.csv")
    alone.json("add", str(folder), "--collection", "people", "--format", "vcard")
    alone.sync()
    told = alone.json("add", str(table), "--collection", "people", "--format", "csv")
    assert told["beside"] == [str(folder)] and told["only_there"] == 1
    alone.sync()
    edit(table, "anna@example.org", "anna@new.example")
    edit(folder / "anna.vcf", "+49 1", "+49 2")
    alone.sync()
    assert items(folder)["anna.vcf"] == card("anna", "Anna", "EMAIL;TYPE=home:anna@new.example", "TEL;TYPE=cell:+49 2",
                                             "X-LUCKY:7", "NOTE:first")
    assert "anna@new.example" in table.read_text() and "+49 2" in table.read_text()
    before = entries(alone), table.read_text()
    alone.sync()
    assert (entries(alone), table.read_text()) == before
    table.write_text(table.read_text() + "bert,Bert" + "," * (table.read_text().count(",") // 2 - 1) + "\n")
    alone.sync()
    assert sorted(cards(folder)) == ["anna", "bert"]
    write(table, "".join(line for line in table.read_text().splitlines(True) if "bert" not in line))
    alone.sync()
    assert sorted(cards(folder)) == ["anna"] and "X-LUCKY:7" in items(folder)["anna.vcf"]


def test_two_databases(alone):
    first, second = alone.source("a.db"), alone.source("b.db")
    make_database(first, "INSERT INTO people VALUES('a', 'Anna', NULL), ('b', 'Bert', x'00');")
    make_database(second, "INSERT INTO people VALUES('c', 'Cleo', NULL);")
    alone.json("add", str(first), "--collection", "rows", "--format", "sqlite")
    alone.sync()
    alone.json("add", str(second), "--collection", "rows", "--format", "sqlite")
    alone.sync()
    assert select(first) == select(second) == [("a", "Anna"), ("b", "Bert"), ("c", "Cleo")]
    for path, statement in ((first, "UPDATE people SET name = 'Anne' WHERE id = 'a'"),
                            (second, "DELETE FROM people WHERE id = 'b'")):
        database = sqlite3.connect(path)
        database.execute(statement)
        database.commit()
        database.close()
    alone.sync()
    assert select(first) == select(second) == [("a", "Anne"), ("c", "Cleo")]
    before = entries(alone)
    alone.sync()
    assert entries(alone) == before


# ---- Columns that come later ----


def run(path, statements):
    """Runs them, and shows what the table holds then."""
    database = sqlite3.connect(path)
    database.executescript(statements)
    found = database.execute("SELECT * FROM people ORDER BY id").fetchall()
    database.close()
    return found


def test_a_column_added_to_a_file_shows_what_others_have_there(alone):
    first, told = add(alone, "a.csv", "id,name,town\na,Anna,Ulm\nb,Bert,\n")
    alone.sync()
    second, told = add(alone, "b.csv", "id,name\na,Anna\nb,Bert\n")
    alone.sync()
    second.write_text("id,name,town\na,Anne,\nb,Bert,Berlin\n")
    alone.sync()
    assert first.read_text() == second.read_text() == "id,name,town\na,Anne,Ulm\nb,Bert,Berlin\n"
    second.write_text("id,name,town\na,Anne,\nb,Bert,Berlin\n")
    alone.sync()
    assert first.read_text() == second.read_text(), "from then on an emptied cell is an edit"


def pending_of(device, path, verb="status", code=0):
    """What is listed of one of the sources."""
    return next(one["pending"] for one in device.json(verb, code=code)["collections"] if one["source"] == str(path))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_column_written_into_the_first_line_shows_what_others_have_there(alone, end):
    """Nobody ends all the other lines anew: they have nothing of their own there, and that deletes nothing."""
    first, told = add(alone, "a.csv", "id,name,town\na,Anna,Ulm\nb,Bert,Bonn\nc,Cleo,\n")
    alone.sync()
    second, told = add(alone, "b.csv", end.join(["id,name", "a,Anna", "b,Bert", "c,Cleo", ""]))
    alone.sync()
    pending, = pending_of(alone, second)
    assert pending["path"] == "column town" and "write it into the first line" in pending["reason"]
    second.write_text(end.join(["id,name,town", "a,Anne", "b,Bert", "c,Cleo,Berlin", ""]), newline="")
    before = second.read_bytes()
    assert pending_of(alone, second) and second.read_bytes() == before, "that only looks"
    alone.sync()
    wanted = ["id,name,town", "a,Anne,Ulm", "b,Bert,Bonn", "c,Cleo,Berlin", ""]
    assert first.read_text() == "\n".join(wanted)
    assert second.read_bytes() == end.join(wanted).encode()
    alone.sync()
    second.write_bytes(second.read_bytes().replace(b"Cleo,Berlin", b"Cleo"))
    pending, = pending_of(alone, second, "sync", 1)
    assert pending["path"] == "c" and "fewer fields" in pending["reason"], "from then on it is no new one"
    assert first.read_text() == "\n".join(wanted)


def test_a_line_that_may_be_cut_off_is_none_that_ends_before_a_new_column(alone):
    first, told = add(alone, "a.csv", "id,name,town\na,Anna,Ulm\nb,Bert,Bonn\n")
    alone.sync()
    second, told = add(alone, "b.csv", "id,name\na,Anna\nb,Bert\n")
    alone.sync()
    second.write_text("id,name,town\na,Anna\nb,Be")
    pending = {one["path"]: one["reason"] for one in pending_of(alone, second, "sync", 1)}
    assert "fewer fields" in pending["b"]
    assert first.read_text() == "id,name,town\na,Anna,Ulm\nb,Bert,Bonn\n"
    assert second.read_text() == "id,name,town\na,Anna,\nb,Be", "nothing new is put into what may be cut"
    second.write_text("id,name,town\na,Anna,Ulm\nb,Berta,\n")
    alone.sync()
    assert first.read_text() == second.read_text() == "id,name,town\na,Anna,Ulm\nb,Berta,Bonn\n"


def test_a_column_is_still_new_to_a_row_that_could_not_be_read_when_it_came(alone):
    first, told = add(alone, "a.csv", "id,name,town\na,Anna,Ulm\nb,Bert,Bonn\n")
    alone.sync()
    second, told = add(alone, "b.csv", "id,name\na,Anna\nb,Bert\n")
    alone.sync()
    second.write_text("id,name,town\nb\na,Anna\n")
    pending, = pending_of(alone, second, "sync", 1)
    assert pending["path"] == "b" and "fewer fields" in pending["reason"]
    second.write_text("id,name,town\nb,Bert,\na,Anna,Ulm\n")
    alone.sync()
    assert rows(first) == rows(second) == {"a": "Anna,Ulm", "b": "Bert,Bonn"}


def test_a_column_without_a_name(alone):
    first, told = add(alone, "a.csv", "id,,name\na,x,Anna\n")
    alone.sync()
    second, told = add(alone, "b.csv", "id,name\na,Anna\n")
    third = alone.source("c.csv")
    alone.json("add", str(third), "--collection", "rows", "--format", "csv", "--key", "id")
    alone.sync()
    pending, = pending_of(alone, second)
    assert pending["path"] == "column without a name" and pending["kind"] == "left out", pending
    assert third.read_text() == first.read_text(), "a new file has it"


def test_a_column_added_to_a_database_shows_what_others_have_there(alone):
    """As a program does that comes to its new version on one device after the other."""
    first, second = alone.source("a.db"), alone.source("b.db")
    columns = ("town TEXT", "stars INTEGER NOT NULL DEFAULT 3")
    run(first, f"CREATE TABLE people(id TEXT PRIMARY KEY, name TEXT, {', '.join(columns)});"
        "INSERT INTO people VALUES('a', 'Anna', 'Ulm', 5), ('b', 'Bert', 'Bonn', 3)")
    run(second, "CREATE TABLE people(id TEXT PRIMARY KEY, name TEXT)")
    for path in first, second:
        alone.json("add", str(path), "--collection", "rows", "--format", "sqlite")
        alone.finish("sync")
    assert run(second, "") == [("a", "Anna"), ("b", "Bert")]
    run(second, "".join(f"ALTER TABLE people ADD COLUMN {column};" for column in columns) +
        "UPDATE people SET name = 'Berta' WHERE id = 'b'")
    alone.finish("sync")
    assert run(first, "") == run(second, "") == [("a", "Anna", "Ulm", 5), ("b", "Berta", "Bonn", 3)]
    run(second, "UPDATE people SET town = NULL, stars = 3 WHERE id = 'a'")
    alone.finish("sync")
    assert run(first, "") == [("a", "Anna", None, 3), ("b", "Berta", "Bonn", 3)]
