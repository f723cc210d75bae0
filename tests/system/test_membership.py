# SPDX-License-Identifier: Apache-2.0
"""Devices that are shut out, get other roles, and come back: with the real programs."""

import json
import os

import pytest

import protocol_crypto as crypto
from broker_client import Session, Silence, hello_of
from counterfoil import WAIT, broker, fill, make_device, tree, wait_until  # noqa: F401
from family import at_terminal, bind, family, settle, state_of  # noqa: F401
from protocol import CHANGE, MEMBER, Malformed
from reader import Reader, join


# ---- Shutting out ----


def test_a_revoked_device_is_out_and_keeps_its_files(family):
    laptop, desktop = family
    done = laptop.json("devices", "revoke", "desktop", "--yes")
    assert [one["name"] for one in done["revoked"]] == ["desktop"] and done["staying"] == []
    assert state_of(laptop, "desktop")[0] == "revoked"
    fill(laptop.here, {"later.txt": "not for the desktop\n"})
    laptop.sync()
    fill(desktop.here, {"mine.txt": "unpublished\n", "one.txt": "edited after\n"})
    said = desktop.run("sync", code=6)
    assert "does not know this device: it was shut out, or the user was removed." in said
    assert "`counterfoil leave`, then `counterfoil join`" in said and "`counterfoil broker`" in said
    assert "does not list it" not in said  # an owner's `devices` lists it, as shut out
    assert tree(desktop.here) == {
        "one.txt": b"edited after\n", "sub": None, "sub/two.txt": b"two\n", "mine.txt": b"unpublished\n",
    }
    laptop.sync()
    assert tree(laptop.here) == {"one.txt": b"one\n", "sub": None, "sub/two.txt": b"two\n",
                                 "later.txt": b"not for the desktop\n"}
    assert "does not know this device" in desktop.run("sync", code=6)


def test_what_a_device_that_was_shut_out_adds_is_refused_and_nothing_is_made(family):
    laptop, desktop = family
    laptop.run("devices", "revoke", "desktop", "--yes")
    desktop.sync(code=6)
    before = desktop.json("status")["collections"]
    fill(desktop.folder / "there", {"x": "x\n"})
    for words in ["nosuch"], ["there"], ["there", "-n"], ["more", "--existing", "--collection", "notes"]:
        said = desktop.run("add", str(desktop.folder / words[0]), *words[1:], code=6)
        assert "nothing was done: " in said and "it was shut out" in said, (words, said)
        assert "become one" not in said and "can't be asked" not in said, (words, said)
    assert not (desktop.folder / "there/.counterfoil").exists() and not (desktop.folder / "more").exists()
    assert desktop.json("status")["collections"] == before
    desktop.run("remove", "notes")
    assert "nothing was done: " in desktop.run("collections", "delete", "notes", code=6)


def test_revoking_takes_an_owner_a_word_and_the_broker(family, broker):
    laptop, desktop = family
    assert "--yes" in laptop.run("devices", "revoke", "desktop", code=2)
    assert "owner" in desktop.run("devices", "revoke", "laptop", "--yes", code=6)
    assert "nobody" in laptop.run("devices", "revoke", "nobody", "--yes", code=3)
    assert "leave" in laptop.run("devices", "revoke", "laptop", "--yes", code=2)
    broker.stop()
    assert "broker" in laptop.run("devices", "revoke", "desktop", "--yes", code=5)
    assert "broker" in laptop.run("devices", "role", "desktop", "reader", code=5)
    assert state_of(laptop, "desktop")[0] == "in"
    broker.restart()
    fingerprint = {one["name"]: one["fingerprint"] for one in laptop.json("devices")}["desktop"]
    laptop.run("devices", "revoke", fingerprint, "--yes")
    assert "already" in laptop.run("devices", "revoke", "desktop", "--yes", code=1)
    assert "out already" in laptop.run("devices", "revoke", fingerprint, "--yes", code=1)


def test_what_a_device_wrote_before_counts_on(family):
    laptop, desktop = family
    fill(desktop.here, {"before.txt": "written in time\n"})
    desktop.sync()
    laptop.run("devices", "revoke", "desktop", "--yes")  # asks the broker, so it learns of the file
    laptop.sync()
    assert tree(laptop.here)["before.txt"] == b"written in time\n"


def test_devices_that_the_revoked_one_let_in_are_offered(family, make_device):
    laptop, _ = family
    tablet, phone, watch = make_device("tablet"), make_device("phone"), make_device("watch")
    laptop.pair(tablet, "--role", "owner")
    tablet.pair(phone, "--role", "owner")
    phone.pair(watch)
    laptop.sync()
    assert {one["name"] for one in laptop.json("devices", "admitted", "tablet")} == {"phone", "watch"}
    done = laptop.json("devices", "revoke", "tablet", "--yes")
    assert {one["name"] for one in done["staying"]} == {"phone", "watch"}
    assert state_of(laptop, "phone")[0] == "in"
    done = laptop.json("devices", "revoke", "phone", "--yes", "--with-admitted")
    assert {one["name"] for one in done["revoked"]} == {"phone", "watch"} and done["staying"] == []
    assert state_of(laptop, "watch")[0] == "revoked"


def test_on_a_terminal_each_is_asked_for(family, make_device):
    laptop, desktop = family
    tablet, phone, watch = make_device("tablet"), make_device("phone"), make_device("watch")
    laptop.pair(tablet, "--role", "owner")
    tablet.pair(phone)
    tablet.pair(watch)
    laptop.sync()
    code, _ = at_terminal(laptop, ["devices", "revoke", "tablet"], [("shut out 'tablet'", "n")])
    assert code == 1 and state_of(laptop, "tablet")[0] == "in"
    answers = [("shut out 'tablet'", "y"), ("it let in 'phone'", "y"), ("it let in 'watch'", "n")]
    asked = [one["name"] for one in laptop.json("devices", "admitted", "tablet")]
    answers[1:] = sorted(answers[1:], key=lambda one: asked.index(one[0].split("'")[1]))
    code, said = at_terminal(laptop, ["devices", "revoke", "tablet"], answers)
    assert code == 0, said
    assert [state_of(laptop, one)[0] for one in ("tablet", "phone", "watch")] == ["revoked", "revoked", "in"]
    assert state_of(laptop, "desktop")[0] == "in"


def test_serve_of_a_revoked_device_ends_and_revoking_works_beside_serve(family):
    laptop, desktop = family
    process = desktop.serve()
    serving = laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "the laptop is connected")
    wait_until(lambda: desktop.json("status")["broker"]["connected"], "the desktop is connected")
    laptop.run("devices", "revoke", "desktop", "--yes")
    _, said = process.communicate(timeout=WAIT)
    assert process.returncode == 6 and ("no member any more" in said or "does not know this device" in said)
    fill(laptop.here, {"later.txt": "x"})
    wait_until(lambda: laptop.json("status")["in_sync"], "all is published")
    assert laptop.stop(serving) == 0
    assert "later.txt" not in tree(desktop.here)


# ---- Nothing later can be read ----


def reachable_keys(identity, user, entries):
    """Every content key that this identity can get out of the whole member log, however it is addressed."""
    openings, sealed = {}, []
    for entry in entries:
        if entry.type != MEMBER:
            continue
        operation = crypto.read_member(entry.body)
        if operation.opening:
            openings[entry.hash] = operation.opening
            sealed += [[entry.hash, key] for _, key in operation.opening[1]]
        if operation.access:
            sealed.append(operation.access)
    keys = {}

    def hold(epoch, key):
        if epoch in openings and epoch not in keys and crypto.commitment_of(user, key) == openings[epoch][0]:
            keys[epoch] = key
            for earlier, older in crypto.open_earlier(user, openings[epoch], key).items():
                hold(earlier, older)

    for epoch, envelope in sealed:
        try:
            hold(epoch, crypto.unseal_key(user, openings[epoch][0], envelope, identity))
        except Malformed:
            pass
    return keys, openings


def everything(device, line):
    """All entries of the log, in the broker's order."""
    with Session(line, device.identity.keys[1], device.identity.curve_secret) as session:
        fresh = Reader(device.identity, device.user)
        session.hello(device.user)
        session.subscribe(fresh.log)
        return list(session.entries())


def let_in(owner, name):
    """An independent device."""
    pairing = owner.start("pair")
    device = join(pairing.stdout.readline(), name)
    assert pairing.communicate(timeout=WAIT) and pairing.returncode == 0
    return device


def check_later(laptop, thief, witness, before, line):
    """Of all that the broker has, the thief opens what was there before, and the witness what came later, too. Returns
    the blobs that entries name which came later, with their first bytes checked, and those named before."""
    entries = everything(witness, line)
    later = [entry for entry in entries if entry.hash not in before and entry.type == CHANGE]
    earlier = [entry for entry in entries if entry.hash in before and entry.type == CHANGE]
    stolen, _ = reachable_keys(thief.identity, thief.user, entries)
    kept, _ = reachable_keys(witness.identity, witness.user, entries)
    for entry in entries:
        operation = crypto.read_member(entry.body) if entry.type == MEMBER and entry.hash not in before else None
        if operation and operation.opening:
            assert thief.identity.id not in dict(operation.opening[1]), "a new key is not even addressed to it"
    assert later and earlier and all(entry.epoch in stolen for entry in earlier), "it read what was before"
    for entry in later:
        assert entry.epoch not in stolen and entry.epoch in kept
        for key in stolen.values():
            with pytest.raises(Malformed):
                crypto.open_body(key, entry.collection, entry.sealed_under, entry.body)
        crypto.open_body(kept[entry.epoch], entry.collection, entry.sealed_under, entry.body)
    named = {blob for entry in later for blob in entry.blobs} - {blob for entry in earlier for blob in entry.blobs}
    with Session(line, witness.identity.keys[1], witness.identity.curve_secret) as session:
        session.hello(witness.user)
        for blob in named:
            sealed = session.get(blob)
            assert sealed[1:33] not in stolen and sealed[1:33] in kept
    return named


def test_a_revoked_device_opens_nothing_later_even_with_the_brokers_store(family, broker):
    laptop, _ = family
    thief, witness = let_in(laptop, "thief"), let_in(laptop, "witness")
    fill(laptop.here, {"big.bin": os.urandom(300_000)})
    laptop.sync()
    before = {entry.hash for entry in everything(witness, broker.line)}
    laptop.run("devices", "revoke", "thief", "--yes")
    fill(laptop.here, {"secret.txt": "small\n", "secret.bin": os.urandom(3_000_000)})
    big = bytearray((laptop.here / "big.bin").read_bytes())
    big[1000:1000] = os.urandom(100_000)
    fill(laptop.here, {"big.bin": bytes(big)})
    laptop.sync()
    assert check_later(laptop, thief, witness, before, broker.line), "large contents were written, too"
    with Session(broker.line, thief.identity.keys[1], thief.identity.curve_secret) as session:
        assert not session.is_let_in() or not list(listen(session, thief.user))


def blobs_of(broker):
    return [name for _, _, names in os.walk(os.path.join(broker.data, "blobs")) for name in names if len(name) > 60]


def test_an_upload_that_a_revocation_meets_is_sealed_again(family, broker):
    """What is on its way while a device is shut out is not for it either: the upload takes its time."""
    laptop, _ = family
    thief, witness = let_in(laptop, "thief"), let_in(laptop, "witness")
    laptop.sync()
    before = {entry.hash for entry in everything(witness, broker.line)}
    laptop.run("limit", "--up", "1M")
    serving = laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "the laptop is connected")
    fill(laptop.here, {"long.bin": os.urandom(60 << 20)})
    wait_until(lambda: len(blobs_of(broker)) > 2, "the upload has begun")
    laptop.run("devices", "revoke", "thief", "--yes")
    assert len(blobs_of(broker)) < 50, "the upload was over too soon"
    laptop.run("limit", "--up", "none")
    wait_until(lambda: laptop.json("status")["in_sync"], "the file is published")
    assert laptop.stop(serving) == 0
    assert len(check_later(laptop, thief, witness, before, broker.line)) == 60


def listen(session, user):
    session.send(*hello_of(user))
    while True:
        try:
            message = session.receive(1000)
        except Silence:
            return
        if message.command not in ("AGAIN", "REFUSED"):
            yield message


# ---- Taking it back ----


def test_the_account_takes_a_revocation_back(family, tmp_path):
    laptop, desktop = family
    laptop.run("devices", "revoke", "desktop", "--yes")
    fill(laptop.here, {"while.txt": "it was out\n"})
    laptop.sync()
    fill(desktop.here, {"mine.txt": "kept on the disk\n"})
    desktop.run("sync", code=6)
    assert "--recovery-file" in laptop.run("devices", "annul", "desktop", code=2)
    other = tmp_path / "other"
    other.write_text(crypto.phrase_of(bytes(16)) + "\n")
    assert "another user" in laptop.run("devices", "annul", "desktop", "--recovery-file", str(other), code=6)
    assert "already" in laptop.run("devices", "annul", "laptop", "--recovery-file", laptop.phrase, code=1)
    laptop.run("devices", "annul", "desktop", "--recovery-file", laptop.phrase)
    assert state_of(laptop, "desktop")[0] == "in"
    settle(laptop, desktop)
    laptop.sync()
    assert tree(laptop.here) == tree(desktop.here)
    assert tree(laptop.here)["mine.txt"] == b"kept on the disk\n"
    assert tree(desktop.here)["while.txt"] == b"it was out\n"


def test_who_joins_after_that_reads_all_of_it(family, make_device):
    laptop, desktop = family
    laptop.run("devices", "revoke", "desktop", "--yes")
    fill(laptop.here, {"while.txt": "under the revocation's key\n"})
    laptop.sync()
    laptop.run("devices", "annul", "desktop", "--recovery-file", laptop.phrase)
    guest, tablet = make_device("guest"), make_device("tablet")
    laptop.pair(guest)
    guest.run("leave", "--yes")
    laptop.pair(tablet)
    laptop.sync()
    tablet.here = tablet.add("notes", None, "--existing")
    settle(laptop, tablet)
    assert tree(tablet.here) == tree(laptop.here)


# ---- Roles ----


def test_a_member_becomes_an_owner_and_back(family, make_device):
    laptop, desktop = family
    laptop.run("devices", "role", "desktop", "owner")
    desktop.sync()
    assert state_of(desktop, "desktop") == ("in", "owner")
    desktop.pair(make_device("tablet"))
    assert "unknown role king" in laptop.run("devices", "role", "desktop", "king", code=2)
    desktop.run("devices", "role", "laptop", "member")
    laptop.sync()
    assert "owner" in laptop.run("devices", "role", "desktop", "member", code=6)
    assert "only owner" in desktop.run("devices", "role", "desktop", "member", code=6)
    assert state_of(laptop, "tablet") == ("in", "member")
    fill(laptop.here, {"still.txt": "a member writes\n"})
    settle(laptop, desktop)
    assert tree(desktop.here)["still.txt"] == b"a member writes\n"


def pendings(device):
    status = device.json("status")
    return {one["path"]: one["reason"] for each in status["collections"] for one in each["pending"]}


def test_a_reader_gets_everything_and_publishes_nothing(family, make_device):
    laptop, _ = family
    screen = make_device("screen")
    laptop.pair(screen, "--role", "reader")
    bind(screen)
    assert tree(screen.here) == tree(laptop.here)
    assert state_of(screen, "screen") == ("in", "reader")
    fill(screen.here, {"mine.txt": "only here\n", "one.txt": "changed\n"})
    screen.sync(code=1)
    assert {"mine.txt", "one.txt"} <= pendings(screen).keys()
    assert all("only reads" in reason for reason in pendings(screen).values())
    fill(laptop.here, {"later.txt": "for all\n"})
    laptop.sync()
    screen.sync(code=1)
    assert tree(screen.here)["later.txt"] == b"for all\n" and tree(screen.here)["mine.txt"] == b"only here\n"
    laptop.sync()
    assert tree(laptop.here) == {"one.txt": b"one\n", "sub": None, "sub/two.txt": b"two\n", "later.txt": b"for all\n"}
    other = screen.source("other")
    other.mkdir()
    assert "only reads" in screen.run("add", str(other), "--new", code=6)
    assert os.listdir(other) == []


def test_a_reader_is_told_which_collections_there_are(family, make_device, broker):
    laptop, _ = family
    laptop.run("collections", "rename", "notes", "papers")
    laptop.sync()
    screen = make_device("screen")
    laptop.pair(screen, "--role", "reader")
    (screen.folder / "notess").mkdir()
    said = screen.run("add", str(screen.folder / "notess"), code=3)
    assert "only reads" in said and "no collection 'notess'" in said and "there are 'papers'" in said
    assert "there are 'papers'" in screen.run("add", str(screen.folder / "notess"), "--collection", "paper", code=3)
    assert "only reads" in screen.run("add", str(screen.folder / "notess"), "--new", code=6)
    assert screen.json("status")["collections"] == []
    broker.stop()
    assert "can't be asked" in screen.run("add", str(screen.folder / "notess"), code=5)
    broker.restart()
    bind(screen, "papers")
    assert "one.txt" in tree(screen.here)


def test_a_member_becomes_a_reader_and_what_it_wrote_stays(family):
    laptop, desktop = family
    fill(desktop.here, {"before.txt": "as a member\n"})
    desktop.sync()
    laptop.run("devices", "role", "desktop", "reader")
    laptop.sync()
    assert tree(laptop.here)["before.txt"] == b"as a member\n"
    desktop.sync()
    fill(desktop.here, {"after.txt": "as a reader\n"})
    desktop.sync(code=1)
    laptop.sync()
    assert "after.txt" not in tree(laptop.here) and "only reads" in pendings(desktop)["after.txt"]
    laptop.run("devices", "role", "desktop", "member")
    settle(desktop, laptop)
    assert tree(laptop.here)["after.txt"] == b"as a reader\n"


def test_a_role_that_a_device_has_is_not_given_again(family, broker):
    laptop, _ = family
    entries = broker.status()["entries"]
    assert "a member already" in laptop.run("devices", "role", "desktop", "member", code=1)
    assert broker.status()["entries"] == entries


def test_status_agrees_with_sync_when_the_broker_has_lost_the_user(family, broker):
    laptop, _ = family
    broker.run("users", "remove", json.loads(broker.run("--json", "users"))[0]["user"], "--yes")
    laptop.run("sync", code=6)
    assert laptop.finish("status", "--check").returncode == 6
    assert "does not know this device" in laptop.json("status")["broker"]["trouble"]
    laptop.run("broker", broker.run("invite").strip())
    laptop.sync()
    laptop.run("status", "--check")


def test_what_a_role_undoes_stays_on_the_disk_of_who_wrote_it(family, broker):
    laptop, desktop = family
    broker.stop()
    fill(desktop.here, {"mine.txt": "written while apart\n", "one.txt": "edited while apart\n"})
    desktop.sync(code=5)
    broker.restart()
    laptop.run("devices", "role", "desktop", "reader")
    for _ in range(2):
        desktop.finish("sync")
    assert tree(desktop.here)["mine.txt"] == b"written while apart\n"
    assert tree(desktop.here)["one.txt"] == b"edited while apart\n"
    assert not desktop.json("status")["in_sync"]
    laptop.sync()
    assert tree(laptop.here) == {"one.txt": b"one\n", "sub": None, "sub/two.txt": b"two\n"}


@pytest.mark.parametrize("role, code", [("reader", 1), ("relay", 6)])
def test_what_a_role_undoes_holds_up_nothing_that_comes_after_it(family, broker, role, code):
    """What was written before the role was heard of is void, and no broker takes it; what is written as a member again is neither."""
    laptop, desktop = family
    desktop.run("pause")
    fill(desktop.here, {"one.txt": "edited while apart\n", "mine.txt": "written while apart\n"})
    desktop.finish("sync")
    desktop.run("devices", "rename", "desktop", "tower")
    laptop.run("devices", "role", "desktop", role)
    desktop.run("resume")
    done = desktop.finish("sync")
    assert done.returncode == code, done.stdout + done.stderr
    done = desktop.finish("sync")
    assert done.returncode == code and "refuses" not in done.stderr, done.stdout + done.stderr
    assert desktop.json("status")["broker"]["unsent"] == 0
    laptop.run("devices", "role", "desktop", "member")
    fill(desktop.here, {"later.txt": "as a member again\n"})
    for device in desktop, laptop, desktop:
        assert device.finish("sync").returncode == 4, "both texts of one.txt are kept, and listed"
    assert tree(laptop.here) == tree(desktop.here)
    assert {b"edited while apart\n", b"written while apart\n", b"as a member again\n"} <= set(tree(laptop.here).values())
    for device in desktop, laptop:
        status = device.json("status")
        assert status["broker"]["unsent"] == 0 and not status["notes"], status


def test_who_leaves_after_a_role_undid_something_leaves_what_it_wrote_before(family, broker):
    laptop, desktop = family
    fill(desktop.here, {"before.txt": "heard by all\n"})
    settle(desktop, laptop)
    desktop.run("pause")
    fill(desktop.here, {"one.txt": "edited while apart\n"})
    desktop.finish("sync")
    laptop.run("devices", "role", "desktop", "reader")
    desktop.run("resume")
    desktop.finish("sync")
    desktop.run("leave", "--yes")
    laptop.sync()
    assert tree(laptop.here)["before.txt"] == b"heard by all\n" and tree(laptop.here)["one.txt"] == b"one\n"


def test_a_relay_carries_what_it_cannot_read(family, make_device, broker):
    laptop, desktop = family
    carrier = make_device("carrier")
    laptop.pair(carrier, "--role", "relay")
    carrier.sync()
    assert state_of(carrier, carrier_name(carrier))[1] == "relay"
    assert carrier.json("collections") == []
    assert "relay" in carrier.run("add", str(carrier.source()), "--collection", "notes", "--existing", code=6)
    fill(laptop.here, {"later.txt": "for all\n"})
    settle(laptop, carrier)
    carrier.sync()
    assert carrier.json("status")["in_sync"]
    assert b"later" not in stored(carrier)


def carrier_name(device):
    (own,) = [one["name"] for one in device.json("devices") if one["this"]]
    return own


def stored(device):
    """All bytes of its home."""
    return b"".join(
        open(os.path.join(folder, name), "rb").read()
        for folder, _, names in os.walk(device.home) for name in names if name != "control"
    )


def test_who_becomes_a_relay_reads_nothing_later_and_who_was_one_reads_all(family):
    laptop, desktop = family
    laptop.run("devices", "role", "desktop", "relay")
    fill(laptop.here, {"later.txt": "not for a relay\n"})
    laptop.sync()
    desktop.finish("sync")
    assert "later.txt" not in tree(desktop.here)
    laptop.run("devices", "role", "desktop", "member")
    laptop.sync()
    settle(desktop, laptop)
    assert tree(desktop.here) == tree(laptop.here)
