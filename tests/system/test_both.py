# SPDX-License-Identifier: Apache-2.0
"""Two edits of one telephone number: both are kept, that is told, and it ends by the user's word or deed."""

import pytest

from counterfoil import broker, make_device, two  # noqa: F401

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:ann\r\nFN:Ann\r\nN:;Ann;;;\r\nTEL:100\r\nEND:VCARD\r\n"


def edit(folder, before, after):
    (card,) = folder.iterdir() if not (folder / "ann.vcf").exists() else [folder / "ann.vcf"]
    card.write_text(card.read_text().replace(before, after))


def numbers(folder):
    return sorted(line[4:] for line in (folder / "ann.vcf").read_text().split() if line.startswith("TEL:"))


@pytest.fixture
def edited(two):  # noqa: F811
    laptop, desktop = two
    here = laptop.add("cards", {"ann.vcf": CARD}, "--format", "vcard", "--collection", "cards")
    laptop.sync()
    desktop.sync()
    there = desktop.add("cards", {}, "--format", "vcard", "--collection", "cards", "--existing")
    desktop.sync()
    edit(here, "TEL:100", "TEL:111")
    edit(there, "TEL:100", "TEL:222")
    for device in (laptop, desktop, laptop):
        assert device.sync()["in_sync"], "nothing waits, and nothing is hidden"
    assert numbers(here) == numbers(there) == ["111", "222"]
    return laptop, desktop, here, there


def test_two_edits_of_one_number_are_told_as_both_kept(edited):
    for device in edited[:2]:
        (told,) = device.json("conflicts", code=4)
        assert told["kind"] == "both" and told["path"] == "ann/phones"
        assert {told["value"]["number"], told["shown"]["number"]} == {"111", "222"}
        assert device.json("status")["collections"][0]["conflicts"] == [
            {key: value for key, value in told.items() if key != "collection"}
        ]
        assert "both kept cards//ann/phones: " in device.run("status")
        device.run("status", "--check")


def test_of_two_numbers_that_both_changed_both_are_told(edited):
    laptop, desktop, here, there = edited
    laptop.run("conflicts", "resolve", "cards//ann/phones", "--keep", "both", code=0)
    for device in (laptop, desktop):
        device.sync()
    for folder, end in (here, 3), (there, 4):
        for number in 11, 22:
            edit(folder, f"TEL:{number}{number % 10}", f"TEL:{number}{end}")
    for device in (laptop, desktop, laptop):
        assert device.sync()["in_sync"]
    assert numbers(here) == numbers(there) == ["113", "114", "223", "224"]
    for device in (laptop, desktop):
        told = device.json("conflicts", code=4)
        assert sorted(sorted((one["value"]["number"], one["shown"]["number"])) for one in told) == [["113", "114"], ["223", "224"]]
        assert len({one["id"] for one in told}) == 2
    assert "2 fields settled" in laptop.run("conflicts", "resolve", told[0]["id"], "--keep", "both")


def test_who_deletes_one_ends_it(edited):
    laptop, desktop, here, there = edited
    edit(there, "TEL:111", "NOTE:one is enough")
    desktop.sync()
    laptop.sync()
    assert numbers(here) == numbers(there) == ["222"]
    for device in (laptop, desktop):
        assert device.json("conflicts") == []


@pytest.mark.parametrize("which", ["path", "pattern", "id"])
def test_who_means_both_says_so(edited, which):
    laptop, desktop, here, there = edited
    (told,) = laptop.json("conflicts", code=4)
    for keep in ("mine", "1", "7"):
        said = laptop.run("conflicts", "resolve", "cards//ann/phones", "--keep", keep, code=2)
        assert "values that are both shown: --keep both says that both are meant" in said
        assert "row" not in said and "no such version" not in said
    word = {"path": "cards//ann/phones", "pattern": "cards//*", "id": told["id"]}[which]
    laptop.run("conflicts", "resolve", word, "--keep", "both", "-n", code=4)
    assert laptop.json("conflicts", code=4) == [told]
    laptop.run("conflicts", "resolve", word, "--keep", "both")
    laptop.sync()
    desktop.sync()
    for device, folder in ((laptop, here), (desktop, there)):
        assert device.json("conflicts") == []
        assert numbers(folder) == ["111", "222"]
    edit(here, "TEL:111", "TEL:333")
    edit(there, "TEL:222", "TEL:444")
    for device in (laptop, desktop, laptop):
        device.sync()
    assert numbers(here) == numbers(there) == ["333", "444"]
    assert laptop.json("conflicts") == [], "they are two numbers now"


def test_both_devices_may_say_so_at_once(edited):
    laptop, desktop, here, there = edited
    laptop.run("conflicts", "resolve", "cards//*", "--keep", "both")
    desktop.run("conflicts", "resolve", "cards//*", "--keep", "both")
    for device in (laptop, desktop, laptop):
        device.sync()
    assert numbers(here) == numbers(there) == ["111", "222"]
    for device in (laptop, desktop):
        assert device.json("conflicts") == []


def test_both_are_not_what_a_pattern_of_fields_means(edited):
    """The field is settled, and what is both kept stays listed: nothing failed."""
    laptop, desktop, here, there = edited
    edit(here, "FN:Ann", "FN:Anna")
    edit(there, "FN:Ann", "FN:Anne")
    for device in (laptop, desktop, laptop):
        device.finish("sync")  # there are conflicts
    assert sorted(one["kind"] for one in laptop.json("conflicts", code=4)) == ["both", "field"]
    done = laptop.finish("conflicts", "resolve", "cards//*", "--keep", "mine")
    assert (done.returncode, done.stdout, done.stderr) == (
        4, "1 field settled\n", "counterfoil: `counterfoil sync` writes that here, and tells the others\n")
    assert [one["kind"] for one in laptop.json("conflicts", code=4)] == ["both"]
    laptop.finish("sync")
    assert "FN:Anna" in (here / "ann.vcf").read_text()
