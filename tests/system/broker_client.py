# SPDX-License-Identifier: Apache-2.0
"""A device that speaks the protocol with a broker, written from codec/PROTOCOL.md alone."""

import os
import time

import zmq
import zmq.utils.monitor
import zmq.utils.z85

import protocol
import protocol_crypto as crypto

TIMEOUT_MS = 10000
STEP = 256 * 1024


class Refused(Exception):
    pass


class Connection:
    """One session's connection; z85 keys, as pyzmq wants them."""

    def __init__(self, place, public, secret):
        host, port, key = place
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, -1)
        self.socket.setsockopt(zmq.RCVTIMEO, TIMEOUT_MS)
        self.socket.curve_serverkey = zmq.utils.z85.encode(key)
        self.socket.curve_publickey = zmq.utils.z85.encode(public)
        self.socket.curve_secretkey = zmq.utils.z85.encode(secret)
        self.monitor = self.socket.get_monitor_socket()
        self.monitor.setsockopt(zmq.RCVTIMEO, TIMEOUT_MS)
        self.socket.connect(f"tcp://{host}:{port}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.disable_monitor()
        self.socket.close()

    def is_let_in(self):
        wanted = {zmq.EVENT_HANDSHAKE_SUCCEEDED: True, zmq.EVENT_HANDSHAKE_FAILED_AUTH: False}
        while True:
            event = zmq.utils.monitor.recv_monitor_message(self.monitor)["event"]
            if event in wanted:
                return wanted[event]

    def say(self, *message, bulk=None):
        frames = [protocol.pack(list(message))] + ([] if bulk is None else [bulk])
        self.socket.send_multipart(frames)

    def hear(self, command):
        """The next message, which must be this one: its elements, and its bulk frame if it has one."""
        frames = self.socket.recv_multipart()
        said, *elements = protocol.unpack(frames[0])
        if said != command:
            raise Refused([said, *elements])
        return elements + frames[1:]

    def greet(self, user):
        self.say("HELLO", 1, user, [], False)
        version, instance, now, window, heads, more = self.hear("WELCOME")
        assert version == 1 and not more and abs(now - time.time() * 1000) < 60000 and window > 0
        return [tuple(head) for head in heads]

    def publish(self, entry):
        self.say("PUBLISH", None, [], bulk=entry.wire)
        assert tuple(self.hear("ACCEPTED")[0]) == entry.head

    def put(self, blob):
        name = crypto.blob_id(blob)
        for at in range(0, len(blob), STEP):
            self.say("PUT", name, at, len(blob), bulk=blob[at : at + STEP])
            last = at + STEP >= len(blob)
            answer = self.hear("STORED" if last else "MISSING")
            assert answer[0] == (name if last else [[name, min(at + STEP, len(blob))]])
        return name

    def get(self, name):
        blob, total = b"", 1
        while len(blob) < total:
            self.say("GET", name, len(blob))
            said, at, total, piece = self.hear("BLOB")
            assert said == name and at == len(blob)
            blob += piece
        return blob


class Account:
    """A user's account, that writes its member log and changes by itself."""

    def __init__(self):
        self.identity = crypto.account_of(os.urandom(16))
        self.user = self.identity.id
        self.content_key = os.urandom(32)
        self.chains = {}
        self.members_head = None

    def entry(self, type, collection, body, blobs=()):
        """The next one of the chain in that collection."""
        random, last = self.chains.get(collection, (os.urandom(16), None))
        writer = protocol.writer_id(self.user, self.user, collection, random)
        member = type == protocol.MEMBER
        after = [] if member or last else [list(self.members_head)]
        header = protocol.pack(
            [1, type, self.user, self.user, collection, writer]
            + [last.sequence + 1 if last else 1, last.hash if last else random, after]
            + [None if member else self.epoch, b"".join(sorted(blobs)), protocol.hash_of("body", body)]
        )
        entry = protocol.read_entry(header + self.identity.sign("entry", header) + body)
        self.chains[collection] = (random, entry)
        if member:
            self.members_head = entry.head
        return entry

    def first_entry(self):
        recipients = [(self.user, self.identity.keys[2])]
        opening = crypto.make_opening(self.user, self.content_key, recipients, [], [os.urandom(32)])
        operation = crypto.Operation(crypto.FIRST, int(time.time() * 1000), keys=self.identity.keys, opening=opening)
        entry = self.entry(protocol.MEMBER, protocol.MEMBER_LOG, crypto.write_member(operation))
        self.epoch = entry.hash
        return entry

    def change(self, collection, blobs=()):
        return self.entry(protocol.CHANGE, collection, os.urandom(200), blobs)

    def connect(self, place):
        return Connection(place, self.identity.keys[1], self.identity.curve_secret)


def knock(invitation, first_entry):
    """Asks to be let in; the user that was."""
    code = crypto.read_code(invitation)
    pairing = crypto.Pairing(code.secret)
    sealed = pairing.knock_invited(first_entry.wire)
    with Connection((code.host, code.port, code.key), pairing.guest, pairing.guest_secret) as guest:
        guest.say("KNOCK", None, pairing.guest, bulk=sealed)
        key, answer = guest.hear("ADMIT")
        assert key == pairing.guest
        user, role, heads = pairing.open_admit(sealed, answer)
        assert role == crypto.OWNER and [tuple(head) for head in heads] == [first_entry.head]
        return user
