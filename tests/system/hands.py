# SPDX-License-Identifier: Apache-2.0
"""People who save a file again and again and know of each save what it took away: no pause of theirs, however long, makes
a text look eaten that was replaced by hand."""

import ctypes
import errno
import os
import threading

LIBC = ctypes.CDLL(None, use_errno=True)
FROM_HERE, ONLY_IF_FREE, EXCHANGE = -100, 1, 2


def rename(one, other, flags):
    """False: the other name is taken."""
    if LIBC.renameat2(FROM_HERE, os.fsencode(one), FROM_HERE, os.fsencode(other), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number != errno.EEXIST:
        raise OSError(number, os.strerror(number), os.fspath(one))
    return False


class Hands:
    """Somebody's, at one file. Each text is whole, new, and nobody else's."""

    def __init__(self, source, path, name):
        self.path = os.path.join(source, path)
        self.aside = f"{source}.aside"  # outside of the source
        self.name = name
        self.written, self.replaced = [], set()

    def text(self):
        self.written.append(f"save {len(self.written) + 1} of {self.name}\n".encode() * 500)
        return self.written[-1]

    def throw_away(self):
        """Only what lies aside, where nobody changes it, is surely what is read and what is gone."""
        with open(self.aside, "rb") as file:
            self.replaced.add(file.read())
        os.unlink(self.aside)

    def write(self, text):
        """Over what is there, if anything is. What was read is what is cut: in between nobody else writes to this file."""
        with open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            self.replaced.add(file.read())
            file.seek(0)
            file.truncate()
            half = len(text) // 2
            file.write(text[:half])
            file.flush()
            file.write(text[half:])

    def save_in_place(self):
        self.write(self.text())

    def save_by_rename(self):
        with open(self.aside, "wb") as file:
            file.write(self.text())
        rename(self.aside, self.path, EXCHANGE)
        self.throw_away()

    def save_with_a_backup(self):
        while not rename(self.path, self.path + "~", ONLY_IF_FREE):
            os.rename(self.path + "~", self.aside)
            self.throw_away()
        self.write(self.text())

    def save_anew(self):
        os.rename(self.path, self.aside)
        self.throw_away()
        self.write(self.text())


class Busy:
    """Somebody who does something over and over until told to stop, in a thread of their own."""

    def __init__(self, act, pause):
        self.act, self.pause = act, pause
        self.trouble = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        try:
            while not self.over.is_set():
                self.act()
                self.over.wait(self.pause)
        except OSError as trouble:
            self.trouble = trouble

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        if kind is None and self.trouble:
            raise self.trouble


def eaten(people, *found):
    """What nobody replaced by hand, and is not in every one of these trees."""
    kept = set.intersection(*(set(tree.values()) for tree in found))
    written = {text for hands in people for text in hands.written}
    return written.difference(kept, *(hands.replaced for hands in people))
