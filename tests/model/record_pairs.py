# SPDX-License-Identifier: Apache-2.0
"""Which two rows a user of a history says are one (rule m), and how."""
import merge_model as m
from record_same import SAME


def ident(at, row):
    """What the ledger knows a row by: a card or an event by its key, another by its mark."""
    return at if at[0] in ("card", "event") else (at[0], row.get("mark"))


def two_rows(schema, base, b, c):
    """Two rows of one table, rather one that gives way and the one that has what it wishes for."""
    rows = sorted(at for at in base if schema[at[0]].serial)
    giving = [(at, to) for at in rows for to in rows for n, wish in base[at].wishes.items()
              if to[0] == at[0] and base[to].fields.get(n) == wish]
    if giving and c % 5:
        return giving[b % len(giving)]
    one = rows[b % len(rows)] if rows else None
    same_table = [at for at in rows if at[0] == one[0]]
    return one, same_table[c % len(same_table)] if rows else None


def say_same(device, source, one, other):
    """The row at `one` is the one at `other`: said of what is published, and free of the ledger's laws from then on."""
    device.scan()
    if not {one, other} <= set(source.base) & set(source.disk) or source.base[one].item == source.base[other].item:
        return
    item, to = source.base[one].item, source.base[other].item
    device.world.free |= {ident(at, source.disk[at]) for at in (one, other)}
    say(device, (m.Change(item, SAME, ("=", to), (), True),))


def say(device, changes):
    device.sequence, device.time = device.sequence + 1, max(device.time + 1, device.world.now + device.skew)
    device.entries[device.name, device.sequence] = m.Entry(
        device.name, device.sequence, device.heads(), (device.time, 0), changes)
    device.recompute()
