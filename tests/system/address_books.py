# SPDX-License-Identifier: Apache-2.0
"""One address book as three programs have it: vCards, a table, JSContact. Each saves in a way of its own, and reads what
the others made of it. A person is {what: value}, telephones and addresses being sets; what nobody says isn't there."""

import csv
import io
import json
import re

from cards import write

TEXTS = "Name", "Given name", "Family name", "Organisation", "Note", "Birthday"
SETS = {"E-Mail": ("EMAIL", "emails", "address"), "Telephone": ("TEL", "phones", "number")}


def said(person):
    return {what: value for what, value in person.items() if value}


def exchanged(values, wanted):
    """What each value becomes, None: nothing; and what is new. One gone and one new is an edit."""
    gone, new = [one for one in values if one not in wanted], sorted(wanted - set(values))
    pairs = dict(zip(gone, [new.pop()])) if len(gone) == len(new) == 1 else dict.fromkeys(gone)
    return {one: pairs.get(one, one) for one in values}, new


# ---- vCards ----


def escaped(text):
    return re.sub(r"([\\,;])", r"\\\1", text).replace("\n", "\\n")


def plain(text):
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], text, flags=re.DOTALL)


def pieces(value):
    return [plain(piece) for piece in re.findall(r"(?:^|;)((?:\\.|[^;\\])*)", value)]


def date(value):
    found = re.fullmatch(r"(\d{4}|--)-?(\d\d)?-?(\d\d)?", value)
    return "-".join([found[1] if found[1] != "--" else "-", *filter(None, found.groups()[1:])])


class Card:
    def __init__(self, text):
        self.lines = [line for line in re.sub(r"\r\n[ \t]", "", text).split("\r\n") if line]

    def find(self, name):
        """The places of a property, and what it says there."""
        found = []
        for place, line in enumerate(self.lines):
            head, _, value = line.partition(":")
            if head.split(";")[0].split(".")[-1].upper() == name:
                found.append((place, value))
        return found

    def put(self, place, name, value):
        if place is None:
            self.lines.insert(-1, f"{name}:{value}")
        elif value is None:
            self.lines[place] = ""
        else:
            self.lines[place] = self.lines[place].partition(":")[0] + ":" + value

    def first(self, name):
        return next(iter(self.find(name)), (None, ""))

    def kinds(self, property):
        for place, value in self.find(property):
            parameters = self.lines[place].partition(":")[0].split(";")[1:]
            yield plain(value), {one.lower() for one in parameters if one.upper().startswith(("TYPE=", "X-"))}

    def person(self):
        name = [*pieces(self.first("N")[1]), "", ""]
        texts = [plain(self.first("FN")[1]), name[1], name[0], pieces(self.first("ORG")[1])[0], plain(self.first("NOTE")[1]),
                 date(self.first("BDAY")[1]) if self.first("BDAY")[1] else ""]
        sets = {what: {plain(value) for _, value in self.find(property)} for what, (property, _, _) in SETS.items()}
        return said({**dict(zip(TEXTS, texts)), **sets})

    def edit(self, what, value):
        if what in SETS:
            return self.edit_set(SETS[what][0], value)
        if what in ("Given name", "Family name"):
            place, old = self.first("N")
            parts = [*map(escaped, pieces(old)), "", "", "", "", ""][:5]
            parts[what == "Given name"] = escaped(value)
            return self.put(place, "N", ";".join(parts))
        property = {"Name": "FN", "Organisation": "ORG", "Note": "NOTE", "Birthday": "BDAY"}[what]
        place, old = self.first(property)
        rest = [escaped(piece) for piece in pieces(old)[1:]] if what == "Organisation" else []
        if value or rest:
            self.put(place, property, ";".join([value if what == "Birthday" else escaped(value), *rest]))
        elif place is not None:
            self.put(place, property, None)

    def edit_set(self, property, wanted):
        places = {plain(value): place for place, value in self.find(property)}
        becomes, new = exchanged(places, wanted)
        for old, value in becomes.items():
            if value != old:
                self.put(places[old], property, value and escaped(value))
        for value in new:
            self.put(None, property, escaped(value))

    def text(self, chance):
        """As another program would save it: in another order, with or without folds."""
        head, body, end = self.lines[:2], [line for line in self.lines[2:-1] if line], self.lines[-1]
        chance.shuffle(body)
        fold = chance.choice((None, 60))
        return "".join(self.folded(line, fold) + "\r\n" for line in [*head, *body, end])

    @staticmethod
    def folded(line, fold):
        return "\r\n ".join(line[at:at + fold] for at in range(0, len(line), fold)) if fold else line


class Cards:
    """A folder."""

    format = "vcard"

    def __init__(self, path):
        self.path = path

    def cards(self):
        found = {}
        for path in self.path.glob("*.vcf"):
            card = Card(path.read_bytes().decode())
            found[card.first("UID")[1]] = path, card
        return found

    def people(self):
        return {uid: card.person() for uid, (_, card) in self.cards().items()}

    def kept(self, uid):
        """What the table has no words for: properties, and of which kind a telephone or an address is."""
        card = self.cards()[uid][1]
        kinds = {value: kind for property, _, _ in SETS.values() for value, kind in card.kinds(property)}
        return {card.lines[place] for name in ("X-LUCKY", "CATEGORIES") for place, _ in card.find(name)}, kinds

    def change(self, uid, what, value, chance):
        path, card = self.cards()[uid]
        card.edit(what, value)
        write(path, card.text(chance))

    def add(self, uid, person, chance):
        card = Card(f"BEGIN:VCARD\r\nVERSION:{chance.choice(('3.0', '4.0'))}\r\nUID:{uid}\r\nEND:VCARD\r\n")
        for what, value in person.items():
            card.edit(what, value)
        write(self.path / f"{uid}.vcf", card.text(chance))

    def delete(self, uid, chance):
        self.cards()[uid][0].unlink()

    def save(self, chance):
        for path, card in self.cards().values():
            write(path, card.text(chance))


# ---- A table ----


class Table:
    format = "csv"

    def __init__(self, path):
        self.path = path

    def rows(self):
        return list(csv.DictReader(io.StringIO(self.path.read_bytes().decode(), newline="")))

    def people(self):
        sets = {what: lambda cell: set(filter(None, cell.split(" ::: "))) for what in SETS}
        return {row["UID"]: said({what: sets.get(what, str)(row[what]) for what in (*TEXTS, *SETS)}) for row in self.rows()}

    def write(self, rows, chance):
        """As another program would save it: in another order, with other quotes."""
        columns = list(rows[0])
        chance.shuffle(rows)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, quoting=chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
                                lineterminator=chance.choice(("\n", "\r\n")))
        writer.writeheader()
        writer.writerows(rows)
        write(self.path, text.getvalue())

    def cell(self, what, value, before=""):
        if what not in SETS:
            return value
        becomes, new = exchanged(list(filter(None, before.split(" ::: "))), value)
        return " ::: ".join([*filter(None, becomes.values()), *new])

    def change(self, uid, what, value, chance):
        rows = self.rows()
        row, = [row for row in rows if row["UID"] == uid]
        row[what] = self.cell(what, value, row[what])
        self.write(rows, chance)

    def add(self, uid, person, chance):
        rows = self.rows()
        told = {what: self.cell(what, value) for what, value in person.items()}
        self.write([*rows, {**dict.fromkeys(rows[0], ""), **told, "UID": uid}], chance)

    def delete(self, uid, chance):
        self.write([row for row in self.rows() if row["UID"] != uid], chance)

    def save(self, chance):
        self.write(self.rows(), chance)


# ---- JSContact ----


class Objects:
    format = "json"

    def __init__(self, path):
        self.path = path

    def objects(self):
        return json.loads(self.path.read_bytes())

    def people(self):
        return {one["uid"]: self.person(one) for one in self.objects()}

    def person(self, one):
        name = one.get("name", {})
        parts = {part["kind"]: part["value"] for part in name.get("components", [])}
        born = [each["date"] for each in one.get("anniversaries", {}).values() if each["kind"] == "birth"]
        texts = [name.get("full"), parts.get("given"), parts.get("surname"), self.first(one, "organizations", "name"),
                 self.first(one, "notes", "note"), self.day(born[0]) if born else None]
        sets = {what: {each[value] for each in one.get(many, {}).values()} for what, (_, many, value) in SETS.items()}
        return said({**dict(zip(TEXTS, texts)), **sets})

    @staticmethod
    def day(told):
        year = f"{told['year']:04}" if "year" in told else "-"
        return "-".join([year, *(f"{told[part]:02}" for part in ("month", "day") if part in told)])

    @staticmethod
    def first(one, many, value):
        return next((each[value] for each in one.get(many, {}).values() if value in each), None)

    def edit(self, one, what, value):
        if what in SETS:
            return self.edit_set(one, *SETS[what][1:], value)
        if what == "Birthday":
            one.pop("anniversaries", None)
            parts = dict(zip(("year", "month", "day"), value.replace("--", "-").split("-")))
            told = {part: int(number) for part, number in parts.items() if number}
            return self.put(one, "anniversaries", {"b": {"kind": "birth", "date": told}} if value else {})
        if what == "Name":
            one.setdefault("name", {})["full"] = value
            return None
        if what in ("Given name", "Family name"):
            return self.edit_part(one.setdefault("name", {}), "given" if what == "Given name" else "surname", value)
        many, member = {"Organisation": ("organizations", "name"), "Note": ("notes", "note")}[what]
        entries = one.get(many, {})
        name = next((name for name, each in entries.items() if member in each), "n")
        entry = {**entries.get(name, {}), member: value}
        if not value:
            del entry[member]
        entries = {**entries, name: entry}
        return self.put(one, many, {name: each for name, each in entries.items() if each})

    @staticmethod
    def put(one, many, entries):
        one[many] = entries
        if not entries:
            del one[many]

    @staticmethod
    def edit_part(name, kind, value):
        parts = name.get("components", [])
        old = [part for part in parts if part["kind"] == kind]
        if old and value:
            old[0]["value"] = value
        else:
            parts = [part for part in parts if part["kind"] != kind] + ([{"kind": kind, "value": value}] if value else [])
        name["components"] = parts
        if not parts:
            del name["components"]

    def edit_set(self, one, many, member, wanted):
        entries = one.get(many, {})
        becomes, new = exchanged([each[member] for each in entries.values()], wanted)
        kept = {name: {**each, member: becomes[each[member]]} for name, each in entries.items() if becomes[each[member]]}
        self.put(one, many, {**kept, **{f"new{place}{len(kept)}": {member: value} for place, value in enumerate(new)}})

    def write(self, objects, chance):
        """As another program would save it: in another order, with other spaces."""
        chance.shuffle(objects)
        write(self.path, json.dumps(objects, indent=chance.choice((None, 2)), sort_keys=chance.random() < 0.5,
                                    ensure_ascii=chance.random() < 0.5))

    def change(self, uid, what, value, chance):
        objects = self.objects()
        one, = [one for one in objects if one["uid"] == uid]
        self.edit(one, what, value)
        self.write(objects, chance)

    def add(self, uid, person, chance):
        one = {"@type": "Card", "version": "1.0", "uid": uid}
        for what, value in person.items():
            self.edit(one, what, value)
        self.write([*self.objects(), one], chance)

    def delete(self, uid, chance):
        self.write([one for one in self.objects() if one["uid"] != uid], chance)

    def save(self, chance):
        self.write(self.objects(), chance)
