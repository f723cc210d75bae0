# SPDX-License-Identifier: Apache-2.0
"""A folder with everything in it, published by a real device, and an independent device with the same log."""

import os
import random
import stat

import protocol_crypto as crypto
from broker_client import Session
from counterfoil import WAIT, Device, tree
from counterfoild import Broker
from reader import Reader, join
from reader_tree import Contents, Tree, rebuild

COLLECTION = "holiday plans"
NAMES = [b"a plain name.txt", b"with\nnewline and \xff\xfe", b"-rf", "größer ☃".encode(), b"back\\slash 'n' quote"]
SECRET = b"nobody but us may read this line"


def let_in(owner, name, *arguments):
    """An independent device of the owner's user, which the owner knows by its fingerprint."""
    pairing = owner.start("pair", *arguments)
    device = join(pairing.stdout.readline(), name)
    output, messages = pairing.communicate(timeout=WAIT)
    assert pairing.returncode == 0, messages
    assert output.split() == [name, crypto.fingerprint(device.identity.id)]
    return device


class Scene:
    """A broker, a real device with a folder that it published, and an independent device with the same log."""

    def __init__(self, folder):
        self.folder = folder
        self.broker = Broker(str(folder / "broker"))
        self.broker.start()
        self.laptop = Device(folder, "ann-laptop")
        self.laptop.init(self.broker.run("invite").strip())
        self.edit_a_folder()
        self.device = self.join("python-device", "--role", "owner")
        with self.session() as session:
            self.device.read_log(session)
        self.collection = self.device.collection(COLLECTION)

    def edit_a_folder(self):
        some = random.Random(2)
        binary = bytearray(some.randbytes(3_000_000))
        lines = [b"line %d: %s\n" % (number, SECRET) for number in range(80_000)]
        files = {os.fsdecode(name): name * 3 for name in NAMES}
        self.here = self.laptop.add(COLLECTION, {
            **files, "empty": b"", "deep/er/note.md": "x", "text.txt": b"".join(lines), "image.bin": bytes(binary),
            "to be renamed": "kept", "to be deleted": "gone", "dropped/folder/file": "gone, too",
        })
        self.make_odd_ones(some)
        self.laptop.sync()
        (self.here / "to be renamed").rename(self.here / "deep/renamed")
        (self.here / "to be deleted").unlink()
        for path in "dropped/folder/file", "dropped/folder", "dropped":
            (self.here / path).rmdir() if (self.here / path).is_dir() else (self.here / path).unlink()
        for number in range(4):
            at = 500_000 * (number + 1)
            binary[at:at] = some.randbytes(150_000 if number == 1 else 500)
            (self.here / "image.bin").write_bytes(binary)
            lines[number * 1000] = b"edited\n"
            (self.here / "text.txt").write_bytes(b"".join(lines))
            self.laptop.sync()

    def make_odd_ones(self, some):
        with open(self.here / "sparse", "wb") as file:
            file.seek(3_000_000)
            file.write(some.randbytes(100_000))
            file.truncate(8_000_000)
        (self.here / "link").symlink_to("../outside")
        (self.here / "empty folder").mkdir()
        (self.here / "deep/er/note.md").chmod(0o640)
        (self.here / "empty folder").chmod(0o700)
        os.utime(self.here / "empty", ns=(1, 1_234_567_890_123_456_789))

    def join(self, name, *arguments):
        return let_in(self.laptop, name, *arguments)

    def session(self, device=None):
        return (device or self.device).session(self.broker.line)

    def bodies(self):
        return list(self.device.bodies(self.collection))

    def contents(self, session):
        return Contents(self.device, self.bodies(), self.device.blobs(session, self.collection))

    def check_equal(self, folder):
        """The folder rebuilt by the independent device is that of the real one."""
        folder.mkdir()
        with self.session() as session:
            session.hello(self.device.user)
            contents = self.contents(session)
            rebuild(Tree(self.bodies()), contents, folder)
        assert tree(folder) == tree(self.here)
        assert described(folder) == described(self.here)
        return contents

    def end(self):
        self.laptop.end()
        self.broker.stop()


def described(folder):
    """Modes, and times of files."""
    found = {}
    for path in tree(folder):
        status = os.lstat(os.path.join(os.fsencode(folder), os.fsencode(path)))
        time = status.st_mtime_ns if stat.S_ISREG(status.st_mode) else None
        found[path] = None if stat.S_ISLNK(status.st_mode) else (stat.S_IMODE(status.st_mode), time)
    return found


def fresh(scene):
    """The same device once more, with nothing read."""
    again = Reader(scene.device.identity, scene.device.user)
    again.admitted = scene.device.admitted
    return again


class Tampered(Session):
    """A session that goes through somebody who alters what the broker says."""

    def __init__(self, scene, alter):
        device = scene.device
        super().__init__(scene.broker.line, device.identity.keys[1], device.identity.curve_secret)
        self.alter = alter

    def receive(self, *arguments):
        message = None
        while message is None:
            message = self.alter(super().receive(*arguments))
        return message
