# SPDX-License-Identifier: Apache-2.0
"""A broker that shows two devices two logs, each sound in itself: both say so, once it passes on what each was shown."""

import copy

import protocol_crypto as crypto
from counterfoil import tree
from hostile_house import house  # noqa: F401
from protocol import MEMBER_LOG, hash_of, pack, verify_signature


def notes_of(device):
    return [one["text"] for one in device.json("status")["notes"] if one["kind"] == "two-logs"]


def face_of(log):
    """A copy of it as it is now, which goes on by itself."""
    face = copy.copy(log)
    face.entries, face.at, face.blobs = list(log.entries), dict(log.at), dict(log.blobs)
    return face


def signing_keys(log):
    adds = [crypto.read_member(entry.body) for entry in log.entries if entry.collection == MEMBER_LOG]
    return {hash_of("device", one.keys[0]): one.keys[0] for one in adds if one.kind == crypto.ADD}


def test_what_a_device_says_of_a_log_is_what_the_protocol_says(house):
    house.heal()
    log = house.broker.log
    (user,) = house.broker.logs
    said = house.broker.checkpoints[user].values()
    assert len(said) == 3 and not any(notes_of(device) for device in house.devices)
    latest = [one for one in said if one[2] == len(log.entries)]
    assert latest, "somebody was there last"
    for device, instance, position, digest, signature in latest:
        assert instance == log.instance and digest == hash_of("checkpoint", pack([list(head) for head in log.heads()]))
        signed = user + instance + position.to_bytes(8, "big") + digest
        verify_signature("checkpoint", signing_keys(log)[device], signature, signed)


def test_an_older_broker_is_asked_once_a_day(house):
    asked = []

    def refuse(session, command, elements, bulk):
        if command != "CHECKPOINT":
            return False
        asked.append(session)
        house.broker.refuse(session, "", b"", "unsupported")
        return True

    with house.broker.lock:
        house.broker.instead = refuse
    for _ in range(3):
        house.write(house.tablet)
    with house.broker.lock:
        house.broker.instead = None
    assert len(asked) == 1 and house.tablet.json("status")["in_sync"]


def test_both_say_that_they_are_shown_different_logs(house):
    house.heal()
    (user,) = house.broker.logs
    whole = house.broker.log
    second = face_of(whole)
    house.write(house.laptop)
    with house.broker.lock:
        first, house.broker.logs[user] = house.broker.logs[user], second
    (house.desktop.source("notes") / "by the desktop").write_text("in the other log\n")
    said = house.desktop.finish("sync")
    place = "%s:%d" % crypto.read_address(house.broker.line)[:2]
    assert f"the broker at tcp://{place} shows laptop and this device different logs" in said.stderr, said.stderr
    assert said.returncode == 0 and "note: the broker at" in said.stdout
    with house.broker.lock:
        house.broker.logs[user] = first
    house.write(house.laptop)
    (told,) = notes_of(house.laptop)
    assert told.startswith(f"the broker at tcp://{place} shows desktop and this device different logs"), told
    (told,) = notes_of(house.desktop)
    assert told.startswith(f"the broker at tcp://{place} shows laptop and this device different logs"), told
    assert "different logs" not in house.desktop.finish("sync").stderr, "it is said once, and noted"
    for _ in range(2):
        house.laptop.sync(), house.desktop.sync()
    assert tree(house.desktop.source("notes")) == tree(house.laptop.source("notes")), "nothing is lost"
