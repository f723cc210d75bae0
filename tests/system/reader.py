# SPDX-License-Identifier: Apache-2.0
"""An independent device, written from codec/PROTOCOL.md and from nothing else: it joins a user by a code, reads the
whole log, checks all that an entry can be checked for, opens what it was given keys of, and writes entries of its own.

It does not follow revocations, and says so when it meets one."""

import os

import protocol_crypto as crypto
from broker_client import Author, knock, now
from protocol import (
    CHANGE,
    MEMBER,
    Gap,
    Malformed,
    Newer,
    hash_of,
    pack,
    read_body,
    read_entry,
    require,
    verify_entry,
)

LIMITS = (crypto.REVOKE, crypto.ANNUL, crypto.LEAVE, crypto.ROLE)


class Waits(Exception):
    """What it says can't be read before a key is here."""


def join(line, name):
    """Becomes a device of the user whose device printed this code."""
    code = crypto.read_code(line)
    identity = crypto.Identity(os.urandom(32))
    sealed = crypto.Pairing(code.secret).knock(code.user, name, identity)
    user, role, heads = knock(code, sealed)
    require(user == code.user, "another user's ADMIT")
    device = Reader(identity, user)
    device.address = crypto.write_address(code.host, code.port, code.key)
    device.admitted = role, heads
    return device


class Reader(Author):
    """A device, what it holds of its user's log, and what the member log in it says."""

    def __init__(self, identity, user):
        super().__init__(identity, user)
        self.pasts = {}  # head -> the heads of its past, its own among them
        self.member_pasts = {}  # head -> those of the member log among them
        self.first = None  # the head of the account's first entry
        self.added = {}  # head of an add -> (device, role)
        self.openings = {}  # epoch -> (head, opening)
        self.sealed_keys = []  # (epoch, sealed key) given to this device by add or grant
        self.void = set()
        self.empty = set()
        self.admitted = None, []

    # ---- Reading the log ----

    def read_log(self, session, credit=1):
        """All that the broker holds, a little at a time: each entry is paid for when it was taken in."""
        session.hello(self.user, self.log.heads())
        session.subscribe(self.log, credit=credit)
        position = 0
        while not self.log.entries.keys() >= set(session.theirs):
            message = session.hear("ENTRY")
            require(message.elements[0] > position, "positions do not rise")
            position = message.elements[0]
            self.learn(read_entry(message.bulk))
            session.send("CREDIT", len(message.bulk))
        require(set(self.admitted[1]) <= self.log.entries.keys(), "the broker holds back what the ADMIT named")

    def learn(self, entry):
        """Takes an entry in, or raises Malformed, or Gap when it can't be taken yet."""
        if entry.head in self.log.entries:
            return
        if entry.version != 1 or entry.type not in (CHANGE, MEMBER):
            raise Newer("an entry of a later version")
        operation = self.read_operation(entry)
        if operation and operation.kind == crypto.FIRST and not self.first:
            self.check_first(entry, operation)
        require(entry.device in self.keys, "by nobody who was added")
        verify_entry(entry, self.keys[entry.device])
        if operation and operation.kind in LIMITS:
            raise Newer("this reader does not follow revocations")
        past, members = self.pasts_of(entry)
        self.check_members(entry, members)
        self.log.add(entry, self.keys[entry.device])
        self.pasts[entry.head] = past | {entry.head}
        self.member_pasts[entry.head] = members | ({entry.head} if entry.type == MEMBER else set())
        if not self.may(entry, operation, members):
            self.void.add(entry.head)
        if operation:
            self.follow(entry, operation)

    def read_operation(self, entry):
        if entry.type != MEMBER:
            return None
        try:
            return crypto.read_member(entry.body)
        except Malformed:
            self.empty.add(entry.head)
            return None

    def check_first(self, entry, operation):
        """The account's own entry: all trust begins with the user's id."""
        require(entry.sequence == 1 and not entry.after, "it isn't the first")
        require(hash_of("device", operation.keys[0]) == entry.device == entry.user == self.user, "another account")
        self.keys[self.user] = operation.keys[0]

    def pasts_of(self, entry):
        named = set(entry.after)
        previous = (entry.writer, entry.sequence - 1, entry.previous)
        if entry.sequence > 1:
            named.add(previous)
        if not named <= self.pasts.keys():
            raise Gap("what it builds on is not here")
        telling = {head for head in named if head == previous or self.log.entries[head].type == MEMBER}
        return (
            frozenset().union(*(self.pasts[head] for head in named)),
            frozenset().union(*(self.member_pasts[head] for head in telling)),
        )

    def check_members(self, entry, members):
        if entry.device != self.user:
            require(self.role_in(members, entry.device) is not None, "its past does not hold the add of its device")
        elif self.first:
            require(self.first in members, "its past does not hold the first entry")
        if entry.epoch is not None:
            require(entry.epoch in self.openings, "an epoch that nobody opened")
            require(self.openings[entry.epoch][0] in members, "its past does not hold the opening of its epoch")

    # ---- Membership ----

    def role_in(self, past, device):
        """The role by the latest adds in a past; of several the least. None: it was not added."""
        adds = {head: role for head, (added, role) in self.added.items() if added == device and head in past}
        latest = [role for head, role in adds.items() if not any(head in self.pasts[o] for o in adds if o != head)]
        return max(latest, default=None)

    def may(self, entry, operation, members):
        role = crypto.OWNER if entry.device == self.user else self.role_in(members, entry.device)
        if entry.type == CHANGE:
            return role in (crypto.OWNER, crypto.MEMBER_ROLE)
        if operation is None or role != crypto.OWNER:
            return False
        if operation.kind == crypto.FIRST:
            return not self.first
        return operation.kind != crypto.ADD or self.is_proved(operation)

    def is_proved(self, operation):
        try:
            crypto.check_proof(operation.keys, self.user, operation.proof)
        except Malformed:
            return False
        return True

    def follow(self, entry, operation):
        """What an operation says; of a void one only the keys that it opens."""
        if operation.opening:
            self.openings[entry.hash] = entry.head, operation.opening
            sealed = dict(map(tuple, operation.opening[1])).get(self.identity.id)
            self.sealed_keys += [[entry.hash, sealed]] if sealed else []
        if entry.head not in self.void:
            self.follow_valid(entry, operation)
        self.open_keys()

    def follow_valid(self, entry, operation):
        if operation.kind == crypto.FIRST:
            self.first = entry.head
        elif operation.kind == crypto.ADD:
            self.follow_add(entry, operation)
        elif operation.kind == crypto.GRANT and operation.device == self.identity.id:
            self.sealed_keys.append(operation.access)
        self.epoch = self.epoch_in_use()

    def follow_add(self, entry, operation):
        device = hash_of("device", operation.keys[0])
        self.keys[device] = operation.keys[0]
        self.added[entry.head] = device, operation.role
        if operation.keys == self.identity.keys and operation.access:
            self.sealed_keys.append(operation.access)

    def epoch_in_use(self):
        """Of the epochs that no other has in its past, the one with the lowest name."""
        heads = {head for head, _ in self.openings.values()} - self.void
        return min(
            epoch
            for epoch, (head, _) in self.openings.items()
            if head in heads and not any(head in self.pasts[other] for other in heads if other != head)
        )

    def open_keys(self):
        for epoch, sealed in self.sealed_keys:
            if epoch in self.openings and epoch not in self.content_keys:
                commitment = self.openings[epoch][1][0]
                self.hold_key(epoch, crypto.unseal_key(self.user, commitment, sealed, self.identity))

    def hold_key(self, epoch, key):
        """Takes a content key, and the earlier ones that its opening holds; none that was not committed to."""
        _, opening = self.openings.get(epoch, (None, None))
        if opening is None or crypto.commitment_of(self.user, key) != opening[0]:
            return
        self.content_keys[epoch] = key
        for earlier, older in crypto.open_earlier(self.user, opening, key).items():
            if earlier not in self.content_keys:
                self.hold_key(earlier, older)

    # ---- What entries say ----

    def collection(self, name):
        """The id of the collection that had this name first."""
        return crypto.collection_id(self.content_keys[self.first[2]], name)

    def bodies(self, collection):
        """(entry, Body) of the entries that count, in the order they came."""
        for entry in list(self.log.entries.values()):
            if entry.collection != collection or entry.head in self.void | self.empty:
                continue
            if entry.epoch not in self.content_keys:
                raise Waits("for the key of an epoch")
            try:
                yield entry, read_body(self.open(entry), entry)
            except Malformed:
                self.empty.add(entry.head)

    def blobs(self, session, collection):
        """A function that gives the plain bytes of a blob of this collection, by its id."""
        opened = {}

        def plain(id):
            if id not in opened:
                sealed = session.get(id)
                if sealed is None:
                    raise Waits("for a blob that the broker lacks")
                opened[id] = crypto.open_blob(self.user, collection, self.content_keys.__getitem__, id, sealed)
            return opened[id]

        return plain

    # ---- Writing ----

    def time_after(self, collection):
        """Later than all that was seen."""
        ms, counter = max((body.time for _, body in self.bodies(collection)), default=(0, 0))
        return (now(), 0) if now() > ms else (ms, counter + 1)

    def put_pieces(self, session, collection, pieces):
        """The ids of the blobs that these pieces of content become."""
        key = self.content_keys[self.epoch]
        return [session.put(crypto.seal_blob(self.user, collection, self.epoch, key, piece)) for piece in pieces]

    def publish_changes(self, session, collection, changes, blobs=()):
        """Changes are (item, field, dots replaced, weak, value)."""
        table = sorted({dot for change in changes for dot in change[2]})
        rows = [
            [item, field, sorted(map(table.index, over)), weak, value]
            for item, field, over, weak, value in sorted(changes, key=lambda change: (change[0], change[1].encode()))
        ]
        ms, counter = self.time_after(collection)
        wire = self.write_change(collection, pack([ms, counter, 1, 1, [list(dot) for dot in table], rows, []]), blobs)
        session.publish(wire)


def inline(content):
    """A small content's reference."""
    return [crypto.content_hash(content), len(content), 0, content]


def new_item(kind, parent, name, content):
    """The id of an item without a history."""
    value = b"" if content is None else pack(inline(content)[:2])
    told = kind + parent + len(name).to_bytes(8, "big") + name + value
    return kind + hash_of("item", told)[:15]
