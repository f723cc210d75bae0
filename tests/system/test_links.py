# SPDX-License-Identifier: Apache-2.0
"""Brokers that can't be reached, are others than they should be, or behind a link that breaks."""

import os
import shutil
import signal
import socket

import pytest

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from counterfoild import Broker
from stand import Cable, put, told


def test_edits_made_without_a_broker_are_kept_and_sent_later(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    broker.stop()
    for n in range(3):
        put(here, "one.txt", b"edit %d\n" % n)
        laptop.run("sync", code=5)
    put(there, "sub/two.txt", os.urandom(2_000_000))
    desktop.run("sync", code=5)
    assert told(laptop)["laptop", "edited", "one.txt"] == 3
    pending = laptop.json("status")["collections"][0]["pending"]
    assert [one["path"] for one in pending] == ["one.txt"]
    laptop.json("status", "--check", code=5)
    broker.restart()
    desktop.sync()
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there) and (there / "one.txt").read_bytes() == b"edit 2\n"
    assert told(laptop) == told(desktop)


def test_another_brokers_key_is_not_believed(broker, pair_of_notes, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    host, port, _ = broker.place
    broker.stop()
    other = Broker(str(tmp_path / "impostor"))
    other.start(listen=f"tcp://{host}:{port}")
    try:
        put(here, "one.txt", b"not for strangers\n")
        assert laptop.run("sync", "--timeout", "2s", code=5)
        assert other.status()["entries"] == 0
    finally:
        other.stop()
    broker.restart()
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert (there / "one.txt").read_bytes() == b"not for strangers\n"


def test_a_broker_that_does_not_know_the_device_refuses_it(broker, pair_of_notes, tmp_path):
    """The broker lost its store, not its key."""
    laptop, desktop, here, there = pair_of_notes
    broker.stop()
    for name in "store", "blobs":
        os.rename(os.path.join(broker.data, name), tmp_path / name)
    broker.run("init")
    broker.restart()
    before = tree(here)
    assert laptop.run("sync", code=6)
    assert tree(here) == before
    broker.stop()
    for name in "store", "blobs":
        shutil.rmtree(os.path.join(broker.data, name), ignore_errors=True)
        os.rename(tmp_path / name, os.path.join(broker.data, name))
    broker.restart()
    assert laptop.sync()["in_sync"]


def test_something_that_is_no_broker_is_not_reached(broker, pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    host, port, _ = broker.place
    broker.stop()
    with socket.create_server((host, port)) as silent:
        put(here, "one.txt", b"kept\n")
        laptop.run("sync", "--timeout", "1s", code=5)
    broker.restart()
    assert laptop.sync()["in_sync"]


@pytest.fixture
def cabled(broker, make_device):
    """A broker that is only reached through a cable."""
    broker.start()
    host, port, key = broker.place
    broker.stop()
    cable = Cable(port, None)
    broker.start("--advertise", f"127.0.0.1:{cable.place[1]}", listen=f"tcp://{host}:{port}")
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop)
    yield laptop, desktop, cable
    cable.close()


def test_a_link_that_breaks_again_and_again_carries_a_large_file(cabled):
    laptop, desktop, cable = cabled
    here = laptop.add("notes", {"one.txt": "one\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    laptop.serve(), desktop.serve()
    cable.lasts, cable.passed = 8_000_000, 0
    cable.slow = 20_000_000
    cable.hang_up(*cable.open)
    size = 24_000_000
    put(here, "large", os.urandom(size))
    wait_until(lambda: (there / "large").exists(), "the large file is there")
    assert cable.cuts > 1
    assert (there / "large").read_bytes() == (here / "large").read_bytes()
    assert cable.passed < 2 * size * 1.6, "what had travelled travelled again"
    cable.lasts = None
    wait_until(lambda: laptop.json("status")["in_sync"] and desktop.json("status")["in_sync"], "all is calm")
    assert tree(here) == tree(there)


def test_sync_goes_on_where_it_was_cut(cabled):
    laptop, desktop, cable = cabled
    here = laptop.add("notes", {"one.txt": "one\n"})
    laptop.sync()
    size = 16_000_000
    put(here, "large", os.urandom(size))
    cable.lasts, cable.passed, cable.slow = 6_000_000, 0, 20_000_000
    for _ in range(40):
        if laptop.finish("sync", "--timeout", "20s").returncode == 0:
            break
    assert laptop.json("status")["in_sync"] and cable.cuts > 0
    assert cable.passed < size * 1.6
