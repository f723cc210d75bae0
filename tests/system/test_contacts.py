# SPDX-License-Identifier: Apache-2.0
"""Address books: folders of vCards and files with many of them, synced field by field."""

import json
import re
import shutil
import signal

import pytest
import vobject

from cards import EXPORTS, Pair, card, conflicts, edit, entries, fill, items, pending, write
from counterfoil import broker, make_device, two, wait_until  # noqa: F401
from translation_scene import Translated

ANNA = card("anna", "Anna Example", "N:Example;Anna;;;", "EMAIL:anna@example.org", "TEL;TYPE=CELL:+49 1",
            "X-LUCKY:7", "REV:2026-11-01T08:00:00Z")
BERT = card("bert", "Bert Example", "EMAIL:bert@example.org")
CLEO = card("cleo", "Cleo Example", "EMAIL:cleo@example.org")
PEOPLE = {"anna.vcf": ANNA, "Bert Example.vcf": BERT, "cleo.vcf": CLEO}


@pytest.fixture
def people(two):
    """A folder on both."""
    laptop, desktop = two
    here = fill(laptop.source("people"), PEOPLE)
    return Pair(laptop, desktop, "vcard", here, desktop.source("people"))


def test_a_folder_arrives_as_one_file_each(people):
    assert sorted(items(people.there)) == ["anna.vcf", "bert.vcf", "cleo.vcf"]
    assert items(people.here) == PEOPLE, "names and bytes are kept"
    for line in ("X-LUCKY:7", "VERSION:3.0", "N:Example;Anna;;;"):
        assert f"\r\n{line}\r\n" in items(people.there)["anna.vcf"]


def test_a_file_that_became_one_of_another_kind_deletes_nothing(people):
    calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:e\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    write(people.here / "cleo.vcf", calendar)
    people.laptop.sync(1)
    people.desktop.sync()
    assert "begins no card, and there is none in the file" in pending(people.laptop)["cleo.vcf"]
    assert sorted(items(people.there)) == ["anna.vcf", "bert.vcf", "cleo.vcf"]
    assert (people.here / "cleo.vcf").read_bytes().decode() == calendar
    (people.here / "cleo.vcf").unlink()
    people.both()
    assert sorted(items(people.there)) == ["anna.vcf", "bert.vcf"], "the file may go"


def test_a_business_card_changed_on_both(people):
    edit(people.there / "anna.vcf", "anna@example.org", "anna@new.example")
    edit(people.here / "anna.vcf", "+49 1", "+49 2")
    people.both()
    for folder in (people.here, people.there):
        merged = items(folder)["anna.vcf"]
        assert "anna@new.example" in merged and "+49 2" in merged
        assert "anna@example.org" not in merged and "+49 1" not in merged
    assert conflicts(people.laptop) == conflicts(people.desktop) == []


def test_telephones_merge_as_a_set_and_one_name_is_shown(people):
    edit(people.here / "anna.vcf", "TEL;TYPE=CELL:+49 1", "TEL;TYPE=CELL:+49 2\r\nTEL;TYPE=HOME:+49 30")
    edit(people.here / "anna.vcf", "FN:Anna Example", "FN:Anna First")
    people.laptop.sync()
    edit(people.there / "anna.vcf", ":+49 1", ":+49 3")
    edit(people.there / "anna.vcf", "FN:Anna Example", "FN:Anna Second")
    people.desktop.sync(4)
    people.laptop.sync(4)
    for folder, device in ((people.here, people.laptop), (people.there, people.desktop)):
        merged = items(folder)["anna.vcf"]
        assert sorted(re.findall(r"^TEL.*:(.*)\r$", merged, re.M)) == ["+49 2", "+49 3", "+49 30"]
        assert "FN:Anna Second" in merged and "Anna First" not in merged
        assert conflicts(device) == ["anna/name/full", "anna/phones"], "both numbers are kept, and told"


def test_two_numbers_that_were_both_kept_are_both_what_they_are_changed_to(people):
    """One entry shows both, and takes one of them."""
    edit(people.here / "anna.vcf", ":+49 1", ":+49 2")
    edit(people.there / "anna.vcf", ":+49 1", ":+49 3")
    people.both()
    edit(people.here / "anna.vcf", ":+49 2", ":+49 5")
    edit(people.here / "anna.vcf", ":+49 3", ":+49 6")
    people.both()
    for folder in people.here, people.there:
        assert sorted(re.findall(r"^TEL.*:(.*)\r$", items(folder)["anna.vcf"], re.M)) == ["+49 5", "+49 6"]


def grouped(text):
    """What stands together in a group, whatever that is called."""
    groups = {}
    for group, line in re.findall(r"(?m)^([\w-]+)\.(.*?)\r?$", text.replace("\r\n ", "")):
        name, value = line.split(":", 1)
        groups.setdefault(group, set()).add(f"{name.upper()}:{value}")
    return sorted(map(sorted, groups.values()))


BOAT = "TEL:+49 7", "X-ABLABEL:Boat"
THERE = {"a telephone": ("TEL:+49 8", "X-ABLABEL:Car"), "a link": ("URL:https://example.org", "X-ABLABEL:Site"),
         "without a label": ("EMAIL:boat@example.org", "X-PORT:Ulm"), "a day": ("X-ABDATE:2001-02-03", "X-ABLABEL:Launch")}


@pytest.mark.parametrize("there", THERE)
@pytest.mark.parametrize("first", [0, 1], ids=["here first", "there first"])
def test_what_two_devices_put_into_groups_of_one_name_stays_apart(people, there, first):
    """Programs of Apple's and Google's call the first one item1, on each device."""
    acts = [(people.laptop, people.here, BOAT), (people.desktop, people.there, THERE[there])]
    for device, folder, lines in acts[::-1 if first else 1]:
        edit(folder / "anna.vcf", "END:VCARD", "".join(f"item1.{line}\r\n" for line in lines) + "END:VCARD")
        device.sync()
    people.both()
    wanted = sorted(map(sorted, (BOAT, THERE[there])))
    for folder in people.here, people.there:
        assert grouped(items(folder)["anna.vcf"]) == wanted, items(folder)["anna.vcf"]
        vobject.readOne(items(folder)["anna.vcf"]).validate(raiseException=True)
    assert conflicts(people.laptop) == [] and pending(people.laptop) == pending(people.desktop) == {}
    before = entries(people.laptop)
    people.both()
    assert entries(people.laptop) == before, "nothing goes back and forth"
    edit(people.there / "anna.vcf", "TEL:+49 7", "TEL:+49 77")
    people.both()
    edit(people.here / "anna.vcf", ":Boat", ":Ship")
    people.both()
    wanted = sorted(map(sorted, (("TEL:+49 77", "X-ABLABEL:Ship"), THERE[there])))
    assert grouped(items(people.here)["anna.vcf"]) == grouped(items(people.there)["anna.vcf"]) == wanted


def test_labels_of_one_group_by_name_from_json(two):
    """As earlier versions wrote them into the log, too, where the name of a group was a part of what was said."""
    people = Translated(two, "vcard", {"anna.vcf": ANNA}, "people.json", "--format", "json")
    here, there = people.here, people.there
    (anna,) = json.loads(there.read_text())
    for number, label in (7, "Boat"), (8, "Car"):
        anna["phones"][label] = {"number": f"+49 {number}", "label": label, "vCardParams": {"group": "item1"}}
    there.write_text(json.dumps([anna]))
    before = there.read_bytes()
    people.both()
    people.both()
    wanted = sorted(map(sorted, (BOAT, THERE["a telephone"])))
    assert grouped(people.card("anna.vcf")) == wanted and pending(people.laptop) == {} and there.read_bytes() == before
    edit(here / "anna.vcf", "TEL:+49 7", "TEL:+49 77")
    people.both()
    assert json.loads(there.read_text())[0]["phones"] == {**anna["phones"], "Boat": {**anna["phones"]["Boat"], "number": "+49 77"}}


def test_what_did_not_change_keeps_its_bytes(two):
    laptop, desktop = two
    here, there = laptop.source("people.vcf"), desktop.source("people")
    names = ("apple", "khard", "nextcloud", "google", "thunderbird", "evolution", "outlook")
    export = b"".join((EXPORTS / f"{name}.vcf").read_bytes().rstrip() + b"\r\n" for name in names)
    write(here, export)
    pair = Pair(laptop, desktop, "vcard", here, there)
    found = items(there)
    assert len(found) == len(re.findall(rb"^UID", export, re.M | re.I)), "one a card"
    pair.both()
    assert here.read_bytes() == export
    name, text = min(found.items())
    edit(there / name, text, text.replace("END:VCARD", "NOTE:met in Ulm\r\nEND:VCARD"))
    pair.both()
    assert {name: text for name, text in items(there).items() if "Ulm" not in text} == \
        {other: text for other, text in found.items() if other != name}
    changed = here.read_bytes()
    assert b"met in Ulm" in changed
    lines, before = changed.splitlines(), export.splitlines()
    assert [line for line in lines if b"met in Ulm" not in line] == before, "one line, and nothing else"


def test_a_renamed_file_is_no_change(people):
    (people.here / "Bert Example.vcf").rename(people.here / "bertram.vcf")
    before = entries(people.laptop)
    people.both()
    assert entries(people.laptop) == before
    edit(people.there / "bert.vcf", "bert@example.org", "bert@new.example")
    people.both()
    found = items(people.here)
    assert "bert@new.example" in found["bertram.vcf"] and sorted(found) == ["anna.vcf", "bertram.vcf", "cleo.vcf"]


def test_a_program_that_only_stamps_is_left_alone(people):
    before = entries(people.laptop)
    edit(people.here / "anna.vcf", "REV:2026-11-01T08:00:00Z", "REV:2026-11-20T08:00:00Z")
    stamped = items(people.here)["anna.vcf"]
    people.both()
    assert entries(people.laptop) == before and items(people.here)["anna.vcf"] == stamped


def test_contacts_are_deleted_and_many_need_the_users_word(people):
    (people.here / "Bert Example.vcf").unlink()
    people.both()
    assert sorted(items(people.there)) == ["anna.vcf", "cleo.vcf"]
    fill(people.here, {f"{n}.vcf": card(f"n{n}", f"Number {n}") for n in range(10)})
    people.both()
    for n in range(10):
        (people.here / f"{n}.vcf").unlink()
    for name in "anna", "cleo":
        (people.here / f"{name}.vcf").unlink()
    held = people.laptop.run("sync", code=8)
    assert "--max-delete" in held and f"`counterfoil repair {people.here} --refill` brings them back" in held
    assert f"`counterfoil sync {people.here} --yes`" in held
    assert len(items(people.there)) == 12
    people.laptop.sync(0, "--yes")
    assert people.desktop.finish("sync").returncode == 8
    assert len(items(people.there)) == 12 and "12 of 12 items were deleted elsewhere" in str(pending(people.desktop))
    people.desktop.sync(0, "--max-delete", "12")
    assert sorted(items(people.there)) == []


def test_a_folder_that_vanishes_or_is_emptied_deletes_nothing(people):
    fill(people.here, {f"{n}.vcf": card(f"n{n}", f"Number {n}") for n in range(9)})
    people.both()
    aside = people.here.with_name("aside")
    people.here.rename(aside)
    assert "is not there" in str(people.laptop.finish("sync"))
    people.here.mkdir()
    assert "is not the folder that was added" in str(people.laptop.finish("sync"))
    people.here.rmdir()
    aside.rename(people.here)
    for path in people.here.glob("*.vcf"):
        path.unlink()
    assert people.laptop.finish("sync").returncode == 8
    people.desktop.sync()
    assert len(items(people.there)) == 12
    people.laptop.run("repair", str(people.here), "--refill")
    people.laptop.sync()
    assert len(items(people.here)) == 12


BAD = {
    "half.vcf": "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Half\r\n",
    "latin.vcf": b"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:latin\r\nFN:J\xfcrgen\r\nEND:VCARD\r\n",
    "long.vcf": "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:long\r\nNOTE:" + "x" * 10_000_000 + "\r\nEND:VCARD\r\n",
    "deep.vcf": card("deep", "Deep").replace("END:VCARD", "BEGIN:X-A\r\n" * 200 + "END:X-A\r\n" * 200 + "END:VCARD"),
    "empty.vcf": "",
    "noise.vcf": bytes(range(256)),
    "again.vcf": BERT,
}


def test_what_is_in_trouble_is_named_and_holds_back_nothing(people):
    bad = {name: text if isinstance(text, bytes) else text.encode() for name, text in BAD.items()}
    for name, text in bad.items():
        write(people.here / name, text)
    (people.here / "below").mkdir()
    write(people.here / "below" / "dora.vcf", card("dora", "Dora"))
    write(people.here / "color", "#ff0000")
    write(people.here / ".hidden.vcf", card("hidden", "Hidden"))
    write(people.here / "emil.vcf", card("emil", "Emil"))
    edit(people.here / "cleo.vcf", "cleo@example.org", "cleo@new.example")
    people.laptop.finish("sync")
    people.desktop.sync()
    found = items(people.there)
    assert sorted(found) == ["anna.vcf", "bert.vcf", "cleo.vcf", "emil.vcf"] and "cleo@new.example" in found["cleo.vcf"]
    reasons = pending(people.laptop)
    assert set(reasons) == {*bad, "below"} and all(": " in reason for reason in reasons.values()), "each says what to do"
    assert reasons["empty.vcf"].startswith("there is no contact in it: ")
    assert "has the UID of Bert Example.vcf" in reasons["again.vcf"], reasons
    assert people.laptop.finish("status", "--check").returncode == 1
    (people.here / "cleo.vcf").unlink()  # while others are in trouble
    people.laptop.finish("sync")
    people.desktop.sync()
    assert sorted(items(people.there)) == ["anna.vcf", "bert.vcf", "emil.vcf"]
    assert {name: (people.here / name).read_bytes() for name in bad} == bad


def test_a_file_that_was_cut_off_is_no_deletion(people):
    write(people.here / "anna.vcf", "")
    people.laptop.finish("sync")
    people.desktop.sync()
    assert "anna.vcf" in items(people.there) and list(pending(people.laptop)) == ["anna.vcf"]


def test_a_card_that_breaks_is_not_deleted_elsewhere(people):
    whole = items(people.here)["anna.vcf"]
    write(people.here / "anna.vcf", whole[:len(whole) // 2])
    edit(people.there / "anna.vcf", "+49 1", "+49 2")
    people.desktop.sync()
    people.laptop.finish("sync")
    assert items(people.here)["anna.vcf"] == whole[:len(whole) // 2] and "anna.vcf" in pending(people.laptop)
    (people.here / "anna.vcf").rename(people.here / "moved.vcf")  # and is another file now
    people.laptop.finish("sync")
    people.laptop.finish("sync")
    people.desktop.sync()
    assert "anna.vcf" in items(people.there) and "moved.vcf" in pending(people.laptop)
    write(people.here / "moved.vcf", whole)
    people.both()
    assert "+49 2" in items(people.here)["moved.vcf"] and pending(people.laptop) == {}


def test_a_card_is_named_by_its_file(people):
    laptop, here = people.laptop, people.here

    def listed(name):
        (told,) = laptop.json("status", str(here / name))["collections"]
        return [(one["kind"], one["path"]) for one in told["pending"]]

    assert 'new anna "Anna Example"' in laptop.run("log", "anna.vcf", folder=here)
    assert "bert" in laptop.run("log", str(here / "Bert Example.vcf"))
    assert "bert" not in laptop.run("log", str(here / "anna.vcf"))
    edit(here / "anna.vcf", "+49 1", "+49 2")
    write(here / "dora.vcf", card("dora", "Dora Example"))
    (here / "cleo.vcf").unlink()
    for _ in range(2):
        assert listed("anna.vcf") == [("unsent", "anna")]
        assert listed("dora.vcf") == [("unsent", "dora")]
        assert listed("cleo.vcf") == [("unsent", "cleo")], "by what it held"
        assert listed("Bert Example.vcf") == []
    told = laptop.run("status", str(here / "anna.vcf"))
    assert "unsent    anna: it was changed here" in told and "nothing of it" not in told
    assert "no such file" in laptop.run("status", str(here / "emil.vcf"), code=3)
    assert "knows nothing of" in laptop.run("log", str(here / "dora.vcf"), code=3)
    laptop.sync()
    log = laptop.run("log", str(here / "anna.vcf")).splitlines()
    assert len(log) == 2 and "edited anna" in log[0]
    assert "new dora" in laptop.run("log", str(here / "dora.vcf"))
    write(here / "two.vcf", card("emil", "Emil") + card("fred", "Fred"))
    assert listed("two.vcf") == [("unsent", "emil"), ("unsent", "fred")]
    laptop.sync()
    assert laptop.json("lock", str(here / "anna.vcf"))["path"] == "anna"
    assert laptop.json("locks")[0]["path"] == "anna"
    laptop.run("unlock", str(here / "anna.vcf"))
    assert "lock one of them" in laptop.run("lock", str(here / "two.vcf"), code=2)


def test_served_changes_arrive_both_ways(people):
    for device in (people.laptop, people.desktop):
        device.serve()
    edit(people.here / "anna.vcf", "+49 1", "+49 2")
    wait_until(lambda: "+49 2" in items(people.there)["anna.vcf"], "the change arrives")
    write(people.there / "dora.vcf", card("dora", "Dora"))
    wait_until(lambda: "dora.vcf" in items(people.here), "the new one arrives")
    with open(people.there / "dora.vcf", "r+b") as file:  # a save in place shows in no folder's time
        file.write(card("dora", "Dana").encode())
    wait_until(lambda: "Dana" in items(people.here)["dora.vcf"], "the save arrives")
    (people.here / "cleo.vcf").unlink()
    wait_until(lambda: "cleo.vcf" not in items(people.there), "the deletion arrives")


def test_killed_while_it_writes(people):
    many = {f"{n}.vcf": card(f"n{n}", f"Number {n}") for n in range(300)}
    fill(people.there, many)
    people.desktop.sync()
    for wait in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3):
        process = people.laptop.start("sync")
        try:
            process.communicate(timeout=wait)
        except Exception:
            people.laptop.stop(process, signal.SIGKILL)
    before = entries(people.desktop)
    people.both()
    assert entries(people.desktop) == before, "nothing of our own was published"
    assert len(items(people.here)) == 303 == len(items(people.there))
    assert list((people.here / ".counterfoil" / "tmp").iterdir()) == []


def test_a_file_on_both_sides(two):
    laptop, desktop = two
    here, there = laptop.source("people.vcf"), desktop.source("all.vcf")
    write(here, ANNA + BERT)
    pair = Pair(laptop, desktop, "vcard", here, there)
    assert there.read_bytes().decode().count("BEGIN:VCARD") == 2
    edit(there, "+49 1", "+49 2")
    edit(here, "anna@example.org", "anna@new.example")
    pair.both()
    merged = (ANNA + BERT).replace("TYPE=CELL:+49 1", "TYPE=cell:+49 2").replace("anna@example.org", "anna@new.example")
    assert here.read_bytes().decode() == merged, "and nothing else"
    write(there, "")
    desktop.finish("sync")
    laptop.sync()
    assert here.read_bytes().decode().count("BEGIN:VCARD") == 2, "an emptied file deletes nothing"


def test_options_that_make_no_sense(two):
    laptop, _ = two
    here = fill(laptop.source("people"), PEOPLE)
    assert "--key" in laptop.run("add", str(here), "--format", "vcard", "--key", "x", code=2)
    assert "is not there" in laptop.run("add", str(laptop.source("none")), "--format", "vcard", code=3)
    laptop.json("add", str(here), "--collection", "people", "--format", "vcard")
    csv = laptop.source("people.csv")
    csv.write_text("id\n")
    assert "holds contacts" in laptop.run("add", str(csv), "--collection", "people", "--format", "csv", "--key", "id",
                                          code=2)
    laptop.run("remove", str(here))
    assert items(here) == PEOPLE and not (here / ".counterfoil").exists()


def test_a_folder_within_is_synced_as_the_message_says(people):
    laptop, here = people.laptop, people.here
    fill(here / "work", {"carl.vcf": card("carl", "Carl")})
    named, = laptop.sync(1)["collections"][0]["pending"]
    assert named["path"].endswith("work") and "move it out of the source, and add it as one of its own" in named["reason"], named
    told = laptop.run("add", str(here / "work"), "--format", "vcard", "--collection", "work", code=2)
    assert f"lie in each other: move one of them, or `counterfoil remove` that source" in told
    outside = here.with_name("work")
    (here / "work").rename(outside)
    laptop.run("add", str(outside), "--format", "vcard", "--collection", "work")
    assert all(one["in_sync"] and not one["pending"] for one in laptop.sync()["collections"])
