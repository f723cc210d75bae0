# SPDX-License-Identifier: Apache-2.0
"""Every call by which our programs, their store and SQLite change a disk is one that can be struck."""

import os
import re
import subprocess
from pathlib import Path

import pytest

STRIKE = os.environ["CF_STRIKE_LIBRARY"]
PROGRAMS = [os.environ["COUNTERFOIL"], os.environ["COUNTERFOILD"]]
LIBRARIES = re.compile(r"lib(rocksdb|sqlite3)\.so")
CHANGES = re.compile(
    r"write|writev|pwrite(64)?|pwritev2?(64)?|creat(64)?|f?truncate(64)?|copy_file_range|sendfile(64)?|splice|(posix_)?fallocate(64)?"
    r"|sync_file_range|sync|syncfs|fsync|fdatasync|msync|[fl]?chmod|fchmodat|[fl]?chown|fchownat|[fl]?utimes?|futimens|utimensat|futimesat"
    r"|rename(at2?)?|unlink(at)?|rmdir|remove|mkdir(at)?|link(at)?|symlink(at)?|mknod(at)?|mkfifo(at)?|[fl]?(set|remove)xattr"
    r"|open(at)?(64)?|__open(at)?(64)?_2|f(d|re)?open(64)?|mko?s?temp(64)?|mkdtemp|syscall|ioctl"
)
LET_GO = {
    "fopen": "to read; RocksDB's programs for people",
    "fdopen": "RocksDB reads a few small files so, and writes its LOG for people",
    "msync": "of files that are mapped to write, which nobody asks RocksDB for",
    "posix_fallocate": "the same",
    "symlink": "to a table that a repair tries alone, beside the store, where no hard links are",
    "sync_file_range": "begins to write what a sync waits for; promises nothing",
    "utime": "SQLite's locks by files, which nobody asks for",
}


# libgit2, where it is linked into our program, asks them of repositories; a merge of texts has none.
OF_REPOSITORIES = {"chmod", "utimes"}
OUR_ARCHIVES = [Path(PROGRAMS[0]).parent / "libpeer.a", Path(PROGRAMS[1]).parent / "libbroker.a", Path(PROGRAMS[0]).parent / "../codec/libcodec.a"]


def undefined(path, *how):
    said = subprocess.run(["nm", *(how or ["-D"]), "--undefined-only", path], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in said.splitlines() if line.startswith(" ")}


def struck():
    said = subprocess.run(["nm", "-D", "--defined-only", STRIKE], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in said.splitlines() if " T " in line}


def all_that_change():
    needed = [
        line.split()[2] for program in PROGRAMS
        for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines()
        if LIBRARIES.search(line)
    ]
    assert any("rocksdb" in path for path in needed)
    inside = not any(call.startswith("sqlite3_") for call in undefined(os.environ["COUNTERFOIL"]))
    assert inside or any("sqlite3" in path for path in needed)
    return [*PROGRAMS, *sorted(set(needed))]


@pytest.mark.parametrize("path", all_that_change(), ids=os.path.basename)
def test_what_changes_a_disk_can_be_struck(path):
    calls = {call for call in undefined(path) if CHANGES.fullmatch(call)}
    assert len(calls) > 5, calls
    assert not calls - struck() - LET_GO.keys() - (OF_REPOSITORIES if path == PROGRAMS[0] else set())


@pytest.mark.parametrize("path", OUR_ARCHIVES, ids=lambda path: path.name)
def test_what_libgit2_alone_asks_is_nothing_of_ours(path):
    calls = undefined(path, "--no-demangle")
    assert calls and not calls & OF_REPOSITORIES


def test_nothing_is_let_go_that_nobody_calls():
    assert not LET_GO.keys() - set().union(*map(undefined, all_that_change()))
