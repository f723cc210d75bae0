# SPDX-License-Identifier: Apache-2.0
"""A folder, or records, that were away: what is only old there is behind, not different. Where the base knows what was
there, an old version is an edit as any other."""

import csv
import json
import os
import shutil
import sqlite3

import pytest

from counterfoil import both, broker, fill, make_device, tree, two  # noqa: F401
from test_lost_content import lose_blobs

EIGHT = {f"{name}.txt": f"{name}, first\n" for name in "abcdef"} | {"sub/g": "g\n", "sub/h": "h\n"}


def conflicts(device, code=0):
    return device.sync(code)["collections"][0]["conflicts"]


@pytest.fixture
def lost(two, make_device):
    """The desktop's home is lost, its folder stays; others went on meanwhile. Another device joins with that folder."""
    laptop, desktop = two
    here = laptop.add("notes", EIGHT)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    desktop.end()
    shutil.rmtree(desktop.home)
    for turn in range(2):
        for name in "abcde":
            (here / f"{name}.txt").write_text(f"{name}, edited {turn}\n")
        (here / "sub/g").write_text(f"g {turn}\n")
        laptop.sync()
    (here / "f.txt").unlink()
    laptop.sync()
    again = make_device("desktop2")
    laptop.pair(again)
    again.sync()
    shutil.rmtree(there / ".counterfoil")
    return laptop, again, here, there


def figures(said):
    return {name: said[name] for name in ("equal", "older", "deleted", "different", "only_here", "only_there")}


def test_what_is_only_old_is_brought_up_to_date(lost):
    laptop, again, here, there = lost
    before = tree(here)
    said = again.json("add", str(there), "--collection", "notes", "--existing")
    assert figures(said) == {
        "equal": 2, "older": 6, "deleted": 1, "different": 0, "only_here": 0, "only_there": 0}
    entries = len(laptop.json("log", "-n", "1000"))
    assert again.sync()["in_sync"]
    laptop.sync()
    assert tree(there) == tree(here) == before
    assert len([one for one in laptop.json("log", "-n", "1000") if one["collection"] == "notes"]) <= entries
    (there / "a.txt").write_text("an edit\n")
    both(again, laptop)
    assert (here / "a.txt").read_text() == "an edit\n"


def test_add_says_so_in_words(lost):
    _, again, _, there = lost
    (there / "b.txt").write_text("the user's own\n")
    (there / "own").write_text("own\n")
    where = ("add", str(there), "--collection", "notes", "--existing")
    figures = "2 equal, 5 older here, 1 deleted elsewhere since, 1 different, 1 only here, 0 only there\n"
    assert again.run(*where, "--mine", "-n").endswith(
        figures + "the 5 older here replace what is newer elsewhere, and the 1 deleted elsewhere comes back everywhere\n")
    said = again.run(*where)
    assert said.endswith(
        figures + "the 5 older here are brought up to date, and the 1 deleted elsewhere goes from here\n")
    assert [one["path"][:12] for one in conflicts(again, 4)] == ["b (conflict "]
    assert (there / "own").exists() and not (there / "f.txt").exists()


def test_folders_that_were_moved_or_deleted_meanwhile(lost):
    laptop, again, here, there = lost
    fill(there, {"gone/deep/x": "x\n", "gone/y": "y\n"})
    fill(here, {"gone/deep/x": "x\n", "gone/y": "y\n"})
    laptop.sync()
    shutil.rmtree(here / "gone")
    laptop.run("sync", "--yes")
    os.rename(here / "sub", here / "moved")
    (here / "moved/h").rename(here / "h, moved")
    laptop.sync()
    said = again.json("add", str(there), "--collection", "notes", "--existing")
    assert said["different"] == said["only_here"] == 0, said
    assert again.sync()["in_sync"]
    laptop.sync()
    assert tree(there) == tree(here)
    assert "sub" not in tree(here) and "gone" not in tree(here)


def test_a_copy_of_what_was_renamed_elsewhere_is_kept_under_the_old_name(lost):
    """Under the new name lies the file itself: what lies under the old one is another, that the user made of it."""
    laptop, again, here, there = lost
    os.rename(here / "b.txt", here / "renamed")
    laptop.sync()
    shutil.copy(here / "renamed", there / "renamed")
    said = again.json("add", str(there), "--collection", "notes", "--existing")
    assert figures(said) == {
        "equal": 3, "older": 5, "deleted": 1, "different": 0, "only_here": 1, "only_there": 0}
    assert again.sync()["in_sync"]
    laptop.sync()
    assert (here / "b.txt").read_text() == (there / "b.txt").read_text() == "b, first\n"
    assert (here / "renamed").read_text() == (there / "renamed").read_text() == "b, edited 1\n"


def test_of_what_was_moved_and_then_deleted_one_goes(lost):
    """It lies here by both names: one is what was deleted, the other a copy of the user's."""
    laptop, again, here, there = lost
    os.rename(here / "sub/h", here / "moved h")
    laptop.sync()
    (here / "moved h").unlink()
    laptop.sync()
    shutil.copy(there / "sub/h", there / "moved h")
    again.json("add", str(there), "--collection", "notes", "--existing")
    assert again.sync()["in_sync"]
    laptop.sync()
    assert tree(here) == tree(there)
    assert [name for name in tree(there) if name in ("moved h", "sub/h")] == ["sub/h"]


def test_mine_is_the_newest(lost):
    laptop, again, here, there = lost
    before = tree(there)
    again.json("add", str(there), "--collection", "notes", "--existing", "--mine")
    assert conflicts(again) == []
    laptop.sync()
    assert tree(here) == tree(there) == before


def test_the_guard_holds_what_was_deleted(lost, make_device):
    """All that this device's source begins with, also what the laptop, which deletes it, had made itself just before."""
    laptop, again, here, there = lost
    tablet, bulk = make_device("tablet"), {f"bulk/{i}": f"{i}\n" for i in range(120)}
    laptop.pair(tablet)
    tablet.sync()
    tablet.add("notes", bulk, "--existing")
    both(laptop, tablet)
    fill(there, bulk)
    for path in list(here.iterdir()):
        if path.name not in (".counterfoil", "a.txt"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    laptop.run("sync", "--yes")
    fill(there, {f"more/{i}": f"{i}\n" for i in range(3)})
    said = again.json("add", str(there), "--collection", "notes", "--existing")
    assert (said["older"], said["deleted"]) == (1, 129), said
    found = again.sync(8)["collections"][0]["pending"]
    assert {one["kind"] for one in found} == {"held"} and len(found) == 129
    assert len(list((there / "bulk").iterdir())) == len(bulk) and (there / "b.txt").exists()
    again.run("sync", "--yes")
    laptop.sync()
    assert sorted(tree(there)) == sorted(tree(here)) == ["a.txt", "more", "more/0", "more/1", "more/2"]


def test_a_large_file_goes_only_where_the_broker_has_it(lost, broker):
    laptop, again, here, there = lost
    big = os.urandom(200_000)
    fill(here, {"big": big, "big 2": big[:100_000]})
    laptop.sync()
    fill(there, {"big": big})
    (here / "big").unlink()
    laptop.sync()
    again.json("add", str(there), "--collection", "notes", "--existing")
    broker.stop()
    again.finish("sync")
    assert (there / "big").read_bytes() == big
    broker.restart()
    assert again.sync()["in_sync"]
    laptop.sync()
    assert tree(here) == tree(there) and "big" not in tree(here)


def test_a_large_file_that_nobody_has_any_more_is_new(lost, broker):
    """Deleted elsewhere, but its bytes lie nowhere else: what is here is all that there is of them."""
    laptop, again, here, there = lost
    big = os.urandom(200_000)
    fill(here, {"big": big})
    laptop.sync()
    fill(there, {"big": big})
    (here / "big").unlink()
    laptop.sync()
    lose_blobs(broker)
    again.json("add", str(there), "--collection", "notes", "--existing")
    again.finish("sync")
    assert (there / "big").read_bytes() == big
    both(again, laptop)
    assert tree(here) == tree(there) and (here / "big").read_bytes() == big


def test_a_home_that_went_back_gets_first_what_it_had_told(two):
    laptop, desktop = two
    here = laptop.add("notes", EIGHT)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", {"own": "own\n"}, "--existing")
    both(desktop, laptop)
    shutil.copytree(desktop.home, desktop.home + "-copy")
    (there / "a.txt").write_text("a of the desktop\n")
    (there / "b.txt").write_text("b of the desktop\n")
    (there / "new").write_text("new\n")
    (there / "c.txt").unlink()
    (there / "d.txt").rename(there / "d, moved")
    desktop.sync()
    laptop.sync()
    (here / "a.txt").write_text("a of both\n")
    (here / "new").write_text("new of both\n")
    (here / "d, moved").rename(here / "d, moved on")
    laptop.sync()
    shutil.rmtree(desktop.home)
    os.rename(desktop.home + "-copy", desktop.home)
    (there / "e.txt").write_text("an edit since\n")
    assert conflicts(desktop) == []
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there)
    assert (here / "a.txt").read_text() == "a of both\n" and (here / "e.txt").read_text() == "an edit since\n"
    assert (here / "b.txt").read_text() == "b of the desktop\n" and (here / "new").read_text() == "new of both\n"
    assert (here / "d, moved on").exists() and not {"c.txt", "d.txt", "d, moved"} & set(tree(here))


def test_an_old_version_copied_over_a_file_is_an_edit(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "one\n", "b": "b\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    (here / "a").write_text("two\n")
    (here / "b").unlink()
    both(laptop, desktop)
    (there / "a").write_text("one\n")
    (there / "b").write_text("b\n")
    both(desktop, laptop)
    assert tree(here) == tree(there) == {"a": b"one\n", "b": b"b\n"}


def test_an_old_row_written_again_is_an_edit(two):
    laptop, desktop = two
    here, there = laptop.source("p.csv"), desktop.source("p.csv")
    here.write_text("id,name\nx,Ann\ny,Bob\n")
    options = ["--collection", "p", "--format", "csv", "--key", "id"]
    laptop.json("add", str(here), *options)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), *options, "--existing")
    both(laptop, desktop)
    here.write_text("id,name\nx,Anna\n")
    both(laptop, desktop)
    there.write_text("id,name\nx,Ann\ny,Bob\n")
    both(desktop, laptop)
    assert here.read_text() == there.read_text() == "id,name\nx,Ann\ny,Bob\n"


# ---- Records ----


class Rows:
    """A table on two devices, of which the one lost its home."""

    def __init__(self, two, make_device, kind):
        self.laptop, desktop = two
        self.kind = kind
        self.here, self.there = (device.source("people." + kind) for device in two)
        self.make(self.here), self.make(self.there)
        self.write(self.here, [(f"k{i}", f"name {i}", f"{i}") for i in range(8)])
        self.laptop.json("add", str(self.here), *self.options())
        self.laptop.sync()
        desktop.sync()
        desktop.json("add", str(self.there), *self.options(), "--existing")
        both(self.laptop, desktop)
        assert self.read(self.there) == self.read(self.here)
        desktop.end()
        shutil.rmtree(desktop.home)
        for turn in range(2):
            self.write(self.here, [(f"k{i}", f"name {i}, edited {turn}" if i < 4 else f"name {i}", f"{i}") for i in range(7)])
            self.laptop.sync()
        self.again = make_device("desktop2")
        self.laptop.pair(self.again)
        self.again.sync()

    def options(self):
        return ["--collection", "people", "--format", {"db": "sqlite"}.get(self.kind, self.kind)] + (
            ["--key", "id", "--natural"] if self.kind == "csv" else [])

    def make(self, path):
        if self.kind == "db":
            with sqlite3.connect(path) as base:
                base.execute("create table people (id text primary key, name text, n text)")
            base.close()

    def write(self, path, rows):
        if self.kind == "csv":
            path.write_text("id,name,n\n" + "".join(",".join('"%s"' % cell for cell in row) + "\n" for row in rows))
            return
        with sqlite3.connect(path) as base:
            base.execute("delete from people where id not in (%s)" % ",".join("?" * len(rows)), [row[0] for row in rows])
            base.executemany("insert into people values (?, ?, ?) on conflict (id) do update set name = excluded.name, n = excluded.n", rows)
        base.close()

    def read(self, path):
        if self.kind == "csv":
            return sorted((row["id"], row["name"], row["n"]) for row in csv.DictReader(path.open()))
        base = sqlite3.connect(path)
        rows = base.execute("select * from people order by id").fetchall()
        base.close()
        return rows


@pytest.fixture(params=["csv", "db"])
def rows(request, two, make_device):
    return Rows(two, make_device, request.param)


def test_old_rows_are_brought_up_to_date(rows):
    laptop, again = rows.laptop, rows.again
    before = rows.read(rows.here)
    said = again.json("add", str(rows.there), *rows.options(), "--existing")
    assert figures(said) == {
        "equal": 3, "older": 4, "deleted": 1, "different": 0, "only_here": 0, "only_there": 0}
    entries = len(laptop.json("log", "-n", "1000"))
    assert again.sync()["in_sync"]
    laptop.sync()
    assert rows.read(rows.there) == rows.read(rows.here) == before
    assert len([one for one in laptop.json("log", "-n", "1000") if one["collection"] == "people"]) <= entries


def test_a_row_with_anything_of_its_own_is_different(rows):
    laptop, again = rows.laptop, rows.again
    now = rows.read(rows.there)
    rows.write(rows.there, [(*row[:2], "own") if row[0] in ("k0", "k7") else row for row in now])
    said = again.json("add", str(rows.there), *rows.options(), "--existing")
    assert (said["equal"], said["older"], said["deleted"], said["different"], said["only_here"]) == (3, 3, 0, 1, 1)
    again.finish("sync")
    laptop.finish("sync")
    assert rows.read(rows.here) == rows.read(rows.there)
    assert [row[2] for row in rows.read(rows.here) if row[0] in ("k0", "k7")] == ["own", "own"]


def test_an_old_record_lacks_what_was_added_since(two, make_device):
    laptop, desktop = two
    here, there = (device.source("people.json") for device in two)
    options = ["--collection", "people", "--format", "json", "--key", "id", "--natural"]
    here.write_text('[{"id": "a", "name": "Ann"}, {"id": "b", "name": "Bob"}]\n')
    laptop.json("add", str(here), *options)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), *options, "--existing")
    both(laptop, desktop)
    desktop.end()
    shutil.rmtree(desktop.home)
    here.write_text('[{"id": "a", "name": "Ann", "note": "x", "zip": "1"}, {"id": "b", "name": "Bob"}]\n')
    laptop.sync()
    again = make_device("desktop2")
    laptop.pair(again)
    again.sync()
    said = again.json("add", str(there), *options, "--existing")
    assert figures(said) == {
        "equal": 1, "older": 1, "deleted": 0, "different": 0, "only_here": 0, "only_there": 0}
    assert again.sync()["in_sync"]
    laptop.sync()
    assert json.loads(there.read_text()) == json.loads(here.read_text()) and '"note"' in there.read_text()


def test_mine_of_rows_is_the_newest(rows):
    before = rows.read(rows.there)
    rows.again.json("add", str(rows.there), *rows.options(), "--existing", "--mine")
    assert conflicts(rows.again) == []
    rows.laptop.sync()
    assert rows.read(rows.here) == rows.read(rows.there) == before


def test_cards_that_were_away(two, make_device):
    laptop, desktop = two
    here, there = (device.source("cards") for device in two)

    def card(folder, uid, name, more=""):
        (folder / f"{uid}.vcf").write_text(
            f"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{uid}\r\nFN:{name}\r\n{more}END:VCARD\r\n", newline="")

    here.mkdir()
    for i in range(6):
        card(here, f"u{i}", f"Name {i}")
    laptop.json("add", str(here), "--collection", "cards", "--format", "vcard")
    laptop.sync()
    shutil.copytree(here, there, ignore=shutil.ignore_patterns(".counterfoil"))
    card(here, "u0", "Name of 0")
    card(here, "u1", "Name 1", "TEL:+1 234\r\n")
    (here / "u2.vcf").unlink()
    laptop.sync()
    desktop.sync()
    said = desktop.json("add", str(there), "--collection", "cards", "--format", "vcard", "--existing")
    assert figures(said) == {
        "equal": 3, "older": 2, "deleted": 1, "different": 0, "only_here": 0, "only_there": 0}
    assert desktop.sync()["in_sync"]
    laptop.sync()
    assert sorted(path.name for path in there.glob("*.vcf")) == sorted(path.name for path in here.glob("*.vcf"))
    assert "FN:Name of 0" in (there / "u0.vcf").read_text() and "TEL" in (there / "u1.vcf").read_text()


def test_a_home_of_rows_that_went_back(two):
    laptop, desktop = two
    here, there = laptop.source("p.csv"), desktop.source("p.csv")
    here.write_text("id,name\nv,V\nw,W\nx,Ann\ny,Bob\n")
    options = ["--collection", "p", "--format", "csv", "--key", "id"]
    laptop.json("add", str(here), *options)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), *options, "--existing")
    both(desktop, laptop)
    there.write_text("id,name\nv,V\nw,W\nx,Ann\ny,Bobby\n")
    both(desktop, laptop)
    shutil.copytree(desktop.home, desktop.home + "-copy")
    there.write_text("id,name\nv,V\nx,Anna\ny,Bobby\nz,Zoe\n")
    both(desktop, laptop)
    here.write_text("id,name\nv,V\nx,Annabel\ny,Bobby\nz,Zora\n")
    laptop.sync()
    shutil.rmtree(desktop.home)
    os.rename(desktop.home + "-copy", desktop.home)
    there.write_text("id,name\nv,Edited\nx,Anna\ny,Bobby\nz,Zoe\n")
    assert conflicts(desktop) == []
    laptop.sync()
    desktop.sync()
    assert sorted(here.read_text().split()) == sorted(there.read_text().split()) == [
        "id,name", "v,Edited", "x,Annabel", "y,Bobby", "z,Zora"]
