# SPDX-License-Identifier: Apache-2.0
"""The real program under attack: what it says, how it ends, how much memory it takes, and what lies outside of its
source folder."""

import dataclasses
import hashlib
import json
import os
import stat
import subprocess
import threading

from counterfoil import CLEAN

MIB = 2**20
MEMORY_MAX = 300 * MIB
COUNTS_MEMORY = os.environ.get("COUNTERFOIL_SANITIZED") != "1"  # sanitizers take memory of their own
PATIENCE = 120  # a broker that says nothing more is given up after 30 s, and the machine may be busy


@dataclasses.dataclass
class Outcome:
    code: int
    output: str
    messages: str
    memory: int  # the most that it took

    @property
    def document(self):
        return json.loads(self.output)

    @property
    def said(self):
        return self.output + self.messages


def attacked(device, *arguments):
    """Runs a verb to its end; whatever is done to it, it must end by itself and stay small."""
    process = subprocess.Popen(
        device.command("--json", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN
    )
    device.processes.append(process)
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    parts = {}
    reader = threading.Thread(target=lambda: parts.update(messages=process.stderr.read()))
    reader.start()
    output = process.stdout.read()
    reader.join()
    _, ended, usage = os.wait4(process.pid, 0)
    late.cancel()
    process.returncode = os.waitstatus_to_exitcode(ended)
    said = parts["messages"].decode(errors="replace")
    assert process.returncode >= 0, f"ended by signal {-process.returncode}\n{said}"
    assert "Sanitizer" not in said and "runtime error" not in said, said
    assert not COUNTS_MEMORY or usage.ru_maxrss * 1024 < MEMORY_MAX, f"{usage.ru_maxrss // 1024} MiB"
    return Outcome(process.returncode, output.decode(), said, usage.ru_maxrss * 1024)


def memory_of(process):
    """The most that a running process had."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


class Canaries:
    """Everything in a folder but what the victims may write in: their sources and homes."""

    def __init__(self, folder, *victims):
        self.folder = folder
        self.spared = {os.fspath(path) for path in victims}
        for name in "canary", "canary/sub":
            (folder / name).mkdir(exist_ok=True)
        for name in "canary/kept.txt", "canary/sub/deep.txt", "above.txt", "passwd":
            (folder / name).write_bytes(b"nobody touches " + name.encode())
            os.chmod(folder / name, 0o640)
            os.utime(folder / name, ns=(1, 1_111_111_111_111_111_111))
        (folder / "canary/link").symlink_to("kept.txt")
        self.before = self.look()

    def spare(self, *paths):
        self.spared |= {os.fspath(path) for path in paths}

    def look(self):
        found = {}
        for folder, folders, files in os.walk(self.folder):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in self.spared]
            for path in [folder, *(os.path.join(folder, name) for name in files)]:
                if path not in self.spared and path != os.fspath(self.folder):
                    found[path] = self.fact(path)
        return found

    def fact(self, path):
        status = os.lstat(path)
        content = None
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        return stat.filemode(status.st_mode), status.st_mtime_ns, status.st_ino, content

    def check(self):
        assert self.look() == self.before
