# SPDX-License-Identifier: Apache-2.0
"""What only the broker before has is brought when the user moves, or later, until it is done or given up."""

import contextlib
import os
import socket

import pytest

from counterfoil import broker, fill, make_device, wait_until  # noqa: F401
from family import family  # noqa: F401
from test_lock_ends import Wire
from test_two_brokers import gone, other, write_history  # noqa: F401

LAST = {"last.txt": b"the last word\n", "large of the other": os.urandom(300_000)}


class Brittle(Wire):
    """Breaks all that goes through it after so many bytes from the broker."""

    left = 1 << 60

    def carry(self, one, other, is_held):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if not is_held:
                    self.left -= len(data)
                if self.left < 0:
                    break
                other.sendall(data)
        for end in one, other:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def left(device):
    return [note["text"] for note in device.json("status")["notes"] if note["kind"] == "left"]


def has_the_last(device):
    return all((device.here / name).exists() and (device.here / name).read_bytes() == LAST[name] for name in LAST)


@pytest.fixture
def moved(broker, other, family):
    """From a broker that was away then, and that alone has what the other device wrote last."""
    laptop, desktop = family
    write_history(laptop)
    fill(desktop.here, LAST)
    desktop.sync()
    invitation = other.run("invite").strip()
    broker.stop()
    done = laptop.finish("broker", invitation)
    assert done.returncode == 0, done.stderr
    return laptop


def test_what_could_not_be_asked_for_is_told_and_blocks_nothing(broker, other, moved):
    place = "%s:%d" % broker.place[:2]
    (told,) = left(moved)
    assert told.startswith(f"{place}, where this user was before") and "--give-up" in told
    fill(moved.here, {"more.txt": "it goes on\n"})
    assert moved.sync()["in_sync"]
    assert left(moved)


@pytest.mark.parametrize("serve", [False, True])
def test_it_is_asked_again_until_it_is_done(broker, other, moved, serve):
    assert not has_the_last(moved) and gone(moved)
    broker.restart()
    if serve:
        moved.serve()
        wait_until(lambda: not left(moved), "it is brought")
        wait_until(lambda: has_the_last(moved), "it is here")
    moved.sync()
    assert not left(moved)
    assert moved.sync()["in_sync"] and has_the_last(moved)
    assert not gone(moved)
    assert other.status()["blobs"] == broker.status()["blobs"]
    assert other.run("verify") == "everything is whole\n"


def test_sync_asks_again_beside_serve(broker, other, moved):
    """Which by itself tries again in ten minutes."""
    moved.serve()
    wait_until(lambda: "refuses" in left(moved)[0], "it was tried")
    broker.restart()
    moved.sync()
    wait_until(lambda: not left(moved), "it is brought")
    wait_until(lambda: has_the_last(moved), "it is here")


def test_it_is_done_when_the_connection_broke_in_the_middle(broker, other, family):
    laptop, desktop = family
    wire = Brittle(broker)
    try:
        laptop.run("broker", wire.line)
        write_history(laptop)
        wire.left = 1_500_000
        done = laptop.finish("broker", other.run("invite").strip())
        assert done.returncode == 0 and "could not be brought" in done.stderr, done.stderr
        assert len(left(laptop)) == 1
        wire.left = 1 << 60  # `home` names where the wire is: nobody has to know the broker by another address
        desktop.run("broker", other.line)  # and tells the broker before
        desktop.sync()
        wait_until(lambda: "user-moved" in open(broker.log).read(), "the broker before knows of the move")
        laptop.sync()
        assert not left(laptop)
        assert other.status()["blobs"] == broker.status()["blobs"]
        assert laptop.sync()["in_sync"] and not gone(laptop)
    finally:
        wire.close()


def test_it_can_be_given_up(broker, other, moved):
    moved.run("broker", "--give-up")
    assert not left(moved)
    broker.restart()
    moved.sync()
    assert not has_the_last(moved) and len(gone(moved)) == 1


def test_it_is_done_when_the_user_comes_back(broker, other, moved):
    broker.restart()
    moved.run("broker", broker.run("invite").strip())
    moved.sync()
    assert not left(moved) and has_the_last(moved) and not gone(moved)
