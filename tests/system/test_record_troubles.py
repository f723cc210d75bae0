# SPDX-License-Identifier: Apache-2.0
"""Records where something is in the way: a revocation, a lock, a full disk, another sync, another clock."""

import os
import subprocess

import pytest

from cards import card, fill, items
from counterfoil import broker, make_device, two, wait_until  # noqa: F401
from protocol import hash_of, pack
from reader_records import Records
from test_full import make_disk  # noqa: F401
from test_revocations import Scene, offline

PEOPLE = "name,email,town\nanna,anna@example.org,Paris\nbert,bert@example.org,Rome\ncleo,,Bonn\n"
CSV = ("--collection", "people", "--format", "csv", "--key", "name")


def place(device):
    return device.source("people.csv")


def add(device, content=None):
    if content is not None:
        place(device).write_text(content)
    device.json("add", str(place(device)), *CSV)


def share(laptop, desktop):
    add(laptop, PEOPLE)
    laptop.sync()
    desktop.sync()
    add(desktop)
    desktop.sync()
    assert place(desktop).read_text() == PEOPLE
    return laptop, desktop


@pytest.fixture
def people(two):
    return share(*two)


def both(*devices):
    for _ in range(2):
        for device in devices:
            device.finish("sync")


# ---- A device that is shut out ----


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path)
    share(made.desk, made.lap)
    made.read(made.owner, made.suspect)
    made.people = made.owner.collection("people")
    yield made
    made.end()


def record(key):
    return b"j" + hash_of("record", pack(["records", key]))[:15]


def dots(device, collection, item, field):
    return [fact.dot for fact in Records(device.bodies(collection), None).facts(item, field)]


def test_rows_of_one_that_is_shut_out_are_taken_back(scene):
    desk, lap, suspect = scene.desk, scene.lap, scene.suspect
    new, anna = record("dora"), record("anna")
    wire = offline(suspect, scene.people, [
        (new, "/table", [], False, "records"), (new, "/key", [], False, "dora"),
        (new, "/columns/town", [], False, "Oslo"),
        (anna, "/columns/town", dots(suspect, scene.people, anna, "/columns/town"), False, "Ruin"),
        (anna, "/columns/email", dots(suspect, scene.people, anna, "/columns/email"), False, "ruined@example.org"),
    ])
    entry = scene.revocation(scene.owner, suspect.identity.id)  # made before the broker has heard of it
    scene.bring(suspect, wire)
    both(desk, lap)
    spoiled = PEOPLE.replace("anna@example.org,Paris", "ruined@example.org,Ruin") + "dora,,Oslo\n"
    assert place(desk).read_text() == place(lap).read_text() == spoiled
    place(lap).write_text(spoiled.replace("Rome", "Kiel"))
    lap.sync()
    scene.bring(scene.owner, entry)
    both(desk, lap)
    assert place(desk).read_text() == place(lap).read_text() == PEOPLE.replace("Rome", "Kiel")
    place(desk).write_text(place(desk).read_text().replace("Paris", "Lyon"))
    both(desk, lap)
    assert place(lap).read_text() == PEOPLE.replace("Rome", "Kiel").replace("Paris", "Lyon")
    assert desk.json("status")["in_sync"] and lap.json("status")["in_sync"]


# ---- Locks ----


@pytest.mark.parametrize("by_path", [False, True])
def test_what_is_done_to_locked_records_waits(people, by_path):
    laptop, desktop = people
    laptop.run("lock", str(place(laptop)) if by_path else "people", "--for", "5m")
    place(desktop).write_text(PEOPLE.replace("Rome", "Kiel"))
    desktop.sync(9, "--timeout", "2s")
    pending, = desktop.json("status")["collections"][0]["pending"]
    assert (pending["kind"], pending["path"]) == ("locked", "bert") and laptop.name in pending["reason"]
    place(laptop).write_text(PEOPLE.replace("Paris", "Lyon"))
    laptop.sync()
    desktop.sync(9, "--timeout", "2s")
    assert place(desktop).read_text() == PEOPLE.replace("Rome", "Kiel").replace("Paris", "Lyon")
    assert place(laptop).read_text() == PEOPLE.replace("Paris", "Lyon")
    laptop.run("unlock", str(place(laptop)) if by_path else "people")
    both(desktop, laptop)
    assert place(laptop).read_text() == place(desktop).read_text()
    assert "Kiel" in place(laptop).read_text() and desktop.json("status")["in_sync"]


# ---- A full disk ----


def test_a_full_disk_leaves_the_file_as_it_is(two, make_disk):
    laptop, desktop = two
    disk = make_disk("disk", "1m")
    desktop.folder = disk.path
    share(laptop, desktop)
    more = PEOPLE + "".join(f"name{number},{'x' * 100},y\n" for number in range(2000))
    place(laptop).write_text(more)
    laptop.sync()
    disk.fill(room=100_000)
    report = desktop.json("sync", code=1)
    pending, = report["collections"][0]["pending"]
    assert "No space left on device; make room" in pending["reason"], pending
    told = desktop.json("status")["collections"][0]["pending"]
    assert [one["reason"] for one in told if one["kind"] == "skipped"] == [pending["reason"]], told[:3]
    assert place(desktop).read_text() == PEOPLE
    assert set(os.listdir(disk.path)) == {"ballast", place(desktop).name}, "nothing is left beside it"
    place(laptop).write_text(more.replace("Rome", "Kiel"))
    laptop.sync()
    disk.make_room()
    assert desktop.sync()["in_sync"] and not desktop.json("status")["collections"][0]["pending"]
    assert sorted(place(desktop).read_text().split("\n")) == sorted(place(laptop).read_text().split("\n"))


def test_a_full_disk_takes_as_many_cards_as_there_is_room_for(two, make_disk):
    """Those that are made together, too: each is there as a whole, or not."""
    laptop, desktop = two
    disk = make_disk("disk", "4m")
    cards = {f"p{i}.vcf": card(f"p{i}", f"Person {i}", "NOTE:" + "x" * 3000) for i in range(400)}
    here, there = fill(laptop.source("cards"), cards), disk.path / "cards"
    laptop.json("add", str(here), "--format", "vcard", "--collection", "cards")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--format", "vcard", "--collection", "cards", "--existing")
    disk.fill(room=1_000_000)
    told, = desktop.sync(1)["collections"]
    some, reasons = items(there), {one["path"]: one["reason"] for one in told["pending"]}
    assert 0 < len(some) < 400 and len(some) + len(reasons) == 400
    assert all("No space left on device; make room" in reason for reason in reasons.values()), reasons
    told = desktop.json("status")["collections"][0]["pending"]
    assert len(told) == len(reasons) and all("No space left on device; make room" in one["reason"] for one in told), told[:3]
    assert all(text.endswith("END:VCARD\r\n") for text in some.values())
    assert not list((there / ".counterfoil/tmp").iterdir())
    disk.make_room()
    assert desktop.sync()["in_sync"] and sorted(items(there)) == sorted(cards)
    assert laptop.sync()["in_sync"] and items(here) == cards


# ---- Two at once ----


def test_two_syncs_at_once(people):
    laptop, desktop = people
    for turn in range(4):
        text = place(laptop).read_text()
        place(laptop).write_text(text.replace(f"Paris{turn or ''}", f"Paris{turn + 1}"))
        place(desktop).write_text(place(desktop).read_text().replace("Bonn", "Bonn!"))
        running = [device.start("sync") for device in (laptop, laptop, desktop, laptop, desktop)]
        codes = [process.communicate(timeout=60) and process.returncode for process in running]
        assert set(codes) <= {0, 9}, codes
    both(laptop, desktop)
    assert place(laptop).read_text() == place(desktop).read_text()
    assert "Paris4" in place(laptop).read_text() and "Bonn!!!!" in place(laptop).read_text()
    assert laptop.json("status")["collections"][0]["conflicts"] == []
    edits = [event for event in laptop.json("log") if event["change"] == "edited" and event["path"] == "anna"]
    assert len(edits) == 4, "each edit once"


# ---- Clocks ----


def test_devices_whose_clocks_differ(people, monkeypatch):
    laptop, desktop = people
    library = os.environ.get("CF_CLOCK_LIBRARY")
    if not library:
        pytest.skip("needs a clock that can be set")

    def sync(device, hours):
        done = device.finish("sync", environment={"LD_PRELOAD": library, "CF_CLOCK_SHIFT": str(hours * 3600)})
        assert done.returncode in (0, 4), done.stdout + done.stderr

    def edit(device, old, new):
        place(device).write_text(place(device).read_text().replace(old, new))

    edit(laptop, "Rome", "Oslo")
    sync(laptop, 5)  # it is five hours later there,
    sync(desktop, -7)  # and here seven earlier: what is done now is later all the same
    edit(desktop, "Oslo", "Kiel")
    sync(desktop, -7)
    sync(laptop, 5)
    assert place(laptop).read_text() == place(desktop).read_text() == PEOPLE.replace("Rome", "Kiel")
    assert laptop.json("status")["collections"][0]["conflicts"] == []
    edit(laptop, "Paris", "Lyon")
    edit(desktop, "Paris", "Nice")
    edit(desktop, "Bonn", "Ulm")
    for _ in range(2):
        sync(laptop, 5)
        sync(desktop, -7)
    sync(laptop, 5)
    assert place(laptop).read_text() == place(desktop).read_text()
    conflict, = laptop.json("status")["collections"][0]["conflicts"]
    assert conflict["path"] == "anna/town" and "Ulm" in place(laptop).read_text()
