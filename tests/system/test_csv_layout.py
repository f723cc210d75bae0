# SPDX-License-Identifier: Apache-2.0
"""How a CSV file is laid out: one that a device makes is as the collection's first one."""

import csv

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_records import add

CSV = ("--format", "csv", "--key", "id")


def made(device, *, name="made.csv", key="id"):
    """The file that a device makes."""
    device.sync()
    path = add(device, name, None, "--format", "csv", "--key", key, "--existing")
    device.sync()
    return path.read_bytes()


def test_a_file_that_is_made_is_laid_out_as_the_first_one(two):
    """Order of columns, also of one that is empty, separator, mark of the byte order, line ends."""
    laptop, desktop = two
    table = "\ufeffname;id;tel;born;\r\nAnn;1;030;;\r\nBob;2;;;\r\n"
    laptop.source("people.csv").write_bytes(table.encode())
    add(laptop, "people.csv", None, *CSV)
    laptop.sync()
    assert made(desktop) == table.encode()


def test_a_line_that_tells_the_separator_is_told_too(two):
    laptop, desktop = two
    here = add(laptop, "people.csv", "sep=;\nzip;id\n1,5;1\n", *CSV)
    laptop.sync()
    assert made(desktop) == here.read_bytes()


def test_where_all_is_quoted_all_is_quoted(two):
    """Numbers and what is empty, too."""
    laptop, desktop = two
    here = add(laptop, "people.csv", '"tel","id","name"\n"","1","Ann"\n"030","2","B ""Bob"""\n', *CSV)
    laptop.sync()
    assert made(desktop) == here.read_bytes()
    desktop.source("made.csv").write_bytes(here.read_bytes() + b'"7","3","Carl"\n')
    both(desktop, laptop)
    assert here.read_bytes() == desktop.source("made.csv").read_bytes()


def test_a_header_without_rows_is_made_with_the_first_row(two):
    laptop, desktop = two
    here = add(laptop, "people.csv", "id\ttel\tname\n", *CSV)
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.csv", None, *CSV, "--existing")
    desktop.sync()
    here.write_text("id\ttel\tname\nx\t\tAnn\n")
    both(laptop, desktop)
    assert there.read_bytes() == here.read_bytes()


def test_the_key_has_the_name_that_each_device_says(two):
    laptop, desktop = two
    add(laptop, "people.csv", "tel;No;name\n030;1;Ann\n", "--format", "csv", "--key", "No")
    laptop.sync()
    assert made(desktop, key="id") == b"tel;id;name\n030;1;Ann\n"


def test_the_first_one_tells_anew_what_becomes_of_it_and_no_other_does(two):
    laptop, desktop = two
    here = add(laptop, "people.csv", "id;tel;name\n1;030;Ann\n", *CSV)
    laptop.sync()
    desktop.sync()
    add(desktop, "people.csv", "name,id,fax,tel\nAnn,1,7,030\n", *CSV, "--existing", "--rows", "same")
    both(laptop, desktop)
    here.write_text("id;tel;town;name\n1;030;Rom;Ann\n")
    both(laptop, desktop)
    assert made(desktop) == b"id;tel;town;name;fax\n1;030;Rom;Ann;7\n"
    entries = len(laptop.json("log"))
    both(laptop, desktop)
    assert len(laptop.json("log")) == entries


def test_a_file_that_is_there_keeps_its_own(two):
    laptop, desktop = two
    add(laptop, "people.csv", "id;tel;name\n1;030;Ann\n", *CSV)
    laptop.sync()
    desktop.sync()
    there = add(desktop, "people.csv", "name,id,tel\r\n", *CSV, "--existing")
    desktop.sync()
    assert there.read_bytes() == b"name,id,tel\r\nAnn,1,030\r\n"


def test_its_user_s_layout_wins_over_what_is_told_and_is_not_told(two):
    """What the first source tells is for files that are made: also anew, it lays out none that is there."""
    laptop, desktop = two
    here = add(laptop, "people.csv", "id;tel;name\n1;030;Ann\n", *CSV)
    laptop.sync()
    assert made(desktop) == here.read_bytes()
    there = desktop.source("made.csv")
    there.write_bytes(b"name,tel,id\r\nAnn,030,1\r\n")
    here.write_text("tel;id;name\n030;1;Ann\n040;2;Bob\n")
    both(laptop, desktop)
    assert there.read_bytes() == b"name,tel,id\r\nAnn,030,1\r\nBob,040,2\r\n"
    assert here.read_bytes() == b"tel;id;name\n030;1;Ann\n040;2;Bob\n"
    there.write_bytes(b"name,tel,id\r\nAnna,030,1\r\nBob,040,2\r\n")
    both(desktop, laptop)
    assert here.read_bytes() == b"tel;id;name\n030;1;Anna\n040;2;Bob\n"
    assert made(desktop, name="third.csv") == here.read_bytes()
    assert there.read_bytes() == b"name,tel,id\r\nAnna,030,1\r\nBob,040,2\r\n"


def test_a_column_that_only_others_have_is_told_of(two):
    laptop, desktop = two
    add(laptop, "people.csv", "id;tel;fax;name\n1;030;7;Ann\n2;040;;Bert\n", *CSV)
    laptop.sync()
    desktop.sync()
    add(desktop, "people.csv", "name,id,tel\r\n", *CSV, "--existing")
    desktop.sync()

    def left_out(device):
        return {one["path"]: one["reason"] for one in device.json("status")["collections"][0]["pending"]}

    told = left_out(desktop)
    assert list(told) == ["column fax"] and "no such column here" in told["column fax"] and "1 row " in told["column fax"]
    assert left_out(laptop) == {}


def test_rows_of_separators_and_blanks_at_a_sheet_s_end_are_nothing(two):
    """With a line end, and without one: sheets save both."""
    laptop, desktop = two
    rows = "id,name,tel\n1,Ann,5\n2,Bob,6\n"
    for number, blank in enumerate((" , , \n", "\t,\t,\n,,\n", "  \n", ",,", "  ,,", '"","",""')):
        name = f"people{number}.csv"
        here = add(laptop, name, rows + blank, *CSV, "--collection", f"people{number}")
        told = laptop.sync()["collections"][-1]
        assert told["items"] == 2 and told["pending"] == [] and told["in_sync"], (blank, told)
        desktop.sync()
        there = add(desktop, name, None, *CSV, "--collection", f"people{number}", "--existing")
        desktop.sync()
        assert there.read_text() == rows, blank
        there.write_text(rows.replace("Bob", "Robert") + "3,Carl,7\n")
        both(desktop, laptop)
        assert [line for line in csv.reader(here.read_text().splitlines()) if "".join(line).strip()] == \
            [["id", "name", "tel"], ["1", "Ann", "5"], ["2", "Robert", "6"], ["3", "Carl", "7"]], blank
