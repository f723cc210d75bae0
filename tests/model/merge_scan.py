# SPDX-License-Identifier: Apache-2.0
"""The other half of the merge rules of files: what a user did becomes changes (merge_model.py has the first half).

    changes, base = scan(state, base, disk, …)    the changes which turn the view into the disk, and the base that shows them

base is inode -> (path, Node), what was last agreed with the disk, path -> File. An inode is a token that says which file is
the same one; the adapter's rules of identity give it.
"""
from merge_model import (CONTENT, DELETED, FROM, KIND, MODE, NAME, PARENT, PIN, ROOT, Change, Entry, Node, apply, copied, deletes,
                         deletions_of, items_of, kind_of, lifting, new_id, parents_of, tree_of)

ROUNDS_MAX = 8

class Draft:
    """Collects the changes of one entry: at most one of each (item, field)."""

    def __init__(self):
        self.changes = {}

    def set(self, node, item, field, value, weak=False):
        over = [ref for ref in node.refs[item].get(field, ())] if node else []
        old = self.changes.get((item, field))
        self.changes[item, field] = Change(item, field, value, tuple(sorted(
            {dot for holder, dot in over if holder == item} | set(old.over if old else ()))), weak)
        for holder, dot in over:
            if holder != item:  # a content is replaced where it is stored
                old = self.changes.get((holder, field), Change(holder, field, None))
                self.changes[holder, field] = old._replace(over=tuple(sorted({*old.over, dot})))

    def delete(self, node, item):
        """T. A deletion covers what its author saw, field by field, and replaces no other deletion.

        A replaced deletion had also covered a write that belongs to a copy by now: the deleted content is back. If it covered
        hidden writes, too, and the deletion that hid them is void, then nobody valid who saw them deleted them.
        """
        covers = {(field, dot) for field, refs in node.refs[item].items() if field != DELETED for _, dot in refs}
        self.changes[item, DELETED] = Change(item, DELETED, tuple(sorted(covers)))

    def deletes(self, item):
        return (item, DELETED) in self.changes and deletes(self.changes[item, DELETED].value)


class Scan:
    """B. What a change replaces is what the base showed, never what the state holds by now."""

    def __init__(self, state, base, disk):
        self.state, self.base, self.disk, self.draft = state, base, disk, Draft()
        self.at, self.moved = {(): (ROOT,)}, set()  # at: path on the disk -> its items
        self.inodes = {path: inode for inode, (path, _) in base.items()}

    def has(self, item, field):
        return field in self.state.get(item, ())

    def set_all(self, node, item, fields):
        for field, value in fields.items():
            self.draft.set(node, item, field, value)

    def write_whole(self, path):
        """L. What is touched and no longer in the state (deleted and compacted) is written whole, with its directories.

        Who comes back after a year and edits a deleted file has its name in his base only.

        >>> from merge_model import File
        >>> base = {7: (("a",), Node(("f1",), "f", "old", "", {"f1": {CONTENT: [("f1", ("A", 1))]}}))}
        >>> [change.field for change in scan({}, base, {("a",): File(7, "f", "new", "")}, "B", 1, 9, None)[0]]
        ['/content', '/kind', '/name', '/parent']

        So has it with what is said of it, and with the directories above it.

        >>> base = {7: (("d",), Node(("d1",), "d", "", "x", {"d1": {}})),
        ...         8: (("d", "a"), Node(("f1",), "f", "old", "x", {"f1": {}}))}
        >>> disk = {("d",): File(7, "d", "", "x"), ("d", "a"): File(8, "f", "new", "x")}
        >>> sorted(c.item for c in scan({}, base, disk, "B", 1, 9, None)[0] if c.field == "/mode")
        ['d1', 'f1']

        A copy whose content is still there needs no more than a pin, whether it was edited before or not.

        >>> files("A a=1, sync, A a=2, B a=3, sync, A a*>b, B a*=4, B a*=5")
        a=3 b=5
        """
        if not path or self.disk[path].inode not in self.base or self.has(self.at[path][0], KIND):
            return
        node, item = self.base[self.disk[path].inode][1], self.at[path][0]
        held = [holder for holder, dot in node.refs[item].get(CONTENT, ())
                if self.has(holder, KIND) or dot in self.state.get(holder, {}).get(CONTENT, ())]
        if (item, KIND) in self.draft.changes or any(holder != item for holder in held):
            return
        if not held or NAME in node.refs[item]:
            self.set_all(node, item, {KIND: node.kind, PARENT: self.at[path[:-1]][0], NAME: path[-1]})
            if node.kind != "d" and not held:
                self.draft.set(node, item, CONTENT, self.disk[path].content)
            if self.disk[path].mode:
                self.draft.set(node, item, MODE, self.disk[path].mode, weak=True)
        self.write_whole(path[:-1])

    def is_taken(self, item):
        """I. The id of a directory that lost its name, as what made it was void, but for what lies in it, is taken.

        >>> from merge_model import File, new_id
        >>> lost = new_id({}.__contains__, "d", ROOT, "c", "", None)
        >>> base = {7: (("lost",), Node((lost,), "d", "", "", {lost: {}}))}
        >>> disk = {("lost",): File(7, "d", "", ""), ("c",): File(8, "d", "", "")}
        >>> lost in [change.item for change in scan({}, base, disk, "B", 1, 9, lambda: 1)[0]]
        False
        """
        return item in self.state or any(item in node.items for _, node in self.base.values())

    def add_new(self, path, file, random):
        self.write_whole(path[:-1])
        parent, name = self.at[path[:-1]][0], path[-1]
        item = new_id(self.is_taken, file.kind, parent, name, file.content, random)
        self.at[path] = (item,)
        self.set_all(None, item, {KIND: file.kind, PARENT: parent, NAME: name})
        if file.kind != "d":
            self.draft.set(None, item, CONTENT, file.content)
        self.draft.set(None, item, MODE, file.mode, weak=True)

    def add_known(self, path, file):
        """H. A copy has the main file's mode until it has a content of its own, or a place.

        >>> files("A a=1, A +a, sync, A a=2, B a=3, sync, A -a*, B <A, B a*=4, sync")
        a*+=4 a+=3
        """
        old_path, node = self.base[file.inode]
        parent, name = self.at[path[:-1]][0], path[-1]
        self.at[path] = node.items
        first, *others = node.items
        touched = node.items if node.kind == "d" else (first,)
        above = self.disk[path[:-1]].inode if path[:-1] else None
        placed = above != self.inodes.get(old_path[:-1]) or name != old_path[-1]
        edited = file.content != node.content
        if placed:  # both fields, so that one device's place wins whole
            for item in touched:
                self.set_all(node, item, {PARENT: parent, NAME: name})
                if node.kind == "d" and above != self.inodes.get(old_path[:-1]):
                    self.say_where_it_was(node, item, old_path[:-1])
            self.moved.add(file.inode)
            self.write_whole(path[:-1])
        if placed or edited:
            self.write_whole(path)
        if not placed and (edited or file.mode != node.mode) and not self.has(first, NAME) \
                and (first, NAME) not in self.draft.changes:  # a copy without a place of its own, which may have moved by now
            self.draft.set(node, first, PIN, (parent, name, None, None), weak=True)
        if edited:
            self.draft.set(node, first, CONTENT, file.content)
        for item in touched:  # a mode that is not the item's own yet goes along; one that is, another may be changing
            goes_along = (placed or edited) and file.mode and not self.has(item, MODE)
            if file.mode != node.mode or (placed and others) or goes_along:
                self.draft.set(node, item, MODE, file.mode, weak=True)
        if node.kind != "d" and (placed or edited):
            for item in others:  # equal files that were shown as one: the touched one goes on
                self.draft.delete(node, item)

    def say_where_it_was(self, node, item, old_above):
        """For rule Y. Of what was in the root that is said only where something else was said before."""
        former = self.base[self.inodes[old_above]][1].items[0] if old_above else ROOT
        if former != ROOT or FROM in node.refs[item]:
            self.draft.set(node, item, FROM, former, weak=True)

    def add_gone(self, path, node):
        """A copy without a place of its own that goes along with its directory is pinned there: where rule G lifts its
        deletion, it is in the directory, under its name.

        >>> files("A d/, A d/a=1, sync, A d/a=2, B d/a=3, sync, A -d, B d>e, sync, A e/a>x")
        e/a*=2 x=3
        """
        for item in node.items:
            self.draft.delete(node, item)
        above = self.inodes.get(path[:-1])
        if above is None or above in {file.inode for file in self.disk.values()}:
            return
        for item in node.items:
            if NAME not in node.refs[item] and PIN not in node.refs[item] and not self.has(item, NAME):
                directory = self.base[above][1].items[0]
                self.draft.set(node, item, PIN, (directory, path[-1], None, None), weak=True)

    def name_deletions(self, lifts, shown):
        """Who keeps or moves a directory names those of its deletions which were carried out on his disk (rule G)."""
        for (item, field), change in sorted(self.draft.changes.items()):
            if kind_of(item) != "d" or change.value is None or change.weak or (item, DELETED) in self.draft.changes:
                continue
            seen = [dot for dot in sorted(deletions_of(self.state, item))
                    if dot not in lifts.get(item, ()) and self.is_carried_out(item, dot, shown)]
            if seen:
                covers = tuple((DELETED, dot) for dot in seen)
                self.draft.changes[item, DELETED] = Change(item, DELETED, covers)

    def is_carried_out(self, directory, deletion, shown):  # nothing lies there any more that the deletion takes away
        paths = [path for path, node in self.base.values() if directory in node.items]
        return not any(deletion in deletions_of(self.state, item) and item not in shown
                       for path, node in self.base.values() if path[:-1] in paths for item in node.items)

    def pin(self, writer, sequence, time):
        """F. A user's change moves nothing else: a shown node that would move or vanish is pinned where it is.

        >>> files("A a=1, sync, A a=2, B a=3, sync, A -a")  # without a pin the copy takes the main file's name
        a*=2

        What nothing keeps alive any more, though the user kept it, is written.

        >>> files("A d/, A d/a=1, sync, A -d, B d/b=2, sync, A -d/b")
        d/

        Of a cycle of moves one directory is shown where it was; it wishes for one that stays visible by that. So who deletes
        one of the cycle pins it.

        >>> files("A d/, A e/, A d/a=1, A e/b=2, sync, A d>e/d, B e>d/e, sync, A -e/d, sync")
        e/b=2
        """
        items = items_of(self.state)
        before, visible, (lifts, _) = index(tree_of(items)), set(parents_of(items)), lifting(self.state, items)
        places = {i: tuple(ref and ref[1].dot for ref in (x.best(PARENT), x.best(NAME))) for i, x in items.items()}
        for _ in range(ROUNDS_MAX):
            self.name_deletions(lifts, visible)
            trial = copied(self.state)
            apply(trial, Entry(writer, sequence, {}, time, self.draft.changes.values()))
            items = items_of(trial)
            after, cuts, again = index(tree_of(items)), self.cuts(items), False
            for path, file in sorted(self.disk.items()):
                if file.inode not in self.base or file.inode in self.moved:
                    continue
                here, node = (self.at[path[:-1]], path[-1]), self.base[file.inode][1]
                for item in self.at[path]:
                    if self.draft.deletes(item) or elsewhere(here, before.get(item)):
                        continue  # deleted, or what others did to it is still to be applied
                    now = after.get(item)
                    if (elsewhere(here, now) or item in cuts) and (item, PIN) not in self.draft.changes:
                        place = (here[0][0], here[1], *places.get(item, (None, None)))
                        self.draft.set(node, item, PIN, place, weak=True)
                    elif not now and (item, KIND) not in self.draft.changes:  # nothing keeps it alive, but the user kept it
                        self.draft.set(node, item, KIND, file.kind)
                    elif now and now[2] != before[item][2] and now[2] != file.mode:
                        self.draft.set(node, item, MODE, file.mode, weak=True)
                    else:
                        continue
                    again = True
            if not again:
                break

    def cuts(self, items):
        """Of the cycles with a directory that the draft deletes, the directories that are shown elsewhere than they wish."""
        parents, found = parents_of(items), set()
        for item in [item for item, field in self.draft.changes if field == DELETED and self.draft.deletes(item)]:
            cut = item if kind_of(item) == "d" and item in parents else ROOT
            while cut != ROOT and parents[cut] == items[cut].parent:
                cut = parents[cut]
            at = items[cut].parent if cut != ROOT else ROOT
            while at not in (ROOT, cut, item):
                at = items[at].parent
            if at == item != cut:
                found.add(cut)
        return found


def scan(state, base, disk, writer, sequence, time, random):
    """The changes that the user made, and the base that shows them. `random` gives numbers for ids."""
    scanning = Scan(state, base, disk)
    for path, file in sorted(disk.items()):
        if file.inode in base:
            scanning.add_known(path, file)
        else:
            scanning.add_new(path, file, random)
    present = {file.inode for file in disk.values()}
    for inode, (path, node) in base.items():
        if inode not in present:
            scanning.add_gone(path, node)
    if scanning.draft.changes:
        scanning.pin(writer, sequence, time)
    changes = tuple(change for _, change in sorted(scanning.draft.changes.items()))
    return changes, rebase(base, disk, scanning.at, changes, (writer, sequence))


def rebase(base, disk, at, changes, dot):
    """The base after a scan: what the disk shows now. Fields that the entry wrote show its writes, others what they did."""
    mine, deleted, result = {}, set(), {}
    for change in changes:
        if change.field == DELETED:
            deleted |= {change.item} if deletes(change.value) else set()
        elif change.value is not None:
            mine.setdefault(change.item, {})[change.field] = [(change.item, dot)]
    for path, file in disk.items():
        old = base[file.inode][1].refs if file.inode in base else {}
        items = tuple(item for item in at[path] if item not in deleted)
        refs = {item: {**old.get(item, {}), **mine.get(item, {})} for item in items}
        result[file.inode] = (path, Node(items, file.kind, file.content, file.mode, refs))
    return result


def index(tree):
    """item -> (items of its directory, name, mode)"""
    return {item: (tree[path[:-1]].items if path[:-1] else (ROOT,), path[-1], node.mode)
            for path, node in tree.items() for item in node.items}


def elsewhere(here, place):
    return not place or here[1] != place[1] or not set(here[0]) & set(place[0])
