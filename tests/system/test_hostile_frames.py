# SPDX-License-Identifier: Apache-2.0
"""Messages of any number of frames, whole or never finished: who reads them keeps little, and ends the connection."""

import contextlib
import os
import socket
import threading
import time

import pytest
import zmq

import protocol_crypto as crypto
from broker_client import Session, enrol, now
from counterfoil import wait_until
from counterfoild import broker  # noqa: F401
from hostile_broker import raw
from hostile_house import house  # noqa: F401
from hostile_victim import COUNTS_MEMORY, MIB, memory_of
from protocol import pack

PAPERS = b"papers".ljust(16, b"\0")
ROOM = 8 * MIB  # beyond what was used before
STRANGERS = 64 * MIB  # of all together
TOO_MUCH = "it sent more than a message or its window takes"
FRAMES = 128


class Tap:
    """A cable to a broker that carries so many bytes there, in pieces of some size, and then holds the rest back."""

    def __init__(self, port, most, piece=65536, pause=0):
        self.port, self.most, self.piece, self.pause = port, most, piece, pause
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.ends, self.threads = [], []
        self.run(self.accept)

    def run(self, *what):
        self.threads.append(threading.Thread(target=what[0], args=what[1:], daemon=True))
        self.threads[-1].start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                try:
                    far = socket.create_connection(("127.0.0.1", self.port))
                except ConnectionError:
                    near.close()
                    continue
                far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.ends += [near, far]
                for one, other, most in (near, far, self.most), (far, near, None):
                    self.run(self.carry, one, other, most)

    def carry(self, one, other, most):
        carried = 0
        with contextlib.suppress(OSError):
            while (most is None or carried < most) and (data := one.recv(self.piece)):
                other.sendall(data)
                carried += len(data)
                time.sleep(self.pause)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Closed is a socket only when no thread uses it: its number may be another's at once."""
        for end in [self.listener, *self.ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for end in [self.listener, *self.ends]:
            end.close()


def line_of(broker, port):
    host, _, key = broker.place
    return crypto.write_address(host, port, key)


def body():
    return pack([now(), 0, 1, 1, [], [[b"f" + os.urandom(15), "/name", [], False, b"a"]], []])


@pytest.fixture
def ann(broker):
    broker.start()
    made = enrol(broker.run("invite").strip())[1]
    expect_served(broker, made)
    return made


def expect_served(broker, device):
    with device.session(broker.line) as session:
        session.hello(device.user, device.log.heads())
        session.publish(device.write_change(PAPERS, body()))


def guest_of(broker):
    """The key of an invitation that nobody used."""
    code = crypto.read_code(broker.run("invite").strip())
    return crypto.Pairing(code.secret)


def a_guest(broker, guest, line=None):
    return Session(line or broker.line, guest.guest, guest.guest_secret)


def a_member(broker, ann, line=None):
    session = ann.session(line or broker.line)
    session.hello(ann.user, ann.log.heads())
    return session


def send_until_it_ends(session, frames):
    with contextlib.suppress(zmq.Again):
        session.socket.send_multipart(frames, copy=False)


@contextlib.contextmanager
def small(broker, room=ROOM):
    """The broker takes no more memory meanwhile than this."""
    before = memory_of(broker.process)
    yield
    used = memory_of(broker.process) - before
    assert not COUNTS_MEMORY or used < room, f"{used / MIB:.1f} MiB"


def ended(broker):
    return [line for line in broker.audit("connection-refused") if line["why"] == TOO_MUCH]


@pytest.mark.parametrize("who", ["guest", "member"])
def test_a_message_of_128_frames_ends_its_connection(broker, ann, who):
    guest = guest_of(broker)
    with a_guest(broker, guest) if who == "guest" else a_member(broker, ann) as session, small(broker):
        send_until_it_ends(session, [bytes(MIB)] * FRAMES)
        wait_until(lambda: ended(broker), "its end is told")
    expect_served(broker, ann)


@pytest.mark.parametrize("who, most", [("guest", 3 * MIB), ("member", 7 * MIB)])
def test_a_message_that_is_never_finished_ends_its_connection(broker, ann, who, most):
    guest = guest_of(broker)
    with Tap(broker.place[1], most) as tap:
        line = line_of(broker, tap.listener.getsockname()[1])
        with a_guest(broker, guest, line) if who == "guest" else a_member(broker, ann, line) as session, small(broker):
            send_until_it_ends(session, [bytes(MIB)] * FRAMES)
            wait_until(lambda: ended(broker), "its end is told")
        expect_served(broker, ann)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_frames_of_nothing_count(broker, ann, size):
    """200,000 frames, 7 MiB on the wire: libzmq takes over 100 bytes for each beside what is in it."""
    with a_member(broker, ann) as session, small(broker):
        send_until_it_ends(session, [bytes(size)] * 200000)
        wait_until(lambda: ended(broker), "its end is told")
    expect_served(broker, ann)


def test_frames_that_come_one_by_one_take_no_more(broker, ann):
    """Each is read alone, and kept no room for what might have come with it (18 KiB)."""
    with Tap(broker.place[1], 2**40, piece=36, pause=0.0002) as tap:
        with a_member(broker, ann, line_of(broker, tap.listener.getsockname()[1])) as session, small(broker):
            session.send_frames(*[b"x"] * 3000)
            session.send("HAVE", [])
            session.hear("REFUSED", "AGAIN")
    expect_served(broker, ann)


def test_strangers_have_little_together(broker, ann):
    """64 of them, each within what one may have: 128 MiB. What those had who were ended is given back a little later."""
    guest = guest_of(broker)
    with Tap(broker.place[1], 2 * MIB) as tap, contextlib.ExitStack() as stack, small(broker, STRANGERS + 6 * ROOM):
        line = line_of(broker, tap.listener.getsockname()[1])
        for _ in range(64):
            session = stack.enter_context(a_guest(broker, guest, line))
            send_until_it_ends(session, [bytes(MIB)] * 3)
        wait_until(lambda: ended(broker), "the end of one is told")
        expect_served(broker, ann)


@pytest.mark.parametrize("command", ["WELCOME", "SUBSCRIBED"])
def test_a_device_keeps_little_of_what_a_broker_sends(house, command):
    honest = house.receive()
    flood = raw(*[bytes(MIB)] * FRAMES)

    outcome = house.receive(lambda _, said: [flood, said] if said.command == command else said)
    assert "sends more than it was asked for" in outcome.messages, outcome.said
    assert not COUNTS_MEMORY or outcome.memory < honest.memory + ROOM, (outcome.memory / MIB, honest.memory / MIB)
    house.heal()
