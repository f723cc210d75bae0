# SPDX-License-Identifier: Apache-2.0
"""`add` on a device that does not know yet what others did."""

import contextlib
import os
import shutil
import signal
import sqlite3

import pytest

from counterfoil import broker, fill, make_device, tree, two  # noqa: F401


def figures(said):
    return [said[name] for name in ("equal", "different", "only_here", "only_there")]


def folder(device, files):
    source = device.source("notes")
    source.mkdir()
    fill(source, files)
    return source


@pytest.mark.parametrize("serve", [False, True])
def test_it_asks_the_broker_before_it_says_new(two, broker, serve):
    laptop, desktop = two
    if serve:
        desktop.serve()
        broker.stop()
        broker.restart()
    here = laptop.add("notes", {"same": "s\n", "differs": "laptop\n", "there": "t\n"})
    laptop.sync()
    there = folder(desktop, {"same": "s\n", "differs": "desktop\n", "here": "h\n", "here too": "h\n"})
    said = desktop.json("add", str(there))
    assert said["collection"] == "desktop-notes" and said["new"], "another name is another collection"
    desktop.run("remove", str(there))
    said = desktop.json("add", str(there), "--collection", "notes")
    assert not said["new"] and said["asked"] and figures(said) == [1, 1, 2, 1]
    desktop.sync(code=4)
    laptop.sync(code=4)
    assert tree(here) == tree(there)


def test_what_is_equal_but_for_time_or_mode_was_not_changed(two):
    laptop, desktop = two
    here = laptop.add("notes", {"time": "t\n", "mode": "m\n", "moved": "n\n", "content": "c\n"})
    laptop.sync(), desktop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, {"time": "t\n", "mode": "m\n", "moved": "n\n", "content": "c\n"})
    for name in "time", "moved", "content":
        shutil.copystat(here / name, there / name)
    os.utime(there / "time", (10**9, 10**9))
    (there / "mode").chmod(0o600)
    words = ["add", str(there), "--collection", "notes", "--existing"]
    begins = "`counterfoil sync` begins with it"
    assert begins not in desktop.finish(*words, "-n").stderr
    assert begins in desktop.finish(*words).stderr

    def reasons():
        return {one["path"]: one["reason"] for one in desktop.json("status")["collections"][0]["pending"]}

    assert reasons() == {"time": "it has another time elsewhere", "mode": "it has another mode elsewhere"}
    assert desktop.sync()["in_sync"]
    (here / "moved").rename(here / "away")
    (here / "content").write_text("other\n")
    laptop.sync()
    desktop.add("other", {"x": "x\n"})  # learns of that, and applies nothing
    assert reasons() == {"moved": "it was moved elsewhere", "content": "it was changed elsewhere"}
    desktop.serve()
    desktop.source("served").mkdir()
    assert begins not in desktop.finish("add", str(desktop.source("served"))).stderr


def test_it_does_nothing_else_with_what_it_learns(two):
    laptop, desktop = two
    laptop.add("notes", {"one": "1\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    (laptop.source("notes") / "two").write_text("2\n")
    laptop.sync()
    (there / "three").write_text("3\n")
    desktop.add("other", {"x": "x\n"})
    assert sorted(tree(there)) == ["one", "three"]
    pending = desktop.json("status")["collections"][0]["pending"]
    assert {one["path"]: (one["kind"], one["reason"]) for one in pending}["three"] == ("unsent", "it is new here")
    assert {one["path"]: one["kind"] for one in pending}["two"] == "unapplied"
    assert desktop.sync()["in_sync"]
    assert sorted(tree(there)) == ["one", "three", "two"]


def test_a_new_one_that_exists_there_is_refused(two):
    laptop, desktop = two
    laptop.add("notes", {"one": "1\n"})
    laptop.sync()
    there = folder(desktop, {"mine": "m\n"})
    assert "there is a collection 'notes' already" in desktop.run(
        "add", str(there), "--collection", "notes", "--new", code=1)
    assert not (there / ".counterfoil").exists()


@pytest.mark.parametrize("options", [[], ["--new"]])
def test_without_the_broker_two_of_one_name_become_one(two, broker, options):
    laptop, desktop = two
    here = laptop.add("notes", {"same": "s\n", "there": "t\n"})
    laptop.sync()
    broker.stop()
    there = folder(desktop, {"same": "s\n", "here": "h\n"})
    done = desktop.finish("--json", "add", str(there), "--collection", "notes", *options)
    assert done.returncode == 0 and '"asked": false' in done.stdout, done.stdout + done.stderr
    assert "can't be asked" in done.stderr and "become one at the next sync" in done.stderr
    broker.restart()
    desktop.sync()
    laptop.sync()
    assert tree(here) == tree(there) == {"same": b"s\n", "there": b"t\n", "here": b"h\n"}


def test_without_the_broker_existing_takes_only_what_is_known(two, broker):
    laptop, desktop = two
    laptop.add("notes", {"one": "1\n"})
    laptop.sync()
    broker.stop()
    there = folder(desktop, {})
    assert "can't be asked" in desktop.run(
        "add", str(there), "--collection", "notes", "--existing", code=5)
    assert not (there / ".counterfoil").exists()
    broker.restart()
    desktop.sync()
    broker.stop()
    done = desktop.finish("add", str(there), "--collection", "notes", "--existing")
    assert done.returncode == 0 and "compared with what was known here before" in done.stderr


def test_a_broker_that_says_nothing_is_waited_for_no_longer_than_asked(two, broker):
    _, desktop = two
    broker.process.send_signal(signal.SIGSTOP)
    try:
        done = desktop.finish("add", str(folder(desktop, {"a": "a\n"})), "--timeout", "1s")
        assert done.returncode == 0 and "can't be asked" in done.stderr
    finally:
        broker.process.send_signal(signal.SIGCONT)


# ---- Names ----

def tables(path):
    with sqlite3.connect(path) as database:
        database.executescript("CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, name TEXT)")
    return path


@pytest.mark.parametrize("name", ["book.db", "my book", "a.b c.d"])
def test_a_name_with_dots_and_spaces_is_one_like_any_other(two, name):
    laptop, desktop = two
    paths = [device.source("x") / name for device in two]
    for path in paths:
        path.parent.mkdir()
        tables(path)
    with sqlite3.connect(paths[0]) as database:
        database.execute("INSERT INTO people VALUES (1, 'Anna')")
    laptop.json("add", str(paths[0]), "--format", "sqlite")
    laptop.sync()
    told = desktop.json("add", str(paths[1]), "--format", "sqlite", "--existing")
    assert told["collection"] == name and told["only_there"] == 1
    desktop.sync(0, name)
    with sqlite3.connect(paths[1]) as database:
        assert database.execute("SELECT name FROM people").fetchall() == [("Anna",)]
    assert f"{name}: new people/1" in desktop.run("log", f"{name}//people/1")
    told = laptop.json("collections", "rename", name, f"{name}.other")
    assert told == {"name": f"{name}.other", "id": laptop.json("collections")[0]["id"]}


def test_who_names_no_collection_hears_which_there_are(two):
    laptop, desktop = two
    path = tables(laptop.source("x").with_name("book.db"))
    laptop.json("add", str(path), "--format", "sqlite", "--collection", "book")
    laptop.sync()
    other = desktop.source("there")
    other.mkdir()
    message = desktop.run("add", str(tables(other / "book.db")), "--format", "sqlite", "--existing", code=3)
    assert "no collection 'book.db' (the source's name): --collection NAME says which; there are 'book'" in message
    message = desktop.run("add", str(other / "book.db"), "--format", "sqlite", "--existing", "--collection", "boock",
                          code=3)
    assert "no collection 'boock'; there are 'book'" in message
    message = desktop.run("add", str(other / "people.csv"), "--format", "csv", "--key", "id", "--existing",
                          "--collection", "book", code=2)
    assert "'book' holds rows of a database, people.csv is to hold records: --format sqlite" in message
    message = desktop.run("add", str(other / "nowhere"), code=3)
    assert "is not there" in message and "there are 'book'" in message


LIKE = {
    "csv": "id,name\n1,Ann\n",
    "json": '[{"id": 1, "name": "Ann"}]\n',
    "vcard": "\ufeffBEGIN:VCARD\r\nVERSION:4.0\r\nUID:u1\r\nFN:Ann\r\nEND:VCARD\r\n",
    "icalendar": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:u2\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
}


def test_what_is_another_format_is_no_source(make_device, tmp_path):
    laptop = make_device("laptop")
    laptop.init()
    with contextlib.closing(sqlite3.connect(tables(tmp_path / "made"))):
        pass
    shutil.copy(tmp_path / "made", tmp_path / "sqlite")  # which nobody has open
    for format, text in LIKE.items():
        (tmp_path / format).write_text(text)
    for found in [*LIKE, "sqlite"]:
        for said in [*LIKE, "sqlite"]:
            key = ["--key", "id"] if said in ("csv", "json") else []
            done = laptop.finish("add", str(tmp_path / found), "--format", said, *key, "-n")
            if found == said:
                assert done.returncode == 0, done.stderr
                continue
            assert done.returncode == 2, (found, said, done.stderr)
            answer = f"--format {found}" + (" --key COLUMN" if found == "csv" else "")
            assert f"can be read as {said}" in done.stderr and answer in done.stderr
    assert "--format vcard" in laptop.run("add", str(tmp_path / "vcard"), "--format", "csv", code=2)
    laptop.run("add", str(tmp_path / "csv"), "--format", "vcard", code=2)
    assert laptop.json("collections") == []


def test_what_has_no_records_as_yet_or_some_is_a_source(make_device, tmp_path):
    laptop = make_device("laptop")
    laptop.init()
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    for said in [*LIKE, "sqlite"]:
        key = ["--key", "id"] if said in ("csv", "json") else []
        said = laptop.run("add", str(tmp_path / "noise"), "--format", said, *key, code=2)
        assert "the folder that it lies in" in said
    taken = {"empty.vcf": "", "blank.ics": "\r\n", "some.vcf": "junk\r\n" + LIKE["vcard"][1:], "none.csv": "id\n",
             "cut.vcf": "BEGIN:VCARD\r\nFN:An", "none.json": "[]\n",
             "journal.ics": LIKE["icalendar"].replace("VEVENT", "VJOURNAL")}
    formats = {"vcf": ["vcard"], "ics": ["icalendar"], "csv": ["csv", "--key", "id"], "json": ["json", "--key", "id"]}
    for name, text in taken.items():
        (tmp_path / name).write_text(text)
        laptop.json("add", str(tmp_path / name), "--format", *formats[name.split(".")[1]])
    (tmp_path / "one.csv").write_text("name\nAnn\n")
    assert "no column id" in laptop.run("add", str(tmp_path / "one.csv"), "--format", "csv", "--key", "id", code=1)
