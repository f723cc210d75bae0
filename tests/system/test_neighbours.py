# SPDX-License-Identifier: Apache-2.0
"""Programs of others that have the same folders: vdirsyncer, khard, khal and todoman, as Debian has them."""

import json
import os
import shutil
import subprocess

import pytest

from cards import EXPORTS, Pair, card, edit, entries, event, fill, items
from counterfoil import broker, make_device, two, wait_until  # noqa: F401

PROGRAMS = ("vdirsyncer", "khard", "khal", "todoman")
MISSING = [name for name in PROGRAMS if not shutil.which(name)]

PEOPLE = {"anna.vcf": card("anna", "Anna Example", "N:Example;Anna;;;", "EMAIL;TYPE=HOME:anna@example.org",
                           "TEL;TYPE=CELL:+49 1"),
          "bert.vcf": card("bert", "Bert Example", "N:Example;Bert;;;", "EMAIL:bert@example.org")}
HOME = {"breakfast.ics": event("breakfast", "Breakfast", "DTSTART:20261124T090000Z", "DTEND:20261124T100000Z"),
        "shopping.ics": event("shopping", "Shopping", "PRIORITY:5", what="VTODO")}


def test_they_are_installed():
    assert MISSING == [], "tests/packages names the Debian packages of programs that are tried with ours"


class Neighbours:
    def __init__(self, folder):
        self.folder = folder

    def run(self, *command):
        environment = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, input="")
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def config(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def vdirsync(self, ours, theirs, extension):
        config = self.config("vdirsyncer", f"""
[general]
status_path = "{self.folder}/vdirsyncer-status/"
[pair home]
a = "ours"
b = "theirs"
collections = null
conflict_resolution = "a wins"
[storage ours]
type = "filesystem"
path = "{ours}"
fileext = "{extension}"
[storage theirs]
type = "filesystem"
path = "{theirs}"
fileext = "{extension}"
""")
        self.run("vdirsyncer", "-c", config, "discover")
        return self.run("vdirsyncer", "-c", config, "sync")

    def khard(self, folder, *arguments):
        config = self.config("khard", f"""
[addressbooks]
[[people]]
path = {folder}
[general]
default_action = list
""")
        return self.run("khard", "-c", config, *arguments)

    def khal(self, folder, *arguments):
        config = self.config("khal", f"""
[calendars]
[[home]]
path = {folder}
[sqlite]
path = {self.folder}/khal.db
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = UTC
default_timezone = UTC
""")
        return self.run("khal", "-c", config, *arguments)

    def tasks(self, folder, *arguments):
        config = self.config("todoman.py", f'path = "{folder}"\ncache_path = "{self.folder}/todoman.db"\n')
        return self.run("todoman", "--config", config, "--porcelain", *arguments)


@pytest.fixture
def neighbours(tmp_path):
    return Neighbours(tmp_path)


def test_vdirsyncer_syncs_a_folder_of_ours(two, neighbours, tmp_path):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "vcard", fill(laptop.source("people"), PEOPLE), desktop.source("people"))
    theirs = fill(tmp_path / "theirs", {"c.vcf": card("cleo", "Cleo Example")})

    def turn():
        neighbours.vdirsync(pair.there, theirs, ".vcf")
        pair.both()

    turn()
    assert {len(items(folder)) for folder in (pair.here, pair.there, theirs)} == {3}
    edit(pair.here / "anna.vcf", "+49 1", "+49 2")
    edit(theirs / "bert.vcf", "bert@example.org", "bert@new.example")
    pair.both()
    turn()
    turn()
    for folder in (pair.here, pair.there, theirs):
        assert "+49 2" in items(folder)["anna.vcf"] and "bert@new.example" in items(folder)["bert.vcf"]
    before = [entries(laptop), *(items(folder) for folder in (pair.here, pair.there, theirs))]
    for _ in range(3):
        assert "Copying" not in neighbours.vdirsync(pair.there, theirs, ".vcf"), "nothing goes back and forth"
        pair.both()
    assert [entries(laptop), *(items(folder) for folder in (pair.here, pair.there, theirs))] == before
    (theirs / "c.vcf").unlink()
    turn()
    assert "Cleo" not in str(items(pair.here))


def test_vdirsyncer_while_both_are_served(two, neighbours, tmp_path):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), HOME), desktop.source("home"))
    theirs = fill(tmp_path / "theirs", {f"{n}.ics": event(f"n{n}", f"Number {n}", "DTSTART:20261126T090000Z")
                                        for n in range(20)})
    for device in two:
        device.serve()
    neighbours.vdirsync(pair.there, theirs, ".ics")
    wait_until(lambda: len(items(pair.here)) == 22, "all have arrived")
    edit(pair.here / "breakfast.ics", "SUMMARY:Breakfast", "SUMMARY:Brunch")
    wait_until(lambda: "Brunch" in items(pair.there)["breakfast.ics"], "the change arrives")
    neighbours.vdirsync(pair.there, theirs, ".ics")
    assert "Brunch" in items(theirs)["breakfast.ics"]
    assert "Copying" not in neighbours.vdirsync(pair.there, theirs, ".ics")


def test_khard_reads_and_changes_what_we_wrote(two, neighbours):
    laptop, desktop = two
    here = laptop.source("people")
    fill(here, PEOPLE)
    fill(here, {"khard.vcf": (EXPORTS / "khard.vcf").read_bytes().split(b"END:VCARD")[0] + b"END:VCARD\r\n"})
    pair = Pair(laptop, desktop, "vcard", here, desktop.source("people"))
    assert neighbours.khard(pair.there, "email", "--parsable", "anna").splitlines()[-1].startswith("anna@example.org\t")
    assert neighbours.khard(pair.there, "list", "--parsable").count("\n") == 3
    neighbours.khard(pair.there, "copy", "-h")
    made = neighbours.folder / "new.yaml"
    made.write_text("First name: Dora\nLast name: Example\nEmail:\n    work: dora@example.org\n")
    neighbours.khard(pair.there, "new", "-a", "people", "-i", str(made))
    pair.both()
    assert any("dora@example.org" in text for text in items(pair.here).values())
    before = entries(laptop)
    pair.both()
    assert entries(laptop) == before


def test_khal_and_todoman_read_and_change_what_we_wrote(two, neighbours):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), HOME), desktop.source("home"))
    assert "09:00 Breakfast" in neighbours.khal(pair.there, "list", "--format", "{start-time} {title}", "2026-11-24", "1d")
    tasks = json.loads(neighbours.tasks(pair.there, "list"))
    assert [(task["summary"], task["priority"]) for task in tasks] == [("Shopping", 5)]
    neighbours.khal(pair.there, "new", "-a", "home", "2026-11-25", "12:00", "13:00", "Lunch")
    neighbours.tasks(pair.there, "done", str(tasks[0]["id"]))
    pair.both()
    assert "Lunch" in str(items(pair.here)) and "STATUS:COMPLETED" in items(pair.here)["shopping.ics"]
    edit(pair.here / "breakfast.ics", "SUMMARY:Breakfast", "SUMMARY:Brunch")
    pair.both()
    assert "Brunch" in neighbours.khal(pair.there, "list", "2026-11-24", "1d")
    before = entries(laptop)
    pair.both()
    assert entries(laptop) == before
