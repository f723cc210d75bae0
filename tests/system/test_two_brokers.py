# SPDX-License-Identifier: Apache-2.0
"""A log that two brokers hold, because its user has moved from one to the other: who is shut out is out at both."""

import contextlib
import os
import signal
import socket
import time

import pytest
import zmq

import protocol_crypto as crypto
from broker_client import Refused, Silence, now
from counterfoil import WAIT, broker, fill, make_device, tree, wait_until  # noqa: F401
from counterfoild import Broker
from family import family, state_of  # noqa: F401
from protocol import pack
from reader import join
from test_lock_ends import Wire

PAPERS = b"papers".ljust(16, b"\0")


def body():
    return pack([now(), 0, 1, 1, [], [[b"f" + os.urandom(15), "/name", [], False, b"some text"]], []])


@pytest.fixture
def other(tmp_path):
    """Where the user goes."""
    made = Broker(str(tmp_path / "other"))
    made.start()
    yield made
    if made.process:
        made.process.kill()
        made.process.communicate()


@pytest.fixture
def suspect(family):
    """A member in Python, that does not follow the user unless it is told to."""
    laptop, _ = family
    pairing = laptop.start("pair")
    device = join(pairing.stdout.readline(), "suspect")
    assert pairing.wait(timeout=WAIT) == 0
    with device.session(device.address) as session:
        device.read_log(session)
    laptop.sync()
    return device


def enter(device, at):
    """A session that has all there is and waits for more."""
    session = device.session(at.line)
    session.hello(device.user, device.log.heads())
    session.subscribe(device.log)
    list(session.entries())
    return session


def expect_member(session, device):
    session.publish(device.write_change(PAPERS, body()))


def is_out(session, wire):
    """Nothing is taken from it."""
    try:
        session.send("PUBLISH", None, [], bulk=wire)
        while True:
            message = session.receive(300)
            if message.command == "AGAIN" or (message.command, message.elements[0]) == ("REFUSED", "HELLO"):
                return True
            if message.command == "ACCEPTED":
                return False
    except zmq.Again:  # its connection is shut
        return True
    except Silence:
        return False


def expect_out(device, *places):
    """At each broker, by the session that it has and by a new one; and nothing is sent to it."""
    wire = device.write_change(PAPERS, body())
    for session, _ in places:
        wait_until(lambda: is_out(session, wire), "the session is ended")
    for _, at in places:
        with device.session(at.line) as session:
            assert not session.is_let_in()


def revoke(laptop):
    laptop.run("devices", "revoke", "suspect", "--yes")


def test_a_revoked_device_is_out_at_once_at_both_brokers(broker, other, family, suspect):
    laptop, desktop = family
    with enter(suspect, broker) as before:
        laptop.run("broker", other.run("invite").strip())
        with enter(suspect, other) as after:
            revoke(laptop)
            expect_out(suspect, (before, broker), (after, other))
            fill(laptop.here, {"later.txt": "not for the suspect\n"})
            laptop.sync()
            for session in before, after:
                assert list(session.entries()) == []
    assert [line["device"] for line in broker.audit("device-revoked")] == [
        line["device"] for line in other.audit("device-revoked")
    ]
    desktop.sync()
    assert tree(desktop.here) == tree(laptop.here)


def test_while_serve_runs_too(broker, other, family, suspect):
    laptop, _ = family
    laptop.serve()
    with enter(suspect, broker) as before:
        laptop.run("broker", other.run("invite").strip())
        with enter(suspect, other) as after:
            revoke(laptop)
            expect_out(suspect, (before, broker), (after, other))


def test_a_broker_that_was_away_when_the_user_moved_is_told(broker, other, family, suspect):
    laptop, _ = family
    invitation = other.run("invite").strip()
    broker.stop()
    done = laptop.finish("broker", invitation)
    assert done.returncode == 0 and "could not be told" in done.stderr
    assert "could not be told" not in laptop.finish("sync").stderr, "it is said once"
    broker.restart()
    with enter(suspect, broker) as before:
        expect_member(before, suspect)  # it knows no better
        revoke(laptop)
        expect_out(suspect, (before, broker))


def test_a_broker_that_was_away_at_a_revocation_is_told_with_the_next_connection(broker, other, family, suspect):
    laptop, _ = family
    laptop.run("broker", other.run("invite").strip())
    broker.stop()
    assert "could not be told" in laptop.finish("devices", "revoke", "suspect", "--yes").stderr
    broker.restart()
    laptop.sync()
    with suspect.session(broker.line) as session:
        assert not session.is_let_in()


def test_a_broker_that_died_is_spoken_of_once_and_given_up_by_a_command(broker, other, family, suspect):
    """And a broker that is back after all is told."""
    laptop, _ = family
    invitation = other.run("invite").strip()
    broker.stop()
    said = laptop.finish("broker", invitation).stderr
    assert said.count("could not be told") == 1 and "`counterfoil broker --give-up`" in said
    for role in "reader", "member":
        assert "could not be told" not in laptop.finish("devices", "role", "desktop", role).stderr, "it is said once"
    laptop.run("broker", "--give-up")
    assert "could not be told" not in laptop.finish("devices", "revoke", "suspect", "--yes").stderr
    broker.restart()
    with enter(suspect, broker) as before:
        served = laptop.serve()
        expect_out(suspect, (before, broker))
    laptop.stop(served)
    laptop.sync()  # which hears that it was told, also where serve was ended before
    broker.stop()
    said = laptop.finish("devices", "role", "desktop", "reader").stderr
    assert said.count("could not be told") == 1, "it was back, and is not given up any more"


def knocks(silent, seconds):
    """The connections that it was asked for, in so long."""
    made, end = [], time.monotonic() + seconds
    with contextlib.suppress(TimeoutError, BlockingIOError):
        while True:
            silent.settimeout(max(0, end - time.monotonic()))
            made.append(silent.accept()[0])
    return made


def test_who_serves_does_not_ask_a_broker_that_is_silent_again_and_again(broker, other, family):
    """But once a session."""
    laptop, _ = family
    invitation = other.run("invite").strip()
    broker.stop()
    host, port, _ = broker.place
    with socket.create_server((host, port)) as silent:
        laptop.finish("broker", invitation)
        before = knocks(silent, 0)
        served = laptop.serve()
        asked = knocks(silent, 8)
        laptop.stop(served)
    assert len(before) >= 1 and 1 <= len(asked) <= 2, (before, asked)


def test_an_owner_that_came_after_the_move_tells_both(broker, other, family, suspect, make_device):
    laptop, _ = family
    with enter(suspect, broker) as before:
        laptop.run("broker", other.run("invite").strip())
        expect_member(before, suspect)
        tablet = make_device("tablet")
        laptop.pair(tablet, "--role", "owner")
        tablet.run("devices", "revoke", "suspect", "--yes")
        expect_out(suspect, (before, broker))


def test_the_broker_before_is_told_of_roles_too(broker, other, family):
    laptop, desktop = family
    laptop.run("broker", other.run("invite").strip())
    laptop.run("devices", "role", "desktop", "reader")
    assert state_of(laptop, "desktop") == ("in", "reader")
    assert broker.audit("device-role")


def test_the_broker_before_gets_nothing_of_what_is_written_later(broker, other, family, suspect):
    """Though it is told of the members, and a notice has all that there is."""
    laptop, desktop = family
    laptop.run("broker", other.run("invite").strip())
    before = broker.status()
    for device in laptop, desktop:
        fill(device.here, {f"of {device.name}": os.urandom(200_000), "small": "small\n"})
        device.sync()
    revoke(laptop)
    assert len(broker.audit("device-revoked")) == 1
    after = broker.status()
    assert after["entries"] == before["entries"] + 1, "the revocation alone"
    assert after["blobs"] == before["blobs"] < other.status()["blobs"]


def test_a_lock_ends_with_the_home_where_it_was_granted(broker, other, family):
    """Of a device that is not there when the user moves away, too, and moves back."""
    laptop, desktop = family
    laptop.run("lock", "notes", "--for", "10m")
    desktop.run("lock", str(desktop.here / "one.txt"), "--for", "10m")
    laptop.run("broker", other.run("invite").strip())
    assert laptop.json("locks") == []
    laptop.run("broker", broker.run("invite").strip())
    assert laptop.json("locks") == []
    assert "not locked" in laptop.run("unlock", "notes", code=3)
    fill(laptop.here, {"later.txt": "written after\n"})
    laptop.sync()
    desktop.sync()
    assert tree(desktop.here) == tree(laptop.here)
    desktop.run("lock", "notes")


def test_tokens_rise_over_a_move_away_and_back(broker, other, family, suspect):
    """By what the broker says to a client: at the first home, at the other, at the first again."""
    laptop, _ = family
    collection = suspect.collection("notes")

    def leases(at, count):
        tokens = []
        with suspect.session(at.line) as session:
            session.hello(suspect.user, suspect.log.heads())
            for _ in range(count):
                request = os.urandom(16)
                session.send("LOCK", request, collection, bytes(16), 60000, False, False)
                tokens.append(session.hear("LEASE").elements[1])
                session.send("UNLOCK", request, collection, bytes(16), tokens[-1])
                tokens.append(session.hear("LEASE").elements[1])
        return tokens

    def move(at):
        laptop.run("broker", at.run("invite").strip())
        with suspect.session(at.line) as session:
            suspect.read_log(session)

    def is_taken(at, token):
        with suspect.session(at.line) as session:
            session.hello(suspect.user, suspect.log.heads())
            try:
                session.publish(suspect.write_change(collection, body()), token=token)
            except Refused as refused:
                assert refused.code == "locked"
                return False
            return True

    tokens = leases(broker, 3)
    at_first = tokens[-2]
    move(other)
    tokens += leases(other, 2)
    move(broker)
    tokens += leases(broker, 2)
    assert all(earlier < later for earlier, later in zip(tokens, tokens[1:])), tokens
    assert len({generation for generation, _ in tokens}) == 3, "each change of home has one of its own"
    broker.stop(signal.SIGKILL)
    broker.restart()
    assert leases(broker, 1)[0] > tokens[-1]
    with suspect.session(broker.line) as session:
        session.hello(suspect.user, suspect.log.heads())
        session.send("LOCK", os.urandom(16), collection, bytes(16), 60000, False, False)
        session.hear("LEASE")
    assert not is_taken(broker, at_first), "what is of an earlier home has no say"


# ---- What only the broker before has ----


def write_history(laptop, versions=3):
    """Of a large file, each version another: only the broker has those before the last, and none of what is deleted."""
    contents = [os.urandom(1_200_000) for _ in range(versions)]
    for content in [*contents, None]:
        fill(laptop.here, {"deleted": os.urandom(300_000)} if content is None else {"large": content})
        laptop.sync()
    (laptop.here / "deleted").unlink()
    laptop.sync()


def gone(device):
    return [note["text"] for note in device.json("status")["notes"] if note["kind"] == "gone"]


@pytest.mark.parametrize("serve", [False, True])
def test_who_moves_takes_along_what_only_the_broker_before_has(broker, other, family, make_device, serve):
    laptop, desktop = family
    write_history(laptop)
    desktop.sync()
    if serve:
        laptop.serve()
        wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    done = laptop.finish("broker", other.run("invite").strip())
    assert done.returncode == 0 and "could not be brought" not in done.stderr, done.stderr
    assert other.status()["blobs"] == broker.status()["blobs"]
    assert other.status()["blob_bytes"] == broker.status()["blob_bytes"]
    assert other.run("verify") == "everything is whole\n"
    broker.stop()
    desktop.finish("sync")
    desktop.run("broker", other.line)
    new = make_device("new")
    laptop.pair(new)
    for device in laptop, desktop, new:
        device.sync()
        assert not gone(device)


def expect_moved(laptop, broker, other, last):
    """With all that the other device wrote, which never comes again."""
    laptop.run("broker", other.run("invite").strip())
    broker.stop()
    assert laptop.sync()["in_sync"]
    for name, content in last.items():
        assert (laptop.here / name).read_bytes() == content


@pytest.mark.parametrize("serve", [False, True])
def test_who_moves_takes_along_what_it_has_not_heard_of_yet(broker, other, family, serve):
    laptop, desktop = family
    last = {"last.txt": b"the last word\n", "large": os.urandom(300_000)}
    fill(desktop.here, last)
    desktop.sync()
    if serve:
        broker.stop()
        laptop.serve()
        broker.restart()
    expect_moved(laptop, broker, other, last)


def test_who_moves_waits_until_it_has_heard_all(broker, other, family):
    laptop, desktop = family
    wire = Wire(broker, trickles=True)
    try:
        laptop.run("broker", wire.line)
        last = {"last.txt": b"the last word\n"}
        fill(desktop.here, last)
        desktop.sync()
        expect_moved(laptop, broker, other, last)
    finally:
        wire.close()


def test_who_comes_late_goes_where_the_user_is_and_not_where_it_was(broker, other, family):
    """The broker before is gone when the device hears of both, one after the other."""
    laptop, desktop = family
    laptop.run("broker", other.run("invite").strip())
    broker.stop()
    wire = Wire(other, trickles=True)
    try:
        desktop.run("broker", wire.line)
        fill(laptop.here, {"later.txt": "of the laptop\n"})
        laptop.sync()
        desktop.sync()
        assert tree(desktop.here) == tree(laptop.here)
    finally:
        wire.close()


def test_who_moves_is_told_what_could_not_be_brought(broker, other, family):
    laptop, _ = family
    write_history(laptop)
    old = "%s:%d" % broker.place[:2]
    invitation = other.run("invite").strip()
    broker.stop()
    done = laptop.finish("broker", invitation)
    assert done.returncode == 0, done.stderr
    assert f"3 versions in the history could not be brought: if anybody has them, it is {old}" in done.stderr
    (told,) = gone(laptop)
    assert told.startswith("3 versions") and told.count("large of 20") == 2 and "deleted of 20" in told


def test_a_broker_before_that_has_spoiled_blobs_spoils_nothing(broker, other, family):
    """One is cut, one has other bytes: what has another hash than its name is not taken."""
    laptop, _ = family
    write_history(laptop)
    blobs = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(broker.data, "blobs"))
             for name in names if os.path.getsize(os.path.join(folder, name)) > 100_000]
    invitation = other.run("invite").strip()
    for path in blobs:
        with open(path, "r+b") as file:
            file.seek(1000)
            file.write(b"other bytes")
    done = laptop.finish("broker", invitation, "--timeout", "5s")
    assert done.returncode == 0 and "could not be brought" in done.stderr, done.stderr
    said = other.run("verify")
    assert "everything that is here is whole" in said and "no device has brought" in said
    assert laptop.sync()["in_sync"] and len(gone(laptop)) == 1


def test_a_newcomer_hears_nothing_false_of_what_a_device_wrote_before_it_was_shut_out(broker, other, family, make_device):
    """The member log comes first from there: the entry that the revocation names comes after those before it."""
    laptop, desktop = family
    for n in range(3):
        fill(desktop.here, {f"of the other, {n}": b"%d\n" % n})
        desktop.sync()
        laptop.sync()
    laptop.run("devices", "revoke", "desktop", "--yes")
    laptop.run("broker", other.run("invite").strip())
    third = make_device("third")
    done = third.finish("recover", "--recovery-file", laptop.phrase, "--yes", "--name", "third", "--broker", other.line)
    assert done.returncode == 0 and "counts for nothing" not in done.stderr, done.stderr
    third.here = third.add("notes", None, "--existing")
    third.sync()
    assert tree(third.here) == tree(laptop.here)


def test_a_line_without_its_scheme_is_no_code(broker, make_device):
    laptop = make_device("laptop")
    laptop.init()
    assert "tcp:// is missing" in laptop.run("broker", "127.0.0.1:7920#KEY", code=2)
    assert "it speaks tcp alone" in laptop.run("broker", "udp://127.0.0.1:7920#KEY", code=2)


@pytest.mark.parametrize("verb, printed_by", (("init", "counterfoild invite"), ("join", "counterfoil pair")))
def test_an_address_where_a_code_is_wanted(make_device, verb, printed_by):
    said = make_device("laptop").run(verb, "tcp://127.0.0.1:7920#KEY", code=2)
    assert f"is a broker's address, and lets nobody in: give the line that `{printed_by}` printed" in said
