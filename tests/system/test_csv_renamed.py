# SPDX-License-Identifier: Apache-2.0
"""A column of a CSV file that gets another name in the first line, and keeps its values, is the same column."""

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_records import PEOPLE, add, people  # noqa: F401


def pending(device):
    return [one["path"] for one in device.json("status")["collections"][0]["pending"]]


def test_a_column_with_another_name_is_the_same(people):
    laptop, desktop, here, there = people
    renamed = PEOPLE.replace("email", "mail", 1)
    here.write_text(renamed)
    entries = len(laptop.json("log"))
    both(laptop, desktop)
    assert len(laptop.json("log")) == entries and pending(laptop) == pending(desktop) == []
    assert (here.read_text(), there.read_text()) == (renamed, PEOPLE)
    here.write_text(renamed.replace("anna@example.org", "anna@new.example"))
    there.write_text(PEOPLE.replace("bert@example.org", "bert@new.example"))
    both(laptop, desktop)
    for before in "anna", "bert":
        renamed = renamed.replace(f"{before}@example.org", f"{before}@new.example")
    assert (here.read_text(), there.read_text()) == (renamed, renamed.replace("mail", "email", 1))
    there.write_text(there.read_text().replace("email", "mail", 1))
    both(laptop, desktop)
    assert here.read_text() == there.read_text() == renamed and pending(laptop) == pending(desktop) == []
    here.write_text(here.read_text().replace("mail", "email", 1))
    both(laptop, desktop)
    assert (here.read_text(), there.read_text()) == (renamed.replace("mail", "email", 1), renamed)
    assert pending(laptop) == pending(desktop) == []


def test_a_column_whose_values_do_not_all_stay_is_another(people):
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("email", "mail", 1).replace("anna@example.org", "anna@new.example"))
    both(laptop, desktop)
    assert pending(laptop) == ["column email"] and pending(desktop) == []
    header, ann, *rest = PEOPLE.splitlines()
    mails = [row.split(",")[header.split(",").index("email")] for row in rest]
    assert there.read_text().splitlines() == [f"{header},mail", f"{ann},anna@new.example", *(f"{row},{mail}" for row, mail in zip(rest, mails))]


def test_a_name_that_another_device_gives_a_new_column_meanwhile(people):
    """Written into the first line it would be there twice: the advice is to rename the first one, and then that can be done."""
    laptop, desktop, here, there = people
    here.write_text(PEOPLE.replace("email", "mail", 1))
    both(laptop, desktop)
    there.write_text("".join(f"{row},{more}\n" for row, more in zip(PEOPLE.splitlines(), ("mail", "x", "y", "z"))))
    both(desktop, laptop)
    (told,) = laptop.json("status")["collections"][0]["pending"]
    assert told["path"] == "column mail" and told["reason"].endswith("the one of this name in the first line is called email elsewhere: rename that one")
    here.write_text(PEOPLE.replace("email", "post", 1))
    laptop.sync()
    (told,) = laptop.json("status")["collections"][0]["pending"]
    assert told["path"] == "column mail" and told["reason"].endswith("write it into the first line to have it here")
    here.write_text("".join(f"{row},{more}\n" for row, more in zip(here.read_text().splitlines(), ("mail", "", "", ""))))
    both(laptop, desktop)
    assert pending(laptop) == pending(desktop) == []
    assert here.read_text() == there.read_text().replace("email", "post", 1) and ",x\n" in there.read_text()


def test_a_column_that_is_renamed_before_the_file_was_ever_looked_at_is_the_same(two):
    """It was made here; nothing was looked at since."""
    laptop, desktop = two
    here = add(laptop, "people.csv", PEOPLE, "--format", "csv", "--key", "id")
    both(laptop, desktop)
    there = add(desktop, "people.csv", None, "--format", "csv", "--key", "id", "--existing")
    desktop.sync()
    assert there.read_text() == PEOPLE
    there.write_text(PEOPLE.replace("email", "mail", 1))
    both(desktop, laptop)
    assert here.read_text() == PEOPLE and there.read_text() == PEOPLE.replace("email", "mail", 1)
    assert pending(laptop) == pending(desktop) == []
    there.write_text(there.read_text().replace("anna@example.org", "anna@new.example"))
    both(desktop, laptop)
    assert here.read_text() == PEOPLE.replace("anna@example.org", "anna@new.example")


def test_a_column_that_is_renamed_as_another_comes_is_the_same(people):
    """Of the new one only the name is typed: the rows end before it."""
    laptop, desktop, here, there = people
    header, *rows = PEOPLE.splitlines()
    here.write_text("".join(f"{line}\n" for line in [f"{header.replace('email', 'mail')},note", *rows]))
    both(laptop, desktop)
    assert here.read_text() == with_column(PEOPLE.replace("email", "mail", 1), "note", "") and there.read_text() == PEOPLE
    there.write_text(PEOPLE.replace("anna@example.org", "anna@new.example"))
    both(desktop, laptop)
    assert here.read_text() == with_column(PEOPLE.replace("email", "mail", 1).replace("anna@example.org", "anna@new.example"), "note", "")
    assert pending(laptop) == pending(desktop) == []


def test_a_name_that_others_have_is_theirs(two):
    laptop, desktop = two
    there = add(desktop, "people.csv", "id,a,b\nx,1,7\ny,2,8\n", "--format", "csv", "--key", "id")
    both(desktop, laptop)
    here = add(laptop, "people.csv", "id,a\nx,1\ny,2\n", "--format", "csv", "--key", "id", "--existing")
    both(laptop, desktop)
    here.write_text("id,b\nx,1\ny,2\n")
    laptop.sync(4)
    assert sorted(one["path"] for one in laptop.json("conflicts", code=4)) == ["x/b", "y/b"], "what is typed there is a change beside theirs"
    assert there.read_text() == "id,a,b\nx,1,7\ny,2,8\n"
    desktop.sync(4)
    laptop.sync(4)
    assert pending(laptop) == ["column a"], "which the other one has"


def rename(device, others, here, before, name):
    here.write_text(here.read_text().replace(before, name, 1))
    both(device, *others)


def with_column(text, name, value):
    header, *rows = text.splitlines()
    return "".join(f"{line}\n" for line in [f"{header},{name}", *(f"{row},{value}" for row in rows)])


def add_column(file, name, value):
    file.write_text(with_column(file.read_text(), name, value))


def test_a_new_column_with_the_name_of_before_is_refused(people):
    """Else what it says, which may be nothing, is what the column says everywhere."""
    laptop, desktop, here, there = people
    rename(laptop, [desktop], here, "email", "mail")
    add_column(here, "email", "")
    text = here.read_text()
    told = laptop.run("sync", code=1)
    assert "mail was called email before: give the new column another name" in told
    desktop.sync()
    assert (here.read_text(), there.read_text()) == (text, PEOPLE)
    rename(laptop, [desktop], here, ",email", ",address")
    assert there.read_text() == PEOPLE and pending(laptop) == []


def test_a_column_that_has_its_name_again_leaves_the_other_free(people):
    laptop, desktop, here, there = people
    rename(laptop, [desktop], here, "email", "mail")
    rename(laptop, [desktop], here, "mail", "email")
    assert here.read_text() == PEOPLE
    add_column(here, "mail", "x")
    both(laptop, desktop)
    assert pending(laptop) == pending(desktop) == [] and there.read_text() == with_column(PEOPLE, "mail", "x")


def test_the_name_between_two_is_free(people):
    laptop, desktop, here, there = people
    rename(laptop, [desktop], here, "email", "mail")
    rename(laptop, [desktop], here, "mail", "post")
    add_column(here, "mail", "x")
    both(laptop, desktop)
    assert pending(laptop) == pending(desktop) == [] and there.read_text() == with_column(PEOPLE, "mail", "x")
    rename(laptop, [desktop], here, "anna@example.org", "anna@new.example")
    assert there.read_text() == with_column(PEOPLE.replace("anna@example.org", "anna@new.example"), "mail", "x")
