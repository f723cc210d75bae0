# SPDX-License-Identifier: Apache-2.0
"""Records out of a log, written from codec/PROTOCOL.md 3, 4 and 18, for histories without conflicts."""

from protocol import has_content, require, unpack
from reader_tree import Tree

RESERVED = {"", "/table", "/key", "/level"}


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
            data = {field: self.data(item, field) for field in self.fields[item] if field not in RESERVED}
            found[place] = {field: value for field, value in data.items() if value is not None}
        return found

    def data(self, item, field):
        """A value that is too long for an entry is the encoding that a content holds."""
        value = self.value(item, field)
        return unpack(self.contents.bytes_of(value[0])) if has_content(item, field, value) else value
