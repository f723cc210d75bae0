# SPDX-License-Identifier: Apache-2.0
"""Every state that a database of SQLite ever showed, out of its write-ahead log: nothing is left to when somebody looked."""

import shutil
import sqlite3
import struct
import subprocess

HEADER, FRAME = 32, 24


class Recorded:
    """A database with a log, from now on: while this stands, nobody checkpoints it."""

    def __init__(self, path):
        self.path, self.start = path, path.with_name(path.name + ".start")
        self.log = path.with_name(path.name + "-wal")
        self.open = sqlite3.connect(path)
        assert self.open.execute("SELECT * FROM pragma_journal_mode").fetchone() == ("wal",)
        self.open.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        assert not self.log.stat().st_size
        subprocess.run(["cp", path, self.start], check=True)  # whoever closes a file loses all locks that he has on it
        self.file = path.stat().st_ino

    def transactions(self):
        """The pages that each wrote: ({number: bytes}, how many the database has then)."""
        log = self.log.read_bytes()
        assert self.path.stat().st_ino == self.file
        subprocess.run(["cmp", self.path, self.start], check=True)  # nobody wrote beside the log
        size, = struct.unpack(">I", log[8:12])
        pages = {}
        for at in range(HEADER, len(log), FRAME + size):
            number, count = struct.unpack(">II", log[at:at + 8])
            if log[at + 8:at + 16] != log[16:24]:
                break
            pages[number] = log[at + FRAME:at + FRAME + size]
            if count:
                yield pages, count, size
                pages = {}

    def states(self):
        """A connection to each, one after the other."""
        copy = self.path.with_name(self.path.name + ".state")
        shutil.copy(self.start, copy)
        for pages, count, size in self.transactions():
            with open(copy, "r+b") as file:
                for number, page in pages.items():
                    file.seek((number - 1) * size)
                    file.write(page)
                file.truncate(count * size)
            state = sqlite3.connect(f"file:{copy}?immutable=1", uri=True)
            yield state
            state.close()
