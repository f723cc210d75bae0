# SPDX-License-Identifier: Apache-2.0
"""50 independent clients contend for the lease of one collection, over a broker that is killed again and again: tokens
only rise, and nothing gets in but from the holder's session with its token. CONTEST_CYCLES=N: N leases, not 300."""

import os
import signal

import zmq

import protocol_crypto as crypto
from counterfoild import broker  # noqa: F401
from broker_client import Author, enrol, now
from protocol import MEMBER, pack, read_entry
from stand import dice

CONTENDERS = 50
CYCLES = int(os.environ.get("CONTEST_CYCLES", "300"))
KILLS = max(2, CYCLES // 150)
HOLD_MS = 600000  # longer than anybody takes who doesn't pause
PAUSE_MS = 1000
SILENCE_MS = 120000
PAPERS, WHOLE = b"papers".ljust(16, b"\0"), bytes(16)


class Contender:
    """A device with one session. What is not answered when the broker dies it asks again when there is a new one."""

    def __init__(self, contest, author):
        self.contest, self.author = contest, author
        self.session = None
        self.unanswered = []  # (message, bulk)
        self.request = self.token = None  # of its last lease
        self.for_ms = self.until = 0
        self.has_given_back = True
        self.owed = None  # its entry that is not ACCEPTED
        self.turns = self.take_turns()
        self.awaits = None  # for this to be true; None: it has had its last turn

    def connect(self, address):
        self.session = self.author.session(address)
        self.session.hello(self.author.user)
        for message, bulk in self.unanswered:
            self.session.send(*message, bulk=bulk)

    def step(self):
        while self.awaits and self.awaits():
            self.awaits = next(self.turns, None)

    def is_answered(self):
        return not self.unanswered

    def is_waiting(self):
        return [message[0] for message, _ in self.unanswered] == ["LOCK"]

    # ---- What it says ----

    def ask(self, *message, bulk=None):
        self.unanswered.append((message, bulk))
        self.session.send(*message, bulk=bulk)

    def lock(self, for_ms):
        self.request, self.for_ms = os.urandom(16), for_ms
        self.ask("LOCK", self.request, PAPERS, WHOLE, for_ms, False, True)

    def publish(self, token):
        if self.owed is None:
            change = [b"f" + os.urandom(15), "/name", [], False, b"a name"]
            self.owed = self.author.write_change(PAPERS, pack([now(), 0, 1, 1, [], [change], []]))
        self.ask("PUBLISH", token, [], bulk=self.owed)

    def unlock(self):
        self.has_given_back = True
        self.ask("UNLOCK", self.request, PAPERS, WHOLE, self.token)

    def take_turns(self):
        """What it does, up to where it has to wait, and for what."""
        contest = self.contest
        while not contest.is_over():
            pauses = contest.random.random() < 1 / 30
            old_token = self.token or [0, 0]
            self.lock(PAUSE_MS if pauses else HOLD_MS)
            yield self.is_answered
            if pauses and not contest.is_over():  # else perhaps nobody comes after it
                yield lambda: contest.highest > self.token
                self.publish(self.token)
                contest.overtaken += 1
                yield self.is_answered
                continue
            if contest.random.random() < 1 / 5 and not contest.is_over():
                intruder = contest.random.choice([one for one in contest.contenders if one.is_waiting()])
                for token in (None, intruder.token or [0, 0], self.token):
                    intruder.publish(token)
                for token in (None, old_token):
                    self.publish(token)
                contest.intruded += 5
                yield lambda: self.is_answered() and intruder.is_waiting()
            if not pauses:
                self.publish(self.token)
                yield self.is_answered
            self.unlock()
            if contest.random.random() < 1 / 10:
                self.publish(self.token)
                contest.late += 1
            yield self.is_answered

    # ---- What it hears ----

    def answered(self, command):
        at = next(at for at, (message, _) in enumerate(self.unanswered) if message[0] == command)
        return self.unanswered.pop(at)[0]

    def hear(self, message):
        elements = message.elements
        if message.command == "LEASE" and elements[2]:
            assert self.answered("LOCK")[1] == elements[0]
            self.contest.grant(self, *elements[1:])
        elif message.command == "LEASE":
            assert self.answered("UNLOCK")[1] == elements[0]
        elif message.command == "ACCEPTED":
            assert tuple(elements[0]) == read_entry(self.owed).head
            self.contest.accept(self, self.answered("PUBLISH")[1])
            self.owed = None
        else:
            assert message.command == "REFUSED" and elements[0] == "PUBLISH", message
            assert (elements[2], elements[3]) == ("later", "locked"), message
            self.answered("PUBLISH")
            self.contest.refused += 1


class Contest:
    """The contenders, and the observer of what must hold."""

    def __init__(self, broker, owner, authors):
        self.broker, self.observer, self.random = broker, owner, dice()
        self.contenders = [Contender(self, author) for author in authors]
        self.eyes = None  # the observer's session
        self.poller = None
        self.highest, self.holder = [0, 0], None  # the highest token granted, and to whom
        self.accepted = []  # heads, in their order
        self.cycles = self.kills = self.revived = self.overtaken = self.intruded = self.late = self.refused = 0

    def is_over(self):
        return self.cycles >= CYCLES

    def is_held_for(self, ms):
        return not self.holder.has_given_back and now() + ms < self.holder.until

    # ---- What must hold ----

    def grant(self, contender, token, until):
        assert token > self.highest, "a token that doesn't rise"
        before = self.holder
        assert not before or before.has_given_back or now() >= before.until, "two have the lease"
        self.highest, self.holder = token, contender
        contender.token, contender.until, contender.has_given_back = token, until, False
        self.cycles += 1

    def accept(self, contender, token):
        assert contender is self.holder and not contender.has_given_back, "ACCEPTED from one who hasn't the lease"
        assert token == contender.token == self.highest, "ACCEPTED without the lease's token"
        self.accepted.append(read_entry(contender.owed).head)

    def see(self, message):
        assert message.command == "LEASES" and len(message.elements[1]) <= 1, message

    def expect_in_force_anew(self, leases, since):
        [(collection, _, holder, until, shared, _)] = leases
        assert (collection, holder, shared) == (PAPERS, self.holder.author.identity.id, False)
        assert until >= since + self.holder.for_ms, "not its full time"
        self.holder.until = until

    # ---- How it goes ----

    def connect(self):
        """Everybody; what is in force before anybody asks for anything."""
        self.eyes = self.observer.session(self.broker.line)
        self.eyes.hello(self.observer.user)
        self.eyes.send("LOCKS", os.urandom(16))
        leases = self.eyes.hear("LEASES")
        self.see(leases)
        self.poller = zmq.Poller()
        self.poller.register(self.eyes.socket, zmq.POLLIN)
        for one in self.contenders:
            one.connect(self.broker.line)
            self.poller.register(one.session.socket, zmq.POLLIN)
        return leases.elements[1]

    def disconnect(self):
        for session in (self.eyes, *(one.session for one in self.contenders)):
            session.__exit__()

    def kill(self):
        self.broker.stop(signal.SIGKILL)
        was_held = self.is_held_for(0)
        self.disconnect()
        since = now()
        self.broker.restart()
        leases = self.connect()
        if was_held:
            self.expect_in_force_anew(leases, since)
            self.revived += 1
        self.kills += 1

    def hear(self):
        """One message of everybody for whom there is one; leases in the order in which they were granted."""
        ready = dict(self.poller.poll(SILENCE_MS))
        assert ready, "nobody goes on"
        heard = [(one, one.session.receive()) for one in self.contenders if one.session.socket in ready]
        for one, message in sorted(heard, key=lambda pair: pair[1].elements[1] if pair[1].command == "LEASE" else []):
            one.hear(message)
        if self.eyes.socket in ready:
            self.see(self.eyes.receive())

    def run(self):
        self.connect()
        try:
            self.let_them_contend()
        finally:
            self.disconnect()

    def let_them_contend(self):
        for one in self.contenders:
            one.awaits = next(one.turns)
        countdown = 0  # messages till the next kill
        while any(one.awaits for one in self.contenders):
            self.hear()
            for one in self.contenders:
                one.step()
            if countdown > 1:
                countdown -= 1
            elif countdown and (self.kills % 2 or self.is_held_for(PAUSE_MS)):
                self.kill()
                countdown = 0
            elif not countdown and self.kills < KILLS and self.cycles >= CYCLES * (self.kills + 1) / (KILLS + 1):
                countdown = self.random.randint(1, 20)


def members_of(broker, count):
    """A user's owner, and so many devices that are members."""
    account, owner = enrol(broker.run("invite").strip())
    members = [Author(crypto.Identity(os.urandom(32)), account.user) for _ in range(count)]
    with account.session(broker.line) as session:
        session.hello(account.user)
        for member in members:
            identity = member.identity
            session.publish(account.admit(identity.keys, identity.prove(account.user), crypto.MEMBER_ROLE))
    for member in members:
        for entry in account.log.entries.values():
            member.learn(entry)
    return owner, members


def begin(broker, owner):
    """There are leases only of what has an entry."""
    change = [b"f" + os.urandom(15), "/name", [], False, b"the first"]
    entry = owner.write_change(PAPERS, pack([now(), 0, 1, 1, [], [change], []]))
    with owner.session(broker.line) as session:
        session.hello(owner.user)
        session.publish(entry)
    return read_entry(entry).head


def changes_in_the_log(broker, owner):
    reader = Author(owner.identity, owner.user)
    with reader.session(broker.line) as session:
        session.hello(reader.user)
        session.subscribe(reader.log)
        for entry in session.entries(quiet_ms=2000):
            reader.learn(entry)
    return [head for head, entry in reader.log.entries.items() if entry.type != MEMBER]


def test_nothing_gets_in_by_another_than_the_holder_and_nothing_is_lost(broker):
    broker.start()
    owner, members = members_of(broker, CONTENDERS)
    contest = Contest(broker, owner, members)
    contest.accepted.append(begin(broker, owner))
    contest.run()
    assert changes_in_the_log(broker, owner) == contest.accepted
    assert contest.refused == contest.overtaken + contest.intruded + contest.late
    assert contest.kills == KILLS and contest.revived and contest.overtaken and contest.intruded and contest.late
    print(f"{contest.cycles} cycles; {contest.kills} kills, {contest.revived} while the lease was held;",
          f"{len(contest.accepted)} accepted; {contest.refused} refused: {contest.overtaken} overtaken,",
          f"{contest.intruded} by intruders or without the token, {contest.late} after giving back")
