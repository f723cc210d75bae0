# SPDX-License-Identifier: Apache-2.0
"""The operator and the users: quotas, removing, a closed broker, and what the audit log says of it all."""

import json
import os
import shutil
import signal
import subprocess

import pytest

import protocol_crypto as crypto
from counterfoil import wait_until
from counterfoild import COUNTERFOILD, WAIT, broker  # noqa: F401
from broker_client import Author, Refused, Session, enrol, knock, new_account, now
from protocol import pack, read_entry

PAPERS = b"papers".ljust(16, b"\0")


def body(text):
    return pack([now(), 0, 1, 1, [], [[b"f" + os.urandom(15), "/name", [], False, text]], []])


def users(broker):
    return {user["user"]: user for user in json.loads(broker.run("--json", "users"))}


def figures(broker, device):
    return users(broker)[device.user.hex()]


def files_with(broker, data):
    """Names of all files of the broker's data directory that have these bytes in them, or in their paths."""
    found = []
    for folder, _, names in os.walk(broker.data):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    if data in file.read() or data.hex() in path:
                        found.append(path)
    return found


def publish(broker, device, count=1, size=100):
    with device.session(broker.line) as session:
        session.hello(device.user, device.log.heads())
        for _ in range(count):
            session.publish(device.write_change(PAPERS, body(os.urandom(size))))


def test_a_quota_holds_back_entries_and_blobs_to_the_byte(broker):
    broker.start()
    _, desk = enrol(broker.run("invite", "--quota", "100K").strip())
    assert figures(broker, desk)["quota"] == 100 * 1024
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        blob = session.put(os.urandom(60000))
        session.publish(desk.write_change(PAPERS, body(b"small"), [blob]))
        used = figures(broker, desk)["bytes"]
        assert used == 60000 + sum(len(entry.wire) for entry in desk.log.entries.values())
        with pytest.raises(Refused) as refused:
            session.put(os.urandom(60000))
        assert (refused.value.code, refused.value.verdict) == ("quota", "later")
        assert "room" in refused.value.text and "100.0 KiB" in refused.value.text
        wire = desk.write_change(PAPERS, body(os.urandom(50000)))
        with pytest.raises(Refused, match="quota"):
            session.publish(wire)
    broker.stop(signal.SIGKILL)
    broker.restart()
    assert figures(broker, desk)["bytes"] == used
    with desk.session(broker.line) as session:
        session.hello(desk.user)
        with pytest.raises(Refused, match="quota"):
            session.publish(wire)
        broker.run("users", "quota", desk.user.hex()[:8], str(used + len(wire)))
        session.publish(wire)
    assert figures(broker, desk)["bytes"] == figures(broker, desk)["quota"]
    assert [line["why"] for line in broker.audit("quota-refused")]
    broker.stop()
    said = broker.run("users", "quota", desk.user.hex(), "1k")
    assert "are here already, of which a deletion frees nothing: until the quota is more" in said
    assert "can delete, and make small edits" in said
    broker.run("users", "quota", desk.user.hex(), "1.5 GiB")
    assert figures(broker, desk)["quota"] == 3 << 29
    for five in "5 G", "5.0 GiB":
        assert broker.run("users", "quota", desk.user.hex(), five).endswith("quota 5.0 GiB\n")
    for none in "0", "none":
        assert broker.run("users", "quota", desk.user.hex(), none).endswith("quota none\n")
        assert figures(broker, desk)["quota"] is None


def test_a_quota_is_told_with_the_name(broker):
    broker.start()
    enrol(broker.run("invite", "--name", "bob").strip())
    assert broker.run("users", "quota", "bob", "5M") == "bob  quota 5.0 MiB\n"


def test_a_removal_where_no_broker_is_says_that_before_it_asks_for_a_word(broker):
    assert "no broker in" in broker.run("users", "remove", "bob", code=3)
    broker.run("init", "--advertise", "sync.example.org")
    assert "say --yes" in broker.run("users", "remove", "bob", code=2)


def test_a_user_is_held_back_who_brings_too_many_entries(broker):
    broker.start("--limit", "entries-per-minute=20")
    _, desk = enrol(broker.run("invite").strip())
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        with pytest.raises(Refused) as refused:
            for _ in range(21):
                session.publish(desk.write_change(PAPERS, body(b"one more")))
    assert (refused.value.code, refused.value.verdict) == ("busy", "later")
    assert "20 entries in a minute" in refused.value.text


def test_users_are_listed_with_what_they_take_and_when_they_came(broker):
    broker.start()
    _, desk = enrol(broker.run("invite").strip())
    publish(broker, desk, 3)
    found = figures(broker, desk)
    assert (found["devices"], found["entries"], found["quota"], found["blobs"]) == (1, 5, None, 0)
    assert found["last_seen"].startswith("20")
    text = broker.run("users")
    assert desk.user.hex() in text and "quota none" in text and found["last_seen"] in text


@pytest.mark.parametrize("runs", [True, False])
def test_a_removed_user_leaves_no_byte_and_the_others_all(broker, runs):
    broker.start()
    account, ann = enrol(broker.run("invite").strip())
    _, bob = enrol(broker.run("invite").strip())
    blobs = {}
    for device in ann, bob:
        with device.session(broker.line) as session:
            session.hello(device.user, device.log.heads())
            blobs[device] = os.urandom(5000)
            session.put(blobs[device])
            session.send("PUT", os.urandom(32), 0, 9000, bulk=os.urandom(4000))  # an upload that does not end
            session.hear("MISSING")
        publish(broker, device, 30, 3000)
    broker.stop()  # so that there are tables, too
    broker.restart()
    publish(broker, ann, 5)
    publish(broker, bob, 5)
    if not runs:
        broker.stop()
    assert len(files_with(broker, ann.user)) > 2 and files_with(broker, blobs[ann])

    with ann.session(broker.line) as session:
        if runs:
            session.hello(ann.user)
        refusal = broker.run("users", "remove", ann.user.hex()[:10], code=2)
        assert "--yes" in refusal and len(users(broker)) == 2
        broker.run("users", "remove", ann.user.hex()[:10], "--yes")
        if runs:
            message = session.receive()
            assert (message.command, message.elements[0], message.elements[3]) == ("REFUSED", "HELLO", "removed")
            with pytest.raises(Refused, match="unknown"):
                session.hello(ann.user)

    assert files_with(broker, ann.user) == []
    assert files_with(broker, blobs[ann]) == []
    for entry in ann.log.entries.values():
        assert files_with(broker, entry.wire[-64:]) == [] and files_with(broker, entry.hash) == []
    assert list(users(broker)) == [bob.user.hex()]
    if not runs:
        broker.restart()
    with ann.session(broker.line) as session:
        assert not session.is_let_in()
    again = Author(bob.identity, bob.user)
    with again.session(broker.line) as session:
        assert session.hello(bob.user) == bob.log.heads()
        session.subscribe(again.log)
        assert [entry.wire for entry in session.entries()] == [entry.wire for entry in bob.log.entries.values()]
        assert session.get(crypto.blob_id(blobs[bob])) == blobs[bob]
    assert broker.run("verify") == "everything is whole\n"
    if runs:
        for what in "exclusive-begun", "user-removed", "exclusive-ended":
            assert [line["user"] for line in broker.audit(what)] == [ann.user.hex()[:12]], what

    code = crypto.read_code(broker.run("invite").strip())  # the same user may begin anew
    first = min(account.log.entries.values(), key=lambda entry: entry.sequence).wire
    assert knock(code, crypto.Pairing(code.secret).knock_invited(first))[0] == ann.user


def test_removing_waits_for_a_replay_that_is_under_way(broker):
    broker.start()
    _, ann = enrol(broker.run("invite").strip())
    publish(broker, ann, 5, 3000)
    with ann.session(broker.line) as session:
        session.hello(ann.user)
        session.send("SUBSCRIBE", [], None, 1, False)  # credit for one entry
        session.hear("ENTRY")
        command = [COUNTERFOILD, "--data", broker.data, "users", "remove", ann.user.hex(), "--yes"]
        removing = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            removing.wait(1)
        assert len(users(broker)) == 1 and not broker.audit("exclusive-begun")
    assert removing.wait(WAIT) == 0
    assert users(broker) == {} and broker.audit("exclusive-begun")


def test_a_removal_that_failed_is_finished_while_the_broker_runs(broker):
    broker.start()
    account, ann = enrol(broker.run("invite").strip())
    with ann.session(broker.line) as session:
        session.hello(ann.user, ann.log.heads())
        blob = session.put(os.urandom(3000))
    folder = os.path.join(broker.data, "blobs", ann.user.hex(), "aa")
    os.makedirs(os.path.join(folder, "obstacle", "below"))  # no file of ours, so the removal stops there
    assert "blobs" in broker.run("users", "remove", ann.user.hex(), "--yes", code=1)
    wait_until(lambda: broker.audit("exclusive-ended"), "it was tried")
    assert not broker.audit("user-removed")
    assert f"the removal of user {ann.user.hex()[:12]} is not finished" in open(broker.log).read()
    shutil.rmtree(folder)
    wait_until(lambda: broker.audit("user-removed"), "it is finished")
    assert len(broker.audit("user-removed")) == 1
    assert not files_with(broker, blob)
    code = crypto.read_code(broker.run("invite").strip())
    first = min(account.log.entries.values(), key=lambda entry: entry.sequence).wire
    knock(code, crypto.Pairing(code.secret).knock_invited(first))
    assert set(users(broker)) == {ann.user.hex()}


@pytest.mark.parametrize("runs", [True, False])
def test_a_removal_that_was_interrupted_is_finished_at_the_next_start(broker, runs):
    broker.start()
    account, ann = enrol(broker.run("invite").strip())
    _, bob = enrol(broker.run("invite").strip())
    blobs = {}
    for device in ann, bob:
        with device.session(broker.line) as session:
            session.hello(device.user, device.log.heads())
            blobs[device] = session.put(os.urandom(3000))
    obstacle = os.path.join(broker.data, "blobs", ann.user.hex(), "aa", "obstacle", "below")
    os.makedirs(obstacle)  # no file of ours, so the removal stops there
    if not runs:
        broker.stop()
    assert "blobs" in broker.run("users", "remove", ann.user.hex(), "--yes", code=1)
    if runs:  # what is there still is not taken for a new user's
        code = crypto.read_code(broker.run("invite").strip())
        first = min(account.log.entries.values(), key=lambda entry: entry.sequence).wire
        with pytest.raises(Refused, match="being removed"):
            knock(code, crypto.Pairing(code.secret).knock_invited(first))
        broker.stop()
    broker.restart()
    assert bob.user.hex() in users(broker), "the others are served"
    broker.stop()
    os.removedirs(obstacle)
    os.makedirs(os.path.join(broker.data, "blobs", ann.user.hex()), exist_ok=True)
    broker.restart()
    assert files_with(broker, ann.user) == [] and ann.user.hex() not in os.listdir(os.path.join(broker.data, "blobs"))
    assert list(users(broker)) == [bob.user.hex()]
    code = crypto.read_code(broker.run("invite").strip())
    first = min(account.log.entries.values(), key=lambda entry: entry.sequence).wire
    assert knock(code, crypto.Pairing(code.secret).knock_invited(first))[0] == ann.user
    broker.stop()
    broker.restart()
    assert set(users(broker)) == {ann.user.hex(), bob.user.hex()}, "it is not removed again"


def test_a_user_is_named_by_a_prefix_that_is_no_other_s(broker):
    broker.start()
    enrol(broker.run("invite").strip())
    enrol(broker.run("invite").strip())
    assert "no user" in broker.run("users", "remove", "xyz", "--yes", code=3)
    assert "no user" in broker.run("users", "quota", "", "1G", code=3)
    assert "unknown subverb" in broker.run("users", "frobnicate", code=2)
    assert "USER and SIZE" in broker.run("users", "quota", "ab", code=2)
    assert "not a size" in broker.run("users", "quota", "ab", "much", code=2)
    assert len(users(broker)) == 2


def test_a_user_gets_another_name(broker):
    broker.start()
    ann, bob = (enrol(broker.run("invite", "--name", name).strip())[1].user.hex() for name in ("ann", "bob"))
    broker.run("invite", "--name", "carol")
    for name, said in ("bob", "there is another user bob"), ("carol", "there is an invitation for carol"), ("12", "a number"), ("", "1 to 64"):
        assert said in broker.run("users", "name", "ann", name, code=2)
    assert "takes USER and NAME" in broker.run("users", "name", "ann", code=2)
    broker.run("users", "name", "dora", "eve", code=3)
    assert broker.run("users", "name", "ann", "anna").strip() == f"{ann}  name anna"
    assert json.loads(broker.run("--json", "users", "name", bob, "bob")) == {"user": bob, "name": "bob"}
    for _ in "running", "stopped":
        assert {one["user"]: one["name"] for one in json.loads(broker.run("--json", "users"))} == {ann: "anna", bob: "bob"}
        if broker.process:
            broker.stop()
    assert f'audit what=user-name user={ann[:12]} name="anna"' in open(broker.log).read()
    broker.run("users", "name", "anna", "ann")
    assert "name       ann\n" in broker.run("users", "show", "ann")


def test_a_closed_broker_takes_no_new_users(broker):
    broker.start()
    waiting = broker.run("invite").strip()
    _, desk = enrol(broker.run("invite").strip())
    broker.stop()
    host, port, _ = broker.place
    broker.start("--enrol", "closed", listen=f"tcp://{host}:{port}")
    assert "--enrol closed" in broker.run("invite", code=6)
    code = crypto.read_code(waiting)
    _, first = new_account()
    with pytest.raises(Refused, match="no new users"):
        knock(code, crypto.Pairing(code.secret).knock_invited(first))
    publish(broker, desk)
    assert len(users(broker)) == 1
    assert broker.audit("invitation-refused")
    assert "unknown policy" in broker.run("--enrol", "open", "invite", code=2)


def test_the_audit_log_says_who_did_what_and_why(broker):
    broker.start("-v")
    account, desk = enrol(broker.run("invite").strip())
    stranger = crypto.Identity(os.urandom(32))
    for _ in range(30):
        with Session(broker.line, stranger.keys[1], stranger.curve_secret) as session:
            assert not session.is_let_in()
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        session.subscribe(desk.log)
        secret = b"a secret that no log may have"
        session.publish(desk.write_change(PAPERS, body(secret)))
        pairing = crypto.Pairing(os.urandom(32))
        session.send("GUEST", pairing.guest, now() + 60000)
        session.hear("GUEST")
        wire = bytearray(desk.write_change(PAPERS, body(b"to be forged")))
        wire[len(read_entry(bytes(wire)).header)] ^= 1  # in the signature
        with pytest.raises(Refused):
            session.publish(bytes(wire))
        session.send_frames(b"garbage")
        session.receive()
    with desk.session(broker.line) as session, pytest.raises(Refused):
        session.hello(os.urandom(32))
    broker.stop()

    user = desk.user.hex()[:12]
    said = {line["what"]: line for line in broker.audit()}
    refused = broker.audit("connection-refused")
    assert refused[0]["address"] == "127.0.0.1" and refused[0]["key"] == stranger.keys[1].hex()[:12]
    assert len(refused) <= 4  # a line and a count each minute, of which it may have met two
    assert sum(int(line.get("count", 1)) for line in refused) == 30
    assert said["connection-admitted"]["address"] == "127.0.0.1"
    assert said["invitation-made"]["key"] == said["invitation-used"]["key"]
    assert said["invitation-used"]["user"] == user
    assert len(broker.audit("session-begun")) == 2  # the account's, the desk's
    assert said["session-begun"]["user"] == user and "replay-begun" not in said, "there was nothing to replay"
    assert "device" in said["session-begun"] and "address" in said["session-begun"]
    assert (said["device-added"]["user"], said["device-added"]["why"]) == (user, "owner")
    assert said["publish-refused"]["why"].startswith(("forged", "malformed"))
    assert said["guest-registered"]["key"] == pairing.guest.hex()[:12]
    assert said["message-refused"]["user"] == user
    assert said["session-ended"]["why"]
    assert said["session-refused"]["why"] == "this user has no device with that key"
    log = open(broker.log).read()
    assert "secret" not in log and desk.user.hex() not in log
    assert all(len(line) < 1100 for line in log.splitlines())
