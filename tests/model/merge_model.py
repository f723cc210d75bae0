# SPDX-License-Identifier: Apache-2.0
"""The merge rules of files, executable: pure functions, standard library only. README.md says the rules in short.

    state = state_of(entries, limits)     what the entries say: item -> field -> the writes that nobody has replaced
    tree  = view(state)                   what a user sees: path (a tuple of names) -> Node

merge_scan.py turns what a user did into entries.
Each rule has a letter. Its reason, and the history that breaks without it, stand where the rule is. `files` plays a history
(file_histories.py): A, B and C are devices, a=1 writes the file a, d/ makes a directory, -a deletes, a>b moves, +a runs
chmod +x, <B hears of all that B knows, `sync` is all with all. Each step is scanned. In the tree a* is a conflict copy.

A dot (writer, sequence) names an entry; (item, field, dot) names one write.
"""
from collections import namedtuple
from functools import cached_property
from hashlib import blake2b

ROOT, DELETED, CONTENT, PARENT, NAME, KIND, MODE, PIN = "", "", "/content", "/parent", "/name", "/kind", "/mode", "/pin"
FROM = "/from"  # of a directory that was moved: the one that it was in before
NAME_MAX, EXTENSION_MAX = 255, 32

# value None: no new write, `over` is removed. A deletion is a write of DELETED; its value is the (field, dot)s it covers.
Change = namedtuple("Change", "item field value over weak", defaults=((), False))
Entry = namedtuple("Entry", "writer sequence after time changes")
Write = namedtuple("Write", "dot time value weak")
# items: first the one that new writes go to. refs: item -> field -> [(holder, dot)], what this node shows of the state.
Node = namedtuple("Node", "items kind content mode refs")
File = namedtuple("File", "inode kind content mode")  # a node of the disk


def digest(*parts):
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()[:30]


def kind_of(item):
    """K. The kind is the first letter of the id: it can't change, and two kinds never share an item.

    >>> files("A a=1, B a/, B a/b=2")  # with H(path) alone both are one item, with the fields of both
    a*=1 a/b=2
    """
    return item[0]


def new_id(is_taken, kind, parent, name, content, random):
    """I. A new item's id hashes kind, directory, name and content: equal starts agree, different files stay two items.
    Taken is what the state has, or this device's base.

    >>> files("A a=1, A a>c, B a=2")  # with H(path) the 2 is dragged to c
    a=2 c=1
    >>> files("A a=1, B a=1")
    a=1
    """
    item = kind + digest("item", kind, parent, name, content)
    return item if not is_taken(item) else kind + digest("random", random())


def copy_id(item, dot):
    """V. A conflict copy is the item that this id names. Any device computes it; nothing is published until a user touches it.

    >>> files("A a=1, sync, A a=2, B a=3")
    a*=2 a=3
    >>> files("A a=1, sync, A a=2, B a=3, sync, A -a*")
    a=3
    """
    return kind_of(item) + digest("copy", item, *dot)


# ---- State -----------------------------------------------------------------------------------------------------------

def apply(state, entry):
    """S. An entry removes exactly the writes that it names in `over`; `after` only orders delivery.

    >>> files("A a=1, sync, A a=2, B a=3, sync, A a=4")  # "removes all that is in `after`" loses the copy
    a*=2 a=4
    >>> files("A a=1, sync, B a=2, A <B, A a=3")  # A edits the 1 that is on the disk, and has not seen the 2
    a*=2 a=3
    """
    for item, field, value, over, weak in entry.changes:
        writes = state.setdefault(item, {}).setdefault(field, {})
        for dot in over:
            writes.pop(dot, None)
        if value is not None:
            dot = (entry.writer, entry.sequence)
            writes[dot] = Write(dot, entry.time, value, weak)
        if not writes:
            del state[item][field]
            if not state[item]:
                del state[item]


def copied(state):
    return {item: {field: dict(writes) for field, writes in fields.items()} for item, fields in state.items()}


def state_of(entries, limits=(), snapshot=()):
    """R. A revoked writer's entries beyond the limit are skipped: what they removed is back, since only they had named it.

    V, which is void, replaces W, and the honest U replaces V: with `over` both U and W live, W as a copy.
    A faulty device may name what it never saw. So a name counts in whatever order it comes: all are applied twice.

    >>> written = Entry("A", 1, {}, 5, (Change("f1", "/name", "a"),))
    >>> state_of([written, Entry("B", 1, {}, 3, (Change("f1", "/name", None, (("A", 1),)),))])
    {}
    """
    limits, state = dict(limits), copied(dict(snapshot))
    valid = [entry for entry in entries if entry.sequence <= limits.get(entry.writer, entry.sequence)]
    for entry in sorted(valid, key=lambda e: (e.time, e.writer, e.sequence)):  # an honest clock is a causal order
        apply(state, entry)
    for entry in valid:
        apply(state, entry._replace(changes=tuple(change._replace(value=None) for change in entry.changes)))
    return state


def compact(state):
    """Z. A snapshot is the state of what is visible, and the heads: a dot within the heads and not here is dead.

    It needs no tombstones once every device's published entries are in it; whoever returns is helped by his own base
    (rule L). A write goes with the item it belongs to: to drop a dead copy's item alone shows its content again.
    """
    shown = {item for node in view(state).values() for item in node.items}
    kept = {}
    for id, fields in state.items():
        for field, writes in fields.items():
            for dot, write in writes.items():
                owner = home(state, id, dot) if field == CONTENT else id
                if owner in shown or (owner == id and copy_id(id, dot) in shown):
                    kept.setdefault(id, {}).setdefault(field, {})[dot] = write
    return kept


# ---- Deletions that count --------------------------------------------------------------------------------------------

def deletes(value):
    """A deletion that lists nothing but deletions deletes nothing: it names those that its author had seen (rule G)."""
    return not value or any(field != DELETED for field, _ in value)


def deletions_of(state, item):
    return {dot: write.value for dot, write in state.get(item, {}).get(DELETED, {}).items() if deletes(write.value)}


def lifts_of(state, item, lifted):
    """Which of its deletions a directory lifts from what went along with it, where these are lifted from the directory.

    It lifts those that are lifted from itself; and, while it lives by a move, those that a mover had not seen. Who makes a
    directory, or keeps an empty one, says what kind of thing it is (/kind); who moves it doesn't.
    """
    own = deletions_of(state, item)
    covered = {cover for dot, value in own.items() if dot not in lifted for cover in value}
    movers = {dot for field, writes in state[item].items() if field != DELETED for dot, write in writes.items()
              if not write.weak and (field, dot) not in covered and dot not in state[item].get(KIND, ())}
    seen = [{dot for field, dot in state[item][DELETED][mover].value if field == DELETED}
            if mover in state[item][DELETED] else set() for mover in movers]
    return {dot for dot in own if dot in lifted or (movers and dot not in set.intersection(*seen))}


def lifting(state, items):
    """G. A deletion of what went along with its directory counts only if the directory's does: item -> the deletions lifted.

    >>> files("A d/, A d/a=1, sync, A -d, B d>e")  # without it e is empty
    e/a=1
    >>> files("A d/, A d/a=1, A d/b=2, sync, A -d/a, A -d, B d>e")  # d/a was deleted by an entry that didn't delete d
    e/b=2
    >>> files("A d/, A d/a=1, sync, A -d, B d/b=2, sync, C d>e")  # C sees d/b only, and says so
    e/b=2
    >>> files("A d/, A d/a=1, B d/, A -d")  # B made the same d, and moved nothing
    d/

    Of a cycle of directories no more is lifted than must be: it begins with nothing, and goes on until no more is.
    """
    deleted = {id: own for id in state if (own := deletions_of(state, id))}
    lifts, lifted = {}, {id: set() for id in deleted}
    again = True
    while again:
        again = False
        for id in deleted:
            lifted[id] = set(deleted[id]) & lifts.get(items[id].parent, set())
            found = lifts_of(state, id, lifted[id]) if kind_of(id) == "d" else set()
            again = again or found != lifts.get(id, set())
            lifts[id] = found
    return lifts, lifted


# ---- View ------------------------------------------------------------------------------------------------------------

class Item:
    """What the state says of one item, with the writes of each field that belong to it."""

    def __init__(self, item):
        self.id, self.kind, self.fields = item, kind_of(item), {}
        self.covered, self.counting = set(), set()  # (holder, field, dot)s, by all deletions; by those that count

    def is_covered(self, by, field, ref):
        holder, write = ref
        return (holder, field, write.dot) in by or (self.id, field, write.dot) in by

    def rank(self, field, ref):
        """W. What is not covered by a deletion, then the user's before the engine's (weak), then the latest, wins.

        >>> files("A a=1, sync, B a>c, A a>b, A -b")  # b is later, but who deleted it knew it
        c=1

        Places are judged by all deletions, so that which of them count can hang on places.
        """
        by = self.counting if field == CONTENT else self.covered
        return (not self.is_covered(by, field, ref), not ref[1].weak, ref[1].time, ref[1].dot)

    def best(self, field):
        return max(self.fields.get(field, ()), key=lambda ref: self.rank(field, ref), default=None)

    def value(self, field, default):
        ref = self.best(field)
        return ref[1].value if ref else default

    def lives(self):
        """D. An item lives while it has a write by a user that no deletion covers. Weak writes (mode, pins) never revive.

        >>> files("A a=1, sync, A a=2, B -a")
        a=2
        >>> files("A a=1, sync, A +a, B -a")
        """
        return any(not ref[1].weak and not self.is_covered(self.counting, field, ref)
                   for field, refs in self.fields.items() if field != DELETED for ref in refs)

    @cached_property
    def place(self):
        """P. A pin (rule F) holds while the place that it was made for does: it yields to every move, and revives nothing.

        >>> files("A a=1, sync, A a=2, B a=3, sync, A -a, B -a*")  # A's pin replaces nothing, so the copy stays deleted

        What has no place (its writer is void, or it was compacted) lies under the root by its id: never invisible.
        """
        own = tuple(ref and ref[1].dot for ref in (self.best(PARENT), self.best(NAME)))
        pins = [ref for ref in self.fields.get(PIN, ()) if ref[1].value[2:] == own]
        if pins:
            return max(pins, key=lambda ref: self.rank(PIN, ref))[1].value[:2]
        return self.value(PARENT, ROOT), self.value(NAME, "lost-" + self.id[1:9])

    @property
    def name(self):
        return self.place[1]

    @property
    def parent(self):
        parent = self.place[0]
        return parent if parent == ROOT or kind_of(parent) == "d" else ROOT

    @property
    def former(self):
        former = self.value(FROM, ROOT)
        return former if former == ROOT or kind_of(former) == "d" else ROOT

    @cached_property
    def placed(self):  # when it came to its name, and by whom
        refs = [ref for ref in (self.best(PARENT), self.best(NAME)) if ref]
        return max(((ref[1].time, ref[1].dot) for ref in refs), default=(0, ("", 0))) + (self.id,)

    def refs(self, mine=()):  # of several contents, only the one shown here
        return {field: [(holder, write.dot) for holder, write in (mine if field == CONTENT else refs)]
                for field, refs in self.fields.items() if field != DELETED}


def home(state, item, dot):
    """H. A content write belongs to the copy's item as soon as that has a field of its own, wherever it is stored.

    >>> files("A a=1, sync, A a=2, B a=3, sync, A a*>b, B a*=4")  # a copied value would be a stale sibling of the edit
    a=3 b=4
    """
    while copy_id(item, dot) in state:
        item = copy_id(item, dot)
    return item


def items_of(state):
    items = {}
    for id, fields in state.items():
        for field, writes in fields.items():
            for write in writes.values():
                owner = home(state, id, write.dot) if field == CONTENT else id
                for i in {id, owner}:
                    items.setdefault(i, Item(i))
                items[owner].fields.setdefault(field, []).append((id, write))
    for id in state:
        items[id].covered = {(id, field, dot) for write in state[id].get(DELETED, {}).values() for field, dot in write.value}
    share_covers(items, "covered")
    _, lifted = lifting(state, items)
    for id in state:
        items[id].counting = {(id, *cover) for dot, write in state[id].get(DELETED, {}).items()
                              if dot not in lifted.get(id, ()) for cover in write.value}
    share_covers(items, "counting")
    return items


def share_covers(items, name):
    """A deletion of the main file that listed a content counts for the copy which has that content by now, too."""
    own = {id: frozenset(getattr(item, name)) for id, item in items.items()}
    for item in items.values():
        for holder, _ in item.fields.get(CONTENT, ()):
            setattr(item, name, getattr(item, name) | own[holder])


def contents(item):
    """C. Of the contents that count, the latest is the file's; each other value is a copy; equal values are no conflict.

    >>> files("A a=1, sync, A a=2, B a=2")
    a=2
    >>> files("A a=1, sync, A a=2, B a=3, C a=4")
    a*=2 a*=3 a=4

    Contents that a deletion covers are hidden beside others: what was deleted must not come back with an edit.

    >>> files("A a=1, sync, A a=2, A -a, B a=3")
    a=3
    """
    refs = sorted(item.fields.get(CONTENT, ()), key=lambda ref: item.rank(CONTENT, ref), reverse=True)
    values = {}
    for ref in [ref for ref in refs if item.rank(CONTENT, ref)[0]] or refs[:1]:
        values.setdefault(ref[1].value, []).append(ref)
    return list(values.items())


def parents_of(items):
    """Which items are visible, and in which directory: item -> directory's item.

    O. A directory with a visible descendant is visible, also if it is deleted or unknown.

    >>> files("A d/, A d/a=1, sync, A -d, B d/b=2")
    d/b=2

    Y. Of a cycle of moves the item moved last goes back to where it was. Who moves a directory says that, weakly.

    >>> files("A d/, A e/, A d/a=1, sync, A d>e/d, B e>d/e")
    e/d/a=1
    >>> files("A x/, A x/d/, A x/e/, A x/d/a=1, sync, A x/d>x/e/d, B x/e>x/d/e")
    x/e/d/a=1
    >>> files("A x/, A y/, A x/d/, A y/e/, sync, B y/e>x/d/e, A x/d>y/e/d, A y/e/d>y/e/f")  # a new name is no new place
    x/f/e/ y/
    >>> files("A x/, A x/d/, A x/d/a=1, A e/, sync, A x/d>d, sync, B e>d/e, A d>e/d")  # where it was is the root
    d/a=1 d/e/ x/

    It goes to the root where that is deleted, or in a cycle or below one, which would only make another.

    >>> files("A x/, A x/d/, A x/d/a=1, A e/, sync, B e>x/d/e, A x/d>e/d, A -x")
    d/a=1 d/e/
    >>> files("A e/, A e/c/, A e/c/d/, A e/c/d/a=1, sync, A e/c/d>d, A e>d/e, B e/c/d>e/d")
    d/a=1 d/e/c/
    """
    wishes = {}
    for id in sorted(i for i, item in items.items() if item.lives() and (item.kind == "d" or contents(item))):
        while id != ROOT and id not in wishes:
            wishes[id] = items.setdefault(id, Item(id)).parent
            id = wishes[id]
    visible = dict(wishes)
    for start in sorted(wishes):
        if cycle := cycle_above(wishes, start):
            cut = max(cycle, key=lambda i: items[i].placed)
            former = items[cut].former
            visible[cut] = former if former in wishes and not cycle_above(wishes, former) else ROOT
    return visible


def cycle_above(parents, id):
    """The cycle in which it is, or below which; else nothing."""
    chain = []
    while id != ROOT and id not in chain:
        chain.append(id)
        id = parents[id]
    return chain[chain.index(id):] if id != ROOT else []


def conflict_name(name, time, dot, taken):
    """N. A conflict name is pure, unique in its directory and at most 255 bytes.

    >>> conflict_name("a.txt", 7, ("B", 2), {}), conflict_name("a", 7, ("B", 2), {"a (conflict B 7)"})
    ('a (conflict B 7).txt', 'a (conflict B 7 2)')
    """
    stem, point, extension = name.rpartition(".") if "." in name[1:-1] else (name, "", "")
    if len(extension.encode()) > EXTENSION_MAX:
        stem, point, extension = name, "", ""
    for number in range(1, len(taken) + 2):
        tail = f" (conflict {dot[0]} {time}{f' {number}' if number > 1 else ''}){point}{extension}"
        room = NAME_MAX - len(tail.encode())
        candidate = stem.encode()[:room].decode(errors="ignore") + tail
        if candidate not in taken:
            return candidate


def view(state):
    """M. Directories of one name are one; files of one name and content are one.

    >>> files("A d/, A d/a=1, B e/, B e/b=2, B e>d")
    d/a=1 d/b=2

    E. The directory, else the file that came first, keeps the name; the others get a conflict name, in order.

    >>> files("A a=1, A b=2, sync, A a>c, B b>c")
    c*=2 c=1
    """
    return tree_of(items_of(state))


def tree_of(items):
    parents, children, tree = parents_of(items), {}, {}
    for id, parent in parents.items():
        children.setdefault(parent, []).append(items[id])

    def node_of(kind, value, members):
        return Node(tuple(c.id for c, _ in members), kind, value, members[0][0].value(MODE, ""),
                    {c.id: c.refs(mine) for c, mine in members})

    def lay(group, path):
        directories, leaves, copies = {}, {}, []
        for child in sorted((child for parent in group for child in children.get(parent, ())), key=lambda child: child.placed):
            if child.kind == "d":
                directories.setdefault(child.name, []).append((child, ()))
                continue
            (value, mine), *losers = contents(child)
            leaves.setdefault((child.name, child.kind, value), []).append((child, mine))
            for value, refs in losers:
                refs.sort(key=lambda ref: (ref[1].time, ref[1].dot))
                copies.append((refs[0][1].time, refs[0][1].dot, child, value, refs))
        named = {name: ("d", "", members) for name, members in directories.items()}
        later = []
        for (name, kind, value), members in leaves.items():
            if name in named:
                later.append((members[0][0].placed, name, (kind, value, members)))
            else:
                named[name] = (kind, value, members)
        shown = {name: node_of(*named[name]) for name in named}
        for (time, dot, _), name, (kind, value, members) in sorted(later, key=lambda x: x[0]):
            shown[conflict_name(name, time, dot, shown)] = node_of(kind, value, members)
        for time, dot, child, value, refs in sorted(copies, key=lambda c: (*c[:2], c[2].id)):
            ids = tuple(copy_id(child.id, write.dot) for _, write in refs)
            shown[conflict_name(child.name, time, dot, shown)] = Node(
                ids, child.kind, value, child.value(MODE, ""),
                {id: {CONTENT: [(holder, write.dot)]} for id, (holder, write) in zip(ids, refs)})
        for name, node in shown.items():
            tree[path + (name,)] = node
            if node.kind == "d":
                lay(node.items, path + (name,))

    lay((ROOT,), ())
    return tree
