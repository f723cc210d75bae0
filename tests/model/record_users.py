# SPDX-License-Identifier: Apache-2.0
"""The tables of random histories, and what users do to a source of them."""
from record_item import Table, exclude, without_case
from record_pairs import ident
from record_view import holds

OWN = {"rev": "volatile", "seen": "weak", "tel": "set"}
SCHEMA = {
    "person": Table(True, OWN, (("email",),), ("mark",)),
    "phone": Table(True, {"about": ("ref", "person"), "person": ("owned", "person"), "via": ("ref", "desk"), "on": ("ref", "link")},
                   (), ("mark",)),
    "card": Table(False, OWN),
    "desk": Table(True, {"to": ("ref", "person")}, (("to",),), ("mark", "to")),
    "link": Table(True, {"to": ("owned", "person"), "from": ("ref", "person"), "over": ("ref", "desk")},
                  (("to",), ("from", "over"), ("from", "kind")), ("mark",)),
    "task": Table(True, OWN, (("list", "pos"), ("code",), ("word",)), ("mark", "pos"), ("word",)),
    "event": Table(False, {name: "one" for name in ("start", "lasts", "zone", "day")}),  # of examples: no vector has one
}
REFERENCES = {name for table in SCHEMA.values() for name, kind in table.how.items() if isinstance(kind, tuple)}


class User:
    """What users do to a source; b, c choose among what is there, so that a history stays valid when it shrinks."""

    def __init__(self, world, source, b, c):
        self.world, self.source, self.disk, self.b, self.c = world, source, source.disk, b, c
        self.rows = {t: sorted(at for at in self.disk if at[0] == t) for t in SCHEMA}
        self.people, self.phones, self.cards = self.rows["person"], self.rows["phone"], self.rows["card"]
        self.tasks, self.links, self.desks = self.rows["task"], self.rows["link"], self.rows["desk"]
        self.both = self.people + self.cards

    def can(self, table, name=None):
        return holds(self.source.form, table, name)

    def pick(self, options):
        return options[self.b % len(options)] if options else None

    def key(self, table):
        keys = [at[1] for at in self.rows[table]]
        return max(keys, default=0) + 1 if self.c % 4 else min(set(range(1, len(keys) + 2)) - set(keys))

    def phones_of(self, at):
        return [p for p in self.phones if self.disk[p].get("person") == at[1]]

    def refer_to(self, at):
        """(row, column) of those that refer to the row."""
        return [(child, name) for child in sorted(self.disk) for name, kind in SCHEMA[child[0]].how.items()
                if isinstance(kind, tuple) and kind[1] == at[0] and self.disk[child].get(name) == at[1]]

    def remove(self, at, but=()):
        """With what can't be without it: columns of a table in `but` are left as they are."""
        for child, name in self.refer_to(at):
            if child not in self.disk or child[0] in but:
                continue
            if (child[0], name) in (("phone", "person"), ("desk", "to"), ("link", "to")):
                self.remove(child)
            elif child[0] == "link":
                self.change(child, name, None)
        del self.disk[at]

    def change(self, at, name, value):
        if at:
            self.disk[at] = {**self.disk[at], name: value}

    def person(self):
        self.disk["person", self.key("person")] = {"mark": self.world.mark(), "name": self.world.value()}

    def same(self):
        if self.c % 2:
            self.disk["person", self.key("person")] = {"mark": "same", "name": "same"}
        else:
            self.disk["card", f"u{self.b % 2}"] = {"name": "same"}

    def alike(self):  # as another device may make it, too
        email = f"e{self.c % 3}"
        if all(self.disk[at].get("email") != email for at in self.people):
            self.disk["person", self.key("person")] = {"mark": "same", "email": email, **({"name": "same"} if self.b % 2 else {})}

    def card(self):
        self.disk.setdefault(("card", f"u{self.b % 3}"), {"name": self.world.value()})

    def phone(self):
        if self.people and self.can("phone"):
            self.disk["phone", self.key("phone")] = {
                "mark": self.world.mark(), "person": self.pick(self.people)[1], "number": self.world.value()}

    def edit(self):
        self.change(self.pick(self.both), "name", self.world.value())

    def clear(self):
        if self.cards:
            at = self.pick(self.cards)
            self.disk[at] = {n: v for n, v in self.disk[at].items() if n != "name"}

    def look(self):  # a text, or an object with members
        if self.cards and self.can("card", "look"):
            at, name = self.pick(self.cards), ("look", "look/name", "look/size")[self.c % 3]
            beside = {n: v for n, v in self.disk[at].items() if not exclude(n, name)}
            self.disk[at] = {**beside, name: self.world.value()}

    def unlook(self):
        if self.cards:
            at = self.pick(self.cards)
            gone = [n for n in self.disk[at] if n.startswith("look")][:1 + self.c % 2]
            self.disk[at] = {n: v for n, v in self.disk[at].items() if n not in gone}

    def email(self):
        value = f"e{self.c % 3}"
        if all(self.disk[at].get("email") != value for at in self.people):
            self.change(self.pick(self.people), "email", value)

    def word(self):
        value = ("w", "W", "u", "W (2)")[self.c % 4]
        if all(without_case(self.disk[at].get("word")) != without_case(value) for at in self.tasks):
            self.change(self.pick(self.tasks), "word", value)

    def edit_tel(self, edited):
        at = self.pick(self.both)
        if at and self.can(at[0], "tel"):
            old = self.disk[at].get("tel", ())
            new = self.world.value() if self.c % 3 else "t-same"
            self.change(at, "tel", edited(old, new, old[self.c % len(old)] if old else None))

    def tel(self):
        self.edit_tel(lambda old, new, _: old if new in old or (old and self.source.form.slots) else old + (new,))

    def untel(self):
        self.edit_tel(lambda old, new, one: tuple(v for v in old if v != one))

    def retel(self):
        self.edit_tel(lambda old, new, one: old if new in old else tuple(new if v == one else v for v in old))

    def order(self):
        self.edit_tel(lambda old, new, one: old[::-1])

    def delete(self):
        if self.disk:
            self.remove(self.pick(sorted(self.disk)))

    def dangle(self):
        if self.people and not self.phones[3:]:
            at = self.pick(self.people)
            self.world.dangling |= {ident(p, self.disk[p]) for p in self.phones_of(at)}
            self.remove(at, ("phone",))

    def rekey(self):
        if self.people:
            at, new = self.pick(self.people), ("person", max(p[1] for p in self.people) + 1 + self.c % 3)
            self.disk[new] = self.disk.pop(at)
            for child in self.phones + self.links + self.desks:
                for name in "person", "about", "to", "from":
                    if self.disk[child].get(name) == at[1]:
                        self.change(child, name, new[1])

    def reuse(self):
        if self.people:
            at = self.pick(self.people)
            self.remove(at)
            self.disk[at] = {"mark": self.world.mark(), "name": self.world.value()}

    def swap(self):  # INSERT OR REPLACE: a new row takes over a unique value
        if self.people:
            at = self.pick(self.people)
            email, new = self.disk[at].get("email"), self.key("person")
            self.remove(at)
            self.disk["person", new] = {"mark": self.world.mark(), "name": self.world.value(),
                                        **({"email": email} if email else {})}

    def fits(self, at, row):
        """Nobody else has what the row has in the columns of a tuple."""
        def claims(fields):
            return {names: values for names in SCHEMA[at[0]].unique if None not in (values := tuple(map(fields.get, names)))}

        mine = claims(row)
        return not any(claims(self.disk[other]).get(names) == values for other in self.rows[at[0]] if other != at
                       for names, values in mine.items())

    def only(self, table, name):  # at most one of a person
        free = [at for at in self.people if all(self.disk[row].get(name) != at[1] for row in self.rows[table])]
        if free and self.can(table):
            self.disk[table, self.key(table)] = {"mark": self.world.mark(), name: self.pick(free)[1]}

    def link(self):
        self.only("link", "to")

    def desk(self):
        self.only("desk", "to")

    def relink(self):
        at, name = self.pick(self.links), ("to", "from", "over", "kind")[self.c % 4]
        if at:
            options = [1, 2] if name == "kind" else [row[1] for row in (self.desks if name == "over" else self.people)]
            value = options[self.b % len(options)] if options and self.c % 5 else None
            if self.fits(at, {**self.disk[at], name: value}):
                self.change(at, name, value)

    def relinked(self):  # two exchange where they lead to
        if len(self.links) > 1:
            one, other = self.links[self.b % len(self.links)], self.links[(self.b + 1) % len(self.links)]
            to = self.disk[one].get("to"), self.disk[other].get("to")
            self.change(one, "to", to[1]), self.change(other, "to", to[0])

    def call(self):  # a telephone stands on a link, or at a desk
        at, name = self.pick(self.phones), ("on", "via")[self.c % 2]
        rows = self.links if name == "on" else self.desks
        if at and rows:
            self.change(at, name, rows[self.c % len(rows)][1])

    def next_place(self, number):
        return max((self.disk[at]["pos"] for at in self.tasks if self.disk[at].get("list") == number), default=0) + 1

    def task(self):
        if self.can("task"):
            number = 1 + self.b % 2
            self.disk["task", self.key("task")] = {"mark": self.world.mark(), "list": number, "pos": self.next_place(number)}

    def place(self):
        at = self.pick(self.tasks)
        if at:
            self.change(at, "pos", self.next_place(self.disk[at].get("list")))

    def exchange(self):
        mine = [at for at in self.tasks if self.disk[at].get("list") == 1 + self.b % 2]
        if len(mine) > 1:
            one, other = mine[self.b % len(mine)], mine[(self.b + 1 + self.c % (len(mine) - 1)) % len(mine)]
            places = self.disk[one]["pos"], self.disk[other]["pos"]
            self.change(one, "pos", places[1])
            self.change(other, "pos", places[0])

    def rev(self):
        if self.both and self.can(self.pick(self.both)[0], "rev"):
            self.change(self.pick(self.both), "rev", f"rev{self.world.tick()}")

    def seen(self):
        if self.both and self.can(self.pick(self.both)[0], "seen"):
            self.change(self.pick(self.both), "seen", f"seen{self.world.tick()}")

    def reparent(self):
        if self.people:
            self.change(self.pick(self.phones), "person", self.people[self.c % len(self.people)][1])

    def mail(self):  # refers to a person by the e-mail address, or to none any more
        if self.phones:
            parent = self.pick(self.people)
            self.change(self.pick(self.phones), "mail", self.disk[parent].get("email") if parent else None)

    def about(self):
        if self.people:
            self.change(self.pick(self.phones), "about", self.people[self.c % len(self.people)][1] if self.c % 5 else None)
