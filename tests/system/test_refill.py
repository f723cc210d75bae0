# SPDX-License-Identifier: Apache-2.0
"""`repair SOURCE --refill`: the log wins, and what lies there and is no version in it is put aside first."""

import csv
import os
import shutil
import sqlite3
import subprocess

import pytest

from counterfoil import as_nobody, both, broker, fill, make_device, pair_of_notes, tree, two  # noqa: F401


def kept(place):
    """What was put aside, by its path: each time has a folder of its own."""
    found = {}
    for folder in sorted((place / "kept").iterdir()) if (place / "kept").exists() else []:
        found.update(tree(folder))
    return found


def entries(device, collection):
    return len([one for one in device.json("log", "-n", "1000") if one["collection"] == collection])


def test_a_folder_is_filled_and_what_is_not_in_the_log_is_kept(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (there / "one.txt").write_text("newer\n")
    (there / "three").write_text("3\n")
    both(desktop, laptop)
    (there / "three").write_text("3, newer\n")
    both(desktop, laptop)
    told = entries(laptop, "notes")
    before = tree(there)
    (here / "one.txt").write_text("one\n")  # an old version
    (here / "three").unlink()
    fill(here, {"sub/two.txt": "changed and never told\n", "own/deep/a": "a\n", "own/b": "b\n", "c": "c\n"})
    os.symlink("nowhere", here / "link")
    done = laptop.finish("repair", str(here), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(here) == before, "it is filled when it returns"
    aside = {path: what for path, what in kept(here / ".counterfoil").items() if what is not None}
    assert aside == {"sub/two.txt": b"changed and never told\n", "own/deep/a": b"a\n", "own/b": b"b\n", "c": b"c\n",
                     "link": ("link", b"nowhere")}
    for path in aside:
        assert f"{path}: it is no version that the log has; it is kept in " in done.stderr
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert tree(there) == before and entries(laptop, "notes") == told, "nothing is published"
    (here / "c").write_text("again\n")
    laptop.run("repair", str(here), "--refill")
    assert kept(here / ".counterfoil")["c"] == b"again\n" and len(list((here / ".counterfoil/kept").iterdir())) == 2
    laptop.run("remove", str(here))
    assert kept(here / ".counterfoil")["own/b"] == b"b\n", "nobody but its user removes it"


def test_what_was_deleted_elsewhere_is_told_before_and_after(pair_of_notes):
    """That was held here, until all was removed here by mistake: the log has it no more."""
    laptop, desktop, here, there = pair_of_notes
    fill(here, {f"many/{i}": f"{i}\n" for i in range(120)})
    for path in [*(here / "many").iterdir(), here / "many"]:
        os.utime(path, (10**9, 10**9))
    both(laptop, desktop)
    before = tree(here)
    shutil.rmtree(there / "many")
    desktop.run("sync", "--yes")
    laptop.run("sync", code=8)
    assert tree(here) == before
    kept = tree(there)
    for path in [path for path in here.iterdir() if path.name != ".counterfoil"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = laptop.finish("sync")
    assert said.returncode == 8 and "brings them back, but nothing that was deleted elsewhere" in said.stderr
    assert "121 of them were deleted elsewhere before, and only you can put those back" in said.stdout
    assert "121 of them were deleted elsewhere before" in laptop.run("status")
    done = laptop.finish("repair", str(here), "--refill")
    assert done.returncode == 0 and tree(here) == kept, done.stdout + done.stderr
    assert f"121 of {121 + len(kept)} items were deleted elsewhere, and are not brought back" in done.stderr
    again = laptop.finish("repair", str(here), "--refill")
    assert "deleted elsewhere" not in again.stderr, again.stderr


def test_a_folder_of_other_things_is_not_offered_to_be_filled(pair_of_notes):
    """A stick of somebody else's, as far as anybody sees; an empty one may be filled."""
    laptop, _, here, _ = pair_of_notes
    here.rename(here.with_name("away"))
    here.mkdir()
    assert "--refill" in laptop.run("sync", code=8)
    (here / "photo.jpg").write_bytes(b"other")
    said = laptop.run("sync", code=8)
    assert "holds other things: bring that back" in said and "--refill" not in said, said
    shutil.rmtree(here)
    here.with_name("away").rename(here)
    assert laptop.sync()["in_sync"]


def test_a_receiver_that_differs_is_filled(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a\n", "b": "b\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", {"a": "mine\n", "own": "own\n"}, "--existing", "--mode", "receive")
    desktop.sync(1)
    desktop.run("repair", str(there), "--refill")
    assert tree(there) == tree(here) and desktop.sync()["in_sync"]
    assert kept(there / ".counterfoil") == {"a": b"mine\n", "own": b"own\n"}


def test_what_was_moved_in_a_receiver_is_a_version_of_another_name(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a\n", "sub/b": "b\n", "sub/c": "c\n", "large": "l" * 100000})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing", "--mode", "receive")
    desktop.sync()
    (there / "a").rename(there / "a2")
    (there / "large").rename(there / "large2")
    (there / "sub").rename(there / "subx")
    (there / "subx/c").write_text("own\n")
    (there / "sub").mkdir()
    (there / "sub/b").write_text("a\n")
    done = desktop.finish("repair", str(there), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(there) == tree(here)
    said = dict(line.removeprefix("counterfoil: ").split("; it is kept in ")[0].split(": ")
                for line in done.stderr.splitlines())
    assert said == {path: "the log has it under another name" for path in ("a2", "large2", "subx/b", "sub/b")} | {
        "subx/c": "it is no version that the log has"}
    assert kept(there / ".counterfoil")["subx/b"] == b"b\n" and kept(there / ".counterfoil")["a2"] == b"a\n"


def test_folders_in_which_nobody_may_write(two, as_nobody):
    laptop, desktop = two
    files = {"cache/m@v1/LICENSE": "1\n", "cache/m@v1/doc/page": "2\n"}
    here = laptop.add("notes", files)
    shut = ["cache/m@v1/doc", "cache/m@v1", "cache"]
    for folder in shut:
        (here / folder).chmod(0o555)
    laptop.sync()
    desktop.source().mkdir()
    as_nobody(desktop, desktop.home, desktop.source())
    desktop.sync()
    there = desktop.add("notes", None, "--existing", "--mode", "receive")
    desktop.sync()
    for folder in reversed(shut):
        (there / folder).chmod(0o755)
    fill(there, {"cache/m@v1/LICENSE": "mine\n", "cache/m@v1/own/deep": "own\n", "cache/m@v1/none": "none\n"})
    (there / "cache/m@v1/own").chmod(0o555)
    (there / "cache/m@v1/none").chmod(0)
    for folder in shut:
        (there / folder).chmod(0o555)
    subprocess.run(["chown", "-R", "65534:65534", there], check=True)
    done = desktop.finish("repair", str(there), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(there) == tree(here)
    assert kept(there / ".counterfoil")["cache/m@v1/LICENSE"] == b"mine\n"
    assert kept(there / ".counterfoil")["cache/m@v1/own/deep"] == b"own\n"
    assert [(there / folder).stat().st_mode & 0o777 for folder in shut] == [0o555] * 3
    assert desktop.sync()["in_sync"]


class Base:
    def __init__(self, path):
        self.path = path

    def run(self, *statements):
        base = sqlite3.connect(self.path)
        for one in statements:
            base.execute(one)
        base.commit()
        base.close()

    def rows(self):
        base = sqlite3.connect(self.path)
        rows = base.execute("select id, name from people order by id").fetchall()
        base.close()
        return rows


@pytest.fixture(params=["text", "integer"])
def bases(request, two):
    laptop, desktop = two
    here, there = Base(laptop.source("b.db")), Base(desktop.source("b.db"))
    for base in here, there:
        base.run(f"create table people (id {request.param} primary key, name text)")
    here.run(*(f"insert into people values ({i}, 'name {i}')" for i in range(1, 9)))
    laptop.json("add", str(here.path), "--collection", "b", "--format", "sqlite")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there.path), "--collection", "b", "--format", "sqlite", "--existing")
    both(laptop, desktop)
    shutil.copy(here.path, str(here.path) + ".old")
    there.run("update people set name = 'edited' where id < 4", "delete from people where id = 8",
              "insert into people values (9, 'nine')")
    both(desktop, laptop)
    assert here.rows() == there.rows() and len(here.rows()) == 8
    return laptop, desktop, here, there


def test_an_older_database_in_its_place_publishes_nothing(bases):
    laptop, desktop, here, there = bases
    before, told = here.rows(), entries(laptop, "b")
    here.path.unlink()
    os.rename(str(here.path) + ".old", here.path)
    laptop.sync(8)
    laptop.run("repair", str(here.path), "--refill")
    assert here.rows() == before
    both(laptop, desktop)
    assert here.rows() == there.rows() == before and entries(laptop, "b") == told
    assert not os.path.exists(os.path.join(laptop.home, "kept"))


def test_rows_that_the_log_never_had_are_kept_as_csv(bases):
    laptop, desktop, here, there = bases
    before, told = here.rows(), entries(laptop, "b")
    here.path.unlink()
    os.rename(str(here.path) + ".old", here.path)
    here.run("update people set name = 'own, \"quoted\"' where id = 2", "insert into people values (77, 'of its own')")
    done = laptop.finish("repair", str(here.path), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "people/2: it is no version" in done.stderr and "people/77: it is no version" in done.stderr
    assert here.rows() == before
    both(laptop, desktop)
    assert here.rows() == there.rows() == before and entries(laptop, "b") == told
    place = here.path.parent / laptop.home / "kept"
    (aside,) = place.glob("*/*.csv")
    assert [row for row in csv.reader(aside.open(newline=""))] == [
        ["key", "name"], ["2", 'own, "quoted"'], ["77", "of its own"]]


def test_yes_says_the_opposite(bases):
    laptop, desktop, here, there = bases
    here.path.unlink()
    os.rename(str(here.path) + ".old", here.path)
    said = laptop.sync(8)["collections"][0]
    assert "--yes" in str(said)
    laptop.run("sync", "--yes")
    desktop.finish("sync", "--yes")
    assert there.rows() == here.rows() == [(row[0], f"name {row[0]}") for row in here.rows()] and len(here.rows()) == 8


def test_a_table_is_filled(two):
    laptop, desktop = two
    here, there = laptop.source("p.csv"), desktop.source("p.csv")
    here.write_text("id,name\nx,Ann\ny,Bob\nz,Cem\n")
    options = ["--collection", "p", "--format", "csv", "--key", "id"]
    laptop.json("add", str(here), *options)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), *options, "--existing")
    both(laptop, desktop)
    there.write_text("id,name\nx,Anna\ny,Bob\n")
    both(desktop, laptop)
    here.write_text("id,name\nx,Ann\ny,Bobby\nz,Cem\nw,Will\n")
    laptop.run("repair", str(here), "--refill")
    assert here.read_text() == there.read_text()
    both(laptop, desktop)
    assert here.read_text() == there.read_text() == "id,name\nx,Anna\ny,Bob\n"
    (aside,) = (here.parent / laptop.home / "kept").glob("*/*.csv")
    assert [row for row in csv.reader(aside.open(newline=""))] == [["key", "name"], ["y", "Bobby"], ["w", "Will"]]


def test_under_serve(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.serve()
    before = tree(there)
    shutil.rmtree(here)
    here.mkdir()
    laptop.run("repair", str(here), "--refill")
    assert tree(here) == before


def test_a_database_that_its_program_holds_is_locked_by_another(bases):
    laptop, desktop, here, there = bases
    there.run("update people set name = 'never told' where id = 1")
    before = there.rows()
    program = sqlite3.connect(there.path, isolation_level=None)
    program.execute("BEGIN EXCLUSIVE")
    told = desktop.run("repair", str(there.path), "--refill", code=9)
    assert "another program holds the database for itself: close that program, and say this again" in told
    program.execute("ROLLBACK")
    program.close()
    assert there.rows() == before and not os.path.exists(os.path.join(desktop.home, "kept")), "nothing was done"
    desktop.run("repair", str(there.path), "--refill")
    assert there.rows() == here.rows()
