# SPDX-License-Identifier: Apache-2.0
"""The merge rules of one record: what a schema says of its fields, and which of the writes of each field is shown.
record_view.py makes rows of all records with it."""
from collections import namedtuple
from string import ascii_lowercase, ascii_uppercase

import merge_model as m
from record_same import LEVEL

# how: property -> "latest" (default) "volatile" "weak" "set", ("ref", table), or ("owned", table) where the row can't be
# without the one that it refers to; "one" of all those that say one thing together (rule y), that of the first. serial:
# the key is an integer that an application counts up; else it is natural (UID, text). unique: tuples of properties.
# required: NOT NULL. folded: properties that tuples compare without case.
Table = namedtuple("Table", "serial how unique required folded", defaults=((), (), ()))
ASCII = str.maketrans(ascii_uppercase, ascii_lowercase)
# Rows of the child's table refer to rows of the parent's by what these columns say, and not by the key. In `field` of the
# state a row says which one that is.
Tie = namedtuple("Tie", "child column parent to field")


def how(schema, table, name):
    return schema[table].how.get(name, "latest")


def is_tie(name):
    return name.startswith("tie/")


def property_of(schema, table, field):
    """Which property a field of the state is, or is an entry of."""
    name = field[1:].rsplit("/", 1)[0]
    return name if how(schema, table, name) == "set" else field[1:]


def bound(schema, table, name):
    """Whether a row can't be without the one that this field refers to."""
    kind = how(schema, table, name)
    return isinstance(kind, tuple) and (kind[0] == "owned" or name in schema[table].required)


def is_reference(schema, table, name):
    return isinstance(how(schema, table, name), tuple)


def columns(schema, table, names):
    """Which of them can give way (rule h), the first that does so first, and references behind all others: these can be
    nothing, where they need not be. A set, a time of use can't."""
    return [name for name in reversed(names) if how(schema, table, name) == "latest"] + [
        name for name in reversed(names) if is_reference(schema, table, name)]


def without_case(value):
    """As SQLite's NOCASE: of letters beyond ASCII the case counts."""
    return value.translate(ASCII) if isinstance(value, str) else value


def unique_columns(schema, table):
    return sorted({name for names in schema[table].unique for name in columns(schema, table, names)})


def live(item, field, entry):
    """The writes of a field that count, best first: those that no deletion covers; of a revived record the best one else,
    of a set's entry all.

    >>> rows("A card u name=Ann tel=1; all; A card u tel=2; B card u tel=3; all; A del card u; B card u name=Anna; all")
    card u name=Anna tel=2,3
    >>> rows("A card u name=Ann; all; A card u name=Anna; B card u name=Anne; all; A del card u; B card u tel=1; all")
    card u name=Anne tel=1
    """
    refs = sorted(item.fields.get(field, ()), key=lambda ref: item.rank(field, ref), reverse=True)
    counting = [ref[1] for ref in refs if item.rank(field, ref)[0]]
    return counting or [write for _, write in refs[:None if entry else 1]]


def one_act(a, b):
    """Parts of a changeset follow each other: the counters of their times go up with their sequences."""
    (a_dot, a_time), (b_dot, b_time) = a, b
    return a_dot[0] == b_dot[0] and a_time[0] == b_time[0] and a_time[1] - b_time[1] == a_dot[1] - b_dot[1]


def as_one(item, fields):
    """y. What several fields say together, as a start, its zone and how long it lasts, is one: all of it is of one act. Of
    acts that say the same field the best is shown, and one that says the first field before one that doesn't; of another one
    all is listed, and the first value that differs is told. Acts that have no field in common are of programs before, which
    wrote what they changed alone: each saw what it left.

    By fields B's 15 o'clock would be A's day without an hour, and A's zone that of a start which B wrote.

    >>> start = "A event u start=9 zone=UTC lasts=1; all; "
    >>> rows(start + "A event u start=0 zone= day=yes lasts=24; B event u start=15 lasts=2; all")
    event u lasts=2 start=15 zone=UTC
    conflict start=0
    >>> rows(start + "A event u start=15 lasts=2; B event u start=0 zone= day=yes lasts=24; all")
    event u day=yes lasts=24 start=0
    conflict start=15
    >>> rows(start + "A event u lasts=3; B event u lasts=2 name=x; all")
    event u lasts=2 name=x start=9 zone=UTC
    conflict lasts=3
    >>> rows(start + "A event u lasts=2; B event u start=8; all")
    event u lasts=1 start=8 zone=UTC
    conflict start=9
    >>> rows(start + "A event u lasts=2; B event u lasts=2; all")
    event u lasts=2 start=9 zone=UTC
    >>> rows(start + "A event u lasts=2; B event u name=x; all")
    event u lasts=2 name=x start=9 zone=UTC
    >>> rows(start + "A event u lasts=2; C event u start=; all")  # who clears it has seen no edit
    event u lasts=2 start=9 zone=UTC
    conflict lasts=1
    >>> rows(start + "A event u start=0 zone= day=yes; A parts; B event u start=15; all; A event u name=x; all; A del event u; all")
    """
    writes = [(item.rank(f, ref), f, ref[1]) for f in fields for ref in item.fields.get(f, ()) if not ref[1].weak]
    acts = []
    for one in sorted(writes, key=lambda one: one[0], reverse=True):
        act = next((act for act in acts if one_act((act[0][2].dot, act[0][2].time), (one[2].dot, one[2].time))), None)
        acts.append([one]) if act is None else act.append(one)
    acts.sort(key=lambda act: (max(rank[0] for rank, *_ in act), any(f == fields[0] for _, f, _ in act),
                               max(rank for rank, *_ in act)), reverse=True)
    shown, lost = {}, []
    for act in acts:
        if any(f in shown for _, f, _ in act):
            lost.append([(f, w, rank[0]) for rank, f, w in act])
        else:
            shown.update({f: w.value for _, f, w in act})
    return shown, lost


def standing(item, fields):
    """y. Of what acts say that are not shown: (field, dot) -> None where it is shown by another, else what `listed` has."""
    shown, lost = as_one(item, fields)
    found, differing = {}, []
    for act in lost:
        differs = {f for f, w, alive in act if shown.get(f) != w.value}
        found |= {(f, w.dot): "untold" if alive and differs else None if alive else False for f, w, alive in act}
        differing.append([(f, w.dot) for name in fields for f, w, alive in act if f == name and f in differs and alive])
    first = min((fields.index(act[0][0]) for act in differing if act), default=None)
    for act, differs in zip(lost, differing):
        own = [(f, w.dot) for f, w, alive in act if alive and first is not None and f == fields[first]]
        for told in (own or differs)[:1] if differs else ():
            found[told] = True
    return found


def exclude(field, other):
    """One is below the other: a member of the object that the other one is as a whole, a text."""
    return field.startswith(other + "/") or other.startswith(field + "/")


def giving_way(item, fields):
    """c. A field and the fields below it, a text and the members of an object of one name, are never shown together: in the
    order of the best write of each a field is shown if none is that excludes it. All of the others gives way, and is listed.

    A file has room for one of both; what is shown and isn't there would be its user's deletion at the next look.

    >>> rows("A card u name=Ann; all; A card u look/name=dark look/size=9; B card u look=light; all")
    card u look=light name=Ann
    conflict look/name=dark
    conflict look/size=9
    >>> rows("A card u name=Ann; all; A card u look/name=dark; A scan; C card u look=light; C scan; A card u look/size=9; all")
    card u look/name=dark look/size=9 name=Ann
    conflict look=light
    >>> start = "A card u look/name=dark look/size=9; all; "
    >>> rows(start + "A card u look/name= look/size= look=light; B card u look/size=8; all")
    card u look/size=8
    conflict look=light
    >>> rows(start + "A card u look/name= look/size= look=light; all; A card u look= look/name=x; all")
    card u look/name=x
    """
    shown = []
    for field in sorted(fields, key=lambda f: max(item.rank(f, ref) for ref in item.fields[f]), reverse=True):
        if not any(exclude(field, other) for other in shown):
            shown.append(field)
    return {*fields} - {*shown}


def properties(schema, table, item, ones=()):
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
    refs, listed, stands = {}, [], standing(item, ones)
    fields = [field for field in sorted(item.fields) if field not in (m.DELETED, LEVEL)]
    gone = giving_way(item, [field for field in fields if property_of(schema, table, field) == field[1:] and not is_tie(field[1:])])
    for field in fields:
        name = property_of(schema, table, field)
        entry = name != field[1:]
        writes = live(item, field, entry)
        shown = [w for w in writes if entry or w.value == writes[0].value]
        if stands and field in ones:
            writes = [w for w in writes if stands.get((field, w.dot)) is not None]
            shown = [w for _, w in item.fields[field] if stands.get((field, w.dot)) is None]
        if field in gone:
            writes, shown = [ref[1] for ref in item.fields[field] if item.rank(field, ref)[0]], []
        for write in shown:
            refs.setdefault(name, {}).setdefault(write.value, []).append((field, write.dot))
        listed += [(field, w.dot, w.value, stands.get((field, w.dot), w in writes and not w.weak))
                   for _, w in sorted(item.fields[field], key=lambda ref: ref[1].dot) if w not in shown]
    return refs, tuple(listed)


def value_of(schema, table, name, refs):
    if how(schema, table, name) == "set":  # ordered by entry, so that an edit keeps its place
        return tuple(sorted(refs.get(name, {}), key=lambda v: (min(refs[name][v]), v)))
    return next(iter(refs.get(name, {})), None)
