# SPDX-License-Identifier: Apache-2.0
"""A member with valid keys that writes what it likes, from codec/PROTOCOL.md alone, through an honest broker."""

import ctypes
import functools
import os

import protocol_crypto as crypto
from broker_client import Refused, now
from counterfoil import Device, tree
from counterfoild import Broker
from hostile_victim import PATIENCE, Canaries, attacked
from protocol import CHANGE, MEMBER, MEMBER_LOG, ROOT, domain, hash_of, pack, read_entry, writer_id
from reader import inline, join

PATCH_HEADER = b"\xd6\xc3\xc4\x00\x00"


def item(kind):
    return kind + os.urandom(15)


def node(id, parent, name, reference=None, **more):
    """What makes an item of the folder: changes as [item, field, over, weak, value]."""
    fields = {"/kind": id[:1].decode(), "/parent": parent, "/name": name, **more}
    if reference is not None:
        fields["/content"] = reference
    return [[id, field, [], False, value] for field, value in fields.items()]


def file(name, content=b"by mallory\n", parent=ROOT, **more):
    return node(item(b"f"), parent, name, inline(content), **more)


def link(name, target, parent=ROOT):
    return node(item(b"l"), parent, name, inline(target))


def ordered(changes):
    return sorted(changes, key=lambda change: (change[0], change[1].encode()))


def body(changes, dots=(), supplies=(), time=None, part=(1, 1)):
    return pack([*(time or (now(), 0)), *part, [list(dot) for dot in dots], ordered(changes), list(supplies)])


def number(value):
    """An integer of VCDIFF."""
    digits = [value & 127]
    while value := value >> 7:
        digits.append(value & 127 | 128)
    return bytes(reversed(digits))


def run_window(size):
    """A window of VCDIFF that says one byte `size` times."""
    instructions = b"\x00" + number(size)
    rest = number(size) + b"\x00" + number(1) + number(len(instructions)) + number(0) + b"x" + instructions
    return b"\x00" + number(len(rest)) + rest


def patch_bomb(windows):
    """8 MiB of each 20 bytes."""
    return PATCH_HEADER + run_window(8 * 2**20) * windows


class Room(ctypes.Structure):
    """A buffer of zstd's, in or out."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t)]


@functools.cache
def zstd_bomb(size):
    """One frame of zstd that gives so many zeros. They are never in memory: what a child takes at most, by the kernel's
    account, is at least what its parent had."""
    zstd = crypto.ZSTD
    zstd.ZSTD_createCCtx.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(zstd.ZSTD_createCCtx())
    zstd.ZSTD_CCtx_setPledgedSrcSize(stream, ctypes.c_ulonglong(size))
    zeros, out = ctypes.create_string_buffer(2**20), ctypes.create_string_buffer(2**20)
    made = b""
    while size:
        taken = min(size, len(zeros))
        size -= taken
        source = Room(ctypes.addressof(zeros), taken, 0)
        left = True
        while left or source.at < source.size:
            target = Room(ctypes.addressof(out), len(out), 0)
            left = zstd.ZSTD_compressStream2(stream, ctypes.byref(target), ctypes.byref(source), 0 if size else 2)
            made += out.raw[: target.at]
            left = left and not size
    zstd.ZSTD_freeCCtx(stream)
    return made


class Mallory:
    """The hostile member."""

    def __init__(self, broker, code, name="mallory"):
        self.broker, self.device = broker, join(code, name)
        with self.session() as session:
            self.device.read_log(session)

    def session(self):
        return self.device.session(self.broker.line)

    def learn(self):
        with self.session() as session:
            self.device.read_log(session)

    def publish(self, *bodies, blobs=(), frame=None):
        """Plain bodies, one entry each; `frame` makes of one what is sealed."""
        device, collection = self.device, self.notes
        keys = crypto.CollectionKeys(device.content_keys[device.epoch], collection)
        wires = [
            device.write(
                collection,
                lambda under, plain=plain: crypto.seal(
                    keys.body, keys.nonce, domain("body") + under, (frame or crypto.frame)(plain)
                ),
                blobs,
            )
            for plain in bodies
        ]
        with self.session() as session:
            session.hello(device.user, device.log.heads())
            for wire in wires:
                session.publish(wire, without=[id for id in blobs if id not in self.stored])
        return [read_entry(wire) for wire in wires]

    stored = frozenset()

    def put(self, *sealed):
        """Blobs as they are; their ids."""
        with self.session() as session:
            session.hello(self.device.user, self.device.log.heads())
            ids = [session.put(one) for one in sealed]
        self.stored = self.stored | set(ids)
        return ids

    def seal(self, piece, frame=crypto.frame):
        device = self.device
        keys = crypto.CollectionKeys(device.content_keys[device.epoch], self.notes)
        associated = domain("blob") + device.user + self.notes + crypto.BLOB_FORMAT + device.epoch
        return crypto.BLOB_FORMAT + device.epoch + crypto.seal(keys.blob, keys.nonce, associated, frame(piece))


def chains_of_one(device, collection, count, plain=None):
    """The bytes of so many entries, each the first of a chain of its own; nothing of them is learned here. `plain` gives
    the body of the n-th."""
    keys = crypto.CollectionKeys(device.content_keys[device.epoch], collection)
    members = [head for head in device.log.heads() if device.log.entries[head].collection == MEMBER_LOG]
    for number in range(count):
        random = os.urandom(16)
        writer = writer_id(device.user, device.identity.id, collection, random)
        header = [1, CHANGE, device.user, device.identity.id, collection, writer, 1, random]
        header += [[list(head) for head in sorted(members)], device.epoch, b""]
        under = bytes([0x90 | 12]) + b"".join(map(pack, header))
        frame = crypto.frame(plain(number) if plain else body([]))
        sealed = crypto.seal(keys.body, keys.nonce, domain("body") + under, frame)
        whole = under + pack(hash_of("body", sealed))
        yield whole + device.identity.sign("entry", whole) + sealed


def member_chains_of_one(device, count):
    """The same in the member log: operations that are not a member's to do, so they count for nothing."""
    members = [head for head in device.log.heads() if device.log.entries[head].collection == MEMBER_LOG]
    for number in range(count):
        random = os.urandom(16)
        writer = writer_id(device.user, device.identity.id, MEMBER_LOG, random)
        header = [1, MEMBER, device.user, device.identity.id, MEMBER_LOG, writer, 1, random]
        header += [[list(head) for head in sorted(members)], None, b""]
        operation = crypto.Operation(crypto.HOME, now(), generation=number + 1, address="tcp://127.0.0.1:1#" + "a" * 52)
        clear = crypto.write_member(operation)
        whole = bytes([0x90 | 12]) + b"".join(map(pack, header)) + pack(hash_of("body", clear))
        yield whole + device.identity.sign("entry", whole) + clear


def bring(device, broker, wires):
    """PUBLISHes all of it in a session of this device, in one go: how many were taken, and the REFUSED."""
    refused = []
    taken = 0
    wires = list(wires)
    with device.session(broker.line) as session:
        session.hello(device.user, device.log.heads())
        for at in range(0, len(wires), 1000):
            some = wires[at : at + 1000]
            for wire in some:
                session.send("PUBLISH", None, [], bulk=wire)
            for _ in some:
                try:
                    session.hear("ACCEPTED")
                    taken += 1
                except Refused as why:
                    refused.append(why)
    return taken, refused


class Street:
    """Two real devices, an honest broker, and mallory."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        self.broker = Broker(str(folder / "broker"))
        self.broker.start()
        self.laptop, self.desktop = Device(folder, "laptop"), Device(folder, "desktop")
        self.laptop.init(self.broker.run("invite").strip())
        self.laptop.pair(self.desktop)
        self.here = self.laptop.add("notes", {"one.txt": "one\n", "sub/two.txt": "two\n"})
        self.laptop.sync()
        self.desktop.sync()
        self.there = self.desktop.add("notes", None, "--existing")
        self.desktop.sync()
        self.mallory = self.let_in()
        self.laptop.sync()
        spared = [self.broker.data, self.broker.log]
        spared += [path for device in (self.laptop, self.desktop) for path in (device.home, device.source())]
        self.canaries = Canaries(folder, *spared)

    def let_in(self, name="mallory"):
        """One more member with a client of its own."""
        pairing = self.laptop.start("pair", "--role", "member")
        member = Mallory(self.broker, pairing.stdout.readline(), name)
        pairing.communicate(timeout=PATIENCE)
        member.learn()
        member.notes = member.device.collection("notes")
        return member

    def attack(self, *bodies, device=None, **more):
        """Mallory writes this, and then something harmless, which must arrive: (what the victim says, the entries)."""
        entries = self.mallory.publish(*bodies, **more)
        self.count += 1
        name = b"harmless %d" % self.count
        self.mallory.publish(body(file(name, name)))
        outcome = attacked(device or self.laptop, "sync")
        self.canaries.check()
        assert (self.here / name.decode()).exists(), outcome.said
        assert (self.here / name.decode()).read_bytes() == name
        return outcome, entries

    def heal(self):
        """Both devices show the same, and what they do themselves still arrives."""
        self.count += 1
        mine = f"honest {self.count}"
        (self.here / mine).write_text(mine)
        for device in self.laptop, self.desktop, self.laptop:
            done = device.finish("sync", "--yes")
            assert done.returncode in (0, 4), done.stdout + done.stderr
        assert (self.there / mine).read_text() == mine
        assert tree(self.here) == tree(self.there)
        self.canaries.check()

    def end(self):
        self.laptop.end()
        self.desktop.end()
        if self.broker.process:
            self.broker.stop()


def pending(outcome):
    return {one["path"]: one["reason"] for each in outcome.document["collections"] for one in each["pending"]}
