# SPDX-License-Identifier: Apache-2.0
"""A member of a JSON document that is an object for one and something else for another: one of both is shown, the other listed."""

import json

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_json_lists import JSON, conflicts, text
from test_records import add


def joined(two, before, *options):
    laptop, desktop = two
    here = add(laptop, "s.json", text(before), *JSON, *options, collection="settings")
    laptop.sync()
    there = add(desktop, "s.json", None, *JSON, *options, "--existing", collection="settings")
    desktop.sync()
    return here, there


def apart(two, files, mine, theirs, code=4):
    """Each writes one; returns what both have when they have heard of each other, and come to rest."""
    for device, file, document in zip(two, files, (mine, theirs)):
        file.write_text(text(document))
        device.finish("status")
    both(*two, code)
    for device in two:
        assert device.sync(code)["traffic"]["entries_sent"] == 0, "nothing is published that no user did"
        device.run("status", "--check", code=code)
    documents = [json.loads(file.read_text()) for file in files]
    assert documents[0] == documents[1]
    return documents[0]


OTHERS = ({"t": 1}, "light"), ({"t": 1, "theme": "x"}, 5), ({"t": 1, "theme": {"name": "x"}}, None), ({"t": 1, "theme": {}}, [1])


@pytest.mark.parametrize("before, other", OTHERS, ids=["new", "text", "object", "empty"])
@pytest.mark.parametrize("keep", (1, 2))
def test_one_is_shown_and_the_other_listed(two, before, other, keep):
    files = joined(two, before)
    object_ = {"t": 1, "theme": {"name": "dark"}}
    assert apart(two, files, object_, {"t": 1, "theme": other}) == {"t": 1, "theme": other}, "what was written later"
    listed, = two[0].json("conflicts", code=4)
    assert (listed["path"], listed["value"], listed["shown"]) == ("/theme/name", "dark", other)
    assert conflicts(two[1], 4) == ["/theme/name"]
    two[1].run("conflicts", "resolve", listed["id"], "--keep", str(keep))
    both(*two)
    for file in files:
        assert json.loads(file.read_text()) == (object_ if keep == 2 else {"t": 1, "theme": other})
    assert conflicts(two[0]) == conflicts(two[1]) == []


def test_what_is_null_is_told_so(two):
    """As JSON says it: nothing is what a field says that is gone."""
    files = joined(two, {"t": 1, "theme": "x"})
    assert apart(two, files, {"t": 1, "theme": None}, {"t": None, "theme": {"name": None}}) == {"t": None, "theme": {"name": None}}
    assert "not shown is null, written on laptop" in two[0].run("conflicts", code=4)
    told = two[0].run("log", "settings")
    assert "theme/name null\n" in told and "edited the document: theme null\n" in told


def test_an_object_that_is_written_later_is_shown_whole(two):
    files = joined(two, [{"id": 1, "n": "x"}], "--key", "id", "--natural")
    object_ = [{"id": 1, "n": "x", "p": {"q": 1, "r": {"s": 2}}}]
    assert apart(two, files, [{"id": 1, "n": "x", "p": "text"}], object_) == object_
    assert conflicts(two[0], 4) == conflicts(two[1], 4) == ["1/p"]
    files[0].write_text(text([{"id": 1, "n": "x"}]))
    both(*two)
    assert json.loads(files[1].read_text()) == [{"id": 1, "n": "x"}], "cleared: neither of them is back"


def test_names_with_slashes_are_told_apart(two):
    def document(value):
        return {"a/b": {"c": value + "1"}, "a": {"b/c": value + "2", "b": {"c": value + "3"}}, "~": value}

    files = joined(two, document("x"))
    assert apart(two, files, document("A"), document("B")) == document("B")
    names = ["a/b/c", "a/b~1c", "a~1b/c", "~0"]
    assert sorted(conflicts(two[0], 4)) == ["/" + name for name in names]
    assert [len(one["fields"]) for one in two[0].json("log", "settings", "-n", "1")] == [4]
    shown = two[1].run("show", "settings//")
    assert all(name in shown for name in names)
    two[1].run("conflicts", "resolve", "settings///a~1b/c", "--keep", "2", code=4)
    assert sorted(conflicts(two[1], 4)) == ["/" + name for name in names if name != "a~1b/c"]
    both(*two, 4)
    assert json.loads(files[0].read_text()) == {**document("B"), "a/b": {"c": "A1"}}


@pytest.mark.parametrize("first", (True, False))
def test_an_object_without_members_has_those_that_another_gave_it(two, first):
    files = joined(two, {"t": 1, "s": {"a": 1}})
    versions = [{"t": 1, "s": {}}, {"t": 1, "s": {"a": 1, "b": 1}}]
    assert apart(two, files, *(versions if first else versions[::-1]), code=0) == {"t": 1, "s": {"b": 1}}
    files[0].write_text(text({"t": 1}))
    both(*two)
    assert json.loads(files[1].read_text()) == {"t": 1}
