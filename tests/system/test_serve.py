# SPDX-License-Identifier: Apache-2.0
"""`serve`, and every other verb beside it."""

import json
import os
import pathlib
import select
import signal
import subprocess
from pathlib import Path

import pytest

from counterfoil import WAIT, broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401


def test_changes_travel_by_themselves(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "the laptop is connected")
    (here / "live.txt").write_text("live\n")
    wait_until(lambda: (there / "live.txt").exists(), "the file is there")
    assert (there / "live.txt").read_text() == "live\n"
    (there / "live.txt").write_text("and back\n")
    wait_until(lambda: (here / "live.txt").read_text() == "and back\n", "the edit came back")
    (there / "live.txt").unlink()
    wait_until(lambda: not (here / "live.txt").exists(), "the deletion came")


def serve_both(laptop, desktop):
    """The processes, when both are connected: whoever asks later has everything looked at."""
    processes = laptop.serve(), desktop.serve()
    for device in laptop, desktop:
        wait_until(lambda: device.json("status")["broker"]["connected"], f"{device.name} is connected")
    return processes


def test_it_says_that_the_broker_is_back(broker, pair_of_notes):
    laptop, _, _, _ = pair_of_notes
    process = laptop.serve()

    def connected():
        return laptop.json("status")["broker"]["connected"]

    wait_until(connected, "it is connected")
    for _ in range(2):
        broker.stop()
        wait_until(lambda: not connected(), "it is not")
        broker.restart()
        wait_until(connected, "it is again")
    process.terminate()
    said = [line for line in process.communicate()[1].splitlines() if "the broker: " in line]
    again = [line.endswith("the broker: connected again") for line in said]
    assert again.count(True) == 2 and not again[0] and again[-1] and (True, True) not in zip(again, again[1:]), said


@pytest.mark.parametrize("kind", ("folder", "file"))
def test_it_says_that_a_source_is_back(two, kind):
    laptop, _ = two
    here = laptop.add("notes", {"one.txt": b"1\n"}) if kind == "folder" else laptop.folder / "table.csv"
    if kind == "file":
        here.write_text("id,name\n1,Ann\n")
        laptop.json("add", str(here), "--collection", "table", "--format", "csv", "--key", "id")
    laptop.sync()
    away = here.with_name("away")
    serving = laptop.serve()
    here.rename(away)
    wait_until(lambda: laptop.json("status")["collections"][0].get("trouble"), "that it is away")
    away.rename(here)
    wait_until(lambda: not laptop.json("status")["collections"][0].get("trouble"), "that it is back")
    serving.send_signal(signal.SIGTERM)
    said = serving.communicate(timeout=60)[1]
    assert said.count(f"{here} is there again\n") == 1, said


def test_what_is_done_in_a_folder_that_came_is_seen(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    serve_both(laptop, desktop)
    (here / "z/r").mkdir(parents=True)
    wait_until(lambda: (there / "z/r").is_dir(), "the folders came")
    (there / "z/r/answer").write_text("from there\n")
    wait_until(lambda: (here / "z/r/answer").exists(), "what was written into one came back")
    (here / "z/r").rename(here / "moved")
    wait_until(lambda: (there / "moved").is_dir(), "the folder was moved there, too")
    (there / "moved/more").write_text("more\n")
    (there / "moved/deeper").mkdir()
    wait_until(lambda: (here / "moved/deeper").is_dir(), "what was made in it came back")
    (here / "moved/deeper/last").write_text("last\n")
    wait_until(lambda: tree(here) == tree(there), "both are alike")
    assert tree(here)["moved/more"] == b"more\n"


def test_folders_that_others_move_while_files_in_them_are_edited(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {"a/deep/f": "one\n", "b/deep/f": "two\n"})
    laptop.sync(), desktop.sync()
    _, stopped = serve_both(laptop, desktop)
    stopped.send_signal(signal.SIGSTOP)
    (there / "a/deep/f").write_text("edited\n")
    (there / "b/deep/f").write_text("edited, too\n")
    (here / "a").rename(here / "c")
    (here / "b").rename(here / "a")
    wait_until(lambda: laptop.json("status")["in_sync"], "the broker has it")
    stopped.send_signal(signal.SIGCONT)
    wait_until(lambda: (there / "c").is_dir(), "they were moved there, too")
    for name in "c", "a":
        (there / name / "deep/later").write_text(f"later in {name}\n")
    expected = {"c/deep/f": b"edited\n", "a/deep/f": b"edited, too\n",
                "c/deep/later": b"later in c\n", "a/deep/later": b"later in a\n"}
    wait_until(lambda: expected.items() <= tree(here).items(), "all of it came back")
    wait_until(lambda: tree(here) == tree(there), "both are alike")


def test_looking_holds_nothing_up(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    serve_both(laptop, desktop)
    (here / "live.txt").write_text("live\n")
    wait_until(lambda: (there / "live.txt").exists(), "the file is there")


def test_verbs_work_beside_it(pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    process = laptop.serve()
    assert laptop.json("status")["collections"][0]["name"] == "notes"
    assert laptop.json("sync")["in_sync"]
    assert len(laptop.json("devices")) == 2
    assert laptop.json("verify")["whole"]
    assert laptop.json("log", "-n", "1")
    tablet = make_device("tablet")
    laptop.pair(tablet)
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_text("x")
    laptop.run("add", "other", folder=tmp_path)
    laptop.sync()
    assert {one["name"] for one in laptop.json("collections")} == {"notes", "other"}
    laptop.run("remove", str(other))
    assert laptop.json("repair")["mended"] == 0
    assert "unknown option" in laptop.run("sync", "--frob", code=2)
    laptop.run("sync", "nothing", code=3)
    assert laptop.stop(process) == 0
    assert laptop.json("status")["broker"]["connected"] is None, "nobody asks"


def test_a_home_is_served_once(pair_of_notes):
    laptop, *_ = pair_of_notes
    process = laptop.serve()
    assert "in use" in laptop.run("serve", code=9)
    for number in (signal.SIGINT,):
        assert laptop.stop(process, number) == 0
    assert laptop.stop(laptop.serve(), signal.SIGTERM) == 0


def line_of(process):
    """What a process that waits says, soon after 10 s."""
    assert select.select([process.stderr], [], [], 60)[0], "it says nothing"
    return process.stderr.readline()


def listening(device, process):
    """`serve`, which may wait for the home yet."""
    control = pathlib.Path(device.home) / "control"
    wait_until(lambda: control.exists() or process.poll() is not None, "it listens")


def test_it_waits_for_a_verb_that_has_the_home(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    pairing = laptop.start("pair")
    assert pairing.stdout.readline()
    serving = laptop.start("serve")
    listening(laptop, serving)
    laptop.run("serve", code=9)
    asking = laptop.start("status"), laptop.start("log")
    for process in serving, *asking:
        said = line_of(process)
        assert "waiting" in said and "in use" in said and f"({pairing.pid}, pair)" in said, said
        assert process.poll() is None
    (here / "meanwhile.txt").write_text("meanwhile\n")
    assert laptop.stop(pairing, signal.SIGINT) == 130
    assert "serving" in serving.stderr.readline()
    for process in asking:
        output, _ = process.communicate(timeout=WAIT)
        assert output and process.returncode in (0, 1), process.returncode
    wait_until(lambda: laptop.json("status")["in_sync"], "it goes on")
    assert "another `serve`" in laptop.run("serve", code=9)
    desktop.sync()
    assert (there / "meanwhile.txt").exists()
    assert laptop.stop(serving) == 0
    laptop.sync()


def test_verbs_wait_for_each_other(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    pairing = laptop.start("pair")
    assert pairing.stdout.readline()
    syncs = [laptop.start("sync") for _ in range(3)]
    for sync in syncs:
        said = line_of(sync)
        assert "waiting" in said and "in use" in said and f"({pairing.pid}, pair)" in said, said
    assert laptop.stop(syncs.pop(), signal.SIGINT) == 130
    assert laptop.stop(syncs[0], signal.SIGTERM) == 143
    (here / "meanwhile.txt").write_text("meanwhile\n")
    assert laptop.stop(pairing, signal.SIGINT) == 130
    assert syncs[1].communicate(timeout=WAIT) and syncs[1].returncode == 0
    both = [laptop.start("sync") for _ in range(4)]
    for sync in both:
        _, messages = sync.communicate(timeout=WAIT)
        assert sync.returncode == 0, messages
    desktop.sync()
    assert (there / "meanwhile.txt").exists()


def test_a_timeout_bounds_the_wait_for_a_verb_that_has_the_home(pair_of_notes):
    laptop, *_ = pair_of_notes
    pairing = laptop.start("pair")
    assert pairing.stdout.readline()

    def refused(*arguments):
        done = laptop.finish(*arguments, "--timeout", "500ms")
        assert done.returncode == 9, (arguments, done)
        assert f"({pairing.pid}, pair)" in done.stderr and "0.5 s" in done.stderr, (arguments, done)
        assert not done.stdout or json.loads(done.stdout)["error"]["code"] == 9, (arguments, done)

    verbs = ("status",), ("--json", "status"), ("sync",), ("log",), ("--json", "collections"), ("devices",), ("verify",)
    for verb in *verbs, ("serve",):
        refused(*verb)
    by_itself = laptop.start("status")  # 30 s, meanwhile the rest
    serving = laptop.start("serve")
    listening(laptop, serving)
    for verb in verbs:
        refused(*verb)
    assert "'soon' is no duration" in laptop.run("log", "--timeout", "soon", code=2)
    output, said = by_itself.communicate(timeout=WAIT)
    assert by_itself.returncode == 9 and f"({pairing.pid}, pair)" in said and "30 s" in said, (output, said)
    patient = laptop.start("status", "--timeout", "10m")
    assert "waiting" in line_of(patient)
    assert laptop.stop(pairing, signal.SIGINT) == 130
    patient.communicate(timeout=WAIT)
    assert patient.returncode == 0
    assert laptop.stop(serving) == 0


def test_signals_end_a_verb_that_waited_and_was_then_sent(pair_of_notes):
    laptop, *_ = pair_of_notes
    pairing = laptop.start("pair")
    assert pairing.stdout.readline()
    waiting = [(laptop.start("sync"), number) for number in (signal.SIGTERM, signal.SIGINT)]
    for process, number in waiting:
        wait_until(lambda: listens_to(process, number), "it waits by itself")
    serving = laptop.start("serve")
    listening(laptop, serving)
    for process, number in waiting:
        assert "waiting" in line_of(process)  # by itself, or `serve`, to which it is sent, has it say so
        assert laptop.stop(process, number) in (128 + number, -number)
    assert laptop.stop(serving) == 0
    assert laptop.stop(pairing, signal.SIGINT) == 130


def test_it_lets_go_while_it_waits(pair_of_notes):
    laptop, *_ = pair_of_notes
    pairing = laptop.start("pair")
    assert pairing.stdout.readline()
    for end, code in (signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL):
        serving = laptop.start("serve")
        listening(laptop, serving)
        assert laptop.stop(serving, end) == code
    # Nobody is left who would answer, and the home is whole.
    assert laptop.stop(pairing, signal.SIGINT) == 130
    assert laptop.sync()["in_sync"]
    laptop.stop(laptop.serve())


def test_a_damaged_home_is_no_reason_to_wait(pair_of_notes):
    laptop, *_ = pair_of_notes
    (pathlib.Path(laptop.home) / "format").write_text("99\n")
    assert "format" in laptop.run("serve", code=7)
    (pathlib.Path(laptop.home) / "format").write_text("1\n")
    laptop.stop(laptop.serve())


def test_it_survives_the_brokers_absence(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    broker.stop()
    wait_until(lambda: not laptop.json("status")["broker"]["connected"], "it noticed")
    (here / "one.txt").write_text("meanwhile\n")
    assert laptop.finish("sync").returncode == 5
    broker.restart()
    wait_until(lambda: laptop.json("status")["in_sync"], "it went on by itself")
    desktop.sync()
    assert (there / "one.txt").read_text() == "meanwhile\n"


def test_it_goes_on_after_a_kill(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    process = laptop.serve()
    (here / "one.txt").write_text("before the kill\n")
    process.kill()
    process.communicate()
    (here / "sub/two.txt").write_text("after the kill\n")
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert tree(here) == tree(there)


def test_signals_end_a_verb(two):
    laptop, _ = two
    for number, code in (signal.SIGINT, 130), (signal.SIGTERM, 143):
        pairing = laptop.start("pair")
        assert pairing.stdout.readline()
        assert laptop.stop(pairing, number) == code


def test_copies_of_old_versions_do_not_pile_up(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    laptop.serve()
    copies = os.path.join(laptop.home, "base")
    data = os.urandom(40 << 20)
    most = 0
    for _ in range(9):
        data = data[1:] + data[:1]  # nothing is where it was: each is copied whole
        (here / "new").write_bytes(data)
        (here / "new").rename(here / "large")
        laptop.sync()
        most = max(most, len(os.listdir(copies)))
    assert 1 <= len(os.listdir(copies)) < most < 9


def test_a_copy_is_brought_up_to_date(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    laptop.serve()
    copies = os.path.join(laptop.home, "base")
    data = bytearray(os.urandom(4 << 20))
    for version in range(4):
        data[version] ^= 1
        (here / "new").write_bytes(data)
        (here / "new").rename(here / "large")
        laptop.sync()
        assert len(os.listdir(copies)) == 1
        assert Path(copies, os.listdir(copies)[0]).read_bytes() == data


def queue_length():
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        return int(file.read())


def test_it_finds_what_it_was_not_told_of(pair_of_notes):
    """So much happened while it could not listen that the system threw the news away."""
    laptop, desktop, here, there = pair_of_notes
    process = laptop.serve()
    desktop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "the laptop is connected")
    process.send_signal(signal.SIGSTOP)
    for number in range(queue_length() // 2 + 1000):
        (here / f"noise {number % 2}").write_text("")
    (here / "lost").write_text("lost\n")
    (here / "sub/two.txt").unlink()
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: (there / "lost").exists(), "what was made is there")
    wait_until(lambda: tree(here) == tree(there), "what was deleted is gone")


def listens_to(process, number):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        (mask,) = (line.split()[1] for line in file if line.startswith("SigBlk:"))
    with open(f"/proc/{process.pid}/wchan", encoding="ascii") as file:
        waits_for_signals = "sigtimedwait" in file.read()  # meanwhile those that it waits for aren't blocked
    return waits_for_signals or int(mask, 16) >> (number - 1) & 1


def test_a_signal_ends_a_sync_and_the_next_one_goes_on(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "large").write_bytes(os.urandom(3_000_000))
    for number, code in (signal.SIGINT, 130), (signal.SIGTERM, 143):
        broker.process.send_signal(signal.SIGSTOP)  # so that it can't be done before
        process = laptop.start("sync")
        wait_until(lambda: listens_to(process, number), "it runs")
        assert laptop.stop(process, number) == code
        broker.process.send_signal(signal.SIGCONT)
        assert laptop.sync()["in_sync"]
        (here / "large").write_bytes(os.urandom(3_000_000))
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there)


NARROW = ["unshare", "--user", "--map-root-user", "sh", "-c", 'echo 4 >/proc/sys/user/max_inotify_watches; exec "$@"', "sh"]


def serve_with_few_watches(device, folder, monkeypatch):
    if subprocess.run([*NARROW, "sh", "-c", 'test "$(cat /proc/sys/user/max_inotify_watches)" = 4']).returncode:
        pytest.skip("needs a user namespace")
    fill(folder, {f"{number}/deep/file": "" for number in range(5)})
    assert device.sync()["notes"] == []
    plain = device.command
    with monkeypatch.context() as patch:
        patch.setattr(device, "command", lambda *arguments: [*NARROW, *plain(*arguments)])
        return device.serve()


def test_what_is_moved_to_where_no_watch_sees_it_is_not_gone(pair_of_notes, monkeypatch):
    laptop, desktop, here, there = pair_of_notes
    (here / "wanderer").write_text("here and there\n")
    process = serve_with_few_watches(laptop, here, monkeypatch)
    other = desktop.serve()
    wait_until(lambda: tree(here) == tree(there), "both are alike")
    (here / "wanderer").rename(here / "4/deep/wanderer")
    wait_until(lambda: not (there / "wanderer").exists(), "it has left its place")
    wait_until(lambda: tree(here) == tree(there), "it is where it was moved to")
    assert laptop.stop(process) == 0
    assert desktop.stop(other) == 0


def test_directories_that_can_not_be_watched_are_named(pair_of_notes, monkeypatch):
    laptop, desktop, here, there = pair_of_notes
    process = serve_with_few_watches(laptop, here, monkeypatch)
    (note,) = laptop.json("status")["notes"]
    assert note["kind"] == "unwatched" and note["text"].startswith("8 directories"), note
    assert "max_user_watches" in laptop.run("status")
    (here / "4/deep/file").write_text("not seen, but found\n")
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there)
    assert laptop.stop(process) == 0


def test_verbs_beside_one_that_is_stopped_wait_as_long_as_they_are_told_to_and_do_nothing_later(pair_of_notes):
    laptop = pair_of_notes[0]
    process = laptop.serve()
    process.send_signal(signal.SIGSTOP)
    try:
        for words in ["sync"], ["status"], ["devices"], ["log"], ["lock", "notes"], ["set", "notes"], ["pause"]:
            said = laptop.run(*words, "--timeout", "1s", code=9)
            assert f"`serve` (process {process.pid})" in said and "given up after 1 s" in said, (words, said)
            assert f"`kill -CONT {process.pid}`" in said, (words, said)
        asking = laptop.start("devices")
        assert select.select([asking.stderr], [], [], WAIT)[0], "it says nothing"
        assert f"waiting: `serve` (process {process.pid}) does not answer" in asking.stderr.readline()
    finally:
        process.send_signal(signal.SIGCONT)
    output, rest = asking.communicate(timeout=WAIT)
    assert "laptop" in output and not rest and asking.returncode == 0
    assert "paused" not in laptop.run("status") and not laptop.json("locks")
