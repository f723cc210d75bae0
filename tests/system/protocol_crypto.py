# SPDX-License-Identifier: Apache-2.0
"""Contents, blobs, keys, membership and pairing, written from codec/PROTOCOL.md 4, 5, 8, 9 and 10 and from nothing else.

Secrets are plain bytes here: this program is for tests."""

import base64
import ctypes
import dataclasses
import hashlib

import nacl.bindings
import nacl.exceptions
import nacl.signing

from protocol import (
    BLOBS_MAX,
    TIME_MAX,
    Malformed,
    ascending,
    check_references,
    domain,
    hash_of,
    is_array,
    is_bin,
    is_uint,
    pack,
    require,
    unpack,
    verify_signature,
)

# ---- 4. The content hash ---------------------------------------------------------------------------------------------

LEAF_SIZE = 65536


def leaf_hashes(content):
    return [hash_of("leaf", content[at : at + LEAF_SIZE]) for at in range(0, len(content), LEAF_SIZE)]


def content_hash(content):
    return hash_of("content", *leaf_hashes(content), len(content).to_bytes(8, "big"))


def join_slices(slices, plain_of_blob):
    """The bytes of a checked list of slices; `plain_of_blob(place)` gives a blob's plain bytes."""
    parts = []
    for slice in slices:
        if len(slice) == 1:
            parts.append(bytes(slice[0]))
            continue
        blob, offset, length = slice
        part = plain_of_blob(blob)[offset : offset + length]
        require(len(part) == length, "a slice goes beyond its blob")
        parts.append(part)
    return b"".join(parts)


def content_bytes(reference, plain_of_blob, patched=None):
    """What a checked content reference says; `patched(base hash, patch, size)` applies a patch."""
    hash, size, _, how = reference
    base = None
    if is_array(how) and is_bin(how[0]):
        base, how = how
    data = how if is_bin(how) else join_slices(how, plain_of_blob)
    if base is not None:
        data = patched(base, data, size)
    require(len(data) == size and content_hash(data) == hash, "another content")
    return data


# ---- 8. Keys ---------------------------------------------------------------------------------------------------------


def derive(key, purpose, context=b""):
    return hashlib.blake2b(domain(purpose) + context, key=key, digest_size=32).digest()


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def unbase32(text):
    text = "".join(text.split()).replace("-", "").upper()
    data = base64.b32decode(text + "=" * (-len(text) % 8))
    require(base32(data).upper() == text, "bits left over")
    return data


def phrase_of(secret):
    letters = base32(secret + hash_of("recovery phrase", secret)[:4])
    return " ".join(letters[at : at + 4] for at in range(0, 32, 4))


def secret_of_phrase(phrase):
    data = unbase32(phrase)
    require(len(data) == 20 and hash_of("recovery phrase", data[:16])[:4] == data[16:], "a recovery phrase")
    return data[:16]


class Identity:
    """A device, an account or a broker, from its seed."""

    def __init__(self, seed):
        self.signing = nacl.signing.SigningKey(derive(seed, "signing"))
        self.curve_secret = derive(seed, "curve")
        self.sealing_secret = derive(seed, "sealing")
        self.keys = [
            bytes(self.signing.verify_key),
            nacl.bindings.crypto_scalarmult_base(self.curve_secret),
            nacl.bindings.crypto_scalarmult_base(self.sealing_secret),
        ]
        self.id = hash_of("device", self.keys[0])

    def sign(self, purpose, data):
        return self.signing.sign(domain(purpose) + data).signature

    def prove(self, user):
        return self.sign("join", user + b"".join(self.keys))


def account_of(secret):
    return Identity(derive(secret + bytes(16), "account"))


def exchange(secret, public):
    """X25519; a point of low order is refused."""
    try:
        return nacl.bindings.crypto_scalarmult(secret, public)
    except nacl.exceptions.CryptoError as error:
        raise Malformed("a key of low order") from error


def check_proof(keys, user, proof):
    require(nacl.bindings.crypto_core_ed25519_is_valid_point(keys[0]), "a signing key")
    for key in keys[1:]:
        exchange(bytes([1]) + bytes(31), key)
    verify_signature("join", keys[0], proof, user + b"".join(keys))


def commitment_of(user, key):
    return hash_of("commitment", user, key)


def collection_id(first_key, name, number=0):
    label = f"{name}\0{number}" if number else name
    return derive(first_key, "collection id", label.encode())[:16]


class CollectionKeys:
    def __init__(self, content_key, collection):
        key = derive(content_key, "collection key", collection)
        self.body, self.blob, self.nonce, self.lock = (
            derive(key, purpose) for purpose in ("body key", "blob key", "nonce key", "lock key")
        )


# ---- 8. Sealing ------------------------------------------------------------------------------------------------------

NONCE_SIZE, TAG_SIZE = 24, 16


def seal(key, nonce_key, associated, plain):
    both = hashlib.sha256(associated).digest() + hashlib.sha256(plain).digest()
    nonce = derive(nonce_key, "nonce", both)[:NONCE_SIZE]
    return nonce + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, associated, nonce, key)


def unseal(key, associated, sealed):
    require(len(sealed) >= NONCE_SIZE + TAG_SIZE, "sealed bytes are cut short")
    nonce, rest = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:]
    try:
        return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(rest, associated, nonce, key)
    except nacl.exceptions.CryptoError as error:
        raise Malformed("it doesn't open") from error


ZSTD = ctypes.CDLL("libzstd.so.1")
for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_findFrameCompressedSize", "ZSTD_compressBound"):
    getattr(ZSTD, name).restype = ctypes.c_size_t
ZSTD.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def zstd_compress(plain, level=3):
    room = ZSTD.ZSTD_compressBound(ctypes.c_size_t(len(plain)))
    out = ctypes.create_string_buffer(room)
    size = ZSTD.ZSTD_compress(out, ctypes.c_size_t(room), plain, ctypes.c_size_t(len(plain)), level)
    assert not ZSTD.ZSTD_isError(ctypes.c_size_t(size))
    return out.raw[:size]


def zstd_decompress(data, size):
    """Exactly one frame that declares and gives `size` bytes."""
    length = ctypes.c_size_t(len(data))
    require(size > 0 and data[:4] == ZSTD_MAGIC, "no zstd frame")
    require(ZSTD.ZSTD_getFrameContentSize(data, length) == size, "another size is declared")
    require(ZSTD.ZSTD_findFrameCompressedSize(data, length) == len(data), "not one frame")
    out = ctypes.create_string_buffer(size)
    got = ZSTD.ZSTD_decompress(out, ctypes.c_size_t(size), data, length)
    require(got == size, "damaged zstd data")
    return out.raw


def frame(plain, compress=True, padding=0):
    packed = zstd_compress(plain) if compress and plain else plain
    method, data = (1, packed) if len(packed) < len(plain) else (0, plain)
    head = (5 + len(data)).to_bytes(4, "big") + bytes([method]) + len(plain).to_bytes(4, "big")
    return head + data + bytes(padding)


def unframe(data, most):
    require(len(data) >= 9, "a frame is cut short")
    length, method, size = int.from_bytes(data[:4], "big"), data[4], int.from_bytes(data[5:9], "big")
    require(5 <= length <= len(data) - 4, "a frame's length")
    require(not any(data[4 + length :]), "padding")
    require(size <= most and method in (0, 1), "a frame's size or method")
    data = data[9 : 4 + length]
    if method == 1:
        return zstd_decompress(data, size)
    require(len(data) == size, "a frame's data")
    return data


PLAIN_MAX = 16 * 2**20
SEAL_OVERHEAD = 24 + 16


BODY_GROWTH_MAX, BODY_GROWTH_FREE = 1024, 65536


def body_most(sealed):
    """What a body of so many sealed bytes opens to at most."""
    return min(PLAIN_MAX, BODY_GROWTH_MAX * sealed + BODY_GROWTH_FREE)


def seal_body(content_key, collection, sealed_under, plain, **options):
    keys = CollectionKeys(content_key, collection)
    framed = frame(plain, **options)
    least = -(-max(0, len(plain) - BODY_GROWTH_FREE) // BODY_GROWTH_MAX) - SEAL_OVERHEAD
    framed += bytes(max(0, least - len(framed)))
    return seal(keys.body, keys.nonce, domain("body") + sealed_under, framed)


def open_body(content_key, collection, sealed_under, body):
    keys = CollectionKeys(content_key, collection)
    return unframe(unseal(keys.body, domain("body") + sealed_under, body), body_most(len(body)))


# ---- 5. Blobs --------------------------------------------------------------------------------------------------------

BLOB_FORMAT = b"\x01"


def blob_id(sealed):
    return hashlib.sha256(sealed).digest()


def seal_blob(user, collection, epoch, content_key, piece, **options):
    keys = CollectionKeys(content_key, collection)
    associated = domain("blob") + user + collection + BLOB_FORMAT + epoch
    return BLOB_FORMAT + epoch + seal(keys.blob, keys.nonce, associated, frame(piece, **options))


def open_blob(user, collection, content_key_of, id, sealed):
    """`content_key_of(epoch)` gives the content key."""
    require(blob_id(sealed) == id, "not the blob of this name")
    require(sealed[:1] == BLOB_FORMAT and len(sealed) >= 33, "a blob")
    epoch = sealed[1:33]
    keys = CollectionKeys(content_key_of(epoch), collection)
    associated = domain("blob") + user + collection + BLOB_FORMAT + epoch
    return unframe(unseal(keys.blob, associated, sealed[33:]), PLAIN_MAX)


def piece_size(size):
    piece = 256 * 1024
    while piece < PLAIN_MAX and piece * BLOBS_MAX < size:
        piece *= 2
    return piece


# ---- 9. Membership ---------------------------------------------------------------------------------------------------

FIRST, ADD, EPOCH, GRANT, REVOKE, ANNUL, LEAVE, HOME, ROLE = range(1, 10)
OWNER, MEMBER_ROLE, READER, RELAY = range(1, 5)
RECIPIENTS_MAX, SHARES_MAX, EPOCHS_MAX, HEADS_MAX, ADDRESS_MAX = 1024, 1024, 4096, 8192, 512
SEALED_KEY_SIZE = 80


@dataclasses.dataclass
class Operation:
    kind: int
    ms: int
    keys: list = None
    proof: bytes = None
    role: int = None
    access: list = None
    device: bytes = None
    heads: list = None
    opening: list = None
    revocation: bytes = None
    generation: int = None
    address: str = None


def check_keys(value):
    require(is_array(value, 3) and all(is_bin(key, 32) for key in value), "keys")
    return value


def check_role(value):
    require(is_uint(value) and OWNER <= value <= RELAY, "a role")
    return value


def check_sealed_keys(value, name_size, most):
    require(is_array(value) and len(value) <= most, "sealed keys")
    for pair in value:
        require(is_array(pair, 2) and is_bin(pair[0], name_size) and is_bin(pair[1], SEALED_KEY_SIZE), "a sealed key")
    require(ascending([pair[0] for pair in value]), "sealed keys are not ascending")


def check_opening(value):
    require(is_array(value, 3) and is_bin(value[0], 32) and is_bin(value[2]), "an opening")
    check_sealed_keys(value[1], 32, RECIPIENTS_MAX)
    require(len(value[2]) <= EPOCHS_MAX * 64 + 128, "too many earlier keys")
    return value


def check_access(value):
    if value is None:
        return None
    require(is_array(value, 2) and is_bin(value[0], 32), "an access")
    if not is_bin(value[1], SEALED_KEY_SIZE):
        check_sealed_keys(value[1], 16, SHARES_MAX)
    return value


def check_heads(value):
    return check_references(value, 32, HEADS_MAX)


def check_address(value):
    require(type(value) is str and 1 <= len(value.encode()) <= ADDRESS_MAX, "an address")
    return value


def check_bin(size):
    def check(value):
        require(is_bin(value, size), "a bin of another size")
        return value

    return check


def check_generation(value):
    require(is_uint(value) and value > 0, "a generation")
    return value


PARTS = {
    "keys": check_keys,
    "proof": check_bin(64),
    "role": check_role,
    "access": check_access,
    "device": check_bin(32),
    "heads": check_heads,
    "opening": check_opening,
    "revocation": check_bin(32),
    "generation": check_generation,
    "address": check_address,
}
SHAPES = {
    FIRST: ("keys", "opening"),
    ADD: ("keys", "proof", "role", "access"),
    EPOCH: ("opening",),
    GRANT: ("device", "access"),
    REVOKE: ("device", "heads", "opening"),
    ANNUL: ("revocation",),
    LEAVE: ("heads",),
    HOME: ("generation", "address"),
    ROLE: ("device", "role", "heads", "opening"),
}


def read_member(body):
    elements = unpack(body)
    require(is_array(elements) and len(elements) >= 2, "a member operation")
    kind, ms = elements[:2]
    require(is_uint(kind) and kind in SHAPES and is_uint(ms, TIME_MAX), "operation or time")
    require(len(elements) == 2 + len(SHAPES[kind]), "parts of an operation")
    operation = Operation(kind, ms)
    for name, value in zip(SHAPES[kind], elements[2:]):
        if not (kind == ROLE and name == "opening" and value is None):
            value = PARTS[name](value)
        setattr(operation, name, value)
    if kind == ADD:
        require((operation.access is None) == (operation.role == RELAY), "only a relay gets no key")
    require(kind != GRANT or operation.access is not None, "nothing is granted")
    return operation


def write_member(operation):
    return pack([operation.kind, operation.ms] + [getattr(operation, name) for name in SHAPES[operation.kind]])


def envelope_key(shared, user, commitment, fresh, recipient):
    return derive(shared, "envelope", user + commitment + fresh + recipient)


def seal_key(user, commitment, key, recipient, fresh_secret):
    fresh = nacl.bindings.crypto_scalarmult_base(fresh_secret)
    once = envelope_key(exchange(fresh_secret, recipient), user, commitment, fresh, recipient)
    return fresh + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(key, None, bytes(NONCE_SIZE), once)


def unseal_key(user, commitment, sealed, identity):
    fresh = sealed[:32]
    once = envelope_key(exchange(identity.sealing_secret, fresh), user, commitment, fresh, identity.keys[2])
    return unseal(once, None, bytes(NONCE_SIZE) + sealed[32:])


def earlier_domain(user, commitment):
    return domain("earlier keys") + user + commitment


def make_opening(user, content_key, recipients, earlier, fresh_secrets):
    """`recipients`: (device, sealing key); `earlier`: (epoch, content key)."""
    commitment = commitment_of(user, content_key)
    sealed = [
        [device, seal_key(user, commitment, content_key, key, fresh)]
        for (device, key), fresh in zip(recipients, fresh_secrets)
    ]
    pairs = b"".join(epoch + key for epoch, key in earlier)
    if pairs:
        nonce_key = derive(content_key, "earlier keys nonce")
        pairs = seal(derive(content_key, "earlier keys"), nonce_key, earlier_domain(user, commitment), pairs)
    return [commitment, sorted(sealed), pairs]


def open_earlier(user, opening, content_key):
    """{epoch: content key}; whether they fit their commitments is the caller's to check."""
    commitment, _, earlier = opening
    if not earlier:
        return {}
    pairs = unseal(derive(content_key, "earlier keys"), earlier_domain(user, commitment), earlier)
    require(len(pairs) % 64 == 0 and len(pairs) // 64 <= EPOCHS_MAX, "earlier keys")
    return {pairs[at : at + 32]: pairs[at + 32 : at + 64] for at in range(0, len(pairs), 64)}


def open_opening(user, opening, device, identity):
    """The epoch's content key, and {epoch: key} of earlier ones; None, {} when not addressed to the device."""
    commitment, recipients, _ = opening
    sealed = dict(map(tuple, recipients)).get(device)
    if sealed is None:
        return None, {}
    key = unseal_key(user, commitment, sealed, identity)
    require(commitment_of(user, key) == commitment, "not the key committed to")
    return key, open_earlier(user, opening, key)


# ---- 10. Addresses, codes and pairing --------------------------------------------------------------------------------


def write_address(host, port, key):
    return f"tcp://{host}:{port}#{base32(key)}"


def read_address(line):
    place, _, key = line.strip().removeprefix("tcp://").partition("#")
    host, _, port = place.rpartition(":")
    key = unbase32(key)
    require(line.strip().startswith("tcp://") and host and 0 < int(port) < 65536 and len(key) == 32, "an address")
    return host, int(port), key


@dataclasses.dataclass
class Code:
    host: str
    port: int
    key: bytes
    user: bytes  # None in an invitation
    secret: bytes
    expires: int


def write_code(code):
    packed = pack([1, code.host, code.port, code.key, code.user, code.secret, code.expires])
    return base32(packed + hash_of("code", packed)[:4])


def read_code(line):
    data = unbase32(line)
    packed, check = data[:-4], data[-4:]
    require(hash_of("code", packed)[:4] == check, "a code that is cut or mistyped")
    version, *parts = unpack(packed)
    require(version == 1 and len(parts) == 6, "a code of a newer program")
    return Code(*parts)


KNOCK_MAX, ADMIT_HEADS_MAX = 65536, 512


class Pairing:
    """What comes from a code's secret."""

    def __init__(self, secret):
        self.secret = secret
        self.guest_secret = derive(secret, "guest")
        self.guest = nacl.bindings.crypto_scalarmult_base(self.guest_secret)

    def seal(self, word, plain):
        key, nonce_key = derive(self.secret, f"{word} key"), derive(self.secret, f"{word} nonce key")
        return seal(key, nonce_key, domain(word), plain)

    def open(self, word, sealed):
        require(len(sealed) <= KNOCK_MAX, "too large")
        return unpack(unseal(derive(self.secret, f"{word} key"), domain(word), sealed))

    def knock(self, user, name, identity):
        return self.seal("knock", pack([1, name, *identity.keys, identity.prove(user)]))

    def knock_invited(self, first_entry):
        return self.seal("knock", pack([2, first_entry]))

    def open_knock(self, user, sealed):
        """Name, keys, proof; with an invitation (no user) the first entry."""
        kind, *parts = self.open("knock", sealed)
        if user is None:
            require(kind == 2 and len(parts) == 1 and is_bin(parts[0]), "a KNOCK with an invitation")
            return parts[0]
        require(kind == 1 and len(parts) == 5 and type(parts[0]) is str, "a KNOCK of a device")
        name, keys, proof = parts[0], check_keys(parts[1:4]), check_bin(64)(parts[4])
        require(1 <= len(name.encode()) <= 255, "a name")
        check_proof(keys, user, proof)
        return name, keys, proof

    def admit(self, knock, user, role, heads):
        return self.seal("admit", pack([hash_of("knock", knock), user, role, [list(head) for head in heads]]))

    def open_admit(self, knock, sealed):
        answered, user, role, heads = self.open("admit", sealed)
        require(answered == hash_of("knock", knock), "it answers another KNOCK")
        require(is_bin(user, 32), "a user")
        return user, check_role(role), check_references(heads, 32, ADMIT_HEADS_MAX)


def fingerprint(device):
    letters = base32(device[:10])
    return "-".join(letters[at : at + 4] for at in range(0, 16, 4))
