# SPDX-License-Identifier: Apache-2.0
"""Locks that end while their holder is stopped, late or dead, and what is told of who communicates alone."""

import contextlib
import os
import signal
import socket
import threading
import time

import pytest

from counterfoil import WAIT, broker, make_device, rounds, tree, two, wait_until  # noqa: F401
from lock_scene import copies, pending, read, shared, write  # noqa: F401
from test_membership import let_in

SHORT = "6s"  # how long a lock lasts that is to end, and is renewed meanwhile on a machine under load


def is_connected(device):
    return device.json("status")["broker"]["connected"]


def serve(device):
    process = device.serve()
    wait_until(lambda: is_connected(device), "it is connected")
    return process


def settle(*devices):
    """Enough rounds for all to have everything; the copies that lie there are counted by the test."""
    assert set(rounds(devices)) <= {0, 4}


def expect_both(ann, bob, *contents):
    """Nothing is lost: one of the contents is the page, the others are its conflict copies, on both sides."""
    settle(ann, bob)
    assert tree(ann.source()) == tree(bob.source())
    assert sorted([read(ann, "page"), *(read(ann, copy) for copy in copies(ann))]) == sorted(contents)


class Wire:
    """Stands between a device and its broker, and can hold back what the device says, or let what it hears trickle."""

    def __init__(self, broker, trickles=False):
        self.trickles = trickles
        self.host, self.port, _ = broker.place
        self.door = socket.create_server(("127.0.0.1", 0))
        self.passing = threading.Event()
        self.passing.set()
        self.ends = []
        threading.Thread(target=self.take_in, daemon=True).start()
        self.line = broker.line.replace(f":{self.port}#", f":{self.door.getsockname()[1]}#")

    def take_in(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.door.accept()[0]
                try:
                    far = socket.create_connection((self.host, self.port))
                except ConnectionError:
                    near.close()
                    continue
                self.ends += [near, far]
                for one, other, held in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self.carry, args=(one, other, held), daemon=True).start()

    def carry(self, one, other, is_held):
        with contextlib.suppress(OSError):
            while data := one.recv(50 if self.trickles and not is_held else 65536):
                if is_held:
                    self.passing.wait()
                elif self.trickles:
                    time.sleep(0.02)
                other.sendall(data)
        for end in one, other:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.passing.set()
        for end in [self.door, *self.ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def far_away(shared, broker):
    """The first device, that hears and is heard by this."""
    wire = Wire(broker)
    shared[0].run("broker", wire.line)
    yield wire
    wire.close()


def told_stale(broker):
    return [line for line in broker.audit("publish-refused") if "its lease is over" in line["why"]]


def test_what_is_heard_after_the_lock_is_stale_and_comes_as_the_concurrent_edit_it_is(shared, far_away, broker):
    """The holder's entry is on its way, with its token, while the lock ends and another has it and writes."""
    ann, bob = shared
    ann.sync()
    serve(ann)
    ann.run("lock", "notes", "--for", SHORT)
    far_away.passing.clear()
    write(ann, "page", "late\n")
    wait_until(lambda: "it is not at the broker yet" in ann.run("status"), "it is under way")
    bob.run("lock", "notes", "--wait")
    write(bob, "page", "bob\n")
    bob.sync()
    far_away.passing.set()
    wait_until(lambda: told_stale(broker), "it is refused")
    (held,) = bob.json("locks")
    assert held["device"] == bob.name
    bob.sync()
    assert read(bob, "page") == "bob\n" and not copies(bob), "while he has the lock, nothing comes in"
    bob.run("unlock", "notes")
    wait_until(lambda: ann.json("status")["in_sync"], "it is published when the lock is free")
    expect_both(ann, bob, "late\n", "bob\n")


def test_serve_that_is_stopped_beyond_the_end_of_its_lock_overwrites_nothing(shared, broker):
    ann, bob = shared
    serving = serve(ann)
    ann.run("lock", "notes", "--for", SHORT)
    serving.send_signal(signal.SIGSTOP)
    try:
        write(ann, "page", "late\n")
        bob.run("lock", "notes", "--wait")
        write(bob, "page", "bob\n")
        bob.sync()
    finally:
        serving.send_signal(signal.SIGCONT)
    wait_until(lambda: pending(ann, "locked"), "its edit waits for bob")
    bob.sync()
    assert read(bob, "page") == "bob\n" and not copies(bob)
    bob.run("unlock", "notes")
    wait_until(lambda: ann.json("status")["in_sync"], "it is published when the lock is free")
    expect_both(ann, bob, "late\n", "bob\n")


@pytest.mark.parametrize("of", ["notes", "page"])
def test_a_lock_ends_after_the_serve_that_renews_it_was_killed(shared, broker, of):
    ann, bob = shared
    serving = serve(ann)
    ann.run("lock", "notes" if of == "notes" else str(ann.source() / of), "--for", SHORT)
    first = bob.json("locks")[0]["until"]
    wait_until(lambda: bob.json("locks")[0]["until"] > first, "it is renewed")
    serving.kill()
    serving.wait()
    wait_until(lambda: bob.json("locks") == [], "it ends by itself")
    assert broker.audit("lease-expired") and not broker.audit("lease-released")
    write(bob, "page", "bob\n")
    bob.sync()
    ann.sync()
    assert read(ann, "page") == "bob\n" and ann.json("locks") == []


def test_whose_lock_was_broken_waits_like_everybody(shared):
    ann, bob = shared
    bob.run("lock", "notes", "--for", "10m")
    ann.run("unlock", "notes", "--break")
    ann.run("lock", "notes")
    write(bob, "page", "bob\n")
    done = bob.finish("sync", "--timeout", "2s")
    assert done.returncode == 9 and f"locked by {ann.name}" in done.stdout, done.stdout + done.stderr
    ann.run("unlock", "notes")
    bob.sync()
    ann.sync()
    assert read(ann, "page") == "bob\n"


# ---- What is done while another has a path locked ----


def test_what_is_deleted_under_another_s_lock_is_deleted_when_it_is_over(shared):
    ann, bob = shared
    ann.run("lock", str(ann.source() / "deep"))
    bob.sync()
    os.unlink(bob.source() / "deep" / "leaf")
    bob.sync(9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "deep/leaf" and ann.name in held["reason"]
    ann.sync()
    assert read(ann, "deep/leaf") == "leaf\n"
    ann.run("unlock", str(ann.source() / "deep"))
    bob.sync()
    ann.sync()
    assert "deep/leaf" not in tree(ann.source())


@pytest.mark.parametrize("what", ["page", "deep", "notes"])
def test_a_device_hears_what_is_locked_before_it_publishes(shared, what):
    """It was not there when the lock was granted."""
    ann, bob = shared
    ann.run("lock", what if what == "notes" else str(ann.source() / what))
    mine = "deep/leaf" if what == "deep" else "page"
    write(bob, mine, "bob\n")
    bob.sync(9, "--timeout", "5s")
    ann.sync()
    assert read(ann, mine) != "bob\n"
    ann.run("unlock", what if what == "notes" else str(ann.source() / what))
    bob.sync()
    ann.sync()
    assert read(ann, mine) == "bob\n"


# ---- Communicating alone ----


def test_while_one_communicates_alone_the_other_s_sync_ends_as_locked_and_the_audit_log_has_both(shared, broker):
    ann, bob = shared
    names = {one["fingerprint"]: one["name"] for one in ann.json("devices")}
    with open(ann.source() / "large", "wb") as file:
        file.write(os.urandom(100_000_000))
    alone = ann.start("sync", "--exclusive")
    wait_until(lambda: broker.audit("exclusive-begun"), "she is in the middle of it")
    alone.send_signal(signal.SIGSTOP)  # so that she doesn't come to an end before bob has tried
    write(bob, "page", "bob\n")
    bob.patiently("sync", code=9, said=f"locked by {ann.name}")
    assert "locked by" in bob.run("lock", "notes", code=9)
    bob.patiently("sync", "--exclusive", code=9)
    assert alone.poll() is None and read(ann, "page") == "one\n"
    assert len(broker.audit("exclusive-begun")) == 1 and not broker.audit("exclusive-ended")
    alone.send_signal(signal.SIGCONT)
    alone.communicate(timeout=WAIT)
    assert alone.returncode == 0 and ann.json("locks") == []
    bob.sync()
    ann.sync()
    assert read(ann, "page") == "bob\n"

    said = [(line["what"], names.get(line.get("device"))) for line in broker.audit()]
    begun, ended = (said.index((f"exclusive-{what}", ann.name)) for what in ("begun", "ended"))
    assert said[:begun].count(("lease-granted", ann.name)) == 1 and ("lease-released", ann.name) in said[ended:]
    assert ("publish-refused", bob.name) in said[begun:ended], "he was held back meanwhile"
    assert ("lease-waited", bob.name) in said[begun:ended]
    (line,) = broker.audit("exclusive-begun")
    assert line["why"] == "it communicates alone" and line["collection"] and line["user"]


def test_who_has_the_lock_anyhow_communicates_alone_under_it_and_keeps_it(shared, broker):
    ann, bob = shared
    ann.run("lock", "notes")
    write(ann, "page", "alone\n")
    ann.sync(0, "--exclusive")
    assert [len(broker.audit(f"exclusive-{what}")) for what in ("begun", "ended")] == [1, 1]
    assert ann.json("locks")[0]["this"] and len(broker.audit("lease-granted")) == 1
    ann.run("unlock", "notes")
    ann.run("lock", "notes", "--shared")
    assert "but shared" in ann.run("sync", "--exclusive", code=9)
    ann.run("unlock", "notes")
    bob.sync(0, "--exclusive")
    assert read(bob, "page") == "alone\n"


def test_who_has_no_lock_of_its_own_is_not_noted_as_alone(shared, broker):
    """Whatever it says."""
    ann, _ = shared
    ann.run("lock", "notes")
    device = let_in(ann, "liar")
    with device.session(broker.line) as session:
        device.read_log(session)
        collection = device.collection("notes")
        session.send("ALONE", collection, True)
        ann.run("unlock", "notes")
        session.send("LOCK", os.urandom(16), collection, bytes(16), 10000, True, False)
        session.hear("LEASE")
        session.send("ALONE", collection, True)
        session.send("ALONE", collection, False)
        session.send("LOCKS", os.urandom(16))  # in their order: those are behind it
        session.hear("LEASES")
    assert not broker.audit("exclusive-begun") and not broker.audit("exclusive-ended")
