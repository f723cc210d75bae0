# SPDX-License-Identifier: Apache-2.0
"""Histories of files that the model lives: devices, what users do, and a ledger that knows what must come of it.

The ledger knows disks and bases only, nothing of items and dots: who wrote which content, who replaced it having seen it,
who deleted it. Broken says which law a history broke.
"""
import random

import merge_model as m
from merge_scan import scan

EXCHANGES = ("recv", "scan", "apply", "part", "sync")
USER_ACTS = ["create", "create", "edit", "edit", "edit", "delete", "delete", "move", "move", "move", "chmod", "replace",
             "mkdir", "same", "restore", "edit_copy", "delete_copy", "move_copy", "edit_main"]
NAMES = ["a", "b", "c.txt", "d", "a", "b", "\u00e9" * 124 + ".txt"]  # one is so long that its conflict name must be cut
SKEWS = (0, 3, 0, 7, 1)
DEPTH_MAX = 5


class Broken(Exception):
    pass


def written(change):
    """A change as the vectors have it."""
    return {"item": change.item, "field": change.field, "value": change.value, "over": change.over,
            **({"weak": True} if change.weak else {})}


class Device:
    def __init__(self, world, name, skew):
        self.world, self.name, self.skew = world, name, skew
        self.entries, self.limits, self.state, self.tree, self.disk, self.base = {}, {}, {}, {}, {}, {}
        self.sequence, self.time, self.clean, self.seen = 0, 0, True, {}  # seen: inode -> the heads when it was shown
        self.dead, self.snapshot = False, ({}, {})

    def heads(self):
        heads = {}
        for writer, sequence in self.entries:
            heads[writer] = max(sequence, heads.get(writer, 0))
        return heads

    def recompute(self):
        state, known = self.snapshot
        self.state = m.state_of([e for dot, e in self.entries.items() if dot not in known], self.limits, state)
        self.tree = m.view(self.state)

    def receive(self, other, part):
        before = len(self.entries), dict(self.limits)
        news = sorted((e for dot, e in other.entries.items() if dot not in self.entries), key=lambda e: (e.time, e.writer))
        news = news[:max(1, int(len(news) * part))] if news else []
        for entry in news:
            self.entries[entry.writer, entry.sequence] = entry
            self.time = max(self.time, entry.time)
        for writer, limit in other.limits.items():
            self.limits[writer] = min(limit, self.limits.get(writer, limit))
        if before != (len(self.entries), self.limits):
            self.recompute()
            self.clean = False
        return news

    def is_dirty(self):
        return self.disk != {path: m.File(inode, node.kind, node.content, node.mode)
                             for inode, (path, node) in self.base.items()}

    def scan(self):
        if not self.is_dirty():
            return False
        self.time = max(self.time + 1, self.world.now + self.skew)
        sequence = self.sequence + 1
        serial, held = self.world.serial, sorted(self.entries)
        changes, base = scan(self.state, self.base, self.disk, self.name, sequence, self.time, self.world.inode)
        if not changes:
            raise Broken("a dirty disk made no change")
        self.sequence = sequence
        entry = m.Entry(self.name, sequence, self.heads(), self.time, changes)
        self.world.note(self, entry)
        self.world.scans.append({
            "held": held, "limits": dict(self.limits), "writer": self.name, "sequence": sequence, "time": self.time,
            "random": serial, "changes": [written(change) for change in changes],
            "disk": [{"inode": f.inode, "path": "/".join(p), "kind": f.kind, "content": f.content, "mode": f.mode}
                     for p, f in sorted(self.disk.items())],
            "base": [{"inode": i, "path": "/".join(p), "kind": n.kind, "content": n.content, "mode": n.mode,
                      "items": n.items, "refs": n.refs} for i, (p, n) in self.base.items()]})
        self.entries[self.name, sequence] = entry
        self.recompute()
        old, self.base = self.base, base
        self.seen = {inode: {**self.seen.get(inode, {}), self.name: sequence} if old.get(inode) != base[inode]
                     else self.seen.get(inode, {}) for inode in base}
        if self.clean and self.shown() != self.there():
            raise Broken(f"fidelity: the user made {self.there()} but the view is {self.shown()}")
        return True

    def shown(self):
        return {path: (node.kind, node.content, node.mode) for path, node in self.tree.items()}

    def there(self):
        return {path: (file.kind, file.content, file.mode) for path, file in self.disk.items()}

    def apply(self):
        """All of the view. Whatever is on the disk and not scanned forbids that; then single steps go on."""
        if self.is_dirty():
            return self.part(1.0, random.Random(1))
        tree, heads = self.tree, self.heads()
        self.disk, self.base, self.seen = {}, {}, {}
        for path, node in tree.items():
            self.show(path, node, self.world.inode(), heads)
        self.clean = True

    def show(self, path, node, inode, heads):
        self.disk[path] = m.File(inode, node.kind, node.content, node.mode)
        self.base[inode], self.seen[inode] = (path, node), heads  # A3: the base takes the refs of the view it applied

    def part(self, chance, rng):
        """Some steps on single files. A1: only where the disk is as the base has it."""
        tree, heads = self.tree, self.heads()
        where = {item: path for path, node in tree.items() for item in node.items}
        for inode, (path, node) in sorted(self.base.items(), key=lambda x: x[1][0]):
            if node.kind == "d" or self.disk.get(path) != m.File(inode, node.kind, node.content, node.mode):
                continue
            if rng.random() > chance:
                continue
            targets = {where.get(item) for item in node.items}
            if targets == {None}:
                del self.disk[path], self.base[inode]
            elif path in tree and set(tree[path].items) & set(node.items) and self.is_same_directory(tree, path):
                self.show(path, tree[path], inode, heads)
        bound = {item for _, node in self.base.values() for item in node.items}
        dots = {ref for _, node in self.base.values() for refs in node.refs.values() for ref in refs.get(m.CONTENT, ())}
        for path, node in sorted(tree.items()):
            if node.kind != "d" and path not in self.disk and not set(node.items) & bound and rng.random() <= chance \
                    and self.is_same_directory(tree, path) and not dots & {  # A2: no content that another node still shows
                        ref for refs in node.refs.values() for ref in refs.get(m.CONTENT, ())}:
                self.show(path, node, self.world.inode(), heads)
        self.clean = False

    def is_same_directory(self, tree, path):
        while path := path[:-1]:
            if path not in self.disk or self.disk[path].inode not in self.base:
                return False
            at, node = self.base[self.disk[path].inode]
            if at != path or path not in tree or set(node.items) != set(tree[path].items):
                return False
        return True

    # What users do. a, b, c: any numbers; they choose among what is there, so that a history stays valid when it shrinks.
    def user(self, act, a, b, c):
        self.paths = sorted(self.disk)
        self.files = [path for path in self.paths if self.disk[path].kind != "d"]
        self.folders = [()] + [path for path in self.paths if self.disk[path].kind == "d"]
        if act.endswith("_copy"):
            self.files = self.paths = [path for path in self.files if "conflict" in path[-1]]
        elif act.endswith("_main"):
            self.files = self.paths = [path for path in self.files if "conflict" not in path[-1]]
        getattr(self, "user_" + act.split("_")[0])(a, b, c)

    def put(self, path, kind, content=""):
        if path not in self.disk and len(path) <= DEPTH_MAX:
            self.disk[path] = m.File(self.world.inode(), kind, content, "")

    def put_named(self, a, b, kind, content=""):
        self.put(self.folders[a % len(self.folders)] + (NAMES[b % len(NAMES)],), kind, content)

    def remove(self, path):
        for other in [other for other in self.disk if other[:len(path)] == path]:
            del self.disk[other]

    def user_create(self, a, b, c):
        self.put_named(a, b, "l" if c % 8 == 0 else "f", self.world.content())

    def user_same(self, a, b, c):
        self.put_named(a, b, "f", "same")
        self.world.free.add("same")

    def user_mkdir(self, a, b, c):
        self.put_named(a, b, "d")

    def user_restore(self, a, b, c):
        if self.world.gone:
            content = self.world.gone[c % len(self.world.gone)]
            self.put_named(a, b, "f", content)
            self.world.free.add(content)

    def user_edit(self, a, b, c):
        if not self.files:
            return
        path, content = self.files[a % len(self.files)], self.world.content()
        if c % 9 == 0:  # two files become equal
            content = self.disk[self.files[b % len(self.files)]].content
            self.world.free.add(content)
        self.disk[path] = self.disk[path]._replace(content=content)

    def user_chmod(self, a, b, c):
        if self.paths:
            path = self.paths[a % len(self.paths)]
            self.disk[path] = self.disk[path]._replace(mode="x" if c % 2 else "")

    def user_delete(self, a, b, c):
        if self.paths:
            self.remove(self.paths[a % len(self.paths)])

    def user_replace(self, a, b, c):  # a directory takes a file's place, or the other way round
        if self.paths:
            path = self.paths[a % len(self.paths)]
            was = self.disk[path].kind
            self.remove(path)
            self.put(path, "f" if was == "d" else "d", self.world.content() if was == "d" else "")

    def user_move(self, a, b, c):
        if not self.paths:
            return
        source, folder = self.paths[a % len(self.paths)], self.folders[b % len(self.folders)]
        target = folder + (source[-1] if c % 5 == 0 else NAMES[c % len(NAMES)],)
        if target[:len(source)] == source or len(target) > DEPTH_MAX:
            return
        if target in self.disk:
            if self.disk[target].kind == "d" or self.disk[source].kind == "d":
                return
            if c % 3 == 0:
                self.disk[source], self.disk[target] = self.disk[target], self.disk[source]
                return
            self.remove(target)
        for path in [path for path in self.disk if path[:len(source)] == source]:
            self.disk[target + path[len(source):]] = self.disk.pop(path)


class World:
    device = Device

    def __init__(self, count, skews=SKEWS):
        self.serial = self.contents = self.now = 0
        self.devices = [self.device(self, "ABCDE"[i], skews[i]) for i in range(count)]
        self.wrote, self.edits, self.deletes, self.touches = {}, {}, {}, {}  # by content
        self.free, self.gone, self.made_of, self.where, self.scans = set(), [], {}, {}, []
        self.moved_folders = []

    def inode(self):
        self.serial += 1
        return self.serial

    def content(self):
        self.contents += 1
        return f"v{self.contents}"

    def note(self, device, entry):
        """The ledger of one scan, from the disk and the base alone."""
        dot = entry.writer, entry.sequence
        inodes = {path: inode for inode, (path, _) in device.base.items()}
        now = {file.inode: (path, file) for path, file in device.disk.items()}
        for inode, (path, file) in now.items():
            if file.kind != "d" and inode not in device.base:
                self.wrote.setdefault(file.content, set()).add(dot)
                self.where[file.content] = path
        for inode, (path, node) in device.base.items():
            if node.kind == "d":
                if inode in now and now[inode][0] != path:
                    self.moved_folders.append(dot)
                continue
            if inode not in now:
                along = path[:-1] != () and inodes.get(path[:-1]) not in now
                self.deletes.setdefault(node.content, []).append((dot, dict(device.seen.get(inode, {})), along))
                self.gone.append(node.content)
                continue
            new_path, file = now[inode]
            if file.content != node.content:
                self.wrote.setdefault(file.content, set()).add(dot)
                self.edits.setdefault(node.content, []).append(dot)
                self.made_of.setdefault(file.content, set()).add(node.content)
                self.where[file.content] = new_path
                self.gone.append(node.content)
            above = device.disk[new_path[:-1]].inode if new_path[:-1] else None
            if (new_path[-1], above) != (path[-1], inodes.get(path[:-1])):
                self.touches.setdefault(node.content, []).append(dot)
                if any(change.value == file.content for change in entry.changes):  # void or compacted: the mover's own now
                    self.wrote.setdefault(file.content, set()).add(dot)
                    self.free.add(file.content)

    def step(self, op):
        self.now += 1
        number, act, a, b, c = op
        device = self.devices[number % len(self.devices)]
        other = self.devices[(number + 1 + a % max(1, len(self.devices) - 1)) % len(self.devices)]
        if device.dead:
            return
        if act == "scan":
            device.scan()
        elif act == "recv":
            device.receive(other, (1 + b % 3) / 3)
        elif act == "apply":
            device.apply()
        elif act == "part":
            device.part(0.6, random.Random(a))
        elif act == "sync":
            device.scan(), device.receive(other, 1), device.apply()
        elif act == "revoke":
            self.revoke(device, other, a)
        else:
            device.user(act, a, b, c)

    def revoke(self, device, other, a):
        if other is not device and not other.dead and sum(not d.dead for d in self.devices) > 2:
            other.dead = True
            device.limits[other.name] = a % (other.sequence + 1)
            device.recompute()
            device.clean = False

    def settle(self):
        alive = [d for d in self.devices if not d.dead]
        for rounds in range(6):
            published = sum(d.scan() for d in alive)
            for device in alive:
                for other in self.devices:
                    device.receive(other, 1)
            for device in alive:
                for other in alive:
                    device.receive(other, 1)
                device.apply()
            if not published and rounds:
                return alive
        raise Broken("quiet: devices go on publishing")

    # ---- The laws ----

    def check(self, orders=True):
        alive = self.settle()
        trees = [device.shown() for device in alive]
        if any(tree != trees[0] for tree in trees):
            raise Broken(f"convergence: {trees}")
        tree, limits = trees[0], alive[0].limits
        self.check_names(tree, limits)
        self.check_contents(tree, limits)
        if orders:
            self.check_orders(alive[0])
        return tree

    def check_names(self, tree, limits):
        for path in tree:
            if path[:-1] and tree.get(path[:-1], "-")[0] != "d":
                raise Broken(f"orphan: {path}")
            if len(path[-1].encode()) > m.NAME_MAX or not path[-1]:
                raise Broken(f"name: {path}")
            if path[-1].startswith("lost-") and not limits:
                raise Broken(f"lost place: {path}")

    def check_contents(self, tree, limits):
        def valid(dot):
            return dot[1] <= limits.get(dot[0], dot[1])

        shown = [content for kind, content, _ in tree.values() if kind != "d"]
        for content, dots in self.wrote.items():
            gone = [dot for dot in self.edits.get(content, [])] + [dot for dot, *_ in self.deletes.get(content, [])]
            if any(map(valid, dots)) and not any(map(valid, gone)) and content not in shown:
                raise Broken(f"loss: {content} is nowhere in {tree}")
            if shown.count(content) > 1 and content not in self.free:
                raise Broken(f"twice: {content} in {tree}")
        for content in shown:
            if content not in self.wrote or not any(map(valid, self.wrote[content])):
                raise Broken(f"invention: {content} in {tree}")
            if content in self.free:
                continue
            if any(map(valid, self.edits.get(content, []))):
                raise Broken(f"stale: {content} was replaced by one who saw it, but is in {tree}")
            path, = [path for path, (_, other, _) in tree.items() if other == content]
            self.check_path(content, path, limits)
            self.check_deletes(content, tree, limits)

    def check_deletes(self, content, tree, limits):
        """Deletes stay dead, but for what somebody touched who had not seen them, or moved along with its directory."""
        deletes, touches = self.deletes.get(content, []), []
        if not deletes or limits:
            return
        for other in self.touches:
            touches += self.touches[other] if self.family(other) & self.family(content) else []
        if all(along for _, _, along in deletes):
            touches += self.moved_folders
        if not any(all(dot[1] > seen.get(dot[0], 0) for _, seen, _ in deletes) for dot in touches):
            raise Broken(f"deletes stay dead: {content} is back in {tree}")

    def check_path(self, content, path, limits):
        """What nobody moved is where it was written, or beside it under a conflict name."""
        where = self.where[content]
        moved = any(self.family(other) & self.family(content) for other in [*self.touches, *self.free])
        if len(where) == 1 and "conflict" not in where[0] and not moved and not limits and path != where:
            stem = where[0].rpartition(".")[0] or where[0]
            if path[:-1] or not path[0].startswith(stem[:40]) or " (conflict " not in path[0]:
                raise Broken(f"place: {content} was written at {where}, nobody moved it, but it is at {path}")

    def family(self, content):
        """The content and those it was made from: whoever moves one of them moves what the file is by now."""
        known, todo = set(), [content]
        while todo:
            if (one := todo.pop()) not in known:
                known.add(one)
                todo += self.made_of.get(one, ())
        return known

    def check_orders(self, device):
        """Entries that are applied one by one, in another causal order, give the same state."""
        rng, waiting, heads, state = random.Random(len(device.entries)), list(device.entries.values()), {}, {}
        while waiting:
            ready = [e for e in waiting if all(heads.get(w, 0) >= s for w, s in e.after.items())
                     and heads.get(e.writer, 0) == e.sequence - 1]
            entry = rng.choice(ready)
            waiting.remove(entry)
            heads[entry.writer] = entry.sequence
            if entry.sequence <= device.limits.get(entry.writer, entry.sequence):
                m.apply(state, entry)
        if state != device.state:
            raise Broken("order: another causal order gives another state")


# ---- Random histories ------------------------------------------------------------------------------------------------

def random_history(rng, revoke=0.15):
    """A tree that all agree on, then rounds in which each device works alone, races or syncs: (devices, steps)."""
    def number():
        return rng.randrange(12)

    count = rng.choice([2, 2, 3, 3, 4, 5])
    ops = []
    if rng.random() < 0.8:
        ops += [(0, rng.choice(["mkdir", "create", "create"]), number(), number(), number())
                for _ in range(rng.choice([1, 2, 4, 8]))]
        ops += [(d, "sync", r, 0, 0) for d in [*range(count)] * 2 for r in range(count)]
    for _ in range(rng.choice([1, 2, 3, 5])):
        for device in range(count):
            for _ in range(rng.choice([0, 1, 1, 2, 3])):
                ops.append((device, rng.choice(USER_ACTS), number(), number(), number()))
                ops += [(device, rng.choice(["scan", "recv", "part", "apply"]), number(), number(), 0)
                        for _ in range(rng.choice([0, 0, 1, 2]))]
        for _ in range(rng.choice([0, 1, 2, 2 * count])):
            ops.append((rng.randrange(count), rng.choice(["sync", "sync", "recv", "part"]), number(), number(), 0))
        if count > 2 and rng.random() < revoke:
            ops.append((rng.randrange(count), "revoke", number(), 0, 0))
    return count, ops


def run(history, trace=None):
    count, ops = history
    world = World(count)
    for op in ops:
        world.step(tuple(op))
        if trace:
            trace(world, op)
    world.check()
    return world


def run_return(seed):
    """C goes away with edits that it never scanned; the others go on, compact, and forget what they deleted; C returns."""
    rng = random.Random(seed)
    world = World(3)
    for op in random_history(rng, revoke=0)[1]:
        world.step(op)
    world.settle()
    for _ in range(rng.choice([0, 1, 2, 3])):
        world.devices[2].user(rng.choice(USER_ACTS), *(rng.randrange(12) for _ in range(3)))
    a, b, c = world.devices
    for _ in range(rng.choice([1, 2, 4, 6])):
        device = rng.choice([a, b])
        device.user(rng.choice(USER_ACTS), *(rng.randrange(12) for _ in range(3)))
        device.scan()
        if rng.random() < 0.5:
            a.receive(b, 1), b.receive(a, 1), a.apply(), b.apply()
    for _ in range(3):
        a.scan(), b.scan(), a.receive(b, 1), b.receive(a, 1), a.apply(), b.apply()
    small = m.compact(a.state)
    if m.view(small).keys() != m.view(a.state).keys():
        raise Broken(f"compaction changes the view: {m.view(a.state).keys()} -> {m.view(small).keys()}")
    c.receive(a, 1)
    for device in world.devices:
        device.snapshot = small, dict(a.entries)
        device.recompute()
        device.clean = False
    world.check(orders=False)


# ---- Histories in one line -------------------------------------------------------------------------------------------

def files(script, made=World):
    """Plays a history in the words of merge_model.py; prints the tree that all have in the end."""
    world = made(3, skews=(0, 0, 0))
    for step in script.split(","):
        world.now += 1
        play(world, step.strip())
    tree = world.check()
    full = {path[:-1] for path in tree}
    shown = sorted("/".join(path).split(" (conflict")[0] + ("*" if "conflict" in path[-1] else "")
                   + ("+" if mode else "") + ("/" if kind == "d" else "=" + content)
                   for path, (kind, content, mode) in tree.items() if path not in full)
    if shown:
        print(*shown)


def play(world, step):
    if step == "sync":
        world.settle()
        return
    device, act = world.devices["ABC".index(step[0])], step[2:]

    def path(text):
        return next(p for p in device.disk if "conflict" in p[-1]) if "*" in text else tuple(text.split("/"))

    def put(at, kind, content):
        device.disk[at] = device.disk[at]._replace(content=content) if at in device.disk else \
            m.File(world.inode(), kind, content, "")

    if act[0] == "<":
        device.receive(world.devices["ABC".index(act[1])], 1)
    elif act[0] == "-":
        device.remove(path(act[1:]))
    elif act[0] == "+":
        device.disk[path(act[1:])] = device.disk[path(act[1:])]._replace(mode="x")
    elif ">" in act:
        source, target = path(act.split(">")[0]), tuple(act.split(">")[1].split("/"))
        device.disk = {target + p[len(source):] if p[:len(source)] == source else p: f for p, f in device.disk.items()}
    elif act[-1] == "/":
        put(tuple(act[:-1].split("/")), "d", "")
    else:
        put(path(act.split("=")[0]), "f", act.split("=")[1])
    device.scan()


# ---- Vectors (tests/peer/vectors/README.md) --------------------------------------------------------------------------

def vectors(number, seed):
    n = made = 0
    while made < number:
        world = run(random_history(random.Random(f"{seed}/{n}")))
        n += 1
        device = next(d for d in world.devices if not d.dead)
        if len(device.entries) < 2:
            continue
        made += 1
        entries = sorted(device.entries.values(), key=lambda e: (e.time, e.writer, e.sequence))
        yield {
            "name": f"{seed}/{n - 1}", "limits": device.limits,
            "entries": [{"writer": e.writer, "sequence": e.sequence, "after": e.after, "time": e.time,
                         "changes": [written(change) for change in e.changes]} for e in entries],
            "scans": world.scans,
            "view": [{"path": "/".join(p), "kind": v.kind, "content": v.content, "mode": v.mode, "items": v.items}
                     for p, v in sorted(device.tree.items())]}
