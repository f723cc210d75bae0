# SPDX-License-Identifier: Apache-2.0
"""The first half of the merge rules of records: from the state to the rows that are shown. record_model.py has the other
half, and says how to read both."""
from collections import namedtuple

import merge_model as m

TABLE, KEY, LEVEL = "/table", "/key", "/level"
KEY_MAX = 2**63 - 1

# how: property -> "latest" (default) "volatile" "weak" "set", ("ref", table), or ("owned", table) where the row can't be
# without the one that it refers to. serial: the key is an integer that an application counts up; else it is natural (UID,
# text). unique: tuples of properties. required: NOT NULL.
Table = namedtuple("Table", "serial how unique required", defaults=((), ()))
# What a format can hold: table -> properties (a table that is missing is not held; None: all); slots: sets with room for one.
Format = namedtuple("Format", "holds slots ties", defaults=(None, (), ()))
# Rows of the child's table refer to rows of the parent's by what these columns say, and not by the key. In `field` of the
# state a row says which one that is.
Tie = namedtuple("Tie", "child column parent to field")
# refs: property -> value shown -> [(field, dot)…]. listed: (field, dot, value, whether it is a conflict) of what is not shown.
Row = namedtuple("Row", "item fields refs listed")
View = namedtuple("View", "rows conflicts held alive")


def how(schema, table, name):
    return schema[table].how.get(name, "latest")


def is_tie(name):
    return name.startswith("tie/")


def property_of(field):
    """Which property a field of the state is, or is an entry of."""
    return field[1:] if is_tie(field[1:]) else field[1:].split("/")[0]


def bound(schema, table, name):
    """Whether a row can't be without the one that this field refers to."""
    kind = how(schema, table, name)
    return isinstance(kind, tuple) and (kind[0] == "owned" or name in schema[table].required)


def live(item, field, entry):
    """The writes of a field that count, best first: those that no deletion covers; of a revived record the best one else,
    of a set's entry all.

    >>> rows("A card u name=Ann tel=1; all; A card u tel=2; B card u tel=3; all; A del card u; B card u name=Anna; all")
    card u name=Anna tel=2,3
    >>> rows("A card u name=Ann; all; A card u name=Anna; B card u name=Anne; all; A del card u; B card u tel=1; all")
    card u name=Anne tel=1
    """
    refs = sorted(item.fields.get(field, ()), key=lambda ref: item.rank(field, ref), reverse=True)
    counting = [write for _, write in refs if item.rank(field, (item.id, write))[0]]
    return counting or [write for _, write in refs[:None if entry else 1]]


def properties(item):
    """c. Of one field's writes the best is shown; each other value by a user is listed; equal values are no conflict.
    Volatile and weak fields are written weak: they never revive, and are never listed.

    >>> rows("A card u name=Ann; all; A card u name=Anna; B card u name=Anne; all")
    card u name=Anne
    conflict name=Anna
    >>> rows("A card u name=Ann rev=1 seen=1; all; A del card u; B card u rev=2 seen=2; all")

    d. A set shows every value of every entry, equal ones once. So nothing in a set is ever hidden as a conflict: with latest
    wins, a number that a user added is not in the address book.

    >>> rows("A card u tel=1; all; A card u tel=2; B card u tel=1,3; all")
    card u tel=2,3
    """
    refs, listed = {}, []
    for field in sorted(item.fields):
        if field in (m.DELETED, LEVEL):
            continue
        name = property_of(field)
        entry = name != field[1:]
        writes = live(item, field, entry)
        shown = [w for w in writes if entry or w.value == writes[0].value]
        for write in shown:
            refs.setdefault(name, {}).setdefault(write.value, []).append((field, write.dot))
        listed += [(field, w.dot, w.value, w in writes and not w.weak)
                   for _, w in sorted(item.fields[field], key=lambda ref: ref[1].dot) if w not in shown]
    return refs, tuple(listed)


def value_of(schema, table, name, refs):
    if how(schema, table, name) == "set":  # ordered by entry, so that an edit keeps its place
        return tuple(sorted(refs.get(name, {}), key=lambda v: (min(refs[name][v]), v)))
    return next(iter(refs.get(name, {})), None)


class Viewing:
    """All rows of a state, with what they say, whether they are shown or not."""

    def __init__(self, state, schema):
        self.state, self.schema = state, schema
        self.items = {id: item for id, item in m.items_of(state).items() if item.kind == "r" and item.best(TABLE)
                      and item.value(TABLE, None) in schema}
        self.table = {id: item.value(TABLE, None) for id, item in self.items.items()}
        self.refs, self.listed = {}, {}
        for id, item in self.items.items():
            self.refs[id], self.listed[id] = properties(item)
        self.value = {id: {name: value_of(schema, self.table[id], name, refs) for name in refs}
                      for id, refs in self.refs.items()}
        self.alive = {id for id, item in self.items.items() if item.lives()}
        self.tied = set()

    def parents(self, id, only_bound=False):
        return [v[1] for name, v in self.value[id].items() if isinstance(v, tuple) and v[:1] == ("@",)
                and isinstance(how(self.schema, self.table[id], name), tuple)
                and (not only_bound or bound(self.schema, self.table[id], name))]

    def tied_parents(self, id):
        return [v[1] for name, v in self.value[id].items() if is_tie(name) and v[0] == "@" and v[1] in self.items]

    # ---- Which rows are visible ----

    def follow(self, visible, todo):
        """e. A row that a visible row refers to is visible, also if deleted: adding a child is a use of its parent (as rule O).
        To hold a telephone back hides what a user typed, and nobody would look.

        >>> rows("A person 1 mark=P; all; A del person 1; B phone 1 mark=b person=1; all")
        person 1 mark=P
        phone 1 mark=b person=1
        """
        todo = sorted(todo)
        while todo:
            if (id := todo.pop()) not in visible and id in self.items:
                visible.add(id)
                todo += self.parents(id)

    def deletions(self, id):
        return [(dot, write.time) for dot, write in self.state[id].get(m.DELETED, {}).items()]

    def went_with(self, child, parent):
        """Whether each deletion of the child was made in one act with one of the parent. Parts of a changeset follow each
        other: the counters of their times go up with their sequences."""
        def one_act(a, b):
            (a_dot, a_time), (b_dot, b_time) = a, b
            return a_dot[0] == b_dot[0] and a_time[0] == b_time[0] and a_time[1] - b_time[1] == a_dot[1] - b_dot[1]

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
        visible = set()
        self.follow(visible, self.alive)
        back = {id for id in self.alive if self.deletions(id)}
        while news := {id for id in self.items if id not in visible and self.deletions(id)
                       and any(parent in back and self.went_with(id, parent) for parent in self.parents(id, True))
                       and all(parent in visible for parent in self.parents(id, True))}:
            visible |= news
            back |= news
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
        """x. Claims (a unique value, a key): living rows before revived ones, then the higher /level, then who came first.

        Delete Ann 101, insert Eve 101 || add a telephone to Ann: Ann is back, but Eve's key is Eve's.

        >>> rows("A person 1 mark=P name=A; all; A person 1 mark=Q name=E; B phone 1 mark=b person=1; all")
        person 1 mark=Q name=E
        person 2 mark=P name=A
        phone 1 mark=b person=2
        """
        item = self.items[id]
        refs = [ref[1] for name in names if (ref := item.best("/" + name))]
        claimed = max(((w.time, w.dot) for w in refs), default=((0, 0), ()))
        return (id in self.tied, id not in self.alive, -item.value(LEVEL, 0), claimed)

    def claims(self, id):
        table, value = self.table[id], self.value[id]
        claims = [(table, names, tuple(value.get(name) for name in names)) for names in self.schema[table].unique]
        if not self.schema[table].serial:  # only a mistaken device gives a natural key to two items
            claims.append((table, ("key",), (value.get("key"),)))
        return [claim for claim in claims if None not in claim[2]]

    def held(self, visible):
        """u. A row that breaks UNIQUE or NOT NULL is held back whole and listed, with the rows that refer to it: the later
        claim. Else applying fails in the middle, on each device at another row.

        >>> rows("A person 1 mark=P; B person 2 mark=Q; all; A person 1 email=e; B person 2 email=e; B phone 1 mark=b person=2; all")
        person 1 email=e mark=P
        held person Q unique
        held phone b parent
        """
        held, dropped = {}, {}
        while True:
            taken, held = {}, dict(dropped)
            for id in sorted(visible - set(dropped), key=lambda i: (*self.order(i, sorted(
                    {name for names in self.schema[self.table[i]].unique for name in names})), i)):
                claims = self.claims(id)
                if any(self.value[id].get(name) is None for name in ("key", *self.schema[self.table[id]].required)):
                    held[id] = "required"
                elif any(claim in taken for claim in claims):
                    held[id] = "unique"
                else:
                    taken.update(dict.fromkeys(claims, id))
            news = {id: "parent" for id in visible - set(held)
                    if any(parent in held or parent not in visible for parent in self.parents(id))}
            if not news:
                return held
            dropped.update(news)

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
        if not isinstance(how(schema, table, name), tuple) or not isinstance(value, tuple):
            return value
        return keys[value[1]][1] if value[0] == "@" else value[1]

    for id, key in keys.items():
        fields = {name: shown(key[0], name, value) for name, value in viewing.value[id].items()
                  if name not in ("table", "key") and not is_tie(name)}
        rows[key] = Row(id, fields, viewing.refs[id], viewing.listed[id])
    conflicts = sorted((id, field, str(value)) for id in keys for field, _, value, conflict in viewing.listed[id] if conflict)
    return View(rows, conflicts, {id: (why, viewing.value[id], viewing.listed[id]) for id, why in sorted(held.items())},
                viewing.alive)


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
