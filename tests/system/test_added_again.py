# SPDX-License-Identifier: Apache-2.0
"""The command that is told for a source to be added once more holds what it needs: it is typed as it is told."""

import json
import re
import shlex
import sqlite3

import pytest

from cards import card
from counterfoil import broker, both, make_device, two  # noqa: F401

MANY = range(1, 13)


def typed(device, text, *answer):
    """Types the commands of a message that end what is held, `remove` and `add`; this one with the answer that it asks for."""
    commands = [shlex.split(command) for command in re.findall(r"`counterfoil ([^`]*)`", text)]
    ends = [words for words in commands if words[0] in ("remove", "add")]
    assert [words[0] for words in ends] == ["remove", "add"], text
    device.run(*ends[0])
    if answer:
        assert "say --rows same" in device.run(*ends[1], code=2)
    device.run(*ends[1], *answer)
    return shlex.join(ends[1])


def database(path):
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, seen INT)")
        base.execute("CREATE TABLE other (id INTEGER PRIMARY KEY)")
        base.executemany("INSERT INTO t (id, name) VALUES (?, ?)", [(i, f"row {i}") for i in MANY])
    base.close()


def empty_database(path):
    with sqlite3.connect(path) as base:
        base.execute("DELETE FROM t WHERE id <> 1")
        base.execute("INSERT INTO t VALUES (77, 'stays', 0)")
    base.close()


def rows_of(path):
    base = sqlite3.connect(path)
    found = base.execute("SELECT id, name FROM t ORDER BY id").fetchall()
    base.close()
    return found


def cards(path):
    path.mkdir()
    for i in MANY:
        (path / f"u{i}.vcf").write_text(card(f"u{i}", f"Person {i}"))


def cards_of(path):
    return sorted(item.name for item in path.glob("*.vcf"))


def sheet(path):
    path.write_text("id,name\n" + "".join(f"k{i},Name {i}\n" for i in MANY))


def document(path):
    path.write_text(json.dumps({"theme": "dark", "font": {"size": 12}}))


FORMS = {
    "vcard": ("my cards", cards, lambda path: [item.unlink() for item in path.glob("*.vcf")], cards_of, ["--max-delete", "9"]),
    "csv": ("p.csv", sheet, lambda path: path.write_text("id,name\n"), lambda path: sorted(path.read_text().split()),
            ["--key", "id"]),
    "json": ("s.json", document, lambda path: path.write_text("{}"), lambda path: json.loads(path.read_text()), []),
    "sqlite": ("d.db", database, empty_database, rows_of, ["--last", "t.seen", "--exclude", "other"]),
}


@pytest.mark.whole
@pytest.mark.parametrize("form", FORMS)
def test_what_is_held_comes_back_by_the_words_that_are_told(two, form):
    laptop, desktop = two
    name, make, empty, shown, options = FORMS[form]
    here, there = laptop.source(name), desktop.source(name)
    words = "--collection", "the one", "--format", form, *options
    make(here)
    if form == "sqlite":
        words += "--max-delete", "5"
    laptop.run("add", str(here), *words)
    laptop.sync()
    desktop.sync()
    desktop.run("add", str(there), "--existing", *words)
    both(laptop, desktop)
    before = shown(there)
    empty(here)
    laptop.sync(0, "--yes")
    text = desktop.finish("sync").stderr
    assert "stopped for safety" in text and all(one in shown(there) for one in before), text
    held = desktop.json("status")["collections"][0]["pending"]
    (reason,) = {one["reason"] for one in held if "deleted elsewhere" in one["reason"]}
    told = re.search("stopped for safety.*", text)[0]
    assert re.search("`counterfoil add [^`]*`", reason)[0] in told
    if form == "sqlite":
        with sqlite3.connect(there) as base:
            base.execute("UPDATE t SET name = 'edited' WHERE id = 1")
        base.close()
        before = shown(there)
    added = typed(desktop, reason, *(["--rows", "same"] if form == "sqlite" else []))
    for option in options[::2]:
        assert option in added, added
    both(laptop, desktop)
    assert shown(here) == shown(there) == (before + [(77, "stays")] if form == "sqlite" else before)


def test_rows_that_got_the_numbers_of_others_meanwhile_stay(two):
    """All are deleted there, and two made, which SQLite gives the first numbers: who brings his own back is asked what they are."""
    laptop, desktop = two
    here, there = laptop.source("d.db"), desktop.source("d.db")
    words = "--collection", "d", "--format", "sqlite", "--max-delete", "5"
    database(here)
    with sqlite3.connect(here) as base:
        base.execute("UPDATE t SET seen = 9")
    base.close()
    laptop.run("add", str(here), *words)
    laptop.sync()
    desktop.run("add", str(there), "--existing", *words)
    both(laptop, desktop)
    with sqlite3.connect(here) as base:
        base.execute("DELETE FROM t")
        base.execute("INSERT INTO t (name, seen) VALUES ('Eve', 1), ('Fay', 2)")
    base.close()
    assert [key for key, _ in rows_of(here)] == [1, 2]
    laptop.sync(0, "--yes")
    desktop.finish("sync")
    held = desktop.json("status")["collections"][0]["pending"]
    (reason,) = {one["reason"] for one in held if "deleted elsewhere" in one["reason"]}
    typed(desktop, reason, "--rows", "apart")
    both(laptop, desktop)
    assert rows_of(here) == rows_of(there)
    assert sorted(name for _, name in rows_of(here)) == sorted(["Eve", "Fay", *(f"row {i}" for i in MANY)])
