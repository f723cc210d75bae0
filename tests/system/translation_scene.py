# SPDX-License-Identifier: Apache-2.0
"""A collection in two formats on two devices."""

import csv
import io
import re

from cards import fill, items, write
from counterfoil import both


def rows(path):
    """By the first column."""
    found = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    return found[0], {row[0]: dict(zip(found[0], row)) for row in found[1:]}


def table(path):
    return rows(path)[1]


def unfolded(text):
    return re.sub(r"\r\n[ \t]", "", text)


class Translated:
    """The same collection in two formats."""

    def __init__(self, two, format, things, there, *options, before=None):
        self.laptop, self.desktop = two
        self.here = fill(self.laptop.source("people"), things)
        self.there = self.desktop.source("people").with_name(there)
        if before is not None:
            write(self.there, before)
        self.laptop.json("add", str(self.here), "--collection", "home", "--format", format)
        self.laptop.sync()
        self.desktop.sync()
        self.told = self.desktop.json("add", str(self.there), "--collection", "home", "--existing", *options)
        self.desktop.sync()
        self.laptop.sync()

    def both(self, code=0):
        both(self.laptop, self.desktop, code)

    def card(self, name):
        return items(self.here)[name]
