# SPDX-License-Identifier: Apache-2.0
"""What a verb is to do on a disk that has just begun to hang, which nobody has noticed yet: the verb says so and ends, and
holds nobody up, in a process of its own and beside `serve`."""

import pytest

from counterfoil import broker, make_device, two, wait_until  # noqa: F401
from disks import disk, make_disk, stick  # noqa: F401
from test_hang import ENDS, HANGS, HANGS_TEXT, expect_wait, hanging  # noqa: F401

VERBS = (("set", "--poll", "20s"), ("set", "--mode", "send"), ("repair", "--refill"), ("remove",))
ASKING = (("status", "", 0), ("status", "/in/b", 0), ("log", "/in/b", 0), ("sync", "", 1))


def of_verbs(*verbs):
    return pytest.mark.parametrize("verb", verbs, ids=" ".join)


def end(process):
    """What it says, and its code."""
    output, said = process.communicate(timeout=ENDS)
    return output + said, process.returncode


@HANGS
@of_verbs(*VERBS)
@pytest.mark.parametrize("named", ("path", "name"))
def test_beside_serve_it_says_so_and_others_go_on(hanging, verb, named):
    laptop = hanging.laptop
    serving = laptop.serve()
    laptop.json("status")
    hanging.hang(serving)
    changing = laptop.start(verb[0], str(hanging.here) if named == "path" else "notes", *verb[1:])
    hanging.expect_others_synced("while")
    said, code = end(changing)
    assert HANGS_TEXT in said and code == 1
    if verb == ("remove",):
        assert f"{hanging.here}/.counterfoil stays there" in said and "notes: " not in laptop.run("status")
    else:
        hanging.expect_named(laptop.json("status"))
    hanging.expect_others_synced("later")
    hanging.go_on()
    assert laptop.stop(serving) == 0


@HANGS
@pytest.mark.parametrize("verb, below, code", ASKING)
def test_beside_serve_what_changes_nothing_is_answered(hanging, verb, below, code):
    laptop = hanging.laptop
    serving = laptop.serve()
    laptop.json("status")
    hanging.hang(serving)
    asking = laptop.start(verb, f"{hanging.here}{below}")
    hanging.expect_others_synced("while")
    said, ended = end(asking)
    assert ended == code and ("in/b" if verb == "log" else HANGS_TEXT) in said
    hanging.expect_named(laptop.json("status"))
    hanging.expect_others_synced("later")
    hanging.go_on()
    assert laptop.stop(serving) == 0


@HANGS
@of_verbs(*VERBS)
@pytest.mark.parametrize("named", ("path", "name"))
def test_alone_it_says_so(hanging, verb, named):
    laptop = hanging.laptop
    hanging.hang()
    said, code = end(laptop.start(verb[0], str(hanging.here) if named == "path" else "notes", *verb[1:]))
    assert HANGS_TEXT in said and code == 1
    hanging.go_on()
    left = laptop.json("status")
    assert ("notes" in {source["name"] for source in left["collections"]}) == (verb != ("remove",))
    if verb != ("remove",):
        hanging.expect_whole()


@HANGS
@pytest.mark.parametrize("serves", (True, False))
@pytest.mark.parametrize("rehearses", ((), ("-n",)), ids=("adds", "rehearses"))
def test_a_folder_there_is_not_added(hanging, serves, rehearses):
    laptop = hanging.laptop
    new = hanging.here.parent / "new"
    new.mkdir()
    serving = laptop.serve() if serves else None
    laptop.json("status")
    hanging.hang(serving)
    said, code = end(laptop.start("add", str(new), *rehearses))
    assert HANGS_TEXT in said and code == 1
    if serves:
        hanging.expect_others_synced("while")
    hanging.go_on()
    assert "new" not in {source["name"] for source in laptop.json("status")["collections"]}
    assert not serving or laptop.stop(serving) == 0


@HANGS
@of_verbs(*VERBS)
def test_a_timeout_ends_it_before(hanging, verb):
    """Before one that waits as long as it may, and was there before."""
    laptop = hanging.laptop
    serving = laptop.serve()
    laptop.json("status")
    hanging.hang(serving)
    patient = laptop.start("set", "notes", "--mode", "send")
    said, code = end(laptop.start(verb[0], "notes", *verb[1:], "--timeout", "1s"))
    assert HANGS_TEXT in said and code == 1
    assert patient.poll() is None
    said, code = end(patient)
    assert HANGS_TEXT in said and code == 1
    hanging.expect_named(laptop.json("status"))
    hanging.go_on()
    assert laptop.stop(serving) == 0


@HANGS
def test_what_answers_again_in_time_is_done(hanging):
    laptop = hanging.laptop
    serving = laptop.serve()
    laptop.json("status")
    hanging.hang(serving)
    setting = laptop.start("set", str(hanging.here), "--mode", "send")
    expect_wait(serving)
    hanging.go_on()
    said, code = end(setting)
    assert "only sends" in said and code == 0
    assert laptop.stop(serving) == 0
