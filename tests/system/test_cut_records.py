# SPDX-License-Identifier: Apache-2.0
"""A file of records that is cut short: what came behind the cut is not deleted elsewhere, and there are three ways out."""

import json
import pathlib
import sqlite3

import pytest

from counterfoil import both, broker, make_device, two, wait_until  # noqa: F401
from test_sqlite import NOTES

PEOPLE = [f"person{i}" for i in range(9)]


def cards(names):
    return "".join(f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{one}\r\nFN:{one}\r\nN:{one};;;;\r\nEND:VCARD\r\n" for one in names)


def events(names):
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b\r\n" + "".join(
        f"BEGIN:VEVENT\r\nUID:{one}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T100000Z\r\nSUMMARY:{one}\r\nEND:VEVENT\r\n"
        for one in names) + "END:VCALENDAR\r\n"


def table(names):
    return "id,name,note\n" + "".join(f"{one},{one},\"a, b\"\n" for one in names)


def document(names):
    return json.dumps([{"id": one, "name": one} for one in names], indent=1) + "\n"


KINDS = {"vcf": (cards, ("--format", "vcard")), "ics": (events, ("--format", "icalendar")),
         "csv": (table, ("--format", "csv", "--key", "id")), "json": (document, ("--format", "json", "--key", "id"))}


class Scene:
    def __init__(self, two, kind):
        self.laptop, self.desktop = two
        self.make, options = KINDS[kind]
        self.kind = kind
        self.whole = self.make(PEOPLE)
        self.here, self.there = (one.source(f"people.{kind}") for one in two)
        self.here.write_text(self.whole, newline="")
        for one, place in (self.laptop, self.here), (self.desktop, self.there):
            one.json("add", str(place), "--collection", "people", *options)
            one.sync()
        assert self.shown() == len(PEOPLE)

    def shown(self, place=None):
        text = (place or self.there).read_text()
        return sum(text.count(one) > 0 for one in PEOPLE)

    def cut(self, behind):
        """In the midst of the record behind so many."""
        text = self.make(PEOPLE)
        at = text.index(PEOPLE[behind]) + len(PEOPLE[behind]) - 2
        self.here.write_text(text[:at], newline="")


@pytest.fixture(params=KINDS)
def scene(request, two):
    return Scene(two, request.param)


def told(report):
    one, = report["collections"]
    return one.get("trouble", "") + " ".join(pending["reason"] for pending in one["pending"])


def test_nothing_is_deleted_and_all_is_said(scene):
    scene.cut(4)
    for report in scene.laptop.sync(1), scene.laptop.json("status"), scene.laptop.sync(1):
        assert not report["in_sync"]
        assert "repair" in told(report) and "--refill" in told(report)
        if scene.kind != "json":
            assert "it is cut short: nothing in it is deleted elsewhere" in told(report)
            assert f"`counterfoil sync {scene.here} --yes`" in told(report)
    assert scene.laptop.finish("status", "--check").returncode == 1
    scene.desktop.sync()
    assert scene.shown() == len(PEOPLE)
    scene.here.write_text(scene.whole, newline="")
    assert scene.laptop.sync()["in_sync"] and scene.desktop.sync()["in_sync"]
    assert scene.here.read_bytes().decode() == scene.whole and scene.shown() == len(PEOPLE)


def test_what_is_cut_off_is_brought_back(scene):
    scene.cut(4)
    short = scene.here.read_bytes()
    scene.laptop.sync(1)
    done = scene.laptop.finish("repair", str(scene.here), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert scene.shown(scene.here) == len(PEOPLE), scene.here.read_text()
    assert f"{scene.here.name}: it can't be read as a whole; as it was it is kept in " in done.stderr
    kept, = pathlib.Path(scene.laptop.home, "kept").glob("*/*." + scene.kind)
    assert kept.read_bytes() == short
    assert scene.laptop.sync()["in_sync"] and scene.desktop.sync()["in_sync"]
    assert scene.shown() == len(PEOPLE)


@pytest.mark.parametrize("kind", [*KINDS, "document"])
def test_an_older_copy_names_three_ways(two, kind):
    """Where it says that much is gone; what another device made, nobody here takes away by a copy."""
    laptop, desktop = two
    make, options = KINDS.get(kind) or ((lambda names: json.dumps({one: one for one in names})), ("--format", "json"))
    here, there = (one.source(f"people.{kind}") for one in two)
    many = [f"person{i}" for i in range(120)]
    here.write_text(make(many[:0] if kind == "document" else many[:3]), newline="")
    for device, place in (laptop, here), (desktop, there):
        device.json("add", str(place), "--collection", "people", *options)
        device.sync()
    old = here.read_bytes()
    there.write_text(make(many), newline="")
    both(desktop, laptop)
    new = here.read_bytes()
    here.write_bytes(old)
    for report in laptop.sync(8), laptop.json("status"):
        assert "put them back, or `counterfoil repair " in told(report) and f"{here} --refill`" in told(report), told(report)
        assert f"`counterfoil sync {here} --yes`" in told(report)
    desktop.sync()
    assert there.read_text().count("person119") > 0
    here.write_bytes(new)
    both(laptop, desktop)
    assert here.read_bytes() == new and there.read_text().count("person119") > 0


def test_it_is_whole_as_it_is(scene):
    if scene.kind == "json":
        pytest.skip("nobody knows what it says")
    scene.cut(4)
    scene.laptop.sync(1)
    scene.laptop.finish("sync", str(scene.here), "--yes")
    scene.desktop.sync()
    assert scene.shown() == 4
    scene.here.write_text(scene.make(PEOPLE[:3]), newline="")
    assert scene.laptop.sync()["in_sync"] and scene.desktop.sync()["in_sync"]
    assert scene.shown() == 3


def test_a_line_without_an_end_is_no_cut_where_all_rows_are_there(two):
    scene = Scene(two, "csv")
    scene.here.write_text(scene.whole.rstrip("\n"))
    assert scene.laptop.sync()["in_sync"]
    scene.here.write_text(scene.whole.rstrip("\n") + "\nnew,New,")
    assert scene.laptop.sync()["in_sync"]
    scene.desktop.sync()
    assert "new,New," in scene.there.read_text()


def test_a_folder_of_cards_in_which_one_is_cut(two):
    laptop, desktop = two
    here, there = laptop.source("cards"), desktop.source("cards")
    here.mkdir()
    for one in PEOPLE:
        (here / f"{one}.vcf").write_text(cards([one]), newline="")
    for device, place in (laptop, here), (desktop, there):
        device.json("add", str(place), "--format", "vcard", "--collection", "cards")
        device.sync()
    text = (here / "person3.vcf").read_text()
    for at in 3, text.index("person3") + 3, len(text) // 2, len(text) - 5, 0:
        (here / "person3.vcf").write_text(text[:at], newline="")
        laptop.sync(1)
        desktop.sync()
        assert len(list(there.glob("*.vcf"))) == len(PEOPLE), text[:at]
    done = laptop.finish("repair", str(here), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert laptop.sync()["in_sync"]
    assert len(list(here.glob("*.vcf"))) == len(list(there.glob("*.vcf"))) == len(PEOPLE)
    assert all("END:VCARD" in one.read_text() for one in here.glob("*.vcf"))


def test_a_program_that_writes_slowly_is_not_told_of(two):
    scene = Scene(two, "vcf")
    serving = scene.laptop.start("serve")
    try:
        assert "serving" in serving.stderr.readline()
        scene.here.write_text(scene.whole[:100], newline="")
        scene.here.write_text(scene.whole.replace("FN:person0", "FN:renamed"), newline="")
        wait_until(lambda: scene.desktop.sync() and "FN:renamed" in scene.there.read_text(),
                   "what was written is elsewhere")
    finally:
        serving.terminate()
        said = "".join(serving.communicate(timeout=30))
    assert "cut short" not in said
    assert scene.shown() == len(PEOPLE)


def test_a_database_that_is_cut(two):
    laptop, desktop = two
    here, there = laptop.source("people.db"), desktop.source("people.db")
    for place in here, there:
        with sqlite3.connect(place) as base:
            base.execute("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT)")
    with sqlite3.connect(here) as base:
        base.executemany("INSERT INTO people VALUES (?, ?)", [(f"p{i}", "x" * 500) for i in range(60)])
    for device, place in (laptop, here), (desktop, there):
        device.json("add", str(place), "--format", "sqlite", "--collection", "people")
        device.sync()
    whole = here.read_bytes()
    for size in [0, 1, 99, 101, *range(4096, len(whole), 12288), len(whole) - 1]:
        here.write_bytes(whole[:size])
        done = laptop.finish("--json", "sync")
        assert done.returncode in (1, 8), (size, done.stdout, done.stderr)
        desktop.sync()
        rows, = sqlite3.connect(there).execute("SELECT count(*) FROM people").fetchone(),
        assert rows == (60,), size
    here.write_bytes(whole)
    laptop.sync()
    assert sqlite3.connect(there).execute("SELECT count(*) FROM people").fetchone() == (60,)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_database_that_is_cut_is_filled(two, mode):
    """With its indexes, triggers and search, as its program needs it."""
    laptop, desktop = two
    here, there = laptop.source("notes.db"), desktop.source("my notes.db")
    for place in here, there:
        with sqlite3.connect(place) as base:
            base.executescript("PRAGMA page_size = 1024;" + NOTES + "CREATE INDEX by_title ON notes (title); PRAGMA user_version = 7;"
                               f"CREATE VIEW titles AS SELECT title FROM notes; PRAGMA journal_mode = {mode}")
    with sqlite3.connect(here) as base:
        base.executemany("INSERT INTO notes (id, title, body) VALUES (?, ?, ?)", [(f"n{i}", f"title {i}", f"word{i} " * 90) for i in range(40)])
    base.close()
    for device, place in (laptop, here), (desktop, there):
        device.json("add", str(place), "--format", "sqlite", "--collection", "notes")
        device.sync()
    declared = "SELECT type, name, sql FROM sqlite_master WHERE name NOT GLOB 'sqlite_*' ORDER BY name"
    ask = lambda sql: sqlite3.connect(here).execute(sql).fetchall()
    schema, rows = ask(declared), ask("SELECT id, title, body FROM notes ORDER BY id")
    whole = here.read_bytes()
    for size in len(whole) - 1, len(whole) // 2:
        here.write_bytes(whole[:size])
        assert f"counterfoil repair {here} --refill" in laptop.finish("sync").stderr
        done = laptop.finish("repair", str(here), "--refill")
        assert done.returncode == 0, done.stdout + done.stderr
        assert laptop.sync()["in_sync"]
        assert ask("SELECT id, title, body FROM notes ORDER BY id") == rows and ask(declared) == schema
        assert ask("PRAGMA integrity_check") == [("ok",)] and ask("PRAGMA user_version") == [(7,)]
        assert ask("PRAGMA journal_mode") == [(mode.lower(),)] and ask("PRAGMA page_size") == [(1024,)]
        assert ask("SELECT notes.title FROM notes JOIN search ON notes.rowid = search.rowid WHERE search MATCH 'word33'") == [("title 33",)]
        kept = sorted(pathlib.Path(laptop.home).glob(f"kept/*/{here.name}"), key=lambda one: one.stat().st_mtime_ns)[-1]
        assert kept.read_bytes() == whole[:size]
        desktop.sync()
        assert sqlite3.connect(there).execute("SELECT count(*) FROM notes").fetchone() == (40,)
    beside = here.with_name(here.name + "-wal")
    here.write_bytes(whole[:len(whole) // 2])
    beside.write_bytes(b"the log of a program that runs, or crashed")
    done = laptop.finish("repair", str(here), "--refill")
    assert done.returncode == 9 and f"{beside.name} lies beside it" in done.stderr and here.read_bytes() == whole[:len(whole) // 2], done.stderr
    beside.unlink(missing_ok=True)
    here.write_bytes(whole[:50])
    done = laptop.finish("repair", str(here), "--refill")
    assert done.returncode == 0 and ask(declared) == schema and ask("PRAGMA journal_mode") == [(mode.lower(),)], done.stderr
    assert ask("SELECT id, title, body FROM notes ORDER BY id") == rows
    desktop.sync()
    assert sqlite3.connect(there).execute("SELECT count(*) FROM notes").fetchone() == (40,)


def test_a_file_that_sync_wrote_an_end_into(two):
    laptop, desktop = two
    here, there = (one.source("people.csv") for one in two)
    here.write_text(table(PEOPLE))
    laptop.json("add", str(here), "--collection", "people", "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--collection", "people", "--existing", "--format", "csv", "--key", "id")
    desktop.sync()
    whole = there.read_text()
    assert whole == table(PEOPLE)
    there.write_text(whole[:whole.index("person5") + 5])
    assert "it is cut short" in told(desktop.sync(1))
    laptop.sync()
    assert here.read_text() == whole
    there.write_text(whole)
    assert desktop.sync()["in_sync"]


def refilled(device, place, code=0):
    done = device.finish("repair", str(place), "--refill")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


def test_a_file_that_never_had_an_end_keeps_its_last_row(two):
    laptop, _ = two
    here = laptop.source("people.csv")
    text = "id,name\nperson1,Ann\nother1,Zed"
    here.write_text(text)
    laptop.json("add", str(here), "--collection", "people", "--format", "csv", "--key", "id", "--include", "id=person1")
    laptop.sync()
    assert "cut short" not in refilled(laptop, here)
    laptop.sync()
    assert here.read_text().rstrip("\n") == text


def test_a_file_in_utf_16_stays_as_it_is(two):
    scene = Scene(two, "csv")
    wide = scene.whole.encode("utf-16")
    scene.here.write_bytes(wide)
    assert "cut short" not in refilled(scene.laptop, scene.here, 1)
    assert scene.here.read_bytes() == wide
    assert not list(pathlib.Path(scene.laptop.home, "kept").glob("*/*"))


def test_a_cut_within_a_quoted_field_is_brought_back(two):
    scene = Scene(two, "csv")
    scene.here.write_text(scene.whole[:scene.whole.index("person4,person4,\"a") + 18])
    scene.laptop.sync(1)
    assert "it can't be read as a whole; as it was it is kept in " in refilled(scene.laptop, scene.here)
    assert scene.laptop.sync()["in_sync"] and scene.here.read_text() == scene.whole


def mapped(two, tmp_path, text):
    laptop, desktop = two
    columns = tmp_path / "map"
    columns.write_text("table contacts\nID = /uid\nMobile = /phones/mobile/number\nName = /name/full\n")
    here, there = (one.source("people.csv") for one in two)
    here.write_text(text)
    for device, place in (laptop, here), (desktop, there):
        device.json("add", str(place), "--collection", "people", "--format", "csv", "--map", str(columns))
        device.sync()
    assert sorted(there.read_text().splitlines()) == sorted(text.splitlines())
    return laptop, desktop, here, there


MAPPED = "ID,Mobile,Name\na,+49 1,Ann\nb,+49 2,Bob\nc,+49 333,Cleo\n"


@pytest.mark.parametrize("old, new", [("Cleo", "Cleopatra"), ("Cleo", "Dora"), ("+49 333,Cleo", "+49 4,Cleo")])
def test_the_last_row_of_a_map_is_edited_without_an_end(two, tmp_path, old, new):
    laptop, desktop, here, there = mapped(two, tmp_path, MAPPED)
    here.write_text(MAPPED.replace(old, new).rstrip("\n"))
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert new in there.read_text()


@pytest.mark.parametrize("less", [2, 4, 6, 8])
def test_the_last_row_of_a_map_is_cut(two, tmp_path, less):
    laptop, desktop, here, there = mapped(two, tmp_path, MAPPED)
    whole = there.read_text()
    here.write_text(MAPPED[:-1 - less])
    assert "it is cut short" in told(laptop.sync(1))
    desktop.sync()
    assert there.read_text() == whole


def test_an_end_of_file_of_old_is_no_cut(two):
    scene = Scene(two, "vcf")
    scene.here.write_text(scene.whole.replace("FN:person0", "FN:renamed") + "\x1a", newline="")
    assert "cut short" not in told(scene.laptop.sync(1))
    assert "cut short" not in refilled(scene.laptop, scene.here, 1)
    scene.desktop.sync()
    assert b"\x1a" in scene.here.read_bytes()
    scene.here.write_text(scene.whole + "BEGI", newline="")
    assert "cut short" in told(scene.laptop.sync(1))
