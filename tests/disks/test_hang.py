# SPDX-License-Identifier: Apache-2.0
"""A disk that hangs: whoever asks it anything waits until its daemon goes on, which here is stopped. No signal at all lets
go of a process with a file open there, which the kernel flushes at the end, or with a question that the daemon has read.
So whoever works on the disk is held, between two questions and with no file open, while the daemon is stopped.
The other sources lie elsewhere, and go on."""

import contextlib
import json
import os
import select
import signal
import time
from pathlib import Path

import pytest

from counterfoil import broker, fill, make_device, tree, two, wait_until  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

HANGS = of("bindfs")
ENDS = 60  # a machine under load is ten times slower
RESTS, PAUSE = 40, 0.05
FOLDERS = 2000
FILES, HANGS_IN_A_ROW, TRIES = 1500, 2, 50
PLACES = {"82", "86", "264", "265", "316", "38", "37", "276"}  # rename, link and their like, of x86-64 and of aarch64
HANGS_TEXT = "its disk does not answer since "


class Hanging:
    """A laptop that has three sources, of which one, `notes`, can hang; its desktop has the others."""

    def __init__(self, disk, laptop, desktop, elsewhere):
        self.disk, self.laptop, self.desktop = disk, laptop, desktop
        self.here = laptop.add("notes", {"a": "one\n", "in/b": "two\n"})
        laptop.folder = elsewhere
        self.others = {name: laptop.add(name, {"a": name}) for name in ("books", "tables")}
        laptop.sync()
        self.there = {name: desktop.add(name, None, "--existing") for name in self.others}
        desktop.sync()
        self.daemon = disk.daemon()

    def hang(self, process=None):
        """From now on; a process that works there rests before, and is held meanwhile."""
        if process:
            expect_rest(process)
            hold(process, self.disk.at)
        os.kill(self.daemon, signal.SIGSTOP)
        wait_until(lambda: states(self.daemon) == {"T"}, "the daemon is stopped")
        if process:
            process.send_signal(signal.SIGCONT)

    def stops_a_job_of(self, process):
        """From now on, if a thread that is not the first waits for the disk, and the first one doesn't."""
        os.kill(self.daemon, signal.SIGSTOP)
        wait_until(lambda: states(self.daemon) == {"T"}, "the daemon is stopped")
        if is_asking(Path(f"/proc/{process.pid}/wchan").read_text()) or not any(map(is_asking, of_threads(process.pid, "wchan"))):
            self.go_on()
            return False
        return True

    def stops_where(self, process, is_there):
        """From now on, if that is so once it goes on and waits."""
        hold(process, self.disk.at)
        os.kill(self.daemon, signal.SIGSTOP)
        wait_until(lambda: states(self.daemon) == {"T"}, "the daemon is stopped")
        process.send_signal(signal.SIGCONT)
        first = Path(f"/proc/{process.pid}/wchan")  # it may have had an answer just before
        wait_until(lambda: is_there() or is_asking(first.read_text()) or rests(process), "it asks, or rests")
        if not is_there():
            self.go_on()
            return False
        return True

    def stops_somebody_of(self, process):
        return self.stops_where(process, lambda: any(map(is_asking, of_threads(process.pid, "wchan"))))

    def stops_a_placing_of(self, process):
        """The first thread, which goes on with all sources, does not wait for the disk."""
        first = Path(f"/proc/{process.pid}/wchan")
        return self.stops_where(process, lambda: is_placing(process.pid) and not is_asking(first.read_text()))

    def go_on(self):
        os.kill(self.daemon, signal.SIGCONT)

    def troubles(self, shown):
        return {source["name"]: source["trouble"] for source in shown["collections"] if "trouble" in source}

    def expect_named(self, shown):
        troubles = self.troubles(shown)
        assert list(troubles) == ["notes"] and troubles["notes"].startswith(HANGS_TEXT), troubles

    def expect_others_synced(self, name):
        """What is made in them arrives, while the disk hangs."""
        for source in self.others.values():
            (source / name).write_text(name)

        def has_arrived():
            self.desktop.sync()
            return all((there / name).exists() for there in self.there.values())

        wait_until(has_arrived, f"{name} is there")

    def expect_whole(self):
        """Nothing was lost, and nothing deleted."""
        self.laptop.sync()
        there = self.desktop.add("notes", None, "--existing")
        self.desktop.sync()
        assert tree(there) == tree(self.here) and tree(there)["a"] == b"one\n" and "in/b" in tree(there)


@pytest.fixture
def hanging(disk, stick, tmp_path):
    laptop, desktop = stick
    made = Hanging(disk, laptop, desktop, tmp_path)
    yield made
    made.go_on()


def of_threads(number, name):
    """What /proc says of each, but for those that end meanwhile."""
    said = []
    for task in Path(f"/proc/{number}/task").iterdir():
        with contextlib.suppress(OSError):
            said.append((task / name).read_text())
    return said


def states(number):
    """Those of all its threads, each a letter: "T" is stopped."""
    return {stat.rpartition(")")[2].split()[0] for stat in of_threads(number, "stat")}


def hold(process, folder):
    """Stops the process at a moment when it has no file open there; who waits for an answer is stopped when that has come."""
    def is_held():
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: states(process.pid) == {"T"}, "all its threads are stopped")
        opened = [link.resolve() for link in Path(f"/proc/{process.pid}/fd").iterdir()]
        if not any(path.is_relative_to(folder) and not path.is_dir() for path in opened):
            return True
        process.send_signal(signal.SIGCONT)
        return False

    wait_until(is_held, "no file is open on the disk")


def is_asking(where):
    """Of what /proc says of a thread: it has asked the disk, and waits."""
    return "fuse" in where or where == "request_wait_answer"


def is_placing(number):
    """Some thread has asked the disk, and waits, for what only gives things their places."""
    return any(is_asking(where) and asked.split()[0] in PLACES
               for where, asked in zip(of_threads(number, "wchan"), of_threads(number, "syscall")))


def expect_wait(process):
    """Until one of its threads has asked the disk, and waits."""
    wait_until(lambda: any(map(is_asking, of_threads(process.pid, "wchan"))), "the disk is asked")


def rests(process):
    """Its first thread has been seen to wait for something to happen, many times in a row."""
    for _ in range(RESTS):
        if "poll" not in Path(f"/proc/{process.pid}/wchan").read_text():
            return False
        time.sleep(PAUSE)
    return True


def expect_rest(process):
    wait_until(lambda: rests(process), "it rests")


def expect_end(process, number):
    """In order, or, if it was in a call to that disk, by the watchdog."""
    process.send_signal(number)
    process.communicate(timeout=ENDS)
    assert process.returncode in (0, 128 + number)


def lines_of(process):
    """What it has said, once it has ended."""
    return process.communicate(timeout=ENDS)[1].splitlines()


@HANGS
@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_a_signal_ends_serve_all_the_same(disk, hanging, number):
    serving = hanging.laptop.serve()
    hanging.laptop.json("status")
    (hanging.disk.below[0] / hanging.here.name / "c").mkdir()
    hanging.hang(serving)
    hanging.laptop.start("sync")
    expect_wait(serving)
    hanging.laptop.start("status")
    expect_end(serving, number)
    hanging.go_on()
    hanging.expect_whole()
    assert "c" in tree(hanging.here)


@HANGS
def test_the_others_go_on_and_status_names_it(disk, hanging):
    laptop = hanging.laptop
    serving = laptop.serve()
    laptop.json("status")
    hanging.hang(serving)
    hanging.expect_named(laptop.json("status"))
    hanging.expect_others_synced("while")
    hanging.expect_named(laptop.json("status"))
    assert HANGS_TEXT in laptop.run("status") and laptop.finish("status", "--check").returncode == 1
    hanging.go_on()
    (hanging.here / "later").mkdir()
    wait_until(lambda: not hanging.troubles(laptop.json("status")), "it answers again")
    hanging.expect_whole()
    assert "later" in tree(hanging.here)
    serving.send_signal(signal.SIGTERM)
    said = lines_of(serving)
    assert sum(HANGS_TEXT in line for line in said) == 1 and serving.returncode == 0, said
    assert sum(line.endswith(f"{hanging.here}: its disk answers again") for line in said) == 1, said


@HANGS
def test_verbs_that_name_it_are_answered_and_hold_nobody_up(disk, hanging):
    laptop, name = hanging.laptop, str(hanging.here)
    serving = laptop.serve()
    laptop.json("status")
    hanging.hang(serving)
    hanging.expect_named(laptop.json("status"))
    for named in "notes", name, name + "/in/b":
        hanging.expect_named(laptop.json("status", named))
    assert HANGS_TEXT in laptop.run("set", name, "--mode", "send", code=1)
    hanging.expect_others_synced("while")
    assert f"{name}/.counterfoil stays there" in laptop.run("remove", name, code=1)
    assert "notes: " not in laptop.run("status")
    hanging.expect_others_synced("later")
    hanging.go_on()
    assert laptop.stop(serving) == 0


@HANGS
def test_an_upload_that_waits_for_it_holds_nobody_up(disk, hanging, broker):
    laptop = hanging.laptop
    serving = laptop.serve()
    laptop.json("status")
    broker.stop()
    (hanging.here / "large").write_bytes(os.urandom(9 << 20))
    wait_until(lambda: any(item["path"] == "large" for source in laptop.json("status")["collections"]
                           for item in source["pending"]), "it waits for the broker")
    hanging.hang(serving)
    hanging.expect_named(laptop.json("status"))
    broker.restart()
    hanging.expect_others_synced("while")
    hanging.expect_named(laptop.json("status"))
    hanging.go_on()
    wait_until(lambda: laptop.json("status")["in_sync"], "all is sent")
    assert laptop.stop(serving) == 0


@HANGS
def test_a_listing_under_way_holds_nobody_up(disk, hanging):
    laptop = hanging.laptop
    many = hanging.disk.below[0] / hanging.here.name / "many"
    for i in range(FOLDERS):
        (many / str(i)).mkdir(parents=True)
    serving = laptop.serve()
    wait_until(lambda: hanging.stops_a_job_of(serving), "the daemon stops while a job asks the disk")
    hanging.expect_named(laptop.json("status"))
    hanging.expect_others_synced("while")
    assert HANGS_TEXT in laptop.run("status")
    hanging.go_on()
    wait_until(lambda: laptop.json("status")["in_sync"], "all is sent")
    assert laptop.stop(serving) == 0
    hanging.expect_whole()
    assert len(list((hanging.here / "many").iterdir())) == FOLDERS


@HANGS
def test_status_says_after_a_while_that_nobody_answers(disk, hanging):
    laptop = hanging.laptop
    serving = laptop.serve()
    serving.send_signal(signal.SIGSTOP)
    asking = laptop.start("status")
    assert select.select([asking.stderr], [], [], ENDS)[0], "it says nothing"
    said = asking.stderr.readline()
    assert "does not answer" in said and "disk of a source hangs" in said
    assert asking.poll() is None
    serving.send_signal(signal.SIGCONT)
    output, rest = asking.communicate(timeout=ENDS)
    assert "notes: " in output and not rest and asking.returncode == 0
    assert laptop.stop(serving) == 0


@HANGS
def test_other_sources_come_and_change_and_go_beside_it(disk, hanging):
    laptop = hanging.laptop
    serving = laptop.serve()
    laptop.json("status")
    hanging.hang(serving)
    hanging.expect_named(laptop.json("status"))
    new = laptop.add("new", {"n": "new\n"})
    laptop.json("set", str(new), "--mode", "send")
    laptop.run("remove", str(hanging.others["books"]))
    assert {source["name"] for source in laptop.json("status")["collections"]} == {"notes", "tables", "new"}
    expect_end(serving, signal.SIGTERM)
    hanging.go_on()
    assert not hanging.troubles(laptop.sync())


def number_of(path):
    return int(path.name)


def work_in(folder):
    """Some are edited, some moved, some deleted, and there are new ones."""
    (folder / "moved").mkdir()
    (folder / "new").mkdir()
    for path in sorted((folder / "many").iterdir(), key=number_of):
        if number_of(path) % 5 == 0:
            path.write_text("edited")
        elif number_of(path) % 5 == 1:
            path.rename(folder / "moved" / path.name)
        elif number_of(path) % 5 == 2:
            path.unlink()
    for i in range(FILES):
        (folder / "new" / str(i)).write_text(f"new {i}")


def changes(device):
    return [(one["change"], one["path"], one.get("from")) for one in device.json("log", "-n", "100000")]


def names(folder):
    """All that lie in it, without a look at any of them."""
    return {str(Path(top) / name) for top, _, found in os.walk(folder) for name in found}


@HANGS
@pytest.mark.parametrize("verb", ("serve", "sync"))
def test_a_signal_ends_who_puts_files_into_their_places(disk, hanging, verb):
    laptop, desktop, below = hanging.laptop, hanging.desktop, disk.below[0] / hanging.here.name
    there = desktop.add("notes", {f"many/{i}": f"old {i}" for i in range(FILES)}, "--existing")
    desktop.sync()
    laptop.sync()
    assert tree(below) == tree(there)
    work_in(there)
    desktop.sync()
    made = changes(desktop)
    for _ in range(HANGS_IN_A_ROW):
        before = names(below)
        working = laptop.serve() if verb == "serve" else laptop.start("sync")
        wait_until(lambda: names(below) != before, "files come")
        wait_until(lambda: any(map(hanging.stops_somebody_of, [working] * TRIES)), "the daemon stops while files come")
        assert tree(below) != tree(there), "all was there already"
        expect_end(working, signal.SIGTERM)
        well = (0,) if verb == "serve" else ()  # where nobody but a probe hangs
        assert working.returncode in (128 + signal.SIGTERM, *well)
        hanging.go_on()
    laptop.sync()
    desktop.sync()
    assert tree(below) == tree(there) and changes(desktop) == made == changes(laptop)


@HANGS
def test_files_that_are_put_into_their_places_hold_nobody_up(disk, hanging):
    laptop, desktop, below = hanging.laptop, hanging.desktop, disk.below[0] / hanging.here.name
    there = desktop.add("notes", None, "--existing")
    serving = laptop.serve()
    laptop.json("status")
    fill(there, {f"new/{i}": f"new {i}" for i in range(FILES)})
    desktop.sync()
    wait_until((below / "new").exists, "files come")
    wait_until(lambda: any(map(hanging.stops_a_placing_of, [serving] * TRIES)), "the daemon stops while files come")
    assert tree(below) != tree(there), "all was there already"
    hanging.expect_named(laptop.json("status"))
    hanging.expect_others_synced("while")
    said = laptop.run("remove", str(hanging.here), code=1)
    assert HANGS_TEXT in said and "end `counterfoil serve` before" in said
    expect_rest(serving)
    hanging.go_on()
    wait_until(lambda: tree(below) == tree(there), "all is there")
    wait_until(lambda: laptop.json("status")["in_sync"], "it is in sync")
    assert laptop.stop(serving) == 0


@HANGS
def test_files_that_are_being_written_hold_nobody_up(disk, hanging):
    laptop, desktop, below = hanging.laptop, hanging.desktop, disk.below[0] / hanging.here.name
    there = desktop.add("notes", None, "--existing")
    serving = laptop.serve()
    laptop.json("status")
    fill(there, {f"new/{i}": f"new {i}" for i in range(FILES)})
    desktop.sync()
    wait_until((below / ".counterfoil").exists, "files come")

    def is_let_go():
        if not hanging.stops_a_job_of(serving):
            return False
        if rests(serving):
            return True
        hanging.go_on()
        return False

    wait_until(is_let_go, "the daemon stops while a job writes")
    assert tree(below) != tree(there), "all was there already"
    hanging.expect_named(laptop.json("status"))
    said = laptop.run("remove", str(hanging.here), code=1)
    assert HANGS_TEXT in said and "end `counterfoil serve` before" in said
    hanging.expect_others_synced("while")
    expect_rest(serving)
    hanging.go_on()
    wait_until(lambda: tree(below) == tree(there), "all is there")
    wait_until(lambda: laptop.json("status")["in_sync"], "it is in sync")
    assert laptop.stop(serving) == 0


@HANGS
def test_a_round_syncs_the_others_and_names_it(disk, hanging):
    laptop = hanging.laptop
    for source in hanging.others.values():
        (source / "more").write_text("more")
    hanging.hang()
    done = laptop.finish("--json", "sync")
    hanging.expect_named(json.loads(done.stdout))
    assert done.returncode == 1
    hanging.desktop.sync()
    assert all((there / "more").exists() for there in hanging.there.values())
    hanging.go_on()
    hanging.expect_whole()


@HANGS
def test_a_signal_ends_a_round_all_the_same(disk, hanging):
    hanging.hang()
    syncing = hanging.laptop.start("sync")
    expect_wait(syncing)
    syncing.send_signal(signal.SIGINT)
    syncing.communicate(timeout=ENDS)
    assert syncing.returncode == 128 + signal.SIGINT
    hanging.go_on()
    hanging.laptop.sync()


@HANGS
def test_where_nothing_hangs_serve_ends_well(disk, hanging):
    assert hanging.laptop.stop(hanging.laptop.serve()) == 0
