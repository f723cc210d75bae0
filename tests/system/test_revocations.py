# SPDX-License-Identifier: Apache-2.0
"""Devices that were shut out and won't have it: what they write counts for nothing on real devices, and they are
shown nothing; whatever they name, however they fork, and whoever brings it."""

import copy
import os

import pytest

import protocol_crypto as crypto
from broker_client import Refused, Silence, now
from counterfoil import Device, tree
from counterfoild import Broker
from protocol import ROOT, read_entry
from reader import Reader, inline, new_item
from reader_scene import let_in
from reader_tree import Tree


class Scene:
    """Two real devices with one folder, an owner in Python, and a suspect in Python who is a member."""

    def __init__(self, folder):
        self.broker = Broker(str(folder / "broker"))
        self.broker.start()
        self.desk, self.lap = Device(folder, "desk"), Device(folder, "lap")
        self.phrase = self.desk.init(self.broker.run("invite").strip())["recovery_phrase"]
        self.here = self.desk.add("notes", {"report": "first", "plan": "of the desk"})
        self.desk.sync()
        self.desk.pair(self.lap)
        self.lap.sync()
        self.there = self.lap.add("notes", None, "--existing")
        self.lap.sync()
        self.owner = self.join("owner", "--role", "owner")
        self.suspect = self.join("suspect")
        self.read(self.owner, self.suspect)
        self.collection = self.owner.collection("notes")
        self.write(self.suspect, "kept", b"while it was a member")

    def end(self):
        for device in self.desk, self.lap:
            device.end()
        self.broker.stop()

    def join(self, name, *arguments):
        return let_in(self.desk, name, *arguments)

    def session(self, device):
        return device.session(self.broker.line)

    def read(self, *devices):
        for device in devices:
            with self.session(device) as session:
                device.read_log(session)

    def write(self, device, name, content):
        with self.session(device) as session:
            session.hello(device.user, device.log.heads())
            device.publish_changes(session, self.collection, new_file(name, content))
        self.read(self.owner)

    def bring(self, bringer, *wires):
        """By another's session, or its author's."""
        with self.session(bringer) as session:
            session.hello(bringer.user, bringer.log.heads())
            for wire in wires:
                session.publish(wire)

    def revocation(self, by, whom, **changed):
        """The entry, which names all that `by` holds of the device."""
        heads = [list(head) for head in by.log.heads() if by.log.entries[head].device == whom]
        operation = crypto.Operation(
            crypto.REVOKE, now(), device=whom, heads=heads, opening=self.opening(by, whom), **changed
        )
        return by.write_member(operation)

    def opening(self, by, *without):
        """A new epoch for all that are valid."""
        sealing = {
            by.judged().about(head): operation.keys[2]
            for head, operation in by.operations.items()
            if operation.keys and head in by.allowed
        }
        told = sorted((device, key) for device, key in sealing.items() if device in by.judged().valid - set(without))
        fresh = [os.urandom(32) for _ in told]
        return crypto.make_opening(by.user, os.urandom(32), told, list(by.content_keys.items()), fresh)

    def revoke(self, by=None, whom=None):
        by, whom = by or self.owner, whom or self.suspect
        wire = self.revocation(by, whom.identity.id)
        self.bring(by, wire)
        return wire

    def sync(self):
        for device in self.desk, self.lap, self.desk:
            device.sync()
        assert tree(self.here) == tree(self.there)
        return tree(self.here)

    def shown_in_python(self):
        """The same by the text alone."""
        self.read(self.owner)
        shown = Tree(self.owner.bodies(self.collection)).shown()
        return {path.decode() for path in shown}


def new_file(name, content):
    item = new_item(b"f", ROOT, name.encode(), content)
    fields = {"/content": inline(content), "/kind": "f", "/name": name.encode(), "/parent": ROOT}
    return [(item, field, [], False, value) for field, value in fields.items()]


def offline(device, collection, changes):
    """An entry that is sent nowhere yet."""
    wires = []

    class Drawer:
        publish = staticmethod(wires.append)

    device.publish_changes(Drawer, collection, changes)
    return wires[0]


def twin(device):
    """The same device as it is now, once more: a restored backup."""
    made = Reader(device.identity, device.user)
    for entry in device.log.entries.values():
        made.learn(entry)
    for name in "chains", "told", "admitted":
        setattr(made, name, copy.deepcopy(getattr(device, name)))
    return made


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path)
    yield made
    made.end()


def test_a_revoked_device_hears_nothing_more(scene):
    with scene.session(scene.suspect) as session:
        session.hello(scene.suspect.user, scene.suspect.log.heads())
        session.subscribe(scene.suspect.log)
        sealed = os.urandom(600_000)
        session.send("PUT", crypto.blob_id(sealed), 0, len(sealed), bulk=sealed[: 256 * 1024])
        session.hear("MISSING")
        scene.revoke()
        with pytest.raises(Refused, match="unknown"):
            session.hear("ENTRY")
        assert not session.waiting
        (scene.here / "secret").write_text("not for everybody")
        scene.desk.sync()
        session.send("PUT", crypto.blob_id(sealed), 256 * 1024, len(sealed), bulk=sealed[256 * 1024 : 512 * 1024])
        session.hear("AGAIN")
        session.send("PUBLISH", None, [], bulk=offline(scene.suspect, scene.collection, new_file("late", b"x")))
        session.hear("AGAIN")
        with pytest.raises(Silence):
            session.receive(300)
    with scene.session(scene.suspect) as again:
        assert not again.is_let_in()


def mischief(scene):
    """Entries that the suspect wrote offline: its chain goes on, forks, begins anew; none says that it knows anything."""
    suspect, collection = scene.suspect, scene.collection
    random, sequence, previous = suspect.chains[collection]
    last = next(entry for entry in suspect.log.entries.values() if entry.hash == previous)
    forked, fresh = twin(suspect), twin(suspect)
    forked.chains[collection] = [random, last.sequence, last.previous if last.sequence > 1 else None]
    del fresh.chains[collection]
    for device in forked, fresh:
        del device.told[collection]
    return [
        offline(suspect, collection, new_file("goes on", b"1")),
        offline(suspect, collection, replaced(suspect, collection, b"report", b"ruined")),
        offline(forked, collection, new_file("second branch", b"2")),
        offline(fresh, collection, new_file("fresh writer", b"3")),
    ]


def replaced(device, collection, name, content):
    state = Tree(device.bodies(collection))
    item = state.shown()[name][2]
    over = [fact.dot for fact in state.facts(item, "/content")]
    return [(item, "/content", over, False, inline(content))]


KEPT = {"report": b"first", "plan": b"of the desk", "kept": b"while it was a member"}


def test_what_others_bring_of_it_afterwards_counts_for_nothing(scene):
    wires = mischief(scene)
    scene.revoke()
    assert scene.sync() == KEPT
    scene.bring(scene.owner, *wires)
    assert scene.sync() == KEPT
    assert scene.shown_in_python() == KEPT.keys()
    assert all(read_entry(wire).head in scene.owner.void for wire in wires), "and yet it is kept"


def test_what_had_come_before_the_revocation_is_taken_back(scene):
    wires = mischief(scene)
    entry = scene.revocation(scene.owner, scene.suspect.identity.id)  # made before the broker has heard of these:
    scene.bring(scene.suspect, *wires)
    shown = scene.sync()
    assert shown["report"] == b"ruined" and len(shown) == 6
    (scene.there / "another's").write_text("of the lap")
    scene.lap.sync()
    scene.bring(scene.owner, entry)
    assert scene.sync() == {**KEPT, "another's": b"of the lap"}
    assert scene.shown_in_python() == {*KEPT, "another's"}


def test_the_account_gives_back_what_it_annuls(scene):
    wires = mischief(scene)
    entry = scene.revocation(scene.owner, scene.suspect.identity.id)
    scene.bring(scene.suspect, *wires)
    scene.bring(scene.owner, entry)
    assert scene.sync() == KEPT
    account = Reader(crypto.account_of(crypto.secret_of_phrase(scene.phrase)), scene.owner.user)
    scene.read(account)
    annul = crypto.Operation(crypto.ANNUL, now(), revocation=read_entry(entry).hash)
    scene.bring(account, account.write_member(annul))
    assert scene.sync()["report"] == b"ruined"
    scene.read(scene.suspect)  # it is let in again


def test_owners_that_revoke_each_other_are_both_out(scene):
    second, witness = scene.join("second", "--role", "owner"), scene.join("witness")
    scene.read(second, witness, scene.owner)
    one = scene.revocation(scene.owner, second.identity.id)
    other = scene.revocation(second, scene.owner.identity.id)
    scene.bring(second, other)
    scene.bring(witness, one)
    scene.read(witness)
    assert not {scene.owner.identity.id, second.identity.id} & witness.judged().valid
    for device in scene.owner, second:
        with scene.session(device) as session:
            assert not session.is_let_in()
    assert witness.judged().epoch is None  # both know the keys of all there are
    scene.desk.sync()  # an owner is left, and opens one that neither knows
    (scene.here / "after").write_text("life goes on")
    assert "after" in scene.sync()
    scene.read(witness)
    assert witness.judged().epoch


def test_what_an_outgoer_lets_in_afterwards_is_nobody(scene):
    scene.owner, outgoer = scene.join("second", "--role", "owner"), scene.owner
    scene.read(scene.owner, outgoer)
    accomplice = crypto.Identity(os.urandom(32))
    before = twin(outgoer)
    before.commitment = before.openings[before.epoch][1][0]
    added = before.admit(accomplice.keys, accomplice.prove(outgoer.user), crypto.OWNER)
    scene.revoke(whom=outgoer)
    scene.bring(scene.owner, added)
    late = Reader(accomplice, outgoer.user)
    late.address = scene.broker.line
    with scene.session(late) as session:
        assert not session.is_let_in()
    for entry in before.log.entries.values():
        late.learn(entry)
    wire = offline(late, scene.collection, new_file("of an accomplice", b"4"))
    scene.bring(scene.owner, wire)
    assert scene.sync() == KEPT
    scene.read(scene.owner)
    assert read_entry(wire).head in scene.owner.void


def test_member_entries_that_come_again_or_out_of_order_change_nothing(scene):
    scene.revoke()
    scene.read(scene.owner)
    members = [entry for entry in scene.owner.log.entries.values() if entry.type == 2]
    with scene.session(scene.owner) as session:
        session.hello(scene.owner.user, scene.owner.log.heads())
        for entry in members + members[::-1]:
            session.publish(entry.wire)
        role = crypto.Operation(crypto.ROLE, now(), device=scene.suspect.identity.id, role=crypto.OWNER, heads=[])
        first, second = scene.owner.write_member(role), scene.owner.write_member(role)
        with pytest.raises(Refused, match="gap"):
            session.publish(second)
        session.publish(first)
        session.publish(second)
    with scene.session(scene.suspect) as session:
        assert not session.is_let_in()
    assert scene.sync() == KEPT
