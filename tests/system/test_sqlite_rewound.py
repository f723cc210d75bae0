# SPDX-License-Identifier: Apache-2.0
"""A backup of a database that is put back, and that its program opens or writes to before the next look: what was written since is
taken back nowhere. What its program does to many rows at once is an edit all the same."""

import json
import os
import shutil
import sqlite3
import time

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import both, share

ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER, what TEXT);"
COUNT = 200


def items(start, count):
    return [(i, 10 * i, f"item {i}") for i in range(start, start + count)]


def added(place, start, count):
    place.many("INSERT INTO items VALUES (?, ?, ?)", items(start, count))


def filled(two, mode="WAL", count=COUNT):
    laptop, desktop, here, there = share(two, ITEMS)
    for one in here, there:
        one.run(f"PRAGMA journal_mode = {mode}")
    added(here, 1, count)
    both(laptop, desktop)
    assert there.all("items") == here.all("items")
    return laptop, desktop, here, there


def backup_of(here):
    backup = here.path.with_suffix(".backup")
    shutil.copy(here.path, backup)
    return backup


def put_back(backup, here):
    """As `cp` does: the file stays the same one."""
    inode = here.path.stat().st_ino
    shutil.copy(backup, here.path)
    assert here.path.stat().st_ino == inode


def held(laptop, reason="an older copy stands in its place: "):
    for verb in (("status", "--check"), ("sync",), ("sync",)):
        done = laptop.finish("--json", *verb)
        assert done.returncode == 8, (verb, done.stdout)
        told = json.loads(done.stdout)["collections"][0]
        assert reason in told["trouble"], told
        source = told["source"]
        assert f"`counterfoil repair {source} --refill` fills it, or `counterfoil sync {source} --yes`" in told["trouble"]


# ---- Opened, and not written to: the file is what it was, the times are those of a program ----


def read(here):
    with sqlite3.connect(here.path) as program:
        assert program.execute("SELECT count(*) FROM items").fetchone()
    program.close()


@pytest.mark.parametrize("script, after", [
    ("INSERT INTO items VALUES (901, 0, 'a'), (902, 0, 'b'), (903, 0, 'c'), (904, 0, 'd')", 0),
    ("INSERT INTO items VALUES (901, 0, 'a')", 0),
    ("DELETE FROM items WHERE id = 3", 0),
    ("UPDATE items SET n = 7 WHERE id <= 4", 0),
    ("UPDATE items SET n = 7 WHERE id <= 2", 4),
], ids=["4 added", "1 added", "1 deleted", "4 edited", "2 edited, later"])
def test_an_older_copy_that_is_only_read_undoes_no_other_device_s_work(two, script, after):
    laptop, desktop, here, there = filled(two, count=20)
    read(here)
    laptop.sync()
    backup = backup_of(here)
    there.run(script)
    both(desktop, laptop)
    before = there.all("items")
    assert here.all("items") == before
    read(here)
    put_back(backup, here)
    if after:
        later = time.time_ns() - after * 1_000_000_000
        os.utime(here.path, ns=(later, later))
    read(here)
    held(laptop)
    desktop.sync()
    assert there.all("items") == before
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == before


# ---- Written to, before the next look ----


def put_back_and_written(laptop, here, backup, script):
    put_back(backup, here)
    here.run(script)


WRITE = "UPDATE items SET n = 0 WHERE id = 1"


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("own", [False, True], ids=["of the other device", "of this device"])
def test_an_older_copy_that_was_written_to_is_one(two, mode, own):
    laptop, desktop, here, there = filled(two, mode)
    backup = backup_of(here)
    device, place, other = (laptop, here, desktop) if own else (desktop, there, laptop)
    place.run(f"BEGIN; UPDATE items SET n = n + 1 WHERE id > 51; INSERT INTO items SELECT id + {COUNT}, n, what FROM items WHERE id <= 90; COMMIT")
    both(device, other)
    before = there.all("items")
    assert here.all("items") == before and len(before["items"]) == 290
    newer = here.path.with_suffix(".newer")
    shutil.copy(here.path, newer)
    put_back(backup, here)
    for turn in range(3):
        here.run(WRITE if turn == 0 else f"UPDATE items SET what = 'used {turn}' WHERE id = {turn}")
    held(laptop, "an older copy stands in its place: 90 of 290 rows are missing")
    desktop.sync()
    assert there.all("items") == before
    shutil.copy(newer, here.path)
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == before, "it is put back"
    put_back(backup, here)
    here.run(WRITE)
    here.run("INSERT INTO items VALUES (1000, 1, 'new since')")
    here.run("DELETE FROM items WHERE id = 2")
    held(laptop)
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("items") == there.all("items")
    kept = dict((row[0], row[1:]) for row in there.all("items")["items"])
    assert len(kept) >= 289 and all(kept[row[0]] == row[1:] for row in before["items"] if row[0] > 2)


def test_an_older_copy_that_was_written_to_is_what_is_meant(two):
    laptop, desktop, here, there = filled(two)
    backup = backup_of(here)
    added(there, 500, 9)
    there.run("UPDATE items SET n = n + 1 WHERE id <= 9")
    both(desktop, laptop)
    put_back(backup, here)
    here.run(WRITE)
    held(laptop, "9 of 209 rows are missing")
    laptop.sync(0, "--yes")
    both(laptop, desktop)
    assert here.all("items") == there.all("items")
    assert len(there.all("items")["items"]) == COUNT and there.rows("SELECT n FROM items WHERE id = 1") == [(0,)]
    here.run("UPDATE items SET n = 5")
    both(laptop, desktop)
    assert here.all("items") == there.all("items")


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("what", ["added by both", "edited by the other", "edited in turn"])
def test_an_older_copy_of_one_kind_of_work(two, mode, what):
    laptop, desktop, here, there = filled(two, mode)
    backup = backup_of(here)
    for turn in range(3):
        device, place, other = (laptop, here, desktop) if turn == 1 and "the other" not in what else (desktop, there, laptop)
        if "added" in what:
            added(place, 300 + 10 * turn, 3)
        else:
            place.run(f"UPDATE items SET n = n + {turn + 1} WHERE id BETWEEN {20 * turn} AND {20 * turn + 9}")
        both(device, other)
    before = there.all("items")
    put_back(backup, here)
    for _ in range(4):
        here.run(WRITE)
    held(laptop, "9 of 209 rows are missing" if "added" in what else "28 of 200 rows are as they were")
    desktop.sync()
    assert there.all("items") == before


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_older_copy_of_what_another_device_added_is_known_by_its_size(two, mode):
    """The rows alone look as if what came had been worked off."""
    laptop, desktop, here, there = filled(two, mode)
    backup = backup_of(here)
    for turn in range(3):
        added(there, 300 + 100 * turn, 40)
        desktop.sync()
        laptop.sync()
    before = there.all("items")
    assert here.all("items") == before
    put_back(backup, here)
    for _ in range(4):
        here.run(WRITE)
    held(laptop, "120 of 320 rows are missing")
    desktop.sync()
    assert there.all("items") == before
    assert here.rows("PRAGMA page_count") < there.rows("PRAGMA page_count")


def test_work_that_is_done_once_more_after_a_backup_was_put_back_sets_nothing_free(two):
    laptop, desktop, here, there = filled(two)
    backup = backup_of(here)
    added(there, 300, 20)
    both(desktop, laptop)
    added(here, 400, 20)
    both(laptop, desktop)
    before = there.all("items")
    put_back(backup, here)
    added(here, 401, 2)
    here.run("UPDATE items SET what = 'again' WHERE id < 60; DELETE FROM items WHERE id BETWEEN 60 AND 63")
    held(laptop)
    desktop.sync()
    assert there.all("items") == before


# ---- Rows that were only edited since: none is missing ----


def edited(here, count, word):
    """One row in one column; of more nothing is as it was."""
    here.run(f"UPDATE items SET n = {word}{', what = n' if count > 1 else ''} WHERE id BETWEEN 3 AND {2 + count}")


def edited_since(laptop, here, count, how):
    """A backup, and what was done to as many rows since."""
    if how == "many syncs ago":
        backup = backup_of(here)
        for turn in range(34):
            edited(here, count, turn)
            laptop.sync()
        return backup
    here.run("UPDATE items SET n = 7 WHERE id = 15")
    if how == "never synced":
        edited(here, count, -1)
    backup = backup_of(here)
    edited(here, count, -2)
    laptop.sync()
    return backup


@pytest.mark.parametrize("mode, how", [
    ("DELETE", "many syncs ago"), ("WAL", "many syncs ago"),
    ("DELETE", "between two syncs"), ("WAL", "between two syncs"),
    ("DELETE", "never synced"),
])
@pytest.mark.parametrize("count", [1, 5])
def test_an_older_copy_of_rows_that_were_edited_since(two, mode, how, count):
    """No look saw its bytes, or none that is known any more."""
    laptop, desktop, here, there = filled(two, mode, count=20)
    backup = edited_since(laptop, here, count, how)
    desktop.sync()
    before = there.all("items")
    assert here.all("items") == before
    newer = here.path.with_suffix(".newer")
    shutil.copy(here.path, newer)
    told = "another database" if how == "never synced" else "an older copy"
    put_back(backup, here)
    held(laptop, f"{told} stands in its place: {count} of 20 rows ")
    desktop.sync()
    assert there.all("items") == before
    put_back(newer, here)
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == before, "it is put back"
    put_back(backup, here)
    held(laptop, told)
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == before, "it is filled"
    put_back(backup, here)
    held(laptop, "stands in its place")
    meant = here.all("items")
    laptop.sync(0, "--yes")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == meant != before, "it is what is meant"
    edited(here, count, 99)
    both(laptop, desktop)
    assert here.all("items") == there.all("items"), "and is synced from then on"


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_older_copy_from_before_a_value_was_there(two, mode):
    laptop, desktop, here, there = filled(two, mode, count=20)
    here.run("INSERT INTO items(id) VALUES (21)")
    both(laptop, desktop)
    backup = backup_of(here)
    here.run("UPDATE items SET what = 'noted' WHERE id = 21")
    both(laptop, desktop)
    put_back(backup, here)
    held(laptop, "1 of 21 rows are as they were")
    desktop.sync()
    assert there.rows("SELECT what FROM items WHERE id = 21") == [("noted",)]


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("writes", [0, 1, 4], ids=["read", "written to", "written to as often as the newer one"])
def test_an_older_copy_of_a_table_that_lacks_a_column_here(two, mode, writes):
    """What stands elsewhere in that column is neither what the copy undoes nor what it still has."""
    laptop, desktop, here, there = filled(two, mode, count=60)
    here.run("ALTER TABLE items DROP COLUMN what")
    both(laptop, desktop)
    backup = backup_of(here)
    there.run("UPDATE items SET n = n + 1 WHERE id > 20; UPDATE items SET what = 'more' WHERE id BETWEEN 11 AND 20")
    both(desktop, laptop)
    before = there.all("items")
    put_back(backup, here)
    for _ in range(writes):
        here.run(WRITE)
    held(laptop, "an older copy stands in its place: 40 of 60 rows are as they were")
    desktop.sync()
    assert there.all("items") == before and before["items"][0][2] == "item 1"


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("lacks", [False, True], ids=["all columns", "a column less"])
def test_an_older_copy_of_rows_whose_numbers_got_others_since(two, mode, lacks):
    """A row of which nothing is as it was is another one that got its number; that this number is there proves nothing of it."""
    laptop, desktop, here, there = filled(two, mode, count=60)
    if lacks:
        here.run("ALTER TABLE items DROP COLUMN what")
        both(laptop, desktop)
    backup = backup_of(here)
    there.run("UPDATE items SET n = n + 1, what = what || ' anew' WHERE id > 40")
    both(desktop, laptop)
    before = there.all("items")
    put_back(backup, here)
    for _ in range(4):
        here.run(WRITE)
    held(laptop, "an older copy stands in its place: 20 of 60 rows are as they were")
    desktop.sync()
    assert there.all("items") == before
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    here.run("UPDATE items SET n = n + 5 WHERE id > 40" if lacks else "UPDATE items SET n = n + 5, what = 'mine' WHERE id > 40")
    both(laptop, desktop)
    assert there.rows("SELECT id, n FROM items") == here.rows("SELECT id, n FROM items"), "that is an edit"
    assert there.rows("SELECT n FROM items WHERE id = 60") == [(606,)]


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_older_copy_to_which_its_program_added_a_column(two, mode):
    """As it does when it is started: all rows say something in it, and nobody edited them."""
    laptop, desktop, here, there = filled(two, mode, count=60)
    backup = backup_of(here)
    there.run("UPDATE items SET n = n + 1 WHERE id > 20")
    both(desktop, laptop)
    before = there.all("items")
    put_back(backup, here)
    here.run("ALTER TABLE items ADD COLUMN kind TEXT DEFAULT 'plain'")
    held(laptop, "an older copy stands in its place: 40 of 60 rows are as they were")
    desktop.sync()
    assert there.all("items") == before


def test_a_database_that_is_made_anew_with_another_column_is_the_same_one(two):
    laptop, desktop, here, there = filled(two, "DELETE", count=20)
    other = here.path.with_suffix(".other")
    here.run(f"VACUUM INTO '{other}'")
    with sqlite3.connect(other) as program:
        program.execute("ALTER TABLE items ADD COLUMN kind TEXT")
        program.execute("UPDATE items SET kind = 'kind ' || id")
    program.close()
    other.rename(here.path)
    laptop.sync()
    desktop.sync()
    assert '"kind 7"' in desktop.run("show", "book//items/7")


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_older_copy_from_before_a_row_was_deleted_and_another_one_edited(two, mode):
    laptop, desktop, here, there = filled(two, mode, count=20)
    here.run("UPDATE items SET n = 7 WHERE id = 15")
    backup = backup_of(here)
    there.run("UPDATE items SET n = 8, what = 'another' WHERE id = 3; DELETE FROM items WHERE id = 4")
    both(desktop, laptop)
    laptop.sync()
    before = there.all("items")
    assert here.all("items") == before
    put_back(backup, here)
    held(laptop, "2 of 19 rows are as they were")
    desktop.sync()
    assert there.all("items") == before


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_older_copy_that_took_the_files_place_with_its_time(two, mode):
    """As `rsync -a` and `tar` write it: another file."""
    laptop, desktop, here, there = filled(two, mode, count=20)
    here.run("UPDATE items SET n = 7 WHERE id = 15")
    backup = backup_of(here)
    here.run("UPDATE items SET n = 8 WHERE id = 3")
    both(laptop, desktop)
    before = there.all("items")
    os.utime(backup, ns=(here.path.stat().st_mtime_ns - 10**9,) * 2)
    os.replace(backup, here.path)
    held(laptop, "an older copy stands in its place: 1 of 20 rows are as they were")
    desktop.sync()
    assert there.all("items") == before
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == before


def test_a_copy_that_was_edited_elsewhere_and_is_put_over_it_is_an_edit(two):
    """Also where a row says again what it had said."""
    laptop, desktop, here, there = filled(two, count=20)
    for n in 1, 2:
        here.run(f"UPDATE items SET n = {n} WHERE id = 3")
        both(laptop, desktop)
    copy = type(here)(backup_of(here))
    copy.run("UPDATE items SET n = 1 WHERE id = 3; UPDATE items SET n = 99 WHERE id IN (4, 5)")
    put_back(copy.path, here)
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == copy.all("items")


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_what_a_program_takes_back_and_tidies_up_is_an_edit(two, mode):
    laptop, desktop, here, there = filled(two, mode, count=20)
    for n in 1, 2, 1, 2:
        here.run(f"UPDATE items SET n = {n} WHERE id BETWEEN 3 AND 9")
        here.run("VACUUM" if n == 2 else "BEGIN; DELETE FROM items WHERE id = 20; ROLLBACK")
        both(laptop, desktop)
        assert here.all("items") == there.all("items")


# ---- What programs do ----


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_what_a_program_does_to_many_rows_is_an_edit(two, mode):
    """Marks that are taken away again, one by one set or at once, by either; what was imported and is removed."""
    laptop, desktop, here, there = filled(two, mode)
    for turn in range(6):
        (here if turn % 2 else there).run(f"UPDATE items SET what = 'done' WHERE id = {10 + turn}")
        both(desktop, laptop)
    for script in [
        "UPDATE items SET what = 'open' WHERE what = 'done'",
        "UPDATE items SET n = 1 WHERE id <= 50",
        "UPDATE items SET n = 0 WHERE id <= 50",
        "UPDATE items SET n = 1 WHERE id <= 50",
        "INSERT INTO items SELECT id + 1000, n, what FROM items WHERE id <= 20",
        "DELETE FROM items WHERE id > 1000",
        "INSERT INTO items SELECT id + 1000, n, what FROM items WHERE id <= 20",
        "DELETE FROM items WHERE id > 1000",
        "UPDATE items SET n = n + 1",
        "UPDATE items SET n = n - 1",
        "DELETE FROM items WHERE id BETWEEN 100 AND 119",
        "UPDATE items SET what = upper(what), n = -n WHERE id > 150",
    ]:
        here.run(script)
        both(laptop, desktop)
        assert here.all("items") == there.all("items"), script


@pytest.mark.parametrize("script", [
    "DELETE FROM items WHERE id BETWEEN 600 AND 629",
    "UPDATE items SET n = 7 * n + id WHERE id >= 600",
    "DELETE FROM items WHERE id BETWEEN 600 AND 603",
], ids=["most of them go", "others than ever", "4 go"])
def test_what_is_done_with_what_another_device_added_last_is_an_edit(two, script):
    laptop, desktop, here, there = filled(two, "DELETE")
    added(there, 600, 40)
    both(desktop, laptop)
    there.run("UPDATE items SET n = n + 1 WHERE id >= 600")
    both(desktop, laptop)
    here.run(script)
    both(laptop, desktop)
    assert here.all("items") == there.all("items")


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_what_another_device_adds_is_worked_off_here(two, mode):
    """Which leaves what there was before, each time."""
    laptop, desktop, here, there = filled(two, mode, count=20)
    for one in here, there:
        one.run("CREATE TABLE boxes (id INTEGER PRIMARY KEY, unread INTEGER)")
    here.run("INSERT INTO boxes VALUES (1, 0), (2, 3)")
    both(laptop, desktop)
    for turn in range(4):
        for _ in range(turn):
            there.many("INSERT INTO items(n, what) VALUES (?, ?)", [(turn, f"message {turn}")] * 5)
            there.run("UPDATE boxes SET unread = unread + 1")
            both(desktop, laptop)
        here.run(f"BEGIN; DELETE FROM items WHERE what LIKE 'message %'; UPDATE boxes SET unread = unread - {turn}; COMMIT")
        both(laptop, desktop)
        assert here.all("items", "boxes") == there.all("items", "boxes")
        assert len(there.all("items")["items"]) == 20


def test_what_is_emptied_is_held_as_deletions(two):
    """There was a time before there was anything, but nobody has a copy of that."""
    laptop, desktop, here, there = filled(two, count=9)
    added(there, 100, 9)
    both(desktop, laptop)
    here.run("DELETE FROM items")
    (told,) = laptop.sync(8)["collections"]
    assert "trouble" not in told and "18 of 18 items are missing here" in told["pending"][0]["reason"]
    laptop.sync(0, "--yes")
    assert not here.rows("SELECT * FROM items")


def test_what_all_marked_is_marked_back_by_one(two):
    laptop, desktop, here, there = filled(two, "DELETE")
    for turn in range(8):
        (here if turn % 2 else there).run(f"UPDATE items SET what = 'done' WHERE id = {10 + turn}")
        both(desktop, laptop)
    here.run("UPDATE items SET what = 'open' WHERE what = 'done'")
    both(laptop, desktop)
    there.run("UPDATE items SET what = 'done' WHERE what = 'open'")
    both(desktop, laptop)
    here.run("UPDATE items SET what = 'open' WHERE what = 'done'")
    both(laptop, desktop)
    assert here.all("items") == there.all("items")


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_older_copy_from_before_what_both_edited_in_turn(two, mode):
    """Of the other device's edits nothing is left any more: the copy says what there was before those."""
    laptop, desktop, here, there = filled(two, mode, count=24)
    backup = backup_of(here)
    there.run("UPDATE items SET n = n + 26 WHERE id % 3 = 1")
    both(desktop, laptop)
    here.run("UPDATE items SET n = n + 26 WHERE id % 3 = 1")
    both(laptop, desktop)
    added(here, 500, 1)
    both(laptop, desktop)
    added(there, 600, 2)
    both(desktop, laptop)
    before = there.all("items")
    put_back(backup, here)
    here.run("UPDATE items SET what = 'used' WHERE id = 3")
    held(laptop, "3 of 27 rows are missing")
    desktop.sync()
    assert there.all("items") == before
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == before
