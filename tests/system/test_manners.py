# SPDX-License-Identifier: Apache-2.0
"""What the commands say when there is little to say, too much, or something is gone."""

import os
import re
import shutil

import pytest

from counterfoil import WAIT, broker, make_device, pair_of_notes, two, wait_until  # noqa: F401


def test_who_has_nothing_yet_hears_what_to_do_next(make_device):
    device = make_device("laptop")
    device.init()
    for verb in "status", "sync", "collections":
        done = device.finish(verb)
        assert done.returncode == 0 and "counterfoil add SOURCE" in done.stderr, done
        assert device.finish("-q", verb).stderr == ""


def test_a_long_list_is_cut_for_people_only(make_device):
    device = make_device("laptop")
    device.init()
    source = device.add("notes", {f"{i}": "x" for i in range(150)})
    os.mkfifo(source / "pipe")
    lines = device.run("status").splitlines()
    assert len(lines) == 104 and "50 more" in lines[-2] and "no broker is set" in lines[-1]
    assert "  skipped   pipe: a FIFO, which is not synced: move it elsewhere" in lines, "one of another kind is not hidden"
    assert len(device.json("status")["collections"][0]["pending"]) == 151


@pytest.mark.parametrize("lost", ["keys", "store"])
def test_what_is_left_of_a_home_needs_repair(make_device, tmp_path, lost):
    device = make_device("laptop")
    device.init()
    shutil.move(f"{device.home}/{lost}", tmp_path / "aside")
    for verb in "status", "sync", "verify", "serve":
        assert "gone" in device.run(verb, code=7)


@pytest.mark.parametrize("cut", ["keys", "format"])
def test_of_a_home_with_a_file_that_is_cut_short_the_next_step_is_named(make_device, cut):
    device = make_device("laptop")
    device.init()
    open(f"{device.home}/{cut}", "w").close()
    for verb in "status", "sync", "verify", "serve":
        said = device.run(verb, code=7)
        assert "cut short" in said and "move it away and `counterfoil join`, or `recover`" in said, said


def test_serve_says_once_that_the_broker_is_away(pair_of_notes, broker):
    laptop, _, here, _ = pair_of_notes
    serve = laptop.serve()
    broker.stop()
    for i in range(4):  # each has it try at once
        (here / "one.txt").write_text(f"{i}\n")
        laptop.sync(code=5)
    broker.restart()
    assert laptop.sync()["in_sync"]
    broker.stop()
    laptop.sync(code=5)
    serve.terminate()
    messages = serve.communicate(timeout=WAIT)[1].splitlines()
    assert sum("it refuses the connection" in line for line in messages) == 2, messages


def test_a_home_of_another_format_is_left_alone(make_device):
    device = make_device("laptop")
    device.init()
    with open(device.home + "/format", "w") as file:
        file.write("2\n")
    for verb in "status", "sync", "verify":
        assert "format" in device.run(verb, code=7)
    with open(device.home + "/format", "w") as file:
        file.write("1\n")
    device.run("verify")


def test_who_wants_errors_only_hears_nothing_else(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    done = laptop.finish("sync", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    os.mkfifo(here / "pipe")
    done = laptop.finish("sync", "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "counterfoil: notes: pipe: a FIFO, which is not synced: move it elsewhere\n"


def test_who_asks_the_broker_too_much_hears_for_how_long(broker, make_device):
    broker.start("--limit", "waste-per-second=1")
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    laptop.add("notes", {"one.txt": "one\n"})
    for _ in range(60):
        done = laptop.finish("sync")
        if done.returncode:
            break
    assert done.returncode == 5, done.stderr
    assert re.search(r"the broker: this user's programs ask .* it hears them again in \d+ seconds?\n", done.stderr)
    assert re.search(r"again in \d+ second", laptop.run("status", "--remote", code=5))
    wait_until(lambda: laptop.finish("sync").returncode == 0, "it is heard again")
