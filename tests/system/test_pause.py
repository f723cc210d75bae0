# SPDX-License-Identifier: Apache-2.0
"""`pause` and `resume`: of a device nothing goes or comes, of a collection nothing is looked at or put into its place; kept over
restarts, and nothing is lost."""

import time

import pytest

from counterfoil import both, pair_of_notes, make_device, tree, two, wait_until  # noqa: F401
from counterfoild import broker  # noqa: F401
from stand import put


def test_a_device_rests_until_it_is_resumed(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    assert laptop.run("pause") == "this device: paused\n"
    put(here, "from here", b"1")
    put(there, "from there", b"2")
    assert "paused; `counterfoil resume`" in laptop.run("sync", code=5)
    desktop.sync()
    assert not (there / "from here").exists() and not (here / "from there").exists()
    assert "paused" in laptop.run("status")
    assert laptop.json("resume") == {"collection": None, "paused": False, "until": None}
    assert "paused" not in laptop.run("status")
    both(laptop, desktop)
    assert tree(here) == tree(there) and (there / "from here").exists() and (here / "from there").exists()


def test_what_is_served_rests_and_goes_on(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    desktop.serve()
    laptop.serve()
    laptop.run("pause")
    put(here, "from here", b"1")
    put(there, "from there", b"2")
    laptop.run("sync", code=5)
    assert "connected" not in laptop.run("status").split("broker:")[1]
    assert not (there / "from here").exists() and not (here / "from there").exists()
    laptop.run("resume")
    wait_until(lambda: tree(here) == tree(there) and (there / "from here").exists(), "it goes on")


def test_a_pause_ends_by_itself(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.serve()
    assert "paused until" in laptop.run("pause", "--for", "3s")
    put(here, "from here", b"1")
    laptop.run("sync", code=5)
    wait_until(lambda: "paused" not in laptop.run("status"), "the pause ends")
    wait_until(lambda: laptop.json("status")["in_sync"], "it goes on")
    desktop.sync()
    assert tree(here) == tree(there)


@pytest.mark.parametrize("serves", (False, True))
def test_a_collection_rests_alone(pair_of_notes, tmp_path, serves):
    laptop, desktop, here, there = pair_of_notes
    other, others = tmp_path / "other", tmp_path / "others"
    for device, folder in (laptop, other), (desktop, others):
        folder.mkdir()
        device.run("add", folder, "--collection", "other", *(["--existing"] if device is desktop else []))
        both(laptop, desktop)
    if serves:
        process = laptop.serve()
    assert laptop.run("pause", "other") == "other: paused\n"
    put(other, "from here", b"1")
    put(others, "from there", b"2")
    put(here, "beside", b"3")
    desktop.sync()
    done = laptop.finish("sync")
    assert done.returncode == 1 and "it is paused; `counterfoil resume` ends that" in done.stdout + done.stderr
    desktop.sync()
    assert (there / "beside").exists() and not (others / "from here").exists() and not (other / "from there").exists()
    if serves:
        laptop.stop(process)
        laptop.serve()
    laptop.run("sync", code=1)
    assert not (other / "from there").exists()
    (other / "from here").rename(other / "renamed")
    laptop.run("resume", "other")
    wait_until(lambda: laptop.finish("sync").returncode == 0, "it goes on")
    desktop.sync()
    assert tree(other) == tree(others) and (other / "from there").exists() and (others / "renamed").exists()


def test_what_can_not_be_paused_is_said(pair_of_notes):
    laptop = pair_of_notes[0]
    laptop.run("pause", "nothing", code=3)
    laptop.run("resume", "nothing", code=3)
    for wrong in "0s", "x", "99999d", "":
        laptop.run("pause", f"--for={wrong}", code=2)
    laptop.run("pause", "a", "b", code=2)
    assert laptop.run("resume") == "this device: not paused\n"
    laptop.sync()


def test_who_needs_the_broker_hears_of_the_pause(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.run("pause")
    began = time.monotonic()
    for verb in ["lock", "notes"], ["pair"]:
        assert "paused" in laptop.run(*verb, code=5)
    assert time.monotonic() - began < 60
