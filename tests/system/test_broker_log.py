# SPDX-License-Identifier: Apache-2.0
"""The log of counterfoild: what stands in it, in which form, and how often."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess

from counterfoil import make_device, pair_of_notes, two, wait_until  # noqa: F401
from counterfoild import WAIT, broker  # noqa: F401

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|notice|info) counterfoild: (.*)\n")


def lines(broker):
    """Of the log: (level, text)."""
    with open(broker.log) as log:
        return [LINE.fullmatch(line).groups() for line in log]


def test_each_line_has_time_and_level_and_start_and_stop_are_said(broker):
    line = broker.start("--limit", "silence=30")
    version = broker.run("--version").split()[1]
    assert broker.stop() == 0
    said = lines(broker)
    assert said[0] == ("notice", f"made a new broker in {broker.data}")
    (started,) = [text for _, text in said if text.startswith("version ")]
    assert started.startswith(f"version {version} serves {broker.data} as {line}; limits: entries-per-minute=60000, ")
    assert "silence=30" in started and started.endswith(" descriptors")
    assert said[-2:] == [("notice", "SIGTERM: stopping"), ("notice", "stopped")]


def test_a_start_that_fails_is_in_the_log_and_a_verb_s_failure_is_plain(broker):
    broker.run("--listen", "tcp://127.0.0.1:0", "--existing", code=3)
    done = broker.finish("--existing")
    assert LINE.fullmatch(done.stderr).group(1) == "error"
    assert broker.run("users", code=3).startswith("counterfoild: no broker in ")


def journal(command, said):
    """What the journal would read of a process, which is ended when it has said this."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile() as stream:
        of = os.fstat(theirs.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{of.st_dev}:{of.st_ino}"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment)
        theirs.close()
        lines = []
        for line in stream:
            lines.append(line)
            if said in line:
                process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT)
        return lines


def test_the_journal_gets_priorities_and_no_time(broker):
    said = journal(broker.command("--listen", "tcp://127.0.0.1:0"), "version")
    assert said[0] == f"<5>made a new broker in {broker.data}\n" and said[-1] == "<5>stopped\n"
    assert all(re.match("<[3-6]>", line) for line in said)
    (failed,) = journal(broker.command("--listen", "tcp://192.0.2.1:1"), "version")
    assert failed.startswith("<3>")


def test_the_journal_gets_priorities_of_a_device_too(make_device):
    laptop = make_device("laptop")
    laptop.init()
    assert journal(laptop.command("serve"), "serving") == [f"<5>serving {laptop.home}\n"]
    serving = laptop.serve()
    (failed,) = journal(laptop.command("serve"), "no such line")
    assert failed.startswith("<3>another")
    assert laptop.stop(serving) == 0


def test_another_s_journal_is_not_ours(broker):
    environment = {**os.environ, "JOURNAL_STREAM": "1:1"}
    done = subprocess.run(broker.command("--existing"), capture_output=True, text=True, timeout=WAIT, env=environment)
    assert LINE.fullmatch(done.stderr)


def test_serve_prints_an_object_a_line(broker):
    with open(broker.log, "w") as log:
        broker.process = subprocess.Popen(broker.command("--json", "--listen", "tcp://127.0.0.1:0"), stdout=subprocess.PIPE,
                                          stderr=log, text=True)
    said = []
    while not said or "address" not in said[-1]:
        said.append(json.loads(broker.process.stdout.readline()))
    broker.process.send_signal(signal.SIGTERM)
    rest, _ = broker.process.communicate(timeout=WAIT)
    said += [json.loads(line) for line in rest.splitlines()]
    (ready,) = [one for one in said if "address" in one]
    assert ready == {"address": ready["address"]} and ready["address"].startswith("tcp://127.0.0.1:")
    said.remove(ready)
    assert all(sorted(one) == ["level", "text", "time"] for one in said)
    assert said[0]["text"].startswith("made a new broker") and said[-1]["text"] == "stopped"
    assert [(one["level"], one["text"]) for one in said] == lines(broker)


def test_serve_that_fails_prints_objects_only(broker):
    done = broker.finish("--json", "--existing")
    *said, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3 == last["error"]["code"]
    assert [one["text"] for one in said] == [last["error"]["message"]]


def are_gone(broker):
    """The status is asked of the loop that wrote of their end before."""
    return lambda: json.loads(broker.run("--json", "status"))["devices_connected"] == 0


def test_a_sync_that_did_nothing_is_one_line(pair_of_notes, broker):
    laptop, _, _, _ = pair_of_notes
    laptop.sync()
    wait_until(are_gone(broker), "all have gone")
    before = len(lines(broker))
    laptop.sync()
    wait_until(are_gone(broker), "it has gone")
    (said,) = lines(broker)[before:]
    assert said[0] == "notice" and said[1].startswith("audit what=session-begun ") and " key=" in said[1]
    assert not broker.audit("connection-admitted")


def test_a_sync_that_did_something_has_an_end(pair_of_notes, broker):
    laptop, desktop, here, _ = pair_of_notes
    (here / "new.txt").write_text("new\n")
    before = len(broker.audit("session-ended"))
    laptop.sync()
    wait_until(lambda: len(broker.audit("session-ended")) == before + 1, "its end is said")
    replays = len(broker.audit("replay-begun"))
    desktop.sync()
    wait_until(lambda: len(broker.audit("session-ended")) == before + 2, "its end is said, too")
    assert len(broker.audit("replay-begun")) == len(broker.audit("replay-ended")) == replays + 1


def test_with_v_all_that_a_session_brings_is_said(broker, make_device):
    broker.start("-v")
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    assert broker.audit("connection-admitted")[0]["address"] == "127.0.0.1"
    wait_until(lambda: broker.audit("session-ended"), "all of it is said")
    assert {level for level, text in lines(broker) if "connection-admitted" in text} == {"info"}


def test_the_end_of_a_verify_is_said(broker, pair_of_notes):
    broker.run("verify")
    assert ("notice", "verify has ended: no damage was found; 0 blobs that changes name are missing") in lines(broker)


def test_descriptors_that_run_out_are_said_once(broker):
    """A quarter of all is for connections without a session; most of the others are taken here from the start."""
    most = 400
    broker.start()
    taken = len(os.listdir(f"/proc/{broker.process.pid}/fd"))
    broker.stop()
    command = ["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh", *broker.command("--listen", "tcp://127.0.0.1:0")]
    with contextlib.ExitStack() as held, open(broker.log, "w") as log:
        more = [held.enter_context(open(os.devnull)).fileno() for _ in range(most * 7 // 10 - taken)]
        broker.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, pass_fds=more)
        broker.line = broker.process.stdout.readline().strip()
        for _ in range(most // 4):
            with contextlib.suppress(ConnectionResetError):  # a refusal may be there before `connect` returns
                held.enter_context(socket.create_connection(broker.place[:2]))
        wait_until(lambda: "descriptors run out" in str(lines(broker)), "it is said")
    wait_until(lambda: ("notice", "there are descriptors enough again") in lines(broker), "it is over")
    assert [level for level, text in lines(broker) if "run out" in text] == ["warning"]
    broker.stop()


def test_a_directory_that_is_not_at_its_place_is_said(broker):
    """As one whose volume was unmounted under it; what it has open it serves on."""
    broker.start()
    os.rename(broker.data, broker.data + ".away")
    wait_until(lambda: [text for level, text in lines(broker) if level == "error" and "unmounted" in text], "it is said")
    os.rename(broker.data + ".away", broker.data)
    wait_until(lambda: ("notice", f"{broker.data} is the directory that is served again") in lines(broker), "it is over")
    assert sum("unmounted" in text for _, text in lines(broker)) == 1
    assert broker.status()["running"] and broker.stop() == 0
