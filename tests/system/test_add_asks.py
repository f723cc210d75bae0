# SPDX-License-Identifier: Apache-2.0
"""What `add` tells beforehand, what it asks and what it refuses; and that a source may be named by its collection."""

import json
import os
import pty
import subprocess

import pytest

from cards import card, event
from counterfoil import CLEAN, WAIT, broker, fill, make_device, tree, two  # noqa: F401


def figures(said):
    return [said[name] for name in ("equal", "different", "only_here", "only_there")]


def typed(device, answer, *arguments):
    """The verb on a terminal of its own: its exit code, and what stood there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(device.command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=CLEAN,
                               start_new_session=True)
    os.close(theirs)
    os.write(ours, answer.encode())
    said = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    process.wait(timeout=WAIT)
    os.close(ours)
    return process.returncode, said.decode()


CARDS = {f"{name}.vcf": card(name, name) for name in ("ann", "bob", "cem")}
EVENTS = {f"{name}.ics": event(name, name) for name in ("one", "two")}


# ---- Beforehand ----

def test_a_rehearsal_counts_as_the_act_does(two):
    laptop, _ = two
    here = laptop.source()
    here.mkdir()
    fill(here, {"one": "1\n", "sub/two": "2\n"})
    table = laptop.source("p.csv")
    table.write_text("id,name\nx,Ann\ny,Bob\n")
    cards = laptop.source("cards")
    cards.mkdir()
    fill(cards, CARDS)
    for source, options, count in (here, [], 3), (table, ["--format", "csv", "--key", "id"], 2), (
            cards, ["--format", "vcard"], 3):
        rehearsed = laptop.json("add", "-n", str(source), *options)
        assert figures(rehearsed) == [0, 0, count, 0] and rehearsed["new"]
        assert not (source / ".counterfoil").exists() if source.is_dir() else True
        assert laptop.json("collections") == [] or source.name not in str(laptop.json("collections"))
        assert figures(laptop.json("add", str(source), *options)) == figures(rehearsed)


def test_a_rehearsal_of_cards_that_meet_others(two):
    laptop, desktop = two
    for device, names in (laptop, ("ann", "bob")), (desktop, ("bob", "cem")):
        folder = device.source("cards")
        folder.mkdir()
        fill(folder, {f"{name}.vcf": CARDS[f"{name}.vcf"] for name in names})
    add = ["--format", "vcard", "--collection", "family"]
    laptop.json("add", str(laptop.source("cards")), *add)
    laptop.sync()
    desktop.sync()
    assert figures(desktop.json("add", "-n", str(desktop.source("cards")), *add, "--existing")) == [1, 0, 1, 1]
    assert figures(desktop.json("add", str(desktop.source("cards")), *add, "--existing")) == [1, 0, 1, 1]


# ---- Contacts, or files ----

@pytest.mark.parametrize("files, format, what", [(CARDS, "vcard", "contacts"), (EVENTS, "icalendar", "events and tasks")])
def test_a_folder_of_cards_or_events_is_asked_about(two, files, format, what):
    laptop, _ = two
    here = laptop.source("kept")
    here.mkdir()
    fill(here, {**files, "color": "#ff0000"})
    said = laptop.run("add", str(here), code=2)
    assert what in said and f"--format {format}" in said and "--format files" in said
    code, said = typed(laptop, "y\n", "add", str(here))
    assert code == 0 and f"holds {len(files)} ." in said
    assert laptop.json("collections")[0]["format"] == format
    laptop.run("remove", str(here))
    code, said = typed(laptop, "n\n", "add", str(here), "--collection", "as files")
    assert code == 0 and {one["name"]: one["format"] for one in laptop.json("collections")}["as files"] == "files"


def test_a_card_among_other_files_is_a_file(two):
    laptop, _ = two
    here = laptop.source()
    here.mkdir()
    fill(here, {"ann.vcf": CARDS["ann.vcf"], "letter.txt": "dear\n", "notes.md": "n\n"})
    laptop.run("add", str(here))
    moved = here.with_name("moved")
    laptop.run("sync")
    (here / "letter.txt").unlink()
    (here / "notes.md").unlink()
    here.rename(moved)
    laptop.run("add", str(moved))  # what was a source is none to ask about


# ---- Named ----

def test_every_verb_takes_a_source_by_its_path_and_by_its_collection(two):
    laptop, _ = two
    here, table = laptop.source(), laptop.source("p.csv")
    here.mkdir()
    fill(here, {"one": "1\n"})
    table.write_text("id,name\n1,ann\n2,bob\n")
    laptop.run("add", str(here), "--collection", "notes")
    laptop.run("add", str(table), "--format", "csv", "--key", "id", "--collection", "people")
    laptop.sync()
    for path, name in (str(here), "notes"), (str(table), "people"):
        for verb, *more in (
            ("sync",), ("sync", "-n"), ("status",), ("log",), ("pause",), ("resume",), ("lock",), ("set",),
            ("set", "--max-delete", "7"), ("repair", "--refill"),
        ):
            said = [laptop.run(verb, what, *more).partition("\nbroker:")[0].partition(" until ")[0] for what in (path, name)]
            assert said[0] == said[1] and name in said[0], verb
        for what in path, name:
            laptop.run("lock", what)
            assert f"unlocked {name}" in laptop.run("unlock", what)
        laptop.run("remove", name)
        assert "is no source" in laptop.run("set", path, code=3)


# ---- Refused ----

def test_a_key_that_no_object_has(two):
    laptop, _ = two
    here = laptop.source("s.json")
    here.write_text(json.dumps({"items": [{"id": 1, "name": "salt"}, {"id": 2, "name": "rye"}]}))
    said = laptop.run("add", str(here), "--format", "json", "--key", "/items/ID", code=1)
    assert "no object at /items has a member 'ID'" in said and "id, name" in said
    laptop.run("add", str(here), "--format", "json", "--key", "/items/id")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_lacks_is_named(two, number):
    laptop, _ = two
    here = laptop.source("s.json")
    here.write_text('{"a": 1,\n "b": %s}\n' % number)
    said = laptop.run("add", str(here), "--format", "json", code=1)
    assert f"{number.lstrip('-')} stands here, and JSON has no such number" in said and "line 2" in said


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_a_number_that_json_lacks_is_named_when_it_comes_later(two, number):
    laptop, desktop = two
    here, there = (one.source("s.json") for one in two)
    here.write_text('{"a": 1, "b": 2}\n')
    for device, place in (laptop, here), (desktop, there):
        device.json("add", str(place), "--format", "json", "--collection", "s")
        device.sync()
    here.write_text('{"a": 3,\n "b": %s}\n' % number)
    for _ in range(2):
        assert laptop.finish("sync").returncode == 1
        found, = laptop.json("status")["collections"]
        assert f"{number.lstrip('-')} stands here, and JSON has no such number" in found["trouble"] and "line 2" in found["trouble"]
    desktop.sync()
    assert json.loads(there.read_text()) == {"a": 1, "b": 2}
    here.write_text('{"a": 3,\n "b": 4}\n')
    laptop.sync()
    desktop.sync()
    assert json.loads(there.read_text()) == {"a": 3, "b": 4}
