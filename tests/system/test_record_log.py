# SPDX-License-Identifier: Apache-2.0
"""The history of files and records, in one order, with the names that people know."""

from counterfoil import broker, make_device, two  # noqa: F401

PEOPLE = "name,email,town\nanna,anna@example.org,Paris\nbert,bert@example.org,Rome\n"


def told(device, *arguments):
    """The newest last."""
    return [
        (event["collection"], event["change"], event["path"], event.get("fields", []))
        for event in reversed(device.json("log", *arguments)) if not event["collection"].startswith("(")
    ]


def test_a_file_and_a_record_in_one_order(two):
    laptop, desktop = two
    notes = laptop.add("notes", {"one.txt": "one\n"})
    people = laptop.source("people.csv")
    people.write_text(PEOPLE)
    laptop.json("add", str(people), "--collection", "people", "--format", "csv", "--key", "name")
    laptop.sync()
    begun = len(told(laptop))
    (notes / "one.txt").write_text("two\n")
    laptop.sync()
    people.write_text(PEOPLE.replace("Paris,", "Oslo,").replace("anna@example.org,Paris", "a@example.org,Oslo"))
    laptop.sync()
    (notes / "one.txt").rename(notes / "uno.txt")
    laptop.sync()
    people.write_text(people.read_text().replace("bert,bert@example.org,Rome\n", "cleo,,Bonn\n"))
    laptop.sync()
    expected = [
        ("notes", "edited", "one.txt", []),
        ("people", "edited", "anna", ["email", "town"]),
        ("notes", "moved", "uno.txt", []),
        ("people", "deleted", "bert", []),
        ("people", "new", "cleo", []),
    ]
    here = told(laptop)[begun:]
    assert here[:3] == expected[:3] and sorted(here[3:]) == expected[3:]
    desktop.sync()
    there = told(desktop)[begun:]
    assert there == here, "one order everywhere"
    text = laptop.run("log")
    assert "people: edited anna: email, town" in text


def test_one_record_by_its_key(two):
    laptop, _ = two
    people = laptop.source("people.csv")
    people.write_text(PEOPLE)
    laptop.json("add", str(people), "--collection", "people", "--format", "csv", "--key", "name")
    laptop.sync()
    people.write_text(PEOPLE.replace("Rome", "Oslo"))
    laptop.sync()
    people.write_text(PEOPLE.replace("bert,bert@example.org,Rome\n", ""))
    laptop.sync()
    assert told(laptop, "people//bert") == [
        ("people", "new", "bert", []), ("people", "edited", "bert", ["town"]), ("people", "deleted", "bert", [])
    ]
    assert told(laptop, "people//bert", "-n", "1") == [("people", "deleted", "bert", [])]
    assert len(told(laptop, str(people))) == 4
    laptop.run("log", "people//nobody", code=3)
    laptop.run("log", "nothing//bert", code=3)
    assert told(laptop, "people//anna") == [("people", "new", "anna", [])]
