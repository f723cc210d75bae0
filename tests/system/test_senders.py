# SPDX-License-Identifier: Apache-2.0
"""Sources that only send: what was done elsewhere stays there, and is told here."""

import json
import sqlite3

import pytest

from cards import card
from counterfoil import both, broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401

SENDS = "this source only sends"
CHANGED, NEW, DELETED = (f"it {what} elsewhere; {SENDS}" for what in ("was changed", "is new", "was deleted"))


def told(report, in_sync=False):
    (source,) = report["collections"]
    assert source["in_sync"] == in_sync and ("advice" in source) != in_sync, source
    assert {one["kind"] for one in source["pending"]} == (set() if in_sync else {"unapplied"}), source
    return {one["path"]: one["reason"] for one in source["pending"]}


def tells(device, said):
    for report in device.sync(1), device.json("status"), device.json("sync", "-n"):
        assert told(report) == said
    device.run("status", "--check", code=1)


@pytest.fixture
def sender(two):
    """A folder that only sends, of which another device has all."""
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a\n", "b": "b\n", "c": "c\n", "sub/d": "d\n", "sub/e": "e\n"}, "--mode", "send")
    laptop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return laptop, desktop, here, there


def differ(sender):
    laptop, desktop, here, there = sender
    with (there / "a").open("a") as file:
        file.write("edited\n")
    (there / "b").unlink()
    (there / "sub/d").rename(there / "sub/moved")
    fill(there, {"new": "n\n", "folder/of/its/own": "o\n"})
    desktop.sync()
    return {"a": CHANGED, "b": DELETED, "new": NEW, "folder": NEW, "sub/d": f"it was moved elsewhere; {SENDS}"}


def test_what_was_done_elsewhere_is_told(sender):
    laptop, desktop, here, there = sender
    before = tree(here)
    said = differ(sender)
    tells(laptop, said)
    assert tree(here) == before
    (source,) = laptop.json("status")["collections"]
    assert source["advice"] == (
        f"`counterfoil set {here} --mode both` takes it; `counterfoil remove {here}`, then `counterfoil add {here} "
        "--existing --mine --collection notes --mode send` make what lies here the newest, and leave what is new elsewhere")
    assert f"  unapplied b: {DELETED}\n" in laptop.run("status") and f"\n  {source['advice']}\n" in laptop.run("status")
    assert DELETED in laptop.run("status", "notes//b")
    assert desktop.json("status")["in_sync"]
    laptop.run("set", str(here), "--mode", "both")
    laptop.sync()
    assert tree(here) == tree(there) != before and laptop.json("status")["in_sync"]


def test_what_lies_here_comes_back_by_the_way_that_is_told(sender):
    laptop, desktop, here, there = sender
    differ(sender)
    laptop.run("remove", str(here))
    laptop.run("add", str(here), "--collection", "notes", "--existing", "--mine", "--mode", "send")
    laptop.sync(1)
    desktop.sync()
    assert {path: there.joinpath(path).read_text() for path in ("a", "b", "sub/e")} == {"a": "a\n", "b": "b\n", "sub/e": "e\n"}
    tells(laptop, {path: NEW for path in ("folder", "new", "sub/moved")})


def test_what_is_the_same_again_is_told_no_more(sender):
    laptop, desktop, here, there = sender
    differ(sender)
    for path in "folder/of/its/own", "new":
        (there / path).unlink()
    for path in "folder/of/its", "folder/of", "folder":
        (there / path).rmdir()
    (there / "sub/moved").rename(there / "sub/d")
    fill(here, {"a": "a\nedited\n"})
    (here / "b").unlink()
    desktop.sync()
    assert told(laptop.sync(), True) == told(laptop.json("status"), True) == {}


def test_many_that_were_deleted_elsewhere_wait_for_no_word(sender):
    laptop, desktop, here, there = sender
    fill(here, {f"many/{i}": f"{i}\n" for i in range(120)})
    both(laptop, desktop)
    for i in range(120):
        (there / f"many/{i}").unlink()
    (there / "many").rmdir()
    desktop.sync(0, "--yes")
    tells(laptop, {"many": DELETED} | {f"many/{i}": DELETED for i in range(120)})


def test_one_that_is_served_tells_it_too(sender):
    laptop, desktop, here, there = sender
    laptop.serve()
    said = differ(sender)
    wait_until(lambda: {one["path"]: one["reason"] for one in laptop.json("status")["collections"][0]["pending"]} == said,
               "what differs is told")
    (here / "a").write_text("a\nedited\n")
    wait_until(lambda: "nothing of it is out of sync" in laptop.run("status", "notes//a"), "what is equal is told no more")
    del said["a"]
    tells(laptop, said)
    laptop.run("set", str(here), "--mode", "both")
    wait_until(lambda: tree(here) == tree(there), "it is taken")
    assert told(laptop.sync(), True) == {}


def meet(two, name, *options):
    laptop, desktop = two
    here, there = laptop.source(name), desktop.source(name)
    laptop.json("add", str(here), "--collection", "c", *options, "--mode", "send")
    laptop.sync()
    desktop.json("add", str(there), "--collection", "c", *options, "--existing")
    desktop.sync()
    return here, there


def test_a_table_tells_it(two):
    laptop, desktop = two
    laptop.source("p.csv").write_text("id,name\n1,Ann\n2,Bob\n3,Cem\n4,Dan\n")
    here, there = meet(two, "p.csv", "--format", "csv", "--key", "id", "--natural")
    there.write_text("id,name\n1,Ann\n2,Bert\n4,Dana\n5,Eve\n")
    desktop.sync()
    tells(laptop, {"2": CHANGED, "3": DELETED, "4": CHANGED, "5": NEW})
    here.write_text("id,name\n1,Anna\n2,Bert\n3,Cem\n4,Dan\n")
    tells(laptop, {"3": DELETED, "4": CHANGED, "5": NEW})
    desktop.sync()
    assert there.read_text() == "id,name\n1,Anna\n2,Bert\n4,Dana\n5,Eve\n"
    laptop.run("set", str(here), "--mode", "both")
    laptop.sync()
    assert here.read_text() == there.read_text()


def test_a_table_comes_back_by_the_way_that_is_told(two):
    laptop, desktop = two
    laptop.source("p.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    here, there = meet(two, "p.csv", "--format", "csv", "--key", "id", "--natural")
    there.write_text("id,name\n1,Anna\n")
    desktop.sync()
    advice = laptop.sync(1)["collections"][0]["advice"]
    words = "--existing --mine --collection c --format csv --key id --mode send"
    assert f"`counterfoil add {here} {words}` make what lies here the newest" in advice
    laptop.run("remove", str(here))
    laptop.run("add", str(here), *words.split())
    laptop.sync()
    desktop.sync()
    assert there.read_text() == "id,name\n1,Ann\n2,Bob\n"


def test_a_database_tells_it(two):
    laptop, desktop = two
    with sqlite3.connect(laptop.source("b.db")) as base:
        base.execute("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT)")
        base.executemany("INSERT INTO people VALUES (?, ?)", [("1", "Ann"), ("2", "Bob"), ("3", "Cem"), ("4", "Dan")])
    base.close()
    with sqlite3.connect(desktop.source("b.db")) as base:
        base.execute("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT)")
    base.close()
    here, there = meet(two, "b.db", "--format", "sqlite")
    with sqlite3.connect(there) as base:
        base.executescript("UPDATE people SET name = 'Anna' WHERE id = '1'; DELETE FROM people WHERE id = '3';"
                           "INSERT INTO people VALUES ('5', 'Eve')")
    base.close()
    desktop.sync()
    tells(laptop, {"people/1": CHANGED, "people/3": DELETED, "people/5": NEW})


def test_cards_tell_it(two):
    laptop, desktop = two
    laptop.source("cards").mkdir()
    for uid, name in ("u1", "Ann"), ("u2", "Bob"), ("u3", "Cem"), ("u4", "Dan"):
        (laptop.source("cards") / f"{uid}.vcf").write_text(card(uid, name), newline="")
    desktop.source("cards").mkdir()
    here, there = meet(two, "cards", "--format", "vcard")
    (there / "u1.vcf").write_text(card("u1", "Anna"), newline="")
    (there / "u2.vcf").unlink()
    (there / "u5.vcf").write_text(card("u5", "Eve"), newline="")
    desktop.sync()
    tells(laptop, {"u1": CHANGED, "u2": DELETED, "u5": NEW})
    assert (here / "u1.vcf").read_bytes().decode() == card("u1", "Ann") and len(list(here.glob("*.vcf"))) == 4


# ---- What is held here is not filled: nothing comes to it ----


def cut(path):
    path.write_text(path.read_text()[:-60])


def emptied(path):
    path.write_text("{}\n")


def older(path):
    path.write_bytes(path.with_suffix(".older").read_bytes())


def lost(path):
    path.unlink()


def items(path):
    """Twenty rows, of which a copy has ten."""
    for start, beside in (0, True), (10, False):
        with sqlite3.connect(path) as there:
            there.execute("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)")
            there.executemany("INSERT INTO items VALUES (?, ?)", [(i, f"item {i}") for i in range(start, start + 10)])
        there.close()
        if beside:
            path.with_suffix(".older").write_bytes(path.read_bytes())


KINDS = {
    "a cut .vcf": ("vcard", "vcf", lambda path: path.write_text("".join(card(f"c{i}", f"Card {i}") for i in range(9))), cut, "cut short"),
    "an older database": ("sqlite", "db", items, older, "stands in its place"),
    "an emptied document": ("json", "json", lambda path: path.write_text(json.dumps({f"f{i}": i for i in range(12)}) + "\n"), emptied,
                            "fields are missing here"),
    "a database that is lost": ("sqlite", "db", items, lost, "is not there"),
    "a document that is damaged": ("json", "json", lambda path: path.write_text(json.dumps({f"f{i}": i for i in range(12)}) + "\n"), cut,
                                   "it is cut short: a comma or } is expected here; nothing of it is synced: mend it, or put it back whole"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_who_only_sends_is_told_of_no_way_that_brings_nothing_back_and_may_do_both(two, kind):
    laptop, _ = two
    form, end, make, harm, said = KINDS[kind]
    here = laptop.source(f"held.{end}")
    make(here)
    laptop.json("add", str(here), "--collection", "held", "--format", form, "--mode", "send")
    laptop.sync()
    before = here.read_bytes()
    harm(here)
    for verb in ("sync",), ("status",), ("sync", "--json"):
        done = laptop.finish(*verb)
        assert said in done.stdout + done.stderr and "--refill" not in done.stdout + done.stderr, done.stdout + done.stderr
    after = here.read_bytes() if here.exists() else None
    for _ in range(2):
        refused = laptop.run("repair", str(here), "--refill", code=2)
        assert "it only sends, so nothing is brought back to it: put back what is missing, or " in refused
        assert f"`counterfoil set {here} --mode both` first" in refused
    assert (here.read_bytes() if here.exists() else None) == after, "nothing was taken away"
    laptop.run("set", str(here), "--mode", "both")
    assert "--refill" in laptop.finish("status").stdout
    laptop.run("repair", str(here), "--refill")
    assert laptop.sync()["in_sync"]
    if form == "sqlite":
        assert len(sqlite3.connect(here).execute("SELECT * FROM items").fetchall()) == 20
    else:
        assert sorted(here.read_text().split()) == sorted(before.decode().split()) or form == "json"


def test_a_folder_that_only_sends_is_not_filled_either(sender):
    laptop, desktop, here, there = sender
    before = tree(here)
    refused = laptop.run("repair", str(here), "--refill", code=2)
    assert f"`counterfoil set {here} --mode both` first" in refused
    assert tree(here) == before
