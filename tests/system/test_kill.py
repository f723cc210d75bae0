# SPDX-License-Identifier: Apache-2.0
"""kill -9 of peers and of the broker, at any moment. COUNTERFOIL_LONG=1: many more of them."""

import os
import signal
import time

from counterfoil import WAIT, broker, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import Eyes, dice, killed, put, told

MORE = 10 if os.environ.get("COUNTERFOIL_LONG") else 1


def soon(random):
    """When to kill: on a quiet machine a whole sync takes a twentieth of a second, on a busy one a second."""
    return random.choice([0.005, 0.015, 0.03, 0.06, 0.2, 0.4])


def many_files(random):
    files = {f"folder {i % 7}/file {i}": random.randbytes(random.choice([0, 20, 5000])) for i in range(150)}
    files["large"] = random.randbytes(6_000_000)
    return files


def test_a_first_sync_that_is_killed_goes_on(two):
    laptop, desktop = two
    random = dice()
    here = laptop.add("notes", many_files(random))
    kills = sum(killed(laptop, soon(random), "sync") for _ in range(5 * MORE))
    assert laptop.sync()["in_sync"]
    counts = told(laptop)
    assert counts == {("laptop", "new", path): 1 for path in tree(here)}
    desktop.sync()
    there = desktop.source()
    there.mkdir()
    eyes = Eyes(there)
    eyes.allow_tree(here)
    with eyes:
        desktop.add("notes", None, "--existing")
        kills += sum(killed(desktop, soon(random), "sync") for _ in range(5 * MORE))
        assert desktop.sync()["in_sync"]
    assert kills > 0
    assert tree(here) == tree(there)
    assert desktop.json("status", "--check")["in_sync"]
    laptop.sync()
    assert told(laptop) == counts and told(desktop) == counts


def edit(random, source, n, eyes):
    """An edit of each kind; nothing of it can be met half."""
    large = bytearray((source / "large").read_bytes())
    at = random.randrange(len(large))
    large[at:at + 1000] = random.randbytes(1300)
    small = random.randbytes(3000)
    eyes.allow(large, small, b"%d" % n)
    put(source, "large", large)
    put(source, "small", small)
    put(source, f"new {n}", b"%d" % n)
    if n > 1:
        (source / f"new {n - 1}").rename(source / f"moved {n - 1}")
    if n > 3:
        (source / f"moved {n - 3}").unlink()


def test_edits_survive_kills_on_both_sides(two):
    laptop, desktop = two
    random = dice()
    here = laptop.add("notes", {"large": random.randbytes(4_000_000), "small": "s", **{f"{i}": f"{i}" for i in range(9)}})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    kills = 0
    eyes = Eyes(here, there)
    eyes.allow_tree(here)
    with eyes:
        for n in range(1, 6 * MORE):
            edit(random, here, n, eyes)
            kills += killed(laptop, soon(random), "sync")
            kills += killed(laptop, soon(random), "sync")
            laptop.sync()
            kills += killed(desktop, soon(random), "sync")
            kills += killed(desktop, soon(random), "sync")
            desktop.sync()
            assert tree(here) == tree(there)
    assert kills > 0
    counts = told(laptop)
    assert [key for key in counts if key[0] != "laptop"] == []
    assert [key for key in counts if "conflict" in key[2]] == []
    assert desktop.json("verify")["whole"] and laptop.json("verify")["whole"]


def test_a_broker_that_is_killed_goes_on(broker, two):
    laptop, desktop = two
    random = dice()
    here = laptop.add("notes", many_files(random))
    there = desktop.source()
    there.mkdir()
    for n in range(4 * MORE):
        put(here, "large", random.randbytes(6_000_000))
        process = laptop.start("sync", "--timeout", "5s")
        time.sleep(random.uniform(0.05, 0.6))
        broker.stop(signal.SIGKILL)
        broker.restart()
        process.communicate(timeout=WAIT)
        assert process.returncode in (0, 5)
        assert laptop.sync()["in_sync"]
    assert broker.run("verify") == "everything is whole\n"
    desktop.sync()
    eyes = Eyes(there)
    eyes.allow_tree(here)
    with eyes:
        desktop.add("notes", None, "--existing")
        process = desktop.start("sync", "--timeout", "5s")
        time.sleep(random.uniform(0.05, 0.3))
        broker.stop(signal.SIGKILL)
        broker.restart()
        process.communicate(timeout=WAIT)
        assert desktop.sync()["in_sync"]
    assert tree(here) == tree(there)


class Served:
    """`serve`, killed and started again; it ends with the test."""

    def __init__(self, device):
        self.device = device
        self.process = device.serve()

    def kill(self):
        self.process.kill()
        self.process.communicate()
        self.process = self.device.serve()


def test_serve_survives_kills_of_everyone(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    random = dice()
    put(here, "large", random.randbytes(3_000_000))
    put(here, "small", b"s")
    laptop.sync()
    desktop.sync()
    served = [Served(laptop), Served(desktop)]
    eyes = Eyes(here, there)
    eyes.allow_tree(here)
    with eyes:
        for n in range(1, 8 * MORE):
            edit(random, here, n, eyes)
            time.sleep(random.uniform(0, 0.3))
            victim = random.choice([*served, broker])
            if victim is broker:
                broker.stop(signal.SIGKILL)
                broker.restart()
            else:
                victim.kill()
        wait_until(lambda: tree(here) == tree(there), "the sources are equal")
        wait_until(lambda: laptop.json("status")["in_sync"] and desktop.json("status")["in_sync"], "all is in sync")
    assert tree(here) == tree(there)
    assert [key for key in told(laptop) if key[0] != "laptop" or "conflict" in key[2]] == []
