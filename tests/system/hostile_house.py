# SPDX-License-Identifier: Apache-2.0
"""A user with three devices whose broker lies, and what the tests of that share."""

import os

import pytest

import counterfoil
import protocol_crypto as crypto
from counterfoil import Device, tree
from hostile_broker import HostileBroker, Said
from hostile_victim import PATIENCE, Canaries, attacked
from protocol import MEMBER_LOG, read_entry

counterfoil.WAIT = PATIENCE


class House:
    """A user with three devices, two collections on them, and only this broker."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        self.broker = HostileBroker()
        self.laptop, self.desktop, self.tablet = self.devices = [
            Device(folder, name) for name in ("laptop", "desktop", "tablet")
        ]
        self.laptop.init(self.broker.invite())
        for other in self.devices[1:]:
            self.laptop.pair(other)
        for name in "notes", "diary":
            self.laptop.add(name, {"first.txt": "first\n"})
        self.laptop.sync()
        for other in self.devices[1:]:
            other.sync()
            for name in "notes", "diary":
                other.add(name, None, "--existing")
            other.sync()
        spared = [device.source(name) for device in self.devices for name in ("notes", "diary")]
        self.canaries = Canaries(folder, *spared, *(device.home for device in self.devices))

    def write(self, device, name="notes", size=None):
        """A new file of its own name, published."""
        self.count += 1
        path = f"file {self.count}"
        content = b"%d\n" % self.count if size is None else os.urandom(size)
        (device.source(name) / path).write_bytes(content)
        device.sync()
        return path

    def collection_of(self, name):
        """Its id, by the laptop's latest entry in it."""
        before = len(self.broker.log.entries)
        self.write(self.laptop, name)
        return self.broker.log.entries[before].collection

    def receive(self, alter=None, device=None, seconds=4, **lies):
        with self.broker.lying(alter, **lies):
            return attacked(device or self.desktop, "sync", "--timeout", f"{seconds}s")

    def receive_all(self, alter, device=None):
        """Through a lie that ends nothing, however long a slow machine takes for it."""
        outcome = self.receive(alter, device, PATIENCE - 20)
        assert outcome.code == 0, outcome.said
        return outcome

    def heal(self, *devices):
        """The broker is honest again: everybody gets everything, and nothing was lost or touched."""
        for device in devices or (self.laptop, self.desktop, self.laptop):
            assert device.sync()["in_sync"]
        for name in "notes", "diary":
            assert tree(self.desktop.source(name)) == tree(self.laptop.source(name))
        self.canaries.check()

    def end(self):
        for device in self.devices:
            device.end()
        self.broker.end()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("house"))
    made.notes = made.collection_of("notes")
    made.heal()
    yield made
    made.end()


def when(command, change):
    return lambda _, said: change(said) if said.command == command else said


def of_notes(house, change):
    """Alters entries of one collection only."""

    def alter(said):
        entry = read_entry(said.bulk)
        return change(said, entry) if entry.collection == house.notes else said

    return when("ENTRY", alter)


def with_bulk(said, bulk):
    return Said(said.command, said.elements, bulk)


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def expect_blamed(outcome, *words):
    """The broker's trouble is told in the document, and on stderr, and nobody calls that in sync."""
    assert outcome.code == 1, outcome.said
    assert not outcome.document["in_sync"]
    for word in words:
        assert word in outcome.document["broker"]["trouble"], outcome.said
        assert word in outcome.messages, outcome.said


def key_of(house, name):
    """A device's CURVE key, as the member log tells it, by the order of joining."""
    order = ["laptop", "desktop", "tablet"]
    adds = [
        crypto.read_member(entry.body)
        for entry in house.broker.log.entries
        if entry.collection == MEMBER_LOG and crypto.read_member(entry.body).kind == crypto.ADD
    ]
    return adds[order.index(name)].keys[1]


def strange_heads(count):
    return [[os.urandom(16), 1, os.urandom(32)] for _ in range(count)]
