# SPDX-License-Identifier: Apache-2.0
"""A broker that lies while a device joins: it may be in the way, it can't come in."""

import os

import pytest

import protocol_crypto as crypto
from broker_client import now
from counterfoil import Device, tree
from hostile_broker import HostileBroker, Said
from hostile_victim import PATIENCE, Canaries, attacked
from protocol import MEMBER_LOG, hash_of, pack, read_entry, writer_id


class Household:
    def __init__(self, folder):
        self.folder, self.count = folder, 0
        self.broker = HostileBroker()
        self.laptop = Device(folder, "laptop")
        self.laptop.init(self.broker.invite())
        self.laptop.add("notes", {"first.txt": "first\n"})
        self.laptop.sync()
        self.canaries = Canaries(folder, self.laptop.home, self.laptop.source())
        self.guests = []

    def newcomer(self):
        self.count += 1
        made = Device(self.folder, f"guest-{self.count}")
        self.canaries.spare(made.home, f"{made.home}.new", made.source())
        self.guests.append(made)
        return made

    def meet(self, alter=None, instead=None, code_of=lambda line: line):
        """A pairing under a lie: (the newcomer, what it said, what the owner's `pair` said)."""
        guest = self.newcomer()
        with self.broker.lying(alter, instead):
            pairing = self.laptop.start("pair", "--for", "4s")
            line = code_of(pairing.stdout.readline().strip())
            joined = attacked(guest, "join", line, "--name", guest.name, "--timeout", "2s")
            output, messages = pairing.communicate(timeout=PATIENCE)
        self.canaries.check()
        return guest, joined, (pairing.returncode, output + messages)

    def expect_nobody(self):
        names = [device["name"] for device in self.laptop.json("devices")]
        assert names == self.known, names

    def note(self):
        self.known = [device["name"] for device in self.laptop.json("devices")]

    def end(self):
        for device in [self.laptop, *self.guests]:
            device.end()
        self.broker.end()


@pytest.fixture(scope="module")
def household(tmp_path_factory):
    made = Household(tmp_path_factory.mktemp("household"))
    yield made
    made.end()


@pytest.fixture(autouse=True)
def nothing_changes(household):
    household.note()


def when(command, change):
    return lambda _, said: change(said) if said.command == command else said


def swapped_keys(said):
    """The broker's own device in place of the newcomer's, sealed with what it has: no secret."""
    evil = crypto.Identity(os.urandom(32))
    return Said("KNOCK", said.elements, crypto.Pairing(os.urandom(32)).knock(said.elements[0], "evil", evil))


def test_keys_that_were_swapped_do_not_open(household):
    _, joined, (code, said) = household.meet(when("KNOCK", swapped_keys))
    assert joined.code == 5 and "no answer" in joined.messages, joined.said
    assert code == 5 and "knocked in vain" in said and "expired" in said, said
    household.expect_nobody()


def test_who_knocks_first_with_other_keys_keeps_nobody_out(household):
    guest, joined, (code, said) = household.meet(when("KNOCK", lambda said: [swapped_keys(said), said]))
    assert joined.code == 0 and code == 0, joined.said + said
    assert "knocked in vain" in said and joined.document["fingerprint"] in said
    assert {one["name"] for one in household.laptop.json("devices")} == {*household.known, guest.name}


def test_the_knock_of_another_pairing_is_none(household):
    kept = []
    household.meet(when("KNOCK", lambda said: kept.append(said) or said))
    household.note()
    _, joined, (code, said) = household.meet(when("KNOCK", lambda said: Said("KNOCK", said.elements, kept[0].bulk)))
    assert joined.code == 5 and code == 5 and "knocked in vain" in said, said
    household.expect_nobody()


ADMITS = {
    "noise": lambda said, kept: Said("ADMIT", said.elements, os.urandom(200)),
    "flipped": lambda said, kept: Said("ADMIT", said.elements, said.bulk[:-1] + bytes([said.bulk[-1] ^ 1])),
    "another's": lambda said, kept: Said("ADMIT", said.elements, kept[0].bulk),
}


@pytest.mark.parametrize("lie", ADMITS)
def test_an_admission_that_is_not_the_owners_is_refused(household, lie):
    kept = []
    household.meet(when("ADMIT", lambda said: kept.append(said) or said))
    guest, joined, _ = household.meet(when("ADMIT", lambda said: ADMITS[lie](said, kept)))
    assert joined.code == 6 and "being admitted" in joined.messages, joined.said
    assert guest.run("status", code=3)


def test_an_admission_by_the_broker_alone_is_refused(household):
    """It answers the KNOCK itself, as it would with an invitation."""

    def instead(session, command, elements, bulk):
        if command == "KNOCK":
            own = crypto.Pairing(os.urandom(32))
            sealed = own.admit(bulk, elements[0], crypto.OWNER, [])
            household.broker.say(session, "ADMIT", elements[1], bulk=sealed)
        return command == "KNOCK"

    _, joined, (code, said) = household.meet(instead=instead)
    assert joined.code == 6 and code == 5, joined.said + said
    household.expect_nobody()


@pytest.mark.parametrize("who", ["another user", "another knock"])
def test_even_who_knows_the_code_can_not_say_another_user(household, who):
    secrets = []

    def take(line):
        secrets.append(crypto.Pairing(crypto.read_code(line).secret))
        return line

    def instead(session, command, elements, bulk):
        if command == "KNOCK":
            user = os.urandom(32) if who == "another user" else elements[0]
            answered = bulk if who == "another user" else b"another"
            sealed = secrets[0].admit(answered, user, crypto.OWNER, [])
            household.broker.say(session, "ADMIT", elements[1], bulk=sealed)
        return command == "KNOCK"

    guest, joined, _ = household.meet(instead=instead, code_of=take)
    assert joined.code == 6 and "another" in joined.messages, joined.said
    assert guest.run("status", code=3)


def hide_members(broker, keep):
    """Shows of the member log only what it had first; of the rest nothing."""

    def alter(session, said):
        hidden = [entry for entry in broker.log.entries if entry.collection == MEMBER_LOG][keep:]
        writers = {entry.writer for entry in broker.log.entries if entry.collection == MEMBER_LOG}
        if said.command == "WELCOME":
            return said.but(4, [head for head in said.elements[4] if keep and head[0] not in writers])
        if said.command == "ENTRY":
            entry = read_entry(said.bulk)
            return None if entry in hidden or (not keep and entry.collection != MEMBER_LOG) else said
        return said

    return alter


@pytest.mark.parametrize("keep", [0, 1])
def test_a_member_log_that_is_held_back_is_missed(household, keep):
    """The newcomer knows from the owner what there is: without its own `add` in it, it says so."""
    guest, joined, (code, said) = household.meet(hide_members(household.broker, keep))
    assert code == 0, said
    assert joined.code == 1 and "holds back the member log" in joined.messages, joined.said
    assert "`counterfoil sync` brings it" in guest.run("devices", code=1), "nobody is known here yet, not even this device"
    with household.broker.lying(hide_members(household.broker, keep)):
        again = attacked(guest, "sync", "--timeout", "3s")
    assert again.code == 1 and "holds back the member log" in again.messages, again.said
    assert not again.document["in_sync"] and again.document["broker"]["trouble"]
    assert guest.sync()["in_sync"]
    guest.add("notes", None, "--existing")
    guest.sync()
    assert tree(guest.source()) == tree(household.laptop.source())


def test_a_broker_that_adds_a_device_of_its_own_meanwhile_adds_nobody(household):
    """An `add` by keys of its own, in the newcomer's first replay."""
    evil = crypto.Identity(os.urandom(32))

    def alter(session, said):
        if said.command != "SUBSCRIBED":
            return said
        first = household.broker.log.entries[0]
        operation = crypto.Operation(
            crypto.ADD, now(), keys=evil.keys, proof=evil.prove(first.user), role=crypto.OWNER,
            access=[first.hash, os.urandom(80)],
        )
        body = crypto.write_member(operation)
        random = os.urandom(16)
        writer = writer_id(first.user, evil.id, MEMBER_LOG, random)
        header = [1, 2, first.user, evil.id, MEMBER_LOG, writer, 1, random, [list(first.head)], None, b""]
        head = b"\x9c" + b"".join(map(pack, header)) + pack(hash_of("body", body))
        wire = head + evil.sign("entry", head) + body
        return [said, Said("ENTRY", [1], first.wire), Said("ENTRY", [2], wire)]

    guest, joined, _ = household.meet(alter)
    assert joined.code == 0 and "in the member log is refused" in joined.messages, joined.said
    assert evil.id.hex() not in str(guest.json("devices"))
    assert len(guest.json("devices")) == len(household.known) + 1
