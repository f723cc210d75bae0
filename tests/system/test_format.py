# SPDX-License-Identifier: Apache-2.0
"""Ids, entries and bodies: what the product writes, the independent program reads, and both refuse the same."""

import os
import random
import struct
import subprocess

import nacl.signing
import pytest

import protocol
from protocol import pack

PROBE = os.environ["CF_FORMAT_PROBE"]
USER = b"u" * 32
COLLECTION = b"collection".ljust(16, b"\0")
FILE = b"f, a file".ljust(16, b"\0")
DIRECTORY = b"d, a directory".ljust(16, b"\0")


def key_of(seed):
    return nacl.signing.SigningKey(bytes([seed]) * 32)


ANN, BOB = key_of(1), key_of(2)


def record(data):
    return struct.pack(">I", len(data)) + data


def probe(word, records=()):
    data = b"".join(map(record, records))
    return subprocess.run([PROBE, word], input=data, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def written():
    data, entries = probe("write"), []
    while data:
        size = struct.unpack(">I", data[:4])[0]
        entries.append(data[4 : 4 + size])
        data = data[4 + size :]
    return entries


@pytest.fixture(scope="module")
def entries():
    """The member entry of Ann's, her first, Bob's first, and her second."""
    return [protocol.read_entry(wire) for wire in written()]


def accepts(read, *arguments):
    try:
        read(*arguments)
    except (protocol.Malformed, protocol.Newer):
        return False
    return True


def assert_same_verdicts(word, context, records, read):
    """The product's verdicts are ours, and there are some of both kinds."""
    theirs = probe(word, context + records).decode().split()
    ours = ["y" if accepts(read, data) else "n" for data in records]
    wrong = [data.hex() for data, a, b in zip(records, theirs, ours) if a != b]
    assert len(theirs) == len(ours)
    assert not wrong, f"{len(wrong)} of {len(records)}, the first: {wrong[0]}"
    assert {"y", "n"} == set(ours)


def mutants(chance, data, count):
    """Copies with one thing wrong, or two; sometimes nothing in effect."""
    result = []
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(chance.choice((1, 1, 2))):
            at = chance.randrange(len(copy))
            act = chance.randrange(5)
            if act == 0:
                copy[at] = chance.randrange(256)
            elif act == 1:
                copy[at] ^= 1 << chance.randrange(8)
            elif act == 2:
                del copy[at : at + chance.randrange(1, 4)]
            elif act == 3:
                copy[at:at] = copy[at : at + chance.randrange(1, 40)]
            else:
                copy[at : at + 1] = chance.choice((b"\xc0", b"\xdd\xff\xff\xff\xff", b"\x90", b"\xcc\x05", b"\xa1\xff"))
            copy = copy or bytearray(b"\xc0")
        result.append(bytes(copy))
    return result


def test_entries_verify_and_chain(entries):
    log = protocol.Log(USER)
    member, first, second, third = entries
    for entry, key in zip(entries, (ANN, ANN, BOB, ANN)):
        assert entry.user == USER and entry.device == protocol.device_id(bytes(key.verify_key))
        log.add(entry, bytes(key.verify_key))
    assert member.collection == protocol.MEMBER_LOG and member.epoch is None and member.body == b"a clear body"
    assert first.collection == COLLECTION and first.sequence == 1 and first.after == []
    assert second.after == [first.head]
    assert third.previous == first.hash and third.after == sorted([member.head, second.head])
    assert third.blobs == [b"a blob".ljust(32, b"\0"), b"another blob".ljust(32, b"\0")]
    assert log.heads() == sorted([member.head, second.head, third.head])


def test_a_log_refuses_what_has_no_past(entries):
    log = protocol.Log(USER)
    for entry, key in ((entries[3], ANN), (entries[2], BOB)):
        with pytest.raises(protocol.Gap):
            log.add(entry, bytes(key.verify_key))


def test_a_body_says_what_was_written(entries):
    body = protocol.read_body(entries[1].body, entries[1])
    said = {(change.item, change.field): change for change in body.changes}
    assert (body.time, body.part, body.parts) == ((1700000000000, 0), 1, 2)
    assert said[FILE, "/name"].value == b"note" and not said[FILE, "/name"].weak
    assert said[FILE, "/mode"].value == 0o755 and said[FILE, "/mode"].weak
    assert said[FILE, "/mtime"].value == -1000
    assert said[FILE, "/parent"].value == DIRECTORY
    assert said[DIRECTORY, "/name"].value == b"\xff\n"
    assert said[b"c, a contact".ljust(16, b"\0"), "/a~1b"].value == [("x", [None, True, -1])]


def test_dots_are_whole_once_read(entries):
    first, second = entries[1:3]
    said = {(c.item, c.field): c for c in protocol.read_body(second.body, second).changes}
    assert said[DIRECTORY, ""].value == [("/kind", first.dot), ("/name", first.dot)]
    assert said[FILE, "/pin"].value == [protocol.ROOT, b"here", None, first.dot]
    assert said[FILE, "/name"].over == [first.dot]
    assert not said[FILE, "/mode"].writes and said[FILE, "/mode"].over == [first.dot]


def test_content_comes_in_slices_of_blobs_and_from_elsewhere(entries):
    body = protocol.read_body(entries[3].body, entries[3])
    hash, slices = b"of a large file".ljust(32, b"\0"), [[0, 100, 1000], [4000], [1, 0, 15]]
    assert body.time == (protocol.TIME_MAX, 9)
    assert body.changes[0].value == [hash, 5015, 0, slices]
    assert body.supplies == [(hash, slices)]


def test_the_state_is_what_nobody_has_replaced(entries):
    bodies = [(entry.dot, protocol.read_body(entry.body, entry)) for entry in entries[1:]]
    state = protocol.state_of(bodies)
    assert state == protocol.state_of(reversed(bodies))
    assert list(state[FILE, "/name"].values()) == [((1700000000000, 1), False, b"notes")]
    assert (FILE, "/mode") not in state and (FILE, "/mtime") in state


def test_both_take_and_refuse_the_same_values():
    chance = random.Random(1)
    sample = [
        protocol.Map([(1, [None, True, -33]), ("a", b"bytes"), ("key", 0.5), ("né", 2**64 - 1)]),
        -(2**63), "x" * 40, [[[[[[[]]]]]]], 70000, b"\0" * 300,
    ]
    edges = [pack(sample), pack([[sample]]), pack(float("inf")), pack(-0.0), pack(float("nan")), b"", b"\xc1"]
    assert_same_verdicts("value", [], edges + mutants(chance, pack(sample), 6000), protocol.unpack)


def test_both_take_and_refuse_the_same_bodies(entries):
    chance = random.Random(2)
    for entry in entries[1:]:
        records = [entry.body] + mutants(chance, entry.body, 2500)
        assert_same_verdicts("body", [entry.wire], records, lambda data: protocol.read_body(data, entry))


def build_entry(elements, body, key, more=()):
    """An entry of any elements, with the body's hash put last and a true signature."""
    header = pack([*elements[:11], *more, protocol.hash_of("body", body)])
    return header + key.sign(protocol.domain("entry") + header).signature + body


def test_both_take_and_refuse_the_same_entries(entries):
    chance = random.Random(3)
    entry = entries[3]
    elements = protocol.unpack(entry.header, around=1)

    def read(wire):
        protocol.verify_entry(protocol.read_entry(wire), bytes(ANN.verify_key))

    def with_header(header):
        """A mutated header with a true signature and, when there is room, a true body hash."""
        header = header[:-32] + protocol.hash_of("body", b"x")
        return header + ANN.sign(protocol.domain("entry") + header).signature + b"x"

    records = [build_entry(elements, b"x", ANN)]
    records += [with_header(header) for header in mutants(chance, entry.header, 2500)]
    records += mutants(chance, entry.wire, 500)
    for place, wrong in (
        (0, 0), (0, 2), (1, 0), (1, 2), (1, 3), (1, 4), (2, b"u" * 31), (4, protocol.MEMBER_LOG), (6, 0), (6, 2**63),
        (6, 2**63 - 1), (7, b"r" * 16), (8, [[entry.writer, 1, b"h" * 32]]), (8, [[b"w" * 16, 0, b"h" * 32]]), (8, None),
        (9, None), (9, b"e" * 16), (10, b"b" * 33), (10, b""), (10, b"b" * 32 * 16384), (10, b"b" * 32 * 16385),
    ):
        records.append(build_entry([*elements[:place], wrong, *elements[place + 1 :]], b"x", ANN))
    deep = [[[[[[[[]]]]]]]]
    for more in ([1], [deep], [[deep]]):
        records.append(build_entry([2, *elements[1:]], b"x", ANN, more))
        records.append(build_entry(elements, b"x", ANN, more))
    records.append(build_entry([2, *elements[1:9]], b"x", ANN))
    assert_same_verdicts("entry", [bytes(ANN.verify_key)], records, read)


def test_python_entries_are_taken(entries):
    body = pack([5, 0, 1, 1, [], [], []])
    random_bytes = b"random bytes 16."
    device = protocol.device_id(bytes(BOB.verify_key))
    writer = protocol.writer_id(USER, device, COLLECTION, random_bytes)
    elements = [1, 1, USER, device, COLLECTION, writer, 1, random_bytes, [list(entries[1].head)], b"e" * 32, b""]
    wire = build_entry(elements, body, BOB)
    assert probe("entry", [bytes(BOB.verify_key), wire]) == b"y\n"
    assert probe("body", [wire, body]) == b"y\n"
