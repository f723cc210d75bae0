# SPDX-License-Identifier: Apache-2.0
"""The first half of the merge rules of records: from the state to the rows that are shown. record_model.py has the other
half, and says how to read both."""
from collections import Counter, namedtuple

import merge_model as m
from record_item import bound, columns, how, is_reference, is_tie, one_act, properties, unique_columns, value_of, without_case
from record_same import KEY, LEVEL, TABLE, joined, rows_of_one

INSTEAD = "/tie//"  # before NAME: a value for which this field gives way, or gave way, to another row
KEY_MAX = 2**63 - 1

# What a format can hold: table -> properties (a table that is missing is not held; None: all); slots: sets with room for one.
Format = namedtuple("Format", "holds slots ties", defaults=(None, (), ()))
# refs: property -> value shown -> [(field, dot)…]. listed: (field, dot, value, whether it is a conflict) of what is not shown.
# wishes: property -> the value that refs have, where the row is shown with another one in its stead (rule h).
Row = namedtuple("Row", "item fields refs listed wishes", defaults=({},))
# members: row -> the others that are it (rule m). unseen: row -> (table, Row) of those that are held back. came: row -> those
# that it came back with (rule z).
View = namedtuple("View", "rows conflicts held alive members unseen came", defaults=({}, {}, {}))


class Viewing:
    """All rows of a state, with what they say, whether they are shown or not."""

    def __init__(self, state, schema):
        self.state, self.schema = state, schema
        self.items = {id: item for id, item in m.items_of(state).items() if item.kind == "r" and item.best(TABLE)
                      and item.value(TABLE, None) in schema}
        self.make_one()
        self.table = {id: item.value(TABLE, None) for id, item in self.items.items()}
        self.refs, self.listed = {}, {}
        for id, item in self.items.items():
            ones = [f"/{name}" for name, kind in schema[self.table[id]].how.items() if kind == "one"]
            self.refs[id], self.listed[id] = properties(schema, self.table[id], item, ones)
        self.value = {id: {name: value_of(schema, self.table[id], name, refs) for name in refs}
                      for id, refs in self.refs.items()}
        self.alive = {id for id, item in self.items.items() if item.lives()}
        self.tied, self.instead, self.before = set(), {}, {}
        for id in self.items:
            self.read_instead(id)

    def make_one(self):
        """m. Rows made apart, of which a user said that they are one, are one from then on: all that anybody writes of either
        is of that one, whatever came first. Of two values of a field the later is shown, the other one is listed; who refers
        to either refers to it. The word is a weak write of the row that is given up, and nothing undoes it.

        Were the one deleted and written into the other, an edit of it elsewhere would bring it back, with half of what it was.

        >>> two = "A person 1 mark=P email=e name=Ann; B person 2 mark=Q email=e note=x; B phone 1 mark=b person=2; all; "
        >>> rows(two + "A same person 2 1; all")
        person 1 email=e mark=Q name=Ann note=x
        phone 1 mark=b person=1
        conflict mark=P
        >>> rows(two + "A same person 2 1; B person 2 note=y; B phone 2 mark=c person=2; all; A person 1 note=z mark=R; all")
        person 1 email=e mark=R name=Ann note=z
        phone 1 mark=b person=1
        phone 2 mark=c person=1
        conflict mark=P
        >>> rows(two + "A same person 2 1; B del phone 1; B del person 2; all")
        person 1 email=e mark=P name=Ann note=x
        >>> rows(two + "A same person 2 1; B del person 1; all")
        person 2 email=e mark=Q name=Ann note=x
        phone 1 mark=b person=2
        >>> rows(two + "A same person 2 1; all; A del phone 1; A del person 1; all")
        >>> rows(two + "A same person 2 1; all; A del phone 1; A del person 1; B person 1 note=y; all")
        person 1 email=e mark=Q name=Ann note=y
        phone 1 mark=b person=1

        Only one link can be to a person, and there are two by now:

        >>> linked = "A person 1 mark=P email=e; A link 1 mark=K to=1; B person 2 mark=Q email=e; B link 2 mark=L to=2; all; "
        >>> rows(linked + "A same person 2 1; all")
        link 1 mark=K to=1
        link 2 mark=L
        person 1 email=e mark=Q
        conflict mark=P
        conflict to=1
        >>> rows(linked + "A same person 2 1; A same link 2 1; all")
        link 1 mark=L to=1
        person 1 email=e mark=Q
        conflict mark=K
        conflict mark=P

        A wish for either is one for both:

        >>> apart = "A person 1 mark=P email=e; B person 2 mark=Q email=e; all; "
        >>> rows(apart + "A link 1 mark=K to=1; B link 2 mark=L from=1 to=1; all; A link 1 to=; all; A same person 1 2; all")
        link 1 mark=K
        link 2 from=2 mark=L
        person 2 email=e mark=Q
        conflict mark=P
        conflict to=2

        Two may say so of one row, or each of the other's:

        >>> rows("C person 3 mark=R email=e; " + two + "A same person 3 1; C same person 3 2; all")
        person 2 email=e mark=Q name=Ann note=x
        phone 1 mark=b person=2
        conflict mark=P
        conflict mark=R
        >>> rows(two + "A same person 2 1; B same person 1 2; all")
        person 2 email=e mark=Q name=Ann note=x
        phone 1 mark=b person=2
        conflict mark=P
        """
        found = rows_of_one(self.state, {id: item.value(TABLE, None) for id, item in self.items.items()})
        self.members = {root: ids[1:] for root, ids in found.items()}
        self.root = {id: root for root, ids in found.items() for id in ids}
        for root, ids in found.items():
            one = joined([self.items[id] for id in ids])
            for id in ids[1:]:
                del self.items[id]
            self.items[root] = one
        for item in self.items.values() if found else ():
            for field, refs in item.fields.items():
                item.fields[field] = [(holder, write._replace(value=self.led(write.value))) for holder, write in refs]

    def one(self, id):
        return self.root.get(id, id)

    def led(self, value):
        """A reference leads to the one that its row is, also where it is a wish."""
        if isinstance(value, tuple) and value[:1] == ("@",):
            return ("@", self.one(value[1]))
        return (*value[:2], self.led(value[2])) if isinstance(value, tuple) and len(value) == 3 and value[0] == "=" else value

    def parents(self, id, only_bound=False):
        return [v[1] for name, v in self.value[id].items() if isinstance(v, tuple) and v[:1] == ("@",)
                and isinstance(how(self.schema, self.table[id], name), tuple)
                and (not only_bound or bound(self.schema, self.table[id], name))]

    def tied_parents(self, id):
        return [v[1] for name, v in self.value[id].items() if is_tie(name) and v[0] == "@" and v[1] in self.items]

    def read_instead(self, id):
        """What the row says of values in the stead of others: ("=", the one that it had before), or ("=", the one that it was
        shown with, in the stead of this one), which is as if it were its own as long as that one is. Of a reference only
        nothing can stand in its stead: then the row refers to nobody."""
        value, self.before[id] = self.value[id], {}
        for name in unique_columns(self.schema, self.table[id]):
            said = value.get("tie//" + name)
            if said and said[1] is not None and is_reference(self.schema, self.table[id], name):
                continue  # of a column that was none before
            if said:
                self.before[id][name] = said[1]
            if said and len(said) == 3 and said[2] == value.get(name):
                value[name] = said[1]

    # ---- Which rows are visible ----

    def follow(self, visible, todo):
        """e. A row that a visible row refers to is visible, also if deleted: adding a child is a use of its parent (as rule O).
        To hold a telephone back hides what a user typed, and nobody would look.

        >>> rows("A person 1 mark=P; all; A del person 1; B phone 1 mark=b person=1; all")
        person 1 mark=P
        phone 1 mark=b person=1

        A child that the deletion left behind says by then that it refers to nobody (n). Who edits another field of that child
        uses no parent; who adds a child does, and the number that the one left behind says is the parent's again.

        >>> alone = "A person 1 mark=P; A phone 1 mark=a person=1; all; A del person 1; "
        >>> rows(alone + "B phone 1 number=9; all")
        phone 1 mark=a number=9 person=1
        >>> rows(alone + "B phone 2 mark=b person=1; all")
        person 1 mark=P
        phone 1 mark=a person=1
        phone 2 mark=b person=1
        """
        todo = sorted(todo)
        while todo:
            if (id := todo.pop()) not in visible and id in self.items:
                visible.add(id)
                todo += self.parents(id)

    def deletions(self, id):
        return [(dot, write.time) for dot, write in self.state[id].get(m.DELETED, {}).items()]

    def went_with(self, child, parent):
        """Whether each deletion of the child was made in one act with one of the parent."""
        return all(any(one_act(own, other) for other in self.deletions(parent)) for own in self.deletions(child))

    def visible(self):
        """z. What went with a row comes back with it: who deletes a row deletes in the same act those that can't be without
        it. Who can't be without two comes when both are there.

        >>> start = "A person 1 mark=P; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
        >>> rows(start + "A del person 1; A del phone 1; A del phone 2; B person 1 name=x; all")
        person 1 mark=P name=x
        phone 1 mark=a person=1
        phone 2 mark=b person=1
        >>> rows(start + "A del phone 1; A scan; A del person 1; A del phone 2; B person 1 name=x; all")
        person 1 mark=P name=x
        phone 2 mark=b person=1
        """
        visible, self.came = set(), {}
        self.follow(visible, self.alive)
        back = {id for id in self.alive if self.deletions(id)}
        while news := {id: parents for id in self.items if id not in visible and self.deletions(id)
                       and (parents := [parent for parent in self.parents(id, True) if parent in back and self.went_with(id, parent)])
                       and all(parent in visible for parent in self.parents(id, True))}:
            self.came.update(news)
            visible |= set(news)
            back |= set(news)
        self.follow(visible, {parent for id in back for parent in self.parents(id)})
        return visible

    def shown_and_held(self):
        """w. A row to which a row is tied that is shown is visible, too: who writes what the other says uses it. It comes last
        to every claim, so that it holds back none of the others, and stays only where a row that is shown leads to it.

        >>> start = "A person 1 mark=P email=e; A person 2 mark=Q; all; "
        >>> rows(start + "A del person 1; B phone 1 mark=b mail=e; all")
        person 1 email=e mark=P
        person 2 mark=Q
        phone 1 mail=e mark=b
        >>> rows(start + "A del person 1; A person 2 email=e; B phone 1 mark=b mail=e; all")
        person 2 email=e mark=Q
        phone 1 mail=e mark=b
        """
        visible = self.visible()
        while True:
            held, known = self.held(visible), set(visible)
            self.follow(visible, {p for id in known - set(held) for p in self.tied_parents(id)})
            if visible == known:
                break
            self.tied |= visible - known
        shown, todo = set(), sorted(visible - self.tied - set(held))
        while todo:
            if (id := todo.pop()) not in shown and id in self.items and id not in held:
                shown.add(id)
                todo += self.parents(id) + self.tied_parents(id)
        return shown, {id: why for id, why in held.items() if id not in self.tied}

    # ---- Claims ----

    def order(self, id, names):
        """x. Claims (a unique value, a key): living rows before revived ones, then the higher /level, then who came first: of
        a unique value by when the row got what another one claims, too. What it got since in other columns is no matter: else
        who was first loses it by that.

        Delete Ann 101, insert Eve 101 || add a telephone to Ann: Ann is back, but Eve's key is Eve's.

        >>> rows("A person 1 mark=P name=A; all; A person 1 mark=Q name=E; B phone 1 mark=b person=1; all")
        person 1 mark=Q name=E
        person 2 mark=P name=A
        phone 1 mark=b person=2
        >>> later = "A task 1 mark=P list=1 pos=2; A scan; C task 1 mark=Q list=1 pos=2; C scan; A task 1 code=9; "
        >>> rows(later + "all")
        task 1 code=9 list=1 mark=P pos=2
        task 2 list=1 mark=Q pos=3
        conflict pos=2
        """
        item = self.items[id]
        refs = [ref[1] for name in names if (ref := item.best("/" + name))]
        claimed = max(((w.time, w.dot) for w in refs), default=((0, 0), ()))
        return (id in self.tied, id not in self.alive, -item.value(LEVEL, 0), claimed)

    def claim(self, id, names, own=()):
        value, folded = {**self.value[id], **dict(own)}, self.schema[self.table[id]].folded
        claim = (self.table[id], names, tuple(without_case(value.get(name)) if name in folded else value.get(name) for name in names))
        return None if None in claim[2] else claim

    def tuples(self, id):
        table = self.schema[self.table[id]]  # only a mistaken device gives a natural key to two items
        return [*table.unique] if table.serial else [*table.unique, ("key",)]

    def claims(self, id, own=(), of=None):
        """Those of tuples that have the column `of`."""
        claims = [self.claim(id, names, own) for names in self.tuples(id) if of is None or of in names]
        return [claim for claim in claims if claim]

    def contested(self, id):
        """The columns of what another row claims, too."""
        return sorted({name for _, names, _ in filter(lambda claim: self.wished[claim] > 1, self.claims(id))
                       if names in self.schema[self.table[id]].unique for name in names})

    def lacks(self, id):
        return any(self.value[id].get(name) is None for name in ("key", *self.schema[self.table[id]].required))

    def held(self, visible):
        """u. A row that breaks NOT NULL, or UNIQUE where no column can give way (rule h), is held back whole and listed, with
        the rows that refer to it. Else applying fails in the middle, on each device at another row.

        >>> rows("A person 1 mark=P; all; A desk 1 mark=Q to=1; B desk 2 mark=R to=1; B phone 1 mark=b via=2; all")
        desk 1 mark=Q to=1
        person 1 mark=P
        held desk R unique
        held phone b parent
        """
        held, dropped = {}, {}
        self.wished = Counter(claim for id in visible if not self.lacks(id) for claim in self.claims(id))
        while True:
            self.taken, self.instead, held, later = {}, {}, dict(dropped), []
            for id in sorted(visible - set(dropped), key=lambda i: (*self.order(i, self.contested(i)), i)):
                claims = self.claims(id)
                if self.lacks(id):
                    held[id] = "required"
                elif any(claim in self.taken for claim in claims):
                    later.append(id)
                else:
                    self.taken.update(dict.fromkeys(claims, id))
            held.update((id, "unique") for id in later if id in self.tied or not self.give_way(id))
            news = {id: "parent" for id in visible - set(held)
                    if any(parent in held or parent not in visible for parent in self.parents(id))}
            if not news:
                return held
            dropped.update(news)

    # ---- Columns that give way ----

    def give_way(self, id):
        """h. A merge hides no row that both could have. Of two that claim a value the later one gives way, in that column alone:
        it is shown with the value that it had before; if that is taken, and the other one had another before, that one is. Who
        had none, since he is new, gets the next free number, or the text with a number behind it; else nothing, if the column
        may be empty. What he wishes for is listed, and any edit of the column replaces it.

        To hold the row back takes it, and all that refers to it, out of the program of the one who made it.

        A reference that need not be is nothing then, behind the columns that can have another value. Who deletes the row that it
        wishes for, which nobody refers to any more, clears the wish (rule t).

        >>> rows("A person 1 mark=P; B person 2 mark=Q; all; A person 1 email=e; B person 2 email=e; B phone 1 mark=b person=2; all")
        person 1 email=e mark=P
        person 2 mark=Q
        phone 1 mark=b person=2
        conflict email=e
        >>> rows("A person 1 mark=P email=e; B person 2 mark=Q email=e; all")
        person 1 email=e mark=P
        person 2 email=e (2) mark=Q
        conflict email=e
        >>> rows("A task 1 mark=P list=1 pos=1; all; A task 2 mark=Q list=1 pos=2; B task 3 mark=R list=1 pos=2; all")
        task 1 list=1 mark=P pos=1
        task 2 list=1 mark=Q pos=2
        task 3 list=1 mark=R pos=3
        conflict pos=2

        What a column compares without case is one value in both cases, and so is what is free:

        >>> words = "A task 1 mark=P pos=1 word=home; B task 2 mark=Q pos=2 word=Home; "
        >>> rows(words + "all")
        task 1 mark=P pos=1 word=home
        task 2 mark=Q pos=2 word=Home (2)
        conflict word=Home

        Who got the value first has it, also where he had another one before, and the one who came later is new:

        >>> rows("A person 1 mark=P email=d; all; A person 1 email=e; A scan; B person 2 mark=Q email=e; all")
        person 1 email=e mark=P
        person 2 email=e (2) mark=Q
        conflict email=e

        Two exchange places here, two there; so that all three have one, it is the first that goes back:

        >>> three = "A task 1 mark=P list=1 pos=1; A task 2 mark=Q list=1 pos=2; A task 3 mark=R list=1 pos=3; all; "
        >>> rows(three + "A task 1 pos=2; A task 2 pos=1; A scan; B task 2 pos=3; B task 3 pos=2; all")
        task 1 list=1 mark=P pos=1
        task 2 list=1 mark=Q pos=3
        task 3 list=1 mark=R pos=2
        conflict pos=2
        conflict pos=1

        Of two links to one person, of which only one can be, the later leads to nobody; so it stays, until its user means it:

        >>> links = "A person 1 mark=P; all; A link 1 mark=Q to=1; B link 2 mark=R to=1; B phone 1 mark=b on=2; all; "
        >>> rows(links + "all")
        link 1 mark=Q to=1
        link 2 mark=R
        person 1 mark=P
        phone 1 mark=b on=2
        conflict to=1
        >>> rows(links + "B link 1 to=; B link 2 to=1; all")
        link 1 mark=Q
        link 2 mark=R to=1
        person 1 mark=P
        phone 1 mark=b on=2
        >>> rows(links + "A link 1 to=; all; B link 2 to=1; all")
        link 1 mark=Q
        link 2 mark=R to=1
        person 1 mark=P
        phone 1 mark=b on=2

        A wish that was left so brings nothing back, neither its row by the person nor the person by its row:

        >>> pinned = "A person 1 mark=P; all; A link 1 mark=Q to=1; B link 2 mark=R to=1; all; A link 1 kind=1; all; "
        >>> rows(pinned + "A del link 1; A del link 2; A del person 1; B person 1 name=x; all")
        link 1 kind=1 mark=Q to=1
        person 1 mark=P name=x
        >>> rows(pinned + "A del link 1; A link 2 kind=2; A scan; B del link 1; B del link 2; B del person 1; all")
        link 2 kind=2 mark=R
        conflict to=gone
        >>> rows(pinned + "A del link 1; A del person 1; all")
        link 2 mark=R
        >>> apart = "A link 1 mark=K; A link 2 mark=L; all; C link 1 to=1; C scan; A link 2 to=2; B link 2 to=1; all; "
        >>> rows("A person 1 mark=P; A person 2 mark=N; A person 3 mark=O; " + apart + "A link 2 to=3; A del link 1; A del person 1; all")
        link 2 mark=L to=3
        person 2 mark=N
        person 3 mark=O
        conflict to=2

        What has a value from before or a next one gives way in that:

        >>> rows("A person 1 mark=P; all; A link 1 mark=Q kind=1 from=1; B link 2 mark=R kind=1 from=1; all")
        link 1 from=1 kind=1 mark=Q
        link 2 from=1 kind=2 mark=R
        person 1 mark=P
        conflict kind=1
        """
        own = {}
        for names in self.tuples(id):
            claim = self.claim(id, names, own)
            if claim not in self.taken:
                continue
            names = columns(self.schema, self.table[id], names) if names != ("key",) else []
            back = self.had_before(id, names, own)
            moved = any(name in self.before[id] for name in names)
            if not back and moved and not own and self.goes_back(self.taken[claim], id, names):
                continue
            back = back or self.next_free(id, names, own)
            if not back:
                return False
            own.update(back)
        self.taken.update(dict.fromkeys(self.claims(id, own), id))
        self.instead[id] = own
        return True

    def can_have(self, id, own, name, value):
        """Nobody has it, and nobody wishes for it."""
        if value is None:
            return name not in self.schema[self.table[id]].required
        return not any(claim in self.taken or claim in self.wished for claim in self.claims(id, {**own, name: value}, name))

    def had_before(self, id, names, own):
        for name in names:
            value = self.before[id].get(name)
            if name in self.before[id] and value != {**self.value[id], **own}.get(name) and self.can_have(id, own, name, value):
                return {name: value}
        return None

    def goes_back(self, first, id, names):
        """The one who came first has a value from before, and what the other wishes for is free then."""
        if first in self.instead or self.order(first, ())[:3] != self.order(id, ())[:3]:
            return False
        back = self.had_before(first, names, {})
        if not back or None in back.values():  # who came first doesn't lose what he had nothing in the place of
            return False
        (name,) = back
        left = set(self.claims(first, (), name))
        if any(claim in self.taken and claim not in left for claim in self.claims(id)):
            return False
        for claim in left:
            del self.taken[claim]
        self.taken.update(dict.fromkeys(self.claims(first, back, name), first))
        self.instead[first] = back
        return True

    def next_free(self, id, names, own):
        for name in names:
            wish, value, number = self.value[id][name], None, 1
            if isinstance(wish, int):
                value = wish + 1
                while value < KEY_MAX and not self.can_have(id, own, name, value):
                    value += 1
                if value < KEY_MAX:
                    return {name: value}
            elif isinstance(wish, str):
                while value is None or not self.can_have(id, own, name, value):
                    number += 1
                    value = f"{wish} ({number})"
                return {name: value}
            if self.can_have(id, own, name, None):
                return {name: None}
        return None

    # ---- Keys ----

    def keys(self, shown):
        """k. Each wished key goes to its first claimant; whoever is displaced takes the next free key above his wish that
        nobody wishes for. In order of time alone nearly all move, when ten rows are added on each side.

        >>> rows("A person 1 mark=P; B person 1 mark=Q; B scan; A person 2 mark=R; A person 9 mark=S; A scan; all")
        person 1 mark=P
        person 2 mark=R
        person 3 mark=Q
        person 9 mark=S
        """
        keys = {}
        for table in sorted(self.schema):
            rows = sorted((id for id in shown if self.table[id] == table),  # one changeset's rows stay in order
                          key=lambda i: (*self.order(i, ("key",)), self.value[i]["key"], i))
            taken = {}
            for id in rows:
                taken.setdefault(self.value[id]["key"], id)
            for id in rows:
                key = self.value[id]["key"]
                if taken[key] != id:
                    while key in taken:
                        key = key + 1 if key < KEY_MAX else 1
                    taken[key] = id
                keys[id] = (table, key)
        return keys


def view(state, schema):
    """References are items, shown as the key that the item has here (rule f). So they follow every re-keying.

    >>> rows("A person 1 mark=P; A scan; B person 1 mark=Q; B phone 1 mark=b person=1; all")
    person 1 mark=P
    person 2 mark=Q
    phone 1 mark=b person=2
    """
    viewing = Viewing(state, schema)
    visible, held = viewing.shown_and_held()
    keys, rows = viewing.keys(visible), {}

    def shown(table, name, value):
        if not is_reference(schema, table, name) or not isinstance(value, tuple):
            return value
        return keys[value[1]][1] if value[0] == "@" else value[1]

    for id, key in keys.items():
        values = {**viewing.value[id], **viewing.instead.get(id, {})}
        fields = {name: shown(key[0], name, value) for name, value in values.items() if name not in ("table", "key") and not is_tie(name)}
        wishes = {name: wish for name in unique_columns(schema, key[0])
                  if (wish := value_of(schema, key[0], name, viewing.refs[id])) != values.get(name)}
        rows[key] = Row(id, fields, viewing.refs[id], viewing.listed[id], wishes)
    conflicts = sorted([(id, field, str(value)) for id in keys for field, _, value, conflict in viewing.listed[id] if conflict is True]
                       + [(row.item, "/" + name, str(wish)) for row in rows.values() for name, wish in row.wishes.items()])
    return View(rows, conflicts, {id: (why, viewing.value[id], viewing.listed[id]) for id, why in sorted(held.items())},
                viewing.alive, viewing.members,
                {id: (viewing.table[id], Row(id, {}, viewing.refs[id], viewing.listed[id])) for id in sorted(held)}, viewing.came)


# ---- What a source shows of it ---------------------------------------------------------------------------------------

def holds(form, table, name=None):
    return form.holds is None or (table in form.holds and (name is None or name in form.holds[table]))


def show(schema, form, rows):
    result = {}
    for (table, key), row in rows.items():
        if holds(form, table):
            result[table, key] = {n: v[:1] if n in form.slots else v for n, v in row.fields.items()
                                  if holds(form, table, n) and v not in (None, ())}
    return result


def same(schema, table, old, new):
    """Whether two rows say the same: a change of volatile fields alone is none (rule v), nor is another order."""
    def steady(fields):
        return {n: set(v) if how(schema, table, n) == "set" else v for n, v in fields.items()
                if how(schema, table, n) != "volatile" and v not in (None, ())}

    return steady(old) == steady(new)
