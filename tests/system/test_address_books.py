# SPDX-License-Identifier: Apache-2.0
"""One address book as vCards, as a table and as JSContact, on three devices: whoever changes what, all say the same."""

import os
import random

from address_books import SETS, TEXTS, Cards, Objects, Table, exchanged, said
from cards import card, fill
from counterfoil import broker, make_device, two  # noqa: F401

SEED = os.environ.get("ADDRESS_BOOKS_SEED", "1")
COUNT = int(os.environ.get("ADDRESS_BOOKS_COUNT", "10"))

WORDS = ("Anna", "O'Neil, \"Bob\"; Dr.", "größer ☃ e\u0301", "a\\b\\n", "=1+1", "x:y", "Ltd. & Söhne", "long " * 30 + "end",
         "#1", "\u00fc\u0308", " a", "b ", "a\tb", "'", "a:::b", "\u2028", "<b>&amp;</b>")
LINES = ("", "one\ntwo", "\\n is no line", "a, b; c: \"d\"\n\n- e", "=HYPERLINK()")
DAYS = ("1980-05-17", "2001-12-31", "--02-29", "1999")
FIRST = [card("anna", "Anna Example", "N:Example;Anna;Maria;Dr.;", "EMAIL;TYPE=home:anna@example.org",
              "TEL;TYPE=cell;X-CARRIER=blue:+49 1", "TEL:+49 2", "ORG:Example Ltd.;Sales", "X-LUCKY;X-WHY=luck:7",
              "CATEGORIES:friend,colleague"),
         card("bert", "Bert", "item1.EMAIL:bert@example.org", "X-LUCKY:8"), card("cleo", "Cleo"),
         card("dora", "Dora", "BDAY:1980-05-17")]


class Book:
    """What one user does, now with this program, now with that; everybody syncs after each time."""

    def __init__(self, two, make_device):
        self.chance = random.Random(SEED)
        self.devices = [*two, make_device("tablet")]
        two[0].pair(self.devices[2])
        self.programs = [program(device.source("people" + end)) for program, device, end in zip(
            (Cards, Table, Objects), self.devices, ("", ".csv", ".json"))]
        fill(self.programs[0].path, {f"{place}.vcf": text for place, text in enumerate(FIRST)})
        for device, program in zip(self.devices, self.programs):
            device.sync()
            device.json("add", str(program.path), "--collection", "people", "--format", program.format)
            device.sync()
        self.people = self.programs[0].people()
        self.kept = {uid: self.programs[0].kept(uid) for uid in self.people}
        self.born, self.touched = 0, set()  # sets that were changed since the last sync
        self.expect_all(0)

    def value(self, what):
        chance = self.chance
        if what in SETS:
            kinds = ("{}@example.org", '"o,x"@{}.org') if what == "E-Mail" else ("+49 {}", "(0)30/{};ext=3", "{} ")
            made = chance.choice(kinds)
            return {made.format(chance.randrange(1000)) for _ in range(chance.randrange(4))}
        if what == "Birthday":
            return chance.choice(("", *DAYS))
        if what == "Note":
            return chance.choice(LINES)
        return chance.choice(WORDS if what == "Name" else ("", *WORDS))

    def value_beside(self, what, old):
        """Of a set some more, some less, or one of them changed: then it is clear which became what."""
        new = self.value(what)
        if what not in SETS:
            return new
        one = set(self.chance.sample(sorted(old), min(1, len(old))))
        return self.chance.choice((old | new, old - new - one, old - one | set(sorted(new)[:1])))

    def act(self, program):
        """One thing; what was done, for who reads a failure."""
        chance = self.chance
        uids = sorted(self.people)
        uid, deed = chance.choice(uids), chance.random()
        if deed < 0.15:
            self.born += 1
            uid, person = f"new{self.born}", {"Name": self.value("Name")}
            person.update((what, value) for what in (*TEXTS[1:], *SETS) if (value := self.value(what)))
            program.add(uid, person, chance)
            self.people[uid] = person
            self.kept[uid] = set(), {value: set() for what in SETS for value in person.get(what, ())}
            return "add", uid, person
        if deed < 0.22 and len(uids) > 3:
            program.delete(uid, chance)
            del self.people[uid], self.kept[uid]
            return "delete", uid
        what = chance.choice([what for what in (*TEXTS, *SETS) if (uid, what) not in self.touched])
        self.touched |= {(uid, what)} if what in SETS else set()
        value = self.value_beside(what, self.people[uid].get(what, set()))
        program.change(uid, what, value, chance)
        if what in SETS:
            self.keep_kinds(self.kept[uid][1], self.people[uid].get(what, set()), value)
        self.people[uid] = said({**self.people[uid], what: value})
        return "change", uid, what, value

    @staticmethod
    def keep_kinds(kinds, old, wanted):
        """A value that is changed stays of its kind."""
        becomes, new = exchanged(sorted(old), wanted)
        told = {becomes[value]: kinds.pop(value) for value in old}
        kinds.update({value: told.get(value, set()) for value in wanted})

    def step(self, number):
        who, self.touched = self.chance.randrange(3), set()
        deeds = [self.act(self.programs[who]) for _ in range(self.chance.randrange(1, 5))]
        self.sync(self.devices[who])
        self.expect_all((number, self.programs[who].format, deeds))

    def sync(self, first):
        others = [device for device in self.devices if device is not first]
        self.chance.shuffle(others)
        for device in (first, *others):
            book, = device.sync()["collections"]
            assert book["in_sync"] and not book["pending"] and not book["conflicts"], (device.name, book)

    def expect_all(self, step):
        for program in self.programs:
            assert program.people() == self.people, f"{program.format}, {step}, ADDRESS_BOOKS_SEED={SEED}"
        assert {uid: self.programs[0].kept(uid) for uid in self.people} == self.kept, f"{step}, ADDRESS_BOOKS_SEED={SEED}"

    def texts(self):
        return [{path.name: path.read_bytes() for path in program.path.glob("*.vcf")} if program.format == "vcard"
                else program.path.read_bytes() for program in self.programs]

    def entries(self):
        return len({change["entry"] for change in self.devices[0].json("log", "-n", "100000")})


def test_one_address_book_in_three_formats(two, make_device):
    book = Book(two, make_device)
    for number in range(COUNT):
        book.step(number)
    before = book.entries()
    for program in book.programs:
        program.save(book.chance)
    texts = book.texts()
    book.sync(book.devices[0])
    assert book.texts() == texts, "to save the same in another way is no change"
    assert book.entries() == before
