# SPDX-License-Identifier: Apache-2.0
"""Files of records: synced record by record, field by field."""

import json
import os
import random
import signal
import time

import pytest

from counterfoil import both, broker, make_device, two, wait_until  # noqa: F401

PEOPLE = "id,email,name\n1,anna@example.org,Anna\n2,bert@example.org,Bert\n3,cleo@example.org,Cleo\n"


def add(device, name, content, *options, collection="people"):
    """A file under sync; `content` None: it is not there yet."""
    path = device.source(name)
    if content is not None:
        path.write_text(content)
    device.json("add", str(path), "--collection", collection, *options)
    return path


@pytest.fixture
def people(two):
    """A CSV file on both."""
    laptop, desktop = two
    here = add(laptop, "people.csv", PEOPLE, "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.csv", None, "--format", "csv", "--key", "id", "--existing")
    desktop.sync()
    assert there.read_text() == PEOPLE
    return laptop, desktop, here, there


def test_a_business_card_changed_on_both(two):
    laptop, desktop = two
    card = {"name": "Nathan", "email": "nathan@old.example", "mobile": "1"}
    here = add(laptop, "card.json", json.dumps(card, indent=2), "--format", "json", collection="card")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "card.json", None, "--format", "json", "--existing", collection="card")
    desktop.sync()
    assert json.loads(there.read_text()) == card
    here.write_text(here.read_text().replace("nathan@old.example", "nathan@new.example"))
    there.write_text(there.read_text().replace('"1"', '"2"'))
    both(laptop, desktop)
    merged = {"name": "Nathan", "email": "nathan@new.example", "mobile": "2"}
    assert json.loads(here.read_text()) == json.loads(there.read_text()) == merged
    assert laptop.json("status")["collections"][0]["conflicts"] == []


def test_the_same_field_on_both_lists_the_other(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("anna@", "first@"))
    laptop.sync()
    there.write_text(PEOPLE.replace("anna@", "second@"))
    desktop.sync(4)
    laptop.sync(4)
    assert here.read_text() == there.read_text() == PEOPLE.replace("anna@", "second@")
    conflict, = laptop.json("status")["collections"][0]["conflicts"]
    assert (conflict["path"], conflict["device"]) == ("1/email", "laptop")
    assert (conflict["kind"], conflict["of"]) == ("field", "1")
    assert conflict["id"] == desktop.json("conflicts", code=4)[0]["id"]
    here.write_text(PEOPLE.replace("anna@example.org", ""))  # to clear it is to decide
    laptop.sync()
    here.write_text(PEOPLE.replace("anna@", "third@"))
    both(laptop, desktop)
    assert there.read_text() == here.read_text() == PEOPLE.replace("anna@", "third@")


def test_a_conflict_is_settled_by_its_id(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("anna@", "first@").replace("bert@", "b1@"))
    laptop.sync()
    there.write_text(PEOPLE.replace("anna@", "second@").replace("bert@", "b2@"))
    desktop.sync(4)
    ids = {one["path"]: one["id"] for one in desktop.json("conflicts", code=4)}
    assert len(set(ids.values())) == 2 and desktop.json("conflicts", code=4)[0]["id"] in ids.values()
    assert desktop.json("conflicts", "resolve", ids["1/email"], "--keep", "theirs", code=4)["settled"] == 1
    assert [one["path"] for one in desktop.json("conflicts", code=4)] == ["2/email"]
    desktop.run("conflicts", "resolve", ids["1/email"], "--keep", "theirs", code=2)
    desktop.run("conflicts", "resolve", ids["2/email"], "--keep", "mine")
    assert desktop.json("conflicts") == []
    both(laptop, desktop)
    assert here.read_text() == there.read_text() == PEOPLE.replace("anna@", "first@").replace("bert@", "b2@")


def test_csv_here_and_json_there(two):
    laptop, desktop = two
    here = add(laptop, "people.csv", PEOPLE, "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.json", '{"people": [], "version": 7}', "--format", "json", "--key", "/people/id",
                "--existing")
    desktop.sync()
    found = json.loads(there.read_text())
    assert found["version"] == 7
    assert {"id": 2, "name": "Bert", "email": "bert@example.org"} in found["people"] and len(found["people"]) == 3
    found["people"][0]["email"] = "new@example.org"
    found["people"].append({"id": 4, "name": "Dora", "email": "dora@example.org"})
    first = str(found["people"][0]["id"])
    there.write_text(json.dumps(found))
    both(laptop, desktop)
    rows = dict(line.split(",", 1) for line in here.read_text().splitlines())
    assert rows[first].startswith("new@example.org,") and rows["4"] == "dora@example.org,Dora"
    assert [line.split(",")[0] for line in here.read_text().splitlines()] == ["id", "1", "2", "3", "4"]
    assert [(one["name"], one["format"]) for one in desktop.json("collections")] == [("people", "json")]


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_what_separates_columns_stays_on_each_device(two, separator):
    laptop, desktop = two
    table = PEOPLE.replace(",", separator)
    here = add(laptop, "people.tsv", table, "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.tsv", PEOPLE, "--format", "csv", "--key", "id", "--existing", "--rows", "same")
    desktop.sync()
    assert there.read_text() == PEOPLE
    there.write_text(PEOPLE.replace("bert@", "new@") + "4,dora@example.org,\"Dora, D.\"\n")
    here.write_text(table.replace("Cleo", "Cleopatra"))
    both(laptop, desktop)
    after = table.replace("bert@", "new@").replace("Cleo", "Cleopatra")
    assert here.read_text() in [after + separator.join(("4", "dora@example.org", name)) + "\n"
                                for name in ("Dora, D.", '"Dora, D."')]
    assert there.read_text() == PEOPLE.replace("bert@", "new@").replace("Cleo", "Cleopatra") + \
        "4,dora@example.org,\"Dora, D.\"\n"


def test_numbers_of_json_stay_numbers_in_csv(two):
    laptop, desktop = two
    items = [{"id": 1, "count": 5, "on": True, "note": None}, {"id": 2, "count": 6, "on": False, "note": "x"}]
    here = add(laptop, "items.json", json.dumps(items), "--format", "json", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "items.csv", "id,count,on,note\n", "--format", "csv", "--key", "id", "--existing")
    desktop.sync()
    assert sorted(there.read_text().splitlines()) == ["1,5,true,", "2,6,false,x", "id,count,on,note"]
    desktop.sync()
    laptop.sync()
    assert here.read_text() == json.dumps(items), "what a column can't say is no edit"
    there.write_text(there.read_text().replace("1,5,true", "1,7,true"))
    both(laptop, desktop)
    items[0]["count"] = 7
    assert json.loads(here.read_text()) == items


def test_only_what_changed_is_rewritten(people):
    laptop, desktop, here, there = people
    odd = 'id;"name";email\r\n3;"Cleo";cleo@example.org\r\n1; Anna ;"a""n"\r\n2;Bert;bert@example.org'
    there.write_bytes(odd.encode())
    desktop.sync()
    laptop.sync()
    here.write_text(here.read_text().replace("bert@", "berta@"))
    both(laptop, desktop)
    assert there.read_bytes() == odd.replace("bert@", "berta@").encode()


def test_rows_are_deleted(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("2,bert@example.org,Bert\n", ""))
    both(laptop, desktop)
    assert there.read_text() == here.read_text() == PEOPLE.replace("2,bert@example.org,Bert\n", "")


def test_a_broken_file_is_named_and_others_go_on(people):
    laptop, desktop, here, there = people
    notes = laptop.add("notes", {"one.txt": "one\n"})
    broken = 'id,name\n1,"no end\n'
    here.write_text(broken)
    there.write_text(PEOPLE.replace("Bert", "Berta"))
    desktop.sync()
    done = laptop.finish("sync")
    assert done.returncode == 1 and str(here) in done.stdout + done.stderr
    assert here.read_text() == broken
    desktop.sync()
    assert there.read_text() == PEOPLE.replace("Bert", "Berta"), "nothing was deleted"
    assert desktop.add("notes", None, "--existing") and desktop.sync()
    assert (desktop.source() / "one.txt").read_text() == (notes / "one.txt").read_text()
    here.write_text(PEOPLE.replace("Cleo", "Clio"))
    both(laptop, desktop)
    assert here.read_text() == PEOPLE.replace("Bert", "Berta").replace("Cleo", "Clio") == there.read_text()


def test_a_document_that_nobody_can_read_deletes_nothing(two):
    laptop, desktop = two
    whole = '[{"id": 1, "name": "Anna"}, {"id": 2, "name": "Bert"}]'
    here = add(laptop, "people.json", whole, "--format", "json", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.csv", None, "--format", "csv", "--key", "id", "--existing")
    desktop.sync()
    before = there.read_text()
    for text, reason in ((b"[" * 100_000, "nests too deeply"), (whole[:30].encode(), "line 1"),
                         (whole.replace("Anna", "J\xfcrg").encode("latin-1"), "UTF-8"),
                         (b'[{"id": 1, "name": "' + b"x" * 10_000_000, "line 1")):
        here.write_bytes(text)
        done = laptop.finish("sync")
        assert done.returncode == 1 and str(here) in done.stdout + done.stderr, reason
        status = laptop.finish("status").stdout
        assert str(here) in status and reason in status, status[:1000]
        desktop.sync()
        assert there.read_text() == before and here.read_bytes() == text
    here.write_text(whole.replace('{"id": 2', '{"id": 2, "deep": ' + "[" * 50 + "]" * 50).replace("Anna", "Anne"))
    laptop.finish("sync")
    desktop.sync()
    assert there.read_text() == before.replace("Anna", "Anne")
    assert "nests too deeply" in laptop.finish("status").stdout
    here.write_text(whole)
    both(laptop, desktop)
    assert there.read_text() == before


def test_a_row_in_trouble_stays_and_is_not_deleted(people):
    laptop, desktop, here, there = people
    odd = PEOPLE.replace("2,bert@example.org,Bert", "2,bert@example.org,Bert,too,many")
    here.write_text(odd.replace("Cleo", "Clio"))
    laptop.finish("sync")
    desktop.sync()
    assert there.read_text() == PEOPLE.replace("Cleo", "Clio")
    assert here.read_text() == odd.replace("Cleo", "Clio")
    status = laptop.finish("status")
    assert "2: has more fields" in status.stdout


def test_a_missing_file_deletes_nothing(people):
    laptop, desktop, here, there = people
    here.unlink()
    done = laptop.finish("sync")
    assert done.returncode == 8 and "is not there" in done.stdout + done.stderr
    assert "or `counterfoil repair" in done.stderr and "--refill`, or `counterfoil remove" in done.stderr
    desktop.sync()
    assert there.read_text() == PEOPLE and not here.exists()
    laptop.run("repair", str(here), "--refill")
    assert here.read_text() == PEOPLE and laptop.json("status")["in_sync"]


def with_more(people):
    """Three people and nine more, on both."""
    laptop, desktop, here, there = people
    here.write_text(PEOPLE + "".join(f"{i},{i}@example.org,Number {i}\n" for i in range(21, 30)))
    laptop.sync()
    desktop.sync()
    return here.read_text()


def test_many_missing_rows_need_the_users_word(people):
    laptop, desktop, here, there = people
    before = with_more(people)
    here.write_text("id,email,name\n")
    done = laptop.finish("sync")
    assert done.returncode == 8 and "12 of 12 items are missing here" in done.stdout + done.stderr
    desktop.sync()
    assert there.read_text() == before and here.read_text() == "id,email,name\n"
    laptop.sync(0, "--yes")
    done = desktop.finish("sync")
    assert done.returncode == 8 and "12 of 12 items were deleted elsewhere" in done.stdout + done.stderr
    assert "--existing --mine" in done.stderr and "--refill" not in done.stderr, "the log has the deletions"
    assert there.read_text() == before
    desktop.sync(0, "--yes")
    assert there.read_text() == "id,email,name\n"


def test_other_rows_under_other_keys_still_need_the_users_word(people):
    """What says the same under another key is the same row, and would not be missing."""
    laptop, desktop, here, there = people
    with_more(people)
    here.write_text("id,email,name\n" + "".join(f"{i},{i}@example.com,Other {i}\n" for i in range(41, 53)))
    for _ in range(3):
        laptop.sync(8)
    laptop.sync(0, "--yes")
    for _ in range(3):
        desktop.sync(8)
    assert len(there.read_text().splitlines()) == 25
    desktop.sync(0, "--yes")
    assert sorted(there.read_text().splitlines()) == sorted(here.read_text().splitlines())


def test_an_emptied_file_needs_the_users_word(two):
    laptop, desktop = two
    here = add(laptop, "card.json", '{"name": "Nathan"}', "--format", "json", collection="card")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "card.json", None, "--format", "json", "--existing", collection="card")
    desktop.sync()
    here.write_text("\n")
    done = laptop.finish("sync")
    assert done.returncode != 0 and "1 of 1 items are missing here" in done.stdout + done.stderr
    pending, = laptop.json("status")["collections"][0]["pending"]
    assert (pending["kind"], pending["path"]) == ("held", here.name), "it has no key, but a name"
    desktop.sync()
    assert json.loads(there.read_text()) == {"name": "Nathan"}


@pytest.mark.parametrize("text", ["{}", "[]", "null", "7"])
def test_a_document_that_says_nothing_arrives(two, text):
    laptop, desktop = two
    here = add(laptop, "card.json", text, "--format", "json", collection="card")
    laptop.sync()
    assert "card: new the document\n" in laptop.run("log")
    desktop.sync()
    there = add(desktop, "card.json", None, "--format", "json", "--existing", collection="card")
    for _ in range(2):
        desktop.sync()
        assert there.read_text() == text + "\n"
        assert desktop.json("status")["in_sync"]
    here.write_text('{"name": "Nathan"}')
    both(laptop, desktop)
    assert json.loads(there.read_text()) == {"name": "Nathan"}
    there.write_text(text)
    for device in desktop, laptop:  # all of its fields are gone: that is held without the word
        device.sync(0, "--yes")
    assert json.loads(here.read_text()) == json.loads(text)


@pytest.mark.parametrize("key,around", [("/people/", {"people": {"1": {"name": "Anna"}}}),
                                        ("/data/people/id", {"data": {"people": [{"id": "1", "name": "Anna"}]}})])
def test_a_file_is_made_with_what_is_around_its_records(two, key, around):
    laptop, desktop = two
    here = add(laptop, "people.json", json.dumps(around), "--format", "json", "--key", key)
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.json", None, "--format", "json", "--key", key, "--existing")
    desktop.sync()
    assert json.loads(there.read_text()) == around
    there.write_text(there.read_text().replace("Anna", "Anne"))
    both(desktop, laptop)
    assert "Anne" in here.read_text()
    there.write_text("{}")
    pointer = key.rsplit("/", 1)[0]
    for verb, code in ("sync", 1), ("status", 0):
        done = desktop.finish(verb)
        assert done.returncode == code and f"has nothing at {pointer}" in done.stdout, verb
    assert there.read_text() == "{}" and "Anne" in here.read_text()


def test_one_that_only_receives_keeps_what_was_done_there(people):
    laptop, desktop, here, there = people
    desktop.run("set", str(there), "--mode", "receive")
    there.write_text(PEOPLE.replace("Anna", "Mine"))
    here.write_text(PEOPLE.replace("Anna", "Yours").replace("Bert", "Berta"))
    laptop.sync()
    done = desktop.finish("sync")
    assert "only receives" in done.stdout + done.stderr
    laptop.sync()
    assert here.read_text() == PEOPLE.replace("Anna", "Yours").replace("Bert", "Berta")
    assert there.read_text() == PEOPLE.replace("Anna", "Mine").replace("Bert", "Berta")


def test_two_files_of_the_same_data_meet_without_a_word(two):
    laptop, desktop = two
    here = add(laptop, "people.csv", PEOPLE, "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = desktop.source("people.csv")
    there.write_text(PEOPLE)
    told = desktop.json("add", str(there), "--collection", "people", "--format", "csv", "--key", "id")
    assert (told["equal"], told["different"], told["only_here"], told["only_there"]) == (3, 0, 0, 0)
    before = len(desktop.json("log"))
    desktop.sync()
    laptop.sync()
    assert len(desktop.json("log")) == before
    assert here.read_text() == there.read_text() == PEOPLE


def test_what_can_not_be_added(two):
    laptop, _ = two
    path = laptop.source("people.csv")
    path.write_text(PEOPLE)
    assert "--format csv" in laptop.run("add", str(path), code=2)
    assert "--key COLUMN" in laptop.run("add", str(path), "--format", "csv", code=2)
    assert "no column nope" in laptop.run("add", str(path), "--format", "csv", "--key", "nope", code=1)
    assert "--base" in laptop.run("add", str(path), "--format", "csv", "--key", "id", "--base", "full", code=2)
    assert "--include" in laptop.run("add", str(path), "--format", "csv", "--key", "id", "--include", "=x", code=2)
    (laptop.folder / "folder").mkdir()
    assert "no file" in laptop.run("add", str(laptop.folder / "folder"), "--format", "json", code=8)
    assert laptop.json("collections") == []
    laptop.add("notes", {"one": "1"})
    assert "holds files" in laptop.run(
        "add", str(path), "--format", "csv", "--key", "id", "--collection", "notes", code=2
    )


def test_records_by_key_and_one_document_do_not_mix(people):
    """A document without --key in a collection of records by key became {}, which deleted them all everywhere."""
    laptop, desktop, here, _ = people
    for name, before in (("whole.json", None), ("other.json", "{}")):
        path = desktop.source(name)
        if before is not None:
            path.write_text(before)
        said = desktop.run("add", str(path), "--collection", "people", "--format", "json", code=2)
        assert "'people' holds records that have keys" in said and "--key NAME" in said
        assert path.exists() == (before is not None)
    both(laptop, desktop)
    assert here.read_text() == PEOPLE
    add(laptop, "settings.json", '{"colour": "blue"}', "--format", "json", collection="settings")
    both(laptop, desktop)
    said = desktop.run("add", str(desktop.source("settings.json")), "--collection", "settings", "--format", "json",
                       "--key", "id", code=2)
    assert "'settings' is one document" in said


def test_a_key_that_is_a_number_here_and_a_text_there(two):
    """Members named "1" and "2" deleted the records 1 and 2 everywhere, and made others; a document with numbers beside a
    table gave the table each row twice."""
    laptop, desktop = two
    items = '[\n  {"id": 1, "name": "Anna"},\n  {"id": 2, "name": "Bert"},\n  {"id": 3.5, "name": "Cleo"}\n]\n'
    here = add(laptop, "items.json", items, "--format", "json", "--key", "id", collection="items")
    laptop.sync()
    there = add(desktop, "named.json", None, "--format", "json", "--key", "/", "--existing", collection="items")
    both(laptop, desktop)
    assert here.read_text() == items
    assert json.loads(there.read_text()) == {"1": {"name": "Anna"}, "2": {"name": "Bert"}, "3.5": {"name": "Cleo"}}
    assert {event["change"] for event in laptop.json("log", "items")} == {"new"}
    there.write_text('{"1": {"name": "Anne"}, "3.5": {"name": "Cleo"}, "4": {"name": "Dora"}}')
    both(laptop, desktop)
    assert here.read_text().startswith('[\n  {"id": 1, "name": "Anne"},\n  {"id": 3.5, "name": "Cleo"},\n')
    assert json.loads(here.read_text())[2:] == [{"id": "4", "name": "Dora"}]


def test_a_table_that_meets_a_document_of_numbers(two):
    laptop, desktop = two
    table = "sku,name\n10020,Lamp\n20444,Chair\nA-77,Desk\n"
    here = add(laptop, "stock.csv", table, "--format", "csv", "--key", "sku", "--natural", collection="stock")
    laptop.sync()
    there = desktop.source("stock.json")
    items = '[{"sku": 10020, "name": "Lamp"}, {"sku": 20444, "name": "Chair"}, {"sku": "A-77", "name": "Desk"}]'
    there.write_text(items)
    told = desktop.json("add", str(there), "--collection", "stock", "--existing", "--format", "json", "--key", "sku")
    assert told["equal"] == 3
    both(laptop, desktop)
    assert here.read_text() == table and there.read_text() == items
    here.write_text(table.replace("Lamp", "Light").replace("20444,Chair\n", ""))
    both(laptop, desktop)
    assert there.read_text() == '[{"sku": 10020, "name": "Light"}, {"sku": "A-77", "name": "Desk"}]'


TOWNS = "land,code,town\nDE,01067,Dresden\nAT,1010,Wien\n"
BOTH_COLUMNS = ("--format", "csv", "--key", "land", "--key", "code")


def test_a_key_of_more_or_fewer_columns_is_refused(two):
    """Such a source was taken, and filled with rows that said nothing and were then named as broken."""
    laptop, desktop = two
    add(laptop, "towns.csv", TOWNS, *BOTH_COLUMNS, collection="towns")
    add(laptop, "people.csv", PEOPLE, "--format", "csv", "--key", "id")
    laptop.sync()
    for collection, name, said, *options in (
            ("towns", "one.csv", "made of 2 columns", "--format", "csv", "--key", "land"),
            ("towns", "one.json", "--format json has no place", "--format", "json", "--key", "land"),
            ("people", "two.csv", "made of 1 column:", "--format", "csv", "--key", "id", "--key", "name")):
        there = desktop.source(name)
        assert said in desktop.run("add", str(there), "--collection", collection, "--existing", *options, code=2)
        assert not there.exists()
    there = add(desktop, "towns.csv", None, *BOTH_COLUMNS, "--existing", collection="towns")
    both(laptop, desktop)
    assert sorted(there.read_text().splitlines()) == sorted(TOWNS.splitlines())


def test_records_made_apart_by_other_columns_stay_where_they_are(two):
    laptop, desktop = two
    here = add(laptop, "towns.csv", TOWNS, *BOTH_COLUMNS, collection="towns")
    other = "town,inhabitants\nBerlin,3700000\n"
    there = add(desktop, "towns.csv", other, "--format", "csv", "--key", "town", "--timeout", "1s",
                collection="towns")
    for device in laptop, desktop, laptop:
        device.finish("sync")
    for device, file, text, key in (laptop, here, TOWNS, "Berlin"), (desktop, there, other, '["DE","01067"]'):
        found, = device.json("sync", code=1)["collections"]
        assert "its key has no place here" in {one["path"]: one["reason"] for one in found["pending"]}[key]
        assert file.read_text() == text
        edit = text.replace("Dresden", "Dresden-Altstadt").replace("3700000", "3800000")
        file.write_text(edit)
        device.finish("sync")
        assert file.read_text() == edit


def test_history_verify_and_removal(people):
    laptop, desktop, here, there = people
    laptop.add("notes", {"one.txt": "one\n"})
    here.write_text(PEOPLE.replace("Anna", "Ann").replace("2,bert@example.org,Bert\n", "") + "4,,Dora\n")
    both(laptop, desktop)
    told = {(event["collection"], event["change"], event["path"]) for event in laptop.json("log")}
    assert {("people", "new", "1"), ("people", "edited", "1"), ("people", "deleted", "2"),
            ("people", "new", "4"), ("notes", "new", "one.txt")} <= told
    laptop.run("verify")
    laptop.run("remove", str(here))
    assert here.exists() and laptop.sync()["in_sync"]
    laptop.run("verify")


def test_served_saves_arrive(people):
    laptop, desktop, here, there = people
    laptop.serve()
    desktop.serve()
    wait_until(lambda: laptop.json("status")["in_sync"], "both serve")
    here.write_text(PEOPLE.replace("Anna", "Ann"))
    wait_until(lambda: there.read_text() == PEOPLE.replace("Anna", "Ann"), "the other has it")
    beside = there.with_name("beside")
    beside.write_text(there.read_text().replace("Cleo", "Clio"))
    beside.rename(there)  # as editors save
    wait_until(lambda: here.read_text() == there.read_text(), "it comes back")


def test_killed_at_any_moment(people):
    laptop, desktop, here, there = people
    chance = random.Random(5)
    expected = [f"{number},v0,Name_{number}" for number in range(300)]
    here.write_text("id,email,name\n" + "\n".join(expected) + "\n")
    laptop.finish("sync", "--yes")
    for turn in range(1, 16):
        at = chance.randrange(300)
        expected[at] = f"{at},v{turn},Name_{at}"
        here.write_text("id,email,name\n" + "\n".join(expected) + "\n")
        for device in (laptop, desktop):
            process = device.start("sync")
            time.sleep(chance.random() * 0.15)
            device.stop(process, signal.SIGKILL)
    both(laptop, desktop)
    assert sorted(there.read_text().split()) == sorted(here.read_text().split())
    assert here.read_text().splitlines()[1:] == expected
    assert laptop.json("status")["collections"][0]["conflicts"] == []
    left = [name for name in os.listdir(there.parent) if "saved" in name or name.endswith(".counterfoil")]
    assert not left
    laptop.run("verify")


def test_a_save_in_the_last_moment_stays(people):
    laptop, desktop, here, there = people
    with open(there, "a") as open_file:
        here.write_text(PEOPLE.replace("Anna", "Ann"))
        laptop.sync()
        desktop.finish("sync")
        assert there.read_text() == PEOPLE, "somebody has it open for writing"
        open_file.write("9,late@example.org,Late\n")
    both(laptop, desktop)
    assert there.read_text() == here.read_text() == PEOPLE.replace("Anna", "Ann") + "9,late@example.org,Late\n"


def test_the_broker_sees_no_name_and_no_value(people, broker):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("Anna", "Zaphodia"))
    both(laptop, desktop)
    broker.stop()
    for folder, _, files in os.walk(broker.data):
        for name in files:
            content = open(os.path.join(folder, name), "rb").read()
            for secret in (b"Zaphodia", b"example.org", b"people", b"columns", b"email"):
                assert secret not in content


def test_what_is_typed_into_a_new_column_stands_beside_what_others_typed(people):
    laptop, desktop, here, there = people
    rows = PEOPLE.splitlines()
    here.write_text("\n".join([rows[0] + ",town", rows[1] + ",Rome", rows[2] + ",Oslo", rows[3] + ","]) + "\n")
    laptop.sync()
    there.write_text("\n".join([rows[0] + ",town", rows[1] + ",Roma", rows[2] + ",", rows[3] + ",Bonn"]) + "\n")
    both(laptop, desktop, 4)
    conflict, = desktop.json("status")["collections"][0]["conflicts"]
    assert (conflict["path"], conflict["shown"], conflict["value"]) == ("1/town", "Roma", "Rome")
    assert [line.rsplit(",", 1)[1] for line in here.read_text().splitlines()] == ["town", "Roma", "Oslo", "Bonn"]


def test_a_header_alone_is_known_where_it_stands(two):
    """A file that is made has the columns of the first one; one that is there gets none that its user took out of it."""
    laptop, desktop = two
    here, there = laptop.source("people.csv"), desktop.source("people.csv")
    here.write_text("id,name\n")
    for device, path in (laptop, here), (desktop, there):
        device.json("add", str(path), "--collection", "people", "--format", "csv", "--key", "id")
        device.sync()
        desktop.sync()
    assert desktop.json("status")["in_sync"] and not there.exists()
    here.write_text("id,name\nx,Ann\n")
    both(laptop, desktop)
    assert there.read_text() == "id,name\nx,Ann\n" and not desktop.json("status")["collections"][0]["pending"]
    here.write_text("id,name,town\nx,Ann,Ulm\ny,Bob,\n")
    both(laptop, desktop)
    there.write_text("id,name\nx,Ann\ny,Bob\n")
    both(laptop, desktop)
    assert there.read_text() == "id,name\nx,Ann\ny,Bob\n"
    told, = desktop.json("status", "--check")["collections"][0]["pending"]
    assert (told["path"], told["kind"]) == ("column town", "left out") and desktop.json("status")["in_sync"]
    assert "what 1 row has there" in told["reason"] and "first line" in told["reason"]
    there.write_text("id,name,town\nx,Ann,\ny,Bob,Bonn\n")
    both(laptop, desktop)
    assert there.read_text() == here.read_text() == "id,name,town\nx,Ann,Ulm\ny,Bob,Bonn\n"
    assert not desktop.json("status")["collections"][0]["pending"]
