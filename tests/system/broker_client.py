# SPDX-License-Identifier: Apache-2.0
"""A client of a broker, written from codec/PROTOCOL.md 11 to 14 and from nothing else: sessions, entries, blobs, pairing.

It is for tests: it checks strictly what the broker says, and can be made to say anything itself."""

import os
import time
from collections import deque

import zmq
import zmq.utils.monitor

import protocol_crypto as crypto
from protocol import (
    BLOBS_MAX,
    CHANGE,
    ENTRY_MAX,
    MEMBER,
    MEMBER_LOG,
    Log,
    hash_of,
    is_array,
    is_bin,
    is_uint,
    pack,
    read_entry,
    require,
    unpack,
    writer_id,
)

VERSION = 1  # of the protocol
FRAME_MAX = 1114112
PIECE = 262144
HEADS_PAGE = 2048
TEXT_MAX = 1024
LEASES_MAX = 4096
TIMEOUT_MS = 60000

# ---- 11. Messages ----------------------------------------------------------------------------------------------------


def flag(value):
    return value is True or value is False


def bin32(value):
    return is_bin(value, 32)


def bin16(value):
    return is_bin(value, 16)


def text(value):
    return type(value) is str and len(value.encode()) <= TEXT_MAX


def many(element, limit):
    return lambda value: is_array(value) and len(value) <= limit and all(map(element, value))


def head(value):
    return is_array(value, 3) and bin16(value[0]) and is_uint(value[1]) and value[1] > 0 and bin32(value[2])


def partial(value):
    return is_array(value, 2) and bin32(value[0]) and is_uint(value[1])


def token(value):
    return is_array(value, 2) and all(map(is_uint, value))


def lease(value):
    forms = [bin16, bin16, bin32, is_uint, flag, is_uint]
    return is_array(value, len(forms)) and all(form(element) for form, element in zip(forms, value))


def paused(value):
    forms = [bin16, is_uint, flag]
    return is_array(value, len(forms)) and all(form(element) for form, element in zip(forms, value))


def verdict(value):
    return value in ("later", "never")


def name(value):
    return is_bin(value) and len(value) <= 64


# What a broker says: the forms of the elements, and the most bytes of the bulk frame (0: there is none).
SAID_BY_BROKER = {
    "WELCOME": ([is_uint, bin16, is_uint, is_uint, many(head, HEADS_PAGE), flag], 0),
    "AGAIN": ([], 0),
    "MOVED": ([text], 0),
    "SUBSCRIBED": ([many(head, HEADS_PAGE), flag], 0),
    "ENTRY": ([is_uint], ENTRY_MAX),
    "ACCEPTED": ([head], 0),
    "REFUSED": ([text, name, verdict, text, text], 0),
    "MISSING": ([many(partial, BLOBS_MAX)], 0),
    "STORED": ([bin32], 0),
    "BLOB": ([bin32, is_uint, is_uint], PIECE),
    "ABSENT": ([bin32], 0),
    "WANTED": ([many(bin32, BLOBS_MAX)], 0),
    "LEASE": ([bin16, token, is_uint], 0),
    "BUSY": ([bin16, bin32, is_uint], 0),
    "LEASES": ([bin16, many(lease, LEASES_MAX)], 0),
    "PAUSED": ([many(paused, LEASES_MAX)], 0),
    "GUEST": ([bin32, is_uint], 0),
    "KNOCK": ([lambda value: value is None or bin32(value), bin32], crypto.KNOCK_MAX),
    "ADMIT": ([bin32], crypto.KNOCK_MAX),
}


class Message:
    def __init__(self, command, elements, bulk):
        self.command, self.elements, self.bulk = command, elements, bulk

    def __repr__(self):
        return shown(self.command, self.elements, self.bulk)


def read_message(frames):
    require(all(len(frame) <= FRAME_MAX for frame in frames), "a frame is too large")
    elements = unpack(frames[0], around=3)
    require(is_array(elements) and elements and elements[0] in SAID_BY_BROKER, "a command")
    command = elements.pop(0)
    forms, most = SAID_BY_BROKER[command]
    require(len(elements) == len(forms), f"elements of {command}")
    require(all(form(value) for form, value in zip(forms, elements)), f"elements of {command}")
    require(len(frames) == (2 if most else 1), f"frames of {command}")
    require(not most or 1 <= len(frames[1]) <= most, f"bulk of {command}")
    return Message(command, elements, frames[1] if most else None)


# ---- 12. Sessions ----------------------------------------------------------------------------------------------------


class Refused(Exception):
    def __init__(self, message):
        self.request, self.name, self.verdict, self.code, self.text = message.elements
        super().__init__(f"{self.request}: {self.verdict} {self.code}: {self.text}")


def hello_of(user, heads=(), more=False, version=VERSION):
    """HELLO and its elements: for whoever says it by hand, too, so that another one has its place here alone."""
    return ["HELLO", version, user, list(heads), more]


class Silence(Exception):
    """Nothing came in time: says what was awaited, and what had gone to and fro before."""

    def __init__(self, session, awaited, timeout_ms):
        def told(messages):
            return "; ".join(messages) or "nothing"

        super().__init__(f"{awaited} awaited for {timeout_ms / 1000:g} s; sent: {told(session.sent)}; "
                         f"the broker said: {told(session.heard)}")


def brief(value):
    if is_bin(value):
        return value[:6].hex() + ("…" if len(value) > 6 else "")
    if is_array(value):
        more = f", and {len(value) - 3} more" if len(value) > 3 else ""
        return f"[{', '.join(map(brief, value[:3]))}{more}]"
    return str(value)[:80]


def shown(command, elements, bulk=None):
    """One line of a message, for who reads why a test failed."""
    return " ".join([command, *map(brief, elements)]) + (f" with {len(bulk)} bytes" if bulk is not None else "")


class Session:
    """One connection with one CURVE key pair."""

    def __init__(self, address, public, secret):
        host, port, key = crypto.read_address(address)
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.CURVE_SERVERKEY, key)
        self.socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
        self.socket.setsockopt(zmq.CURVE_SECRETKEY, secret)
        self.socket.setsockopt(zmq.RECONNECT_IVL, -1)
        self.socket.setsockopt(zmq.SNDTIMEO, TIMEOUT_MS)  # a connection that is gone takes nothing, and doesn't come back
        self.socket.setsockopt(zmq.LINGER, 200)  # with none libzmq may abort (broker/wire/frames_zmq.h)
        self.socket.setsockopt(zmq.MAXMSGSIZE, FRAME_MAX)
        self.socket.setsockopt(zmq.HEARTBEAT_IVL, 5000)  # who says nothing for 20 s is let go
        self.monitor = self.socket.get_monitor_socket()
        self.socket.connect(f"tcp://{host}:{port}")
        self.waiting = []  # came while something else was awaited
        self.wanted = []
        self.positions = []
        self.missing = set()  # heads of theirs that must still come
        self.sent = deque(maxlen=3)  # the last of what was said, for Silence
        self.heard = deque(maxlen=3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.disable_monitor()
        self.socket.close()

    def is_let_in(self):
        ends = {zmq.EVENT_HANDSHAKE_SUCCEEDED: True, zmq.EVENT_HANDSHAKE_FAILED_AUTH: False}
        while self.monitor.poll(TIMEOUT_MS):
            event = zmq.utils.monitor.recv_monitor_message(self.monitor)["event"]
            if event in ends:
                return ends[event]
        raise Silence(self, "the end of the handshake", TIMEOUT_MS)

    def send_frames(self, *frames):
        self.sent.append(f"bytes {brief(list(frames))}")
        self.socket.send_multipart(frames)

    def send(self, command, *elements, bulk=None):
        self.sent.append(shown(command, elements, bulk))
        self.socket.send_multipart([pack([command, *elements]), *([] if bulk is None else [bulk])])

    def receive(self, timeout_ms=TIMEOUT_MS, awaited="a message"):
        if not self.socket.poll(timeout_ms):
            raise Silence(self, awaited, timeout_ms)
        message = read_message(self.socket.recv_multipart())
        self.heard.append(repr(message))
        return message

    def hear(self, *commands, about=None, timeout_ms=TIMEOUT_MS):
        """The next message of these commands, in whatever order others come; REFUSED is raised unless it is awaited."""
        for at, message in enumerate(self.waiting):
            if message.command in commands and (about is None or about(message)):
                return self.waiting.pop(at)
        while True:
            message = self.receive(timeout_ms, " or ".join(commands))
            if message.command in commands and (about is None or about(message)):
                return message
            if message.command == "REFUSED":
                raise Refused(message)
            if message.command == "WANTED":
                self.wanted += message.elements[0]
            else:
                self.waiting.append(message)

    def hello(self, user, heads=()):
        heads = [list(head) for head in heads]
        pages = [heads[at : at + HEADS_PAGE] for at in range(0, len(heads), HEADS_PAGE)] or [[]]
        for at, page in enumerate(pages):
            self.send(*hello_of(user, page, at + 1 < len(pages)))
        self.theirs = []
        more = True
        while more:
            version, self.instance, self.now_ms, self.window, page, more = self.hear("WELCOME").elements
            require(version == VERSION, "a version")
            self.theirs += [tuple(head) for head in page]
        return self.theirs

    def subscribe(self, log, collections=None, credit=2**22):
        rungs = rungs_of(log, self.theirs)
        self.send("SUBSCRIBE", [list(rung) for rung in rungs[:HEADS_PAGE]], collections, credit, False)
        held = [tuple(head) for head in self.hear("SUBSCRIBED").elements[0]]
        require(set(held) <= set(rungs), "SUBSCRIBED names what was not offered")
        if collections is None:
            self.missing = set(self.theirs).difference(log.entries)
        return held

    def entries(self, quiet_ms=300):
        """Entries as they come, giving credit back, until all heads of theirs have come and then none for a while."""
        while True:
            entry = next((m for m in self.waiting if m.command == "ENTRY"), None)
            if entry:
                self.waiting.remove(entry)
            else:
                try:
                    entry = self.receive(TIMEOUT_MS if self.missing else quiet_ms, "ENTRY")
                except Silence:
                    if self.missing:
                        raise
                    return
                if entry.command != "ENTRY":
                    self.waiting.append(entry)
                    continue
            self.positions.append(entry.elements[0])
            self.send("CREDIT", len(entry.bulk))
            read = read_entry(entry.bulk)
            self.missing.discard(read.head)
            yield read

    def publish(self, wire, without=(), token=None):
        entry_head = read_entry(wire).head
        self.send("PUBLISH", token, list(without), bulk=wire)
        self.hear("ACCEPTED", about=lambda message: tuple(message.elements[0]) == entry_head)

    # ---- 13. Blobs ----

    def held(self, *ids):
        """{id: bytes held} of those that are incomplete."""
        self.send("HAVE", list(ids))
        return {id: held for id, held in self.hear("MISSING").elements[0]}

    def put(self, sealed):
        id = crypto.blob_id(sealed)
        offset = self.held(id).get(id, len(sealed))
        while offset < len(sealed):
            self.send("PUT", id, offset, len(sealed), bulk=sealed[offset : offset + PIECE])
            answer = self.hear("STORED", "MISSING")
            if answer.command == "STORED":
                break
            offset = answer.elements[0][0][1]
        return id

    def get(self, id):
        """None when it is absent."""
        data, total = b"", 1
        while len(data) < total:
            self.send("GET", id, len(data))
            answer = self.hear("BLOB", "ABSENT")
            if answer.command == "ABSENT":
                return None
            _, offset, total = answer.elements
            require(offset == len(data), "another offset than was asked for")
            data += answer.bulk
        require(len(data) == total and crypto.blob_id(data) == id, "not the blob that was asked for")
        return data


def branch_of(log, end):
    """The heads of the entries of one branch, from its end to its beginning."""
    branch = []
    while end in log.entries:
        branch.append(end)
        end = (end[0], end[1] - 1, log.entries[end].previous)
    return branch


def ladder(highest):
    steps = {1}
    step = 1
    while highest + 1 - step >= 1:
        steps.add(highest + 1 - step)
        step *= 2
    return steps


def rungs_of(log, theirs):
    rungs = []
    for writer in sorted({head[0] for head in theirs}):
        named = [head for head in theirs if head[0] == writer]
        if all(head in log.entries for head in named):
            rungs += sorted(named)
            continue
        for end in log.heads():
            if end[0] == writer:
                rungs += [head for head in branch_of(log, end) if head[1] in ladder(end[1])]
    return rungs


# ---- Authors ---------------------------------------------------------------------------------------------------------


class Author:
    """A device (or the account) of a user that writes entries, with the log that it has seen."""

    def __init__(self, identity, user):
        self.identity, self.user = identity, user
        self.log = Log(user)
        self.keys = {identity.id: identity.keys[0]}  # device -> signing key
        self.content_keys = {}  # epoch -> key
        self.first_epoch = self.epoch = None
        self.chains = {}  # collection -> [random, sequence, previous]
        self.told = {}  # collection -> heads at its last entry

    def session(self, address):
        return Session(address, self.identity.keys[1], self.identity.curve_secret)

    def learn(self, entry):
        """Takes an entry into the log, and what it says if it is a member's."""
        if entry.type == MEMBER:
            self.learn_member(entry)
        self.log.add(entry, self.keys[entry.device])

    def learn_member(self, entry):
        operation = crypto.read_member(entry.body)
        if operation.kind in (crypto.FIRST, crypto.ADD):
            self.keys[hash_of("device", operation.keys[0])] = operation.keys[0]
        if operation.kind == crypto.FIRST:
            self.first_epoch = self.epoch = entry.hash
            self.commitment = operation.opening[0]
            self.take_key(operation.opening)
        elif operation.kind == crypto.ADD and operation.keys == self.identity.keys and operation.access:
            epoch, sealed = operation.access
            key = crypto.unseal_key(self.user, self.commitment, sealed, self.identity)
            require(crypto.commitment_of(self.user, key) == self.commitment, "not the key committed to")
            self.content_keys[epoch] = key

    def take_key(self, opening):
        key, _ = crypto.open_opening(self.user, opening, self.identity.id, self.identity)
        if key is not None:
            self.content_keys[self.epoch] = key

    def after(self, collection, writer):
        seen = [
            head
            for head in self.log.heads()
            if head[0] != writer and self.log.entries[head].collection in (collection, MEMBER_LOG)
        ]
        return sorted(set(seen) - self.told.get(collection, set()))

    def write(self, collection, make_body, blobs=(), after=None):
        """Builds the next entry of this collection's chain, learns it, and gives its bytes."""
        random, sequence, previous = self.chains.get(collection) or [os.urandom(16), 1, None]
        writer = writer_id(self.user, self.identity.id, collection, random)
        after = self.after(collection, writer) if after is None else after
        header = [
            1,
            MEMBER if collection == MEMBER_LOG else CHANGE,
            self.user,
            self.identity.id,
            collection,
            writer,
            sequence,
            previous or random,
            [list(head) for head in after],
            None if collection == MEMBER_LOG else self.epoch,
            b"".join(blobs),
        ]
        sealed_under = bytes([0x90 | 12]) + b"".join(map(pack, header))
        body = make_body(sealed_under)
        head_bytes = sealed_under + pack(hash_of("body", body))
        wire = head_bytes + self.identity.sign("entry", head_bytes) + body
        entry = read_entry(wire)
        self.chains[collection] = [random, sequence + 1, entry.hash]
        self.told[collection] = self.told.get(collection, set()) | set(after)
        self.learn(entry)
        return wire

    def write_member(self, operation):
        return self.write(MEMBER_LOG, lambda _: crypto.write_member(operation))

    def write_change(self, collection, plain, blobs=()):
        key = self.content_keys[self.epoch]
        return self.write(collection, lambda under: crypto.seal_body(key, collection, under, plain), blobs)

    def admit(self, keys, proof, role):
        """The `add` of a newcomer."""
        sealed = crypto.seal_key(
            self.user, self.commitment, self.content_keys[self.epoch], keys[2], os.urandom(32)
        )
        return self.write_member(
            crypto.Operation(crypto.ADD, now(), keys=keys, proof=proof, role=role, access=[self.epoch, sealed])
        )

    def open(self, entry):
        return crypto.open_body(self.content_keys[entry.epoch], entry.collection, entry.sealed_under, entry.body)


def now():
    return int(time.time() * 1000)


def new_account(secret=None):
    """The account of a new user, with its first entry's bytes."""
    identity = crypto.account_of(secret or os.urandom(16))
    account = Author(identity, identity.id)
    opening = crypto.make_opening(
        account.user, os.urandom(32), [(account.user, identity.keys[2])], [], [os.urandom(32)]
    )
    wire = account.write_member(crypto.Operation(crypto.FIRST, now(), keys=identity.keys, opening=opening))
    return account, wire


# ---- 14. Guests ------------------------------------------------------------------------------------------------------


def knock(code, sealed):
    """KNOCKs with a code until ADMIT; (user, role, heads)."""
    pairing = crypto.Pairing(code.secret)
    address = crypto.write_address(code.host, code.port, code.key)
    with Session(address, pairing.guest, pairing.guest_secret) as session:
        session.send("KNOCK", code.user, pairing.guest, bulk=sealed)
        answer = session.hear("ADMIT")
        require(answer.elements[0] == pairing.guest, "another guest's ADMIT")
        return pairing.open_admit(sealed, answer.bulk)


def enrol(invitation):
    """A new user at the broker that made the invitation; its account and its first device, an owner."""
    code = crypto.read_code(invitation)
    address = crypto.write_address(code.host, code.port, code.key)
    account, first = new_account()
    user, role, heads = knock(code, crypto.Pairing(code.secret).knock_invited(first))
    require(user == account.user and role == crypto.OWNER and heads == account.log.heads(), "another's ADMIT")
    device = Author(crypto.Identity(os.urandom(32)), user)
    added = account.admit(device.identity.keys, device.identity.prove(user), crypto.OWNER)
    with account.session(address) as session:
        session.hello(user)
        session.publish(added)
    for wire in (first, added):
        device.learn(read_entry(wire))
    return account, device
