# SPDX-License-Identifier: Apache-2.0
"""Who is at a broker's address, and isn't the broker, or can't answer: said is what is known, and nobody is accused."""

import contextlib
import itertools
import os
import resource
import signal
import socket
import struct
import threading

import pytest

import protocol_crypto as crypto
from counterfoil import broker, make_device, tree, two  # noqa: F401
from counterfoild import Broker

ACCUSED = "another key"


@pytest.fixture
def laptop(broker, two):
    """Whose broker has gone, and left its port."""
    two[0].add("notes", {"a": b"one\n"})
    two[0].sync()
    broker.stop()
    return two[0]


@pytest.fixture
def at_its_place(broker):
    """Somebody else there, who gets each connection."""
    ends = []

    def make(answer):
        host, port, _ = broker.place
        listener = socket.create_server((host, port))
        taken = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                taken.append(connection)
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        ends.append((listener, taken))

    yield make
    for listener, taken in ends:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in taken:
            connection.close()


def portal(connection):
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nConnection: close\r\n\r\n")
    connection.close()


def mailer(connection):
    connection.sendall(b"220 mail.example ESMTP\r\n")


def silent(connection):
    pass


def closing(connection):
    """In order: what comes is read, or the kernel would break it off."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(1000):
        pass
    connection.close()


def half(connection):
    """A broker that is ended in the midst."""
    connection.sendall(b"\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE")
    closing(connection)


def resetting(connection):
    """A broker that takes no more, before what it had said is read: then nothing of that arrives."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize(
    "answer, words",
    [
        (portal, "this is no Counterfoil broker: it speaks HTTP"),
        (mailer, "this is no Counterfoil broker"),
        (silent, "it took the connection and says nothing"),
        (closing, "it closed the connection without a word"),
        (half, "it closed the connection without a word"),
        (resetting, "it broke the connection off: it takes no more from here for now"),
    ],
)
def test_who_is_no_broker_is_called_what_it_is(laptop, at_its_place, answer, words):
    at_its_place(answer)
    said = laptop.run("sync", "--timeout", "15s", code=5)
    assert words in said and ACCUSED not in said, said


def test_a_broker_that_hangs_is_called_silent(broker, two):
    laptop = two[0]
    laptop.add("notes", {"a": b"one\n"})
    os.kill(broker.process.pid, signal.SIGSTOP)
    said = laptop.run("sync", "--timeout", "15s", code=5)
    os.kill(broker.process.pid, signal.SIGCONT)
    assert "it took the connection and says nothing" in said and ACCUSED not in said
    assert laptop.sync()["in_sync"]


def test_a_broker_without_descriptors_is_called_silent(broker, two):
    """It accepts nobody: who connects waits in the kernel."""
    laptop = two[0]
    laptop.add("notes", {"a": b"one\n"})
    broker.stop()
    broker.restart()  # and nobody's connection is about to end
    pid = broker.process.pid
    free = next(number for number in itertools.count() if not os.path.lexists(f"/proc/{pid}/fd/{number}"))
    had = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, had[1]))
    said = laptop.run("sync", "--timeout", "15s", code=5)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, had)
    with open(broker.log) as log:
        assert "a connection could not be accepted" in log.read()
    assert "it took the connection and says nothing" in said and ACCUSED not in said, said
    assert laptop.sync()["in_sync"]


def test_another_broker_there_is_told_with_what_else_it_may_be(laptop, broker, tmp_path):
    host, port, _ = broker.place
    other = Broker(str(tmp_path / "other"))
    other.start(listen=f"tcp://{host}:{port}")
    try:
        said = laptop.run("sync", code=5)
        known, *guesses = map(said.find, ("it closed during the greeting", "takes no more connections", ACCUSED))
        assert 0 <= known < min(guesses), said
        assert crypto.read_address(other.line)[2] != broker.place[2]
    finally:
        other.stop()
    broker.restart()
    assert laptop.sync()["in_sync"]


def test_a_broker_that_refuses_for_now_is_not_called_another(broker, two):
    laptop = two[0]
    laptop.add("notes", {"a": b"one\n"})
    laptop.sync()
    broker.stop()
    host, port, _ = broker.place
    broker.start("--limit", "connections-per-minute=1", listen=f"tcp://{host}:{port}")
    with contextlib.ExitStack() as strangers:  # behind the same address, from which a member came: they take eight times as much
        for _ in range(20):
            strangers.enter_context(socket.create_connection((host, int(port))))
        done = laptop.finish("sync", "--timeout", "5s")
    assert done.returncode == 5 and "it broke the connection off: it takes no more from here for now" in done.stderr, done.stderr
    assert ACCUSED not in done.stderr, done.stderr
    broker.stop()
    broker.restart()
    assert laptop.sync()["in_sync"]
