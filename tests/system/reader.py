# SPDX-License-Identifier: Apache-2.0
"""An independent device, written from codec/PROTOCOL.md and from nothing else: it joins a user by a code, reads the
whole log, checks all that an entry can be checked for, opens what it was given keys of, and writes entries of its own."""

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
from reader_members import Members, permits


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
        self.operations = {}  # head -> what an entry of the member log says
        self.allowed = set()  # of these heads: its author's to do, by its own past
        self.openings = {}  # epoch -> (head, opening)
        self.sealed_keys = []  # (epoch, sealed key) given to this device by add or grant
        self.members = None  # what counts, until more is learned
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
        past, members = self.pasts_of(entry)
        self.check_members(entry, members)
        self.log.add(entry, self.keys[entry.device])
        self.pasts[entry.head] = past | {entry.head}
        self.member_pasts[entry.head] = members | ({entry.head} if entry.type == MEMBER else set())
        self.members = None
        if operation:
            self.operations[entry.head] = operation
            if self.may(entry, operation, members):
                self.allowed.add(entry.head)
            self.follow(entry, operation)

    def judged(self):
        """What counts of all that is held."""
        self.members = self.members or Members(self)
        return self.members

    @property
    def void(self):
        return self.judged().void

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
        if self.first:
            adds = {head for head in members & self.allowed if self.lets_in(head, entry.device)}
            require(adds, "its past does not hold the add of its device")
        if entry.epoch is not None:
            require(entry.epoch in self.openings, "an epoch that nobody opened")
            require(self.openings[entry.epoch][0] in members, "its past does not hold the opening of its epoch")

    # ---- Membership ----

    def lets_in(self, head, device):
        operation = self.operations[head]
        return operation.kind in (crypto.FIRST, crypto.ADD) and hash_of("device", operation.keys[0]) == device

    def may(self, entry, operation, members):
        """Whether an operation is allowed."""
        if not self.first:
            return operation.kind == crypto.FIRST
        if not permits(Members.role_in(self, entry.device, members & self.allowed), entry, operation):
            return False
        if operation.kind in (crypto.LEAVE, crypto.ANNUL):
            return (entry.device == self.user) == (operation.kind == crypto.ANNUL)
        if operation.kind in (crypto.REVOKE, crypto.ROLE):
            return operation.device != self.user
        return operation.kind != crypto.FIRST and (operation.kind != crypto.ADD or self.is_proved(operation))

    def is_proved(self, operation):
        try:
            crypto.check_proof(operation.keys, self.user, operation.proof)
        except Malformed:
            return False
        return True

    def follow(self, entry, operation):
        """What an operation tells, void or not: keys; and which epoch is in use by now."""
        if operation.opening:
            self.openings[entry.hash] = entry.head, operation.opening
            sealed = dict(map(tuple, operation.opening[1])).get(self.identity.id)
            self.sealed_keys += [[entry.hash, sealed]] if sealed else []
        if operation.kind == crypto.FIRST and entry.head in self.allowed:
            self.first = entry.head
        if operation.kind == crypto.ADD and entry.head in self.allowed:
            self.keys[hash_of("device", operation.keys[0])] = operation.keys[0]
        is_mine = operation.device == self.identity.id or operation.keys == self.identity.keys
        if is_mine and operation.access:
            self.sealed_keys.append(operation.access)
        self.epoch = self.judged().epoch
        self.open_keys()

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
        found = {entry.head: (entry, body) for entry, body in self.readable(collection)}
        whole = set().union(*(changeset(found, entry, body) for entry, body in found.values()))
        return [found[head] for head in found if head in whole]

    def readable(self, collection):
        """The same with parts of changesets that are not whole."""
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
        """Changes are (item, field, dots replaced, weak, value), or end with the dots."""
        table = sorted({dot for change in changes for dot in change[2]})
        rows = [
            [item, field, sorted(map(table.index, over)), *write]
            for item, field, over, *write in sorted(changes, key=lambda change: (change[0], change[1].encode()))
        ]
        ms, counter = self.time_after(collection)
        wire = self.write_change(collection, pack([ms, counter, 1, 1, [list(dot) for dot in table], rows, []]), blobs)
        session.publish(wire)


def changeset(found, entry, body):
    """The heads of the changeset that ends with this entry; none unless all its parts are there."""
    heads = set()
    for part in range(body.parts, 0, -1):
        if entry is None or body.part != part:
            return set()
        heads.add(entry.head)
        before = found.get((entry.writer, entry.sequence - 1, entry.previous))
        if part > 1:
            entry, body = before if before and before[1].parts == body.parts else (None, None)
    return heads


def inline(content):
    """A small content's reference."""
    return [crypto.content_hash(content), len(content), 0, content]


def new_item(kind, parent, name, content):
    """The id of an item without a history."""
    value = b"" if content is None else pack(inline(content)[:2])
    told = kind + parent + len(name).to_bytes(8, "big") + name + value
    return kind + hash_of("item", told)[:15]
