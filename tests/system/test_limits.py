# SPDX-License-Identifier: Apache-2.0
"""`limit`: what goes and comes in a second; kept, shown, and passed by what is small."""

import os

import pytest

from counterfoil import both, pair_of_notes, make_device, tree, two, wait_until  # noqa: F401
from counterfoild import broker  # noqa: F401
from stand import put


def test_limits_are_kept_and_shown(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    assert laptop.run("limit") == "limits: up none, down none\n"
    assert laptop.json("status")["limits"] == {"up": None, "down": None}
    assert "limits:" not in laptop.run("status")
    assert laptop.run("limit", "--up", "20K") == "limits: up 20.0 KiB/s, down none\n"
    laptop.run("limit", "--down", "3M")
    assert laptop.json("limit") == {"up": 20480, "down": 3145728}
    assert laptop.json("status")["limits"] == {"up": 20480, "down": 3145728}
    assert "limits: up 20.0 KiB/s, down 3.0 MiB/s\n" in laptop.run("status")
    assert laptop.json("limit", "--up", "none") == {"up": None, "down": 3145728}
    assert laptop.json("limit", "--down", "none") == {"up": None, "down": None}


@pytest.mark.parametrize("rate", ["", "K", "20X", "20KB", "-5K", "1.5M", "0", "1023", "1025G", "99999999999999999999", "20 K"])
def test_what_is_no_rate_is_refused_and_changes_nothing(pair_of_notes, rate):
    laptop = pair_of_notes[0]
    laptop.run("limit", "--up", "1K", "--down", "1024G")
    laptop.run("limit", f"--up={rate}", code=2)
    laptop.run("limit", "--up", "5K", f"--down={rate}", code=2)
    assert laptop.json("limit") == {"up": 1024, "down": 1024 << 30}


def test_an_edit_passes_what_the_limit_holds_back(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.run("limit", "--up", "8K")
    laptop.serve()
    desktop.serve()
    large, edit = os.urandom(4_000_000), b"an edit meanwhile\n"
    put(here, "large", large)
    wait_until(lambda: not laptop.json("status")["in_sync"], "the upload begins")
    put(here, "edit.txt", edit)
    wait_until(lambda: (there / "edit.txt").exists(), "the edit is there")
    assert not (there / "large").exists()
    laptop.run("limit", "--up", "none")
    wait_until(lambda: tree(here) == tree(there), "the rest, as soon as the limit is lifted")


def test_what_comes_keeps_to_its_limit(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    desktop.run("limit", "--down", "8K")
    put(here, "large", os.urandom(4_000_000))
    laptop.sync()
    desktop.serve()
    put(here, "edit.txt", b"an edit meanwhile\n")
    laptop.sync()
    wait_until(lambda: (there / "edit.txt").exists(), "the edit is there")
    assert not (there / "large").exists()
    desktop.run("limit", "--down", "none")
    wait_until(lambda: tree(here) == tree(there), "the rest, as soon as the limit is lifted")


def test_sync_ends_with_what_a_limit_slowed(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.run("limit", "--up", "100K")
    desktop.run("limit", "--down", "100K")
    put(here, "large", os.urandom(500_000))
    both(laptop, desktop)
    assert tree(here) == tree(there)
