# SPDX-License-Identifier: Apache-2.0
"""A member that means harm: what it may write is bounded by the form, and what the form allows stays in the source."""

import os
import random
import resource
import stat

import pytest

import counterfoil
import protocol_crypto as crypto
from broker_client import now
from counterfoil import tree
from hostile_peer import (
    Street, body, file, item, link, node, number, ordered, patch_bomb, pending, run_window, zstd_bomb,
)
from hostile_victim import PATIENCE, attacked
from protocol import ROOT, domain, pack
from reader import inline

counterfoil.WAIT = PATIENCE
GIB = 2**30


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """Where a device is wrong, a bomb ends it before the disk is full."""
    had = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (GIB, had[1]))
    made = Street(tmp_path_factory.mktemp("street"))
    yield made
    made.end()
    resource.setrlimit(resource.RLIMIT_FSIZE, had)


def expect_left_out(street, bodies, codes=(0,), **more):
    """Each entry says nothing, and is told with its id and author; the rest arrives."""
    before = tree(street.here)
    outcome, entries = street.attack(*bodies, **more)
    assert outcome.code in codes, outcome.said
    for entry in entries:
        told = f"entry {entry.hash.hex()[:12]} of mallory in notes is left out: "
        assert told in outcome.messages, outcome.messages
    new = {path for path in tree(street.here) if path not in before}
    assert all(path.startswith("harmless ") for path in new), new
    street.heal()


# ---- Bodies that break the form --------------------------------------------------------------------------------------

NAMES = [b"..", b".", b"", b"a/b", b"/etc/passwd", b"../canary/kept.txt", b"nul\0byte", b"x" * 256, b".counterfoil"]


def test_names_that_are_no_names_make_nothing(street):
    expect_left_out(street, [body(file(name)) for name in NAMES])


def of_file(**fields):
    return file(b"odd", **{f"/{name}": value for name, value in fields.items()})


def with_content(reference):
    return body(node(item(b"f"), ROOT, b"odd", reference))


HASH = os.urandom(32)
FORMS = {
    "a name that is a text": body(of_file(name="text")),
    "a kind that is another": body(of_file(kind="l")),
    "a parent of 15 bytes": body(of_file(parent=bytes(15))),
    "setuid": body(of_file(mode=0o4755)),
    "sticky": body(of_file(mode=0o1777)),
    "a mode that is negative": body(of_file(mode=-1)),
    "a time beyond all": body(of_file(mtime=2**63)),
    "a pin of two parts": body(of_file(pin=[ROOT, b"odd"])),
    "a pin to a bad name": body(of_file(pin=[ROOT, b"..", None, None])),
    "a field that is no pointer": body([[item(b"f"), "name", [], False, 1]]),
    "a field with a bad escape": body([[item(b"f"), "/~2", [], False, 1]]),
    "a field that is too long": body([[item(b"f"), "/" + "x" * 1024, [], False, 1]]),
    "a field of no text": body([[item(b"f"), "/x", [], False, 1]]).replace(b"\xa2/x", b"\xa2/\xff"),
    "a value that is too deep": pack([now(), 0, 1, 1, [], [[item(b"x"), "/x", [], False, [[[[[[[[[1]]]]]]]]]]], []]),
    "a year beyond 9999": body(file(b"odd"), time=(253402300800000, 0)),
    "part 2 of 1": body(file(b"odd"), part=(2, 1)),
    "no parts": body(file(b"odd"), part=(0, 0)),
    "a dot that nothing names": body(file(b"odd"), dots=[(bytes(16), 1, bytes(16))]),
    "an index beyond the dots": body([[item(b"f"), "/name", [0], False, b"odd"]]),
    "a change without a write or dots": body([[item(b"f"), "/name", []]]),
    "a deletion that is weak": body([[item(b"f"), "", [], True, []]]),
    "a deletion of a bad form": body([[item(b"f"), "", [], False, 7]]),
    "changes out of order": pack([now(), 0, 1, 1, [], ordered(file(b"odd"))[::-1], []]),
    "a change twice": pack([now(), 0, 1, 1, [], [one for one in ordered(file(b"odd")) for _ in range(2)], []]),
    "no array": pack("nothing"),
    "bytes behind": body(file(b"odd")) + b"\0",
    "cut": body(file(b"odd"))[:-3],
    "not canonical": b"\x97\xcd\x00\x01" + body(file(b"odd"))[10:],
    "no msgpack": b"\xc1" * 100,
    "nothing": b"\x90",
    "a hash of 31 bytes": with_content([bytes(31), 1, 0, b"x"]),
    "inline of another size": with_content([HASH, 10, 0, b"x"]),
    "inline that is too large": with_content([HASH, 65537, 0, bytes(65537)]),
    "a blob that is not in the header": with_content([HASH, 5, 0, [[0, 0, 5]]]),
    "no slices": with_content([HASH, 0, 0, []]),
    "a slice of nothing": with_content([HASH, 0, 0, [[0]]]),
    "a slice that is too long": with_content([HASH, 2**38 + 1, 0, [[2**38 + 1]]]),
    "zeros that are not joined": with_content([HASH, 10, 0, [[5], [5]]]),
    "more than 256 GiB": with_content([HASH, 2**63, 0, [[2**38]]]),
    "a depth without a patch": with_content([HASH, 1, 1, b"x"]),
    "a patch without a depth": with_content([HASH, 1, 0, [HASH, b"x"]]),
    "a depth that is too deep": with_content([HASH, 1, 17, [HASH, b"x"]]),
    "a depth that is too deep for its size": with_content([HASH, 67108865, 5, [HASH, b"x"]]),
    "a patch of nothing": with_content([HASH, 1, 1, [HASH, b""]]),
    "a supply of a bad form": body([], supplies=[[HASH, "how"]]),
}


def test_bodies_that_break_a_rule_say_nothing(street):
    expect_left_out(street, FORMS.values())


def test_what_refers_to_itself_says_nothing(street):
    """Its own place in the chain, and places to come."""
    device = street.mallory.device
    street.mallory.publish(body(file(b"harmless 0")))
    own = list(device.log.entries)[-1]
    random_id = item(b"f")
    bodies = [
        body([[random_id, "/name", [0], False, b"odd"]], dots=[(own[0], own[1] + ahead, bytes(16))])
        for ahead in (2, 10)
    ]
    expect_left_out(street, bodies)


def framed(length=None, method=0, size=None, padding=b""):
    def make(plain):
        head = (5 + len(plain) if length is None else length).to_bytes(4, "big")
        return head + bytes([method]) + (len(plain) if size is None else size).to_bytes(4, "big") + plain + padding

    return make


LONG = body(file(b"padded", **{"/remark": "x" * 2**20}))
PACKED = crypto.zstd_compress(LONG)


def test_a_body_is_taken_where_its_author_pads_it(street):
    """To a 1,024th of what is in it, but for 64 KiB."""
    padding = (len(LONG) - 65536) // 1024 - len(PACKED)
    street.mallory.publish(PACKED, frame=framed(method=1, size=len(LONG), padding=bytes(padding)))
    outcome = attacked(street.laptop, "sync")
    assert outcome.code == 0 and "left out" not in outcome.messages, outcome.said
    street.heal()


FRAMES = {
    "more than 1,024 times its size": (PACKED, framed(method=1, size=len(LONG))),
    "declares 4 GiB": (b"x", framed(size=2**32 - 1)),
    "a bomb that says so": (zstd_bomb(GIB), framed(method=1, size=GIB)),
    "a bomb that lies": (zstd_bomb(GIB), framed(method=1, size=1000)),
    "a bomb at the limit": (zstd_bomb(16 * 2**20), framed(method=1, size=16 * 2**20)),
    "just beyond the limit": (zstd_bomb(16 * 2**20 + 1), framed(method=1, size=16 * 2**20 + 1)),
    "two frames": (zstd_bomb(1000) * 2, framed(method=1, size=2000)),
    "no frame": (b"noise" * 20, framed(method=1, size=100)),
    "another method": (b"x", framed(method=2)),
    "a length beyond the end": (b"x", framed(length=2**32 - 1)),
    "padding that is none": (body(file(b"odd")), framed(padding=b"\1")),
    "cut": (b"", lambda plain: b"\0\0\0"),
}


def test_bodies_that_are_bombs_take_no_room(street):
    for what, (plain, frame) in FRAMES.items():
        entries = street.mallory.publish(plain, frame=frame)
        outcome = attacked(street.laptop, "sync")
        assert outcome.code == 0, (what, outcome.said)
        assert f"entry {entries[0].hash.hex()[:12]} of mallory in notes is left out" in outcome.messages, what
    street.heal()


def test_a_body_that_nobody_can_open_says_nothing(street):
    device = street.mallory.device
    wire = device.write(street.mallory.notes, lambda under: os.urandom(500))
    with street.mallory.session() as session:
        session.hello(device.user, device.log.heads())
        session.publish(wire)
    outcome = attacked(street.laptop, "sync")
    assert outcome.code == 0 and "of mallory in notes is left out" in outcome.messages, outcome.said
    street.heal()


# ---- Contents that are not what they say -----------------------------------------------------------------------------


def sliced(size, slices, hash=None):
    return [hash or os.urandom(32), size, 0, slices]


def test_contents_that_lie_are_told_with_their_file(street):
    """One entry with a file for each lie, and its blobs; all others arrive."""
    mallory = street.mallory
    good = os.urandom(100_000)
    small = b"ten bytes!"
    blobs = mallory.put(
        mallory.seal(good),
        os.urandom(1000),
        mallory.seal(b"", framed(method=1, size=16 * 2**20)),
        mallory.seal(zstd_bomb(2 * GIB), framed(method=1, size=16 * 2**20)),
        mallory.seal(zstd_bomb(2 * GIB), framed(method=1, size=2**32 - 1)),
        mallory.seal(small),
    )
    never = os.urandom(32)
    base = crypto.content_hash(b"one\n")
    lies = {
        "good": sliced(len(good), [[0, 0, len(good)]], crypto.content_hash(good)),
        "inline of another hash": [HASH, 5, 0, b"hello"],
        "another hash": sliced(1000, [[0, 0, 1000]]),
        "beyond the blob": sliced(200_000, [[0, 0, 200_000]]),
        "far beyond": sliced(2**24, [[0, 0, 2**24]]),
        "noise": sliced(10, [[1, 0, 10]]),
        "a blob of nothing": sliced(10, [[2, 0, 10]]),
        "a bomb that lies": sliced(10, [[3, 0, 10]]),
        "a bomb that says so": sliced(2**24, [[4, 0, 2**24]]),
        "says 10, gives 10": sliced(10, [[5, 0, 10]], crypto.content_hash(small)),
        "never there": sliced(10, [[6, 0, 10]]),
        "no base": [os.urandom(32), 10, 1, [os.urandom(32), patch_bomb(1)]],
        "a patch bomb": [os.urandom(32), 10, 1, [base, patch_bomb(1000)]],
        "a patch bomb that says so": [os.urandom(32), 67108864, 1, [base, patch_bomb(3000)]],
        "a patch that gives too little": [os.urandom(32), 2**26, 1, [base, patch_bomb(1)]],
        "a window that is too large": [
            os.urandom(32), 9 * 2**20, 1, [base, b"\xd6\xc3\xc4\0\0" + run_window(9 * 2**20)]
        ],
        "no patch": [os.urandom(32), 10, 1, [base, os.urandom(1000)]],
        "another patch format": [os.urandom(32), 10, 1, [base, b"\xd6\xc3\xc4\0\1\2" + run_window(10)]],
        "a number beyond all": [os.urandom(32), 10, 1, [base, b"\xd6\xc3\xc4\0\0\0" + number(2**70)]],
        "its own base": [HASH, 5, 1, [HASH, patch_bomb(1)]],
    }
    changes = [
        change for name, reference in lies.items() for change in node(item(b"f"), ROOT, name.encode(), reference)
    ]
    outcome, _ = street.attack(body(changes), blobs=[*blobs, never])
    assert outcome.code == 1, outcome.said
    fine = {"good", "says 10, gives 10"}
    waiting = pending(outcome)
    assert waiting.keys() == lies.keys() - fine, outcome.said
    assert all(reason and "on the way" not in reason for reason in waiting.values()), waiting
    assert not [reason for reason in waiting.values() if "File too large" in reason], "a bomb went to the limit of files"
    assert waiting["no base"] == "it is made of a content that the log does not have"
    assert waiting["beyond the blob"] == waiting["far beyond"] == "a blob is shorter than its entry says"
    for name in lies:
        assert (street.here / name).exists() == (name in fine), name
    street.laptop.run("status", "--check", code=1)
    remove(street, changes)
    street.heal()
    assert not [name for name in os.listdir(street.here / ".counterfoil/tmp") if name.startswith("get-")]


def remove(street, changes):
    """Mallory takes it back: a deletion that covers nothing is none, so it names what it wrote."""
    entry = next(
        entry for entry in reversed(street.mallory.device.log.entries.values())
        if entry.collection == street.mallory.notes and len(entry.body) > 500
    )
    items = {}
    for id, field, *_ in changes:
        items.setdefault(id, []).append(field)
    street.mallory.publish(body([
        [id, "", [], False, sorted([field, 0] for field in fields)] for id, fields in items.items()
    ], dots=[entry.dot]))


def test_chains_of_patches_end(street):
    """Longer than depths say, and in a circle: by what each says of itself all is well."""
    contents = [b"one\n"] + [b"%d\n" % number for number in range(30)]
    changes = []
    for before, after in zip(contents, contents[1:]):
        window = b"\x00" + number(len(after) + 6) + number(len(after)) + b"\0" + number(len(after)) + b"\1\0" + after
        instruction = bytes([1 + len(after)])
        patch = b"\xd6\xc3\xc4\0\0" + window + instruction
        reference = [crypto.content_hash(after), len(after), 1, [crypto.content_hash(before), patch]]
        changes += node(item(b"f"), ROOT, b"link %s" % after.strip(), reference)
    ring = [os.urandom(32) for _ in range(3)]
    for at, hash in enumerate(ring):
        changes += node(item(b"f"), ROOT, b"ring %d" % at, [hash, 4, 1, [ring[at - 1], patch_bomb(1)]])
    outcome, _ = street.attack(body(changes))
    assert outcome.code in (0, 1), outcome.said
    waiting = pending(outcome)
    assert {f"ring {at}" for at in range(3)} <= waiting.keys(), outcome.said
    remove(street, changes)
    street.heal()


# ---- Trees -----------------------------------------------------------------------------------------------------------


def test_links_are_data_and_never_followed(street):
    """Out of the folder, absolute, to devices, and a directory of the same name with a child in it."""
    outside = street.folder / "canary"
    targets = [
        os.fsencode(outside), b"../canary", b"../../../../../../etc", b"/dev/zero", b"/proc/self/mem", b".", b"..",
        b".counterfoil", b"self",
    ]
    changes = []
    for at, target in enumerate(targets):
        name = b"way %d" % at
        directory = item(b"d")
        changes += link(name, target) + node(directory, ROOT, name) + file(b"kept.txt", b"overwritten?", directory)
        changes += file(b"below", b"x", directory)
    outcome, _ = street.attack(body(changes))
    assert outcome.code in (0, 4) and not pending(outcome), outcome.said
    for at in range(len(targets)):
        assert stat.S_ISDIR(os.lstat(street.here / f"way {at}").st_mode)
        assert (street.here / f"way {at}/kept.txt").read_bytes() == b"overwritten?"
    links = [path for path, what in tree(street.here).items() if what and what[0] == "link"]
    assert len([path for path in links if "conflict" in path]) == len(targets)
    street.heal()


def test_a_directory_that_becomes_a_link_takes_nothing_along(street):
    """First a directory with a child, on the disk; then a link in its place, and more children of what was there."""
    outside = os.fsencode(street.folder / "canary")
    directory, child = item(b"d"), item(b"f")
    first = node(directory, ROOT, b"turns") + node(child, directory, b"kept.txt", inline(b"mine\n"))
    _, (entry,) = street.attack(body(first))
    assert (street.here / "turns/kept.txt").exists()
    gone = [
        [id, "", [], False, sorted([field, 0] for one, field, *_ in first if one == id)] for id in (directory, child)
    ]
    outcome, _ = street.attack(body([*gone, *link(b"turns", outside)], dots=[entry.dot]))
    assert os.path.islink(street.here / "turns"), outcome.said
    outcome, _ = street.attack(body([
        *file(b"kept.txt", b"through the link\n", directory), *file(b"sub", b"in place of a directory", directory),
    ]))
    assert outcome.code in (0, 4) and not pending(outcome), outcome.said
    assert not os.path.islink(street.here / "turns") and (street.here / "turns/kept.txt").exists()
    street.heal()


def test_parents_that_are_none(street):
    """Files and links as parents, directories in each other, in themselves, below what nobody knows."""
    a, b, c, alone, unknown = (item(b"d") for _ in range(5))
    parent, way = item(b"f"), item(b"l")
    changes = [
        *node(parent, ROOT, b"a file", inline(b"x")), *file(b"below a file", b"x", parent),
        *node(way, ROOT, b"a link", inline(os.fsencode(street.folder / "canary"))), *file(b"kept.txt", b"x", way),
        *node(a, b, b"a"), *node(b, c, b"b"), *node(c, a, b"c"), *file(b"in a circle", b"x", a),
        *node(alone, alone, b"its own parent"), *file(b"in itself", b"x", alone),
        *file(b"below nobody", b"x", unknown),
        *file(b"of another kind", b"x", b"C" + bytes(15)),
    ]
    outcome, _ = street.attack(body(changes))
    assert outcome.code in (0, 4) and not pending(outcome), outcome.said
    found = tree(street.here)
    for name in "below a file", "kept.txt", "in a circle", "in itself", "below nobody", "of another kind":
        assert [path for path in found if os.path.basename(path) == name], name
    street.heal()


def test_the_programs_own_folder_is_its_own(street):
    own_folder = street.here / ".counterfoil"
    before = {name: os.lstat(own_folder / name).st_ino for name in os.listdir(own_folder)}
    own, deep = item(b"d"), item(b"d")
    expect_left_out(street, [
        body(file(b".counterfoil", b"in its place")),
        body(node(own, ROOT, b".counterfoil") + file(b"root", b"forged", own) + node(item(b"d"), own, b"tmp")),
        body(link(b".counterfoil", os.fsencode(street.folder / "canary"))),
        body(node(deep, ROOT, b"deep") + file(b".counterfoil", b"where nobody looks", deep)),
    ], codes=(0, 4))  # the tests before have made conflicts
    assert {name: os.lstat(own_folder / name).st_ino for name in os.listdir(own_folder)} == before
    assert not os.path.islink(own_folder)


def test_what_can_not_be_on_this_disk_is_named(street):
    """Targets that no link can have."""
    changes = link(b"empty", b"") + link(b"nul", b"/etc\0/passwd") + link(b"long", b"x" * 5000)
    outcome, _ = street.attack(body(changes))
    assert outcome.code == 1, outcome.said
    assert {"empty", "nul", "long"} <= pending(outcome).keys(), outcome.said
    for name in "empty", "nul", "long":
        assert not os.path.lexists(street.here / name)


def test_odd_names_are_bytes(street):
    names = [b"\xff\xfe", b"-rf", b"\x1b[2Jred", b"new\nline", b"x" * 255, b"con", b"trailing ", b"\xc3\x28"]
    outcome, _ = street.attack(body([change for name in names for change in file(name, name)]))
    for name in names:
        with open(os.path.join(os.fsencode(street.here), name), "rb") as opened:
            assert opened.read() == name
    assert "\x1b" not in outcome.said


def test_odd_modes_and_times_stay_in_their_bounds(street):
    times = [0, -1, -(2**63), 2**63 - 1]
    changes = [
        change for at, time in enumerate(times)
        for change in file(b"time %d" % at, b"%d" % at, **{"/mtime": time, "/mode": 0o777 if at % 2 else 0})
    ]
    outcome, _ = street.attack(body(changes))
    for at in range(len(times)):
        path = street.here / f"time {at}"
        assert path.exists() or path.name in pending(outcome), outcome.said
        assert not path.exists() or not os.lstat(path).st_mode & 0o7000


# ---- Much ------------------------------------------------------------------------------------------------------------


def test_the_end_of_time_stops_nobody(street):
    """A clock at the end of the year 9999, with the last counter: what others write later still counts."""
    target = item(b"f")
    street.mallory.publish(body(node(target, ROOT, b"for ever", inline(b"1")), time=(253402300799999, 2**64 - 1)))
    attacked(street.laptop, "sync")
    assert (street.here / "for ever").read_bytes() == b"1"
    (street.here / "for ever").write_bytes(b"edited by the laptop\n")
    (street.here / "one.txt").write_bytes(b"edited by the laptop\n")
    street.laptop.finish("sync")
    street.desktop.finish("sync")
    assert (street.there / "for ever").read_bytes() == b"edited by the laptop\n"
    assert (street.there / "one.txt").read_bytes() == b"edited by the laptop\n"
    (street.there / "one.txt").write_bytes(b"edited by the desktop\n")
    street.desktop.finish("sync")
    street.laptop.finish("sync")
    assert (street.here / "one.txt").read_bytes() == b"edited by the desktop\n"


def test_very_many_changes_in_one_entry_pass(street):
    kinds = [b"x" + number.to_bytes(15, "big") for number in range(100_000)]
    outcome, _ = street.attack(body([[id, "/x", [], False, 1] for id in kinds]))
    assert "left out" not in outcome.messages, outcome.said


def test_hundreds_of_versions_of_one_file_are_hundreds_of_copies(street):
    target = item(b"f")
    bodies = [body(node(target, ROOT, b"quarrel", inline(b"version %d" % at)), time=(now(), at)) for at in range(200)]
    outcome, _ = street.attack(*bodies)
    copies = [path for path in tree(street.here) if path.startswith("quarrel (conflict ")]
    assert len(copies) == 199, (len(copies), outcome.said[-3000:])
    attacked(street.desktop, "sync")
    assert tree(street.here) == tree(street.there)
