# SPDX-License-Identifier: Apache-2.0
"""Sources of every kind that are broken at the same time: each is named, all else goes on, and nothing is deleted."""

import json
import re
import sqlite3

from cards import card, event, write
from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import Database, both

NAMES = "anna", "bert", "cleo", "dora", "emil", "fred", "gina", "hugo"
LONG = b"x" * 10_000_000


def lines(make):
    return "".join(make(name) for name in NAMES)


SOURCES = {
    "cards": ("people.vcf", "vcard", lines(lambda name: card(name, name.title(), "NOTE:Ulm"))),
    "home": ("home.ics", "icalendar", lines(lambda name: event(name, name.title(), "LOCATION:Ulm"))),
    "table": ("people.csv", "csv", "name,town\n" + lines(lambda name: f"{name},Ulm\n")),
    "list": ("people.json", "json", json.dumps([{"name": name, "town": "Ulm"} for name in NAMES], indent=1)),
}
MARKS = {"cards": b"UID:%s\r\n", "home": b"UID:%s\r\n", "table": b"\n%s,", "list": b'"%s"'}

# What becomes what. Of a file of cards or events the rest after hugo's UID is cut off.
NO_UID = b"UID:anna\r\n", b"X-A:anna\r\n"
ONE_UID = b"UID:dora\r\n", b"UID:cleo\r\nX-A:dora\r\n"
NO_UTF8 = b"UID:emil\r\n", b"UID:emil\r\nX-A:\xff\r\n"
LONG_LINE = b"UID:fred\r\n", b"UID:fred\r\nX-A:" + LONG + b"\r\n"
OF_ITEMS = NO_UID, ONE_UID, NO_UTF8, LONG_LINE
BREAKS = {
    "cards": OF_ITEMS,
    "home": OF_ITEMS,
    "table": ((b"\nanna,Ulm", b"\n,Ulm anna"), (b"\ndora,Ulm", b"\ncleo,Ulm dora"), (b"\nemil,", b"\nemil,\xff"),
              (b"\nfred,", b"\nfred," + LONG), (b"\nhugo,Ulm", b"\nhugo,Ulm,too,many")),
    "list": ((b"[\n", b"[" * 100_000 + b"\n"),),
}


class Everything:
    """On two devices, and what lies there."""

    def __init__(self, two):
        self.here, self.there, self.rests = {}, {}, {}
        laptop, desktop = two
        for device, sources, first in (laptop, self.here, True), (desktop, self.there, False):
            for name, (file, format, text) in SOURCES.items():
                sources[name] = device.source(file)
                if first:
                    write(sources[name], text)
                device.json("add", str(sources[name]), "--collection", name, "--format", format,
                            *(["--key", "name"] if format in ("csv", "json") else []))
            sources["book"] = device.source("book.db")
            book = Database(sources["book"]).run("CREATE TABLE people (name TEXT PRIMARY KEY, town TEXT)")
            if first:
                book.many("INSERT INTO people VALUES (?, 'Ulm')", [(name,) for name in NAMES])
            device.json("add", str(sources["book"]), "--collection", "book", "--format", "sqlite")
            sources["notes"] = device.add("notes", {"one.txt": "Ulm"} if first else None)
            device.sync()
            desktop.sync()

    def break_here(self):
        for name, pairs in BREAKS.items():
            text = self.here[name].read_bytes()
            for good, bad in pairs:
                assert text.count(good) == 1
                text = text.replace(good, bad)
            whole, cut, rest = text.partition(b"UID:hugo\r\n")
            self.rests[name] = rest
            self.here[name].write_bytes(whole + cut)

    def mend(self):
        """What is broken stands there as it was, whatever came in beside it."""
        for name, pairs in BREAKS.items():
            text = self.here[name].read_bytes()
            for good, bad in pairs:
                assert text.count(bad) == 1
                text = text.replace(bad, good)
            self.here[name].write_bytes(text + self.rests[name])


def move(sources, name, town, *which):
    for source in which:
        if source == "book":
            Database(sources[source]).run(f"UPDATE people SET town = '{town}' WHERE name = '{name}'")
            continue
        text = sources[source].read_bytes()
        place = text.index(b"Ulm", text.index(MARKS[source] % name.encode()))
        sources[source].write_bytes(text[:place] + town.encode() + text[place + 3:])


def towns(path, source):
    """Where everybody is who stands there."""
    if source == "book":
        return dict(Database(path).rows("SELECT name, town FROM people"))
    names, text = "|".join(NAMES).encode(), path.read_bytes()
    return {name.decode(): town.decode() for name, town in re.findall(
        MARKS[source].replace(b"%s", b"(%s)" % names) + b".*?(Ulm|Kiel|Bonn|Rome)", text, re.DOTALL)}


ALL = "cards", "home", "table", "list", "book"
READABLE = "cards", "home", "table"
OF_FILES = ["has the key of a record before it: give it another, or delete one of them", "is longer than 8 MiB: shorten it", "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`"]
REASONS = {
    "cards": ["BEGIN has no END: the rest is missing, save it again", "has no UID: give it one of its own, as `vdirsyncer repair` does", *OF_FILES],
    "home": ["BEGIN has no END: the rest is missing, save it again", "has no UID: give it one of its own, as `vdirsyncer repair` does", *OF_FILES],
    "table": ["has more fields than the first row: put quotes around what is one field", "has no key: give it one", *OF_FILES],
}


def test_what_is_broken_is_named_and_all_else_goes_on(two):
    laptop, desktop = two
    all = Everything(two)
    for source in ALL:
        assert towns(all.there[source], source) == dict.fromkeys(NAMES, "Ulm")
    all.break_here()
    holder = sqlite3.connect(all.here["book"])
    with holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("UPDATE people SET town = 'Kiel' WHERE name = 'bert'")
    move(all.here, "bert", "Kiel", *READABLE)
    (all.here["notes"] / "one.txt").write_text("Kiel")
    for name, town in ("gina", "Bonn"), ("anna", "Rome"):
        move(all.there, name, town, *ALL)
    laptop.sync(9)
    desktop.sync()
    laptop.sync(9)
    told = {one["name"]: one for one in laptop.json("status")["collections"]}
    for source, reasons in REASONS.items():
        missing = [one["path"] for one in told[source]["pending"] if one["reason"].startswith("it is missing here, and isn't deleted")]
        assert bool(missing) == (source == "table"), missing  # where a line has no key it may be anybody's
        found = sorted(one["reason"] for one in told[source]["pending"] if one["path"] not in missing)
        assert [one for one in found if not one.startswith("it is cut short: ")] == reasons
        assert len(found) - len(reasons) == (source != "table")
        named = {one["reason"]: one["path"] for one in told[source]["pending"]}
        assert named["has the key of a record before it: give it another, or delete one of them"] == "cleo"
    assert "this nests too deeply" in told["list"]["trouble"] and "line 1" in told["list"]["trouble"]
    assert "another program holds the database" in told["book"]["trouble"]
    assert told["notes"]["in_sync"] and (all.there["notes"] / "one.txt").read_text() == "Kiel"
    for source in ALL:
        assert towns(all.there[source], source) == {
            **dict.fromkeys(NAMES, "Ulm"), "bert": "Kiel" if source in READABLE else "Ulm", "gina": "Bonn", "anna": "Rome"}
    for source in READABLE:
        found = towns(all.here[source], source)
        assert (found["bert"], found["cleo"], found["gina"]) == ("Kiel", "Ulm", "Bonn") and "anna" not in found

    holder.close()
    whole = all.here["book"].read_bytes()
    all.here["book"].write_bytes(b"no database any more\n" * 500)
    (all.here["notes"] / "one.txt").write_text("Bonn")
    laptop.sync(1)
    desktop.sync()
    told = {one["name"]: one for one in laptop.json("status")["collections"]}
    assert "it is no SQLite database" in told["book"]["trouble"] and (all.there["notes"] / "one.txt").read_text() == "Bonn"
    assert sorted(towns(all.there["book"], "book")) == sorted(NAMES)

    all.here["book"].write_bytes(whole)
    all.mend()
    both(laptop, desktop)
    for source in ALL:
        assert towns(all.here[source], source) == towns(all.there[source], source) == {
            **dict.fromkeys(NAMES, "Ulm"), "bert": "Ulm" if source == "list" else "Kiel", "gina": "Bonn", "anna": "Rome"}
    assert laptop.json("status", "--check")["in_sync"]
