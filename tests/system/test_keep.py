# SPDX-License-Identifier: Apache-2.0
"""A device that keeps what it has sources of: `join --keep bound`, `set --keep`. What is elsewhere costs it nothing, and a
later `add` brings it."""

import os
import shutil

import pytest

from counterfoil import broker, make_device, tree, wait_until  # noqa: F401
from counterfoild import Broker
from lines import Line

LARGE = 200_000  # bytes of a file of the papers: entries that name as many blobs


@pytest.fixture
def user(broker, make_device):
    """A laptop with notes and papers, and a phone that joined to keep what it has sources of."""
    laptop, phone = make_device("laptop"), make_device("phone")
    broker.start()
    laptop.init(broker.run("invite").strip())
    for name in "notes", "papers":
        laptop.add(name, {"first": f"{name}\n"})
    laptop.sync()
    join(laptop, phone)
    return laptop, phone


def join(laptop, phone, keep="bound"):
    """As Device.pair, for one that keeps less."""
    pairing = laptop.start("pair")
    phone.json("join", "-", "--name", phone.name, "--keep", keep, stdin=pairing.stdout.readline())
    assert pairing.communicate(timeout=120)[1] is not None and pairing.returncode == 0


def write(device, collection, name, content="new\n"):
    (device.source(collection) / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def received(device, *arguments):
    traffic = device.sync(0, *arguments)["traffic"]
    return traffic["entries_received"], traffic["bytes_received"]


def entries_here(device):
    return len(device.json("log"))


def listed(device):
    return {one["name"]: one for one in device.json("collections")}


def test_what_it_has_no_source_of_does_not_come(user):
    laptop, phone = user
    phone.sync()
    phone.add("notes", None, "--existing")
    phone.sync()
    assert tree(phone.source("notes")) == tree(laptop.source("notes"))
    figures = []
    for count in 1, 4, 12:
        for n in range(count):
            write(laptop, "papers", f"{count} {n}", os.urandom(count * 1000))
            laptop.sync()
        write(laptop, "notes", f"{count}", "x" * 100)
        laptop.sync()
        figures.append(received(phone))
    assert [entries for entries, _ in figures] == [1, 1, 1], figures
    assert max(size for _, size in figures) - min(size for _, size in figures) < 64, figures


def test_a_session_costs_nothing_for_other_collections_and_their_writers(user, broker, make_device):
    """Counted on the line, with the greeting."""
    laptop, phone = user
    desk, line = make_device("desk"), Line(broker.place[1])
    laptop.pair(desk)
    phone.add("notes", None, "--existing")
    phone.run("broker", broker.line.replace(f":{broker.place[1]}#", f":{line.place[1]}#"))
    figures = []
    for count in 2, 8, 32:
        for n in range(count):
            (laptop, desk)[n % 2].add(f"{count} {n}", {"a": f"{n}\n"})
        laptop.sync()
        desk.sync()
        phone.sync()  # what they are called
        phone.sync()
        line.passed = 0
        phone.sync()
        figures.append(line.passed)
    line.close()
    assert len(listed(phone)) == 44
    assert max(figures) - min(figures) < 64, figures


def test_add_fetches_what_was_not_kept(user):
    """All that is there is known before anything of this device is compared with it."""
    laptop, phone = user
    write(laptop, "papers", "second", os.urandom(LARGE))
    laptop.sync()
    phone.sync()
    source = phone.source("papers")
    source.mkdir()
    (source / "first").write_text("papers\n")
    (source / "own").write_text("of the phone\n")
    added = phone.json("add", str(source), "--collection", "papers", "--existing")
    assert (added["equal"], added["only_here"], added["only_there"]) == (1, 1, 1), added
    phone.sync()
    laptop.sync()
    assert tree(source) == tree(laptop.source("papers"))
    assert not phone.json("conflicts") and not laptop.json("conflicts")


def test_add_without_the_broker_binds_nothing_that_is_not_known(user, broker):
    laptop, phone = user
    phone.sync()
    broker.stop()
    phone.source("papers").mkdir()
    said = phone.patiently("add", str(phone.source("papers")), "--collection", "papers", code=5).stderr
    assert "keeps nothing of 'papers' yet" in said
    assert listed(phone)["papers"]["source"] is None
    broker.restart()
    phone.add("papers", None, "--existing")
    phone.sync()
    assert tree(phone.source("papers")) == tree(laptop.source("papers"))


def test_what_was_taken_away_is_brought_up_to_date_by_the_next_add(user):
    laptop, phone = user
    phone.add("papers", None, "--existing")
    phone.sync()
    phone.run("remove", str(phone.source("papers")))
    phone.sync()
    write(laptop, "papers", "meanwhile")
    (laptop.source("papers") / "first").unlink()
    laptop.sync()
    assert received(phone)[0] == 0
    phone.json("add", str(phone.source("papers")), "--collection", "papers", "--existing")
    phone.sync()
    laptop.sync()
    assert tree(phone.source("papers")) == tree(laptop.source("papers")) == {"meanwhile": b"new\n"}


def set_back(broker, saved):
    broker.stop()
    shutil.rmtree(broker.data)
    shutil.copytree(saved, broker.data, symlinks=True)
    broker.restart()


def test_what_it_wrote_itself_is_kept_and_brought_back_where_the_broker_lost_it(user, broker, tmp_path):
    laptop, phone = user
    phone.add("papers", None, "--existing")
    phone.sync()
    laptop.sync()
    broker.stop()
    saved = shutil.copytree(broker.data, tmp_path / "saved", symlinks=True)
    broker.restart()
    write(phone, "papers", "only here")
    phone.sync()
    set_back(broker, saved)
    phone.run("remove", str(phone.source("papers")))
    assert listed(phone)["papers"]["kept"]
    assert "rolled back" in phone.finish("sync").stderr
    laptop.sync()
    assert (laptop.source("papers") / "only here").exists()


def test_what_was_written_before_its_source_went_is_still_sent(user, broker):
    laptop, phone = user
    phone.add("papers", None, "--existing")
    phone.sync()
    broker.stop()
    write(phone, "papers", "last")
    phone.sync(5)
    phone.run("remove", str(phone.source("papers")))
    broker.restart()
    assert phone.sync()["traffic"]["entries_sent"] >= 1
    laptop.sync()
    assert (laptop.source("papers") / "last").exists()
    assert phone.json("status")["broker"]["unsent"] == 0


def test_all_comes_once_it_keeps_all(user):
    laptop, phone = user
    write(laptop, "papers", "second")
    laptop.sync()
    phone.sync()
    assert phone.run("set", "--keep", "all") == "keep: all of the user's log\n"
    assert received(phone)[0] >= 2
    assert received(phone)[0] == 0
    assert listed(phone)["papers"]["kept"] and not listed(phone)["papers"]["source"]


def test_serve_keeps_what_is_added_while_it_runs(user):
    laptop, phone = user
    phone.serve()
    phone.add("notes", None, "--existing")
    wait_until(lambda: tree(phone.source("notes")) == tree(laptop.source("notes")), "the notes came")
    phone.add("papers", None, "--existing")
    write(laptop, "papers", "second")
    laptop.sync()
    wait_until(lambda: tree(phone.source("papers")) == tree(laptop.source("papers")), "the papers came")
    write(phone, "papers", "third")
    wait_until(lambda: laptop.sync() and (laptop.source("papers") / "third").exists(), "the phone's paper came")
    phone.add("films", {"one": "of the phone\n"}, "--new")
    wait_until(lambda: phone.json("status")["in_sync"], "a new collection went out")
    laptop.sync()
    laptop.add("films", None, "--existing")
    laptop.sync()
    assert tree(laptop.source("films")) == tree(phone.source("films"))


def test_the_others_know_what_it_keeps(user):
    laptop, phone = user
    phone.add("notes", None, "--existing")
    write(laptop, "papers", "second")
    write(laptop, "notes", "second")
    laptop.sync()
    phone.sync()
    laptop.sync()
    of_phone = next(one for one in laptop.json("devices", "--remote") if one["name"] == "phone")
    assert of_phone["keeps"] == ["notes"]
    assert laptop.sync(0, "--wait-for", "phone")["in_sync"]
    of_phone = next(one for one in laptop.json("devices", "--remote") if one["name"] == "phone")
    assert of_phone["behind"] == 0, of_phone
    write(laptop, "notes", "third")
    laptop.sync()
    of_phone = next(one for one in laptop.json("devices", "--remote") if one["name"] == "phone")
    assert of_phone["behind"] == 1, of_phone


def with_a_third(laptop, make_device):
    """A collection of a third device, which leaves."""
    desk = make_device("desk")
    laptop.pair(desk)
    desk.add("films", {"one": "a film\n"})
    desk.sync()
    desk.run("leave", "--yes")
    laptop.sync()


def test_what_no_device_keeps_whole_is_said(user, make_device):
    laptop, phone = user
    with_a_third(laptop, make_device)
    laptop.sync()
    phone.sync()
    laptop.sync()
    assert listed(phone)["films"]["kept_whole"] and not listed(phone)["films"]["kept"]
    assert "not kept here" in phone.run("collections")
    assert "no device keeps all of 'films'" in laptop.finish("set", "--keep", "bound").stderr
    laptop.sync()
    phone.sync()
    assert not listed(phone)["films"]["kept_whole"] and not listed(laptop)["films"]["kept_whole"]
    assert listed(phone)["papers"]["kept_whole"]
    assert "no device keeps all of it" in phone.run("collections")


def test_of_a_reader_nobody_says_that_it_keeps_all(user, make_device):
    laptop, phone = user
    with_a_third(laptop, make_device)
    reader = make_device("reader")
    pairing = laptop.start("pair", "--role", "reader")
    reader.json("join", "-", "--name", "reader", "--keep", "bound", stdin=pairing.stdout.readline())
    pairing.communicate(timeout=120)
    laptop.run("set", "--keep", "bound")
    phone.sync()
    laptop.sync()
    reader.sync()
    assert not listed(laptop)["films"]["kept_whole"]
    remote = reader.json("status", "--remote")["remote"]
    assert all(one["lacks"] == 0 for one in remote["collections"]), remote
    assert all(one["behind"] == 0 for one in remote["devices"] if one["this"]), remote


def test_who_becomes_a_relay_while_it_serves_keeps_all(user):
    laptop, phone = user
    phone.sync()
    laptop.sync()
    phone.serve()
    laptop.run("devices", "role", "phone", "relay")
    write(laptop, "papers", "of the laptop")
    laptop.sync()
    wait_until(lambda: phone.json("status", "--remote")["remote"]["position"] and not any(
        one["lacks"] for one in phone.json("status", "--remote")["remote"]["collections"]), "it has all")
    of_phone = next(one for one in laptop.json("devices") if one["name"] == "phone")
    assert of_phone["role"] == "relay" and of_phone["keeps"] is None


def test_a_broker_that_lost_something_is_told_of_by_who_keeps_it(user, broker, tmp_path):
    """What is not told in a session is not taken for lost, and the next full one does. Who keeps less knows how much there
    was in all, and tells once."""
    laptop, phone = user
    phone.add("notes", None, "--existing")
    phone.sync()
    broker.stop()
    saved = shutil.copytree(broker.data, tmp_path / "saved", symlinks=True)
    broker.restart()
    write(laptop, "papers", "lost")
    laptop.sync()
    laptop.sync(0, "notes")
    phone.sync()
    set_back(broker, saved)
    for said in "rolled back: it lacks 1 entry", "":
        told = phone.finish("sync").stderr
        assert said in told and bool(said) == ("rolled back" in told), told
    assert [note["kind"] for note in phone.json("status")["notes"]] == ["rolled-back"]
    said = laptop.finish("sync", "notes").stderr
    assert "rolled back" not in said, said
    assert "rolled back" in laptop.finish("sync").stderr


@pytest.fixture
def other(tmp_path):
    """Another broker, and an invitation there."""
    made = Broker(str(tmp_path / "other"))
    made.start()
    yield made
    made.stop()


def make_owner(laptop, phone):
    laptop.run("devices", "role", "phone", "owner")
    phone.add("notes", None, "--existing")
    phone.sync()
    write(laptop, "papers", "second", os.urandom(LARGE))
    write(laptop, "notes", "second")
    laptop.sync()


@pytest.mark.parametrize("serves", [False, True])
def test_who_does_not_keep_all_moves_to_another_broker_with_all(user, broker, other, make_device, serves):
    """Nobody else is there, and the broker before goes for good; what only it had, another device finds at the new one."""
    laptop, phone = user
    make_owner(laptop, phone)
    process = phone.serve() if serves else None
    moved = phone.finish("broker", other.run("invite").strip())
    assert moved.returncode == 0 and moved.stdout.strip() == other.line, moved.stderr
    assert "could not be" not in moved.stderr
    if serves:
        assert phone.stop(process) == 0
    broker.stop()
    assert not [note for note in phone.json("status")["notes"] if note["kind"] == "left"]
    assert listed(phone)["papers"]["source"] is None and not listed(phone)["papers"]["kept"]
    desk = make_device("desk")
    phone.pair(desk)
    for name in "notes", "papers":
        desk.add(name, None, "--existing")
        desk.sync()
        assert tree(desk.source(name)) == tree(laptop.source(name))
    desk.run("verify")
    # From now on it keeps what it kept.
    write(desk, "papers", "third")
    desk.sync()
    phone.sync()
    assert received(phone)[0] == 0
    assert "third" not in phone.finish("log", "papers").stdout


def written_unseen(laptop, phone, make_device):
    """A paper of the desk that nobody else has fetched; the phone, which is an owner, keeps no papers."""
    desk = make_device("desk")
    make_owner(laptop, phone)
    laptop.pair(desk)
    desk.add("papers", None, "--existing")
    desk.sync()
    phone.sync()
    write(desk, "papers", "of the desk")
    desk.sync()
    assert not listed(phone)["papers"]["kept"]


@pytest.mark.parametrize("limit", [("revoke", "desk", "--yes"), ("role", "desk", "reader")], ids=lambda words: words[0])
def test_an_owner_names_what_it_does_not_keep(user, make_device, limit):
    """What a revocation or a change of role does not name counts for nothing, so it asks the broker for the heads of all
    collections."""
    laptop, phone = user
    written_unseen(laptop, phone, make_device)
    phone.run("devices", *limit)
    assert not listed(phone)["papers"]["kept"]
    laptop.sync()
    assert (laptop.source("papers") / "of the desk").read_text() == "new\n"


def test_who_leaves_names_what_it_does_not_keep(user, tmp_path):
    """Its home is that of before: of what it wrote since the broker alone knows."""
    laptop, phone = user
    phone.add("notes", None, "--existing")
    phone.sync()
    saved = shutil.copytree(phone.home, tmp_path / "saved", symlinks=True)
    phone.add("papers", None, "--existing")
    write(phone, "papers", "of the phone")
    phone.sync()
    shutil.rmtree(phone.home)
    shutil.copytree(saved, phone.home, symlinks=True)
    assert not listed(phone)["papers"]["kept"]
    phone.run("leave", "--yes")
    laptop.sync()
    assert (laptop.source("papers") / "of the phone").read_text() == "new\n"


def test_who_does_not_keep_all_does_not_leave_a_broker_that_is_away(user, broker, other):
    laptop, phone = user
    make_owner(laptop, phone)
    invitation = other.run("invite").strip()
    broker.stop()
    said = phone.finish("broker", invitation, "--timeout", "3s")
    assert said.returncode == 5 and "does not answer" in said.stderr and "set --keep all" in said.stderr, said.stderr
    assert phone.run("broker").strip() == broker.line
    assert not other.run("users").strip()
    broker.restart()
    phone.run("broker", invitation)
    assert phone.run("broker").strip() == other.line
    assert phone.json("status")["in_sync"]


def test_who_does_not_keep_all_brings_a_broker_that_lost_its_data_what_it_has(user, broker):
    laptop, phone = user
    make_owner(laptop, phone)
    phone.sync()
    broker.stop()
    for part in "store", "blobs":
        shutil.rmtree(os.path.join(broker.data, part))
    broker.run("init")
    broker.restart()
    said = phone.finish("broker", broker.run("invite").strip())
    assert said.returncode == 0 and "'papers' is not kept here" in said.stderr, said.stderr
    assert "other devices bring" in said.stderr and "'notes'" not in said.stderr
    laptop.sync()
    phone.add("papers", None, "--existing")
    phone.sync()
    assert tree(phone.source("papers")) == tree(laptop.source("papers"))


def test_what_is_old_or_not_here_yet_is_said(user, broker):
    laptop, phone = user
    phone.sync()
    phone.run("set", "--keep", "all")
    broker.stop()
    assert "nothing of 'papers' is here yet" in phone.finish("log", "papers").stderr
    broker.restart()
    phone.sync()
    assert not phone.finish("log", "papers").stderr
    assert "last wrote 20" in phone.run("devices")
    phone.run("set", "--keep", "bound")
    write(laptop, "papers", "second")
    laptop.sync()
    phone.sync()
    told = phone.finish("log", "papers")
    assert "keeps 'papers' no more" in told.stderr and "second" not in told.stdout
    assert "last wrote to what is kept here 20" in phone.run("devices")


def test_words(user):
    laptop, phone = user
    phone.sync()
    assert "all or bound" in phone.run("set", "--keep", "some", code=2)
    assert "give it alone" in phone.run("set", "--keep", "all", "--metered", "send", code=2)
    assert "keeps nothing of 'papers'" in phone.run("log", "papers", code=3)
    assert "keeps nothing of 'papers'" in phone.run("show", "papers//x", code=3)
    assert "not kept" in phone.run("collections")
