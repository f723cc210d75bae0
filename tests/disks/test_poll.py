# SPDX-License-Identifier: Apache-2.0
"""A share: another machine changes files below what is mounted here, and nothing tells of it. It is polled, without any
verb."""

import pytest

from counterfoil import both, broker, make_device, two, wait_until  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

SHARES = of("bindfs", "mergerfs")
SEEN = 10


@pytest.fixture
def share(disk, stick):
    laptop, desktop = stick
    here = laptop.add("notes", {"a": "one\n", "in/b": "two\n"}, "--poll", "1s")
    both(laptop, desktop)
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    return laptop, desktop, disk.below[0] / "laptop-notes", there


@SHARES
def test_what_is_done_below_is_seen_without_a_verb(share):
    laptop, desktop, below, there = share
    serving = [laptop.serve(), desktop.serve()]
    (below / "new").write_text("new\n")
    wait_until(lambda: (there / "new").exists(), "what is new below", SEEN)
    (below / "a").write_text("other, and longer\n")
    wait_until(lambda: (there / "a").read_text() == "other, and longer\n", "what was changed below", SEEN)
    (below / "in/b").rename(below / "moved")
    wait_until(lambda: (there / "moved").exists() and not (there / "in/b").exists(), "what was moved below", SEEN)
    (below / "a").unlink()
    wait_until(lambda: not (there / "a").exists(), "what was deleted below", SEEN)
    for device, process in zip((laptop, desktop), serving):
        device.stop(process)


@SHARES
def test_it_is_told_how_often(disk, stick):
    laptop, _ = stick
    here = str(laptop.add("notes", {"a": "one\n"}))
    of_itself = "may be changed from elsewhere: all of it is looked at every 60s\n"
    laptop.sync()
    assert of_itself in laptop.run("status", "-v") and of_itself not in laptop.run("status")
    assert laptop.json("status")["collections"][0]["poll_ms"] == 60000
    assert ", --poll 90s\n" in laptop.run("set", here, "--poll", "90s")
    said = laptop.run("status", "-v")
    assert ", --poll 90s\n" in said and of_itself not in said
    assert ", --poll 0\n" in laptop.run("set", here, "--poll", "0")
    assert laptop.json("status")["collections"][0]["poll_ms"] == 0
    assert ", --poll 0" in laptop.run("set", here, "--mode", "send")
    assert "--poll" not in laptop.run("set", here, "--poll", "default")
    assert of_itself in laptop.run("status", "-v")


@of("ext4")
def test_a_disk_of_this_machine_is_not_polled(disk, stick):
    laptop, _ = stick
    here = str(laptop.add("notes", {"a": "one\n"}))
    assert "looked at every" not in laptop.run("status", "-v")
    assert laptop.json("status")["collections"][0]["poll_ms"] == 0
    for wrong in "999ms", "2h", "often", "-1":
        laptop.run("set", here, f"--poll={wrong}", code=2)
    assert "--poll" not in laptop.run("set", here)
    (laptop.folder / "rows.csv").write_text("id,x\n1,a\n")
    said = laptop.run("add", str(laptop.folder / "rows.csv"), "--format", "csv", "--key", "id", "--poll", "5s", code=2)
    assert "--poll does not go with --format csv" in said
