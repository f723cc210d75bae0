# SPDX-License-Identifier: Apache-2.0
"""JSON documents as their programs write them: one that is emptied, and what stands beside the records of one."""

import json
import os

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401

KEYED = {"version": 3, "data": {"unit": "g", "items": [{"id": 1, "name": "salt"}, {"id": 2, "name": "rye"}]}}


def text(document):
    return json.dumps(document, indent=2) + "\n"


def share(two, document, *options, there=None, code=0):
    """The same document on both; `there` is what the desktop has before it hears of the laptop's."""
    laptop, desktop = two
    mine, yours = laptop.source("s.json"), desktop.source("s.json")
    mine.write_text(text(document))
    add = ["--collection", "s", "--format", "json", *options]
    laptop.json("add", str(mine), *add)
    laptop.sync()
    desktop.sync()
    if there is not None:
        yours.write_text(text(there))
    desktop.json("add", str(yours), *add, "--existing")
    both(laptop, desktop, code)
    return laptop, desktop, Document(mine), Document(yours)


class Document:
    def __init__(self, path):
        self.path = path

    def read(self):
        return json.loads(self.path.read_text())

    def write(self, document):
        self.path.write_text(text(document))


def settings(count):
    return {f"option {i}": i for i in range(count - 2)} | {"look": {"theme": "dark", "size": 12}}


def held(device):
    (collection,) = device.json("status")["collections"]
    return [(one["kind"], one["reason"]) for one in collection["pending"]]


# ---- Emptied ----

@pytest.mark.parametrize("count", [2, 12, 150])
@pytest.mark.parametrize("left", [{}, {"look": {}}])
def test_an_emptied_document_is_held(two, count, left):
    laptop, desktop, here, there = share(two, settings(count))
    if left and count == 2:
        pytest.skip("an empty object is a value that is left")
    here.write(left)
    said = laptop.run("sync", code=8)
    assert f"{count} of {count} fields are missing here" in str(held(laptop)), said
    assert f"sync {here.path} --yes" in said and f"repair {here.path} --refill" in said
    laptop.json("status", "--check", code=8)
    desktop.sync()
    assert there.read() == settings(count) and here.read() == left


@pytest.mark.parametrize("left", [[], 3, None, "s"])
def test_a_document_that_is_no_object_any_more_is_held_as_one_without_members(two, left):
    laptop, desktop, here, there = share(two, settings(9))
    here.write(left)
    laptop.sync(8)
    assert "9 of 9 fields are missing here" in str(held(laptop))
    desktop.sync()
    assert there.read() == settings(9) and here.read() == left
    laptop.sync(0, "--yes")
    desktop.sync(8)
    assert there.read() == settings(9) and "9 of 9 fields were deleted elsewhere" in str(held(desktop))
    desktop.sync(0, "--yes")
    assert there.read() == left


@pytest.mark.parametrize("left", [{"a": 1}, 3])
def test_a_list_that_becomes_something_else_is_one_value(two, left):
    laptop, desktop, here, there = share(two, [1, 2])
    here.write(left)
    both(laptop, desktop)
    assert there.read() == left


def test_with_the_users_word_it_goes_here_and_there(two):
    laptop, desktop, here, there = share(two, settings(12))
    here.write({})
    laptop.sync(8)
    laptop.sync(0, "--yes")
    desktop.sync(8)
    assert there.read() == settings(12)
    ((kind, reason),) = held(desktop)
    assert kind == "held" and "12 of 12 fields were deleted elsewhere" in reason
    desktop.sync(0, "--yes")
    assert there.read() == {}
    both(laptop, desktop)
    assert here.read() == there.read() == {}


def test_refill_brings_it_back(two):
    laptop, desktop, here, there = share(two, settings(12))
    here.write({})
    laptop.sync(8)
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.read() == there.read() == settings(12)


def test_put_back_it_is_in_sync_and_what_was_done_elsewhere_comes(two):
    laptop, desktop, here, there = share(two, settings(12))
    here.write({})
    laptop.sync(8)
    there.write(settings(12) | {"new": True})
    desktop.sync()
    laptop.sync(8)
    assert here.read() == {}
    here.write(settings(12))
    both(laptop, desktop)
    assert here.read() == there.read() == settings(12) | {"new": True}


@pytest.mark.parametrize("count,gone,held", [(12, 11, False), (12, 12, True), (100, 50, False), (100, 51, True),
                                             (9, 9, False)])
def test_the_guards_limits_count_fields(two, count, gone, held):
    """Where something new is left, as many may go as of a folder."""
    laptop, desktop, here, there = share(two, {f"option {i}": i for i in range(count)})
    left = {f"option {i}": i for i in range(gone, count)} | {"new": 1}
    here.write(left)
    laptop.sync(8 if held else 0)
    desktop.sync()
    assert (there.read() == left) is not held


def test_a_limit_of_its_own_counts_fields(two):
    laptop, desktop, here, there = share(two, settings(12))
    here.write({})
    laptop.sync(8, "--max-delete", "11")
    laptop.sync(0, "--max-delete", "12")
    desktop.sync(0, "--max-delete", "100%")
    assert there.read() == {}


def without(count, *gone):
    return {f"option {i}": i for i in range(count) if not any(first <= i < last for first, last in gone)}


def test_what_goes_in_two_saves_is_judged_as_one(two):
    laptop, desktop, here, there = share(two, without(100))
    here.write(without(100, (0, 40)))
    laptop.sync()
    here.write(without(100, (0, 80)))
    laptop.json("status", "--check", code=8)
    for _ in range(2):
        laptop.sync(8)
        ((kind, reason),) = held(laptop)
        assert kind == "held" and reason.startswith("40 of 60 fields are missing here, after 40 that went just before: put them back")
    desktop.sync()
    assert there.read() == without(100, (0, 40))
    laptop.run("repair", str(here.path), "--refill")
    assert here.read() == without(100, (0, 40)) and not held(laptop)
    here.write(without(100, (0, 80)))
    laptop.sync(8)
    laptop.sync(0, "--yes")
    desktop.sync(0, "--yes")
    assert there.read() == without(100, (0, 80))


def test_what_was_held_for_what_went_before_is_so_after_a_minute(two):
    library = os.environ.get("CF_CLOCK_LIBRARY")
    if not library:
        pytest.skip("needs a clock that can be set")
    laptop, desktop, here, there = share(two, without(100))

    def later(code):
        done = laptop.finish("sync", environment={"LD_PRELOAD": library, "CF_CLOCK_SHIFT": "61"})
        assert done.returncode == code, done.stdout + done.stderr

    here.write(without(100, (0, 40)))
    laptop.sync()
    here.write(without(100, (0, 60)))
    laptop.sync(8)
    later(8)
    here.write(without(100, (0, 40)))
    later(0)
    desktop.sync()
    here.write(without(100, (0, 60)))
    later(0)
    desktop.sync()
    assert there.read() == without(100, (0, 60))


def test_what_was_put_back_went_not(two):
    laptop, desktop, here, there = share(two, without(100))
    for _ in range(3):
        here.write(without(100, (0, 40)))
        laptop.sync()
        here.write(without(100))
        laptop.sync()
    here.write(without(100, (40, 80)))
    laptop.sync()
    desktop.sync()
    assert there.read() == without(100, (40, 80))


def test_what_goes_by_a_word_counts_no_more(two):
    laptop, desktop, here, there = share(two, without(100))
    here.write(without(100, (0, 40)))
    laptop.sync(0, "--yes")
    here.write(without(100, (0, 60)))
    laptop.sync()
    desktop.sync(0, "--yes")
    assert there.read() == without(100, (0, 60))


# ---- Beside the records ----

def test_what_stands_beside_the_records_is_a_record(two):
    laptop, desktop, here, there = share(two, KEYED, "--key", "/data/items/id")
    assert there.read() == KEYED
    here.write(KEYED | {"version": 4})
    there.write(KEYED | {"data": KEYED["data"] | {"unit": "kg", "colour": {"of": "lid"}}})
    both(laptop, desktop)
    want = {"version": 4, "data": {"unit": "kg", "items": KEYED["data"]["items"], "colour": {"of": "lid"}}}
    assert here.read() == there.read() == want


def test_two_values_of_such_a_member_are_a_conflict(two):
    laptop, desktop, here, there = share(two, KEYED, "--key", "/data/items/id", there=KEYED | {"version": 9}, code=4)
    (conflict,) = laptop.json("status", code=0)["collections"][0]["conflicts"]
    assert "version" in conflict["path"] and {conflict["value"], conflict["shown"]} == {3, 9}
    assert here.read() == there.read()


def test_members_beside_that_are_all_gone_are_held(two):
    laptop, desktop, here, there = share(two, KEYED, "--key", "/data/items/id")
    bare = {"data": {"items": KEYED["data"]["items"]}}
    here.write(bare)
    laptop.sync(8)
    assert "2 of 2 fields are missing here" in held(laptop)[0][1]
    desktop.sync()
    assert there.read() == KEYED
    laptop.sync(0, "--yes")
    desktop.sync(8)
    desktop.sync(0, "--yes")
    assert there.read() == bare
    there.write(bare | {"version": 1})
    both(laptop, desktop)
    assert here.read() == there.read() == bare | {"version": 1}


def test_records_and_what_is_beside_them_change_together(two):
    laptop, desktop, here, there = share(two, KEYED, "--key", "/data/items/id")
    there.write({"version": 4, "data": {"unit": "g", "items": [{"id": 2, "name": "spelt"}, {"id": 3, "name": "oats"}]}})
    both(laptop, desktop)
    assert here.read() == there.read()
    assert here.read()["version"] == 4 and [one["name"] for one in here.read()["data"]["items"]] == ["spelt", "oats"]


def test_a_table_elsewhere_has_no_place_for_it_and_loses_nothing(two):
    laptop, desktop = two
    here, there = Document(laptop.source("s.json")), desktop.source("s.csv")
    here.write(KEYED)
    laptop.json("add", str(here.path), "--collection", "s", "--format", "json", "--key", "/data/items/id")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--collection", "s", "--format", "csv", "--key", "id", "--existing")
    assert desktop.sync()["in_sync"]
    there.write_text(there.read_text().replace("rye", "spelt"))
    both(laptop, desktop)
    assert here.read()["version"] == 3 and here.read()["data"]["items"][1]["name"] == "spelt"
    assert there.read_text().splitlines() == ["id,name", "1,salt", "2,spelt"]


@pytest.mark.parametrize("key", ["id", "/things/id"])
def test_a_document_with_another_place_for_its_records_keeps_its_own(two, key):
    """What it can't hold doesn't come, and isn't deleted elsewhere."""
    laptop, desktop = two
    here, there = Document(laptop.source("s.json")), Document(desktop.source("t.json"))
    here.write(KEYED | {"things": "many"})
    laptop.json("add", str(here.path), "--collection", "s", "--format", "json", "--key", "/data/items/id")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there.path), "--collection", "s", "--format", "json", "--key", key, "--existing")
    both(laptop, desktop)
    assert desktop.sync()["in_sync"] and laptop.sync()["in_sync"]
    items = KEYED["data"]["items"]
    assert there.read() == (items if key == "id" else {"things": items, "version": 3, "data": {"unit": "g"}})
    (told,) = desktop.json("status", "--check")["collections"][0]["pending"]
    assert told["kind"] == "left out" and told["path"] == "document", told
    assert ("3 members, as data/unit, stay" if key == "id" else "1 member, things, stays") in told["reason"], told
    there.write(json.loads(there.path.read_text().replace("rye", "spelt")))
    both(laptop, desktop)
    assert here.read()["things"] == "many" and here.read()["data"]["items"][1]["name"] == "spelt"


def test_records_alone_are_asked_for(two):
    laptop, desktop = two
    here, there = Document(laptop.source("s.json")), Document(desktop.source("s.json"))
    here.write(KEYED)
    add = ["--collection", "s", "--format", "json", "--key", "/data/items/id"]
    laptop.json("add", str(here.path), *add)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there.path), *add, "--existing", "--include", "records")
    both(laptop, desktop)
    assert there.read() == {"data": {"items": KEYED["data"]["items"]}} and desktop.sync()["in_sync"]
    assert laptop.sync()["in_sync"] and here.read() == KEYED


# ---- Refilled ----

def test_the_log_wins_over_each_field_of_an_old_backup(two):
    laptop, desktop, here, there = share(two, settings(12))
    backup = here.path.read_text()
    for i in range(3):
        mine, yours = here.read(), there.read()
        here.write(mine | {f"option {i}": 100 + i})
        both(laptop, desktop)
        there.write(there.read() | {f"option {i + 3}": 200 + i, f"new {i}": i})
        both(desktop, laptop)
    gone = there.read()
    del gone["option 9"]
    there.write(gone)
    both(desktop, laptop)
    here.path.write_text(backup)
    laptop.run("repair", str(here.path), "--refill")
    assert here.read() == gone
    both(laptop, desktop)
    assert here.read() == there.read() == gone
