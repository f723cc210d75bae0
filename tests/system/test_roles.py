# SPDX-License-Identifier: Apache-2.0
"""What readers and relays can't do, whatever program they run: checked with the keys that they have."""

import os

import pytest

import protocol_crypto as crypto
from broker_client import Refused, now
from counterfoil import broker, fill, make_device, tree  # noqa: F401
from family import bind, family, settle  # noqa: F401
from protocol import CHANGE, Malformed, read_entry, unpack
from test_membership import everything, reachable_keys, stored
from test_recovery import empty, notes_of
from test_revocations import KEPT, Scene, new_file, offline, replaced, scene, twin  # noqa: F401


# ---- Readers ----


def forgeries(scene, reader):
    """What a reader may write that wants to be heard: of a fresh chain each, whatever it says that it has seen."""
    knows_nothing = twin(reader)
    knows_nothing.after = lambda collection, writer: [reader.admitted_at]
    accomplice = crypto.Identity(os.urandom(32))
    admitted = twin(reader)
    admitted.commitment = admitted.openings[admitted.epoch][1][0]
    role = crypto.Operation(crypto.ROLE, now(), device=reader.identity.id, role=crypto.OWNER, heads=[])
    return [
        offline(twin(reader), scene.collection, new_file("forged", b"1")),
        offline(twin(reader), scene.collection, replaced(reader, scene.collection, b"report", b"ruined")),
        offline(knows_nothing, scene.collection, new_file("forged too", b"2")),
        admitted.admit(accomplice.keys, accomplice.prove(reader.user), crypto.MEMBER_ROLE),
        twin(reader).write_member(role),
    ]


@pytest.fixture
def reader(scene):
    made = scene.join("reader", "--role", "reader")
    scene.read(made, scene.owner)
    made.admitted_at = next(
        head for head, operation in made.operations.items() if operation.keys == made.identity.keys
    )
    return made


def test_what_a_reader_publishes_the_broker_refuses(scene, reader):
    assert {body.changes[0].item[:1] for _, body in reader.bodies(scene.collection)}, "it reads"
    entries = scene.broker.status()["entries"]
    with scene.session(reader) as session:
        session.hello(reader.user, reader.log.heads())
        for wire in forgeries(scene, reader):
            with pytest.raises(Refused) as refused:
                session.publish(wire)
            assert (refused.value.code, refused.value.verdict) == ("role", "never")
    assert scene.broker.status()["entries"] == entries
    assert all(line["why"].startswith("role") for line in scene.broker.audit("publish-refused"))
    assert scene.sync() == KEPT


@pytest.mark.parametrize("role", ["owner", "relay"])
def test_what_others_bring_of_a_reader_is_ignored_everywhere(scene, reader, role):
    """The broker keeps what has a valid signature, as it does of the revoked; nobody heeds it."""
    bringer = scene.join("bringer", "--role", role)
    scene.read(bringer)
    wires = forgeries(scene, reader)
    for wire in wires:
        scene.bring(bringer, wire)
    assert scene.sync() == KEPT and scene.shown_in_python() == KEPT.keys()
    heads = [read_entry(wire).head for wire in wires]
    assert all(head in scene.owner.log.entries and head in scene.owner.void for head in heads)
    assert not scene.owner.void - set(heads)
    roles = {one["name"]: one["role"] for one in scene.desk.json("devices")}
    assert roles["reader"] == "reader" and len(roles) == 6, "nobody was let in, and nobody rose"
    with scene.session(reader) as session, pytest.raises(Refused, match="role"):
        session.hello(reader.user, reader.log.heads())
        session.publish(offline(twin(reader), scene.collection, new_file("once more", b"3")))
    (scene.here / "after").write_text("life goes on")
    assert scene.sync() == {**KEPT, "after": b"life goes on"}


# ---- Relays ----


def secrets_of(device):
    """The file in which a home keeps them: its device's identity, and the content keys it has."""
    with open(os.path.join(device.home, "keys"), "rb") as file:
        _, user, seed, ring = unpack(file.read()[:-32], around=3)
    return crypto.Identity(seed), user, {epoch: key for epoch, _, key in ring if key}


def test_a_relay_has_no_key_to_anything_that_it_carries(family, make_device, broker):
    laptop, desktop = family
    carrier = make_device("carrier")
    laptop.pair(carrier, "--role", "relay")
    fill(laptop.here, {"later.txt": "after it came\n", "large": os.urandom(300_000)})
    laptop.run("devices", "role", "desktop", "reader")  # a change of roles gives it none either
    settle(laptop, carrier)
    before = set(secrets_of(laptop)[2])
    laptop.run("devices", "revoke", "desktop", "--yes")  # nor does a new content key
    fill(laptop.here, {"under the new key": "small\n"})
    settle(laptop, carrier)
    carrier.sync()
    identity, user, held = secrets_of(carrier)
    _, _, known = secrets_of(laptop)
    assert len(known) == len(before) + 1 and not held

    class Device:
        pass

    device = Device()
    device.identity, device.user = identity, user
    entries = everything(device, broker.line)
    changes = [entry for entry in entries if entry.type == CHANGE]
    assert len(changes) > 2, "it is sent them"
    keys, openings = reachable_keys(identity, user, entries)
    assert not keys and set(known) >= set(openings)
    for entry in changes:
        crypto.open_body(known[entry.epoch], entry.collection, entry.sealed_under, entry.body)
        for other in [bytes(32), identity.sealing_secret, identity.curve_secret]:
            with pytest.raises(Malformed):
                crypto.open_body(other, entry.collection, entry.sealed_under, entry.body)
    home = stored(carrier)
    assert all(entry.body[-64:] in home for entry in changes), "it carries what it can't read"
    assert not any(key in home for key in known.values()) and b"later.txt" not in home


def test_a_relay_fills_an_emptied_broker_and_a_new_device_joins(family, make_device, broker):
    laptop, desktop = family
    carrier, new = make_device("carrier"), make_device("new")
    laptop.pair(carrier, "--role", "relay")
    fill(desktop.here, {"of the desktop": "small\n"})
    settle(desktop, laptop, carrier)
    entries = broker.status()["entries"]
    empty(broker)
    broker.restart()
    assert broker.status()["entries"] == 0
    carrier.run("broker", broker.run("invite").strip())
    carrier.sync()
    assert broker.status()["entries"] == entries, "nobody else was there"
    laptop.pair(new)
    bind(new)
    assert tree(new.here) == tree(laptop.here) and "of the desktop" in tree(new.here)
    assert not notes_of(new, "gone")
