# SPDX-License-Identifier: Apache-2.0
"""Records out of a log, written from codec/PROTOCOL.md 3, 4 and 18, for histories without conflicts."""

import base64
import string

import msgpack

from protocol import Malformed, Map, has_content, pack, require, unpack, unpack_first
from reader_tree import Tree

RESERVED = {"", "/table", "/key", "/level"}
TIES = "/tie/", "/bond/"


# ---- 3. Long values --------------------------------------------------------------------------------------------------

ALPHABET = string.ascii_letters + string.digits + "+/"
LETTERS_MIN = 1024
PADDED, UNPADDED = 0, 1


def spelled(text):
    """What a text says that ends in base64: (what stands before, bytes, type of the extension), or None."""
    unpadded = text.rstrip("=")
    before = unpadded.rstrip(ALPHABET)
    letters, padding = unpadded[len(before) :], text[len(unpadded) :]
    needed = "=" * (-len(letters) % 4)
    kinds = string.ascii_uppercase, string.ascii_lowercase, string.digits, "+/"
    if len(letters) < LETTERS_MIN or len(letters) % 4 == 1 or not all(set(kind) & set(letters) for kind in kinds):
        return None
    data = base64.b64decode(letters + needed)
    if padding not in ("", needed) or base64.b64encode(data).decode() != letters + needed:
        return None
    return before, data, PADDED if padding == needed else UNPADDED


def terse(value):
    """The terse form of a value; its encoding, where no text in it can be said so."""
    if isinstance(value, Map):
        return pack_head("map", value) + b"".join(terse(part) for pair in value for part in pair)
    if isinstance(value, list):
        return pack_head("array", value) + b"".join(map(terse, value))
    said = spelled(value) if isinstance(value, str) else None
    if said is None:
        return pack(value)
    before, data, kind = said
    return msgpack.packb(msgpack.ExtType(kind, pack(before) + data))


def pack_head(kind, value):
    return getattr(msgpack.Packer(), f"pack_{kind}_header")(len(value))


def spell(kind, said):
    before, size = unpack_first(said)
    require(isinstance(before, str) and kind in (PADDED, UNPADDED), "an extension that has no place")
    letters = base64.b64encode(said[size:]).decode()
    return before + (letters if kind == PADDED else letters.rstrip("="))


def value_of(content):
    """The value whose encoding or terse form the bytes of a content are."""
    most = len(content)
    unpacker = msgpack.Unpacker(
        raw=False, strict_map_key=False, object_pairs_hook=Map, ext_hook=spell, max_buffer_size=most, max_str_len=most,
        max_bin_len=most, max_array_len=most, max_map_len=most, max_ext_len=most,
    )
    unpacker.feed(content)
    try:
        value = unpack(pack(unpacker.unpack()))
    except (msgpack.exceptions.UnpackException, ValueError, RecursionError) as error:
        raise Malformed(f"no value: {error}") from error
    require(content in (pack(value), terse(value)), "a long value that is not said as it must be")
    return value


# ---- 18. Rows --------------------------------------------------------------------------------------------------------


def is_data(field):
    return field not in RESERVED and not field.startswith(TIES)


class Records(Tree):
    """What a collection of records shows."""

    def __init__(self, bodies, contents):
        super().__init__(bodies)
        self.contents = contents
        self.fields = {}
        for item, field in self.state:
            self.fields.setdefault(item, []).append(field)

    def lives(self, item):
        facts = (fact for field in self.fields[item] if field for fact in self.facts(item, field))
        return any(not fact.weak and not fact.covered for fact in facts)

    def rows(self):
        """{(table, key): {field: value}}"""
        found = {}
        for item in filter(self.lives, self.fields):
            place = self.value(item, "/table"), self.value(item, "/key")
            require(place not in found, "two rows of one key")
            data = {field: self.data(item, field) for field in self.fields[item] if is_data(field)}
            found[place] = {field: value for field, value in data.items() if value is not None}
        return found

    def data(self, item, field):
        """A value that is too long for an entry is what a content says."""
        value = self.value(item, field)
        return value_of(self.contents.bytes_of(value[0])) if has_content(item, field, value) else value
