# SPDX-License-Identifier: Apache-2.0
"""tests/debug: gdb at the beginning of a test in C, and what is said of what is none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HAS_DEBUGGERS = shutil.which("gdb") and shutil.which("gdbserver")
needs_debuggers = pytest.mark.skipif(not HAS_DEBUGGERS, reason="gdb or gdbserver is not installed")


def debug(*words, **environment):
    return subprocess.run([ROOT / "tests/debug", *words], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300)


@needs_debuggers
def test_gdb_stops_where_a_case_begins_and_at_what_is_set_there():
    said = debug("codec_base32", "base32/writes*", "--", "-batch", "-ex", "break cf_base32_write", "-ex", "continue",
                 "-ex", "backtrace")
    assert said.stdout.startswith("debug: base32/writes_the_vectors_of_rfc_4648\n")
    assert "hit Temporary breakpoint 1, base32_writes_the_vectors_of_rfc_4648_impl" in said.stdout
    assert "hit Breakpoint 2, cf_base32_write" in said.stdout
    assert "in base32_writes_the_vectors_of_rfc_4648_impl" in said.stdout.split("hit Breakpoint 2")[1]


@needs_debuggers
def test_of_several_cases_the_first_is_taken():
    said = debug("codec_base32", "--", "-batch")
    assert "the first of 3\n" in said.stdout and "hit Temporary breakpoint 1, base32_" in said.stdout


@needs_debuggers
def test_gdb_stops_in_main_of_another_program():
    said = debug("broker_actor_threads", "--", "-batch", "-ex", "backtrace")
    assert "#0  main ()" in said.stdout


def test_what_is_no_test_is_named_with_those_near_it():
    said = debug("codec_bas32")
    assert said.returncode == 3 and "there is no test codec_bas32; near it: codec_base32 " in said.stderr
    said = debug("codec_base32", "base32/writes_nothing")
    assert said.returncode == 3 and "base32/writes_the_vectors_of_rfc_4648" in said.stderr


def test_what_can_not_be_debugged_is_told():
    assert debug().returncode == 2 and "tests/debug TEST [FILTER]" in debug().stderr
    assert debug("layering").returncode == 2 and "is no program in C" in debug("layering").stderr
    assert debug("broker_actor_threads", "some/case").returncode == 2
    said = debug("codec_base32", CF_BUILD="/nowhere")
    assert said.returncode == 1 and "is no build directory" in said.stderr


def test_what_is_missing_is_named(tmp_path):
    for tool in "python3", "ctest", "sed", "sort":
        (tmp_path / tool).symlink_to(shutil.which(tool))
    said = debug("codec_base32", PATH=str(tmp_path))
    assert said.returncode == 1 and "(apt-get install gdb gdbserver)" in said.stderr
