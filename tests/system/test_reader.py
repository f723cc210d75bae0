# SPDX-License-Identifier: Apache-2.0
"""The independent device beside a real one: what either publishes, the other has."""

import os
import random
import stat

import pytest

import protocol_crypto as crypto
from protocol import CATALOG, ROOT, Gap, Malformed, hash_of, read_entry
from reader import Reader, Waits, inline, new_item
from reader_scene import COLLECTION, NAMES, SECRET, Scene, Tampered, fresh
from reader_tree import Tree, patch_of


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    made = Scene(tmp_path_factory.mktemp("scene"))
    yield made
    made.end()


# ---- Reading ---------------------------------------------------------------------------------------------------------


def test_the_tree_is_rebuilt_from_the_log_alone(scene, tmp_path):
    contents = scene.check_equal(tmp_path / "rebuilt")
    assert contents.forms >= {"inline", "slices", "zeros", "patch inline", "patch slices"}
    assert contents.deepest >= 3
    assert not scene.device.void and not scene.device.empty


def test_the_real_device_keeps_the_rules_for_authors(scene):
    times = {entry.head: body.time for entry, body in scene.bodies()}
    for head, time in times.items():
        assert all(times[other] < time for other in scene.device.pasts[head] - {head} if other in times)
    bases = [entry for entry, body in scene.bodies() for change in body.changes if change.over]
    assert bases and all(entry.epoch == scene.device.epoch for entry in bases)


def test_items_without_a_history_have_the_ids_that_anyone_gives_them(scene):
    shown = Tree(scene.bodies()).shown()
    deep = new_item(b"d", ROOT, b"deep", None)
    assert shown[b"deep"][2] == deep
    assert shown[b"deep/er"][2] == new_item(b"d", deep, b"er", None)
    assert shown[b"link"][2] == new_item(b"l", ROOT, b"link", b"../outside")
    assert shown[b"deep/renamed"][2] == new_item(b"f", ROOT, b"to be renamed", b"kept")
    for name in NAMES:
        assert shown[name][2] == new_item(b"f", ROOT, name, name * 3)


def test_the_catalog_names_the_collection_and_the_devices(scene):
    catalog = Tree(scene.device.bodies(CATALOG))
    item = b"C" + scene.collection[:15]
    assert catalog.lives(item)
    assert [catalog.value(item, field) for field in ("/format", "/id", "/name")] == [
        "files", scene.collection, COLLECTION
    ]
    names = {catalog.value(item, "/name") for item in catalog.items if item[:1] == b"D"}
    assert names == {scene.laptop.name, "python-device"}


def test_entries_come_one_by_one_when_credit_is_small(scene):
    again = fresh(scene)
    with scene.session() as session:
        session.hello(again.user)
        session.subscribe(again.log, credit=1)
        session.hear("ENTRY")
        session.send("HAVE", [])
        session.hear("MISSING")
        assert not [message for message in session.waiting if message.command == "ENTRY"]
    with scene.session() as session:
        again.read_log(session, credit=2**22)
    assert again.log.heads() == scene.device.log.heads()


def test_a_newcomer_that_was_given_no_key_waits(scene):
    again = Reader(crypto.Identity(os.urandom(32)), scene.device.user)
    for entry in scene.device.log.entries.values():
        again.learn(entry)
    with pytest.raises(Waits):
        list(again.bodies(scene.collection))


def test_the_broker_stores_no_name_and_no_content(scene):
    stored = {}
    for folder, _, files in os.walk(scene.broker.data):
        for name in files:
            path = os.path.join(folder, name)
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                with open(path, "rb") as file:
                    stored[path] = os.fsencode(path) + file.read()
    said = NAMES + [SECRET, COLLECTION.encode(), scene.laptop.name.encode(), b"python-device"]
    said += [b"text.txt", b"image.bin", b"note.md", b"../outside", (scene.here / "image.bin").read_bytes()[1000:1032]]
    for word in (word for word in said if len(word) > 4):
        assert not [path for path, data in stored.items() if word in data], word
    assert any(scene.device.user in data for data in stored.values())  # ids are there to be found


# ---- What a dishonest broker or disk may try -------------------------------------------------------------------------


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_flipped_byte_of_any_entry_is_found(scene):
    some = random.Random(3)
    again = fresh(scene)
    for entry in scene.device.log.entries.values():
        header, body = len(entry.header), len(entry.wire) - len(entry.body)
        for start, end in (0, header), (header, body), (body, len(entry.wire)):
            with pytest.raises(Malformed):
                again.learn(read_entry(flip(entry.wire, some.randrange(start, end))))
        again.learn(entry)
    assert again.log.heads() == scene.device.log.heads()


def test_an_entry_of_another_author_or_user_is_found(scene):
    again = fresh(scene)
    first, *others = scene.device.log.entries.values()
    again.learn(first)
    stranger = crypto.Identity(os.urandom(32))
    for entry in others:
        forged = entry.header + stranger.sign("entry", entry.header) + entry.body
        with pytest.raises(Malformed):
            again.learn(read_entry(forged))
        again.learn(entry)
    unrelated = Reader(stranger, hash_of("device", stranger.keys[0]))
    with pytest.raises(Malformed):
        unrelated.learn(first)


def test_an_entry_of_a_device_that_was_let_in_badly_is_found(scene):
    again = fresh(scene)
    for entry in scene.device.log.entries.values():
        again.learn(entry)
    newcomer = crypto.Identity(os.urandom(32))
    again.commitment = again.openings[again.epoch][1][0]
    for proof in newcomer.prove(bytes(32)), newcomer.prove(again.user):
        guest = Reader(newcomer, again.user)
        added = read_entry(again.admit(newcomer.keys, proof, crypto.MEMBER_ROLE))
        for entry in again.log.entries.values():
            guest.learn(entry)
        assert (added.head in guest.void) == (proof != newcomer.prove(again.user))
        if added.head in guest.void:
            guest.content_keys[guest.epoch] = again.content_keys[guest.epoch]
            with pytest.raises(Malformed):
                guest.write_change(scene.collection, b"")
    guest.write_change(scene.collection, b"")


def altered_entry(message, number):
    if message.command == "ENTRY" and message.elements[0] == number:
        message.bulk = flip(message.bulk, len(message.bulk) // 2)
    return message


def without_entry(message, number):
    return None if message.command == "ENTRY" and message.elements[0] == number else message


def without_heads(message):
    if message.command == "WELCOME":
        message.elements[4] = []
    return message


def test_a_log_that_was_altered_on_its_way_is_found(scene):
    middle = len(scene.device.log.entries) // 2
    for alter, outcome in [
        (lambda message: altered_entry(message, middle), Malformed),
        (lambda message: without_entry(message, middle), Gap),
        (without_heads, Malformed),
    ]:
        with Tampered(scene, alter) as session, pytest.raises(outcome):
            fresh(scene).read_log(session, credit=2**22)


def test_a_flipped_byte_of_a_blob_is_found(scene):
    def alter(message):
        if message.command == "BLOB":
            message.bulk = flip(message.bulk, len(message.bulk) // 2)
        return message

    hash, size = Tree(scene.bodies()).shown()[b"text.txt"][1]
    with Tampered(scene, alter) as session:
        session.hello(scene.device.user)
        with pytest.raises(Malformed):
            scene.contents(session).bytes_of(hash)
    with scene.session() as session:
        session.hello(scene.device.user)
        assert len(scene.contents(session).bytes_of(hash)) == size


def test_other_blobs_or_bases_than_were_meant_are_found(scene):
    shown = Tree(scene.bodies()).shown()
    with scene.session() as session:
        session.hello(scene.device.user)
        for path, alter in [
            (b"sparse", lambda how: [[how[0][0] + 4096], *how[1:]]),
            (b"image.bin", lambda how: [shown[b"text.txt"][1][0], how[1]]),
            (b"link", lambda how: how + b"!"),
        ]:
            contents = scene.contents(session)
            hash = shown[path][1][0]
            contents.ways[hash] = [(entry, alter(how)) for entry, how in contents.ways[hash]]
            with pytest.raises(Malformed):
                contents.bytes_of(hash)


def test_a_key_that_was_not_committed_to_is_not_taken(scene):
    again = fresh(scene)
    for entry in scene.device.log.entries.values():
        again.learn(entry)
    again.content_keys.clear()
    again.hold_key(again.epoch, os.urandom(32))
    assert not again.content_keys
    again.hold_key(again.epoch, scene.device.content_keys[again.epoch])
    assert again.content_keys == scene.device.content_keys


# ---- Writing ---------------------------------------------------------------------------------------------------------


def new_file(name, content, reference=None):
    item = new_item(b"f", ROOT, name, content)
    fields = {"/content": reference or inline(content), "/kind": "f", "/name": name, "/parent": ROOT}
    weak = {"/mode": 0o600, "/mtime": 1_700_000_000_000_000_000}
    return [(item, field, [], False, value) for field, value in fields.items()] + [
        (item, field, [], True, value) for field, value in weak.items()
    ]


def test_the_real_device_shows_what_the_independent_one_writes(scene, tmp_path):
    state = Tree(scene.bodies())
    edited = state.shown()[b"-rf"][2]
    shown = [fact.dot for fact in state.facts(edited, "/content")]
    changes = new_file(b"from python \xff", b"written by the text alone\n")
    changes.append((edited, "/content", shown, False, inline(b"edited by the text alone\n")))
    with scene.session() as session:
        scene.device.read_log(session)
        scene.device.publish_changes(session, scene.collection, changes)
        me = scene.device.identity.id
        item = b"D" + me[:15]
        said = Tree(scene.device.bodies(CATALOG))
        named = [
            (item, field, [fact.dot for fact in said.facts(item, field)], False, value)
            for field, value in {"/id": me, "/name": "renamed in python"}.items()
        ]
        scene.device.publish_changes(session, CATALOG, named)
    assert scene.laptop.sync()["in_sync"]
    path = os.path.join(os.fsencode(scene.here), b"from python \xff")
    with open(path, "rb") as file:
        assert file.read() == b"written by the text alone\n"
    status = os.stat(path)
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o600, 1_700_000_000_000_000_000)
    assert (scene.here / "-rf").read_text() == "edited by the text alone\n"
    assert "renamed in python" in {device["name"] for device in scene.laptop.json("devices")}
    scene.check_equal(tmp_path / "with both")


def test_the_real_device_takes_slices_and_patches_of_the_independent_one(scene, tmp_path):
    pieces = [os.urandom(200_000), b"prose " * 50_000]
    first = pieces[1] + bytes(1_000_000) + pieces[0]
    how = [[1, 0, len(pieces[1])], [1_000_000], [0, 0, len(pieces[0])]]
    second = first[:400_000] + b"inserted" + first[400_000:]
    third = os.urandom(100_000) + second[1000:]
    device, collection = scene.device, scene.collection
    with scene.session() as session:
        device.read_log(session)
        item = publish_sliced(device, session, collection, first, how, pieces)
        for content, base in (second, first), (third, second):
            publish_patched(device, session, collection, item, content, base)
    scene.laptop.sync()
    assert (scene.here / "sliced").read_bytes() == third
    scene.check_equal(tmp_path / "with slices")


def publish_sliced(device, session, collection, content, how, pieces):
    blobs = device.put_pieces(session, collection, pieces)
    reference = [crypto.content_hash(content), len(content), 0, how]
    changes = new_file(b"sliced", content, reference)
    device.publish_changes(session, collection, changes, blobs)
    return changes[0][0]


def publish_patched(device, session, collection, item, content, base):
    facts = Tree(device.bodies(collection)).facts(item, "/content")
    patch = patch_of(base, content)
    blobs = [] if len(patch) <= 65536 else device.put_pieces(session, collection, [patch])
    how = [[0, 0, len(patch)]] if blobs else patch
    depth = facts[0].value[2] + 1
    reference = [crypto.content_hash(content), len(content), depth, [crypto.content_hash(base), how]]
    change = (item, "/content", [fact.dot for fact in facts], False, reference)
    device.publish_changes(session, collection, [change], blobs)


def test_what_the_real_device_answers_comes_back(scene, tmp_path):
    (scene.here / "-rf").write_text("and edited again\n")
    scene.laptop.sync()
    with scene.session() as session:
        scene.device.read_log(session)
    scene.check_equal(tmp_path / "again")


def test_chains_of_patches_are_bounded_and_wholes_take_over_what_was_sent(scene, tmp_path):
    path, size = scene.here / "disk image", 5_000_000
    path.write_bytes(os.urandom(size))
    scene.laptop.sync()
    for number in range(20):
        with open(path, "r+b") as file:
            file.seek(2_000_000 + 4_000 * number)
            file.write(os.urandom(100))
        assert scene.laptop.sync()["traffic"]["bytes_sent"] < 16_000, number
    with scene.session() as session:
        scene.device.read_log(session)
    references = [change.value for _, body in scene.bodies() for change in body.changes if change.field == "/content"]
    references = [reference for reference in references if reference[1] == size]
    assert [reference[2] for reference in references] == [*range(16), *range(5)]
    supplied = [how for _, body in scene.bodies() for _, how in body.supplies]
    assert [how[0] for how in supplied] == [references[15][0]], "the whole is a patch, too, on what was before"
    scene.check_equal(tmp_path / "a long chain")
