# SPDX-License-Identifier: Apache-2.0
"""What the tests of hard times share: eyes on a source, kills, a cable that can be cut."""

import collections
import hashlib
import os
import random
import socket
import threading
import time

from counterfoil import tree

SEED = int(os.environ.get("COUNTERFOIL_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


def dice():
    """Random numbers that a failed run tells the seed of."""
    print(f"COUNTERFOIL_SEED={SEED}")
    return random.Random(SEED)


def digest(content):
    return hashlib.sha256(content).digest()


def put(source, path, content):
    """A save by rename: whole at every moment. The temporary name is outside of the source."""
    aside = f"{source}.saving"
    with open(aside, "wb") as file:
        file.write(content)
    os.rename(aside, os.path.join(source, path))


class Eyes:
    """Reads the files of a source again and again; each must hold one of the contents it may hold."""

    def __init__(self, *sources):
        self.sources = [os.fspath(source) for source in sources]
        self.valid = set()
        self.wrong = []
        self.looks = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def allow(self, *contents):
        self.valid.update(digest(content) for content in contents)

    def allow_tree(self, source):
        self.allow(*(one for one in tree(source).values() if isinstance(one, bytes)))

    def look(self, path):
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            return
        self.looks += 1
        if digest(content) not in self.valid:
            self.wrong.append((path, len(content), content[:40]))

    def watch(self):
        while not self.over.is_set():
            for source in self.sources:
                for folder, folders, files in os.walk(source):
                    if ".counterfoil" in folders:
                        folders.remove(".counterfoil")
                    for name in files:
                        self.look(os.path.join(folder, name))
            self.over.wait(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        if kind is None:
            assert self.looks > 0
            assert not self.wrong, f"{len(self.wrong)} of {self.looks} looks: {self.wrong[:3]}"


def killed(device, seconds, *arguments):
    """Runs a verb and kills it after some time, if it lasts that long."""
    process = device.start(*arguments)
    try:
        process.wait(seconds)
    except Exception:
        process.kill()
    process.communicate()
    return process.returncode == -9


def history(device):
    """What the log tells of files, latest first."""
    log = device.json("log", "-n", "1000000")
    return [one for one in log if one["collection"] == "notes" and one["path"]]


def told(device):
    """How often the log tells of a change of a file: (device, change, path) -> times."""
    return collections.Counter((one["device"], one["change"], one["path"]) for one in history(device))


class Cable:
    """Stands between peers and a broker; each connection through it breaks after so many bytes, whatever time they take."""

    def __init__(self, port, lasts):
        self.port, self.lasts = port, lasts
        self.slow = None  # bytes in a second, each way
        self.cuts = 0
        self.passed = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.place = self.listener.getsockname()
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                near.close()
                continue
            self.open += [near, far]
            carried = []
            for one, other in (near, far), (far, near):
                threading.Thread(target=self.carry, args=(one, other, self.lasts, carried), daemon=True).start()

    def carry(self, one, other, lasts, carried):
        try:
            while data := one.recv(65536):
                self.passed += len(data)
                carried.append(len(data))
                if lasts and sum(carried) > lasts:
                    self.cut(one, other)
                if self.slow:
                    time.sleep(len(data) / self.slow)
                other.sendall(data)
        except OSError:
            pass
        self.hang_up(one, other)

    def cut(self, near, far):
        if near.fileno() >= 0:
            self.cuts += 1
        self.hang_up(near, far)

    def hang_up(self, *ends):
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def close(self):
        self.listener.close()
        self.hang_up(*self.open)
