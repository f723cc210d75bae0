# SPDX-License-Identifier: Apache-2.0
"""The other side of strike.c: tells a program's n-th call that changes a disk what happens to it."""

import contextlib
import errno
import mmap
import os
import struct

LIBRARY = os.environ["CF_STRIKE_LIBRARY"]
FORM = struct.Struct("=QQII48s")
COUNT, KILL, FAIL, SHORT = range(4)
KINDS = {
    "kill": (KILL, 0), "EIO": (FAIL, errno.EIO), "ENOSPC": (FAIL, errno.ENOSPC), "EINTR": (FAIL, errno.EINTR),
    "short": (SHORT, 0),
}


class Strike:
    """Nothing is struck until `aim`; what is started with `environment` shares one count."""

    def __init__(self, path):
        self.path = str(path)
        with open(self.path, "wb") as file:
            file.write(bytes(FORM.size))
        self.environment = {"LD_PRELOAD": LIBRARY, "CF_STRIKE": self.path}

    @contextlib.contextmanager
    def _shared(self):
        with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), FORM.size) as shared:
            yield shared

    def aim(self, at, kind):
        number, error = KINDS[kind]
        with self._shared() as shared:
            FORM.pack_into(shared, 0, 0, at, number, error, b"")

    @property
    def count(self):
        with self._shared() as shared:
            return FORM.unpack_from(shared, 0)[0]

    @property
    def call(self):
        """What was struck; empty when the count did not come so far, or no write came from there on, where only a write can be struck so."""
        with self._shared() as shared:
            return FORM.unpack_from(shared, 0)[4].rstrip(b"\0").decode()
