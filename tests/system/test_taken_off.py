# SPDX-License-Identifier: Apache-2.0
"""A collection that was taken off the list: whom it concerns is told, and its name is free for another one."""

import datetime
import re

import pytest

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from family import at_terminal
from hostile_peer import Mallory, body, file


def take_off(laptop, source):
    laptop.run("remove", str(source))
    laptop.run("collections", "delete", "notes", "--yes")
    laptop.finish("sync")


def listed(device):
    """The names of those that are on the list."""
    return [one["name"] for one in device.json("collections") if not one["taken_off"]]


def add_anew(device, source, code=0):
    return device.json("add", str(source), "--collection", "notes", code=code)


def test_it_is_not_taken_from_others_without_a_word(pair_of_notes):
    """The desktop wrote nothing in it: that it has a source of it, it says by itself."""
    laptop, desktop, here, there = pair_of_notes
    laptop.sync()
    laptop.run("remove", str(here))
    said = laptop.run("collections", "delete", "notes", code=8)
    assert "it is on desktop, too" in said and "--yes" in said
    assert laptop.json("collections", "delete", "notes", "--dry-run") == {"devices": ["desktop"]}
    assert "desktop" in laptop.finish("collections", "delete", "notes", "-n").stderr
    assert [one["name"] for one in laptop.json("collections")] == ["notes"]
    assert laptop.json("collections", "delete", "notes", "--yes") == {"devices": ["desktop"]}
    assert listed(laptop) == []


def test_it_asks_on_a_terminal(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.sync()
    laptop.run("remove", str(here))
    delete, question = ["collections", "delete", "notes"], "It is on desktop, too"
    code, said = at_terminal(laptop, delete, [(question, "n")])
    assert code == 1 and listed(laptop) == ["notes"], (code, said)
    code, said = at_terminal(laptop, delete, [(question, "y")])
    assert code == 0 and listed(laptop) == [], said


def test_who_took_it_since_the_last_sync_is_asked_for_at_the_broker(two, broker):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    laptop.run("remove", str(here))
    assert laptop.json("collections", "delete", "notes", "-n") == {"devices": ["desktop"]}
    assert "it is on desktop, too" in laptop.run("collections", "delete", "notes", code=8)
    desktop.run("remove", str(there))
    desktop.sync()
    said = laptop.finish("collections", "delete", "notes")
    assert said.returncode == 0 and "can't be asked" not in said.stderr, "nor is who has it no more named"
    assert listed(laptop) == []


def test_where_no_broker_answers_it_is_said_so(two, broker):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    laptop.run("remove", str(here))
    broker.stop()
    said = laptop.finish("collections", "delete", "notes", "--timeout", "2")
    assert said.returncode == 0 and "can't be asked" in said.stderr
    assert "what other devices did since is not known" in said.stderr
    assert listed(laptop) == []
    broker.start()


def test_a_name_that_came_since_the_last_sync_is_known(two):
    laptop, desktop = two
    desktop.sync()
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    laptop.run("remove", str(here))
    laptop.sync()
    assert "only an owner" in desktop.run("collections", "delete", "notes", code=6), "it is known who may"
    assert listed(desktop) == ["notes"]


def test_who_has_no_source_of_it_any_more_is_not_named(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (there / "one.txt").write_text("edited\n")
    desktop.sync()
    desktop.run("remove", str(there))
    desktop.sync()
    laptop.sync()
    laptop.run("remove", str(here))
    laptop.run("collections", "delete", "notes")
    assert listed(laptop) == []


def test_who_serves_says_at_once_what_it_has_and_has_no_more(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    laptop.run("remove", str(here))
    process = desktop.serve()

    def has_it():
        laptop.sync()
        return laptop.json("collections", "delete", "notes", "-n") == {"devices": ["desktop"]}

    wait_until(lambda: "notes" in listed(desktop), "the desktop knows of it")
    there = desktop.add("notes", None, "--existing")
    wait_until(has_it, "its source is known")
    desktop.run("remove", str(there))
    wait_until(lambda: not has_it(), "and that it has none")
    assert desktop.stop(process) == 0


def test_a_reader_can_not_say_what_it_has_and_is_named(two, make_device):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    kiosk = make_device("kiosk")
    pairing = laptop.start("pair", "--role", "reader")
    kiosk.json("join", "-", "--name", "kiosk", stdin=pairing.stdout.readline())
    pairing.communicate(timeout=120)
    kiosk.add("notes", None, "--existing")
    kiosk.sync()
    laptop.sync()
    laptop.run("remove", str(here))
    assert "it is on kiosk, too, as far as is known" in laptop.run("collections", "delete", "notes", code=8)
    laptop.run("devices", "revoke", "kiosk", "--yes")
    laptop.run("collections", "delete", "notes")


def test_a_program_that_does_not_say_what_it_has_has_what_it_wrote_in(two, broker):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    pairing = laptop.start("pair", "--role", "member")
    other = Mallory(broker, pairing.stdout.readline(), "other")
    pairing.communicate(timeout=120)
    other.learn()
    other.notes = other.device.collection("notes")
    laptop.run("remove", str(here))
    assert laptop.json("collections", "delete", "notes", "-n") == {"devices": []}
    other.publish(body(file(b"b")))
    laptop.sync()
    assert laptop.json("collections", "delete", "notes", "-n") == {"devices": ["other"]}


def test_what_a_device_has_is_said_when_it_changes_and_not_else(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.sync()

    def positions():
        return [device.json("status", "--remote")["remote"]["position"] for device in (laptop, desktop)]

    before = positions()
    for _ in range(2):
        for device in laptop, desktop:
            assert device.sync()["traffic"]["entries_sent"] == 0
    assert positions() == before
    assert "settled" not in laptop.run("log"), "nobody did that"


def test_what_nobody_else_wrote_in_goes_without_a_question(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    desktop.sync()
    laptop.run("remove", str(here))
    for words, said in (["-n"], "would be taken off the list"), ([], "taken off the list"):
        assert laptop.run("collections", "delete", "notes", *words).startswith(f"notes: {said}; ")
        assert listed(laptop) == ["notes"] * len(words)


def test_its_other_devices_are_told_by_whom_and_what_to_type(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    take_off(laptop, here)
    said = desktop.sync(1)["collections"][0]
    assert said["name"] == "notes" and not said["in_sync"]
    assert "taken off the list by laptop, 20" in said["trouble"] and "counterfoil remove" in said["trouble"]
    assert "; add it again, or remove it: " in said["trouble"] and f"counterfoil add {there}" in said["trouble"]
    assert desktop.finish("status", "--check").returncode == 1
    assert "notes: not in sync" in desktop.run("status")
    assert desktop.finish("sync", "notes").returncode == 1
    assert "notes" in desktop.run("log")
    assert "can't be looked at" not in desktop.finish("leave", "-n").stderr
    before = tree(there)
    desktop.run("remove", "notes")
    assert desktop.sync()["in_sync"] and tree(there) == before


def test_its_name_says_so_to_every_verb(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    take_off(laptop, here)
    desktop.sync(1)
    for name in "notes", "notes//", str(there):
        said = desktop.run("status", name)
        assert "notes: taken off the list by laptop, 20" in said and "; add it again, or remove it: " in said
        assert desktop.finish("status", name, "--check").returncode == 1
        assert "new one.txt" in desktop.run("log", name)
    assert "one.txt" in desktop.run("log", "notes//one.txt")
    gone = [["lock", "notes"], ["pause", "notes"]]
    bound = [["status", "notes"], ["status", "notes//"], ["log", "notes"], ["set", "notes"], ["sync", "notes"],
             ["repair", "notes", "--refill"], ["remove", "notes"], ["unlock", "notes"]]
    for device, verbs in (desktop, gone), (laptop, gone + bound):
        for verb in verbs:
            assert "taken off the list by laptop, 20" in device.run(*verb, code=3), verb
    assert "lies in no source" in laptop.run("status", "papers", code=3)


def test_when_it_was_is_told_in_local_time(pair_of_notes):
    laptop, desktop, here, _ = pair_of_notes
    take_off(laptop, here)
    desktop.sync(1)

    def told(zone):
        text = desktop.run("status", "notes", environment={"TZ": zone})
        return datetime.datetime.strptime(re.search(r"by laptop, ([-\d]+ [\d:]+);", text)[1], "%Y-%m-%d %H:%M")

    assert told("EAST-9") - told("WEST+7") == datetime.timedelta(hours=16)


def test_nothing_of_it_comes_back_under_its_name(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (there / "old.txt").write_text("old\n")
    desktop.sync()
    laptop.sync()
    take_off(laptop, here)
    other = laptop.folder / "other"
    other.mkdir()
    fill(other, {"new.txt": "new\n"})
    add_anew(laptop, other)
    laptop.sync()
    assert set(tree(other)) == {"new.txt"}
    desktop.sync(1)
    assert set(tree(there)) == {"old.txt", "one.txt", "sub", "sub/two.txt"}
    desktop.run("remove", str(there))
    add_anew(desktop, there)
    desktop.sync()
    laptop.sync()
    assert tree(other) == tree(there) and "new.txt" in tree(there) and "old.txt" in tree(other)
    for device in laptop, desktop:
        assert [one["name"] for one in device.json("collections")] == ["notes"]
        device.run("verify")


def test_made_anew_apart_it_is_one(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    for _ in range(2):
        take_off(laptop, here)
        desktop.sync(1)
        desktop.run("remove", str(there))
        add_anew(laptop, here)
        add_anew(desktop, there)
        for device in laptop, desktop, laptop, desktop:
            device.finish("sync")
        assert [one["name"] for one in desktop.json("collections")] == ["notes"]
        assert desktop.sync()["in_sync"] and tree(here) == tree(there)


def test_a_name_that_was_given_up_is_free_too(pair_of_notes):
    laptop, desktop, _, _ = pair_of_notes
    laptop.run("collections", "rename", "notes", "diary")
    laptop.sync()
    desktop.sync()
    again = [device.folder / f"{device.name}-again" for device in (laptop, desktop)]
    for device, source in zip((laptop, desktop), again):
        source.mkdir()
        fill(source, {f"by {device.name}": "x"})
        add_anew(device, source)
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    assert [one["name"] for one in laptop.json("collections")] == ["diary", "notes"]
    assert set(tree(again[0])) == set(tree(again[1])) == {"by laptop", "by desktop"}


def test_who_uses_its_old_name_is_told_the_new_one(pair_of_notes):
    """It was renamed on the other device, perhaps twice, and he did not see that."""
    laptop, desktop, _, there = pair_of_notes
    assert "notes: called papers from now on, on all devices" in laptop.run("collections", "rename", "notes", "papers")
    laptop.run("collections", "rename", "papers", "diary")
    laptop.sync()
    desktop.sync()
    (desktop.folder / "other").mkdir()
    for words in (
        ("sync", "notes"), ("sync", "papers"), ("log", "notes"), ("show", "notes//a"), ("set", "notes"), ("status", "notes"), ("pause", "notes"), ("resume", "papers"),
        ("lock", "notes"), ("unlock", "notes"), ("repair", "papers", "--refill"), ("remove", "notes"), ("conflicts", "show", "notes//a"),
        ("conflicts", "resolve", "notes//a", "--keep", "mine"), ("add", str(desktop.folder / "other"), "--existing", "--collection", "notes"),
        ("collections", "delete", "notes"), ("collections", "rename", "papers", "x"),
    ):
        said = desktop.run(*words, code=3)
        assert "any more: laptop renamed it diary" in said, words
    assert "any more" not in desktop.run("sync", "note", code=3)
    desktop.run("sync", "diary")
    fill(there, {"more": "x"})
    desktop.run("sync", str(there))
    add_anew(desktop, desktop.folder / "other")
    assert desktop.run("sync", "notes"), "that one is called so now"


def test_who_keeps_it_without_having_written_is_named(two, make_device):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    desktop.run("set", "--keep", "bound")
    desktop.sync()
    desktop.add("notes", None, "--existing", "--mode", "receive")
    desktop.sync()
    laptop.sync()
    laptop.run("remove", str(here))
    assert "it is on desktop, too" in laptop.run("collections", "delete", "notes", code=8)
    assert listed(laptop) == ["notes"]


def test_listings_have_its_name_still(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    for device, source in (laptop, here), (desktop, there):
        (source / "one.txt").write_text(f"by {device.name}\n")
        device.finish("sync")
    desktop.sync(4)
    take_off(laptop, here)
    desktop.finish("sync")
    for device in laptop, desktop:
        one, = device.json("collections")
        assert one["name"] == "notes" and one["format"] == "files"
        assert one["taken_off"]["device"] == "laptop" and one["taken_off"]["time"].endswith("Z")
        line, = device.run("collections").splitlines()
        assert line.split()[:2] == ["notes", "files"] and "(taken off the list by laptop, 20" in line
        assert "notes: new one.txt" in device.run("log")
        assert {one["name"] for one in device.json("devices")} == {"laptop", "desktop"}
    assert str(there) in desktop.run("collections") and desktop.json("collections")[0]["source"] == str(there)
    assert desktop.json("status")["collections"][0]["name"] == "notes"
    assert "notes" in desktop.run("conflicts", code=4)
    assert "170d" not in desktop.run("conflicts", code=4)
    # What has the name then takes its place in the list, and one that is synced here stays there beside it.
    laptop.run("add", str(here), "--collection", "notes", "--new")
    laptop.sync()
    desktop.finish("sync")
    assert [bool(one["taken_off"]) for one in laptop.json("collections")] == [False]
    assert [bool(one["taken_off"]) for one in desktop.json("collections")] == [False, True]


@pytest.mark.parametrize("serves", [False, True])
def test_it_is_added_again_with_one_command(pair_of_notes, serves):
    laptop, desktop, here, there = pair_of_notes
    take_off(laptop, here)
    desktop.sync(1)
    process = desktop.serve() if serves else None
    before = tree(there)
    assert desktop.json("add", str(there), "-n")["new"] is True
    assert desktop.json("collections")[0]["taken_off"]
    assert "format" in desktop.run("add", str(there), "--format", "nonsense", code=2)
    assert desktop.json("collections")[0]["source"] == str(there), "what can't be added stays as it was"
    assert desktop.json("add", str(there))["collection"] == "notes"
    if serves:
        assert desktop.stop(process) == 0
    assert desktop.sync()["in_sync"] and tree(there) == before
    assert desktop.run("status").startswith("notes: in sync")
    laptop.sync()
    laptop.run("add", str(here), "--collection", "notes")
    laptop.sync()
    (there / "one.txt").write_text("once more\n")
    desktop.sync()
    laptop.sync()
    assert (here / "one.txt").read_text() == "once more\n"
