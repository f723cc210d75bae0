# SPDX-License-Identifier: Apache-2.0
"""A broker written from codec/PROTOCOL.md 10 to 14 and from nothing else. It keeps the protocol until it is told to lie:
then everything that it says goes through a function of the test, which may alter it, hold it back or say more."""

import contextlib
import dataclasses
import os
import threading

import zmq

import protocol_crypto as crypto
from broker_client import HEADS_PAGE, PIECE, VERSION, now
from protocol import CATALOG, MEMBER_LOG, hash_of, pack, read_entry, unpack

WINDOW = 4194304


@dataclasses.dataclass
class Said:
    """A message, or what is sent in place of one."""

    command: str
    elements: list
    bulk: bytes = None
    frames: list = None

    def wire(self):
        return self.frames or [pack([self.command, *self.elements]), *([] if self.bulk is None else [self.bulk])]

    def but(self, number, value):
        """The same with another element."""
        return Said(self.command, [*self.elements[:number], value, *self.elements[number + 1 :]], self.bulk)


def raw(*frames):
    return Said(None, [], frames=list(frames))


class Session:
    """A connection, and what was said on it."""

    def __init__(self, route, key):
        self.route, self.key = route, key
        self.user = None
        self.heads, self.rungs = [], []
        self.known = None  # entries that the other has; None: it has not subscribed
        self.collections = None
        self.credit = self.next = 0
        self.partial = {}  # of blobs that come


class Log:
    """A user's entries in the order they came, and blobs."""

    def __init__(self):
        self.instance = os.urandom(16)
        self.entries = []
        self.at = {}  # head -> entry
        self.blobs = {}

    def add(self, entry):
        self.entries.append(entry)
        self.at[entry.head] = entry

    def built_on(self, entry):
        before = [(entry.writer, entry.sequence - 1, entry.previous)] if entry.sequence > 1 else []
        return before + entry.after

    def heads(self):
        inner = {self.built_on(entry)[0] for entry in self.entries if entry.sequence > 1}
        return sorted(head for head in self.at if head not in inner)

    def past(self, heads):
        """These entries and all that they build on."""
        found, left = set(), list(heads)
        while left:
            head = left.pop()
            if head not in found and head in self.at:
                found.add(head)
                left += self.built_on(self.at[head])
        return found

    def lacking(self, entries):
        return sorted({id for entry in entries for id in entry.blobs} - self.blobs.keys())

    def rolled_back(self, count):
        """A copy without what came last."""
        older = Log()
        older.instance = self.instance
        for entry in self.entries[: len(self.entries) - count]:
            older.add(entry)
        older.blobs = dict(self.blobs)
        return older


def pages(values):
    cut = [values[at : at + HEADS_PAGE] for at in range(0, len(values), HEADS_PAGE)] or [[]]
    return [(page, at + 1 < len(cut)) for at, page in enumerate(cut)]


class HostileBroker:
    """Runs in a thread. What a test reads or changes of it, it does inside `with broker.lock`."""

    def __init__(self):
        self.lock = threading.RLock()
        self.identity = crypto.Identity(os.urandom(32))
        self.logs, self.sessions = {}, {}
        self.version = VERSION  # of the protocol; of another it says no more than that
        self.checkpoints = {}  # user -> device -> what it said last
        self.guests = {}  # guest key -> (session that registered it, connection that knocked last)
        self.invitations = {}  # guest key -> Pairing
        self.admissions = {}  # KNOCK -> ADMIT
        self.leases = {}  # (collection, name) -> (holder, until, token)
        self.alter = None  # (session, Said) -> what is said in its place: one, a list, or None
        self.instead = None  # (session, command, elements, bulk) -> whether that was all to be done
        self.chatter = None  # what all sessions are sent some twenty times a second, whatever they say
        self.heard = []  # (session, command, elements) since the lie began
        self.trouble = None
        self.dropped = []
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.listen()
        self.over = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def listen(self):
        self.zap = self.context.socket(zmq.REP)
        self.zap.bind("inproc://zeromq.zap.01")
        self.router.setsockopt(zmq.CURVE_SERVER, 1)
        self.router.setsockopt(zmq.CURVE_PUBLICKEY, self.identity.keys[1])
        self.router.setsockopt(zmq.CURVE_SECRETKEY, self.identity.curve_secret)
        self.router.setsockopt(zmq.ZAP_DOMAIN, b"all")
        self.router.setsockopt(zmq.LINGER, 200)
        self.router.setsockopt(zmq.SNDHWM, 0)
        self.port = self.router.bind_to_random_port("tcp://127.0.0.1")
        self.line = crypto.write_address("127.0.0.1", self.port, self.identity.keys[1])

    def end(self):
        self.over = True
        self.thread.join()
        self.context.destroy(linger=0)
        assert not self.trouble, self.trouble

    # ---- The thread ----

    def serve(self):
        poller = zmq.Poller()
        poller.register(self.router, zmq.POLLIN)
        poller.register(self.zap, zmq.POLLIN)
        while not self.over:
            ready = dict(poller.poll(50))
            with self.lock:
                while self.dropped:  # a socket belongs to its thread
                    self.router.send_multipart([self.dropped.pop(), pack(["AGAIN"])])
                for session in self.sessions.values() if self.chatter else ():
                    self.router.send_multipart([session.route, *self.chatter.wire()])
            if self.zap in ready:
                self.let_in()
            if self.router in ready:
                with self.lock:
                    self.receive()

    def let_in(self):
        """Anybody: its key becomes known."""
        version, request, *_, key = self.zap.recv_multipart()
        self.zap.send_multipart([version, request, b"200", b"", key.hex().encode(), b""])

    def receive(self):
        route, *frames = self.router.recv_multipart(copy=False)
        key = bytes.fromhex(frames[0].get("User-Id"))
        session = self.sessions.setdefault(route.bytes, Session(route.bytes, key))
        command, *elements = unpack(frames[0].bytes, around=3)
        bulk = frames[1].bytes if len(frames) > 1 else None
        self.heard.append((session, command, elements))
        try:
            if not (self.instead and self.instead(session, command, elements, bulk)):
                self.handle(session, command, elements, bulk)
        except Exception as error:  # the test fails at its end; those that follow are answered
            self.trouble = self.trouble or error

    def handle(self, session, command, elements, bulk):
        if self.version != VERSION and command in ("HELLO", "CLOCK"):
            self.say(session, "WELCOME" if command == "HELLO" else command, self.version, "what nobody here knows", None)
            return
        if session.user is None and command not in ("HELLO", "KNOCK"):
            self.say(session, "AGAIN")
            return
        if command in ("CLOCK", "FETCH", "LACKING"):  # as one from before there were those
            self.refuse(session, "", b"", "unsupported")
            return
        handler = getattr(self, f"on_{command.lower()}")
        handler(session, *elements, *([] if bulk is None else [bulk]))

    def say(self, session, command, *elements, bulk=None):
        said = Said(command, list(elements), bulk)
        altered = self.alter(session, said) if self.alter else said
        for one in altered if isinstance(altered, list) else [altered] if altered else []:
            self.router.send_multipart([session.route, *one.wire()])

    def refuse(self, session, request, name, code, later=False):
        self.say(session, "REFUSED", request, name, "later" if later else "never", code, f"this is {code}")

    # ---- What a test does ----

    @contextlib.contextmanager
    def lying(self, alter=None, instead=None):
        """All sessions that begin inside are lied to."""
        with self.lock:
            self.alter, self.instead, self.heard = alter, instead, []
            self.drop_sessions()
        try:
            yield self
        finally:
            with self.lock:
                self.alter = self.instead = None
                self.drop_sessions()

    def drop_sessions(self):
        for session in self.sessions.values():
            session.user = None
            self.dropped.append(session.route)
        self.sessions.clear()

    def said_to_it(self, command):
        with self.lock:
            return [elements for _, said, elements in self.heard if said == command]

    def invite(self):
        pairing = crypto.Pairing(os.urandom(32))
        self.invitations[pairing.guest] = pairing
        return crypto.write_code(
            crypto.Code("127.0.0.1", self.port, self.identity.keys[1], None, pairing.secret, 0)
        )

    @property
    def log(self):
        """Of the only user."""
        (log,) = self.logs.values()
        return log

    # ---- Sessions ----

    def on_hello(self, session, version, user, heads, more):
        session.heads += map(tuple, heads)
        if more:
            return
        log = self.logs.get(user)
        if log is None:
            self.refuse(session, "HELLO", b"", "unknown")
            return
        session.user = user
        for page, on in pages([list(head) for head in log.heads()]):
            self.say(session, "WELCOME", VERSION, log.instance, now(), WINDOW, page, on)
        self.want(session, log.entries)

    def want(self, session, entries):
        lacking = self.logs[session.user].lacking(entries)
        if lacking:
            self.say(session, "WANTED", lacking)

    def on_subscribe(self, session, rungs, collections, credit, more):
        session.rungs += map(tuple, rungs)
        session.credit += credit
        if more:
            return
        log = self.logs[session.user]
        held, before, found = [], None, False
        for rung in session.rungs:
            if before is None or rung[0] != before[0] or rung[1] >= before[1]:
                found = False
            if not found and rung in log.at:
                held.append(rung)
                found = True
            before = rung
        for page, on in pages([list(head) for head in sorted(held)]):
            self.say(session, "SUBSCRIBED", page, on)
        session.collections = collections
        session.known = log.past(session.heads + held)
        self.pump(session)

    def pump(self, session):
        log = self.logs.get(session.user)
        if log is None or session.known is None:
            return
        while session.next < len(log.entries) and session.credit > 0:
            entry = log.entries[session.next]
            session.next += 1
            wanted = session.collections is None or entry.collection in [*session.collections, MEMBER_LOG, CATALOG]
            if wanted and entry.head not in session.known:
                session.credit = max(0, session.credit - len(entry.wire))
                self.say(session, "ENTRY", session.next, bulk=entry.wire)

    def on_credit(self, session, size):
        session.credit += size
        self.pump(session)

    def on_publish(self, session, token, without, wire):
        log, entry = self.logs[session.user], read_entry(wire)
        if session.known is not None:
            session.known.add(entry.head)
        if entry.head not in log.at:
            lease = self.leases.get((entry.collection, bytes(16)))
            if any(head not in log.at for head in log.built_on(entry)):
                return self.refuse(session, "PUBLISH", entry.hash, "gap", later=True)
            if lease and token != lease[2]:
                return self.refuse(session, "PUBLISH", entry.hash, "locked", later=True)
            log.add(entry)
        self.want(session, [entry])
        self.say(session, "ACCEPTED", list(entry.head))
        for other in list(self.sessions.values()):
            self.pump(other)

    # ---- Blobs ----

    def on_have(self, session, ids):
        log = self.logs[session.user]
        self.say(session, "MISSING", [
            [id, len(session.partial.get(id, b""))] for id in ids if id not in log.blobs
        ])

    def on_put(self, session, id, offset, total, piece):
        log, held = self.logs[session.user], session.partial.get(id, b"")
        if id not in log.blobs:
            if offset == len(held):
                held += piece
            session.partial[id] = held
            if len(held) < total:
                self.say(session, "MISSING", [[id, len(held)]])
                return
            if crypto.blob_id(held) != id:
                del session.partial[id]
                self.refuse(session, "PUT", id, "forged")
                return
            log.blobs[id] = held
        self.say(session, "STORED", id)

    def on_get(self, session, id, offset):
        blob = self.logs[session.user].blobs.get(id)
        if blob is None:
            self.say(session, "ABSENT", id)
        elif offset >= len(blob):
            self.refuse(session, "GET", id, "malformed")
        else:
            self.say(session, "BLOB", id, offset, len(blob), bulk=blob[offset : offset + PIECE])

    # ---- Leases and questions ----

    def on_lock(self, session, request, collection, name, for_ms, shared, wait):
        held = self.leases.get((collection, name))
        if held and held[0] != session.key:
            return self.say(session, "BUSY", request, self.device_of(session.user, held[0]), held[1])
        token = held[2] if held else [1, len(self.heard) + 1]
        self.leases[collection, name] = session.key, now() + for_ms, token
        self.say(session, "LEASE", request, token, now() + for_ms)
        return self.say_leases(bytes(16))

    def on_renew(self, session, request, token, for_ms):
        self.say(session, "LEASE", request, token, now() + for_ms)

    def on_unlock(self, session, request, collection, name, token):
        self.leases.pop((collection, name), None)
        self.say(session, "LEASE", request, token or [1, 0], 0)
        self.say_leases(bytes(16))

    def on_locks(self, session, request):
        self.say_leases(request, session)

    def say_leases(self, request, to=None):
        for session in [to] if to else [one for one in self.sessions.values() if one.user]:
            listed = [
                [collection, name, self.device_of(session.user, holder), until, False, until - 1]
                for (collection, name), (holder, until, _) in self.leases.items()
            ]
            self.say(session, "LEASES", request, listed)

    def device_of(self, user, curve):
        """Whose key it is, by the member log."""
        for entry in self.logs[user].entries:
            if entry.collection == MEMBER_LOG:
                operation = crypto.read_member(entry.body)
                if operation.keys and operation.keys[1] == curve:
                    return hash_of("device", operation.keys[0])
        return bytes(32)

    def on_locate(self, session, user):
        log = self.logs[user]
        self.say(session, "ENDPOINTS", log.instance, len(log.entries), [self.line])

    def on_report(self, session, heads, more):
        if not more:
            self.say(session, "REPORTED", self.device_of(session.user, session.key), now(), [], False)

    def on_checkpoint(self, session, said):
        of_user = self.checkpoints.setdefault(session.user, {})
        of_user[said[0]] = said
        self.say(session, "CHECKPOINTS", [one for device, one in sorted(of_user.items()) if device != said[0]])

    def on_query(self, session):
        log = self.logs[session.user]
        for collection in {entry.collection for entry in log.entries}:
            heads = [list(head) for head in log.heads() if log.at[head].collection == collection]
            self.say(session, "HOLDS", collection, heads)
        self.say(session, "REPORTED", None, 0, [], False)

    def on_chains(self, session, devices):
        log = self.logs[session.user]
        for device in devices:
            self.say(session, "ENDS", device, [list(head) for head in log.heads() if log.at[head].device == device], False)

    # ---- Guests ----

    def on_guest(self, session, key, expires):
        self.guests[key] = [session, None]
        self.say(session, "GUEST", key, expires)

    def on_knock(self, session, user, key, sealed):
        if user is None:
            self.admit_invited(session, key, sealed)
        elif key not in self.guests:
            self.refuse(session, "KNOCK", key, "unknown")
        else:
            self.guests[key][1] = session
            self.say(self.guests[key][0], "KNOCK", user, key, bulk=sealed)

    def admit_invited(self, session, key, sealed):
        pairing = self.invitations[key]
        first = read_entry(pairing.open_knock(None, sealed))
        if first.user not in self.logs:
            log = self.logs[first.user] = Log()
            log.add(first)
        self.say(session, "ADMIT", key, bulk=pairing.admit(sealed, first.user, crypto.OWNER, [first.head]))

    def on_admit(self, session, key, sealed):
        guest = self.guests[key][1]
        if guest:
            self.say(guest, "ADMIT", key, bulk=sealed)
