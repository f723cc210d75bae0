# SPDX-License-Identifier: Apache-2.0
"""Rows that are one by what they say (rule m): what a device says of them whose source was added with `--unique same`, or
with `--natural-key TABLE.COLUMN`."""
import merge_model as m
from record_same import SAME, TABLE
from record_item import how


def one_act(a, b):
    (a_dot, a_time), (b_dot, b_time) = a, b
    return a_dot[0] == b_dot[0] and a_time[0] == b_time[0] and a_time[1] - b_time[1] == a_dot[1] - b_dot[1]


def born_with(state, ids, name, value):
    """Whether the row, or one that is it, was made with this value, and has it since."""
    return any(write.value == value and one_act((dot, write.time), (made, table.time))
               for id in ids for dot, write in state[id].get("/" + name, {}).items()
               for made, table in state[id].get(TABLE, {}).items())


def says(schema, table, row, seen):
    """What can differ, as the row wishes to be."""
    keys = {("@", other.item): at[1] for at, other in seen.rows.items()}
    wishes = {name: keys.get(wish, wish) for name, wish in row.wishes.items()}
    return {name: value for name, value in {**row.fields, **wishes}.items()
            if value is not None and how(schema, table, name) not in ("set", "volatile", "weak")}


def clashes(state, schema, seen):
    """(row, the row that gave way to it) of each column that is unique by itself, and has a text."""
    holders = {(at[0], name, row.fields.get(name)): row for at, row in seen.rows.items() for name in row.fields}
    for at, row in seen.rows.items():
        for names in schema[at[0]].unique if schema[at[0]].serial else ():
            wish = row.wishes.get(names[0]) if len(names) == 1 else None
            first = holders.get((at[0], names[0], wish))
            if not isinstance(wish, str) or not first or first.wishes or not {row.item, first.item} <= seen.alive:
                continue
            if all(born_with(state, (one.item, *seen.members.get(one.item, ())), names[0], wish) for one in (row, first)):
                yield at[0], first, row


def makers(state, ids):
    return {dot[0] for id in ids for dot in state[id].get(TABLE, {})}


def made(state, ids):
    """When the first of them was made."""
    return min((write.time, dot) for id in ids for dot, write in state[id].get(TABLE, {}).items())


def named(state, seen, table, name):
    """Text -> rows that were made with it, and have it or wish for it: those that were made first, or have the lower number, come first."""
    result = {}
    for at, row in seen.rows.items():
        ids = row.item, *seen.members.get(row.item, ())
        text = row.wishes.get(name, row.fields.get(name))
        if at[0] == table and row.item in seen.alive and isinstance(text, str) and text and born_with(state, ids, name, text):
            result.setdefault(text, []).append((made(state, ids), at[1], row.item, ids))
    return {text: [(item, ids) for *_, item, ids in sorted(found)] for text, found in result.items()}


def natural(state, schema, seen, columns):
    """m. A table whose number means nothing, and of which a column names what the row is (`--natural-key article.guid`): rows
    made apart with one text in it are one, whatever else they say. What differs is a conflict of that field, as of a row that
    both edited. The one made first stays, and of each maker the first is it: two that one made by himself are two, as his
    program wanted it. Nothing is named by an empty text, or by one that a row got later.

    >>> both = "A natural phone number; A phone 1 mark=a number=n; B phone 1 mark=b number=n label=l; "
    >>> rows(both + "all")
    phone 1 label=l mark=b number=n
    conflict mark=a
    >>> rows("A natural phone number; A phone 7 mark=p number=n; B person 1 mark=q; B phone 1 mark=p number=n about=1; all")
    person 1 mark=q
    phone 7 about=1 mark=p number=n
    >>> rows("A natural phone number; A phone 1 mark=a number=n; A phone 2 mark=b number=n; B phone 1 mark=a number=n label=l; all")
    phone 1 label=l mark=a number=n
    phone 2 mark=b number=n
    >>> rows("A natural phone number; A phone 1 mark=a number=m; all; A phone 1 number=n; B phone 2 mark=b number=n; all")
    phone 1 mark=a number=n
    phone 2 mark=b number=n

    Where the column is unique, too, it names a row all the same:

    >>> rows("A natural person email; A person 1 mark=a email=e; B person 2 mark=b email=e name=Ann; all")
    person 1 email=e mark=b name=Ann
    conflict mark=a

    What the row is shown with in its stead names nothing, also once a program has written that:

    >>> rows("A person 1 mark=a email=e; B person 2 mark=b email=e; all; B person 3 mark=c; B scan; B natural person email; all")
    person 1 email=e mark=b
    person 3 mark=c
    conflict mark=a
    """
    changes = {}
    for table, name in sorted(columns):
        for text, found in sorted(named(state, seen, table, name).items() if schema[table].serial else ()):
            (first, ids), *others = found
            known = makers(state, ids)
            for item, ids in others:
                if item in changes or known & (own := makers(state, ids)):
                    continue
                known |= own
                changes[item] = m.Change(item, SAME, ("=", first), (), True)
    return tuple(change for _, change in sorted(changes.items()))


def alike(state, schema, seen, named=()):
    """m. Two rows made apart with one text, in a column that is unique by itself, are one if nothing else that both say
    differs. A device whose user said so of his source (`--unique same`) writes what he would write himself: of the row that
    gives way that it is the other one. Who else finds it writes the same, or of a third: it makes one group, in any order.

    >>> both = "A unique; B unique; A person 1 mark=same email=e; B person 2 mark=same email=e name=Ann; B phone 1 mark=b person=2; "
    >>> rows(both + "all")
    person 1 email=e mark=same name=Ann
    phone 1 mark=b person=1
    >>> rows("A unique; A person 1 mark=same email=e; B person 2 mark=same email=e name=Ann; all")  # one says so for all
    person 1 email=e mark=same name=Ann
    >>> rows(both + "A hear B; B hear A; A scan; B scan; A hear B; B hear A; A person 1 note=x; B person 2 note=y; all")
    person 1 email=e mark=same name=Ann note=y
    phone 1 mark=b person=1
    conflict note=x

    Anything that differs makes them two:

    >>> rows("A unique; A person 1 mark=same email=e name=Bob; B person 2 mark=same email=e name=Ann; all")
    person 1 email=e mark=same name=Bob
    person 2 email=e (2) mark=same name=Ann
    conflict email=e

    So they are where one was known under another value when the other was made, and where one is a number:

    >>> rows("A unique; A person 1 mark=same email=d; all; A person 1 email=e; B person 2 mark=same email=e; all")
    person 1 email=e mark=same
    person 2 email=e (2) mark=same
    conflict email=e
    >>> rows("A unique; A task 1 mark=same code=7 pos=1; B task 2 mark=same code=7 pos=1; all")
    task 1 code=7 mark=same pos=1
    task 2 code=8 mark=same pos=1
    conflict code=7

    Of three that are one each other one is compared with what those before it say together:

    >>> three = "A unique; A person 1 mark=same email=e; B person 2 mark=same email=e name=Ann; C person 3 mark=same email=e "
    >>> rows(three + "note=x; all")
    person 1 email=e mark=same name=Ann note=x
    >>> rows(three + "name=Bob; all")
    person 1 email=e mark=same name=Bob
    person 2 email=e (2) mark=same name=Ann
    conflict email=e
    """
    changes, together = {change.item: change for change in named}, {}
    for table, first, row in sorted(clashes(state, schema, seen), key=lambda one: (one[1].item, one[2].item)):
        known, own = together.setdefault(first.item, says(schema, table, first, seen)), says(schema, table, row, seen)
        if row.item in changes or any(known.get(name, value) != value for name, value in own.items()):
            continue
        known.update(own)
        changes[row.item] = m.Change(row.item, SAME, ("=", first.item), (), True)
    return tuple(change for _, change in sorted(changes.items()))
