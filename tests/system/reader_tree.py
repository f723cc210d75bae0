# SPDX-License-Identifier: Apache-2.0
"""Files out of a log, written from codec/PROTOCOL.md 4, 7 and 16: contents made of slices and patches, and the tree
that a collection shows. Conflicts are not shown: who meets one here hears of it."""

import dataclasses
import os
import subprocess
import tempfile

import protocol_crypto as crypto
from protocol import ROOT, Malformed, has_content, is_array, is_bin, require, state_of

DEPTH_MAX = 16
PATCH_HEADER = b"\xd6\xc3\xc4\x00\x00"


def patched(base, patch, size):
    """What the program xdelta3 makes of a base and a patch, of which no more is read than the size that was said."""
    require(patch[:5] == PATCH_HEADER, "a patch of another form")
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("base", "patch")]
        for path, data in zip(paths, (base, patch)):
            with open(path, "wb") as file:
                file.write(data)
        command = ["xdelta3", "-d", "-c", "-s", *paths]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            target = process.stdout.read(size + 1)
            process.stdout.close()
        require(len(target) == size and process.returncode == 0, "a patch that does not fit")
    return target


def patch_of(base, content):
    """A patch in the protocol's form, by the program xdelta3: without what it writes into the header, and checksums."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("base", "content")]
        for path, data in zip(paths, (base, content)):
            with open(path, "wb") as file:
                file.write(data)
        command = ["xdelta3", "-e", "-c", "-A", "-n", "-S", "none", "-s", *paths]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


class Contents:
    """What the entries of a collection introduced and supplied, and how each is made."""

    def __init__(self, device, bodies, plain_of_blob):
        self.device, self.plain_of_blob = device, plain_of_blob
        self.ways = {}  # content hash -> [(entry, how)]
        self.sizes = {}
        self.made = {}
        self.forms = set()  # of ways that were gone
        self.deepest = 0
        for entry, body in bodies:
            for change in body.changes:
                if change.writes and has_content(change.item, change.field, change.value):
                    hash, size, _, how = change.value
                    self.ways.setdefault(hash, []).append((entry, how))
                    self.sizes[hash] = size
            for hash, how in body.supplies:
                self.ways.setdefault(hash, []).append((entry, how))

    def bytes_of(self, hash, past=None, depth=0):
        """A content's bytes, checked. `past`: where it must have been introduced."""
        require(depth <= DEPTH_MAX, "too many patches in a row")
        for entry, how in self.ways.get(hash, []):
            if past is None or entry.head in past:
                if hash not in self.made:
                    self.made[hash] = self.make(hash, entry, how, depth)
                return self.made[hash]
        raise Malformed("a content that nobody introduced")

    def make(self, hash, entry, how, depth):
        is_patch = is_array(how) and is_bin(how[0])
        base, how = how if is_patch else (None, how)
        form = "inline"
        if not is_bin(how):
            form = "slices"
            self.forms |= {"zeros"} if any(len(slice) == 1 for slice in how) else set()
            how = crypto.join_slices(how, lambda place: self.plain_of_blob(entry.blobs[place]))
        if is_patch:
            form = f"patch {form}"
            past = self.device.pasts[entry.head] - {entry.head}
            how = patched(self.bytes_of(base, past, depth + 1), how, self.sizes[hash])
            self.deepest = max(self.deepest, depth + 1)
        require(crypto.content_hash(how) == hash, "another content than its hash says")
        self.forms.add(form)
        return how


# ---- 16. The tree ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Fact:
    covered: bool
    weak: bool
    time: tuple
    dot: tuple
    value: object

    @property
    def rank(self):
        return (not self.covered, not self.weak, self.time, self.dot)


class Conflict(Exception):
    """Something is shown twice, which this program leaves to others."""


class Tree:
    """What a collection of files shows."""

    def __init__(self, bodies):
        self.state = state_of([(entry.dot, body) for entry, body in bodies])
        self.fields = {}
        for item, field in self.state:
            self.fields.setdefault(item, set()).add(field)
        self.items = set(self.fields)

    def deletions(self, item):
        """Dot -> what it lists."""
        return {dot: [*map(tuple, value)] for dot, (_, _, value) in self.state.get((item, ""), {}).items()}

    def lifts(self, directory, below=()):
        """Of the directory's deletions those that don't count for what went along."""
        deletions = self.deletions(directory)
        deleting = {dot for dot, value in deletions.items() if not value or any(field for field, _ in value)}
        if not deleting:
            return set()
        if directory in below:
            raise Conflict("directories that were moved into each other")
        lifted = deleting & self.lifts(self.place(directory)[0], (*below, directory))
        covers = {cover for dot, value in deletions.items() if dot not in lifted for cover in value}
        made = self.state.get((directory, "/kind"), {})
        moves = {
            dot
            for field in self.fields[directory] - {""}
            for dot, (_, weak, _) in self.state[directory, field].items()
            if not weak and (field, dot) not in covers and dot not in made
        }
        return lifted | {x for x in deleting if any(("", x) not in deletions.get(dot, ()) for dot in moves)}

    def facts(self, item, field, counting=False):
        """Ranked, the best first."""
        writes = self.state.get((item, field), {})
        deletions = self.deletions(item)
        lifted = self.lifts(self.place(item)[0]) if deletions and (counting or field == "/content") else ()
        covers = {cover for dot, value in deletions.items() if dot not in lifted for cover in value}
        found = [
            Fact((field, dot) in covers, weak, time, dot, value) for dot, (time, weak, value) in writes.items()
        ]
        return sorted(found, key=lambda fact: fact.rank, reverse=True)

    def value(self, item, field, default=None):
        return next((fact.value for fact in self.facts(item, field)), default)

    def lives(self, item):
        facts = (fact for field in self.fields.get(item, {""}) - {""} for fact in self.facts(item, field, counting=True))
        return any(not fact.weak and not fact.covered for fact in facts)

    def place(self, item):
        """(parent, name) as wished."""
        parents, names = self.facts(item, "/parent"), self.facts(item, "/name")
        dots = [facts[0].dot if facts else None for facts in (parents, names)]
        for fact in self.facts(item, "/pin"):
            if fact.value[2:] == dots:
                return fact.value[0], fact.value[1]
        parent = parents[0].value if parents else ROOT
        name = names[0].value if names else b"lost-" + item[1:5].hex().encode()
        return (parent if parent[:1] == b"d" else ROOT), name

    def content(self, item):
        """[hash, size]"""
        facts = self.facts(item, "/content")
        shown = [fact.value[:2] for fact in facts if not fact.covered] or [fact.value[:2] for fact in facts[:1]]
        if any(value != shown[0] for value in shown):
            raise Conflict("contents that were written apart")
        return shown[0] if shown else None

    def path(self, item, below=()):
        if item == ROOT:
            return b""
        if item in below:
            raise Conflict("directories that were moved into each other")
        parent, name = self.place(item)
        return os.path.join(self.path(parent, (*below, item)), name)

    def shown(self):
        """{path: (kind, [hash, size] or None, item)}"""
        wanted = {item for item in self.items if item[:1] in b"dfl" and self.lives(item)}
        wanted = {item for item in wanted if item[:1] == b"d" or self.content(item)}
        parents = {self.place(item)[0] for item in wanted}
        while not parents <= wanted | {ROOT}:
            wanted |= parents - {ROOT}
            parents = {self.place(item)[0] for item in wanted}
        shown = {}
        for item in sorted(wanted):
            found = item[:1], self.content(item) if item[:1] != b"d" else None
            path = self.path(item)
            if path in shown and shown[path][:2] != found:
                raise Conflict("a name that was given twice")
            shown[path] = (*found, item)
        return shown


def rebuild(tree, contents, folder):
    """Writes what is shown into an empty folder."""
    shown = tree.shown()
    for path in sorted(shown):
        kind, content, item = shown[path]
        where = os.path.join(os.fsencode(folder), path)
        if kind == b"d":
            os.mkdir(where)
        elif kind == b"l":
            os.symlink(contents.bytes_of(content[0]), where)
        else:
            with open(where, "xb") as file:
                file.write(contents.bytes_of(content[0]))
            if tree.facts(item, "/mtime"):
                os.utime(where, ns=(0, tree.value(item, "/mtime")))
    for path, (kind, _, item) in sorted(shown.items(), reverse=True):
        if kind != b"l":
            mode = tree.value(item, "/mode", 0o755 if kind == b"d" else 0o644)
            os.chmod(os.path.join(os.fsencode(folder), path), mode)
