# SPDX-License-Identifier: Apache-2.0
"""A database of SQLite in whose place another one is put: an older one, one of something else, or the same written anew."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import ADDRESS_BOOK, Database, add, both, share, trouble

NAMED = "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT);"
OLDER = "an older copy", "newer"
META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value); INSERT INTO meta VALUES ('version', 3);"


def people(letter, count):
    return [(f"{letter}{i}", f"{letter} {i}") for i in range(count)]


def named(two, count, schema=NAMED):
    """As many people on both."""
    laptop, desktop, here, there = share(two, schema)
    here.many("INSERT INTO people VALUES (?, ?)", people("a", count))
    both(laptop, desktop)
    assert len(there.rows("SELECT * FROM people")) == count
    return laptop, desktop, here, there


def grown_since_a_backup(two):
    """Four people who are in the backup of the first one, and three more."""
    laptop, desktop, here, there = named(two, 4)
    backup = here.path.with_suffix(".backup")
    shutil.copy(here.path, backup)
    here.many("INSERT INTO people VALUES (?, ?)", people("b", 3))
    both(laptop, desktop)
    return laptop, desktop, here, there, backup


def written_anew(here, script=""):
    """Another file of the same rows, that the script changes."""
    copy = Database(here.path.with_suffix(".new"))
    shutil.copy(here.path, copy.path)
    copy.run(script)
    os.replace(copy.path, here.path)


def stopped(laptop, reason, what="another database", other="old"):
    """Both name it, and what to do."""
    for verb in (("status", "--check"), ("sync",)):
        done = laptop.finish("--json", *verb)
        assert done.returncode == 8, (verb, done.returncode)
        told = json.loads(done.stdout)["collections"][0]["trouble"]
        assert f"{what} stands in its place: {reason}, nothing of it is synced" in told
        source = json.loads(done.stdout)["collections"][0]["source"]
        assert f"Put the {other} one back, or `counterfoil repair {source} --refill` fills it, or `counterfoil sync {source} --yes`" in told


def test_another_database_in_its_place(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"person {i}", i) for i in range(20)])
    both(laptop, desktop)
    before = there.all("people")
    kept = here.path.with_suffix(".kept")
    here.path.rename(kept)
    other = Database(here.path).run(ADDRESS_BOOK)
    other.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"stranger {i}", -i) for i in range(20)])
    laptop.sync(8)
    assert "another database stands in its place: 20 of 20 rows say something else" in trouble(laptop)
    desktop.sync()
    assert there.all("people") == before
    os.replace(kept, here.path)
    both(laptop, desktop)
    assert there.all("people") == here.all("people") == before


def test_other_rows_under_the_same_keys(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"person {i}", i) for i in range(20)])
    both(laptop, desktop)
    before = there.all("people")
    other = Database(here.path.with_suffix(".other")).run(ADDRESS_BOOK)
    other.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"stranger {i}", 1900 + i) for i in range(20)])
    here.path.write_bytes(other.path.read_bytes())  # over it: the file is the same
    assert "20 of 20 rows are others" in str(laptop.sync(8)["collections"][0]["pending"])
    desktop.sync()
    assert there.all("people") == before
    laptop.sync(0, "--yes")
    desktop.sync(0, "--yes")
    assert here.all("people") == there.all("people") == other.all("people")


def test_a_small_one_that_shares_a_row(two):
    laptop, desktop, here, there = named(two, 8, NAMED + META)
    before = there.all("people", "meta")
    kept = here.path.with_suffix(".kept")
    here.path.rename(kept)
    Database(here.path).run(NAMED + META).many("INSERT INTO people VALUES (?, ?)", people("z", 8))
    other = Database(here.path).all("people")
    there.run("UPDATE people SET name = 'newer' WHERE id = 'a1'")
    desktop.sync()
    stopped(laptop, "8 of 9 rows are missing")
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 8
    assert here.all("people") == other  # nothing is applied to it, either
    there.run("UPDATE people SET name = 'a 1' WHERE id = 'a1'")
    desktop.sync()
    os.replace(kept, here.path)
    both(laptop, desktop)
    assert here.all("people", "meta") == there.all("people", "meta") == before


def test_one_row_less_in_another_file(two):
    laptop, desktop, here, there = named(two, 30)
    written_anew(here, "DELETE FROM people WHERE id = 'a7'")
    stopped(laptop, "1 of 30 rows are missing")
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 30
    laptop.sync(8, "--max-delete", "0")
    laptop.sync(0, "--max-delete", "1")
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 29
    here.run("DELETE FROM people WHERE id = 'a8'")  # this one is the one that is synced now
    both(laptop, desktop)
    assert here.all("people") == there.all("people")
    assert len(there.rows("SELECT * FROM people")) == 28


def test_an_older_copy_is_put_back(two):
    laptop, desktop, here, there, backup = grown_since_a_backup(two)
    os.replace(backup, here.path)
    stopped(laptop, "3 of 7 rows are missing", *OLDER)
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 7
    laptop.sync(0, "--yes")
    desktop.sync()
    assert here.all("people") == there.all("people") == {"people": people("a", 4)}


def test_an_older_copy_is_written_over_it(two):
    laptop, desktop, here, there, backup = grown_since_a_backup(two)
    shutil.copy(backup, here.path)
    stopped(laptop, "3 of 7 rows are missing", *OLDER)
    laptop.sync(0, "--yes")
    here.run("INSERT INTO people VALUES ('c', 'Cleo'); DELETE FROM people WHERE id = 'a0'")
    both(laptop, desktop)
    assert here.all("people") == there.all("people")
    assert len(there.rows("SELECT * FROM people")) == 4


def test_a_copy_from_before_others_wrote_is_older(two):
    laptop, desktop, here, there = named(two, 4)
    backup = there.path.with_suffix(".backup")
    shutil.copy(there.path, backup)
    here.many("INSERT INTO people VALUES (?, ?)", people("b", 3))
    laptop.sync()
    desktop.sync()
    shutil.copy(backup, there.path)
    stopped(desktop, "3 of 7 rows are missing", *OLDER)
    assert len(here.rows("SELECT * FROM people")) == 7


def test_a_database_that_is_tidied_up_is_the_same(two):
    laptop, desktop, here, there = named(two, 30)
    for script in "VACUUM", "PRAGMA journal_mode = WAL", "VACUUM", "PRAGMA journal_mode = DELETE", "REINDEX; VACUUM":
        last = here.rows("SELECT max(id) FROM people")[0][0]
        here.run(f"DELETE FROM people WHERE id = '{last}'")
        here.run(script)
        both(laptop, desktop)
        assert here.all("people") == there.all("people")
    assert len(there.rows("SELECT * FROM people")) == 25


def test_another_one_without_the_table(two):
    laptop, desktop, here, there = named(two, 2)
    os.replace(Database(here.path.with_suffix(".other")).run(META).path, here.path)
    stopped(laptop, "2 of 2 rows are missing")
    desktop.sync()
    assert there.all("people") == {"people": people("a", 2)}


def test_a_program_that_saves_by_writing_a_new_file(two):
    laptop, desktop, here, there = named(two, 8)
    written_anew(here, "INSERT INTO people VALUES ('b', 'Bob'); UPDATE people SET name = 'Ann' WHERE id = 'a1'")
    there.run("UPDATE people SET name = 'Cleo' WHERE id = 'a2'")
    desktop.sync()
    both(laptop, desktop)
    assert here.all("people") == there.all("people")
    assert here.rows("SELECT name FROM people WHERE id IN ('a1', 'a2', 'b') ORDER BY id") == [("Ann",), ("Cleo",), ("Bob",)]


def test_keys_of_any_kind_in_a_new_file(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob'); INSERT INTO groups VALUES (1, 'friends'), (2, 'work');"
             "INSERT INTO members VALUES (1, 1), (1, 2), (2, 1)")
    both(laptop, desktop)
    written_anew(here, "INSERT INTO people(name) VALUES ('Cleo'); INSERT INTO members VALUES (3, 2)")
    both(laptop, desktop)
    assert there.all("people", "groups", "members") == here.all("people", "groups", "members")
    written_anew(here, "DELETE FROM members WHERE person = 1 AND grp = 2")
    stopped(laptop, "1 of 9 rows are missing")


def test_a_row_that_can_not_be_read_is_not_missing(two):
    laptop, desktop, here, there = named(two, 5)
    written_anew(here, "UPDATE people SET name = CAST(x'ff' AS TEXT) WHERE id = 'a1'")
    laptop.sync(1)
    assert trouble(laptop) == ""
    desktop.sync()
    assert there.all("people") == {"people": people("a", 5)}


def test_others_go_on_beside_it(two):
    laptop, desktop, here, there = named(two, 3)
    notes = add(laptop, "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);", name="notes")
    laptop.sync()
    desktop.sync()
    elsewhere = add(desktop, "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);", name="notes", options=("--existing",))
    desktop.sync()
    written_anew(here, "DELETE FROM people WHERE id = 'a0'")
    notes.run("INSERT INTO notes VALUES ('n', 'goes on')")
    laptop.sync(8)
    desktop.sync()
    assert elsewhere.rows("SELECT body FROM notes") == [("goes on",)]
    assert there.all("people") == {"people": people("a", 3)}


def test_a_refilled_one_is_the_one_that_is_synced(two):
    laptop, desktop, here, there = named(two, 3)
    here.path.unlink()
    here.run(NAMED)
    stopped(laptop, "3 of 3 rows are missing", *OLDER)
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("people") == there.all("people") == {"people": people("a", 3)}


def test_what_was_written_with_many_deletions_waits_for_the_same_word(two):
    """One transaction puts many rows together in one: elsewhere nobody ever sees both, or neither."""
    desktop, laptop, there, here = named(two, 120)
    before = there.all("people")
    here.run("BEGIN; DELETE FROM people WHERE id <> 'a0'; UPDATE people SET name = 'all'; INSERT INTO people VALUES ('sum', '119'); COMMIT")
    told = {one["path"]: one["reason"] for one in laptop.sync(8)["collections"][0]["pending"]}
    assert "119 of 120 items are missing here" in told.pop("people/a1")
    assert told.pop("people/sum") == "it is new here; it waits for what was changed with it"
    assert told.pop("people/a0") == "it was changed here; it waits for what was changed with it"
    desktop.sync()
    assert there.all("people") == before
    there.run("INSERT INTO people VALUES ('b', 'meanwhile')")
    desktop.sync()
    laptop.sync(8)
    assert here.rows("SELECT name FROM people WHERE id = 'b'") == [("meanwhile",)], "what others did comes all the same"
    laptop.sync(0, "--yes")
    before = there.all("people")
    told = [one["path"] for one in desktop.sync(8)["collections"][0]["pending"]]
    assert len(told) == 119 and there.all("people") == before, "nor does a part of it come"
    desktop.sync(0, "--yes")
    assert here.all("people") == there.all("people") == {"people": [("a0", "all"), ("b", "meanwhile"), ("sum", "119")]}


# ---- In WAL mode, where a database doesn't count how often it was written ----


def in_wal(two, mode="WAL"):
    laptop, desktop, here, there = named(two, 4)
    here.run(f"PRAGMA journal_mode = {mode}")
    here.run("UPDATE people SET name = 'first' WHERE id = 'a0'")
    both(laptop, desktop)
    backup = here.path.with_suffix(".backup")
    shutil.copy(here.path, backup)
    return laptop, desktop, here, there, backup


LATER = {"added": "INSERT INTO people VALUES ('b', 'Bob')", "edited": "UPDATE people SET name = 'second' WHERE id = 'a0'",
         "deleted": "DELETE FROM people WHERE id = 'a3'"}


@pytest.mark.parametrize("mode, later", [("WAL", "added"), ("WAL", "deleted"), ("DELETE", "edited"), ("DELETE", "deleted")])
def test_an_older_copy_is_written_over_one_in_wal_mode(two, mode, later):
    laptop, desktop, here, there, backup = in_wal(two, mode)
    here.run(LATER[later])
    both(laptop, desktop)
    before = there.all("people")
    newer = here.path.with_suffix(".newer")
    shutil.copy(here.path, newer)
    shutil.copy(backup, here.path)
    for verb in (("status", "--check"), ("sync",), ("sync",)):
        done = laptop.finish("--json", *verb)
        assert done.returncode == 8, (verb, done.stdout)
        told = json.loads(done.stdout)["collections"][0]["trouble"]
        assert "an older copy stands in its place: 1 of " in told and f"repair {here.path} --refill" in told and f"sync {here.path} --yes" in told
    desktop.sync()
    assert there.all("people") == before
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("people") == there.all("people") == before
    shutil.copy(newer, here.path)
    both(laptop, desktop)
    assert here.all("people") == there.all("people") == before


def test_an_older_copy_in_wal_mode_is_what_is_meant(two):
    laptop, desktop, here, there, backup = in_wal(two)
    here.run(LATER["edited"])
    here.run(LATER["added"])
    both(laptop, desktop)
    shutil.copy(backup, here.path)
    laptop.sync(8)
    laptop.sync(0, "--yes")
    both(laptop, desktop)
    assert there.rows("SELECT name FROM people WHERE id = 'a0'") == [("first",)]
    assert not there.rows("SELECT * FROM people WHERE id = 'b'")
    here.run(LATER["deleted"])
    both(laptop, desktop)
    assert here.all("people") == there.all("people")


def test_what_is_taken_back_by_hand_in_wal_mode_is_an_edit(two):
    laptop, desktop, here, there, _ = in_wal(two)
    for script in "INSERT INTO people VALUES ('b', 'Bob')", "DELETE FROM people WHERE id = 'b'", LATER["edited"], \
            "UPDATE people SET name = 'first' WHERE id = 'a0'", LATER["deleted"]:
        here.run(script)
        both(laptop, desktop)
        assert here.all("people") == there.all("people"), script


def test_an_older_copy_over_one_that_others_wrote_to_in_wal_mode(two):
    laptop, desktop, here, there, backup = in_wal(two)
    there.run("INSERT INTO people VALUES ('c', 'Cleo')")
    both(desktop, laptop)
    second = here.path.with_suffix(".second")
    shutil.copy(here.path, second)
    there.run("INSERT INTO people VALUES ('d', 'Dora'); UPDATE people SET name = 'again' WHERE id = 'a0'")
    both(desktop, laptop)
    for one in backup, second:
        shutil.copy(one, here.path)
        laptop.sync(8)
    desktop.sync()
    assert there.rows("SELECT name FROM people WHERE id = 'a0'") == [("again",)]


def tasks_in_wal(two):
    laptop, desktop, here, there = named(two, 20)
    for one in here, there:
        one.run("PRAGMA journal_mode = WAL")
    both(laptop, desktop)
    return laptop, desktop, here, there


def say(count, word):
    return f"UPDATE people SET name = '{word}' WHERE id IN ({', '.join(repr(f'a{i}') for i in range(count))})"


@pytest.mark.parametrize("count, in_turn", [(1, False), (4, False), (1, True)])
def test_what_is_toggled_back_in_wal_mode_is_an_edit(two, count, in_turn):
    laptop, desktop, here, there = tasks_in_wal(two)
    for turn in range(6):
        device, place, other = (desktop, there, laptop) if in_turn and turn % 2 else (laptop, here, desktop)
        place.run(say(count, turn % 2))
        both(device, other)
        assert [row for row in place.rows("SELECT name FROM people WHERE id < 'a4' OR id = 'a0'") if row == (str(turn % 2),)]
        assert here.all("people") == there.all("people"), turn


@pytest.mark.parametrize("count", [2, 4])
def test_what_another_device_said_of_more_than_a_row_is_not_toggled_back_in_wal_mode(two, count):
    """The bytes are those of a copy that its program only opened, which would take another one's work away."""
    laptop, desktop, here, there = tasks_in_wal(two)
    for device, place, other, word in (laptop, here, desktop, "open"), (desktop, there, laptop, "done"):
        place.run(say(count, word))
        both(device, other)
    before = there.all("people")
    here.run(say(count, "open"))
    stopped(laptop, f"{count} of 20 rows are as they were", *OLDER)
    desktop.sync()
    assert there.all("people") == before
    laptop.sync(0, "--yes")
    both(laptop, desktop)
    assert here.all("people") == there.all("people") != before


def test_an_older_copy_in_wal_mode_with_more_edits_than_one_takes_back(two):
    laptop, desktop, here, there = tasks_in_wal(two)
    backup = here.path.with_suffix(".backup")
    for word in "open", "done":
        here.run(say(5, word))
        both(laptop, desktop)
        if word == "open":
            shutil.copy(here.path, backup)
    before = there.all("people")
    shutil.copy(backup, here.path)
    stopped(laptop, "5 of 20 rows are as they were", *OLDER)
    desktop.sync()
    assert there.all("people") == before


# ---- The last news lay in the log: the main file is, byte for byte, what it was before them ----


NEWS = {"added": "INSERT INTO people VALUES ('b', 'Bob'), ('c', 'Cleo')", "edited": LATER["edited"], "deleted": LATER["deleted"]}
CRASHES = """
import os, sqlite3, sys
there = sqlite3.connect(sys.argv[1], isolation_level=None)
there.execute(sys.argv[2])
os._exit(0)
"""


def news_in_the_log(two, script, crashes=False):
    """A backup, and then news that a program had not written from its log when they were synced."""
    laptop, desktop, here, there, backup = in_wal(two)
    if crashes:
        subprocess.run([sys.executable, "-c", CRASHES, str(here.path), script], check=True)
        both(laptop, desktop)
        for suffix in "-wal", "-shm":
            here.path.with_name(here.path.name + suffix).unlink()
    else:
        program = sqlite3.connect(here.path, isolation_level=None)
        program.execute(script)
        both(laptop, desktop)
        program.close()
    return laptop, desktop, here, there, backup


def over_it(backup, here, how):
    before = here.path.stat().st_ino
    subprocess.run(["cp", *how, str(backup), str(here.path)], check=True)
    assert here.path.stat().st_ino == before


@pytest.mark.parametrize("how", [(), ("-p",)])
@pytest.mark.parametrize("crashes, news", [(False, "added"), (False, "edited"), (False, "deleted"), (True, "added"), (True, "deleted")])
def test_an_older_copy_over_news_that_lay_in_the_log(two, crashes, news, how):
    laptop, desktop, here, there, backup = news_in_the_log(two, NEWS[news], crashes)
    before = there.all("people")
    newer = here.path.with_suffix(".newer")
    shutil.copy(here.path, newer)
    over_it(backup, here, how)
    for verb in (("status", "--check"), ("sync",), ("sync",)):
        done = laptop.finish("--json", *verb)
        assert done.returncode == 8, (verb, done.stdout)
        told = json.loads(done.stdout)["collections"][0]["trouble"]
        assert "an older copy stands in its place: " in told and f"repair {here.path} --refill" in told and f"sync {here.path} --yes" in told
    desktop.sync()
    assert there.all("people") == before
    if not crashes:  # put back
        over_it(newer, here, how)
        both(laptop, desktop)
        assert here.all("people") == there.all("people") == before
        over_it(backup, here, how)
        laptop.sync(8)
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("people") == there.all("people") == before
    here.run("UPDATE people SET name = 'after' WHERE id = 'a2'")
    both(laptop, desktop)
    assert here.all("people") == there.all("people")


def test_an_older_copy_over_news_in_the_log_is_what_is_meant(two):
    laptop, desktop, here, there, backup = news_in_the_log(two, NEWS["added"])
    over_it(backup, here, ())
    laptop.sync(8)
    laptop.sync(0, "--yes")
    both(laptop, desktop)
    assert here.all("people") == there.all("people") and len(there.rows("SELECT * FROM people")) == 4
    here.run(LATER["added"])
    both(laptop, desktop)
    assert here.all("people") == there.all("people") and len(there.rows("SELECT * FROM people")) == 5


def test_an_older_copy_over_what_was_written_here_into_a_log(two):
    """What others did went into the log of a program that has the database open."""
    laptop, desktop, here, there, backup = in_wal(two)
    program = sqlite3.connect(here.path, isolation_level=None)
    program.execute(LATER["edited"])
    both(laptop, desktop)
    there.run(NEWS["added"])
    both(desktop, laptop)
    program.close()
    assert len(here.rows("SELECT * FROM people")) == 6
    over_it(backup, here, ())
    laptop.sync(8)
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 6


def test_an_older_copy_of_a_state_that_no_look_saw(two):
    laptop, desktop, here, there, _ = in_wal(two)
    here.run("INSERT INTO people VALUES ('x', 'unseen')")
    backup = here.path.with_suffix(".backup")
    shutil.copy(here.path, backup)
    here.run(NEWS["added"])
    both(laptop, desktop)
    over_it(backup, here, ())
    stopped(laptop, "2 of 7 rows are missing", *OLDER)
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 7


@pytest.mark.parametrize("stays_open", [False, True])
def test_who_opens_and_closes_a_database_in_wal_mode_is_never_held(two, stays_open):
    """Rows that are taken away and made again, as of tags, bring back the very bytes."""
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob'); INSERT INTO groups VALUES (1, 'friends'), (2, 'work');"
             "INSERT INTO members VALUES (1, 1), (1, 2); PRAGMA journal_mode = WAL")
    both(laptop, desktop)
    seen = set()
    program = sqlite3.connect(here.path, isolation_level=None)
    for turn in range(8):
        program.execute("INSERT INTO members VALUES (2, 1)" if turn % 2 == 0 else "DELETE FROM members WHERE person = 2")
        if not stays_open:
            program.close()
        both(laptop, desktop)
        assert here.all("members") == there.all("members"), turn
        seen.add(here.path.read_bytes())
        if not stays_open:
            program = sqlite3.connect(here.path, isolation_level=None)
    program.close()
    assert len(seen) < 6
    both(laptop, desktop)


ACTS = ("INSERT OR IGNORE INTO people VALUES ('a{}', 'name {}')", "UPDATE people SET name = 'name {1}' WHERE id = 'a{0}'",
        "DELETE FROM people WHERE id = 'a{}'", "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM",
        "PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = WAL", "close", "open", "sync", "sync", "sync")


@pytest.mark.parametrize("seed", range(6))
def test_random_histories_of_a_program_are_never_held_and_copies_are(two, seed):
    dice = random.Random(seed)
    laptop, desktop, here, there = named(two, 6)
    here.run("PRAGMA journal_mode = WAL")
    both(laptop, desktop)
    program, copies, told = None, [], []
    for _ in range(40):
        act = dice.choice(ACTS)
        told.append(act)
        if act == "sync":
            assert laptop.finish("sync").returncode == 0, told
            if not program:
                copies.append((here.path.read_bytes(), here.all("people")))
        elif act == "close":
            program = program and program.close()
        else:
            program = program or sqlite3.connect(here.path, isolation_level=None)
            if act != "open":
                program.execute(act.format(dice.randrange(7), dice.randrange(2)))
    if program:
        program.close()
    both(laptop, desktop)
    before = there.all("people")
    assert here.all("people") == before
    older = [content for content, rows in copies if set(before["people"]) - set(rows["people"])]
    for content in dice.sample(older, min(3, len(older))):
        saved = here.path.read_bytes()
        here.path.write_bytes(content)
        assert laptop.finish("sync").returncode == 8, told
        desktop.sync()
        assert there.all("people") == before, told
        here.path.write_bytes(saved)
        both(laptop, desktop)
        assert here.all("people") == there.all("people") == before
