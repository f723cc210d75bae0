# SPDX-License-Identifier: Apache-2.0
"""The Counterfoil protocol, read by an independent program: written from codec/PROTOCOL.md alone, a part of this file
for each of its sections. It reads for correctness, not for speed."""

import dataclasses
import hashlib
import math

import msgpack
import nacl.exceptions
import nacl.signing


class Malformed(Exception):
    """Bytes that break a rule of the protocol."""


class Newer(Exception):
    """Something that only a program of a later version can read."""


def require(holds, what):
    if not holds:
        raise Malformed(what)


# ---- 1. Canonical msgpack --------------------------------------------------------------------------------------------

DEPTH_MAX = 8


class Map(list):
    """A map as the list of its (key, value) pairs, in their order."""


def pack(value):
    """The canonical encoding. Keys of a Map are taken in the order they have."""
    packer = msgpack.Packer(use_bin_type=True)
    if isinstance(value, Map):
        return packer.pack_map_header(len(value)) + b"".join(pack(part) for pair in value for part in pair)
    if isinstance(value, (list, tuple)):
        return packer.pack_array_header(len(value)) + b"".join(pack(part) for part in value)
    return packer.pack(value)


def check_value(value, depth=DEPTH_MAX):
    """What re-encoding does not show: depth, order of keys, types and numbers that have no place."""
    if isinstance(value, (Map, list)):
        require(depth > 0, "nested too deep")
        for part in value:
            for inner in part if isinstance(value, Map) else [part]:
                check_value(inner, depth - 1)
    if isinstance(value, Map):
        keys = [pack(key) for key, _ in value]
        require(all(a < b for a, b in zip(keys, keys[1:])), "keys are not ascending")
    elif isinstance(value, float):
        require(not math.isnan(value), "not a number")
    else:
        require(value is None or isinstance(value, (bool, int, str, bytes, list)), "a type that has no place")


def unpack_first(data, around=0):
    """The first value in the bytes, and its encoded size. `around` is how many arrays stand around values in it."""
    most = len(data)  # of any count or length
    unpacker = msgpack.Unpacker(
        raw=False, strict_map_key=False, object_pairs_hook=Map, max_buffer_size=most, max_str_len=most,
        max_bin_len=most, max_array_len=most, max_map_len=most, max_ext_len=most,
    )
    unpacker.feed(data)
    try:
        value = unpacker.unpack()
    except (msgpack.exceptions.UnpackException, ValueError, RecursionError) as error:  # ValueError: also not UTF-8
        raise Malformed(f"no value: {error}") from error
    size = unpacker.tell()
    check_value(value, around + DEPTH_MAX)
    require(pack(value) == bytes(data[:size]), "not canonical")
    return value, size


def unpack(data, around=0):
    """Exactly one canonical value."""
    value, size = unpack_first(data, around)
    require(size == len(data), "bytes behind the value")
    return value


def is_uint(value, most=2**64 - 1):
    return type(value) is int and 0 <= value <= most


def is_bin(value, size=None):
    return type(value) is bytes and (size is None or len(value) == size)


def is_array(value, size=None):
    return type(value) is list and (size is None or len(value) == size)


def ascending(values):
    return all(a < b for a, b in zip(values, values[1:]))


# ---- 2. Ids and hashes -----------------------------------------------------------------------------------------------

SEQUENCE_MAX = 2**63 - 1
MEMBER_LOG = b"member log".ljust(16, b"\0")
CATALOG = b"catalog".ljust(16, b"\0")


def domain(purpose):
    return b"counterfoil/1 " + purpose.encode() + b"\0"


def hash_of(purpose, *parts):
    return hashlib.sha256(domain(purpose) + b"".join(parts)).digest()


def device_id(signing_key):
    return hash_of("device", signing_key)


def writer_id(user, device, collection, random):
    return hash_of("writer", user, device, collection, random)[:16]


def verify_signature(purpose, signing_key, signature, data):
    try:
        nacl.signing.VerifyKey(signing_key).verify(domain(purpose) + data, signature)
    except nacl.exceptions.BadSignatureError as error:
        raise Malformed("forged") from error


def check_reference(value, hash_size):
    """A head (hash of 32 bytes) or a dot (16), as a tuple that orders as the text says."""
    require(is_array(value, 3), "a head or dot has three elements")
    writer, sequence, hash = value
    require(is_bin(writer, 16) and is_bin(hash, hash_size), "a head or dot of other sizes")
    require(is_uint(sequence, SEQUENCE_MAX) and sequence > 0, "a sequence")
    return (writer, sequence, hash)


def check_references(values, hash_size, limit):
    require(is_array(values) and len(values) <= limit, "heads or dots")
    references = [check_reference(value, hash_size) for value in values]
    require(ascending(references), "heads or dots are not ascending")
    return references


# ---- 3. Items, fields and values -------------------------------------------------------------------------------------

FIELD_MAX = 1024
NAME_MAX = 255
ROOT = bytes(16)


def is_file(item):
    return item[:1] in (b"d", b"f", b"l") or item == ROOT


def check_field(field):
    require(type(field) is str and len(field.encode()) <= FIELD_MAX, "a field")
    require(field == "" or field[0] == "/", "a field begins with /")
    require("~" not in field.replace("~0", "").replace("~1", ""), "a ~ in a field")


def check_name(name):
    require(is_bin(name) and 1 <= len(name) <= NAME_MAX, "a name")
    require(b"/" not in name and b"\0" not in name and name not in (b".", b".."), "a name")


def is_record(item):
    return item[:1] in (b"c", b"e", b"t", b"r", b"j")


def has_content(item, field, value):
    """Whether a content stands in the value's place."""
    if is_record(item):
        return is_array(value) and len(value) > 0 and is_bin(value[0], 32)
    return is_file(item) and field == "/content"


def check_item_value(item, field, value, blob_count):
    if is_record(item) and has_content(item, field, value):
        check_content(value, blob_count)
    if not is_file(item):
        return
    if field == "/kind":
        require(type(value) is str and value.encode() == item[:1], "a kind")
    elif field == "/parent":
        require(is_bin(value, 16), "a parent")
    elif field == "/name":
        check_name(value)
    elif field == "/mode":
        require(is_uint(value, 0o777), "a mode")
    elif field == "/mtime":
        require(type(value) is int and value <= 2**63 - 1, "an mtime")
    elif field == "/content":
        check_content(value, blob_count)


# ---- 4. Content references and the content hash ----------------------------------------------------------------------


FILE_MAX = 256 * 2**30
INLINE_MAX = 65536
PIECE_MAX = 16 * 2**20
DEPTH_LARGE = 64 * 2**20


def check_slices(slices, blob_count):
    """How many bytes the slices make."""
    require(is_array(slices) and slices, "slices")
    end, total = None, 0
    for slice in slices:
        require(is_array(slice) and len(slice) in (1, 3) and all(map(is_uint, slice)), "a slice")
        length = slice[-1]
        require(0 < length <= FILE_MAX, "a slice's length")
        total += length
        zeros = len(slice) == 1
        require(end != ("zeros" if zeros else tuple(slice[:2])), "neighbours that are not joined")
        require(zeros or (slice[0] < blob_count and slice[1] + length <= PIECE_MAX), "a slice goes beyond its blob")
        end = "zeros" if zeros else (slice[0], slice[1] + length)
    require(total <= FILE_MAX, "slices of too many bytes")
    return total


def check_bytes(value, blob_count):
    """How many bytes are there, inline or in slices."""
    require(not is_bin(value) or len(value) <= INLINE_MAX, "too many bytes inline")
    return len(value) if is_bin(value) else check_slices(value, blob_count)


def check_how(how, blob_count):
    """Whether it is a patch, and how many bytes it has."""
    if is_array(how) and how and is_bin(how[0]):
        require(is_array(how, 2) and is_bin(how[0], 32), "a patch")
        size = check_bytes(how[1], blob_count)
        require(size > 0, "an empty patch")
        return True, size
    return False, check_bytes(how, blob_count)


def check_content(value, blob_count):
    require(is_array(value, 4), "a content reference has four elements")
    hash, size, depth, how = value
    require(is_bin(hash, 32) and is_uint(size, FILE_MAX) and is_uint(depth), "a content reference")
    is_patch, length = check_how(how, blob_count)
    require(is_patch or length == size, "a content of another size")
    require(is_patch == (depth > 0) and depth <= (16 if size <= DEPTH_LARGE else 4), "a content's depth")


# ---- 6. Entries ------------------------------------------------------------------------------------------------------

ENTRY_MAX = 2**20
AFTER_MAX = 4096
BLOBS_MAX = 16384
CHANGE, MEMBER, SNAPSHOT = 1, 2, 3


@dataclasses.dataclass
class Entry:
    version: int
    type: int
    user: bytes
    device: bytes
    collection: bytes
    writer: bytes
    sequence: int
    previous: bytes
    after: list
    epoch: bytes = None
    blobs: list = dataclasses.field(default_factory=list)
    body_hash: bytes = b""
    wire: bytes = b""
    header: bytes = b""
    sealed_under: bytes = b""
    signature: bytes = b""
    body: bytes = b""

    @property
    def hash(self):
        return hash_of("header", self.header)

    @property
    def head(self):
        return (self.writer, self.sequence, self.hash)

    @property
    def dot(self):
        return (self.writer, self.sequence, self.hash[:16])


def check_header(elements):
    require(is_array(elements) and len(elements) >= 10, "a header")
    version, type, user, device, collection, writer, sequence, previous, after = elements[:9]
    require(is_uint(version) and version > 0 and is_uint(type), "version or type")
    require(is_bin(user, 32) and is_bin(device, 32) and is_bin(collection, 16) and is_bin(writer, 16), "ids")
    require(is_uint(sequence, SEQUENCE_MAX) and sequence > 0, "a sequence")
    require(is_bin(previous, 16 if sequence == 1 else 32), "previous")
    heads = check_references(after, 32, AFTER_MAX)
    require(all(head[0] != writer for head in heads), "after names its own writer")
    require(is_bin(elements[-1], 32), "the body's hash")
    return Entry(version, type, user, device, collection, writer, sequence, previous, heads, body_hash=elements[-1])


def check_version_1(entry, elements):
    require(len(elements) == 12 and entry.type in (CHANGE, MEMBER, SNAPSHOT), "a header of version 1")
    require((entry.type == MEMBER) == (entry.collection == MEMBER_LOG), "the member log has member entries alone")
    epoch, blobs = elements[9:11]
    require(epoch is None if entry.type == MEMBER else is_bin(epoch, 32), "an epoch")
    require(is_bin(blobs) and len(blobs) % 32 == 0 and len(blobs) // 32 <= BLOBS_MAX, "blob ids")
    require(entry.type != MEMBER or not blobs, "a member entry has no blobs")
    entry.epoch = epoch
    entry.blobs = [blobs[at : at + 32] for at in range(0, len(blobs), 32)]


def read_entry(wire):
    """All that can be checked without a key or another entry."""
    require(len(wire) <= ENTRY_MAX, "an entry is too large")
    elements, size = unpack_first(wire, around=1)
    entry = check_header(elements)
    if entry.version == 1:
        check_version_1(entry, elements)
    require(len(wire) >= size + 64, "no room for a signature")
    entry.wire, entry.header = wire, wire[:size]
    entry.sealed_under = wire[: size - 34]  # the last element is bin32: two bytes and the hash
    entry.signature, entry.body = wire[size : size + 64], wire[size + 64 :]
    require(hash_of("body", entry.body) == entry.body_hash, "another body")
    if entry.sequence == 1:
        bound = writer_id(entry.user, entry.device, entry.collection, entry.previous)
        require(bound == entry.writer, "the writer's id is not bound")
    return entry


def verify_entry(entry, signing_key):
    require(device_id(signing_key) == entry.device, "not the device's key")
    verify_signature("entry", signing_key, entry.signature, entry.header)


class Gap(Exception):
    """What the entry builds on is not here."""


class Log:
    """The entries of one user, in the order they came."""

    def __init__(self, user):
        self.user = user
        self.entries = {}  # head -> entry

    def add(self, entry, signing_key):
        verify_entry(entry, signing_key)
        require(entry.user == self.user, "of another user")
        if entry.sequence > 1:
            before = self.entries.get((entry.writer, entry.sequence - 1, entry.previous))
            if before is None:
                raise Gap("its predecessor is not here")
            same = (before.device, before.collection) == (entry.device, entry.collection)
            require(same, "the chain goes over to another device or collection")
        if any(head not in self.entries for head in entry.after):
            raise Gap("a head of after is not here")
        self.entries[entry.head] = entry

    def heads(self):
        """The ends of all branches, ascending."""
        inner = {(e.writer, e.sequence - 1, e.previous) for e in self.entries.values()}
        return sorted(head for head in self.entries if head not in inner)


# ---- 7. Bodies -------------------------------------------------------------------------------------------------------

BODY_MAX = 16 * 2**20
TIME_MAX = 253402300799999
PARTS_MAX = 2**32 - 1
REFERENCES_MAX = 262144


@dataclasses.dataclass
class Change:
    item: bytes
    field: str
    over: list
    writes: bool = False
    weak: bool = False
    value: object = None  # in deletions and pins dots are whole


@dataclasses.dataclass
class Body:
    time: tuple
    part: int
    parts: int
    changes: list
    supplies: list


class Table:
    """The dots of a body, and how often they were named."""

    def __init__(self, dots):
        self.dots = dots
        self.named = []

    def at(self, index):
        require(is_uint(index) and index < len(self.dots), "an index")
        self.named.append(index)
        return self.dots[index]

    def check_named(self):
        require(len(self.named) <= REFERENCES_MAX, "too many indexes")
        require(len(set(self.named)) == len(self.dots), "a dot that nothing refers to")

    def list(self, indexes):
        require(is_array(indexes), "over")
        dots = [self.at(index) for index in indexes]
        require(ascending(indexes), "over is not ascending")
        return dots


def read_deletion(value, table):
    require(is_array(value) and all(is_array(cover, 2) for cover in value), "a deletion")
    for field, _ in value:
        check_field(field)
    covers = [(field, table.at(index)) for field, index in value]
    require(ascending([(field.encode(), index) for field, index in value]), "a deletion is not ascending")
    return covers


def read_pin(value, table):
    require(is_array(value, 4) and is_bin(value[0], 16), "a pin")
    check_name(value[1])
    return value[:2] + [None if index is None else table.at(index) for index in value[2:]]


def read_change(elements, table, entry):
    require(is_array(elements) and len(elements) in (3, 5), "a change")
    item, field = elements[:2]
    require(is_bin(item, 16), "an item")
    check_field(field)
    change = Change(item, field, table.list(elements[2]), writes=len(elements) == 5)
    require(change.writes or change.over, "a change changes nothing")
    if not change.writes:
        require(field != "", "a deletion has a value")
        return change
    change.weak, change.value = elements[3:]
    require(type(change.weak) is bool, "weak")
    if field == "":
        require(not change.weak and not change.over, "a deletion replaces nothing")
        change.value = read_deletion(change.value, table)
    elif field == "/pin" and is_file(item):
        change.value = read_pin(change.value, table)
    else:
        check_item_value(item, field, change.value, len(entry.blobs))
    return change


def read_supply(elements, entry):
    require(is_array(elements, 2) and is_bin(elements[0], 32), "a supply")
    check_how(elements[1], len(entry.blobs))
    return tuple(elements)


def read_body(plain, entry):
    """The plain body of a change entry; Malformed means that the entry is empty."""
    if entry.version > 1 or entry.type != CHANGE:
        raise Newer("this entry waits for a later version")
    require(len(plain) <= BODY_MAX, "a body is too large")
    elements = unpack(plain, around=3)
    require(is_array(elements, 7), "a body has seven elements")
    ms, counter, part, parts, dots, changes, supplies = elements
    require(is_uint(ms, TIME_MAX) and is_uint(counter), "a time")
    require(is_uint(part) and is_uint(parts, PARTS_MAX) and 1 <= part <= parts, "a part")
    table = Table(check_references(dots, 16, REFERENCES_MAX))
    for writer, sequence, _ in table.dots:
        require(writer != entry.writer or sequence < entry.sequence, "it refers to itself or later")
    require(is_array(changes) and is_array(supplies), "changes or supplies")
    changes = [read_change(change, table, entry) for change in changes]
    require(ascending([(change.item, change.field.encode()) for change in changes]), "changes are not ascending")
    table.check_named()
    return Body((ms, counter), part, parts, changes, [read_supply(supply, entry) for supply in supplies])


def state_of(bodies):
    """The writes nobody has replaced, of (dot, Body) pairs that count: {(item, field): {dot: (time, weak, value)}}."""
    state, replaced = {}, set()
    for dot, body in bodies:
        for change in body.changes:
            replaced.update((change.item, change.field, over) for over in change.over)
            if change.writes:
                state.setdefault((change.item, change.field), {})[dot] = (body.time, change.weak, change.value)
    for item, field, dot in replaced:
        state.get((item, field), {}).pop(dot, None)
    return {place: writes for place, writes in state.items() if writes}
