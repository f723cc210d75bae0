# SPDX-License-Identifier: Apache-2.0
"""A column that is emptied, or a member that is taken out of all objects, is held as deletions are."""

import json
import os

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_guard_told import Said
from test_records import add

JSON = "--format", "json", "--key", "id"
CSV = "--format", "csv", "--key", "id"


class Objects:
    """A document of objects, as a program saves it."""

    def __init__(self, path):
        self.path = path

    def rows(self):
        return json.loads(self.path.read_text())

    def write(self, rows):
        self.path.write_text(json.dumps(rows))

    def clear(self, member, count, first=0):
        self.write([{name: value for name, value in row.items() if name != member or not first <= i < count} for i, row in enumerate(self.rows())])


class Sheet(Objects):
    """The same as a table."""

    def rows(self):
        first, *others = self.path.read_text().splitlines()
        return [dict(zip(first.split(","), line.split(","))) for line in others]

    def write(self, rows):
        names = rows[0].keys()
        self.path.write_text("".join(",".join(line) + "\n" for line in [names, *(row.values() for row in rows)]))

    def clear(self, member, count, first=0):
        self.write([row | ({member: ""} if first <= i < count else {}) for i, row in enumerate(self.rows())])


def people(count):
    return [{"id": str(i), "mail": f"{i}@x", "name": f"N{i}"} for i in range(count)]


@pytest.fixture(params=(Objects, Sheet), ids=("json", "csv"))
def share(two, request):
    """On the laptop in this form, on the desktop as a table."""
    def make(count):
        laptop, desktop = two
        here = request.param(laptop.source("people"))
        here.write(people(count))
        laptop.json("add", str(here.path), "--collection", "people", *(JSON if request.param is Objects else CSV))
        both(laptop, desktop)
        there = Sheet(add(desktop, "people.csv", None, *CSV, "--existing"))
        both(laptop, desktop)
        assert there.rows() == people(count)
        return laptop, desktop, here, there
    return make


def held(device):
    return [(one["path"].split()[-1], one["reason"]) for one in device.json("status")["collections"][0]["pending"] if one["kind"] == "held"]


@pytest.mark.parametrize("count, gone", ((10, 10), (12, 12), (100, 51)))
def test_too_many_values_that_go_at_once_are_held(share, count, gone):
    laptop, desktop, here, there = share(count)
    here.clear("mail", gone)
    laptop.run("status", "--check", code=8)
    laptop.sync(8)
    laptop.sync(8)
    ((column, reason),) = held(laptop)
    assert column == "mail" and f"{gone} of {count} records that had something in mail have nothing there any more" in reason
    assert len(laptop.json("status")["collections"][0]["pending"]) == 1, "the records are not listed besides"
    desktop.sync()
    assert there.rows() == people(count)
    laptop.sync(0, "--yes")
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") == gone and held(laptop) == []


@pytest.mark.parametrize("count, gone", ((9, 9), (12, 11), (100, 50)))
def test_fewer_go_by_themselves(share, count, gone):
    laptop, desktop, here, there = share(count)
    here.clear("mail", gone)
    laptop.sync()
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") == gone


def test_what_else_is_done_goes_on(share):
    """Nothing of the rows that lost something goes out; what is new does, and what others write comes once it is put back."""
    laptop, desktop, here, there = share(12)
    before = here.rows()
    here.clear("mail", 12)
    here.write([*here.rows(), {"id": "98", "mail": "", "name": "new"}])
    laptop.sync(8)
    desktop.sync()
    assert there.rows()[12:] == [{"id": "98", "mail": "", "name": "new"}]
    there.write([*({**row, "name": "M0"} if row["id"] == "0" else row for row in there.rows()), {"id": "99", "mail": "99@x", "name": "newer"}])
    desktop.sync()
    laptop.sync(8)
    laptop.sync(8)
    assert held(laptop)[0][1].startswith("12 of 12 records"), "what came lets nothing go"
    assert here.rows()[0]["name"] == "N0" and here.rows()[13]["mail"] == "99@x"
    here.write(before + here.rows()[12:])
    both(laptop, desktop)
    assert here.rows()[0]["name"] == "M0" and [row["mail"] for row in there.rows()].count("") == 1 and held(laptop) == []
    here.clear("mail", 12)
    laptop.sync(), desktop.sync()
    assert [row["mail"] for row in there.rows()] == [""] * 13 + ["99@x"], "that is 12 of 13, or of 14"


def put_one_back(here, there):
    here.write([people(12)[0], *here.rows()[1:]])


def write_another(here, there):
    here.write([{**here.rows()[0], "mail": "other@x"}, *here.rows()[1:]])


def delete_a_row(here, there):
    here.write(here.rows()[1:])


def clear_some_elsewhere(here, there):
    there.clear("mail", 5)


@pytest.mark.parametrize("act", (put_one_back, write_another, delete_a_row, clear_some_elsewhere))
def test_what_was_held_is_held_until_a_word(share, act):
    laptop, desktop, here, there = share(12)
    here.clear("mail", 12)
    laptop.sync(8)
    act(here, there)
    desktop.sync()
    laptop.sync(8)
    laptop.sync(8)
    ((_, reason),) = held(laptop)
    gone = 7 if act is clear_some_elsewhere else 11
    assert reason.startswith(f"{gone} of 12 records that had something in mail")
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") in (0, 5)
    laptop.sync(0, "--yes")
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") == (12 if act is clear_some_elsewhere else 11) and not held(laptop)


def test_it_is_held_after_the_file_was_cut_short(two):
    laptop, desktop = two
    here = Sheet(laptop.source("people.csv"))
    here.write(people(12))
    laptop.json("add", str(here.path), "--collection", "people", *CSV)
    both(laptop, desktop)
    there = Sheet(add(desktop, "people.csv", None, *CSV, "--existing"))
    both(laptop, desktop)
    here.clear("mail", 12)
    laptop.sync(8)
    here.write(people(3) + here.rows()[3:])
    whole = here.path.read_text()
    here.path.write_text(whole[:whole.index("3,,N3") + 3])
    laptop.finish("sync")
    here.path.write_text(whole)
    laptop.sync(8)
    assert held(laptop)[0][1].startswith("9 of 12 records that had something in mail")
    desktop.sync()
    assert there.rows() == people(12)
    here.write(people(12))
    laptop.sync()
    assert not held(laptop)


def test_it_ends_when_all_is_back(share):
    laptop, desktop, here, there = share(12)
    here.clear("mail", 12)
    laptop.sync(8)
    for count in 5, 0:
        here.write([{**row, "mail": "" if at < count else row["mail"]} for at, row in enumerate(people(12))])
        laptop.sync(8 if count else 0)
    here.clear("mail", 11)
    laptop.sync()
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") == 11, "the first time is forgotten"


@pytest.mark.parametrize("count, first, then", ((12, 6, 6), (10, 9, 1), (120, 60, 40)))
def test_what_goes_in_two_saves_is_judged_as_one(share, count, first, then):
    laptop, desktop, here, there = share(count)
    here.clear("mail", first)
    laptop.sync()
    here.clear("mail", first + then, first)
    laptop.run("status", "--check", code=8)
    for _ in range(2):
        laptop.sync(8)
        ((_, reason),) = held(laptop)
        assert reason.startswith(f"{then} of {count - first} records that had something in mail have nothing there any more, after {first} that went just before")
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") == first
    laptop.run("repair", str(here.path), "--refill")
    assert [bool(row.get("mail")) for row in here.rows()] == [False] * first + [True] * (count - first) and not held(laptop)
    here.clear("mail", first + then)
    laptop.sync(8)
    laptop.sync(0, "--yes")
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") == first + then


def test_what_goes_bit_by_bit_under_serve_is_held(share):
    laptop, desktop, here, there = share(12)
    server = laptop.serve()
    said = Said(server)
    for done in 4, 8, 12:
        here.clear("mail", done)
        laptop.sync(8 if done == 12 else 0)
    said.wait_for("4 of 4 records that had something in mail have nothing there any more, after 8 that went just before")
    laptop.stop(server)


def test_what_was_put_back_went_not(share):
    laptop, desktop, here, there = share(120)
    for _ in range(4):
        here.clear("mail", 40)
        laptop.sync()
        here.write(people(120))
        laptop.sync()
    here.clear("name", 40)
    laptop.sync()
    here.clear("mail", 80, 40)
    laptop.sync()
    desktop.sync()
    assert [row["mail"] for row in there.rows()].count("") == 40


def test_what_goes_by_a_word_counts_no_more(share):
    laptop, desktop, here, there = share(12)
    here.clear("mail", 6)
    laptop.sync(0, "--yes")
    here.clear("mail", 12, 6)
    laptop.sync()
    desktop.sync()
    assert {row["mail"] for row in there.rows()} == {""}


def test_after_a_minute_they_are_two(share):
    laptop, desktop, here, there = share(12)
    library = os.environ.get("CF_CLOCK_LIBRARY")
    if not library:
        pytest.skip("needs a clock that can be set")
    here.clear("mail", 6)
    laptop.sync()
    here.clear("mail", 12, 6)
    laptop.sync(8)
    here.write([{**row, "mail": "" if i < 6 else row["mail"]} for i, row in enumerate(people(12))])
    laptop.sync()
    here.clear("mail", 12, 6)
    done = laptop.finish("sync", environment={"LD_PRELOAD": library, "CF_CLOCK_SHIFT": "61"})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def objects(two):
    """A document of these objects on the laptop, in sync."""
    def make(rows):
        laptop, _ = two
        here = Objects(laptop.source("people"))
        here.write(rows)
        laptop.json("add", str(here.path), "--collection", "people", *JSON)
        laptop.sync()
        return laptop, here
    return make


@pytest.mark.parametrize("nothing", ("", None, [], {}), ids=("text", "null", "list", "object"))
def test_an_empty_value_is_as_good_as_none(objects, nothing):
    laptop, here = objects(people(12))
    here.write([{**row, "mail": nothing} for row in here.rows()])
    laptop.sync(8)
    assert held(laptop)[0][1].startswith("12 of 12 records that had something in mail")


def test_empty_values_and_flags_may_be_dropped(objects):
    spare = {"note": "", "done": None, "tags": [], "more": {}, "unread": True, "mark": "x", "tick": "\u2713"}
    laptop, here = objects([{**row, **spare} for row in people(12)])
    here.write(people(12))
    laptop.sync()
    assert not held(laptop)


def test_refill_brings_them_back(share):
    laptop, _, here, _ = share(12)
    here.clear("mail", 12)
    laptop.sync(8)
    laptop.run("repair", str(here.path), "--refill")
    assert here.rows() == people(12) and laptop.sync()["in_sync"]


def test_refill_takes_nothing_else_off(share):
    """What else was done to these rows stays, and goes out; what others did comes; a column is one line."""
    laptop, desktop, here, there = share(12)
    here.write([{**row, "mail": "", "name": f"M{i}" if i < 3 else row["name"]} for i, row in enumerate(people(12))])
    laptop.sync(8)
    there.write([{**row, "name": "T5", "mail": "t5@x"} if row["id"] == "5" else row for row in there.rows()])
    desktop.sync()
    laptop.sync(8)
    done = laptop.finish("repair", str(here.path), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [one for one in done.stderr.splitlines() if "sync" not in one]
    assert "mail: 12 records get back what the log has there; what else was done to them is kept" in line
    assert "kept in" not in done.stderr
    assert [row["name"] for row in here.rows()] == ["M0", "M1", "M2", "N3", "N4", "T5", *(f"N{i}" for i in range(6, 12))]
    assert [row["mail"] for row in here.rows()] == ["t5@x" if i == 5 else f"{i}@x" for i in range(12)]
    assert laptop.sync()["in_sync"] and not held(laptop)
    desktop.sync()
    assert there.rows() == here.rows()


def test_refill_of_two_columns_and_of_what_was_put_back_in_part(objects):
    laptop, here = objects([{**row, "tags": ["a", i]} for i, row in enumerate(people(12))])
    here.write([{"id": row["id"], "mail": "", "name": row["name"]} for row in people(12)])
    laptop.sync(8)
    here.write([{**row, "mail": "0@x" if row["id"] == "0" else ""} for row in here.rows()])
    laptop.sync(8)
    done = laptop.finish("repair", str(here.path), "--refill")
    lines = [one for one in done.stderr.splitlines() if "get back" in one]
    assert len(lines) == 2 and "mail: 11 records" in lines[0] and "tags: 12 records" in lines[1], done.stderr
    assert here.rows() == [{**row, "tags": ["a", i]} for i, row in enumerate(people(12))] and laptop.sync()["in_sync"]


def test_who_only_sends_is_told_of_no_way_that_brings_nothing_back(two):
    laptop, desktop = two
    here = Objects(laptop.source("people"))
    here.write(people(12))
    laptop.json("add", str(here.path), "--collection", "people", *JSON, "--mode", "send")
    laptop.sync()
    before = here.rows()
    for act in lambda: here.clear("mail", 12), lambda: here.write([]):
        act()
        for verb in "sync", "status":
            done = laptop.finish(verb)
            assert "put " in done.stdout and "--yes" in done.stdout and "--refill" not in done.stdout + done.stderr, done.stdout + done.stderr
        for _ in range(2):
            said = laptop.run("repair", str(here.path), "--refill", code=2)
            assert "it only sends, so nothing is brought back to it: put back what is missing, or `counterfoil sync " in said, said
        laptop.sync(8)
        here.write(before)
        assert laptop.sync()["in_sync"]


def test_hundreds_of_columns_are_a_line(objects):
    names = [f"c{i:03}" for i in range(300)]
    rows = [{"id": str(i), **{name: f"{name} {i}" for name in names}} for i in range(12)]
    laptop, here = objects(rows)
    here.write([{"id": row["id"]} for row in rows])
    for verb in "sync", "status":
        done = laptop.finish(verb)
        assert len((done.stdout + done.stderr).splitlines()) < 12, done.stdout
        assert "300 columns, or members, have nothing any more in too many records that had something there, one of them in 12 of 12: put it back" in done.stdout
        assert "member c000, member c001, member c002 and 297 more" in done.stdout
    assert [column for column, _ in held(laptop)] == names
    done = laptop.finish("repair", str(here.path), "--refill")
    lines = [line for line in done.stderr.splitlines() if "get back" in line or "more" in line]
    assert len(lines) == 11 and "and 290 more" in lines[-1], done.stderr
    assert here.rows() == rows


def test_what_others_did_to_held_records_waits_and_is_told(share):
    laptop, desktop, here, there = share(12)
    here.clear("mail", 12)
    laptop.sync(8)
    there.write([{**row, "name": "T"} if row["id"] in ("1", "2") else row for row in there.rows() if row["id"] != "3"])
    desktop.sync()

    def waits(report):
        return [(one["path"], one["kind"], one["reason"]) for one in report["collections"][0]["pending"] if one["kind"] != "held"]

    told = [(here.path.name, "unapplied", "3 records that are held here were changed elsewhere: that waits until it is decided")]
    assert waits(laptop.sync(8)) == waits(laptop.json("status")) == waits(laptop.sync(8)) == told
    here.write(people(12))
    report = laptop.sync()
    assert waits(report) == [] and report["in_sync"] and here.rows() == there.rows()


def test_a_words_number_lets_more_go_and_holds_no_edit(share):
    laptop, desktop, here, there = share(12)
    laptop.run("set", str(here.path), "--max-delete", "5")
    here.clear("mail", 8)
    laptop.sync()
    here.write(people(12))
    both(laptop, desktop)
    here.clear("mail", 12)
    laptop.sync(8)
    laptop.sync(8, "--max-delete", "11")
    laptop.sync(0, "--max-delete", "12")
    desktop.sync()
    assert {row["mail"] for row in there.rows()} == {""}


def test_serve_tells_it_and_two_columns_are_two(share):
    laptop, _, here, _ = share(12)
    server = laptop.serve()
    said = Said(server)
    here.write([{name: "" for name in row} | {"id": row["id"]} if isinstance(here, Sheet) else {"id": row["id"]} for row in here.rows()])
    said.wait_for("12 of 12 records that had something in mail.*--yes")
    said.wait_for("12 of 12 records that had something in name.*--yes")
    laptop.stop(server)
    assert [column for column, _ in held(laptop)] == ["mail", "name"]


def test_a_column_that_is_taken_out_of_a_table_is_no_deletion(two):
    laptop, desktop = two
    here, there = Sheet(laptop.source("people.csv")), desktop.source("people.csv")
    here.write(people(12))
    laptop.json("add", str(here.path), "--collection", "people", *CSV)
    both(laptop, desktop)
    there = Sheet(add(desktop, "people.csv", None, *CSV, "--existing"))
    both(laptop, desktop)
    here.write([{"id": row["id"], "name": row["name"]} for row in here.rows()])
    both(laptop, desktop)
    assert there.rows() == people(12) and held(laptop) == []
