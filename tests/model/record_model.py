# SPDX-License-Identifier: Apache-2.0
"""The merge rules of records, executable: contacts, events, CSV and JSON records, rows of databases.

    state = state_of(whole(entries, limits), limits)
    shown = view(state, schema)              rows: (table, key) -> Row; conflicts and held: what `status` lists
    changes, where = scan(state, schema, format, base, disk, …)    what a user did to one source (its new base: record_rebase.py)

The state, entries and what lives are merge_model's. A source's disk is (table, key) -> {property: value}; a set property's
value is a tuple, a reference's the key that it shows. Fields in the state: /table, /key (the key wished for), /NAME,
/NAME/ENTRY (sets), /level (rule x). A time is (ms, counter).

`rows` plays a history (record_histories.py): A, B and C have a database, C a CSV file beside it, D that alone, which can't
hold all. `card u name=Ann` writes a row, `del` deletes it, `key` changes its key; `all`: all with all. Each `all` scans.
"""
import merge_model as m
from record_item import bound, exclude, how, is_reference, is_tie, unique_columns, value_of
from record_same import KEY, LEVEL, TABLE
from record_scanned import Scanned
from record_view import INSTEAD, holds, show, view

PART = "/part"
ROUNDS_MAX = 4


def whole(entries, limits=()):
    """q. A changeset is visible at once or not at all: a tail of parts without the last part doesn't count yet.

    Take 10 from one account in part 1, add it to the other in part 2: in between the sum is wrong.

    >>> whole([m.Entry("A", 1, {}, (5, 0), (m.Change("r1", "/sum", 90), m.Change("", PART, (1, 2))))])
    []
    """
    entries, limits = list(entries), dict(limits)
    held = {(e.writer, e.sequence) for e in entries if e.sequence <= limits.get(e.writer, e.sequence)}
    result = []
    for entry in entries:
        first, count = next((c.value for c in entry.changes if c.field == PART), (entry.sequence, 1))
        if all((entry.writer, first + i) in held for i in range(count)):
            result.append(entry._replace(changes=tuple(c for c in entry.changes if c.field != PART)))
    return result


def row_id(state, schema, table, key, content, fresh=()):
    """a. A natural key is the record: born apart it is one item, merged by field. A serial key, an integer that an
    application counts up, says nothing: the content counts.

    >>> rows("A card u name=Ann; B card u note=x; all")
    card u name=Ann note=x
    >>> rows("A person 1 mark=P; B person 1 mark=Q; all")  # with H(table, key) they are one item, and Q's telephone rings at P's
    person 1 mark=P
    person 2 mark=Q

    b. A serial row whose id the state has already (deleted, or given away) takes the next number, not a random one. `fresh`
    are living items that the source doesn't show yet: the same row, made elsewhere.

    >>> rows("A person 1 mark=P; all; A del person 1; all; A card u name=x; A scan; A person 1 mark=P; B person 1 mark=P; all")
    card u name=x
    person 1 mark=P
    """
    if not schema[table].serial:
        return "r" + m.digest("record", table, key)
    number = 0
    while (item := "r" + m.digest("row", table, key, content, number)) in state and item not in fresh:
        number += 1
    return item


class Scan(Scanned):
    """g. What a source shows now is compared with what it showed (base), through what its format can hold; never with the
    record.

    >>> rows("A card u name=Ann tel=1,2; all; D card u name=Anna; all")  # D has room for one number, and deletes none
    card u name=Anna tel=1,2
    """

    def __init__(self, state, schema, form, base, unseen, disk):
        self.state, self.schema, self.form, self.base, self.unseen, self.disk = state, schema, form, base, unseen, disk
        self.shown, self.draft, self.touched = show(schema, form, base), {}, set()
        self.view = view(state, schema)
        self.before = {row.item: at for at, row in self.view.rows.items()}
        self.fresh = set(self.before) - {row.item for row in base.values()}

    def put(self, item, field, value, over=(), weak=False):
        old = self.draft.get((item, field))
        over = tuple(sorted({*over, *(old.over if old else ())}))
        self.draft[item, field] = m.Change(item, field, old.value if old and value is None else value, over,
                                           old.weak if old and value is None else weak)

    # ---- Which row is which ----

    def item_at(self, at, above=()):
        """Of a new row the item that it will be; a reference to a row that is new, too, says that row's item."""
        if at not in self.where:
            if at in above:
                return "r" + m.digest("cycle", *at)
            content = []
            for name, value in sorted(self.disk[at].items()):
                kind = how(self.schema, at[0], name)
                if isinstance(kind, tuple) and (kind[1], value) in self.disk:
                    value = self.item_at((kind[1], value), above + (at,))
                if kind not in ("volatile", "weak"):
                    content.append((name, sorted(value) if kind == "set" else value))
            self.where[at] = row_id(self.state, self.schema, at[0], at[1], content, self.fresh)
        return self.where[at]

    # ---- What was done to a row ----

    def scan_row(self, at):
        """v. Volatile fields go along with another change of the row, and make none. r. An edit leaves what is listed until
        `resolve` names it; clearing a field replaces that, too, as a deletion does; so does a change of the key, which can't
        be cleared.

        >>> rows("A card u name=Ann rev=1; all; A card u rev=2; B card u rev=3; all")
        card u name=Ann rev=1
        >>> rows("A card u name=Ann note=x; all; A card u name=Anna; B card u name=Anne; all; A card u name=; all")
        card u note=x
        >>> rows("A person 1 mark=P; all; A key person 1 7; B key person 1 8; all; A person 7 mark=Q; all; A key person 8 9; all")
        person 7 mark=Q
        person 9 mark=P
        """
        table, item = at[0], self.item_at(at)
        row = self.base[self.moved.get(at, at)] if at not in self.new or at in self.moved else None
        was = self.shown[self.moved.get(at, at)] if row else {}
        want = {n: v for n, v in self.disk[at].items() if v not in (None, ())}
        if not row:
            self.begin_life(at, item)
        elif at in self.moved:
            self.put(item, KEY, at[1], all_dots(row, KEY))
        changed = not row or at in self.moved
        names = sorted({*was, *want})
        ones = [name for name, kind in self.schema[table].how.items() if kind == "one"]
        for name in names:
            kind, old, now = how(self.schema, table, name), was.get(name), want.get(name)
            if kind == "set":
                changed = self.scan_set(item, row, name, old or (), now or ()) or changed
            elif isinstance(kind, tuple):
                changed = self.scan_reference(at, row, name, old, now) or changed
                self.no_more_instead(item, row, name)
            elif kind != "volatile" and old != now:
                changed = self.write(item, row, name, now, kind == "weak", name in unique_columns(self.schema, table)) or changed
                self.keep_before(item, row, name, old, now)
        if row and any(was.get(name) != want.get(name) for name in ones):
            self.say_as_one(item, row, ones, was, want)
        if self.scan_ties(at, row) or changed:
            self.touched.add(table)
        if not changed:
            return
        for name in names:
            if how(self.schema, table, name) == "volatile" and want.get(name) != was.get(name):
                self.put(item, "/" + name, want.get(name), all_dots(row, "/" + name), True)

    def say_as_one(self, item, row, ones, was, want):
        """y. Who changes one field of what several say together writes all of them, as he has them. Another act that is
        listed stays whole beside that. Who clears one replaces all that is listed of all, as what is listed of any field that
        is cleared (rule r): the other act may say nothing that his says still, and would be shown beside it.

        >>> moved = "A event u start=9 zone=UTC lasts=1; all; A event u start=0 zone= day=yes; B event u zone=Paris; all; "
        >>> rows(moved + "A event u start=10; B event u name=x; all")
        event u lasts=1 name=x start=10 zone=Paris
        conflict start=0
        >>> rows(moved + "A event u start=; all")
        event u lasts=1 zone=Paris
        >>> rows("A event u lasts=1; all; A event u lasts=2 day=yes; B event u lasts=3 zone=UTC; all; A event u lasts=; all")
        event u zone=UTC
        """
        cleared = any(was.get(name) is not None and want.get(name) is None for name in ones)
        for name in ones:
            for value in row.refs.get(name, ()) if (item, "/" + name) not in self.draft else ():
                self.put(item, "/" + name, value, shown_dots(row, name))
            if cleared and (dots := [dot for f, dot, *_ in row.listed if f == "/" + name]):
                self.put(item, "/" + name, None, dots)

    def begin_life(self, at, item):
        """l. A natural key that comes again is a new life: it replaces all that the dead item has; of a living one, which
        isn't applied here yet, what a deletion covered. So no old field is back.

        >>> rows("A card u name=Ann note=x; all; A del card u; all; B card u name=Bob; A card u org=y; all")
        card u name=Bob org=y
        """
        self.put(item, TABLE, at[0])
        self.put(item, KEY, at[1])
        known = m.items_of(self.state).get(item)
        for field, refs in known.fields.items() if known else ():
            for holder, write in refs:
                if field != m.DELETED and not (known.lives() and known.rank(field, (holder, write))[0]):
                    self.put(item, field, None, [write.dot])

    def keep_before(self, item, row, name, old, now):
        """h. Who changes a value that only one row can have says what the row had before, weakly, and that what it was shown
        with in the stead of another is no more."""
        field = INSTEAD + name
        over = all_dots(row, field)
        if (item, "/" + name) in self.draft and row and name in unique_columns(self.schema, self.draft_table(item, row)) and (
                over or now is not None):
            self.put(item, field, None if now is None else ("=", old), over, True)

    def no_more_instead(self, item, row, name):
        """h. Of a reference nothing is said of what it was before: the row that it led to may be gone."""
        over = all_dots(row, INSTEAD + name)
        if over and (item, "/" + name) in self.draft:
            self.put(item, INSTEAD + name, None, over, True)

    def draft_table(self, item, row):
        return next(iter(row.refs["table"]))

    def write(self, item, row, name, value, weak, unique=False):
        """What a user gives a column that gave way he means, also where it is what the row wishes for. Who clears a field
        replaces also what is listed of fields that exclude it (rule c): what he takes away would bring that.

        >>> rows("A card u name=Ann; all; A card u look/name=dark; B card u look=light; all; A card u look=; all")
        card u name=Ann
        >>> start = "A card u name=Ann; all; A card u look/name=dark; A scan; C card u look=light; C scan; A card u look/size=9; "
        >>> rows(start + "all; C card u look/size=; all")
        card u look/name=dark name=Ann

        >>> rows("A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A del person 1; A person 2 email=e; all")
        person 2 email=e mark=Q
        """
        if not unique and value == next(iter(row.refs.get(name, {})) if row else iter(()), None):
            return False
        self.put(item, "/" + name, value,
                 all_dots(row, "/" + name) if value is None or weak else shown_dots(row, name), weak)
        for field, dot, *_ in row.listed if row and value is None else ():
            if exclude(field, "/" + name):
                self.put(item, field, None, [dot])
        return True

    def scan_reference(self, at, row, name, old, now):
        """f. References are items. One is written if its key changed, or the row that the key stands for.

        n. One that loses its row on the disk becomes a mere number, weakly: the user didn't touch it.

        >>> rows("A person 1 mark=P; A phone 1 mark=a about=1; all; A del person 1; B del phone 1; B del person 1; all")
        """
        item, to, kept = self.where[at], (how(self.schema, at[0], name)[1], now), old == now
        if now is None:
            return self.write(item, row, name, None, False)
        lacks = not holds(self.form, to[0])  # in a table that the format lacks, keys stand for what they stood for
        before = self.base[to].item if to in self.base else None
        target = before if lacks else self.item_at(to) if to in self.disk else None
        if kept and before == target:
            return False
        if not target and not kept and lacks and to in self.view.rows:  # the user can only have meant that one
            target = self.view.rows[to].item
        return self.write(item, row, name, ("@", target) if target else ("?", now), kept,
                          row and row.fields.get(name) is None)

    def scan_ties(self, at, row):
        """w. Which row another is tied to is said, weakly, of a new row, and when what was done here makes it another one, or
        none; what came or went elsewhere is nothing that this user did. A row that he deleted is not said any more.

        >>> start = "A person 1 mark=P email=e; A phone 1 mark=a mail=e; all; "
        >>> rows(start + "D person 1 email=f; all; A del person 1; all")  # D, which has no telephones, didn't say who a is tied to
        phone 1 mail=e mark=a
        """
        item, changed = self.where[at], False
        for tie in [tie for tie in self.form.ties if tie.child == at[0]]:
            said = next(iter(row.refs.get(tie.field, {})) if row else iter(()), None)
            before = self.tied_to(tie, row.fields if row else {}, {k: r.fields for k, r in self.base.items()}, self.base_item)
            now = self.tied_to(tie, self.disk[at], self.disk, self.item_at)
            value = ("@", now) if now else None
            if (before != now or self.is_gone(said)) and said != value:
                self.put(item, "/" + tie.field, value, all_dots(row, "/" + tie.field), True)
                changed = True
        for name, values in row.refs.items() if row else ():
            if is_tie(name) and any(map(self.is_gone, values)) and (item, "/" + name) not in self.draft:
                self.put(item, "/" + name, None, all_dots(row, "/" + name))
                changed = True
        return changed

    def tied_to(self, tie, fields, rows, item_at):
        value = fields.get(tie.column)
        found = sorted(at for at, row in rows.items() if at[0] == tie.parent and value is not None and row.get(tie.to) == value)
        return item_at(found[0]) if found else None

    def base_item(self, at):
        return self.base[at].item

    def is_gone(self, said):
        return said is not None and said[1] in {self.base[at].item for at in self.gone if at not in self.moved.values()}

    def scan_set(self, item, row, name, old, now):
        """s. An entry of a set is named by its first value, so the same number added twice is one. As many values new as are
        gone are edits of their entries, shorter ones first, then by their letters: else of two who changed both telephones
        nobody would say that they changed the same. Else they are deletes and adds. Order doesn't count. An edit names only
        what it replaces.

        >>> rows("A card u tel=1; all; A card u tel=2; B card u tel=3; all")
        card u tel=2,3
        >>> rows("A card u name=Ann; all; A card u tel=1; B card u tel=1; all")
        card u name=Ann tel=1
        >>> rows("A card u tel=1,2; all; D card u tel=3; B card u note=x; all")  # an edit keeps its place
        card u note=x tel=3,2
        >>> rows("A card u tel=1,2; all; A card u tel=3,4; B card u tel=5,6; all")  # so do two
        card u tel=3,5,4,6

        One entry may show two values, of which it takes one: the other is a new entry.

        >>> rows("A card u tel=1; all; A card u tel=2; B card u tel=3; all; A card u tel=5,6; all")
        card u tel=5,6
        """
        gone, new = (sorted(values, key=lambda v: (len(v), v)) for values in ({*old} - {*now}, {*now} - {*old}))
        entries = row.refs.get(name, {}) if row else {}
        if len(gone) == len(new):
            for value, instead in zip(gone, new):
                for field, dot in entries[value]:
                    self.put(item, field, None, [dot])
                free = [field for field, _ in entries[value] if self.draft[item, field].value is None]
                self.put(item, free[0] if free else self.new_entry(item, name, instead), instead)
            return bool(gone)
        for value in gone:
            for field, dot in entries[value]:
                self.put(item, field, None, [dot] + [d for f, d, *_ in row.listed if f == field])
        for value in new:
            self.put(item, self.new_entry(item, name, value), value)
        return bool(gone or new)

    def new_entry(self, item, name, value):
        number = 0
        while (field := f"/{name}/{m.digest('entry', value, number)[:8]}") in self.state.get(item, ()) \
                or (item, field) in self.draft:
            number += 1
        return field

    def scan_gone(self):
        """t. A deletion covers all that the base's record had, also what the format can't show, and what was listed. With it go
        the rows which refer to it, can't be without it, and which the source doesn't show, since its format has no place for them
        or they were held back when it was last agreed; others refer to nothing, and those that wish to do so no more (rule h).

        >>> rows("A card u name=Ann note=x; all; D del card u; all")  # the note, which D can't show, would keep the card
        >>> rows("A person 1 mark=P; A phone 1 mark=a person=1; A phone 2 mark=b about=1; all; D del person 1; all")
        phone 2 mark=b
        >>> start = "A person 1 mark=P; all; A desk 1 mark=Q to=1; B desk 2 mark=R to=1; "
        >>> rows(start + "all; A del desk 1; A del person 1; all")  # R, which nobody sees, would keep P
        >>> rows(start + "B phone 1 mark=b person=1 via=2; all; A del desk 1; A del person 1; all")
        >>> rows("A person 1 mark=P; all; A link 1 mark=Q to=1; B link 2 mark=R to=1; all; A del link 1; A del person 1; all")
        link 2 mark=R
        """
        doomed = [self.base[at] for at in self.gone if at not in self.moved.values()]
        tables = {row.item: at[0] for at, row in self.base.items()}
        hidden = [(at[0], row) for at, row in self.base.items() if not holds(self.form, at[0])] if doomed else []
        hidden += [(table, row) for table, row in self.unseen.values() if row.item not in tables] if doomed else []
        tables = {**{row.item: table for table, row in hidden}, **tables}
        for row in doomed:
            self.delete(row)
            self.touched.add(tables[row.item])
            doomed += [child for table, child in hidden if child not in doomed
                       and any(bound(self.schema, table, name) and ("@", id) in values for name, values in child.refs.items()
                               for id in (row.item, *self.others(row.item)))]
        dead = {("@", id) for row in doomed for id in (row.item, *self.others(row.item))}
        for table, child in hidden:
            for name, values in child.refs.items() if child not in doomed else ():
                if set(values) & dead:
                    dots = [d for v in set(values) & dead for _, d in values[v]]
                    dots += [d for f, d, v, _ in child.listed if f == "/" + name and v in dead]
                    self.put(child.item, "/" + name, None, dots)
                    self.touched.add(table)
        for at, row in self.base.items() if dead else ():
            if holds(self.form, at[0]) and row not in doomed and row.item in self.before:
                self.clear_wishes(at, row, dead)

    def clear_wishes(self, at, row, dead):
        said = self.view.rows[self.before[row.item]].refs.values()
        for name, wish in row_wishes(self.schema, at[0], row):
            if wish in dead and any(wish in values for values in said) and (row.item, "/" + name) not in self.draft:
                self.put(row.item, "/" + name, None, all_dots(row, "/" + name))
                self.no_more_instead(row.item, row, name)
                self.touched.add(at[0])

    def delete(self, row):
        covers = {(f, d) for values in row.refs.values() for refs in values.values() for f, d in refs}
        covers |= {(f, d) for f, d, _, conflict in row.listed if conflict}
        self.put(row.item, m.DELETED, tuple(sorted(covers)))

    def delete_again(self, after):
        """t. Who edits a row that was back for another only had seen that the rest of its family is gone: his edit alone would
        bring it (rule z), and it stays gone. What his base shows he had not seen go.

        >>> start = "A person 1 mark=P; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
        >>> gone = "A del person 1; A del phone 1; A del phone 2; "
        >>> rows(start + gone + "B phone 1 number=9; all; A person 1 name=x; all")
        person 1 mark=P name=x
        phone 1 mark=a number=9 person=1
        >>> rows(start + gone + "B phone 1 number=9; A scan; B scan; C hear A; C hear B; C person 1 name=x; all")
        person 1 mark=P name=x
        phone 1 mark=a number=9 person=1
        phone 2 mark=b person=1
        """
        seen = {*self.before, *self.view.held}
        known = {row.item for row in self.base.values()} | {row.item for _, row in self.unseen.values()}
        rows = {**{row.item: row for row in after.rows.values()}, **{id: row for id, (_, row) in after.unseen.items()}}
        again = [id for id, parents in after.came.items() if id in rows and id not in seen | known and seen & set(parents)]
        for id in again:
            self.delete(rows[id])
        return bool(again)

    # ---- Rows of which somebody said that they are one ----

    def others(self, item):
        """Those that are this row (rule m), and that this source doesn't show by themselves still."""
        return sorted({*self.view.members.get(item, ())} - {row.item for row in self.base.values()})

    def spread(self):
        """m. What the change of a row replaces may stand at another row that is it: that one says the same from then on, so
        that who doesn't know of it still has two rows, and both as they are here. A deletion is of all. Not where this source
        still shows two itself.

        >>> two = "A person 1 mark=P email=e; B person 2 mark=Q email=e name=Bob; all; "
        >>> rows(two + "A same person 2 1; all; A person 1 name=Rob; all; B person 1 name=; all")
        person 1 email=e mark=Q
        conflict mark=P
        """
        for (item, field), change in sorted(self.draft.items()):
            for member in self.others(item):
                known = self.state[member]
                if field == m.DELETED:
                    own = [(f, dot) for f in (TABLE, KEY) for dot in known.get(f, ())]
                    self.put(member, field, tuple(sorted({*change.value, *own})))
                elif over := [dot for dot in change.over if dot in known.get(field, ())]:
                    self.put(member, field, change.value, over, change.weak)

    # ---- What keeps a source as its user made it ----

    def pin_keys(self):
        """p. When a user changes a table, the keys that rows were given there are pinned (a weak /key): they are real then.

        >>> rows("A person 1 mark=P; B person 1 mark=Q; all; A del person 1; all")  # without a pin the 2 becomes 1
        person 2 mark=Q
        """
        for at in sorted(self.disk) if self.draft else ():
            row = self.base.get(at)
            if at[0] in self.touched and row and row.item == self.where[at] and self.before.get(row.item) == at and value_of(
                    self.schema, at[0], "key", row.refs) != at[1] and (row.item, KEY) not in self.draft:
                self.put(row.item, KEY, at[1], all_dots(row, KEY), True)

    def pin_values(self):
        """So is what rows were shown with in the stead of others (rule h): weak, and beside the wish, which stays listed.

        >>> rows("A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A del person 1; all")  # without a pin e (2) becomes e
        person 2 email=e (2) mark=Q
        conflict email=e
        >>> rows("A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A del person 1; A key person 2 7; all")  # under a new key, too
        person 7 email=e (2) mark=Q
        conflict email=e
        >>> start = "A person 1 mark=P; all; A link 1 mark=Q to=1; B link 2 mark=R to=1; all; "
        >>> rows(start + "A link 1 to=; all")
        link 1 mark=Q
        link 2 mark=R
        person 1 mark=P
        conflict to=1
        >>> rows(start + "A link 1 kind=1; A link 2 kind=2; all")
        link 1 kind=1 mark=Q to=1
        link 2 kind=2 mark=R
        person 1 mark=P
        conflict to=1
        """
        for at in sorted(self.disk if self.draft else ()):
            was = self.moved.get(at, at)
            row = self.base.get(was)
            if at[0] not in self.touched or not row or row.item != self.where[at] or self.before.get(row.item) != was:
                continue
            for name, wish in row_wishes(self.schema, at[0], row):
                said = ("=", row.fields.get(name), wish)
                viewed = self.view.rows[was]
                if name in viewed.wishes and said[1] == viewed.fields.get(name) and (row.item, "/" + name) not in self.draft and \
                        said not in row.refs.get("tie//" + name, ()):
                    self.put(row.item, INSTEAD + name, said, all_dots(row, INSTEAD + name), True)

    def keep_in_place(self, writer, sequence, time):
        """What a user's own change would move or hold back gets a higher /level; what it would kill, its /table.

        >>> rows("A person 1 mark=P; all; A del person 1; B phone 1 mark=b person=1; all; B del phone 1; all")
        person 1 mark=P
        >>> rows("A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A del person 1; A person 3 mark=R email=e; all")
        person 2 email=e (2) mark=Q
        person 3 email=e mark=R
        conflict email=e
        >>> start = "A person 1 mark=P; all; A desk 1 mark=Q to=1; B desk 2 mark=R to=1; all; "
        >>> rows(start + "A del desk 1; A desk 3 mark=S to=1; all")
        desk 3 mark=S to=1
        person 1 mark=P
        held desk R unique
        """
        settled = {t for t in self.schema if {row.item: (at, self.values(at, row.fields)) for at, row in self.base.items()
                                              if at[0] == t}
                   == {row.item: (at, self.values(at, row.fields)) for at, row in self.view.rows.items() if at[0] == t}}
        level = 1 + max((w.value for f in self.state.values() for w in f.get(LEVEL, {}).values()), default=0)
        for _ in range(ROUNDS_MAX if self.draft else 0):
            trial = m.copied(self.state)
            m.apply(trial, m.Entry(writer, sequence, {}, time, self.draft.values()))
            after, again = view(trial, self.schema), False
            now = {row.item: at for at, row in after.rows.items()}
            for at in sorted(self.disk):
                item, fresh = self.where[at], at in self.new
                if now.get(item) == at and self.values(at, after.rows[at].fields) == self.values(at, self.disk[at]) or not (
                        self.was_shown(item, at) or (fresh and at[0] in settled)):
                    continue  # as it should be, or what others did to it is still to be applied
                raised, told = (item, LEVEL) in self.draft, (item, TABLE) in self.draft
                if (raised and item in after.alive) or (told and not fresh):
                    continue
                if not raised and (item in now or item in after.held):
                    self.put(item, LEVEL, level, self.state.get(item, {}).get(LEVEL, ()), True)
                else:
                    row = self.base.get(self.moved.get(at, at)) if not fresh or at in self.moved else None
                    self.put(item, TABLE, at[0], shown_dots(row, "table"))
                again = True
            again = self.delete_again(after) or again
            if not again:
                break

    def values(self, at, fields):
        """What only one row can have; of a reference whether there is one, as it gives way to nothing alone."""
        return {name: fields.get(name) is not None if is_reference(self.schema, at[0], name) else fields.get(name)
                for name in unique_columns(self.schema, at[0]) if holds(self.form, at[0], name)}

    def was_shown(self, item, at):
        shown = [row for row in [self.base.get(at)] if row and row.item == item]
        return self.before.get(item) == at and all(
            self.values(at, row.fields) == self.values(at, self.view.rows[at].fields) for row in shown)


def row_wishes(schema, table, row):
    """(column, what the row says there) where that is not what it is shown with; of a reference that is shown the row, not its key."""
    for name in unique_columns(schema, table):
        wish = value_of(schema, table, name, row.refs)
        if wish not in (None, row.fields.get(name)):
            yield name, wish


def shown_dots(row, name):
    return [dot for dots in row.refs.get(name, {}).values() for _, dot in dots] if row else []


def all_dots(row, field):
    """Also those of writes that are not shown."""
    return shown_dots(row, field[1:]) + [d for f, d, *_ in row.listed if f == field] if row else []


def scan(state, schema, form, base, unseen, disk, writer, sequence, time):
    """base: (table, key) -> Row, as last agreed with this source; unseen: what the view had of that kind then."""
    scanning = Scan(state, schema, form, base, unseen, disk)
    scanning.identify()
    for at in sorted(disk):
        scanning.item_at(at)
    for at in sorted(disk):
        scanning.scan_row(at)
    scanning.scan_gone()
    scanning.pin_keys()
    scanning.pin_values()
    scanning.spread()
    scanning.keep_in_place(writer, sequence, time)
    return tuple(change for _, change in sorted(scanning.draft.items())), scanning.where
