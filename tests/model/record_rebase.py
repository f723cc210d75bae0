# SPDX-License-Identifier: Apache-2.0
"""The base of a source after a scan of it (rule g)."""
import merge_model as m
from record_item import how, property_of
from record_same import LEVEL, is_own
from record_view import Row, holds


def rebase(schema, form, base, disk, changes, where, dot, members):
    """The base after a scan, or after a part of it: what the user wrote shows his writes; what he didn't, what it did.

    What a change names is no more, shown or not; another user's value is shown from when this one wrote it, too. What was
    spread is shown as well: of `members` (row -> the others that are it), which may have been written in another entry.
    """
    dead, old = {c.item for c in changes if c.field == m.DELETED}, {row.item: row for row in base.values()}
    result = {at: row for at, row in base.items() if not holds(form, at[0]) and row.item not in dead}
    for at, item in where.items():
        row = old.get(item, Row(item, {}, {}, ()))
        mine = {c.field: c for c in changes if c.item == item and c.field not in (m.DELETED, LEVEL)}
        kept = [(f, d, v, True) for values in row.refs.values() for v, refs in values.items() for f, d in refs]
        kept += [(f, d, v, conflict and f in mine and mine[f].value == v) for f, d, v, conflict in row.listed]
        kept = [one for one in kept if one[0] not in mine or one[1] not in mine[one[0]].over]
        kept += [(c.field, dot, c.value, True) for c in mine.values() if c.value is not None]
        spread = [(c.field, dot, c.value, True) for c in changes if c.item in members.get(item, ()) and c.item not in old
                  and c.value is not None and not is_own(c.field)]
        kept += [one for one in spread if one not in kept]
        refs = {}
        for field, one, value, shown in kept:
            if shown:
                refs.setdefault(property_of(schema, at[0], field), {}).setdefault(value, []).append((field, one))
        listed = tuple(one for one in row.listed if (*one[:3], False) in kept)
        fields = {}
        for name in sorted({*row.fields, *disk[at]}):
            from_disk = holds(form, at[0], name) and (how(schema, at[0], name) != "volatile" or "/" + name in mine)
            value = disk[at].get(name) if from_disk else row.fields.get(name)
            if value not in (None, ()):
                fields[name] = value
        result[at] = Row(item, fields, refs, listed)
    return result
