# SPDX-License-Identifier: Apache-2.0
"""Rows that a user said are one (rule m): which they are, and what they say together."""
import merge_model as m

TABLE, KEY, LEVEL, SAME = "/table", "/key", "/level", "/tie//="


def said(state, id):
    return [write.value[1] for write in state[id].get(SAME, {}).values() if write.value[1] != id]


def rows_of_one(state, table):
    """Row -> those that are it, its own first: it says of none that it is that one, and comes first by its id. Any write
    counts, deleted or not: what was said is not undone. `table`: of each row that there is."""
    near = {id: set() for id in table}
    for id in table:
        for other in said(state, id):
            if table.get(other) == table[id]:
                near[id].add(other), near[other].add(id)
    result, left = {}, {id for id in table if near[id]}
    while left:
        group, todo = set(), [min(left)]
        while todo:
            if (id := todo.pop()) not in group:
                group.add(id)
                todo += near[id]
        left -= group
        root = min(group, key=lambda id: (any(other in group for other in said(state, id)), id))
        result[root] = [root, *sorted(group - {root})]
    return result


def is_own(field):
    """What a row says of itself alone: its place, its rank, what it had before."""
    return field in (TABLE, KEY, LEVEL) or field.startswith("/tie/") or field == m.DELETED


def has_key(item):
    return any(item.rank(KEY, ref)[0] for ref in item.fields.get(KEY, ()))


class Joined(m.Item):
    def is_covered(self, by, field, ref):
        return (ref[0], field, ref[1].dot) in by  # a deletion is of the row that it is of


def joined(items):
    """One item with the writes of all: the first one's, and what the others say of the data. Where its key was deleted, table
    and key are those of the next that has one. Who wrote two of them in one entry has written once."""
    first, *others = items
    result = Joined(first.id)
    result.fields = {field: list(refs) for field, refs in first.fields.items()}
    placed = next((item for item in items if has_key(item)), first)
    for item in others:
        for field, refs in item.fields.items():
            if item is placed and field in (TABLE, KEY):
                result.fields[field] = list(refs)
            elif not is_own(field):
                known = result.fields.setdefault(field, [])
                known += [ref for ref in refs if not any(ref[1].dot == w.dot and ref[1].value == w.value for _, w in known)]
    for item in items:
        result.covered |= item.covered
        result.counting |= item.counting
    return result
