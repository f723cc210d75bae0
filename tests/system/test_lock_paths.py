# SPDX-License-Identifier: Apache-2.0
"""Locks of a path and of a record: elsewhere that can't be written, and the rest of the collection is free."""

import os
import shutil

import pytest

from counterfoil import both, broker, make_device, tree, two, wait_until  # noqa: F401
from lock_scene import mode, pending, read, shared, write  # noqa: F401


def test_a_locked_path_loses_its_write_permission_elsewhere_and_gets_it_back(shared):
    ann, bob = shared
    os.chmod(ann.source() / "page", 0o664)
    ann.sync()
    bob.sync()
    locked = ann.json("lock", str(ann.source() / "page"))
    assert locked["path"] == "page"
    bob.sync()
    assert bob.json("locks")[0]["path"] == "page"
    assert (mode(bob, "page"), mode(ann, "page"), mode(bob, "deep/leaf")) == (0o444, 0o664, 0o644)
    assert bob.json("status")["in_sync"]
    # The mode was no edit, for nobody.
    ann.sync()
    assert mode(ann, "page") == 0o664
    # An edit made all the same is held back, and said.
    write(bob, "page", "bob\n")
    write(bob, "other", "free\n")
    bob.sync(9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "page" and ann.name in held["reason"]
    ann.sync()
    assert read(ann, "page") == "one\n" and read(ann, "other") == "free\n"
    ann.run("unlock", str(ann.source() / "page"))
    bob.sync()
    assert mode(bob, "page") == 0o664
    ann.sync()
    assert read(ann, "page") == "bob\n" and mode(ann, "page") == 0o664


def test_what_the_holder_of_a_path_writes_comes_and_stays_unwritable(shared):
    ann, bob = shared
    ann.run("lock", str(ann.source() / "deep"))
    bob.sync()
    assert mode(bob, "deep/leaf") == 0o444
    write(ann, "deep/leaf", "ann\n")
    ann.sync()
    bob.sync()
    assert read(bob, "deep/leaf") == "ann\n" and mode(bob, "deep/leaf") == 0o444
    write(bob, "deep/new", "new\n")
    bob.sync(9)
    ann.run("unlock", str(ann.source() / "deep"))
    bob.sync()
    ann.sync()
    assert mode(bob, "deep/leaf") == 0o644 and tree(ann.source()) == tree(bob.source())


def test_a_new_folder_in_a_locked_one_waits_with_all_that_is_in_it(shared):
    ann, bob = shared
    ann.run("lock", str(ann.source() / "deep"))
    bob.sync()
    os.makedirs(bob.source() / "deep" / "new" / "inner")
    write(bob, "deep/new/inner/leaf", "new\n")
    os.rename(bob.source() / "page", bob.source() / "deep" / "new" / "page")
    bob.sync(9)
    assert "deep/new" in [held["path"] for held in pending(bob, "locked")]
    ann.sync()
    assert set(tree(ann.source())) == {"page", "deep", "deep/leaf"}
    ann.run("unlock", str(ann.source() / "deep"))
    bob.sync()
    ann.sync()
    assert read(ann, "deep/new/inner/leaf") == "new\n" and read(ann, "deep/new/page") == "one\n"
    assert tree(ann.source()) == tree(bob.source())


@pytest.mark.parametrize("into", ["deep", "deep/new"])
def test_a_folder_that_is_moved_into_a_locked_one_waits_with_all_that_is_in_it(shared, into):
    ann, bob = shared
    os.mkdir(bob.source() / "moved")
    write(bob, "moved/leaf", "leaf\n")
    bob.sync()
    ann.run("lock", str(ann.source() / "deep"))
    bob.sync()
    os.makedirs(bob.source() / into, exist_ok=True)
    os.rename(bob.source() / "moved", bob.source() / into / "moved")
    write(bob, f"{into}/moved/large", "large " * 500000)
    os.makedirs(bob.source() / into / "moved" / "inner" / "inmost")
    bob.sync(9)
    ann.sync()
    assert set(tree(ann.source())) == {"page", "deep", "deep/leaf", "moved", "moved/leaf"}
    ann.run("unlock", str(ann.source() / "deep"))
    bob.sync()
    ann.sync()
    assert tree(ann.source()) == tree(bob.source())
    assert f"{into}/moved/inner/inmost" in tree(ann.source()) and f"{into}/moved/large" in tree(ann.source())


@pytest.mark.parametrize("serve", [False, True])
@pytest.mark.parametrize("end", [["remove", "notes"], ["leave"]])
def test_what_is_synced_no_more_gets_its_write_permission_back(shared, end, serve):
    ann, bob = shared
    if serve:
        bob.serve()
    ann.run("lock", str(ann.source() / "page"))
    ann.run("lock", str(ann.source() / "deep"))
    if not serve:
        bob.sync()
    wait_until(lambda: {mode(bob, "page"), mode(bob, "deep/leaf")} == {0o444}, "write permission is gone")
    bob.run(*[str(bob.source()) if word == "notes" else word for word in end])
    assert {mode(bob, "page"), mode(bob, "deep/leaf")} == {0o644}


@pytest.fixture
def people(two):
    """Two devices with the same table of people."""
    ann, bob = two
    for device in ann, bob:
        path = device.source("people.csv")
        if device is ann:
            path.write_text("name,town\nanna,Rome\nbert,Bonn\ncleo,Kiel\n")
        device.sync()
        device.json("add", str(path), "--collection", "people", "--format", "csv", "--key", "name")
        device.sync()
    return ann, bob, ann.source("people.csv"), bob.source("people.csv")


@pytest.mark.parametrize("name, gone", [("page", "page"), ("deep/leaf", "deep/leaf"), ("deep/leaf", "deep"), ("deep", "deep")])
def test_the_lock_of_what_was_deleted_is_given_back_by_its_name(shared, name, gone):
    ann, bob = shared
    there = ann.source() / gone

    def delete():
        shutil.rmtree(there) if there.is_dir() else there.unlink()
        ann.sync()
        assert [one.get("path") for one in bob.json("locks")] == [name]

    ann.run("lock", str(ann.source() / name))
    delete()
    assert ann.run("unlock", str(ann.source() / name)) == f"unlocked notes: {name}\n"
    assert bob.json("locks") == []
    assert "is not locked" in ann.run("unlock", str(ann.source() / name), code=3)
    ann.run("unlock", str(ann.source() / "never"), code=3)
    both(ann, bob)
    for path in "page", "deep/leaf":
        (ann.source() / path).parent.mkdir(exist_ok=True)
        (ann.source() / path).write_text("again\n")
    both(ann, bob)
    ann.run("lock", f"notes//{name}")
    delete()
    assert "is locked by" in bob.run("unlock", f"notes//{name}", code=9)
    (ann.source() / name).parent.mkdir(exist_ok=True)
    (ann.source() / name).write_text("another of that name\n")
    ann.sync()
    ann.run("unlock", f"notes//{name}")
    assert bob.json("locks") == []


def test_a_collection_has_its_name_with_slashes_too(shared):
    ann, bob = shared
    assert ann.run("lock", "notes//").startswith("locked notes until ")
    assert [one.get("path") for one in bob.json("locks")] == [None]
    assert ann.run("unlock", "notes//") == "unlocked notes\n"
    assert bob.json("locks") == []


def test_a_record_can_be_locked(people):
    ann, bob, here, there = people
    told = ann.json("lock", "people//anna")
    assert told["collection"] == "people" and told["path"] == "anna"
    (listed,) = bob.json("locks")
    assert (listed["path"], listed["device"]) == ("anna", ann.name)
    there.write_text("name,town\nanna,Paris\nbert,Ulm\n")
    bob.patiently("sync", code=9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "anna" and ann.name in held["reason"]
    ann.sync()
    assert here.read_text() == "name,town\nanna,Rome\nbert,Ulm\n", "the others are free"
    ann.run("unlock", "people//anna")
    bob.sync()
    ann.sync()
    assert here.read_text() == there.read_text() == "name,town\nanna,Paris\nbert,Ulm\n"


def test_the_lock_of_a_record_that_was_deleted_is_given_back_by_its_name(people):
    ann, bob, here, there = people
    ann.run("lock", "people//anna")
    here.write_text("name,town\nbert,Bonn\n")
    ann.sync()
    assert [one.get("path") for one in ann.json("locks")] == ["anna"]
    ann.run("unlock", "people//anna")
    assert bob.json("locks") == []


def test_a_locked_record_is_not_deleted_elsewhere(people):
    ann, bob, here, there = people
    ann.run("lock", "people//anna")
    there.write_text("name,town\nbert,Bonn\ncleo,Kiel\n")
    bob.patiently("sync", code=9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "anna"
    ann.sync()
    assert "anna,Rome" in here.read_text()
    here.write_text(here.read_text().replace("Rome", "Oslo"))
    ann.sync()
    ann.run("unlock", "people//anna")
    bob.sync()
    ann.sync()
    assert "anna,Oslo" in here.read_text(), "an edit prevails over a delete that did not see it"
    assert sorted(here.read_text().split()) == sorted(there.read_text().split())


def test_what_cannot_be_locked_of_a_record(people):
    ann, *_ = people
    assert "lock people//anna" in ann.run("lock", "people//anna/town", code=2)
    assert "no such record in 'people'" in ann.run("lock", "people//dora", code=3)


def test_a_file_whose_name_has_a_line_end_makes_no_line_of_its_own(shared):
    """`locks` on another device: else a name could say that something is locked."""
    ann, bob = shared
    name = "page\npapers  boss (this device)  since 00:00"
    write(ann, name, "x\n")
    ann.sync()
    said = ann.run("lock", str(ann.source() / name))
    assert len(said.splitlines()) == 1 and r"page\x0apapers" in said
    bob.sync()
    [line] = bob.run("locks").splitlines()
    assert r"page\x0apapers" in line and ann.name in line
    assert bob.json("locks")[0]["path"] == name
    assert r"page\x0apapers" in bob.run("lock", str(bob.source() / name), code=9)
    assert len(ann.run("unlock", str(ann.source() / name)).splitlines()) == 1
