# SPDX-License-Identifier: Apache-2.0
"""A broker that answers what it likes: with other blobs, with nonsense, with what nobody asked for or without end."""

import os

import protocol_crypto as crypto
from broker_client import HEADS_PAGE, VERSION, now
from counterfoil import Device, tree, wait_until
from hostile_broker import Said, raw
from hostile_house import flipped, house, strange_heads, when, with_bulk  # noqa: F401
from hostile_victim import COUNTS_MEMORY, MEMORY_MAX, attacked, memory_of
from protocol import CATALOG, MEMBER_LOG

YEARS = 10 * 365 * 86_400_000
CROWD = 33 * HEADS_PAGE


# ---- Blobs -----------------------------------------------------------------------------------------------------------


def endless(said):
    """One GET is answered a thousand times."""
    id, offset, _ = said.elements
    return [Said("BLOB", [id, offset + n * len(said.bulk), 16_000_000], said.bulk) for n in range(1000)]


BLOBS = {
    "other bytes": (lambda said: with_bulk(said, os.urandom(len(said.bulk))), "not those of its name"),
    "flipped": (lambda said: with_bulk(said, flipped(said.bulk, 1000)), "not those of its name"),
    "cut": (lambda said: Said("BLOB", [*said.elements[:2], 1000], said.bulk[:1000]), "not those of its name"),
    "offset": (lambda said: said.but(1, said.elements[1] + 5), "beyond its end"),
    "far offset": (lambda said: said.but(1, 2**64 - 1), "beyond its end"),
    "total": (lambda said: said.but(2, 2**63), "impossible size"),
    "just too large": (lambda said: said.but(2, 16_781_313), "impossible size"),
    "no size": (lambda said: said.but(2, 0), "impossible size"),
    "endless": (endless, "on the way"),
    "absent": (lambda said: Said("ABSENT", [said.elements[0]]), "waits for a device that has all of it"),
    "never": (lambda said: Said("REFUSED", ["GET", said.elements[0], "never", "unknown", "no"]), "no"),
}


def test_a_blob_that_is_another_is_told_with_its_file(house):
    spoiled = house.write(house.laptop, size=500_000)
    calm = house.write(house.laptop)
    for lie, (change, word) in BLOBS.items():
        outcome = house.receive(when("BLOB", change))
        assert outcome.code == 1, (lie, outcome.said)
        waiting = {one["path"]: one["reason"] for each in outcome.document["collections"] for one in each["pending"]}
        assert list(waiting) == [spoiled], (lie, outcome.said)
        assert word in waiting[spoiled] + outcome.document["broker"].get("trouble", ""), (lie, outcome.said)
        assert not (house.desktop.source("notes") / spoiled).exists()
        assert (house.desktop.source("notes") / calm).exists()
    house.heal()


def test_blobs_that_are_exchanged_are_told_with_their_files(house):
    """Each is whole and of this user, only the other one's."""
    spoiled = [house.write(house.laptop, size=500_000) for _ in range(2)]
    first, other = (house.broker.log.entries[-at].blobs for at in (2, 1))
    assert len(first) == len(other) and not {*first} & {*other}
    exchanged = dict([*zip(first, other), *zip(other, first)])

    def alter(said):
        id, offset, _ = said.elements
        blob = house.broker.log.blobs[exchanged.get(id, id)]
        return Said("BLOB", [id, offset, len(blob)], blob[offset : offset + len(said.bulk)])

    outcome = house.receive(when("BLOB", alter))
    assert outcome.code == 1, outcome.said
    waiting = {one["path"]: one["reason"] for each in outcome.document["collections"] for one in each["pending"]}
    assert waiting.keys() == {*spoiled}, outcome.said
    assert all("not those of its name" in reason for reason in waiting.values()), waiting
    assert not {*spoiled} & tree(house.desktop.source("notes")).keys()
    house.heal()


# ---- Messages --------------------------------------------------------------------------------------------------------

NONSENSE = {
    "no value": [raw(b"\xc1")],
    "nothing": [raw(b"")],
    "noise": [raw(os.urandom(1000), os.urandom(1000))],
    "deep": [raw(b"\x91" * 100_000)],
    "a count that nothing follows": [raw(b"\xdd\xff\xff\xff\xff")],
    "a text that nothing follows": [raw(b"\x91\xdb\xff\xff\xff\xff")],
    "no text": [raw(b"\x91\xa7ENTRY\xff\xff")],
    "not canonical": [raw(b"\x92\xa5ENTRY\xcd\x00\x01", b"x")],
    "too few elements": [Said("WELCOME", [VERSION])],
    "other types": [Said("ACCEPTED", ["x"])],
    "no bulk": [Said("ENTRY", [1])],
    "three frames": [raw(b"\x91\xa5AGAIN", b"x", b"y")],
    "a head without a sequence": [Said("ACCEPTED", [[bytes(16), 0, bytes(32)]])],
    "a sequence beyond all": [Said("ACCEPTED", [[bytes(16), 2**63, bytes(32)]])],
    "a long text": [Said("MOVED", ["x" * 2000])],
    "WELCOME twice": [Said("WELCOME", [VERSION, bytes(16), 1, 1, [], False])],
    "SUBSCRIBED twice": [Said("SUBSCRIBED", [[], False])],
    "ADMIT": [Said("ADMIT", [bytes(32)], b"x")],
}


def test_nonsense_ends_the_session_and_is_told(house):
    house.write(house.laptop)
    for what, nonsense in NONSENSE.items():
        outcome = house.receive(when("ENTRY", lambda said: [*nonsense, said]))
        assert outcome.code == 1 and "the broker: " in outcome.messages, (what, outcome.said)
        assert outcome.document["broker"]["trouble"] in outcome.messages
    house.heal()


def test_a_frame_that_is_too_large_ends_the_connection(house):
    house.write(house.laptop)
    outcome = house.receive(when("ENTRY", lambda said: [raw(bytes(2_000_000)), said]))
    assert outcome.code == 5 and "the connection broke" in outcome.messages, outcome.said
    house.heal()


OF_NO_CONCERN = [
    Said("XYZZY", [1, "two", b"three"]),
    Said("ACCEPTED", [[bytes(16), 7, bytes(32)]]),
    Said("REFUSED", ["PUBLISH", bytes(32), "never", "void", "no"]),
    Said("REFUSED", ["", b"", "later", "whatever", "\x1b[2J\x07 and more"]),
    Said("STORED", [bytes(32)]),
    Said("MISSING", [[[bytes(32), 2**64 - 1]]]),
    Said("BLOB", [bytes(32), 0, 1], b"x"),
    Said("ABSENT", [bytes(32)]),
    Said("GUEST", [bytes(32), 2**64 - 1]),
    Said("KNOCK", [None, bytes(32)], b"x"),
    Said("LEASE", [bytes(16), [2**64 - 1, 2**64 - 1], 2**64 - 1]),
    Said("LEASE", [bytes(16), [0, 0], 0]),
    Said("BUSY", [bytes(16), bytes(32), 2**64 - 1]),
    Said("ENDPOINTS", [bytes(16), 2**64 - 1, ["tcp://x"] * 16]),
    Said("HOLDS", [bytes(16), [[bytes(16), 2**63 - 1, bytes(32)]]]),
    Said("REPORTED", [bytes(32), 2**64 - 1, [], True]),
    Said("WANTED", [[bytes(32)] * 1000]),
]


def test_answers_that_nobody_asked_for_change_nothing(house):
    """None of them stops the rest; what is shown of them has no escape sequences in it."""
    spared = house.write(house.laptop)
    outcome = house.receive_all(when("SUBSCRIBED", lambda said: [said, *OF_NO_CONCERN * 3]))
    assert (house.desktop.source("notes") / spared).exists()
    assert "\x1b" not in outcome.said and "\x07" not in outcome.said
    house.heal()


# ---- WELCOME ---------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_off_is_told_and_nothing_is_dated_by_it(house):
    (house.laptop.source("notes") / "one.txt").write_text("written some time\n")
    entries = len(house.broker.log.entries)
    for clock in 0, now() - YEARS, now() + YEARS, 2**64 - 1:
        outcome = house.receive(when("WELCOME", lambda said: said.but(2, clock)), house.laptop)
        assert outcome.code == 1 and "this device's clock is" in outcome.messages, outcome.said
        (waits,) = [one for each in outcome.document["collections"] for one in each["pending"]]
        assert waits["path"] == "one.txt" and "clock" in waits["reason"]
        assert len(house.broker.log.entries) == entries
    house.heal()


def test_a_strange_window_is_kept_and_everything_arrives(house):
    for window in 0, 1, 2**64 - 1:
        (house.laptop.source("notes") / "windowed").write_bytes(os.urandom(800_000))
        house.receive_all(when("WELCOME", lambda said: said.but(3, window)), house.laptop)
    house.heal()


def test_pages_without_end_are_cut_off(house):
    page = strange_heads(HEADS_PAGE)
    outcome = house.receive(when("WELCOME", lambda said: [
        said.but(4, [[os.urandom(16), *head[1:]] for head in page]).but(5, True) for _ in range(40)
    ]))
    assert outcome.code == 1 and "too many heads" in outcome.messages, outcome.said
    house.heal()


def crowded(house):
    """A true member log, in a page of its own, and then more heads than anybody takes."""
    log = house.broker.log

    def change(said):
        members = [list(head) for head in log.heads() if log.at[head].collection == MEMBER_LOG]
        crowd = [said.but(4, sorted(strange_heads(HEADS_PAGE))).but(5, True) for _ in range(CROWD // HEADS_PAGE)]
        return [said.but(4, members).but(5, True), *crowd, said.but(4, []).but(5, False)]

    return when("WELCOME", change)


def test_who_gets_too_many_heads_can_still_shut_out(house):
    """With the member log alone, `status` says so, and nothing else goes out."""
    mallory = Device(house.folder, "mallory")
    house.canaries.spare(mallory.home, mallory.source("notes"))
    house.laptop.pair(mallory)
    house.desktop.sync()
    with house.broker.lying(crowded(house)):
        serving = house.laptop.serve()
        (house.laptop.source("notes") / "waits").write_text("until there are fewer\n")
        wait_until(
            lambda: "more chains than a device takes" in attacked(house.laptop, "status").document["broker"].get("trouble", ""),
            "`status` says so",
        )
        before = len(house.broker.log.entries)
        outcome = attacked(house.laptop, "devices", "revoke", "mallory", "--yes")
        assert outcome.code == 0, outcome.said
        wait_until(lambda: len(house.broker.log.entries) > before, "it went out")
        assert {entry.collection for entry in house.broker.log.entries[before:]} == {MEMBER_LOG}
        house.laptop.stop(serving)
    house.heal()
    assert (house.desktop.source("notes") / "waits").exists()
    states = {one["name"]: one["state"] for one in house.desktop.json("devices")}
    assert states["mallory"] == "revoked", states
    mallory.end()


ENDLESS = {
    "HOLDS": lambda said: [said.but(0, os.urandom(16)).but(1, strange_heads(HEADS_PAGE))] * 40,
    "REPORTED": lambda said: [
        Said("REPORTED", [os.urandom(32), 1, strange_heads(HEADS_PAGE) if full else [], True])
        for full in [True] * 3 + [False] * 3
    ] * 200,
}


def test_answers_to_a_question_without_end_are_cut_off(house):
    for command, endless in ENDLESS.items():
        with house.broker.lying(when(command, endless)):
            outcome = attacked(house.laptop, "status", "--remote")
        assert outcome.code == 1 and "the broker answers with more than" in outcome.messages, (command, outcome.said)
    house.heal()


def answering_chains(house, *pages):
    """In place of what is true."""

    def instead(session, command, elements, bulk):
        if command == "CHAINS":
            for heads, more in pages:
                house.broker.say(session, "ENDS", elements[0][0], heads, more)
        return command == "CHAINS"

    return instead


def knowing_no_chains(house):
    """As a broker from before there was CHAINS; a device asks it no more within a day."""

    def instead(session, command, elements, bulk):
        if command == "CHAINS":
            house.broker.refuse(session, "", b"", "unsupported")
        return command == "CHAINS"

    return instead


def revoked(house, name, **lies):
    """A device that was let in is shut out while the broker lies: what is said, and published."""
    mallory = Device(house.folder, name)
    house.canaries.spare(mallory.home, mallory.source("notes"))
    house.laptop.pair(mallory)
    mallory.add("notes", None, "--existing")
    (mallory.source("notes") / f"of {name}").write_text("counts\n")
    mallory.sync()
    house.laptop.sync()
    entries = len(house.broker.log.entries)
    with house.broker.lying(**lies):
        outcome = attacked(house.laptop, "devices", "revoke", name, "--yes")
    mallory.end()
    return outcome, house.broker.log.entries[entries:]


def test_chains_without_end_are_cut_off_and_nobody_is_shut_out(house):
    endless = [([[os.urandom(16), *head[1:]] for head in strange_heads(HEADS_PAGE)], True)] * 33
    outcome, published = revoked(house, "endless", instead=answering_chains(house, *endless))
    assert outcome.code == 1 and "the broker answers with more than" in outcome.messages, outcome.said
    assert not published
    house.heal()


def test_chains_that_a_broker_makes_up_take_nothing_from_those_that_are_there(house):
    """Four times as many as can be named."""
    pages = [(sorted([os.urandom(16), 2**63 - 1, os.urandom(32)] for _ in range(HEADS_PAGE)), n < 15) for n in range(16)]
    outcome, published = revoked(house, "made-up", instead=answering_chains(house, *pages))
    assert outcome.code == 0, outcome.said
    named = [crypto.read_member(entry.body).heads for entry in published if entry.collection == MEMBER_LOG]
    whole = {tuple(head) for heads in named for head in heads}
    assert len(whole) == 6144
    house.heal()
    assert (house.laptop.source("notes") / "of made-up").exists()


def test_an_older_broker_that_keeps_entries_back_is_not_believed_to_have_told_all(house):
    collection = next(entry.collection for entry in house.broker.log.entries if entry.collection not in (MEMBER_LOG, CATALOG))
    paused = Said("PAUSED", [[[collection, now() + 100_000, True]]])
    outcome, published = revoked(house, "paused", instead=knowing_no_chains(house), alter=when("SUBSCRIBED", lambda said: [said, paused]))
    assert outcome.code == 9 and "nothing was changed" in outcome.messages, outcome.said
    assert not published
    house.heal()


def test_who_keeps_less_shuts_nobody_out_where_an_older_broker_does_not_tell_the_rest(house):
    house.laptop.run("set", "--keep", "bound")
    outcome, published = revoked(house, "half-known", instead=knowing_no_chains(house))
    assert outcome.code == 6 and "keeps only what it has sources of" in outcome.messages, outcome.said
    assert not published
    house.laptop.run("set", "--keep", "all")
    house.heal()


def test_a_move_that_the_member_log_does_not_tell_is_not_followed(house):
    """To itself, to where nobody is, to what is no place."""
    house.write(house.laptop)
    for line in house.broker.line, crypto.write_address("127.0.0.1", 1, os.urandom(32)), "file:///etc/passwd":
        outcome = house.receive(when("WELCOME", lambda _: Said("MOVED", [line])))
        assert outcome.code == 5 and "moved to another broker" in outcome.messages, outcome.said
        house.desktop.finish("sync", "--timeout", "4s")
        assert house.desktop.run("broker").strip() == house.broker.line
    house.heal()


# ---- Leases ----------------------------------------------------------------------------------------------------------


LEASES = {
    "nothing": (lambda said: said.but(1, [0, 0]), (0,)),
    "everything": (lambda said: said.but(1, [2**64 - 1, 2**64 - 1]).but(2, 2**64 - 1), (0, 9)),
    "over": (lambda said: said.but(2, 1), (0, 9)),
    "another request": (lambda said: said.but(0, bytes(16)), (5,)),
    "busy for ever": (lambda said: Said("BUSY", [said.elements[0], bytes(32), 2**64 - 1]), (9,)),
    "unsupported": (lambda said: Said("REFUSED", ["LOCK", said.elements[0], "never", "unsupported", "no"]), (1, 6)),
}


def test_a_lease_that_is_none_harms_nobody(house):
    """A lock is the broker's word. What a lying one costs is the lock, never an edit."""
    for lie, (change, codes) in LEASES.items():
        with house.broker.lying(when("LEASE", change)):
            outcome = attacked(house.laptop, "lock", "notes", "--timeout", "2s")
        assert outcome.code in codes, (lie, outcome.said)
        with house.broker.lock:
            house.broker.leases.clear()
        house.laptop.finish("unlock", "notes")
        with house.broker.lock:
            house.broker.leases.clear()
    house.write(house.laptop)
    house.heal()


def test_memory_stays_small_while_it_serves(house):
    """All kinds of nonsense, again and again, to one process."""
    serving = house.desktop.serve()
    turn = iter(range(10**9))
    kinds = list(NONSENSE.values())

    def alter(session, said):
        if said.command == "SUBSCRIBED":
            return [said, *kinds[next(turn) % len(kinds)]]
        return said

    with house.broker.lying(alter):
        wait_until(lambda: len(house.broker.said_to_it("HELLO")) >= 5, "it tried several times")
    last = house.write(house.laptop)
    wait_until((house.desktop.source("notes") / last).exists, "it goes on")
    assert not COUNTS_MEMORY or memory_of(serving) < MEMORY_MAX
    house.desktop.stop(serving)
    house.heal()
