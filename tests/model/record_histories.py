# SPDX-License-Identifier: Apache-2.0
"""Histories of records that the model lives: devices with sources, what users do, and a ledger of what must come of it.

The ledger knows marks, which a user gives a row for good, and what was shown; nothing of items, dots and rules.
"""
import random

import merge_model as m
import record_model as r
import record_pairs as pairs
from file_histories import Broken
from record_alike import alike, natural
from record_item import Tie, exclude, without_case
from record_pairs import ident
from record_rebase import rebase
from record_users import REFERENCES, SCHEMA, User
from record_view import Format, same, show, view

CSV = Format({"card": ("name", "tel"), "person": ("mark", "name", "email")}, ("tel",))
DATABASE = Format(ties=(Tie("phone", "mail", "person", "email", "tie/person/mail"),))
FORMATS = [[DATABASE], [DATABASE], [DATABASE, CSV], [CSV]]
SKEWS = (0, 3, 0, 7)
ACTS = ["person", "person", "phone", "phone", "card", "card", "edit", "edit", "edit", "tel", "tel", "untel", "retel", "order",
        "email", "clear", "delete", "delete", "rekey", "reuse", "swap", "rev", "seen", "same", "reparent", "about", "mail",
        "mail", "dangle", "look", "look", "unlook", "task", "task", "word", "place", "exchange", "exchange", "link", "relink",
        "relinked", "desk", "call", "one",
        "scan", "recv", "recv", "apply", "apply", "sync", "sync", "sync"]
CLAIMS = ["person", "task", "task", "word", "word", "place", "exchange", "exchange", "email", "email", "email", "swap", "delete", "rekey", "link",
          "link", "link", "relink", "relink", "relinked", "desk", "call", "edit", "one", "scan", "recv", "apply", "sync", "sync", "sync"]  # of what only one row can have

ALIKE = ["alike", "alike", "alike", "alike", "unique", "natural", "phone", "link", "edit", "email", "clear", "delete", "one", "rekey", "scan", "recv", "apply",
         "sync", "sync"]  # of what is one by itself
LINKS = ["person", "link", "link", "link", "link", "relink", "relink", "relink", "relink", "relink", "relinked", "desk", "call", "delete", "delete",
         "rekey", "edit", "one", "scan", "recv", "apply", "sync", "sync", "sync", "sync"]  # of references of which only one row can have each
PAIRS = ["phone", "about", "edit", "edit", "email", "delete", "one", "one", "scan", "recv", "apply", "sync", "sync"]
NATURAL = (("person", "email"), ("phone", "number"))
UNIQUE = [(device, "unique", 0, 0, 0) for device in (0, 1)]
LINKED = [(0, "person", 0, 0, 0), (0, "person", 0, 0, 0), (0, "desk", 0, 0, 0), (0, "sync", 0, 0, 0), (1, "sync", 0, 0, 0),
          *[(device, act, 0, 0, c) for c in (1, 3) for act in ("link", "relink") for device in (0, 1)]]
BORN_APART = [(device, act, 0, 0, 0) for act in ("person", "email", "phone", "sync", "sync") for device in (0, 1)]


class Source:
    def __init__(self, form):
        self.form, self.disk, self.base, self.unseen, self.seen, self.clean = form, {}, {}, {}, {}, True

    def is_dirty(self):
        shown = show(SCHEMA, self.form, self.base)
        return set(shown) != set(self.disk) or any(not same(SCHEMA, at[0], shown[at], self.disk[at]) for at in shown)


class Device:
    def __init__(self, world, name, skew, forms):
        self.world, self.name, self.skew = world, name, skew
        self.entries, self.state, self.sequence, self.time, self.unites, self.natural = {}, {}, 0, 0, False, ()
        self.sources = [Source(form) for form in forms]

    def heads(self):
        heads = {}
        for writer, sequence in sorted(self.entries):
            heads[writer] = sequence
        return heads

    def recompute(self, but=None):
        self.state = m.state_of(r.whole(self.entries.values()))
        for source in self.sources:
            source.clean = source.clean and source is but

    def receive(self, other, part):
        news = sorted((e for d, e in other.entries.items() if d not in self.entries), key=lambda e: (e.time, e.writer, e.sequence))
        news = news[:max(1, int(len(news) * part))] if news else []
        for entry in news:
            self.entries[entry.writer, entry.sequence] = entry
            self.time = max(self.time, entry.time[0])
        if news:
            self.recompute()

    def scan(self, parts=1):
        return sum(self.scan_source(source, parts) for source in self.sources) + self.unite()

    def unite(self):
        """Makes one what was made apart and says the same, if its user said so."""
        seen = view(self.state, SCHEMA)
        changes = named = natural(self.state, SCHEMA, seen, self.natural)
        if self.unites:
            changes = alike(self.state, SCHEMA, seen, named)
        if changes:
            self.world.alike.append((sorted(self.entries), self.unites, self.natural, changes))
            joined = {item for change in named for item in (change.item, change.value[1])}
            self.world.free |= {ident(at, row.fields) for at, row in seen.rows.items() if row.item in joined}
            pairs.say(self, changes)
        return bool(changes)

    def scan_source(self, source, parts):
        first, held = self.sequence + 1, sorted(self.entries)
        now = max(self.time + 1, self.world.now + self.skew)
        before = view(self.state, SCHEMA)
        changes, where = r.scan(self.state, SCHEMA, source.form, source.base, source.unseen, source.disk, self.name, first,
                                (now, 0))
        if bool(changes) != source.is_dirty():
            raise Broken(f"dirty {source.is_dirty()} but changes {changes}")
        if not changes:
            return False
        self.time = now
        size = -(-len(changes) // parts)
        chunks = [changes[i:i + size] for i in range(0, len(changes), size)]
        self.world.note(self, source, {(self.name, first + i) for i in range(len(chunks))})
        self.world.scans.append((held, self.name, first, now, source.form, dict(source.base), source.unseen,
                                 dict(source.disk), changes))
        for i, chunk in enumerate(chunks):
            mark = (m.Change("", r.PART, (first, len(chunks))),) if len(chunks) > 1 else ()
            self.entries[self.name, first + i] = m.Entry(self.name, first + i, self.heads(), (now, i), chunk + mark)
            source.base = rebase(SCHEMA, source.form, source.base, source.disk, chunk, where, (self.name, first + i),
                                   before.members)
        source.unseen = {item: one for item, one in source.unseen.items() if (item, m.DELETED) not in {c[:2] for c in changes}}
        self.sequence = first + len(chunks) - 1
        self.recompute(source)
        if source.is_dirty():
            raise Broken("rebase: dirty after a scan")
        if source.clean:
            self.check_fidelity(source, before)
        return True

    def check_fidelity(self, source, before):
        """Who has applied all sees what he did just as he did it."""
        after = view(self.state, SCHEMA)
        shown = show(SCHEMA, source.form, after.rows)
        for at in {*shown, *source.disk}:
            if at not in source.disk and (item := after.rows[at].item) in before.held or at not in source.disk and not any(
                    row.item == item for row in before.rows.values()):
                continue  # was held back and fits now, or came back with its family
            if at in shown and not source.disk.get(at, {}).get("tel") and source.form.slots:
                shown[at].pop("tel", None)  # a slot that was emptied: the next one moves up
            if at not in shown or not same(SCHEMA, at[0], shown[at], source.disk.get(at, {})):
                raise Broken(f"fidelity: {at} {source.disk.get(at)} is shown as {shown.get(at)} held {after.held}")

    def apply(self):
        seen = view(self.state, SCHEMA)
        for source in self.sources:
            if source.is_dirty():
                continue
            want, old = show(SCHEMA, source.form, seen.rows), source.disk
            source.disk = {at: old[at] if at in old and source.base[at].item == seen.rows[at].item
                           and same(SCHEMA, at[0], old[at], row) else dict(row) for at, row in want.items()}
            source.base, source.unseen = dict(seen.rows), seen.unseen
            source.seen = {ident(at, row.fields): self.heads() for at, row in seen.rows.items()}
            source.clean = True


class World:
    def __init__(self, count, skews=SKEWS):
        self.serial = self.now = 0
        self.devices = [Device(self, "ABCD"[i], skews[i], FORMATS[i]) for i in range(count)]
        self.wrote, self.edited, self.deletes, self.touches, self.refs = {}, {}, {}, {}, {}
        self.dangling, self.free, self.scans, self.alike = set(), set(), [], []

    def tick(self):
        self.serial += 1
        return self.serial

    def value(self):
        return f"v{self.tick()}"

    def mark(self):
        return f"M{self.tick()}"

    def note(self, device, source, dots):
        """The ledger of one scan: from what was shown and what is there, by mark."""
        shown, places = show(SCHEMA, source.form, source.base), {}
        old = {ident(at, row): row for at, row in shown.items()}
        marks = {at: ident(at, row) for at, row in source.disk.items()}
        here = {id: at for at, id in marks.items()}
        stays = {at for at in set(shown) & set(source.disk)
                 if any(source.disk[at].get(n) == v for n, v in shown[at].items() if n != "tel")}
        for at in set(shown) & set(source.disk):  # a key used again, with a value in common by chance or not the last: rule i can't tell
            if ident(at, shown[at]) != marks[at] and any(at[0] == table and at[1] <= key for table, key in stays):
                self.free |= {ident(at, shown[at]), marks[at]}
        places = {ident(at, row): at for at, row in shown.items()}
        for at, row in source.disk.items():
            self.note_row(device, source, dots, marks, old.get(marks[at], {}), places.get(marks[at]), at)
        self.note_hidden(source, dots, shown, here)
        for id in set(old) - set(here):
            self.deletes.setdefault(id, []).append((dots, dict(source.seen.get(id, {}))))

    def note_row(self, device, source, dots, marks, was, place, at):
        id, row = marks[at], source.disk[at]
        hit = place != at
        for other, fields in source.disk.items():
            if at[0] == "phone" and other[0] == "person" and row.get("mail") and fields.get("email") == row["mail"]:
                self.touches.setdefault(marks[other], set()).update(dots)  # so it is to be tied to it
        if hit and was:  # a key changed together with other fields is a delete and an insert: an edit apart shows both
            self.free.add(id)
        for name in {*was, *row} - {"rev", "seen", "mark"}:
            a, b = was.get(name), row.get(name)
            if name in REFERENCES:
                if a != b or not was:
                    parent = marks.get((SCHEMA[at[0]].how[name][1], b))
                    self.refs.setdefault((id, name), set()).add(parent)
                    self.touches.setdefault(parent, set()).update(dots)  # to refer to a row is a use of it
                    hit = True
                continue
            a, b = ({x for x in (y if name == "tel" else (y,)) if x is not None} if y else set() for y in (a, b))
            for v in b - a:
                self.wrote.setdefault((id, name, v), set()).update(dots)
            listed = source.base[place].listed if a and not b else ()  # clearing a field clears what was listed
            wishes = set(source.base[place].refs.get(name, ())) if name != "tel" and was and a != b else set()
            for v in (a | wishes) - b | {v for f, _, v, _ in listed if f == "/" + name}:
                self.edited.setdefault((id, name, v), set()).update(dots)
            for field, v in ((f[1:], v) for f, _, v, _ in listed if exclude(f, "/" + name)):
                self.edited.setdefault((id, field, v), set()).update(dots)
            hit = hit or a != b
        ones = [name for name, kind in SCHEMA[at[0]].how.items() if kind == "one"]
        if any(was.get(name) and not row.get(name) for name in ones):  # what was listed of all of them may go, too
            for name, v in ((f[1:], v) for f, _, v, _ in source.base[place].listed if f[1:] in ones):
                self.edited.setdefault((id, name, v), set()).update(dots)
        if hit:
            self.touches.setdefault(id, set()).update(dots)
            source.seen[id] = {**source.seen.get(id, {}), device.name: max(s for _, s in dots)}

    def note_hidden(self, source, dots, shown, here):
        """Telephones and links of a person that was deleted by a source which can't show them, or that were held back."""
        items = {row.item: ident(at, row.fields) for at, row in source.base.items() if at in shown}
        owners = {"phone": "person", "link": "to"}
        hidden = [(ident(at, row.fields), row) for at, row in source.base.items() if at[0] in owners and at not in shown]
        hidden += [((table, r.value_of(SCHEMA, table, "mark", row.refs)), row) for table, row in source.unseen.values()
                   if table in owners and row.item not in {row.item for row in source.base.values()}]
        for id, row in hidden:
            parent = items.get((r.value_of(SCHEMA, id[0], owners[id[0]], row.refs) or ("", ""))[1])
            if parent and (parent not in here or parent in self.free or parent[1] == "same"):
                self.deletes.setdefault(id, []).append((dots, {}))
            self.refs.setdefault((id, "about"), set()).add(None)  # what it was about may be nobody from now on

    def step(self, op):
        self.now += 1
        number, act, a, b, c = op
        device = self.devices[number % len(self.devices)]
        other = self.devices[(number + 1 + a % max(1, len(self.devices) - 1)) % len(self.devices)]
        if act == "scan":
            device.scan(1 + c % 3)
        elif act == "recv":
            device.receive(other, (1 + b % 3) / 3)
        elif act == "apply":
            device.apply()
        elif act == "sync":
            device.scan(1 + c % 2), device.receive(other, 1), device.apply()
        elif act == "unique":
            device.unites = not device.unites
        elif act == "natural":
            device.natural = () if device.natural else NATURAL
        elif act == "one":
            pairs.say_same(device, source := device.sources[a % len(device.sources)], *pairs.two_rows(SCHEMA, source.base, b, c))
        else:
            getattr(User(self, device.sources[a % len(device.sources)], b, c), act)()

    def settle(self):
        for rounds in range(6):
            published = sum(d.scan() for d in self.devices)
            for _ in "12":
                for device in self.devices:
                    for other in self.devices:
                        device.receive(other, 1)
            for device in self.devices:
                device.apply()
            if not published and rounds:
                return
        raise Broken("quiet: devices go on publishing")

    # ---- The laws ----

    def check(self):
        self.settle()
        seen = view(self.devices[0].state, SCHEMA)
        if any(view(device.state, SCHEMA) != seen for device in self.devices):
            raise Broken("convergence")
        for device in self.devices:
            for source in device.sources:
                want = show(SCHEMA, source.form, seen.rows)
                if set(want) != set(source.disk) or any(not same(SCHEMA, at[0], want[at], source.disk[at]) for at in want):
                    raise Broken(f"apply: {source.disk} is not {want}")
        by, lying = {}, {}
        for at, row in seen.rows.items():
            by.setdefault(ident(at, row.fields), []).append((at, row))
        for why, value, listed in seen.held.values():
            lying.setdefault(("card", value["key"]) if value["table"] == "card" else
                             (value["table"], value.get("mark")), []).append((value, listed))
        self.check_hidden(seen)
        self.check_losses(by, lying)
        self.check_values(seen.rows, by)
        self.check_deletes(seen.rows, by, lying)
        self.check_orders(self.devices[0])
        return seen

    def check_hidden(self, seen):
        """A column gives way, not the row; a reference that is required can't."""
        for why, value, _ in seen.held.values():
            if why == "unique" and value["table"] in ("person", "task", "link"):
                raise Broken(f"hidden: {value}")

    def check_losses(self, by, lying):
        for (id, name, v), dots in self.wrote.items():
            if (id, name, v) in self.edited or id in self.deletes or id[1] == "same" or id in self.free:
                continue
            here = [row.fields.get(name) for _, row in by.get(id, ())] + [row.wishes.get(name) for _, row in by.get(id, ())]
            here += [x for _, row in by.get(id, ()) for _, _, x, conflict in row.listed if conflict]
            here += [value.get(name) for value, _ in lying.get(id, ())]
            here += [x for _, listed in lying.get(id, ()) for _, _, x, conflict in listed if conflict]
            if not any(v == x or (isinstance(x, tuple) and v in x) for x in here):
                raise Broken(f"loss: {id} {name} {v} is not in {here}")

    def check_values(self, rows, by):
        claims = [(at[0], names, values) for at, row in rows.items() for names in SCHEMA[at[0]].unique if None not in (
            values := tuple(without_case(v) if n in SCHEMA[at[0]].folded else v for n in names for v in [row.fields.get(n)]))]
        if len(claims) != len(set(claims)):
            raise Broken(f"unique: {sorted(claims)}")
        for id, found in by.items():
            if id[1] == "same" or id in self.free:
                continue
            if len(found) > 1:
                raise Broken(f"twice: {id} in {found}")
            (at, row), = found
            for name, v in row.fields.items():
                for x in (v or ()) if name == "tel" else (v,):
                    if isinstance(x, str) and x[0] == "v" and (id, name, x) not in self.wrote:
                        raise Broken(f"invention: {id} {name} {x} (rows mixed)")
                    if isinstance(x, str) and x[0] == "v" and (id, name, x) in self.edited:
                        raise Broken(f"stale: {id} {name} {x} was replaced by one who saw it")
            for name in {"phone": ("person", "about"), "link": ("to", "from")}.get(at[0], ()) if id not in self.dangling else ():
                written = self.refs.get((id, name), set())
                if name != "person" and (written & {*self.deletes, *self.free} or any(v[0] == "?" for v in row.refs.get(name, ()))):
                    continue  # a number that is nobody's, or another's by now, or what was wished for is gone
                parent = rows.get(("person", row.fields.get(name)))
                mark = parent and ("person", parent.fields["mark"])
                if (name in row.fields or (id, name) in self.refs) and mark not in written and mark not in self.free \
                        and name not in row.wishes and ("person", "same") not in written:
                    raise Broken(f"reference: {id} {name} is {mark}, written were {written}")

    def check_deletes(self, rows, by, lying):
        """Deletes stay dead, but for what others refer to and who came back with his family."""
        if lying:
            return
        used = {ident(to, rows[to].fields) for at, row in rows.items() for name, kind in SCHEMA[at[0]].how.items()
                if isinstance(kind, tuple) and (to := (kind[1], row.fields.get(name))) in rows}
        mails = {row.fields.get("mail") for at, row in rows.items() if at[0] == "phone"}
        used |= {("person", row.fields["mark"]) for at, row in rows.items() if at[0] == "person" and row.fields.get("email") in mails}
        for id in set(by) & set(self.deletes) - used - self.free:
            if id[1] == "same" or any(self.refs.get((id, name), set()) & {*self.deletes, *self.free}
                                      for name in {"phone": ["person"], "desk": ["to"], "link": ["to"]}.get(id[0], ())):
                continue
            if all(any(t[1] <= seen.get(t[0], 0) for _, seen in self.deletes[id]) for t in self.touches.get(id, ())):
                raise Broken(f"deletes stay dead: {id} is back")

    def check_orders(self, device):
        rng, waiting, heads, state = random.Random(len(device.entries)), r.whole(device.entries.values()), {}, {}
        while waiting:
            ready = [e for e in waiting if all(heads.get(w, 0) >= s for w, s in e.after.items())
                     and heads.get(e.writer, 0) == e.sequence - 1]
            entry = rng.choice(ready)
            waiting.remove(entry)
            heads[entry.writer] = entry.sequence
            m.apply(state, entry)
        if state != device.state:
            raise Broken("order: another causal order gives another state")


# ---- Random histories ------------------------------------------------------------------------------------------------

def random_history(rng):
    count, acts = rng.choice([2, 2, 3, 4]), rng.choice([ACTS, ACTS, CLAIMS, PAIRS, ALIKE, LINKS])
    return count, BORN_APART * (acts is PAIRS) + UNIQUE * (acts is ALIKE) + LINKED * (acts is LINKS) + [
        (rng.randrange(count), rng.choice(acts), rng.randrange(30), rng.randrange(30), rng.randrange(30))
        for _ in range(rng.randrange(4, 40))]


def event_history(rng):
    """Of one event that three devices move (rule y), in one line."""
    def step():
        act = rng.choice(["all", "scan", "scan", *["event"] * 7])
        if act != "event":
            return act if act == "all" else f"{rng.choice('ABC')} {act}"
        said = [f"{name}={rng.choice(['', *(f'{n}{name}' for n in range(4))])}"
                for name in ("start", "lasts", "zone", "day") if rng.random() < 0.45]
        return " ".join([rng.choice("ABC"), "event u", *said])

    return "; ".join(["A event u start=9 zone=UTC lasts=1; all", *(step() for _ in range(rng.randrange(3, 14))), "all"])


def run(history):
    count, ops = history
    world = World(count)
    for op in ops:
        world.step(tuple(op))
    world.check()
    return world


# ---- Histories in one line -------------------------------------------------------------------------------------------

def lived(script):
    """The world after a history in the words of record_model.py."""
    world = World(4, skews=(0, 3, 0, 9))
    world.dangling = {("phone", "a")} if "del person" in script else set()
    for step in script.split(";"):
        world.now += 1
        play(world, step.split())
    return world


def rows(script):
    """Plays a history; prints what is shown, in conflict and held back in the end."""
    seen = view(lived(script).devices[0].state, SCHEMA)
    keys = {str(("@", row.item)): at[1] for at, row in seen.rows.items()}

    def text(value):
        return ",".join(value) if isinstance(value, tuple) else str(value)

    for (table, key), row in sorted(seen.rows.items()):
        print(table, key, *(f"{n}={text(v)}" for n, v in sorted(row.fields.items()) if v not in (None, ())))
    for _, field, value in seen.conflicts:
        print(f"conflict {field[1:]}={keys.get(value, 'gone' if value.startswith('(') else value)}")
    for why, value, _ in sorted(seen.held.values(), key=lambda x: x[1]["table"]):
        print("held", value["table"], value.get("mark"), why)


def play(world, words):
    if words[0] == "all":
        world.check()
        return
    device, verb, *rest = world.devices["ABCD".index(words[0])], *words[1:]
    source = device.sources[0]
    if verb in ("scan", "parts"):
        device.scan(1 if verb == "scan" else 2)
    elif verb == "hear":
        device.receive(world.devices["ABCD".index(rest[0])], 1)
    elif verb == "apply":
        device.apply()
    elif verb == "unique":
        device.unites = True
    elif verb == "natural":
        device.natural = (*device.natural, tuple(rest))
    elif verb == "same":
        pairs.say_same(device, source, (rest[0], int(rest[1])), (rest[0], int(rest[2])))
    else:
        table, key, *fields = (verb, *rest) if verb in SCHEMA else rest
        at = (table, int(key) if SCHEMA[table].serial else key)
        if verb == "del":
            del source.disk[at]
        elif verb == "key":
            source.disk[table, int(fields[0])] = source.disk.pop(at)
        else:
            source.disk[at] = {**source.disk.get(at, {}), **dict(map(field_of, fields))}


def field_of(word):
    name, value = word.split("=")
    if name == "tel":
        return name, tuple(filter(None, value.split(",")))
    return name, int(value) if name in {*REFERENCES, "list", "pos", "code", "kind"} and value else value or None


# ---- Vectors (tests/peer/vectors/README.md) --------------------------------------------------------------------------

def row_out(at, row):
    return {"table": at[0], "key": at[1], "item": row.item, "fields": {n: v for n, v in row.fields.items() if v not in (None, ())},
            "refs": [[n, v, dots] for n, values in sorted(row.refs.items()) for v, dots in values.items()], "listed": row.listed}


def vectors(number, seed):
    for n in range(number):
        yield vector_of(f"{seed}-{n}", run(random_history(random.Random(f"{seed} {n}"))))


def vector_of(name, world):
    seen = view(world.devices[0].state, SCHEMA)
    entries = sorted(world.devices[0].entries.values(), key=lambda e: (e.time, e.writer, e.sequence))
    return {
        "name": name, "schema": {t: table._asdict() for t, table in SCHEMA.items() if t != "event"},
        "entries": [e._asdict() | {"changes": [c._asdict() for c in e.changes]} for e in entries],
        "scans": [{"held": held, "writer": writer, "sequence": first, "time": time, "format": form._asdict(),
                   "base": [row_out(at, row) for at, row in sorted(base.items())],
                   "unseen": [row_out((table, item), row) for item, (table, row) in sorted(unseen.items())],
                   "disk": [{"table": at[0], "key": at[1], "fields": row} for at, row in sorted(disk.items())],
                   "changes": [c._asdict() for c in changes]}
                  for held, writer, first, time, form, base, unseen, disk, changes in world.scans],
        "alike": [{"held": held, "unites": unites, "natural": names, "changes": [c._asdict() for c in changes]}
                  for held, unites, names, changes in world.alike],
        "view": {"rows": [{"table": t, "key": k, "item": row.item,
                           "fields": {n: v for n, v in row.fields.items() if v not in (None, ())}}
                          for (t, k), row in sorted(seen.rows.items())],
                 "conflicts": seen.conflicts, "held": [[item, why] for item, (why, *_) in seen.held.items()]}}
