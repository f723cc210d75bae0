# SPDX-License-Identifier: Apache-2.0
"""A broker that lies about what it has. What it can't do: be believed, stop the rest, or reach anything outside of a
source. What it can do is keep silent; then the devices say what they miss."""

import copy
import os
import threading

import protocol_crypto as crypto
from broker_client import now
from counterfoil import tree, wait_until
from hostile_broker import Said
from hostile_house import expect_blamed, flipped, house, key_of, of_notes, when, with_bulk  # noqa: F401
from hostile_victim import COUNTS_MEMORY, attacked
from protocol import read_entry
from reader_scene import let_in

# ---- Entries ---------------------------------------------------------------------------------------------------------

ALTERED = [
    (lambda entry: flipped(entry.wire, len(entry.header) + 3), "the signature does not fit"),
    (lambda entry: flipped(entry.wire, entry.wire.index(entry.epoch)), None),
    (lambda entry: flipped(entry.wire, entry.wire.index(entry.device)), None),
    (lambda entry: flipped(entry.wire, len(entry.wire) - 5), "the body is not the one"),
    (lambda entry: entry.wire[:100], "beyond the bytes"),
    (lambda entry: entry.wire + b"x", "the body is not the one"),
    (lambda entry: os.urandom(300), None),
]


def test_altered_entries_are_named_and_the_rest_comes(house):
    spoiled = [house.write(house.laptop) for _ in ALTERED]
    calm = house.write(house.laptop, "diary")
    turn = iter(ALTERED)
    outcome = house.receive(of_notes(house, lambda said, entry: with_bulk(said, next(turn)[0](entry))))
    # Some are refused as they are read, others once they are taken: which is the first depends on how fast they come.
    told = [line.removeprefix("counterfoil: ") for line in outcome.messages.splitlines() if "is refused: " in line]
    expect_blamed(outcome, told[0])
    assert f"the first: {told[0]}" in outcome.document["broker"]["trouble"]
    assert f"{len(ALTERED)} entries that can't be taken" in outcome.document["broker"]["trouble"]
    assert outcome.messages.count("is refused: ") == len(ALTERED)
    assert "of laptop in notes is refused: the signature does not fit" in outcome.messages
    for _, word in ALTERED:
        assert word is None or word in outcome.messages
    assert not {*spoiled} & tree(house.desktop.source("notes")).keys()
    assert (house.desktop.source("diary") / calm).exists()
    house.heal()


def test_an_entry_that_is_held_back_is_missed(house):
    house.write(house.laptop)
    held_back = house.broker.log.entries[-1].head
    house.write(house.laptop)
    calm = house.write(house.laptop, "diary")
    outcome = house.receive(of_notes(house, lambda said, entry: said if entry.head != held_back else None))
    expect_blamed(outcome, "of laptop in notes is refused", "predecessor")
    assert (house.desktop.source("diary") / calm).exists()
    assert "predecessor" in house.desktop.run("status"), "who asks later is told, too"
    house.heal()
    assert "predecessor" not in house.desktop.run("status")


def test_what_another_device_saw_can_not_be_hidden(house):
    """A broker that hides the laptop's entries from the desktop can't show it what knows of them."""
    house.write(house.laptop)
    hidden = house.broker.log.entries[-1].head
    house.tablet.sync()
    house.write(house.tablet)

    def alter(session, said):
        if said.command == "WELCOME":
            return said.but(4, [head for head in said.elements[4] if tuple(head) != hidden])
        return None if said.command == "ENTRY" and read_entry(said.bulk).head == hidden else said

    outcome = house.receive(alter)
    expect_blamed(outcome, "of tablet in notes is refused", "comes after")
    house.heal()


def test_who_is_shown_another_view_merges_it_as_soon_as_it_is_seen(house):
    """What a broker hides from a device altogether, nobody can know; nothing is lost by it."""
    split = house.write(house.laptop)
    house.desktop.sync()
    (house.laptop.source("notes") / split).write_bytes(b"by the laptop\n")
    (house.desktop.source("notes") / split).write_bytes(b"by the desktop\n")
    house.laptop.sync()
    theirs = house.broker.log.entries[-1].head

    def alter(session, said):
        if said.command == "WELCOME":
            entry = house.broker.log.at[theirs]
            before = [entry.writer, entry.sequence - 1, entry.previous]
            return said.but(4, [before if tuple(head) == theirs else head for head in said.elements[4]])
        return None if said.command == "ENTRY" and read_entry(said.bulk).head == theirs else said

    house.receive_all(alter)
    house.laptop.sync(4), house.desktop.sync(4)
    found = tree(house.laptop.source("notes"))
    assert found == tree(house.desktop.source("notes"))
    both = {path: content for path, content in found.items() if path.startswith(split)}
    assert set(both.values()) == {b"by the laptop\n", b"by the desktop\n"}
    (copy,) = (path for path in both if "conflict" in path)
    (house.laptop.source("notes") / copy).unlink()
    house.heal()


def test_entries_in_the_wrong_order_are_named_and_asked_for_again(house):
    """A device that serves begins anew by itself."""
    serving = house.desktop.serve()
    backwards = threading.Event()
    kept = []

    def alter(session, said):
        if said.command != "ENTRY" or backwards.is_set() or session.key != key_of(house, "desktop"):
            return said
        kept.append(said)
        if len(kept) < 3:
            return None
        backwards.set()
        return kept[::-1]

    with house.broker.lying(alter):
        for _ in range(3):
            last = house.write(house.laptop)
        wait_until(backwards.is_set, "the entries were sent")
        wait_until((house.desktop.source("notes") / last).exists, "they were asked for again")
    house.desktop.stop(serving)
    house.heal()


def test_entries_that_come_backwards_are_named(house):
    """To a device that only syncs: the first of them has a predecessor that is not there."""
    for _ in range(3):
        last = house.write(house.laptop)
    head, kept = house.broker.log.entries[-1].head, []

    def alter(said, entry):
        kept.append(said)
        return kept[::-1] if entry.head == head else None

    outcome = house.receive(of_notes(house, alter))
    expect_blamed(outcome, "of laptop in notes is refused", "predecessor")
    assert outcome.messages.count("of laptop in notes is refused: ") == 2, outcome.said
    assert not (house.desktop.source("notes") / last).exists()
    house.heal()


def test_an_entry_that_was_spoiled_once_is_taken_when_it_comes_whole(house):
    """It has the same name as the forged copy."""
    serving = house.desktop.serve()
    told = []

    def alter(said, entry):
        told.append(entry.head)
        return with_bulk(said, flipped(said.bulk, len(entry.header) + 3)) if told.count(entry.head) == 1 else said

    with house.broker.lying(of_notes(house, alter)):
        last = house.write(house.laptop)
        wait_until((house.desktop.source("notes") / last).exists, "it is taken")
    house.desktop.stop(serving)
    house.heal()


def test_old_entries_say_nothing_new(house):
    house.write(house.laptop)
    before = tree(house.laptop.source("notes"))
    everything = [Said("ENTRY", [at + 1], entry.wire) for at, entry in enumerate(house.broker.log.entries)]
    outcome = house.receive_all(when("SUBSCRIBED", lambda said: [said, *everything * 20]))
    assert outcome.document["in_sync"], outcome.said
    assert tree(house.desktop.source("notes")) == before
    house.heal()


def test_more_than_credit_allows_takes_no_room(house):
    """Twice 64 MiB that nobody asked for; with sanitizers, where nobody looks at memory, a sixteenth of it."""
    (house.laptop.source("notes") / "many").write_bytes(b"".join(os.urandom(50_000) for _ in range(1)))
    house.laptop.sync()
    entry = house.broker.log.entries[-1]
    length = 2**27 if COUNTS_MEMORY else 2**23
    flood = [Said("ENTRY", [len(house.broker.log.entries)], entry.wire)] * (length // len(entry.wire))
    house.receive_all(when("SUBSCRIBED", lambda said: [said, *flood]))
    house.heal()


# ---- Rolled back, forgotten ------------------------------------------------------------------------------------------


def test_a_rolled_back_log_is_told_and_mended(house):
    for _ in range(2):
        house.write(house.laptop)
    house.desktop.sync()
    with house.broker.lock:
        ((user, log),) = house.broker.logs.items()
        house.broker.logs[user] = log.rolled_back(2)
    outcome = house.receive_all(None)
    assert "rolled back: it lacks 2 entries" in outcome.messages, outcome.said
    assert len(house.broker.log.entries) == len(log.entries)
    house.heal()


def test_an_entry_that_was_accepted_and_not_kept_is_missed_and_sent_again(house):
    def instead(session, command, elements, bulk):
        if command == "PUBLISH":
            house.broker.say(session, "ACCEPTED", list(read_entry(bulk).head))
        return command == "PUBLISH"

    with house.broker.lying(instead=instead):
        lost = house.write(house.laptop)
    assert house.desktop.sync()["in_sync"] and not (house.desktop.source("notes") / lost).exists()
    outcome = attacked(house.laptop, "sync")
    assert outcome.code == 0 and "was rolled back: it lacks 1 entry" in outcome.messages, outcome.said
    house.heal()


def test_a_blob_that_was_stored_and_not_kept_is_wanted_and_sent_again(house):
    def instead(session, command, elements, bulk):
        if command == "PUT":
            house.broker.say(session, "STORED", elements[0])
        return command == "PUT"

    with house.broker.lying(lambda _, said: None if said.command == "WANTED" else said, instead):
        house.write(house.laptop, size=500_000)
    assert house.broker.log.lacking(house.broker.log.entries)
    outcome = attacked(house.laptop, "sync")
    assert "lacks 1 blob" in outcome.said or not house.broker.log.lacking(house.broker.log.entries), outcome.said
    house.heal()
    assert not house.broker.log.lacking(house.broker.log.entries)


# ---- Who is in -------------------------------------------------------------------------------------------------------


def test_a_device_that_no_owner_added_is_in_nowhere(house):
    """By a stranger, and by a member: neither adds a device, nor makes itself an owner."""
    mallory = let_in(house.laptop, "mallory", "--role", "member")
    with mallory.session(house.broker.line) as session:
        mallory.read_log(session)
    evil = crypto.Identity(os.urandom(32))
    mallory.commitment = mallory.openings[mallory.epoch][1][0]
    added = read_entry(mallory.admit(evil.keys, evil.prove(mallory.user), crypto.OWNER))
    raised = read_entry(mallory.write_member(crypto.Operation(
        crypto.ROLE, now(), device=mallory.identity.id, role=crypto.OWNER, heads=[], opening=None
    )))
    with house.broker.lock:
        for entry in added, raised:
            house.broker.log.add(entry)
    before = house.desktop.json("devices")
    outcome = house.receive()
    assert "of mallory in the member log counts for nothing" in outcome.messages, outcome.said
    listed = {one["name"]: one["role"] for one in house.desktop.json("devices")}
    assert listed == {**{one["name"]: one["role"] for one in before}, "mallory": "member"}
    house.heal()
    house.laptop.run("devices", "revoke", "mallory", "--yes")
    house.heal()


def test_what_a_stranger_signs_is_refused_and_named(house):
    """A device that the broker made up adds itself, and writes."""
    guest = let_in(house.laptop, "guest", "--role", "member")
    with guest.session(house.broker.line) as session:
        guest.read_log(session)
    house.heal()
    stranger = copy.deepcopy(guest)
    stranger.identity = crypto.Identity(os.urandom(32))
    stranger.chains, stranger.learn = {}, lambda entry: None
    stranger.commitment = guest.openings[guest.epoch][1][0]
    keys, proof = stranger.identity.keys, stranger.identity.prove(guest.user)
    entries = [
        read_entry(stranger.admit(keys, proof, crypto.OWNER)),
        read_entry(stranger.write(house.notes, lambda _: os.urandom(300))),
    ]
    with house.broker.lock:
        for entry in entries:
            house.broker.log.add(entry)
    before = house.desktop.json("devices")
    outcome = house.receive()
    expect_blamed(outcome, "is refused")
    for entry in entries:
        assert f"entry {entry.hash.hex()[:12]}" in outcome.messages, outcome.said
    assert house.desktop.json("devices") == before
    with house.broker.lock:
        for entry in entries:
            house.broker.log.entries.remove(entry)
            del house.broker.log.at[entry.head]
    house.heal()
    house.laptop.run("devices", "revoke", "guest", "--yes")
    house.heal()
