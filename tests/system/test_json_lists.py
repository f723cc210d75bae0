# SPDX-License-Identifier: Apache-2.0
"""Lists of a JSON document whose objects have an id: two who change one apart have what both did."""

import json

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_records import add

BASE = {"unit": "g", "servers": [{"id": "a", "port": 1}, {"id": "b", "port": 2}, {"id": "c", "port": 3}]}
JSON = "--format", "json"


def text(document):
    return json.dumps(document, indent=2) + "\n"


def server(name, port, **more):
    return {"id": name, "port": port, **more}


def edit(file, change):
    document = json.loads(file.read_text())
    change(document["servers"] if isinstance(document, dict) else document)
    file.write_text(text(document))


def servers(file):
    return json.loads(file.read_text())["servers"]


def put(name, **members):
    """Changes one, or adds it at the end."""

    def change(list_):
        for one in list_:
            if one["id"] == name:
                one.update(members)
                return
        list_.append({"id": name, **members})

    return change


def take(name):
    def change(list_):
        list_[:] = [one for one in list_ if one["id"] != name]

    return change


@pytest.fixture
def settings(two):
    laptop, desktop = two
    here = add(laptop, "s.json", text(BASE), *JSON, collection="settings")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "s.json", None, *JSON, "--existing", collection="settings")
    desktop.sync()
    return laptop, desktop, here, there


def apart(settings, mine, theirs, code=0):
    """Each does these, one after the other, before they hear of each other; returns the list that both have then."""
    laptop, desktop, here, there = settings
    for device, file, changes in (laptop, here, mine), (desktop, there, theirs):
        for change in changes:
            edit(file, change)
            device.finish("status")
    both(laptop, desktop, code)
    for device in laptop, desktop:
        assert device.sync(code)["traffic"]["entries_sent"] == 0, "it has come to rest"
    assert servers(here) == servers(there)
    return servers(here)


def conflicts(device, code=0):
    return [one["path"] for one in device.json("conflicts", code=code)]


def test_both_have_what_either_did(settings):
    assert apart(settings, [put("a", port=9), put("x", port=7)], [put("b", port=8), put("y", port=6), take("c")]) == [
        server("a", 9), server("b", 8), server("y", 6), server("x", 7)], "behind what is shown, what the other one added"
    assert conflicts(settings[0]) == conflicts(settings[1]) == []


def test_many_edits_on_both_sides_and_again(settings, broker):
    laptop, desktop, here, there = settings
    for round_ in range(2):
        broker.stop()
        for device, file, name in (laptop, here, "a"), (desktop, there, "b"):
            for step in range(3):
                edit(file, put(name, port=100 * round_ + step))
                edit(file, put(f"{name}{round_}{step}", port=step))
                device.run("sync", code=5)
        broker.restart()
        both(laptop, desktop)
        assert servers(here) == servers(there)
    names = {one["id"] for one in servers(here)}
    assert len(names) == len(servers(here)) == 3 + 12 and conflicts(laptop) == []
    assert servers(here)[:2] == [server("a", 102), server("b", 102)]


def test_what_one_took_away_and_the_other_changed_stays(settings):
    assert apart(settings, [take("a"), take("b")], [put("a", port=5)]) == [server("a", 5), server("c", 3)]


CLASH = [put("a", port=9), put("x", port=7)], [put("a", port=8), put("b", port=0)]
SHOWN = [server("a", 8), server("b", 0), server("c", 3), server("x", 7)]


def test_of_lists_in_which_both_changed_one_thing_the_rest_is_there_and_the_other_listed(settings):
    laptop, desktop, here, there = settings
    assert apart(settings, *CLASH, code=4) == SHOWN, "of one thing what was written later is shown"
    assert conflicts(laptop, 4) == conflicts(desktop, 4) == ["/servers"]
    listed = laptop.json("conflicts", code=4)[0]
    laptop.run("conflicts", "resolve", listed["id"], "--keep", "2")
    both(laptop, desktop)
    assert servers(there) == [server("a", 9), *BASE["servers"][1:], server("x", 7)] and conflicts(desktop) == []


@pytest.mark.parametrize("who", [0, 1])
def test_what_is_taken_out_of_such_a_list_stays_out(settings, who):
    laptop, desktop, here, there = settings
    apart(settings, *CLASH, code=4)
    for change in take("x"), take("c"), put("y", port=1), put("b", port=5):
        edit((here, there)[who], change)
        both(laptop, desktop, 4)
    assert servers(here) == servers(there) == [server("a", 8), server("b", 5), server("y", 1)]
    assert conflicts(laptop, 4) == conflicts(desktop, 4) == ["/servers"]
    for device in laptop, desktop:
        assert device.sync(4)["traffic"]["entries_sent"] == 0
    listed = laptop.json("conflicts", code=4)[0]
    laptop.run("conflicts", "resolve", listed["id"], "--keep", "1")
    both(laptop, desktop)
    assert servers(here) == servers(there) == [server("a", 8), server("b", 5), server("y", 1)] and conflicts(desktop) == []


def test_who_says_what_the_other_did_settles_it(settings):
    laptop, desktop, here, there = settings
    apart(settings, *CLASH, code=4)
    edit(here, put("a", port=9))
    both(laptop, desktop)
    both(laptop, desktop)
    assert servers(here) == servers(there) == [server("a", 9), *SHOWN[1:]] and conflicts(laptop) == conflicts(desktop) == []


def test_what_each_does_to_such_a_list_apart_merges(settings):
    laptop, desktop, here, there = settings
    apart(settings, *CLASH, code=4)
    assert apart(settings, [put("h", port=1), take("c")], [put("t", port=2), put("a", port=7)], code=4) == [
        server("a", 7), server("b", 0), server("x", 7), server("t", 2), server("h", 1)]
    assert set(conflicts(laptop, 4)) == set(conflicts(desktop, 4)) == {"/servers"}


def test_what_is_taken_out_of_a_merged_list_stays_out(settings):
    laptop, desktop, here, there = settings
    apart(settings, [put("x", port=1)], [put("x", port=1), put("y", port=2)])
    edit(there, put("z", port=3))
    desktop.finish("status")
    edit(here, take("x"))
    edit(here, take("y"))
    both(laptop, desktop)
    both(laptop, desktop)
    assert servers(here) == servers(there) == [*BASE["servers"], server("z", 3)]


def test_an_order_that_one_gave_stays_and_what_the_other_added_is_there(settings):
    assert [one["id"] for one in apart(settings, [list.reverse], [put("x", port=7)])] == ["c", "x", "b", "a"]


def test_lists_within_lists_and_beside_records(two):
    laptop, desktop = two
    base = {"hosts": BASE["servers"], "people": [{"key": 1, "mails": [{"id": 1, "at": "x"}]}]}
    here = add(laptop, "s.json", text(base), *JSON, "--key", "/people/key", collection="settings")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "s.json", None, *JSON, "--key", "/people/key", "--existing", collection="settings")
    desktop.sync()
    for file, name in (here, "h"), (there, "t"):
        document = json.loads(file.read_text())
        document["hosts"].append(server(name, 1, rules=[{"id": name}]))
        document["people"][0]["mails"].append({"id": name, "at": name})
        file.write_text(text(document))
    both(laptop, desktop)
    both(laptop, desktop)
    document = json.loads(here.read_text())
    assert document == json.loads(there.read_text())
    assert {one["id"] for one in document["hosts"]} == {"a", "b", "c", "h", "t"}
    assert {one["id"] for one in document["people"][0]["mails"]} == {1, "h", "t"}


def test_settings_that_were_made_apart_have_the_elements_of_both(two):
    laptop, desktop = two
    here = add(laptop, "s.json", text({"servers": [server("a", 1), server("b", 2)]}), *JSON, collection="settings")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "s.json", text({"servers": [server("a", 1), server("c", 3)]}), *JSON, "--existing", collection="settings")
    both(laptop, desktop)
    both(laptop, desktop)
    assert servers(here) == servers(there)
    assert {one["id"] for one in servers(here)} == {"a", "b", "c"} and conflicts(laptop) == []


@pytest.mark.parametrize("list_", [[1, 2], [{"name": "a"}], [{"id": "a"}, {"id": "a", "port": 1}]])
def test_other_lists_are_one_value(settings, list_):
    laptop, desktop, here, there = settings
    for file, more in (here, {"id": "x", "n": 1}), (there, {"id": "x", "n": 2}):
        file.write_text(text({"unit": "g", "servers": [*list_, more]}))
    both(laptop, desktop, 4)
    assert servers(here) == servers(there) == [*list_, {"id": "x", "n": 2}]
    assert conflicts(laptop, 4) == ["/servers"]


@pytest.mark.parametrize("size, merged", [(10_000, True), (12_000, False)])
def test_a_list_that_would_be_longer_than_an_entry_is_one_value(settings, size, merged):
    """65,536 bytes."""
    laptop, desktop, here, there = settings
    edit(here, put("long", text="x" * 42_000))
    both(laptop, desktop)
    for file, name in (here, "h"), (there, "t"):
        edit(file, put(name, text="y" * size))
    both(laptop, desktop, 0 if merged else 4)
    assert servers(here) == servers(there)
    assert {one["id"] for one in servers(here)} == {"a", "b", "c", "long", "t", *(["h"] if merged else [])}


def test_three_at_once(settings, make_device):
    laptop, desktop, here, there = settings
    phone = make_device("phone")
    laptop.pair(phone)
    phone.sync()
    third = add(phone, "s.json", None, *JSON, "--existing", collection="settings")
    phone.sync()
    assert servers(third) == BASE["servers"]
    for file, name in (here, "a"), (there, "b"), (third, "c"):
        edit(file, put(name, port=9))
        edit(file, put(f"{name}{name}", port=4))
    for device in (laptop, desktop, phone) * 3:
        device.finish("sync")
    assert servers(here) == servers(there) == servers(third)
    assert sorted(map(repr, servers(here))) == sorted(map(repr, [
        *(server(name, 9) for name in "abc"), *(server(name * 2, 4) for name in "abc")]))
    for device in laptop, desktop, phone:
        assert device.sync()["traffic"]["entries_sent"] == 0 and conflicts(device) == []


@pytest.mark.parametrize("what", ["people", "people//1"])
def test_a_list_that_another_has_locked_waits(two, what):
    laptop, desktop = two
    here = add(laptop, "s.json", text([{"key": 1, "servers": BASE["servers"]}]), *JSON, "--key", "key")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "s.json", None, *JSON, "--key", "key", "--existing")
    desktop.sync()
    for device, file, name in (laptop, here, "x"), (desktop, there, "y"):
        document = json.loads(file.read_text())
        document[0]["servers"].append(server(name, 1))
        file.write_text(text(document))
    desktop.sync()
    laptop.run("lock", what, "--for", "10m")
    laptop.finish("sync")
    desktop.finish("sync")
    laptop.run("unlock", what)
    both(laptop, desktop)
    both(laptop, desktop)
    assert json.loads(here.read_text()) == json.loads(there.read_text())
    assert {one["id"] for one in json.loads(here.read_text())[0]["servers"]} == {"a", "b", "c", "x", "y"}


def test_who_only_receives_shows_what_others_merged(settings, make_device):
    laptop, desktop, here, there = settings
    desktop.run("set", str(there), "--mode", "receive")
    phone = make_device("phone")
    laptop.pair(phone)
    phone.sync()
    third = add(phone, "s.json", None, *JSON, "--existing", collection="settings")
    phone.sync()
    edit(here, put("x", port=1))
    edit(third, put("y", port=2))
    for device in laptop, phone, laptop, desktop:
        device.finish("sync")
    assert servers(there) == servers(here) and {"x", "y"} <= {one["id"] for one in servers(there)}
