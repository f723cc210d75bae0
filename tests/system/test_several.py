# SPDX-License-Identifier: Apache-2.0
"""Several sources of one collection on one device: a folder of vCards and a file with all of them, two folders."""

import contextlib
import random
import subprocess

import pytest

from cards import card, edit, entries, fill, items, write
from counterfoil import broker, make_device, tree, two, wait_until  # noqa: F401
from several_scene import alone, cards  # noqa: F401

PEOPLE = {
    "anna.vcf": card("anna", "Anna Example", "EMAIL:anna@example.org", "X-LUCKY:7"),
    "bert.vcf": card("bert", "Bert Example", "EMAIL:bert@example.org"),
    "cleo.vcf": card("cleo", "Cleo Example", "EMAIL:cleo@example.org"),
}


def sources(device):
    return {one["source"]: one for one in device.json("status")["collections"]}


class Desk:
    """A device with two sources of one collection of contacts."""

    def __init__(self, device):
        self.device = device
        self.folder, self.file = fill(device.source("people"), PEOPLE), device.source("people.vcf")
        device.json("add", str(self.folder), "--collection", "people", "--format", "vcard")
        device.sync()
        self.told = device.json("add", str(self.file), "--collection", "people", "--format", "vcard")
        device.sync()

    def expect_equal(self):
        assert cards(self.folder) == cards(self.file)

    def expect_quiet(self):
        before = entries(self.device), items(self.folder), self.file.read_bytes()
        self.device.finish("sync")
        self.device.finish("sync")
        assert (entries(self.device), items(self.folder), self.file.read_bytes()) == before


@pytest.fixture
def desk(alone):
    return Desk(alone)


def test_one_follows_the_other_without_any_broker(desk):
    assert desk.told["beside"] == [str(desk.folder)] and not desk.told["new"]
    assert {name: desk.told[name] for name in ("equal", "different", "only_here", "only_there")} == \
        {"equal": 0, "different": 0, "only_here": 0, "only_there": 3}
    desk.expect_equal()
    assert len(cards(desk.file)) == 3
    before = entries(desk.device)
    edit(desk.folder / "anna.vcf", "anna@example.org", "anna@new.example")
    desk.device.sync()
    assert "anna@new.example" in desk.file.read_text() and "X-LUCKY:7" in desk.file.read_text()
    edit(desk.file, "bert@example.org", "bert@new.example")
    desk.device.sync()
    assert "bert@new.example" in items(desk.folder)["bert.vcf"]
    assert entries(desk.device) == before + 2, "one each"
    desk.expect_equal()
    desk.expect_quiet()


def test_both_go_out_at_once(two):
    laptop, desktop = two
    desk = Desk(laptop)
    desktop.sync()
    there = desktop.source("people")
    desktop.json("add", str(there), "--collection", "people", "--format", "vcard")
    desktop.sync()
    edit(desk.folder / "anna.vcf", "anna@example.org", "anna@new.example")
    edit(desk.file, "bert@example.org", "bert@new.example")
    laptop.sync()
    desk.expect_equal()
    desktop.sync()
    assert cards(there) == cards(desk.file)
    (there / "cleo.vcf").unlink()
    desktop.sync()
    laptop.sync()
    desk.expect_equal()
    assert sorted(cards(desk.file)) == ["anna", "bert"]
    assert not laptop.json("status")["broker"]["unsent"] and laptop.json("status")["in_sync"]
    desk.expect_quiet()


def test_serve_takes_what_is_saved_at_once_from_one_to_the_other(desk):
    process = desk.device.serve()
    edit(desk.folder / "anna.vcf", "anna@example.org", "anna@new.example")
    wait_until(lambda: "anna@new.example" in desk.file.read_text(), "the file has it")
    edit(desk.file, "bert@example.org", "bert@new.example")
    wait_until(lambda: "bert@new.example" in items(desk.folder)["bert.vcf"], "the folder has it")
    assert desk.device.stop(process) == 0
    desk.expect_equal()


def test_killed_in_between(desk):
    """Whenever it ends, the next one brings both to the same, and nothing is invented."""
    chance = random.Random(7)
    for n in range(12):
        edit(desk.folder / "anna.vcf", f"anna{n or ''}@", f"anna{n + 1}@")
        edit(desk.file, f"bert{n or ''}@", f"bert{n + 1}@")
        process = desk.device.start("sync")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.random() * 0.06)
        process.kill()
        process.communicate()
        desk.device.sync()
        desk.expect_equal()
        found = desk.file.read_text()
        assert f"anna{n + 1}@" in found and f"bert{n + 1}@" in found and len(cards(desk.file)) == 3
        assert all(not one["conflicts"] for one in sources(desk.device).values())
    desk.expect_quiet()


def test_the_same_field_of_both_is_a_conflict_and_nothing_is_lost(desk):
    edit(desk.folder / "anna.vcf", "FN:Anna Example", "FN:Anna First")
    edit(desk.file, "FN:Anna Example", "FN:Anna Second")
    desk.device.sync(4)
    desk.expect_equal()
    assert any(f"FN:Anna {which}" in desk.file.read_text() for which in ("First", "Second"))
    for one in sources(desk.device).values():
        assert [conflict["path"] for conflict in one["conflicts"]] == ["anna/name/full"]
    assert [conflict["path"] for conflict in desk.device.json("conflicts", code=4)] == ["anna/name/full"], "once, of all sources"
    for verb, code in ("conflicts", 4), ("status", 0), ("sync", 4):
        assert desk.device.run(verb, code=code).count("not shown is") == 1, verb
    assert any("Anna" in str(event) for event in desk.device.json("log"))


def test_deletes_are_deletes_and_many_need_the_users_word(desk):
    (desk.folder / "bert.vcf").unlink()
    desk.device.sync()
    assert sorted(cards(desk.file)) == ["anna", "cleo"]
    fill(desk.folder, {f"{n}.vcf": card(f"n{n}", f"Number {n}") for n in range(10)})
    desk.device.sync()
    assert len(cards(desk.file)) == 12
    write(desk.file, card("new", "Number new"))
    assert "--max-delete" in desk.device.run("sync", code=8)
    assert len(cards(desk.folder)) == 13, "only what is new came"
    held = {path: [one["reason"] for one in found["pending"]] for path, found in sources(desk.device).items()}
    assert len(held[str(desk.file)]) == 12 and not held[str(desk.folder)]
    desk.device.sync(0, "--yes")
    assert sorted(cards(desk.folder)) == ["new"]
    desk.expect_equal()


def test_add_says_so_and_what_lies_there_meets(alone):
    folder, file = fill(alone.source("people"), PEOPLE), alone.source("people.vcf")
    alone.json("add", str(folder), "--collection", "people", "--format", "vcard")
    alone.sync()
    other = card("anna", "Anna Other", "EMAIL:anna@example.org", "X-LUCKY:7")
    write(file, other + PEOPLE["bert.vcf"] + card("dora", "Dora Example"))
    told = alone.json("add", str(file), "--collection", "people", "--format", "vcard", "--dry-run")
    said = alone.finish("add", str(file), "--collection", "people", "--format", "vcard")
    assert f"this device has the collection already at {folder}; this is a second source" in said.stderr
    assert "1 equal, 1 different, 1 only here, 1 only there" in said.stdout
    assert (told["equal"], told["different"], told["only_here"], told["only_there"]) == (1, 1, 1, 1)
    alone.sync(4)
    assert cards(folder) == cards(file) and sorted(cards(folder)) == ["anna", "bert", "cleo", "dora"]
    listed, = alone.json("collections")
    assert [one["source"] for one in listed["sources"]] == [str(folder), str(file)]
    assert listed["source"] == str(folder)
    assert alone.run("collections").count("\n") == 2


def test_what_can_not_be_another_source_is_refused(alone):
    folder = fill(alone.source("people"), PEOPLE)
    (alone.folder / "elsewhere").mkdir()
    other = fill(alone.folder / "elsewhere" / folder.name, PEOPLE)
    alone.json("add", str(folder), "--format", "vcard")
    assert "is a source already" in alone.run("add", str(folder), "--format", "vcard", "--existing", code=2)
    inner = folder / "inner.vcf"
    write(inner, PEOPLE["anna.vcf"])
    assert "lie in each other" in alone.run("add", str(inner), "--format", "vcard", "--collection", folder.name, code=2)
    inner.unlink()
    said = alone.run("add", str(other), "--format", "vcard", code=1)
    assert f"'{folder.name}' is on this device already, at {folder}: --existing makes this another source" in said
    alone.json("add", str(other), "--format", "vcard", "--existing")
    alone.sync()
    assert len(sources(alone)) == 2


def test_one_is_removed_and_the_other_stays(desk):
    desk.device.run("remove", str(desk.folder))
    edit(desk.file, "anna@example.org", "anna@new.example")
    desk.device.sync()
    assert list(sources(desk.device)) == [str(desk.file)]
    assert "anna@example.org" in items(desk.folder)["anna.vcf"] and not (desk.folder / ".counterfoil").exists()
    desk.device.json("add", str(desk.folder), "--collection", "people", "--format", "vcard")
    desk.device.finish("sync")
    desk.device.finish("sync")
    desk.expect_equal()
    desk.expect_quiet()


def test_sources_are_named_by_their_paths(desk):
    edit(desk.file, "anna@example.org", "anna@new.example")
    found, = desk.device.json("status", str(desk.file))["collections"]
    assert found["source"] == str(desk.file) and [one["path"] for one in found["pending"]] == ["anna"]
    found, = desk.device.json("status", str(desk.folder))["collections"]
    assert found["in_sync"]
    desk.device.json("sync", str(desk.file))
    desk.expect_equal()
    assert desk.device.json("log", str(desk.file)) == desk.device.json("log", str(desk.folder))
    assert desk.device.json("log", "people//anna")[0]["path"] == "anna"


def test_a_photo_reaches_the_other_with_its_card(two):
    laptop, _ = two
    desk = Desk(laptop)
    photo = "PHOTO;ENCODING=b;TYPE=jpeg:" + "".join(random.Random(1).choices("ABCDEFGHIJKLMNOP", k=200_000))
    edit(desk.folder / "anna.vcf", "X-LUCKY:7", f"X-LUCKY:7\r\n{photo}")
    laptop.sync()
    laptop.sync()
    desk.expect_equal()
    assert photo in cards(desk.file)["anna"]
    desk.expect_quiet()


# ---- Files ----


def test_two_folders_follow_each_other(alone):
    here = alone.add("notes", {"one.txt": "one\n", "sub/two.txt": "two\n"})
    alone.sync()
    there = alone.source("again")
    fill(there, {"one.txt": "one\n", "three.txt": "three\n"})
    told = alone.json("add", str(there), "--collection", "notes")
    assert told["beside"] == [str(here)]
    assert [told[name] for name in ("equal", "different", "only_here", "only_there")] == [1, 0, 1, 2]
    alone.sync()
    assert tree(here) == tree(there) and len(tree(here)) == 4
    (here / "one.txt").write_text("changed\n")
    (there / "sub/two.txt").rename(there / "zwei.txt")
    alone.sync()
    assert tree(here) == tree(there)
    assert tree(here)["one.txt"] == b"changed\n" and tree(here)["zwei.txt"] == b"two\n"
    (here / "three.txt").write_text("mine\n")
    (there / "three.txt").write_text("theirs\n")
    alone.sync(4)
    assert tree(here) == tree(there)
    assert {b"mine\n", b"theirs\n"} <= set(tree(here).values())
    before = entries(alone)
    alone.sync(4)
    assert entries(alone) == before
    alone.run("remove", str(here))
    (there / "one.txt").write_text("again\n")
    alone.sync(4)
    assert (here / "one.txt").read_text() == "changed\n" and list(sources(alone)) == [str(there)]


def test_a_large_file_reaches_the_other_folder_once_a_broker_has_it(two):
    laptop, _ = two
    content = random.Random(1).randbytes(300_000)
    here = laptop.add("notes", {"large": content})
    there = laptop.source("again")
    there.mkdir()
    laptop.json("add", str(there), "--collection", "notes")
    laptop.sync()
    assert tree(here) == tree(there) == {"large": content}
