# SPDX-License-Identifier: Apache-2.0
"""What `add` calls equal is agreed when it says so: what is done to it from then on is an edit, not a difference, also
before the first sync, while another device has the collection locked, or while `serve` runs."""

import sqlite3

import pytest

from counterfoil import broker, fill, make_device, tree, two, wait_until  # noqa: F401

FILES = {"a": "a\n", "b": "b\n", "c": "c\n", "sub/d": "d\n"}
CARD = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{}\r\nFN:{}\r\nEND:VCARD\r\n"


def conflicts(device, code=0):
    return device.sync(code)["collections"][0]["conflicts"]


def meet(laptop, desktop, *options):
    """Both hold the same; the laptop's is the collection, the desktop's meets it."""
    here, there = laptop.source("notes"), desktop.source("notes")
    laptop.add("notes", FILES)
    laptop.sync()
    there.mkdir()
    fill(there, FILES)
    said = desktop.json("add", str(there), "--collection", "notes", "--existing", *options)
    assert said["equal"] == 5 and said["different"] == said["only_here"] == said["only_there"] == 0
    return here, there


def work(there):
    (there / "a").write_text("a, edited\n")
    (there / "b").rename(there / "sub/b, moved")
    (there / "c").unlink()
    (there / "sub/d").write_text("d, edited\n")


def expect_worked(here, there):
    assert tree(there) == tree(here) == {
        "a": b"a, edited\n", "sub": None, "sub/b, moved": b"b\n", "sub/d": b"d, edited\n"}


def test_files_that_are_edited_before_the_first_sync(two):
    laptop, desktop = two
    here, there = meet(laptop, desktop)
    work(there)
    assert conflicts(desktop) == [] == conflicts(laptop)
    expect_worked(here, there)


def test_an_edit_elsewhere_at_the_same_time_is_a_conflict_still(two):
    laptop, desktop = two
    here, there = meet(laptop, desktop)
    (there / "a").write_text("a of the desktop\n")
    (here / "a").write_text("a of the laptop\n")
    (here / "c").unlink()
    laptop.sync()
    assert len(conflicts(desktop, 4)) == 1
    assert not (there / "c").exists()


def test_while_another_has_the_collection_locked(two):
    laptop, desktop = two
    laptop.add("notes", FILES)
    laptop.sync()
    laptop.run("lock", "notes", "--for", "10m")
    there = desktop.source("notes")
    there.mkdir()
    fill(there, FILES)
    desktop.json("add", str(there), "--collection", "notes", "--existing")
    work(there)
    desktop.sync(9)
    laptop.run("unlock", "notes")
    assert conflicts(desktop) == [] == conflicts(laptop)
    expect_worked(laptop.source("notes"), there)


@pytest.mark.parametrize("locked", [False, True])
def test_while_serve_runs(two, locked):
    laptop, desktop = two
    laptop.add("notes", FILES)
    laptop.sync()
    if locked:
        laptop.run("lock", "notes", "--for", "10m")
    desktop.sync()
    desktop.serve()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, FILES)
    desktop.json("add", str(there), "--collection", "notes", "--existing")
    work(there)
    if locked:
        wait_until(lambda: len(desktop.json("status")["collections"][0]["pending"]) > 1, "it is told")
        laptop.run("unlock", "notes")
    wait_until(lambda: desktop.json("status")["in_sync"], "all is sent")
    assert conflicts(laptop) == []
    expect_worked(laptop.source("notes"), there)


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("role", ["reader", "receive"])
def test_a_receiver_says_that_it_was_changed(broker, make_device, role, served):
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop, *(["--role", "reader"] if role == "reader" else []))
    desktop.sync()
    if served:
        desktop.serve()
    here, there = meet(laptop, desktop, *(["--mode", "receive"] if role == "receive" else []))
    (there / "a").write_text("a, edited\n")

    def pending():
        found = desktop.json("status")["collections"][0]["pending"]
        return {one["path"]: one["reason"] for one in found if one["kind"] == "unsent"}

    wait_until(lambda: pending().get("a", "").startswith("it was changed here; "), "it is told")
    assert list(pending()) == ["a"]
    (here / "b").write_text("b, edited\n")
    laptop.sync()
    if served:
        wait_until(lambda: (there / "b").read_text() == "b, edited\n", "the rest goes on")
    else:
        desktop.sync(1)
    assert (there / "b").read_text() == "b, edited\n" and (there / "a").read_text() == "a, edited\n"


def test_what_is_older_and_edited_then_is_beside_the_newer(two):
    laptop, desktop = two
    laptop.add("notes", FILES)
    laptop.sync()
    here, there = laptop.source("notes"), desktop.source("notes")
    (here / "a").write_text("a, newer\n")
    (here / "b").write_text("b, newer\n")
    (here / "c").unlink()
    laptop.sync()
    there.mkdir()
    fill(there, FILES)
    said = desktop.json("add", str(there), "--collection", "notes", "--existing")
    assert (said["older"], said["deleted"]) == (2, 1)
    (there / "a").write_text("a, edited\n")
    (there / "c").write_text("c, edited\n")
    found = conflicts(desktop, 4)
    assert [one["path"][:12] for one in found] == ["a (conflict "]
    laptop.sync(4)
    assert tree(here) == tree(there)
    assert tree(here)["b"] == b"b, newer\n" and tree(here)["c"] == b"c, edited\n"


def test_a_dry_run_agrees_on_nothing(two):
    laptop, desktop = two
    laptop.add("notes", FILES)
    laptop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, FILES)
    desktop.json("add", "-n", str(there), "--collection", "notes", "--existing")
    assert desktop.json("status")["collections"] == []
    (there / "a").write_text("a, edited\n")
    desktop.json("add", str(there), "--collection", "notes", "--existing")
    assert len(conflicts(desktop, 4)) == 1


def test_a_dry_run_counts_for_a_folder_that_would_be_made(two):
    laptop, desktop = two
    laptop.add("notes", FILES)
    laptop.sync()
    there = desktop.source("notes")
    options = (str(there), "--collection", "notes", "--existing")
    rehearsed = desktop.json("add", "-n", *options)
    assert rehearsed["only_there"] == len(tree(laptop.source("notes"))) and not there.exists()
    assert desktop.json("add", *options)["only_there"] == rehearsed["only_there"]


TAKEN = "was a source already, of another home or of this one before, and"


def test_a_dry_run_says_whose_folder_it_would_take_over(two, make_device):
    laptop, desktop = two
    here = laptop.add("notes", FILES)
    laptop.sync()
    stranger = make_device("stranger")
    stranger.init()
    for device in stranger, desktop:
        before = tree(here), (here / ".counterfoil/root").read_bytes()
        rehearsed = device.finish("add", str(here), "-n", "--collection", "taken", "--new")
        assert rehearsed.returncode == 0 and f"{here} {TAKEN} would be one of this" in rehearsed.stderr, rehearsed.stderr
        assert (tree(here), (here / ".counterfoil/root").read_bytes()) == before
    laptop.sync()
    done = stranger.finish("add", str(here), "--collection", "taken", "--new")
    assert done.returncode == 0 and f"{here} {TAKEN} is one of this now: another home" in done.stderr
    laptop.sync(8)
    mine = laptop.source("mine")
    mine.mkdir()
    assert TAKEN not in laptop.finish("add", str(mine), "-n").stderr


def test_a_dry_run_fails_where_there_is_nothing_to_add(two):
    laptop, _ = two
    for arguments in [], ["-n"]:
        assert "is not there" in laptop.run("add", str(laptop.source("none")), "--collection", "none", *arguments, code=3)


# ---- Modes ----


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def other_modes(two):
    laptop, desktop = two
    here, there = laptop.source("notes"), desktop.source("notes")
    laptop.add("notes", FILES)
    (here / "a").chmod(0o755)
    (here / "b").chmod(0o600)
    laptop.sync()
    there.mkdir()
    fill(there, FILES)
    (there / "a").chmod(0o644)
    (there / "b").chmod(0o666)
    (there / "sub").chmod(0o700)
    return laptop, desktop, here, there


def modes(source):
    return {name: mode(source / name) for name in ("a", "b", "c", "sub", "sub/d")}


def test_other_modes_are_said_and_become_the_others(other_modes):
    laptop, desktop, here, there = other_modes
    before = modes(here)
    options = [str(there), "--collection", "notes", "--existing"]
    said = desktop.json("add", "-n", *options)
    assert (said["equal"], said["modes"], said["different"]) == (5, 3, 0)
    assert "5 equal (3 of them with another mode, which becomes the others'), 0 different" in desktop.run("add", *options)
    assert conflicts(desktop) == [] == conflicts(laptop)
    assert modes(there) == modes(here) == before


def test_a_mode_that_is_changed_before_the_first_sync_is_an_edit(other_modes):
    laptop, desktop, here, there = other_modes
    desktop.json("add", str(there), "--collection", "notes", "--existing")
    (there / "b").chmod(0o640)
    desktop.sync()
    laptop.sync()
    assert mode(here / "b") == mode(there / "b") == 0o640 and modes(here) == modes(there)


def test_mine_are_the_others_modes_too(other_modes):
    laptop, desktop, here, there = other_modes
    before = modes(there)
    said = desktop.run("add", str(there), "--collection", "notes", "--existing", "--mine")
    assert "3 of them with another mode, which the others get" in said
    assert conflicts(desktop) == [] == conflicts(laptop)
    assert modes(here) == modes(there) == before


# ---- Records ----


def write_table(source, rows):
    source.write_text("id,name\n" + "".join(f"{key},{name}\n" for key, name in rows.items()))


def write_database(source, rows):
    with sqlite3.connect(source) as base:
        base.execute("create table if not exists people (id text primary key, name text)")
        base.execute("delete from people")
        base.executemany("insert into people values (?, ?)", rows.items())
    base.close()


def write_cards(source, rows):
    source.mkdir(exist_ok=True)
    for one in source.glob("*.vcf"):
        if one.stem not in rows:
            one.unlink()
    for key, name in rows.items():
        (source / f"{key}.vcf").write_text(CARD.format(key, name), newline="")


def read_table(source):
    return dict(line.split(",") for line in source.read_text().splitlines()[1:])


def read_database(source):
    with sqlite3.connect(source) as base:
        return dict(base.execute("select id, name from people"))


def read_cards(source):
    return {one.stem: one.read_text().split("FN:")[1].splitlines()[0] for one in source.glob("*.vcf")}


SORTS = {
    "csv": ("people.csv", write_table, read_table, ["--format", "csv", "--key", "id"]),
    "sqlite": ("people.db", write_database, read_database, ["--format", "sqlite"]),
    "vcard": ("cards", write_cards, read_cards, ["--format", "vcard"]),
}


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_records_that_are_edited_before_the_first_sync(two, sort, locked, served):
    laptop, desktop = two
    name, write, read, options = SORTS[sort]
    here, there = laptop.source(name), desktop.source(name)
    rows = {"k1": "Ann", "k2": "Bob", "k3": "Cem"}
    for source in here, there:
        write(source, rows)
    laptop.json("add", str(here), "--collection", "people", *options, *(["--natural"] if sort == "csv" else []))
    laptop.sync()
    if locked:
        laptop.run("lock", "people", "--for", "10m")
    desktop.sync()
    if served:
        desktop.serve()
    said = desktop.json("add", str(there), "--collection", "people", "--existing", *options)
    assert said["equal"] == 3, said
    changed = {"k1": "Anna", "k2": "Bob", "k4": "Dan"}
    write(there, changed)
    if locked:
        if not served:
            desktop.sync(9)
        laptop.run("unlock", "people")
    if served:
        wait_until(lambda: not laptop.sync()["collections"][0]["conflicts"] and read(here) == changed, "it is sent")
    else:
        assert conflicts(desktop) == [] == conflicts(laptop)
    assert read(here) == read(there) == changed
