# SPDX-License-Identifier: Apache-2.0
"""CSV files whose key is a number that somebody counts up: rows born apart under one are two."""

import json
import os
import pty
import subprocess

import pytest

from counterfoil import broker, make_device, rounds, two  # noqa: F401

PEOPLE = "id,name,town\n1,Anna,Paris\n2,Bert,Rome\n3,Cleo,Bonn\n"
CSV = ("--format", "csv", "--key", "id")


def add(device, name, content, *options, collection="people"):
    path = device.source(name)
    if content is not None:
        path.write_text(content)
    return path, device.json("add", str(path), "--collection", collection, *options)


def both(laptop, desktop):
    rounds((laptop, desktop))


def rows(path):
    return {line.split(",", 1)[0]: line.split(",", 1)[1] for line in path.read_text().splitlines()[1:]}


@pytest.fixture
def people(two):
    """A counted file on both."""
    laptop, desktop = two
    here, told = add(laptop, "people.csv", PEOPLE, *CSV)
    assert told["serial"]
    laptop.sync()
    desktop.sync()
    there, told = add(desktop, "people.csv", None, *CSV, "--existing")
    assert told["serial"]
    desktop.sync()
    assert there.read_text() == PEOPLE
    return laptop, desktop, here, there


def test_rows_born_apart_are_two(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE + "4,Dora,Oslo\n")
    there.write_text(PEOPLE + "4,Emil,Bern\n5,Fred,Lyon\n")
    both(laptop, desktop)
    assert rows(here) == rows(there)
    assert rows(here)["4"] == "Dora,Oslo", "the first one keeps it"
    assert rows(here)["5"] == "Fred,Lyon" and rows(here)["6"] == "Emil,Bern", "a wish goes before what is given"
    assert laptop.json("status")["in_sync"] and laptop.json("status")["collections"][0]["conflicts"] == []
    before = len(laptop.json("log"))
    both(laptop, desktop)
    assert len(laptop.json("log")) == before, "which number it got is computed, not published"
    there.write_text(there.read_text().replace("Emil,Bern", "Emil,Kiel"))
    both(laptop, desktop)
    assert rows(here)["6"] == "Emil,Kiel" and rows(here) == rows(there), "it is that row, whatever its number"


def test_the_same_row_twice_is_one(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE + "4,Dora,Oslo\n")
    there.write_text(PEOPLE + "4,Dora,Oslo\n")
    both(laptop, desktop)
    assert here.read_text() == there.read_text() == PEOPLE + "4,Dora,Oslo\n"


def test_fields_of_one_row_merge(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("Bert,Rome", "Berta,Rome"))
    there.write_text(PEOPLE.replace("Bert,Rome", "Bert,Kiel"))
    both(laptop, desktop)
    assert here.read_text() == there.read_text() == PEOPLE.replace("Bert,Rome", "Berta,Kiel")


def test_a_number_used_again_is_another_row(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("3,Cleo,Bonn", "3,Gina,Nice"))
    there.write_text(PEOPLE.replace("3,Cleo,Bonn", "3,Cleo,Kiel"))
    both(laptop, desktop)
    assert rows(here) == rows(there) and sorted(rows(here).values())[-2:] == ["Cleo,Kiel", "Gina,Nice"], "an edit beats it"


def test_ten_on_each_side_are_twenty_more(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE + "".join(f"{number},here {number},x\n" for number in range(4, 14)))
    there.write_text(PEOPLE + "".join(f"{number},there {number},y\n" for number in range(4, 14)))
    both(laptop, desktop)
    assert rows(here) == rows(there) and len(rows(here)) == 23
    assert sorted(map(int, rows(here))) == list(range(1, 24))
    assert {value.split(",")[0] for value in rows(here).values()} >= {f"there {number}" for number in range(4, 14)}


def test_what_is_no_number_stays_and_is_named(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE + "x4,Dora,Oslo\n4,Emil,Bern\n")
    laptop.finish("sync")
    desktop.finish("sync")
    assert there.read_text() == PEOPLE + "4,Emil,Bern\n"
    assert here.read_text() == PEOPLE + "x4,Dora,Oslo\n4,Emil,Bern\n"
    assert "no plain number" in laptop.run("status")


def test_how_a_key_is_taken_can_be_said(two):
    laptop, desktop = two
    for name, content, options, serial in (
        ("counted", PEOPLE, (), True),
        ("said", PEOPLE, ("--natural",), False),
        ("empty", "id,name\n", (), False),
        ("meant", "id,name\n", ("--serial",), True),
        ("codes", "id,name\n0042,a\n0017,b\n", (), False),
        ("scattered", "id,name\n4711,a\n815,b\n", (), False),
        ("unsorted", "id,name\n3,a\n1,b\n2,c\n", (), True),
        ("texts", "id,name\nanna,a\nbert,b\n", (), False),
    ):
        path = laptop.source(name + ".csv")
        path.write_text(content)
        done = laptop.finish("add", str(path), "--collection", name, *CSV, *options)
        assert done.returncode == 0, done.stderr
        if name in ("counted", "empty"):
            assert ("--natural" if serial else "--serial") in done.stderr, "it says which, and how to say otherwise"
        laptop.sync()
        desktop.sync()
        assert add(desktop, name + ".csv", None, *CSV, collection=name)[1]["serial"] is serial, name
    path = laptop.source("wrong.csv")
    path.write_text(PEOPLE)
    laptop.run("add", str(path), *CSV, "--serial", "--natural", code=2)
    assert "one --key" in laptop.run("add", str(path), *CSV, "--key", "name", "--serial", code=2)
    laptop.run("add", str(laptop.folder), "--serial", code=2)


def test_an_existing_collection_keeps_its_keys(people, make_device):
    laptop, desktop, here, there = people
    desktop.run("remove", str(there))
    assert "stay so" in desktop.run("add", str(there), "--collection", "people", *CSV, "--natural", code=2)
    add(desktop, "people.csv", None, *CSV, "--serial")
    assert desktop.sync()["in_sync"]


def meet(desktop, *options, code=0):
    path = desktop.source("people.csv")
    path.write_text("id,name,town\n1,Anna,Paris\n2,Bert,Kiel\n3,Hugo,Ulm\n4,Ines,Jena\n")
    command = ("add", str(path), "--collection", "people", *CSV, *options)
    return path, desktop.run(*command, code=code) if code else desktop.json(*command)


def test_add_asks_where_filled_files_meet(two):
    laptop, desktop = two
    here, _ = add(laptop, "people.csv", PEOPLE, *CSV)
    laptop.sync()
    there, refused = meet(desktop, code=2)
    assert "2 rows" in refused and "--rows same" in refused and "--rows apart" in refused
    assert desktop.json("status")["collections"] == [], "nothing is bound before it is answered"
    assert "unknown answer" in meet(desktop, "--rows", "perhaps", code=2)[1]


def test_add_asks_at_a_terminal(two):
    laptop, desktop = two
    here, _ = add(laptop, "people.csv", PEOPLE, *CSV)
    laptop.sync()
    told = meet(desktop, "--dry-run")[1]
    assert told["meeting"] == 2 and desktop.json("status")["collections"] == []
    there = desktop.source("people.csv")
    terminal, other = pty.openpty()
    process = subprocess.Popen(
        desktop.command("add", str(there), "--collection", "people", *CSV), stdin=other, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    os.write(terminal, b"yes\n")
    output = process.communicate(timeout=60)[0].decode()
    os.close(terminal)
    os.close(other)
    assert process.returncode == 0 and "2 rows here have the numbers of others" in output
    both(laptop, desktop)
    assert rows(here) == rows(there) == {"1": "Anna,Paris", "2": "Bert,Kiel", "3": "Hugo,Ulm", "4": "Ines,Jena"}


def test_rows_that_meet_as_others_are_all_kept(two):
    laptop, desktop = two
    here, _ = add(laptop, "people.csv", PEOPLE, *CSV)
    laptop.sync()
    there, told = meet(desktop, "--rows", "apart")
    assert (told["equal"], told["different"], told["only_here"]) == (1, 2, 1)
    both(laptop, desktop)
    assert rows(here) == rows(there)
    assert [rows(here)[number] for number in "123"] == ["Anna,Paris", "Bert,Rome", "Cleo,Bonn"]
    assert sorted(rows(here).values()) == sorted(
        ["Anna,Paris", "Bert,Rome", "Cleo,Bonn", "Bert,Kiel", "Hugo,Ulm", "Ines,Jena"]
    )


@pytest.mark.parametrize("answer", [("--rows", "same"), ("--yes",)])
def test_rows_that_meet_as_the_same_merge(two, answer):
    laptop, desktop = two
    here, _ = add(laptop, "people.csv", PEOPLE, *CSV)
    laptop.sync()
    there, _ = meet(desktop, *answer)
    both(laptop, desktop)
    assert rows(here) == rows(there) == {"1": "Anna,Paris", "2": "Bert,Kiel", "3": "Hugo,Ulm", "4": "Ines,Jena"}
    conflicts = laptop.json("status")["collections"][0]["conflicts"]
    assert sorted(one["path"] for one in conflicts) == ["2/town", "3/name", "3/town"], "the others are listed"
    here.write_text(here.read_text() + "5,Kurt,Linz\n")
    there.write_text(there.read_text() + "5,Lena,Metz\n")
    both(laptop, desktop)
    assert rows(here) == rows(there) and len(rows(here)) == 6, "only what was there at first was the same"


def test_a_counted_collection_as_json(people, make_device):
    laptop, desktop, here, there = people
    desktop.run("remove", str(there))
    list_path, _ = add(desktop, "people.json", '{"people": []}', "--format", "json", "--key", "/people/id")
    desktop.sync()
    found = json.loads(list_path.read_text())["people"]
    assert {"id": 2, "name": "Bert", "town": "Rome"} in found
    found.append({"id": 4, "name": "Dora", "town": "Oslo"})
    list_path.write_text(json.dumps({"people": found}))
    here.write_text(PEOPLE + "4,Emil,Bern\n")
    both(laptop, desktop)
    assert sorted(rows(here).values())[3:] == ["Dora,Oslo", "Emil,Bern"] and sorted(rows(here)) == list("12345")
    assert {row["id"]: row["name"] for row in json.loads(list_path.read_text())["people"]} == {
        int(number): value.split(",")[0] for number, value in rows(here).items()
    }
    desktop.run("remove", str(list_path))
    names_path, _ = add(desktop, "names.json", "{}", "--format", "json", "--key", "/")
    desktop.sync()
    assert json.loads(names_path.read_text())["2"] == {"name": "Bert", "town": "Rome"}
    names_path.write_text(json.dumps({**json.loads(names_path.read_text()), "9": {"name": "Gina", "town": "Nice"}}))
    both(laptop, desktop)
    assert rows(here)["9"] == "Gina,Nice"


def test_made_apart_on_two_devices_it_is_one_collection(two, broker):
    laptop, desktop = two
    broker.stop()
    here, _ = add(laptop, "people.csv", PEOPLE, *CSV)
    there, _ = add(desktop, "people.csv", PEOPLE.replace("3,Cleo,Bonn", "3,Dora,Oslo"), *CSV)
    laptop.finish("sync")
    desktop.finish("sync")
    broker.restart()
    both(laptop, desktop)
    both(laptop, desktop)
    assert rows(here) == rows(there)
    assert sorted(rows(here).values()) == ["Anna,Paris", "Bert,Rome", "Cleo,Bonn", "Dora,Oslo"]


def test_one_that_others_count_up_is_counted_up(two, broker):
    """Made apart, too, by one who could not know it."""
    laptop, desktop = two
    broker.stop()
    here, _ = add(laptop, "people.csv", PEOPLE, *CSV)
    there, _ = add(desktop, "people.csv", "id,name,town\n", *CSV)
    laptop.finish("sync")
    desktop.finish("sync")
    there.write_text("id,name,town\n1,Dora,Oslo\n")
    desktop.finish("sync")
    broker.restart()
    both(laptop, desktop)
    both(laptop, desktop)
    assert rows(here) == rows(there)
    assert sorted(rows(here).values()) == ["Anna,Paris", "Bert,Rome", "Cleo,Bonn", "Dora,Oslo"]


def test_nothing_else_of_the_file_changes(people):
    laptop, desktop, here, there = people
    odd = 'id;"name";town\r\n3;"Cleo";Bonn\r\n1; Anna ;"Pa""ris"\r\n2;Bert;Rome'
    there.write_bytes(odd.encode())
    desktop.sync()
    laptop.sync()
    here.write_text(here.read_text().replace("Rome", "Kiel"))
    both(laptop, desktop)
    assert there.read_bytes() == odd.replace("Rome", "Kiel").encode()


def test_another_table_under_the_same_numbers_names_three_ways(two):
    laptop, desktop = two

    def text(name):
        return "id,name,town\n" + "".join(f"{i},{name} {i},{name} town {i}\n" for i in range(1, 31))

    here, _ = add(laptop, "people.csv", text("one"), *CSV)
    laptop.sync()
    desktop.sync()
    there, _ = add(desktop, "people.csv", None, *CSV, "--existing")
    both(laptop, desktop)
    here.write_text(text("other"))
    pending, = laptop.sync(8)["collections"][0]["pending"]
    assert pending["reason"].startswith("30 of 30 rows are others than they were, under the same keys: put back what was there, or ")
    assert f"`counterfoil repair {here} --refill`" in pending["reason"] and f"`counterfoil sync {here} --yes`" in pending["reason"]
    desktop.sync()
    assert there.read_text() == text("one")
    laptop.run("repair", str(here), "--refill")
    assert here.read_text() == text("one") and laptop.sync()["in_sync"]
