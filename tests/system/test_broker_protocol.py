# SPDX-License-Identifier: Apache-2.0
"""The independent client against the broker itself."""

import concurrent.futures
import os
import signal
import threading

import pytest

import protocol_crypto as crypto
from counterfoild import WAIT, broker  # noqa: F401
from broker_client import VERSION, Author, Refused, Session, Silence, enrol, knock, new_account, now
from protocol import pack, read_body, read_entry

PAPERS = b"papers".ljust(16, b"\0")


@pytest.fixture
def ann(broker):
    """Ann's account and her first device."""
    broker.start()
    return enrol(broker.run("invite").strip())


def body_of(*changes):
    return pack([now(), 0, 1, 1, [], list(changes), []])


def small_file(name, content):
    item = b"f" + os.urandom(15)
    reference = [crypto.content_hash(content), len(content), 0, content]
    fields = [("/content", reference), ("/kind", "f"), ("/name", name), ("/parent", bytes(16))]
    return [[item, field, [], False, value] for field, value in fields]


def replayed(session, log_of, heads=()):
    """What a new device gets, verified and in order."""
    session.hello(log_of.user, heads)
    session.subscribe(log_of.log)
    got = []
    for entry in session.entries():
        if entry.head not in log_of.log.entries:
            log_of.learn(entry)
        got.append(entry)
    return got


def test_a_new_user_writes_and_reads_back(broker, ann):
    _, desk = ann
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        for number in range(20):
            session.publish(desk.write_change(PAPERS, body_of(*small_file(b"%d" % number, b"text %d" % number))))
    again = Author(desk.identity, desk.user)
    with again.session(broker.line) as session:
        entries = replayed(session, again)
        assert session.positions == list(range(1, 23))
    assert again.log.heads() == desk.log.heads()
    names = [
        change.value
        for entry in entries[2:]
        for change in read_body(again.open(entry), entry).changes
        if change.field == "/name"
    ]
    assert names == [b"%d" % number for number in range(20)]


def test_a_large_file_comes_back_from_its_blobs(broker, ann):
    _, desk = ann
    content = os.urandom(600000) + b"text " * 100000
    key = desk.content_keys[desk.epoch]
    pieces = [content[at : at + 2**19] for at in range(0, len(content), 2**19)]
    blobs = [crypto.seal_blob(desk.user, PAPERS, desk.epoch, key, piece) for piece in pieces]
    ids = [crypto.blob_id(blob) for blob in blobs]
    how = [[place, 0, len(piece)] for place, piece in enumerate(pieces)]
    changes = small_file(b"large", b"")
    changes[0][4] = [crypto.content_hash(content), len(content), 0, how]
    wire = desk.write_change(PAPERS, body_of(*changes), ids)
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        with pytest.raises(Refused) as refused:
            session.publish(wire)
        assert (refused.value.code, refused.value.verdict) == ("blobs", "later")
        assert [session.put(blob) for blob in blobs] == ids
        assert session.held(*ids) == {}
        session.publish(wire)

    reader = Author(desk.identity, desk.user)
    with reader.session(broker.line) as session:
        entry = replayed(session, reader)[-1]
        sealed = [session.get(id) for id in entry.blobs]
    reference = next(c.value for c in read_body(reader.open(entry), entry).changes if c.field == "/content")
    plain = [crypto.open_blob(desk.user, PAPERS, reader.content_keys.get, id, s) for id, s in zip(entry.blobs, sealed)]
    assert crypto.content_bytes(reference, plain.__getitem__) == content


def test_another_device_joins_by_a_code(broker, ann):
    _, desk = ann
    lap = crypto.Identity(os.urandom(32))
    host, port, key = crypto.read_address(broker.line)
    code = crypto.Code(host, port, key, desk.user, os.urandom(32), now() + 60000)
    pairing = crypto.Pairing(code.secret)
    sealed = pairing.knock(desk.user, "lap", lap)
    with desk.session(broker.line) as session, Session(broker.line, pairing.guest, pairing.guest_secret) as early:
        early.send("KNOCK", desk.user, pairing.guest, bulk=sealed)
        with pytest.raises(Silence):  # nobody expects it: it isn't let in
            early.receive(300)
        session.hello(desk.user, desk.log.heads())
        session.send("GUEST", pairing.guest, code.expires)
        session.hear("GUEST")
        with Session(broker.line, pairing.guest, pairing.guest_secret) as door:
            door.send("KNOCK", desk.user, pairing.guest, bulk=sealed)
            heard = session.hear("KNOCK")
            assert heard.elements == [desk.user, pairing.guest]
            _, keys, proof = pairing.open_knock(desk.user, heard.bulk)
            session.publish(desk.admit(keys, proof, crypto.MEMBER_ROLE))
            members = [head for head in desk.log.heads() if desk.log.entries[head].type == 2]
            session.send(
                "ADMIT", pairing.guest, bulk=pairing.admit(heard.bulk, desk.user, crypto.MEMBER_ROLE, members)
            )
            user, role, _ = pairing.open_admit(sealed, door.hear("ADMIT").bulk)
            assert (user, role) == (desk.user, crypto.MEMBER_ROLE)
        session.publish(desk.write_change(PAPERS, body_of(*small_file(b"note", b"for the lap"))))
    reader = Author(lap, desk.user)
    with reader.session(broker.line) as session:
        entry = replayed(session, reader)[-1]
        assert b"for the lap" in reader.open(entry)


def test_an_invitation_is_used_once(broker):
    broker.start()
    invitation = broker.run("invite").strip()
    enrol(invitation)
    code = crypto.read_code(invitation)
    _, first = new_account()
    with pytest.raises(Refused) as refused:
        knock(code, crypto.Pairing(code.secret).knock_invited(first))
    assert (refused.value.code, refused.value.verdict) == ("used", "never")


def test_live_entries_follow_the_replay(broker, ann):
    account, desk = ann
    reader = Author(desk.identity, desk.user)
    with desk.session(broker.line) as writing, reader.session(broker.line) as reading:
        writing.hello(desk.user, desk.log.heads())
        writing.publish(desk.write_change(PAPERS, body_of(*small_file(b"before", b"1"))))
        assert len(replayed(reading, reader)) == 3
        for number in range(5):
            writing.publish(desk.write_change(PAPERS, body_of(*small_file(b"%d" % number, b"2"))))
        assert len(list(reading.entries())) == 5


def test_strangers_do_not_get_in(broker, ann):
    _, desk = ann
    stranger = Author(crypto.Identity(os.urandom(32)), desk.user)
    with stranger.session(broker.line) as session:
        assert not session.is_let_in()
    _, bobs = enrol(broker.run("invite").strip())
    with bobs.session(broker.line) as session:  # known, but not to her log
        with pytest.raises(Refused) as refused:
            session.hello(desk.user)
        assert refused.value.code == "unknown"


def test_garbage_ends_the_session_and_nothing_else(broker, ann):
    _, desk = ann
    with desk.session(broker.line) as garbled, desk.session(broker.line) as other:
        garbled.hello(desk.user)
        other.hello(desk.user)
        for frames in ([b"\xff" * 40], [b""], [pack(["PUT"])], [pack(["CREDIT", 1]), b"bulk"], [pack(["CREDIT", -1])]):
            garbled.send_frames(*frames)
            answer = garbled.receive()
            assert answer.command == "REFUSED" and answer.elements[3] == "malformed", frames
            garbled.send("CREDIT", 1)
            assert garbled.receive().command == "AGAIN"
            garbled.hello(desk.user)
        garbled.send("TELEPORT")
        assert garbled.receive().elements[3] == "unsupported"
        garbled.send("LOCKS", bytes(16))
        assert garbled.receive().elements == [bytes(16), []]
        other.publish(desk.write_change(PAPERS, body_of(*small_file(b"still", b"here"))))


def test_an_oversized_frame_ends_the_connection_and_nothing_else(broker, ann):
    _, desk = ann
    with desk.session(broker.line) as large, desk.session(broker.line) as other:
        large.hello(desk.user)
        other.hello(desk.user)
        large.send("PUBLISH", None, [], bulk=bytes(1200000))
        with pytest.raises(Silence, match=rf"^ACCEPTED awaited for 0.5 s; sent: HELLO {VERSION} \w+… \[\] False; "
                           rf"PUBLISH None \[\] with 1200000 bytes; the broker said: WELCOME {VERSION} .* False$"):
            large.hear("ACCEPTED", timeout_ms=500)
        other.publish(desk.write_change(PAPERS, body_of(*small_file(b"still", b"here"))))


def test_a_test_that_hears_nothing_says_which_bytes_it_sent(broker, ann):
    _, desk = ann
    with desk.session(broker.line) as session:
        session.hello(desk.user)
        session.send_frames(pack(["CREDIT", 1]))
        with pytest.raises(Silence, match=r"; bytes \[92a643524544…\]; the broker said"):
            session.hear("ACCEPTED", timeout_ms=500)


def test_what_was_accepted_survives_a_kill(broker, ann):
    _, desk = ann
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        for number in range(10):
            session.publish(desk.write_change(PAPERS, body_of(*small_file(b"%d" % number, b"kept"))))
    broker.stop(signal.SIGKILL)
    broker.restart()
    again = Author(desk.identity, desk.user)
    with again.session(broker.line) as session:
        assert len(replayed(session, again)) == 12
    assert again.log.heads() == desk.log.heads()


def test_a_lease_lets_nothing_in_but_with_its_token_and_outlives_a_kill(broker, ann):
    _, desk = ann
    whole, one, two = bytes(16), os.urandom(16), os.urandom(16)
    first = desk.write_change(PAPERS, body_of(*small_file(b"first", b"first")))
    entry = desk.write_change(PAPERS, body_of(*small_file(b"a", b"a")))
    with desk.session(broker.line) as session:
        session.hello(desk.user)
        session.publish(first)
        session.send("LOCK", one, PAPERS, whole, 600000, False, False)
        _, token, until = session.hear("LEASE").elements
        session.send("LOCK", one, PAPERS, whole, 600000, False, False)
        assert session.hear("LEASE").elements == [one, token, until]
        session.send("LOCK", two, PAPERS, whole, 600000, False, False)
        again = session.hear("LEASE").elements
        assert again[0] == two and again[1] > token and again[2] >= until, "it has it, and forgot that"
        old, token = token, again[1]
        for wrong in (None, old, [token[0], token[1] + 1], [token[0] + 1, 0]):
            with pytest.raises(Refused) as refused:
                session.publish(entry, token=wrong)
            assert (refused.value.verdict, refused.value.code) == ("later", "locked")
    broker.stop(signal.SIGKILL)
    broker.restart()
    with desk.session(broker.line) as session:
        session.hello(desk.user)
        session.send("LOCKS", two)
        _, [leased] = session.hear("LEASES").elements
        assert leased[:3] == [PAPERS, whole, desk.identity.id] and leased[3] >= until
        with pytest.raises(Refused):
            session.publish(entry)
        session.publish(entry, token=token)
        session.send("UNLOCK", two, PAPERS, whole, token)
        assert session.hear("LEASE").elements[2] == 0
        assert session.hear("LEASES").elements == [whole, []]
        entry = desk.write_change(PAPERS, body_of(*small_file(b"b", b"b")))
        with pytest.raises(Refused):
            session.publish(entry, token=token)
        session.send("LOCK", one, PAPERS, whole, 600000, False, False)
        assert session.hear("LEASE").elements[1] > token
        session.publish(entry, token=session_token(session, one))


def session_token(session, request):
    """The same request gets the same lease again."""
    session.send("LOCK", request, PAPERS, bytes(16), 600000, False, False)
    return session.hear("LEASE").elements[1]


def test_a_fork_is_kept_and_replayed(broker, ann):
    _, desk = ann
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        session.publish(desk.write_change(PAPERS, body_of(*small_file(b"first", b"1"))))
        before = list(desk.chains[PAPERS])
        session.publish(desk.write_change(PAPERS, body_of(*small_file(b"one branch", b"2"))))
        desk.chains[PAPERS] = before
        session.publish(desk.write_change(PAPERS, body_of(*small_file(b"other branch", b"3"))))
    again = Author(desk.identity, desk.user)
    with again.session(broker.line) as session:
        replayed(session, again)
        session_heads = session.theirs
    assert sorted(session_heads) == again.log.heads() == desk.log.heads()
    assert len([head for head in again.log.heads() if again.log.entries[head].collection == PAPERS]) == 2


def test_forged_entries_are_refused_for_good(broker, ann):
    _, desk = ann
    wire = bytearray(desk.write_change(PAPERS, body_of(*small_file(b"x", b"y"))))
    entry = read_entry(bytes(wire))
    wire[len(entry.header)] ^= 1  # in the signature
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        with pytest.raises(Refused) as refused:
            session.publish(bytes(wire))
        assert (refused.value.code, refused.value.verdict) == ("forged", "never")
        session.publish(entry.wire)


@pytest.mark.parametrize("credit", [1, 2000, 2**22])
def test_no_entry_falls_between_the_replay_and_the_live_ones(broker, ann, credit):
    _, desk = ann
    wires = [desk.write_change(PAPERS, body_of(*small_file(b"%d" % number, b"n" * 300))) for number in range(200)]
    reader = Author(desk.identity, desk.user)
    begun = threading.Event()

    def write():
        with desk.session(broker.line) as writing:
            writing.hello(desk.user)
            for number, wire in enumerate(wires):
                writing.publish(wire)
                if number == 50:
                    begun.set()

    with concurrent.futures.ThreadPoolExecutor(1) as pool, reader.session(broker.line) as reading:
        written = pool.submit(write)
        assert begun.wait(WAIT)
        reading.hello(reader.user)
        reading.subscribe(reader.log, credit=credit)
        for entry in reading.entries(quiet_ms=3000):
            reader.learn(entry)
            if len(reading.positions) == len(wires) + 2:
                break
        written.result()
    assert reading.positions == list(range(1, len(wires) + 3))
    assert reader.log.heads() == desk.log.heads()
