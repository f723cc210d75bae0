# SPDX-License-Identifier: Apache-2.0
"""What a user is told who is stuck, or believes that all is well where it is not."""

import os

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two  # noqa: F401


def source(said):
    return said["collections"][0]


def test_a_member_that_was_made_a_relay_is_not_in_sync(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.run("devices", "role", "desktop", "relay", "--yes")
    laptop.sync()
    (here / "one.txt").write_text("edited\n")
    laptop.sync()
    said = desktop.sync(6)
    assert not said["in_sync"] and "is a relay now" in source(said)["trouble"]
    for word in "counterfoil remove", "counterfoil devices role":
        assert word in source(desktop.json("status"))["trouble"]
    assert (there / "one.txt").read_text() == "one\n"
    laptop.run("devices", "role", "desktop", "member", "--yes")
    laptop.sync()
    desktop.sync()
    assert desktop.sync()["in_sync"] and tree(there) == tree(here)


def test_a_device_that_was_shut_out_hears_its_way_back(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.run("devices", "revoke", "desktop", "--yes")
    for _ in range(2):
        done = desktop.finish("sync")
        assert done.returncode == 6, done.stderr
        assert "`counterfoil leave`, then `counterfoil join`" in done.stderr
    assert "`counterfoil leave`, then `counterfoil join`" in desktop.run("status")
    assert desktop.finish("status", "--check").returncode == 6
    desktop.run("leave")
    laptop.pair(desktop)
    desktop.sync()
    desktop.json("add", str(there), "--collection", "notes", "--existing")
    (there / "one.txt").write_text("back\n")
    desktop.sync()
    laptop.sync()
    assert (here / "one.txt").read_text() == "back\n"


def test_no_two_devices_get_one_name(two):
    laptop, desktop = two
    laptop.sync()
    desktop.sync()
    laptop.sync()
    done = laptop.finish("devices", "rename", "desktop", "laptop")
    assert done.returncode == 0 and "it" not in done.stdout
    assert "another device is called 'laptop': this one is called 'laptop (2)'" in done.stderr
    assert sorted(one["name"] for one in laptop.json("devices")) == ["laptop", "laptop (2)"]
    laptop.run("devices", "rename", "laptop (2)", "laptop (2)")  # its own name
    laptop.run("devices", "rename", "laptop (2)", "desktop")
    assert sorted(one["name"] for one in laptop.json("devices")) == ["desktop", "laptop"]


def test_a_receiver_says_the_same_in_sync_and_in_status(two):
    laptop, desktop = two
    laptop.add("notes", {"a": "a\n", "b": "b\n"})
    laptop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, {"a": "mine\n", "b": "b\n", "own": "own\n"})
    desktop.json("add", str(there), "--collection", "notes", "--existing", "--mode", "receive")

    def unsent(said):
        return {one["path"]: one["reason"] for one in source(said)["pending"] if one["kind"] == "unsent"}

    before = unsent(desktop.json("status"))
    after = unsent(desktop.sync(1))
    assert before == after == unsent(desktop.json("status"))
    assert "it is different here; " in after["a"] and "it is new here; " in after["own"] and list(after) == ["a", "own"]


def test_refill_says_why_what_is_large_is_put_aside(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    fill(here, {"large": os.urandom(70_000), "small": "s\n"})
    done = laptop.finish("repair", str(here), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "large: the log has no such version here, or its bytes may be nowhere else; it is kept in " in done.stderr
    assert "small: it is no version that the log has; it is kept in " in done.stderr
