# SPDX-License-Identifier: Apache-2.0
"""Only some of the records: the others stay in the log, and nothing is deleted because it isn't here."""

import json

import pytest

from cards import card, fill, items
from counterfoil import broker, make_device, rounds, two  # noqa: F401

HEAD = "name,town,age\n"
PEOPLE = HEAD + "anna,Paris,30\nbert,Rome,41\ncleo,Paris,52\ndora,Bonn,63\n"
CSV = ("--collection", "people", "--format", "csv", "--key", "name")


def add(device, content, *options):
    path = device.source("people.csv")
    if content is not None:
        path.write_text(content)
    return path, device.json("add", str(path), *CSV, *options)


def both(laptop, desktop):
    rounds((laptop, desktop))


@pytest.fixture
def people(two):
    """All on one, those of Paris on the other."""
    laptop, desktop = two
    here, _ = add(laptop, PEOPLE)
    laptop.sync()
    there, told = add(desktop, None, "--include", "town=Par*")
    assert told["only_there"] == 2
    desktop.sync()
    assert there.read_text() == HEAD + "anna,Paris,30\ncleo,Paris,52\n"
    return laptop, desktop, here, there


def names(path):
    return sorted(line.split(",")[0] for line in path.read_text().splitlines()[1:])


def told(device, code=0):
    return {one["path"]: one for one in device.json("status", "--check", code=code)["collections"][0]["pending"]}


def test_the_others_stay_where_they_are(people):
    laptop, desktop, here, there = people
    assert desktop.json("status")["in_sync"] and desktop.json("status")["collections"][0]["items"] == 2
    there.write_text(there.read_text().replace("anna,Paris,30", "anna,Paris,31"))
    both(laptop, desktop)
    assert here.read_text() == PEOPLE.replace("anna,Paris,30", "anna,Paris,31")
    here.write_text(here.read_text().replace("bert,Rome,41", "bert,Rome,42"))
    both(laptop, desktop)
    assert names(there) == ["anna", "cleo"] and laptop.json("status")["in_sync"]


def test_a_row_comes_and_goes_with_its_value(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("bert,Rome", "bert,Paris").replace("cleo,Paris", "cleo,Ulm"))
    both(laptop, desktop)
    assert names(there) == ["anna", "bert"] and len(names(here)) == 4
    there.write_text(there.read_text().replace("anna,Paris,30", "anna,Nice,30"))
    both(laptop, desktop)
    assert names(there) == ["bert"] and "anna,Nice,30" in here.read_text()
    here.write_text(here.read_text().replace("anna,Nice", "anna,Paris"))
    both(laptop, desktop)
    assert names(there) == ["anna", "bert"] and "anna,Paris,30" in here.read_text()


def test_what_is_deleted_here_is_deleted_and_nothing_else(people):
    laptop, desktop, here, there = people
    there.write_text("\n".join(line for line in there.read_text().split("\n") if not line.startswith("anna")))
    both(laptop, desktop)
    assert names(here) == ["bert", "cleo", "dora"] and names(there) == ["cleo"]


def test_a_row_that_is_not_asked_for_is_left_alone(people):
    laptop, desktop, here, there = people
    mine = there.read_text() + "emil,Oslo,7\n"
    there.write_text(mine)
    both(laptop, desktop)
    assert there.read_text() == mine and len(names(here)) == 4 and desktop.json("status")["in_sync"]
    there.write_text(mine.replace("Oslo,7", "Paris,7"))
    both(laptop, desktop)
    assert "emil,Paris,7" in here.read_text()
    there.write_text(there.read_text() + "fred,Oslo,8\n")
    desktop.sync()
    here.write_text(here.read_text() + "fred,Paris,9\n")
    laptop.sync()
    assert set(told(desktop)) == {"--include"} and "1 row here matches no pattern" in told(desktop)["--include"]["reason"]
    pending, = desktop.sync(1)["collections"][0]["pending"]
    assert "fred,Oslo,8" in there.read_text()
    assert pending["path"] == "fred" and "asked for" in pending["reason"]
    assert told(desktop, 1)["fred"] == pending and not desktop.json("status")["in_sync"]


def test_what_is_asked_for_can_be_changed(people):
    laptop, desktop, here, there = people
    desktop.run("set", str(there), "--include", "town=Bonn", "--include", "name=bert")
    desktop.sync()
    assert names(there) == ["bert", "dora"]
    both(laptop, desktop)
    assert here.read_text() == PEOPLE, "nothing is deleted because it isn't asked for"
    desktop.run("set", str(there), "--include", "records")
    desktop.sync()
    assert names(there) == ["anna", "bert", "cleo", "dora"]
    desktop.run("set", str(there), "--include", "records//age=[34]*")
    desktop.sync()
    assert names(there) == ["anna", "bert"] and here.read_text() == PEOPLE
    assert "TABLE//FIELD=VALUE" in desktop.run("set", str(there), "--include", "=Bonn", code=2)


def test_a_row_whose_number_is_taken_stays_where_it_was_typed(two):
    laptop, desktop = two
    here, there = laptop.source("n.csv"), desktop.source("n.csv")
    here.write_text("id,town,n\n1,Paris,1\n2,Oslo,2\n3,Paris,3\n4,Oslo,4\n")
    laptop.json("add", str(here), "--format", "csv", "--key", "id", "--collection", "n")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--format", "csv", "--key", "id", "--collection", "n", "--existing", "--include", "town=Paris")
    desktop.sync()
    typed = there.read_text() + "4,Paris,44\n2,Paris,22\n5,Rome,5\n"
    there.write_text(typed)
    for _ in range(2):
        desktop.finish("sync")
        laptop.sync()
    mine, theirs = there.read_text().splitlines(), here.read_text().splitlines()
    assert sorted(line.split(",", 1)[1] for line in mine[1:]) == sorted(line.split(",", 1)[1] for line in typed.splitlines()[1:])
    assert "5,Rome,5" in mine and sorted(line.split(",", 1)[1] for line in theirs[5:]) == ["Paris,22", "Paris,44"]
    assert len(theirs) == 7 and "asked for" in told(desktop, 1)["5"]["reason"]
    there.write_text(there.read_text().replace("5,Rome,5\n", ""))
    both(laptop, desktop)
    assert sorted(line.split(",")[0] for line in there.read_text().splitlines()[1:]) == ["1", "3", "5", "6"]
    assert len(here.read_text().splitlines()) == 7 and told(desktop) == {}


@pytest.mark.parametrize("word", [[], ["--yes"]])
def test_none_that_match_is_no_mass_delete(people, word):
    laptop, desktop, here, there = people
    desktop.run("set", str(there), "--include", "town=Nowhere")
    desktop.sync(0, *word)
    assert names(there) == []
    both(laptop, desktop)
    assert here.read_text() == PEOPLE


def test_what_is_not_asked_for_any_more_is_no_trouble(people):
    laptop, desktop, here, there = people
    desktop.run("set", str(there), "--include", "name=anna")
    assert desktop.json("status")["in_sync"]
    (path, one), = told(desktop).items()
    assert path == "--include" and one["kind"] == "left out"
    assert "1 row here is not asked for any more" in one["reason"] and "nowhere else" in one["reason"]
    desktop.sync()
    assert told(desktop) == {} and names(there) == ["anna"]
    both(laptop, desktop)
    assert here.read_text() == PEOPLE


def test_what_is_not_asked_for_any_more_and_was_changed_is_not_lost(people):
    laptop, desktop, here, there = people
    there.write_text(there.read_text().replace("cleo,Paris,52", "cleo,Paris,53"))
    desktop.run("set", str(there), "--include", "name=anna")
    assert told(desktop, 1)["cleo"]["kind"] == "unsent"
    both(laptop, desktop)
    assert here.read_text() == PEOPLE.replace("cleo,Paris,52", "cleo,Paris,53")
    assert told(desktop) == {} and names(there) == ["anna"]


def test_a_pattern_that_nothing_matches_is_told(people):
    laptop, desktop, here, there = people
    desktop.run("set", str(there), "--include", "name=anna", "--include", "town=Ulm")
    desktop.sync()
    assert {path: one["reason"] for path, one in told(desktop).items()} == {"--include town=Ulm": "no row matches it"}
    assert desktop.json("status")["in_sync"]
    here.write_text(PEOPLE.replace("Rome", "Ulm"))
    both(laptop, desktop)
    assert told(desktop) == {} and names(there) == ["anna", "bert"]


def test_a_conflict_of_what_is_not_asked_for_is_not_listed(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("cleo,Paris,52", "cleo,Paris,53").replace("anna,Paris,30", "anna,Paris,31"))
    laptop.sync()
    there.write_text(there.read_text().replace("52", "54").replace("30", "32"))
    desktop.sync(4)
    laptop.sync(4)
    desktop.run("set", str(there), "--include", "name=anna")

    def conflicts(device):
        return [one["path"] for one in device.sync(4)["collections"][0]["conflicts"]]

    assert conflicts(desktop) == ["anna/age"] and sorted(conflicts(laptop)) == ["anna/age", "cleo/age"]


@pytest.mark.parametrize("pattern", ["uid=u1", "emails=ann@x", "organizations=Acme", "phones=+49*", "keywords=friends", "name/full=Ann", "name=Ann"])
def test_contacts_by_what_people_read_of_them(two, pattern):
    laptop, desktop = two
    ann = card("u1", "Ann", "ORG:Acme;Sales", "EMAIL:ann@x", "TEL;TYPE=CELL:+49 1", "CATEGORIES:friends,work")
    bob = card("u2", "Bob", "ORG:Acme & Sons", "EMAIL:ann@x.org", "TEL:+1 49", "CATEGORIES:work")
    folder = fill(laptop.source("people"), {"ann.vcf": ann, "bob.vcf": bob})
    laptop.run("add", str(folder), "--format", "vcard", "--collection", "people")
    laptop.sync()
    desktop.sync()
    some = desktop.source("people")
    desktop.run("add", str(some), "--format", "vcard", "--collection", "people", "--include", pattern)
    desktop.sync()
    assert sorted(items(some)) == ["u1.vcf"]
    assert desktop.json("status")["collections"][0]["pending"] == []


@pytest.mark.parametrize("kind, content, key, pattern, rows", [
    ("csv", "name,day,n\nann,mo,1\nann,tu,2\nbob,mo,3\n", ["name", "day"], "name=ann", ["ann,mo,1", "ann,tu,2"]),
    ("csv", "name,day,n\nann,mo,1\nann,tu,2\nbob,mo,3\n", ["name", "day"], "records//day=mo", ["ann,mo,1", "bob,mo,3"]),
    ("json", '[{"id": 1, "n": 5}, {"id": 2, "n": 6}]', ["id"], "id=2", [{"id": 2, "n": 6}]),
    ("json", '{"of": {"all": [{"i/d": 1, "n": 5}, {"i/d": 2, "n": 6}]}}', ["/of/all/i~1d"], "i/d=2", {"of": {"all": [{"i/d": 2, "n": 6}]}}),
])
def test_rows_by_what_their_keys_are_made_of(two, kind, content, key, pattern, rows):
    laptop, desktop = two
    here, there = laptop.source(f"rows.{kind}"), desktop.source(f"rows.{kind}")
    here.write_text(content)
    options = ["--format", kind, "--collection", "rows", *[word for name in key for word in ("--key", name)]]
    laptop.run("add", str(here), *options)
    laptop.sync()
    desktop.sync()
    desktop.run("add", str(there), *options, "--include", pattern)
    desktop.sync()
    read = there.read_text()
    assert (sorted(read.splitlines()[1:]) if kind == "csv" else json.loads(read)) == rows
    assert told(desktop) == {}
