# SPDX-License-Identifier: Apache-2.0
"""Contents, blobs, keys, membership, pairing: what the product writes, the independent program reads, and the reverse."""

import os
import random
import struct
import subprocess

import pytest

import protocol_crypto as crypto
from protocol import Malformed

PROBE = os.environ["CF_CRYPTO_PROBE"]


def padded(text, size):
    return text.encode().ljust(size, b"\0")


OLD_KEY, NEW_KEY = b"an older content key, 32 bytes..", b"the content key in use, 32 bytes"
OLD_EPOCH, NEW_EPOCH = padded("older epoch", 32), padded("epoch in use", 32)
COLLECTION = padded("collection", 16)
HEADER = b"the header up to its last element"
SECRET = b"thirty-two random bytes, perhaps"
ACCOUNT, DEVICE = crypto.account_of(b"sixteen bytes .."), crypto.Identity(b"the seed of a device, 32 bytes..")
USER = ACCOUNT.id
PAIRING = crypto.Pairing(SECRET)
PATTERN = bytes((i * 7 + (i >> 9)) & 255 for i in range(200000))
HEADS = [(padded("writer a", 16), 3, padded("x", 32)), (padded("writer b", 16), 1, padded("y", 32))]


def record(data):
    return struct.pack(">I", len(data)) + data


def product_takes(pairs):
    """The product's verdicts over (word, bytes)."""
    data = b"".join(record(word.encode()) + record(data) for word, data in pairs)
    done = subprocess.run([PROBE, "read"], input=data, stdout=subprocess.PIPE, check=True, timeout=60)
    return [line == "y" for line in done.stdout.decode().split()]


@pytest.fixture(scope="module")
def written():
    data = subprocess.run([PROBE, "write"], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    records = []
    while data:
        size = struct.unpack(">I", data[:4])[0]
        records.append(data[4 : 4 + size])
        data = data[4 + size :]
    return {name.decode(): value for name, value in zip(records[::2], records[1::2])}


def changed(data, chance):
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(7)]) + data[at + 1 :]


def test_keys_and_ids(written):
    assert written["phrase"].decode() == crypto.phrase_of(b"sixteen bytes ..")
    assert crypto.secret_of_phrase(written["phrase"].decode().upper()) == b"sixteen bytes .."
    assert written["account"] == b"".join(ACCOUNT.keys)
    assert written["device"] == b"".join(DEVICE.keys)
    crypto.check_proof(DEVICE.keys, USER, written["proof"])
    assert written["proof"] == DEVICE.prove(USER)
    assert written["fingerprint"].decode() == crypto.fingerprint(DEVICE.id)
    assert written["commitment"] == crypto.commitment_of(USER, NEW_KEY)
    assert written["collection id"] == crypto.collection_id(OLD_KEY, "notes")
    assert written["lock key"] == crypto.CollectionKeys(NEW_KEY, COLLECTION).lock


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 200000])
def test_content_hashes(written, size):
    assert written[f"content {size}"] == crypto.content_hash(PATTERN[:size])


def test_bodies_open(written):
    assert crypto.open_body(NEW_KEY, COLLECTION, HEADER, written["body"]) == PATTERN
    assert len(written["body"]) < len(PATTERN) / 10
    assert crypto.open_body(NEW_KEY, COLLECTION, HEADER, written["short body"]) == PATTERN[:3]
    for key, collection, header in (
        (OLD_KEY, COLLECTION, HEADER),
        (NEW_KEY, bytes(16), HEADER),
        (NEW_KEY, COLLECTION, HEADER[:-1]),
    ):
        with pytest.raises(Malformed):
            crypto.open_body(key, collection, header, written["body"])


def test_what_does_not_shrink_is_sealed_to_the_same_bytes(written):
    assert crypto.seal_body(NEW_KEY, COLLECTION, HEADER, PATTERN[:3]) == written["short body"]


def test_blobs_open(written):
    id, blob = written["blob id"], written["blob"]
    assert crypto.open_blob(USER, COLLECTION, {NEW_EPOCH: NEW_KEY}.get, id, blob) == PATTERN
    for user, collection in ((bytes(32), COLLECTION), (USER, bytes(16))):
        with pytest.raises(Malformed):
            crypto.open_blob(user, collection, {NEW_EPOCH: NEW_KEY}.get, id, blob)


def test_openings_and_accesses_open(written):
    opening = crypto.read_member(written["epoch"]).opening
    for device, identity in ((USER, ACCOUNT), (DEVICE.id, DEVICE)):
        key, earlier = crypto.open_opening(USER, opening, device, identity)
        assert key == NEW_KEY and earlier == {OLD_EPOCH: OLD_KEY}
    add = crypto.read_member(written["add"])
    crypto.check_proof(add.keys, USER, add.proof)
    assert add.role == crypto.MEMBER_ROLE and add.keys == DEVICE.keys and add.access[0] == NEW_EPOCH
    assert crypto.unseal_key(USER, crypto.commitment_of(USER, NEW_KEY), add.access[1], DEVICE) == NEW_KEY
    home = crypto.read_member(written["home"])
    assert (home.generation, home.address) == (3, "tcp://broker.example:7817#key")
    assert crypto.read_member(written["leave"]).heads == HEADS


def test_addresses_and_codes(written):
    broker = ("broker.example", 7817, DEVICE.keys[1])
    assert crypto.read_address(written["address"].decode()) == broker
    assert crypto.write_address(*broker) == written["address"].decode()
    code = crypto.Code(*broker, USER, SECRET, 1700000600000)
    assert crypto.read_code(written["code"].decode()) == code
    assert crypto.write_code(code) == written["code"].decode()
    assert crypto.read_code(written["invitation"].decode()).user is None
    with pytest.raises(Malformed):
        crypto.read_code(written["code"].decode().replace("a", "b", 1))


def test_pairing(written):
    assert written["guest"] == PAIRING.guest
    assert PAIRING.open_knock(None, written["knock of a new user"]) == b"an entry"
    assert PAIRING.open_knock(USER, written["knock"]) == ("laptop", DEVICE.keys, DEVICE.prove(USER))
    assert PAIRING.knock(USER, "laptop", DEVICE) == written["knock"]
    assert PAIRING.open_admit(written["knock"], written["admit"]) == (USER, crypto.MEMBER_ROLE, HEADS[:1])
    with pytest.raises(Malformed):
        PAIRING.open_admit(written["knock of a new user"], written["admit"])


def sealed_here():
    """Of each kind one by the independent program."""
    recipients = [(DEVICE.id, DEVICE.keys[2]), (USER, ACCOUNT.keys[2])]
    next_key = b"the content key to come, 32 byte"
    earlier = [(OLD_EPOCH, OLD_KEY), (NEW_EPOCH, NEW_KEY)]
    fresh = [bytes([9]) * 32, bytes([8]) * 32]
    opening = crypto.make_opening(USER, next_key, recipients, earlier, fresh)
    commitment = crypto.commitment_of(USER, NEW_KEY)
    access = [NEW_EPOCH, crypto.seal_key(USER, commitment, NEW_KEY, DEVICE.keys[2], fresh[0])]
    proof = DEVICE.prove(USER)
    add = crypto.Operation(crypto.ADD, 1, keys=DEVICE.keys, proof=proof, role=crypto.OWNER, access=access)
    code = crypto.Code("broker.example", 7817, DEVICE.keys[1], USER, SECRET, 1700000600000)
    return {
        "body": crypto.seal_body(NEW_KEY, COLLECTION, HEADER, PATTERN),
        "blob": crypto.seal_blob(USER, COLLECTION, NEW_EPOCH, NEW_KEY, PATTERN),
        "opening": crypto.write_member(crypto.Operation(crypto.EPOCH, 5, opening=opening)),
        "add": crypto.write_member(add),
        "knock": PAIRING.knock(USER, "laptop", DEVICE),
        "admit": PAIRING.admit(b"a knock", USER, crypto.OWNER, HEADS),
        "code": crypto.write_code(code).encode(),
    }


def test_the_product_takes_what_is_sealed_here_and_nothing_changed():
    chance = random.Random(7)
    good = list(sealed_here().items())
    bad = [(word, changed(data, chance)) for word, data in good for _ in range(40)]
    bad += [(word, data[: chance.randrange(len(data))]) for word, data in good for _ in range(40)]
    # of an opening or an `add` some bytes are not this device's business; capitals in a code mean nothing
    bad = [(word, data) for word, data in bad if word not in ("opening", "add") and (word, data.lower()) not in good]
    verdicts = product_takes(good + bad)
    assert all(verdicts[: len(good)]), [word for (word, _), taken in zip(good, verdicts) if not taken]
    assert not any(verdicts[len(good) :])


def test_the_product_takes_uncompressed_and_padded_bodies_and_blobs():
    options = ({"compress": False}, {"padding": 1000}, {"compress": False, "padding": 3})
    bodies = [("body", crypto.seal_body(NEW_KEY, COLLECTION, HEADER, PATTERN, **each)) for each in options]
    blobs = [("blob", crypto.seal_blob(USER, COLLECTION, NEW_EPOCH, NEW_KEY, PATTERN, **each)) for each in options]
    assert all(product_takes(bodies + blobs))


def an_operation_of_each_kind():
    opening = [bytes(32), [[bytes([n]) * 32, bytes(80)] for n in range(3)], b"earlier"]
    values = dict(
        keys=DEVICE.keys, proof=bytes(64), role=2, access=[bytes(32), bytes(80)], device=bytes(32), heads=HEADS,
        opening=opening, revocation=bytes(32), generation=1, address="tcp://x:1#k",
    )  # fmt: skip
    operations = [crypto.Operation(kind, 1700000000000, **values) for kind in crypto.SHAPES]
    operations.append(crypto.Operation(crypto.ROLE, 1, **{**values, "opening": None}))
    operations.append(crypto.Operation(crypto.ADD, 1, **{**values, "role": crypto.RELAY, "access": None}))
    shares = [bytes(32), [[bytes([n]) * 16, bytes(80)] for n in range(3)]]
    operations.append(crypto.Operation(crypto.GRANT, 1, **{**values, "access": shares}))
    return [crypto.write_member(operation) for operation in operations]


def accepts(read, data):
    try:
        read(data)
    except Malformed:
        return False
    return True


def test_both_take_and_refuse_the_same_member_operations():
    chance = random.Random(11)
    good = an_operation_of_each_kind()
    bad = [changed(data, chance) for data in good for _ in range(150)]
    bad += [changed(data[:40], chance) + data[40:] for data in good for _ in range(150)]
    bad += [data[:at] + data[at + 1 :] for data in good for at in range(0, len(data), 7)]
    theirs = product_takes([("member", data) for data in good + bad])
    ours = [accepts(crypto.read_member, data) for data in good + bad]
    assert all(theirs[: len(good)])
    assert [data.hex() for data, a, b in zip(good + bad, theirs, ours) if a != b] == []
    assert True in ours[len(good) :] and False in ours
