# SPDX-License-Identifier: Apache-2.0
"""A member that signs two different entries with one sequence number: both through an honest broker, or one to one
device and one to the other with the help of a broker that lies."""

import copy
import os

import pytest

import counterfoil
import protocol_crypto as crypto
from broker_client import now
from counterfoil import tree
from hostile_house import house, key_of, when  # noqa: F401
from hostile_peer import Street, body, file, item, node
from hostile_victim import PATIENCE, attacked
from protocol import ROOT, domain, read_entry
from reader import inline
from reader_scene import let_in
from short_form import some

counterfoil.WAIT = PATIENCE
YEARS = 10 * 365 * 86_400_000


@pytest.fixture
def street(tmp_path):
    made = Street(tmp_path)
    yield made
    made.end()


def sign_twice(author, collection, *plain):
    """Bytes of entries that all are the next one of its chain. A body of None is one that nobody can open."""
    keys = crypto.CollectionKeys(author.content_keys[author.epoch], collection)
    author.chains.setdefault(collection, [os.urandom(16), 1, None])
    wires = []
    for one in plain:
        twin = copy.deepcopy(author)
        wires.append(twin.write(collection, lambda under: os.urandom(300) if one is None else crypto.seal(
            keys.body, keys.nonce, domain("body") + under, crypto.frame(one)
        )))
    entries = [read_entry(wire) for wire in wires]
    assert len({entry.head[:2] for entry in entries}) == 1 and len({entry.hash for entry in entries}) == len(wires)
    return wires


def publish(street, wires):
    device = street.mallory.device
    for wire in wires:
        with street.mallory.session() as session:
            session.hello(device.user, device.log.heads())
            session.publish(wire)


def forks(device):
    return [one["text"] for one in device.json("status")["notes"] if one["kind"] == "forked"]


def expect_told(*devices):
    """By its name, in words and in the document, on each."""
    for device in devices:
        (text,) = forks(device)
        assert "mallory" in text and "devices revoke mallory" in text, text
        assert f"note: {text}" in device.run("status"), text


def test_a_sequence_that_is_signed_twice_is_told_with_its_device(street):
    """An edit of one file, twice: both versions are kept."""
    mallory = street.mallory
    target = item(b"f")
    (first,) = mallory.publish(body(node(target, ROOT, b"shared", inline(b"first\n"))))
    assert street.laptop.sync()["in_sync"] and not forks(street.laptop)
    mallory.learn()
    edits = [
        body([[target, "/content", [0], False, inline(content)]], dots=[first.dot])
        for content in (b"to the laptop\n", b"to the desktop\n")
    ]
    publish(street, sign_twice(mallory.device, mallory.notes, *edits))
    for device in street.laptop, street.desktop:
        outcome = attacked(device, "sync")
        assert outcome.code == 4 and outcome.document["in_sync"], outcome.said
    expect_told(street.laptop, street.desktop)
    found = tree(street.here)
    assert found == tree(street.there)
    both = {content for path, content in found.items() if path.startswith("shared")}
    assert both == {b"to the laptop\n", b"to the desktop\n"}
    street.laptop.run("devices", "revoke", "mallory", "--yes")
    street.heal()
    assert not forks(street.laptop) and not forks(street.desktop), "who is shut out is no trouble any more"


SLY = {
    "dated long ago": [body(file(b"one"), time=(now() - YEARS, 0)), body(file(b"two"), time=(now() - YEARS, 1))],
    "of no time": [body(file(b"one"), time=(0, 0)), body(file(b"two"), time=(0, 1))],
    "of noise": [None, None],
    "one of noise": [body(file(b"one")), None],
}


@pytest.mark.parametrize("way", some(SLY, 2, "sly"))
def test_what_a_fork_says_of_itself_does_not_hide_it(street, way):
    publish(street, sign_twice(street.mallory.device, street.mallory.notes, *SLY[way]))
    attacked(street.laptop, "sync")
    expect_told(street.laptop)
    street.laptop.finish("sync")
    expect_told(street.laptop)
    street.canaries.check()


def test_a_fork_of_which_each_sees_one_branch_comes_out(house):
    """The broker shows one to each. As soon as they hear of each other it is missed, and then told."""
    mallory = let_in(house.laptop, "mallory", "--role", "member")
    with mallory.session(house.broker.line) as session:
        mallory.read_log(session)
    house.heal()
    wires = sign_twice(mallory, house.notes, body(file(b"shared", b"laptop\n")), body(file(b"shared", b"desktop\n")))
    branches = [read_entry(wire) for wire in wires]
    with house.broker.lock:
        for entry in branches:
            house.broker.log.add(entry)
    hidden = {key_of(house, "laptop"): branches[1].head, key_of(house, "desktop"): branches[0].head}

    def alter(session, said):
        head = hidden.get(session.key)
        if said.command == "WELCOME":
            return said.but(4, [one for one in said.elements[4] if tuple(one) != head])
        return None if said.command == "ENTRY" and read_entry(said.bulk).head == head else said

    for device, content in (house.laptop, b"laptop\n"), (house.desktop, b"desktop\n"):
        outcome = house.receive_all(alter, device)
        assert not forks(device), outcome.said
        assert (device.source("notes") / "shared").read_bytes() == content
    with house.broker.lying(alter):
        (house.laptop.source("notes") / "spoken of").write_bytes(b"after what the laptop saw\n")
        house.laptop.finish("sync")
    outcome = house.receive(alter)
    assert outcome.code == 1 and "of laptop in notes is refused" in outcome.messages, outcome.said
    for device in house.laptop, house.desktop, house.laptop:
        assert device.finish("sync").returncode == 4
    expect_told(house.laptop, house.desktop)
    found = tree(house.laptop.source("notes"))
    assert found == tree(house.desktop.source("notes"))
    assert {content for path, content in found.items() if path.startswith("shared")} == {b"laptop\n", b"desktop\n"}
    house.canaries.check()
