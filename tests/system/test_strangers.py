# SPDX-License-Identifier: Apache-2.0
"""Strangers, and members who mean harm: nobody gets what is not theirs, and nobody disturbs the others."""

import contextlib
import os
import pathlib
import signal
import socket
import threading
import time

import pytest
import zmq

import protocol_crypto as crypto
from counterfoil import wait_until
from counterfoild import WAIT, broker  # noqa: F401
from broker_client import Author, Refused, Session, Silence, VERSION, enrol, hello_of, knock, new_account, now
from protocol import MEMBER, Map, pack, read_entry

PAPERS = b"papers".ljust(16, b"\0")
ELSEWHERE = "127.0.0.2"  # an address of loopback that no honest device comes from


def body(text=b"some text"):
    return pack([now(), 0, 1, 1, [], [[b"f" + os.urandom(15), "/name", [], False, text]], []])


@pytest.fixture
def ann(broker):
    broker.start()
    return enrol(broker.run("invite").strip())[1]


def another(broker):
    return enrol(broker.run("invite").strip())


def expect_open(broker, device):
    """The device gets in and its entry is taken."""
    with device.session(broker.line) as session:
        session.hello(device.user, device.log.heads())
        session.publish(device.write_change(PAPERS, body()))


def expect_refused(code, what, *arguments):
    with pytest.raises(Refused) as refused:
        what(*arguments)
    assert (refused.value.code, refused.value.verdict) == (code, "never")


def raw_dealer(broker, **options):
    host, port, _ = broker.place
    made = zmq.Context.instance().socket(zmq.DEALER)
    made.setsockopt(zmq.LINGER, 200)
    for name, value in options.items():
        made.setsockopt(getattr(zmq, name), value)
    made.connect(f"tcp://{host}:{port}")
    return made


@pytest.mark.parametrize(
    "options", [{}, {"PLAIN_USERNAME": b"ann", "PLAIN_PASSWORD": b"ann"}, {"ROUTING_ID": b"ann"}]
)
def test_no_key_and_other_mechanisms_get_no_answer(broker, ann, options):
    with raw_dealer(broker, **options) as stranger:
        stranger.send(pack(hello_of(ann.user)))
        assert not stranger.poll(1000)
        wait_until(lambda: broker.audit("connection-refused"), "its end is told")
    expect_open(broker, ann)


def test_random_keys_are_refused_before_anything_is_heard(broker, ann):
    for _ in range(20):
        stranger = crypto.Identity(os.urandom(32))
        with Session(broker.line, stranger.keys[1], stranger.curve_secret) as session:
            with contextlib.suppress(zmq.Again):  # it may be refused before that
                session.socket.send(pack(hello_of(ann.user)), zmq.DONTWAIT)
            assert not session.is_let_in()
            with pytest.raises(Silence):
                session.receive(50)
    expect_open(broker, ann)


class Rush:
    """Connects with one key as fast as it goes, also while nobody listens, and notes each handshake's end."""

    def __init__(self, broker, keys, secret):
        self.options = {"CURVE_SERVERKEY": broker.place[2], "CURVE_PUBLICKEY": keys[1], "CURVE_SECRETKEY": secret}
        self.let_in = self.refused = 0
        self.socket = raw_dealer(broker, RECONNECT_IVL=1, **self.options)
        self.monitor = self.socket.get_monitor_socket()

    def drain(self):
        while self.monitor.poll(0):
            event = zmq.utils.monitor.recv_monitor_message(self.monitor)["event"]
            self.let_in += event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self.refused += event == zmq.EVENT_HANDSHAKE_FAILED_AUTH

    def end(self):
        self.drain()
        self.socket.disable_monitor()
        self.socket.close()


def test_no_strange_key_gets_in_while_the_broker_starts(broker, ann):
    stranger = crypto.Identity(os.urandom(32))
    for _ in range(25):
        broker.stop()
        rushes = [Rush(broker, stranger.keys, stranger.curve_secret) for _ in range(8)]
        member = Rush(broker, ann.identity.keys, ann.identity.curve_secret)
        broker.restart()

        def all_have_an_answer():
            for rush in rushes + [member]:
                rush.drain()
            return member.let_in and all(rush.refused or rush.let_in for rush in rushes)

        wait_until(all_have_an_answer, "each has come to the door")
        for rush in rushes + [member]:
            rush.end()
        assert [rush.let_in for rush in rushes] == [0] * len(rushes)
    expect_open(broker, ann)


@pytest.mark.parametrize("version", [0, VERSION + 1, 2**63])
def test_other_versions_of_the_protocol_are_named(broker, ann, version):
    with ann.session(broker.line) as session:
        session.send(*hello_of(ann.user, version=version))
        expect_refused("version", session.hear, "WELCOME")
        session.hello(ann.user)


# What a HELLO may be in another version of the protocol, from behind the version on: only that place is fixed.
OTHER_HELLOS = {
    "of fewer elements": [[]],
    "of more elements": [[bytes(32), [], False, "more", 7]],
    "with a map": [[Map([("features", ["a"]), ("user", bytes(32))])]],
    "with another order": [[False, [], bytes(32)]],
    "with a frame behind": [[bytes(32), [], False], b"more"],
}


@pytest.mark.parametrize("shape", OTHER_HELLOS)
def test_another_version_is_named_whatever_its_hello_is_like(broker, shape):
    broker.start()
    invitation = broker.run("invite").strip()
    rest, *behind = OTHER_HELLOS[shape]
    code = crypto.read_code(invitation)
    guest = crypto.Pairing(code.secret)
    with Session(broker.line, guest.guest, guest.guest_secret) as session:
        session.send_frames(pack(["HELLO", VERSION + 1, *rest]), *behind)
        with pytest.raises(Refused) as refused:
            session.hear("WELCOME")
        assert (refused.value.request, refused.value.code, refused.value.verdict) == ("HELLO", "version", "never")
        assert f"version {VERSION + 1}" in refused.value.text and f"version {VERSION}" in refused.value.text
    _, device = enrol(invitation)  # nothing of it is spent
    with device.session(broker.line) as session:
        session.send_frames(pack(["HELLO", VERSION + 1, *rest]), *behind)
        expect_refused("version", session.hear, "WELCOME")
        session.hello(device.user, device.log.heads())
    expect_open(broker, device)


EVERYTHING = [
    ("SUBSCRIBE", [], None, 1000, False),
    ("CREDIT", 1000),
    ("HAVE", [bytes(32)]),
    ("GET", bytes(32), 0),
    ("GUEST", bytes(32), 2**40),
    ("LOCKS", bytes(16)),
    ("LOCK", bytes(16), b"papers".ljust(16, b"\0"), bytes(16), 10000, False, False),
    ("LOCATE", bytes(32)),
]


def test_nothing_works_before_hello(broker, ann):
    with ann.session(broker.line) as session:
        for message in EVERYTHING:
            session.send(*message)
            assert session.receive().command == "AGAIN", message
        session.send("PUBLISH", None, [], bulk=ann.write_change(PAPERS, body()))
        assert session.receive().command == "AGAIN"
        session.send("PUT", os.urandom(32), 0, 10, bulk=b"0123456789")
        assert session.receive().command == "AGAIN"


def test_a_guest_may_do_nothing_but_knock(broker, ann):
    pairing = crypto.Pairing(os.urandom(32))
    with ann.session(broker.line) as session:
        session.hello(ann.user)
        session.send("GUEST", pairing.guest, now() + 60000)
        session.hear("GUEST")
        with Session(broker.line, pairing.guest, pairing.guest_secret) as guest:
            for message in EVERYTHING:
                guest.send(*message)
                assert guest.receive().command == "AGAIN", message
            expect_refused("unknown", guest.hello, ann.user)
            guest.send("KNOCK", ann.user, os.urandom(32), bulk=b"another's key")
            expect_refused("forged", guest.hear, "ADMIT")
            guest.send("KNOCK", os.urandom(32), pairing.guest, bulk=b"another user")
            expect_refused("unknown", guest.hear, "ADMIT")
            guest.send("KNOCK", None, pairing.guest, bulk=b"no invitation")
            expect_refused("unknown", guest.hear, "ADMIT")


def test_an_identity_that_is_another_s_gains_nothing(broker, ann):
    _, bob = another(broker)

    def session_named(device, name):
        host, port, key = broker.place
        keys = {"CURVE_SERVERKEY": key, "CURVE_PUBLICKEY": device.identity.keys[1],
                "CURVE_SECRETKEY": device.identity.curve_secret}
        return raw_dealer(broker, ROUTING_ID=name, **keys)

    hello = pack(hello_of(ann.user))
    with session_named(ann, b"ann's place") as first:
        first.send(hello)
        assert first.poll(WAIT * 1000) and b"WELCOME" in first.recv()
        with session_named(bob, b"ann's place") as squatter:  # while she is there
            squatter.send(pack(["CREDIT", 1]))
            squatter.send(hello)
            assert not squatter.poll(500)
        first.send(pack(["HAVE", [bytes(32)]]))
        assert first.poll(WAIT * 1000) and b"MISSING" in first.recv()

    def gains_nothing_when_she_has_gone():
        with session_named(bob, b"ann's place") as squatter:
            squatter.send(pack(["HAVE", [bytes(32)]]))
            if not squatter.poll(1000):
                return False  # the broker has not noticed yet, and this connection stays unheard
            assert b"AGAIN" in squatter.recv()
            squatter.send(hello)
            assert squatter.poll(WAIT * 1000) and b"unknown" in squatter.recv()
            return True

    wait_until(gains_nothing_when_she_has_gone, "the broker knows that ann is gone")
    expect_open(broker, ann)


def test_a_user_gets_nothing_of_another_s(broker, ann):
    _, bob = another(broker)
    with ann.session(broker.line) as session:
        session.hello(ann.user, ann.log.heads())
        blob = session.put(os.urandom(3000))
        wire = ann.write_change(PAPERS, body(), [blob])
        session.publish(wire)
    with bob.session(broker.line) as session:
        expect_refused("unknown", session.hello, ann.user)
        session.hello(bob.user, bob.log.heads())
        assert session.get(blob) is None
        assert session.held(blob) == {blob: 0}
        expect_refused("malformed", session.publish, wire)
        session.subscribe(bob.log)
        assert [entry for entry in session.entries() if entry.user == ann.user] == []


def test_listing_another_s_curve_key_gains_nothing(broker, ann):
    account, bob = another(broker)
    twin = crypto.Identity(os.urandom(32))
    twin.keys = (twin.keys[0], ann.identity.keys[1], twin.keys[2])
    with bob.session(broker.line) as session:
        session.hello(bob.user, bob.log.heads())
        session.publish(bob.admit(twin.keys, twin.prove(bob.user), crypto.MEMBER_ROLE))
    with bob.session(broker.line) as session:
        expect_refused("unknown", session.hello, ann.user)
    expect_open(broker, ann)
    broker.run("users", "remove", bob.user.hex(), "--yes")  # which shuts his keys out, not hers
    expect_open(broker, ann)


def test_an_invitation_that_is_used_twice_at_once_makes_one_user(broker):
    broker.start()
    for _ in range(5):
        code = crypto.read_code(broker.run("invite").strip())
        pairing = crypto.Pairing(code.secret)
        firsts = [new_account() for _ in range(4)]
        doors = [Session(broker.line, pairing.guest, pairing.guest_secret) for _ in firsts]
        assert all(door.is_let_in() for door in doors)
        before = broker.status()["users"]
        sealed = [pairing.knock_invited(first) for _, first in firsts]
        for door, knock_of in zip(doors, sealed):
            door.send("KNOCK", None, pairing.guest, bulk=knock_of)
        answers = []
        for door in doors:
            try:
                answers.append(door.hear("ADMIT").command)
            except Refused as refused:
                answers.append(refused.code)
            door.__exit__()
        assert sorted(answers) == ["ADMIT", "used", "used", "used"]
        assert broker.status()["users"] == before + 1


def silent(broker, count, address=ELSEWHERE, say=b""):
    host, port, _ = broker.place
    made = []
    for _ in range(count):
        made.append(socket.socket())
        made[-1].settimeout(WAIT)
        made[-1].bind((address, 0))
        with contextlib.suppress(ConnectionError):  # a refusal may be there before `connect` returns
            made[-1].connect((host, port))
            made[-1].sendall(say)
    return made


def is_ended(connection):
    connection.settimeout(0)
    try:
        while connection.recv(4096):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE".ljust(23, b"\0") + bytes(32)


def test_members_go_on_among_500_silent_connections(broker):
    broker.start("--limit", "strangers-per-address=50,silence=600")
    ann = another(broker)[1]
    with ann.session(broker.line) as session:
        session.hello(ann.user, ann.log.heads())
        connections = silent(broker, 400) + silent(broker, 100, say=GREETING)
        for _ in range(20):
            session.publish(ann.write_change(PAPERS, body()))
        alone = silent(broker, 60, address="127.0.0.1")
        expect_open(broker, ann)  # from the address of strangers, too
        wait_until(lambda: sum(map(is_ended, connections)) >= 450, "there are 50 of the address left")
        wait_until(lambda: sum(map(is_ended, alone)) >= 10, "and of hers")
        session.publish(ann.write_change(PAPERS, body()))
    told = broker.audit("connection-refused")
    assert {line["address"] for line in told} == {ELSEWHERE, "127.0.0.1"}
    assert len(told) < 10


def test_who_is_silent_without_a_session_is_ended(broker):
    broker.start("--limit", "silence=6")
    ann = another(broker)[1]
    with ann.session(broker.line) as session:
        session.hello(ann.user, ann.log.heads())
        connections = silent(broker, 20) + silent(broker, 20, say=GREETING)
        wait_until(lambda: all(map(is_ended, connections)), "all are ended")
        session.publish(ann.write_change(PAPERS, body()))  # her session was silent as long


def test_a_member_that_says_no_hello_is_ended(broker):
    broker.start("--limit", "silence=6")
    ann = another(broker)[1]
    with ann.session(broker.line) as silent_one, ann.session(broker.line) as session:
        session.hello(ann.user, ann.log.heads())
        assert silent_one.is_let_in()
        events = []
        while zmq.EVENT_DISCONNECTED not in events:
            assert silent_one.monitor.poll(WAIT * 1000)
            events.append(zmq.utils.monitor.recv_monitor_message(silent_one.monitor)["event"])
        session.publish(ann.write_change(PAPERS, body()))  # who has a session may be silent


def fail_slowly(broker, address=ELSEWHERE):
    """Garbage on a connection that the broker has had time to see: one that ends at once has no address any more."""
    connection = silent(broker, 1, address)[0]
    time.sleep(0.03)
    with contextlib.suppress(OSError):
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    wait_until(lambda: is_ended(connection), "it is ended")


def test_an_address_that_fails_over_and_over_has_to_wait(broker):
    broker.start("--limit", "connections-per-minute=30,silence=600")
    ann = another(broker)[1]
    for _ in range(40):
        fail_slowly(broker)
    last = silent(broker, 1)[0]
    wait_until(lambda: is_ended(last), "it is ended, and not for its silence")
    expect_open(broker, ann)  # from elsewhere
    broker.stop()
    assert any(line.get("why") == "its address comes too often" for line in broker.audit("connection-refused"))


def test_a_member_gets_in_among_strangers_of_its_address_that_fail(broker):
    """Six of them shut an address from which no member came."""
    broker.start("--limit", "connections-per-minute=60,silence=600")
    ann = another(broker)[1]
    expect_open(broker, ann)
    for _ in range(40):
        fail_slowly(broker, "127.0.0.1")
    expect_open(broker, ann)
    assert not broker.audit("connection-refused")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_where_a_member_came_from_is_known_after_a_restart(broker, end):
    """Else strangers behind the member's address shut it out once the broker is started anew."""
    broker.start("--limit", "connections-per-minute=30,silence=600")
    expect_open(broker, another(broker)[1])
    if end == signal.SIGKILL:
        wait_until(lambda: is_kept(broker), "it is noted where that came from")
    broker.stop(end)
    broker.start("--limit", "connections-per-minute=30,silence=600")
    at_home = silent(broker, 60, "127.0.0.1")
    elsewhere = silent(broker, 60)
    wait_until(lambda: sum(map(is_ended, elsewhere)) >= 20, "those of an address that nobody knows are ended")
    assert not any(map(is_ended, at_home))


def is_kept(broker):
    """RocksDB's log has what was written, though not synced: the address, of IPv4 mapped into IPv6."""
    address = pack(bytes(10) + b"\xff\xff" + socket.inet_aton("127.0.0.1"))
    return any(address in path.read_bytes() for path in pathlib.Path(broker.data, "store").glob("*.log"))


def abuse(session, member, stops):
    """What a member's program may do that means harm, over and over; whatever is answered."""
    forged = bytearray(member.write_change(PAPERS, body(os.urandom(20000))))
    forged[len(read_entry(bytes(forged)).header)] ^= 1
    ids = [os.urandom(32) for _ in range(2000)]
    while not stops.is_set():
        session.send(*hello_of(member.user))
        for message in EVERYTHING + [("HAVE", ids)]:
            session.send(*message)
        session.send("PUBLISH", None, [], bulk=bytes(forged))
        session.send_frames(os.urandom(50))
        while session.socket.poll(0):
            session.socket.recv_multipart()


def test_members_go_on_among_20_abusive_ones(broker, ann):
    bad = [another(broker)[1] for _ in range(20)]
    stops = threading.Event()
    sessions = [member.session(broker.line) for member in bad]
    for session in sessions:
        session.socket.setsockopt(zmq.SNDTIMEO, 100)
        session.socket.setsockopt(zmq.RCVTIMEO, 100)  # what was there may be gone with its connection

    def run(session, member):
        try:
            abuse(session, member, stops)
        except zmq.ZMQError:
            pass  # it is not read any more, or shut

    threads = [threading.Thread(target=run, args=pair) for pair in zip(sessions, bad)]
    for thread in threads:
        thread.start()
    try:
        with ann.session(broker.line) as session:
            session.hello(ann.user, ann.log.heads())
            for _ in range(30):
                session.publish(ann.write_change(PAPERS, body()))
    finally:
        stops.set()
        for thread in threads:
            thread.join()
        for session in sessions:
            session.__exit__()
    expect_open(broker, ann)
    assert broker.process.poll() is None
    assert os.path.getsize(broker.log) < 1_000_000
