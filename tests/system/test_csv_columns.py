# SPDX-License-Identifier: Apache-2.0
"""A column that one CSV file of a collection is given comes to the others."""

import pytest

from counterfoil import as_nobody, both, broker, make_device, two, wait_until  # noqa: F401
from test_records import add

CSV = ("--format", "csv", "--key", "id")
PEOPLE = "id,name\n1,Ann\n2,Bert\n"
WIDER = "id,name,fax\n1,Ann,7\n2,Bert,\n"


def left_out(device):
    return [one["path"] for one in device.json("status")["collections"][0]["pending"]]


def sheets(two, there=PEOPLE, here=PEOPLE):
    laptop, desktop = two
    mine = add(laptop, "people.csv", here, *CSV)
    laptop.sync()
    desktop.sync()
    theirs = add(desktop, "people.csv", there, *CSV, "--existing")
    both(laptop, desktop)
    return laptop, desktop, mine, theirs


def test_a_new_column_comes_with_what_it_says(two):
    laptop, desktop, here, there = sheets(two)
    here.write_text(WIDER)
    laptop.sync()
    desktop.sync()
    assert there.read_text() == WIDER, "in one sync"
    there.write_text(WIDER.replace("Bert,", "Bert,8"))
    both(desktop, laptop)
    assert here.read_text() == there.read_text() == WIDER.replace("Bert,", "Bert,8")
    assert left_out(laptop) == left_out(desktop) == []
    for device in laptop, desktop:
        assert device.sync()["traffic"]["entries_sent"] == 0


@pytest.mark.parametrize("before, after", [
    ("\ufeffid;name\r\n1;Ann\r\n2;Bert\r\n", "\ufeffid;name;fax;the second\r\n1;Ann;7;x\r\n2;Bert;;\r\n"),
    ("name\tid\n\"Ann\"\t1\nBert\t2\n", "name\tid\tfax\tthe second\n\"Ann\"\t1\t7\tx\nBert\t2\t\t\n"),
    ("id,name\n1,Ann\n2,Bert", "id,name,fax,the second\n1,Ann,7,x\n2,Bert,,"),
], ids=("marked", "tabs", "no last line end"))
def test_the_file_keeps_how_it_is_laid_out(two, before, after):
    laptop, desktop, here, there = sheets(two, there=before)
    here.write_text("id,name,fax,the second\n1,Ann,7,x\n2,Bert,,\n")
    both(laptop, desktop)
    assert there.read_bytes().decode() == after
    assert desktop.sync()["traffic"]["entries_sent"] == 0


def test_a_column_that_is_taken_out_stays_away_here_and_nowhere_else(two):
    laptop, desktop, here, there = sheets(two)
    here.write_text(WIDER)
    both(laptop, desktop)
    there.write_text(PEOPLE)
    both(desktop, laptop)
    both(desktop, laptop)
    assert there.read_text() == PEOPLE and here.read_text() == WIDER
    here.write_text(WIDER.replace("7", "77"))
    both(laptop, desktop)
    assert there.read_text() == PEOPLE and left_out(desktop) == ["column fax"]
    here.write_text("id,name,fax,town\n1,Ann,77,Rom\n2,Bert,,\n")
    both(laptop, desktop)
    assert there.read_text() == "id,name,town\n1,Ann,Rom\n2,Bert,\n", "another one comes all the same"


def test_a_file_that_is_narrower_from_the_first_stays_so(two):
    laptop, desktop, here, there = sheets(two, here=WIDER)
    assert there.read_text() == PEOPLE and left_out(desktop) == ["column fax"]
    here.write_text("id,name,fax,town\n1,Ann,7,Rom\n2,Bert,,\n")
    both(laptop, desktop)
    assert there.read_text() == "id,name,town\n1,Ann,Rom\n2,Bert,\n"


def test_a_name_that_the_file_has_for_another_column_is_left_out(two):
    laptop, desktop, here, there = sheets(two, "id,name,mail\n1,Ann,a@x\n2,Bert,b@x\n", "id,name,mail\n1,Ann,a@x\n2,Bert,b@x\n")
    renamed = "id,name,post\n1,Ann,a@x\n2,Bert,b@x\n"
    there.write_text(renamed)
    both(desktop, laptop)
    here.write_text("id,name,mail,post,town\n1,Ann,a@x,12,Rom\n2,Bert,b@x,,\n")
    both(laptop, desktop)
    assert there.read_text() == "id,name,post,town\n1,Ann,a@x,Rom\n2,Bert,b@x,\n"
    assert left_out(desktop) == ["column post"]
    assert desktop.sync()["traffic"]["entries_sent"] == 0


def test_it_waits_until_all_rows_can_be_read(two):
    laptop, desktop, here, there = sheets(two)
    there.write_text("id,name\n1,Ann\n2,Bert,more\n")
    desktop.sync(1)
    here.write_text(WIDER)
    laptop.sync()
    desktop.sync(1)
    assert there.read_text() == "id,name\n1,Ann\n2,Bert,more\n", "else `more` would be a fax number"
    there.write_text(PEOPLE)
    both(desktop, laptop)
    assert there.read_text() == here.read_text() == WIDER


def test_who_only_sends_gets_none_and_who_only_receives_does(two):
    laptop, desktop, here, there = sheets(two)
    desktop.run("set", str(there), "--mode", "send")
    here.write_text(WIDER)
    laptop.sync()
    desktop.finish("sync")
    assert there.read_text() == PEOPLE
    desktop.run("set", str(there), "--mode", "receive")
    desktop.sync()
    assert there.read_text() == WIDER


def test_it_comes_while_both_serve(two):
    laptop, desktop, here, there = sheets(two)
    laptop.serve()
    desktop.serve()
    here.write_text(WIDER)
    wait_until(lambda: there.read_text() == WIDER, "the column is there")
    there.write_text("id,name,fax,town\n1,Ann,7,Rom\n2,Bert,,\n")
    wait_until(lambda: here.read_text() == there.read_text(), "the other one is here")


def test_a_member_of_objects_is_a_column_and_one_within_an_object_is_none(two):
    laptop, desktop = two
    here = add(laptop, "people.json", '[{"id": "1", "name": "Ann"}]', "--format", "json", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.csv", None, *CSV, "--existing", collection="people")
    both(laptop, desktop)
    assert there.read_text() == "id,name\n1,Ann\n"
    here.write_text('[{"id": "1", "name": "Ann", "fax": "7", "tags": {"a": 1}}]')
    both(laptop, desktop)
    assert there.read_text() == "id,name,fax\n1,Ann,7\n" and left_out(desktop) == ["column tags/a"]


def test_what_stands_in_a_document_beside_its_records_is_no_column(two):
    """Nobody can write it into the first line: it is of no row that the table has a place for."""
    laptop, desktop = two
    here = add(laptop, "people.json", '{"version": 3, "by": {"name": "x"}, "people": [{"id": "1", "name": "Ann"}]}', "--format", "json", "--key", "/people/id")
    both(laptop, desktop)
    there = add(desktop, "people.csv", None, *CSV, "--existing", collection="people")
    both(laptop, desktop)
    assert there.read_text() == "id,name\n1,Ann\n" and left_out(desktop) == ["document"]
    here.write_text('{"version": 3, "fax": 1, "people": [{"id": "1", "name": "Ann", "tags": {"a": 1}}]}')
    both(laptop, desktop)
    assert there.read_text() == "id,name\n1,Ann\n" and left_out(desktop) == ["column tags/a", "document"]
    (told,) = [one for one in desktop.json("status", "--check")["collections"][0]["pending"] if one["path"] == "document"]
    assert "beside the records elsewhere: 2 members, as fax, stay" in told["reason"], told


def test_a_status_adds_nothing(two):
    laptop, desktop, here, there = sheets(two)
    here.write_text(WIDER)
    laptop.sync()
    desktop.run("set", str(there), "--mode", "send")
    desktop.finish("sync")
    desktop.run("set", str(there), "--mode", "both")
    desktop.run("status")
    assert there.read_text() == PEOPLE


def test_an_edit_made_apart_goes_out_with_the_column_that_comes(two):
    laptop, desktop, here, there = sheets(two)
    here.write_text(WIDER)
    laptop.sync()
    there.write_text(PEOPLE.replace("Bert", "Bob"))
    both(desktop, laptop)
    assert here.read_text() == there.read_text() == WIDER.replace("Bert", "Bob")


def test_a_file_that_cannot_be_written_still_sends(two, as_nobody, tmp_path):
    laptop, desktop, here, there = sheets(two)
    here.write_text(WIDER)
    laptop.sync()
    there.write_text(PEOPLE.replace("Bert", "Bob"))
    as_nobody(desktop, desktop.home, there)
    there.parent.chmod(0o555)
    done = desktop.finish("sync")
    there.parent.chmod(0o777)
    assert done.returncode == 1 and "people.csv" in done.stdout + done.stderr, done
    laptop.sync()
    assert "Bob" in here.read_text()
    desktop.sync()
    assert here.read_text() == there.read_text()


@pytest.mark.parametrize("lacking, comes", [(4095, True), (4096, False)])
def test_beside_as_many_columns_as_are_kept_none_comes_by_itself(two, lacking, comes):
    """4,096 that it goes without are kept, in two files that have half of them each."""
    laptop, desktop = two
    names = [f"c{number}" for number in range(lacking)]
    first = add(laptop, "first.csv", f"id,{','.join(names[:2100])}\na{',x' * 2100}\n", *CSV, "--natural")
    second = add(laptop, "second.csv", f"id,{','.join(names[2100:])}\nb{',x' * (lacking - 2100)}\n", *CSV)
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.csv", "id,name\nc,Carl\n", *CSV, "--existing")
    both(laptop, desktop)
    both(laptop, desktop)
    assert there.read_text() == "id,name\nc,Carl\na,\nb,\n"
    # To the one that is looked at first, whichever that is, the other's columns come: it is full.
    narrow, key = min((first, "a"), (second, "b"), key=lambda one: len(one[0].read_text()))
    fax = {"id": ",fax", key: ",7"}
    narrow.write_text("".join(line + fax.get(line.split(",")[0], ",") + "\n" for line in narrow.read_text().splitlines()))
    both(laptop, desktop)
    rows = "".join(f"{row},,{'7' if row == key else ''}\n" for row in "ab")
    assert there.read_text() == ("id,name,fax\nc,Carl,\n" + rows if comes else "id,name\nc,Carl\na,\nb,\n")


@pytest.mark.parametrize("format", ("csv", "json"))
def test_a_key_that_is_called_as_a_field_is_refused(two, format):
    """It would stand twice in each object; and a name there would be the number of somebody here."""
    laptop, desktop = two
    add(laptop, "people.csv", PEOPLE, *CSV)
    laptop.sync()
    there = desktop.source("people.there")
    add_there = "add", str(there), "--collection", "people", "--existing", "--format", format, "--key"
    said = desktop.run(*add_there, "name", code=2)
    assert "'name' is a field of the records in 'people', not their key" in said and "which in one is " in said, said
    assert not there.exists() and desktop.json("status")["collections"] == []
    desktop.run(*add_there, "id")
    both(laptop, desktop)
    assert "Bert" in there.read_text()


@pytest.mark.parametrize("format", ("csv", "json"))
def test_a_column_that_comes_later_and_is_called_as_the_key_here_is_left_out(two, format):
    laptop, desktop = two
    here = add(laptop, "people.csv", PEOPLE, *CSV)
    laptop.sync()
    there = add(desktop, "people.there", None, "--format", format, "--key", "nr", "--existing")
    desktop.sync()
    before = there.read_text()
    wider = "id,name,nr\n1,Ann,7\n2,Bert,8\n"
    here.write_text(wider)
    both(laptop, desktop)
    assert there.read_text() == before
    kind = "column" if format == "csv" else "member"
    assert left_out(desktop) == [f"{kind} nr"]
    said = desktop.run("status")
    assert f"the key has this name here: what 2 rows have there stays with those that have it; to have it here, " \
        f"`counterfoil remove {there}`, then add it again with another --key" in said, said
    there.write_text(before.replace("Bert", "Bertha"))
    both(desktop, laptop)
    assert here.read_text() == wider.replace("Bert", "Bertha")
    here.write_text(PEOPLE.replace("Bert", "Bertha"))
    both(laptop, desktop)
    both(laptop, desktop)
    assert there.read_text() == before.replace("Bert", "Bertha")
