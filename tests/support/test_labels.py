# SPDX-License-Identifier: Apache-2.0
"""The labels of tests: each is fast or slow, of one room, and sanitized or not; what is in Python, or drives the real
programs, is slow, but for two. And their names, as the README has them."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

CACHE = Path(os.environ["CF_BUILD"]) / "CMakeCache.txt"
README = Path(__file__).parents[2] / "README.md"

ROOMS = {"bench", "broker", "codec", "crash", "disks", "fuzz", "model", "peer", "power", "system", "tools", "worlds"}
FAST_IN_PYTHON = {"codec_limits", "rooms", "system_manuals", "words"}  # which read texts
SLOW_ROOMS = {"crash", "disks", "power", "system"}


def labels():
    listed = subprocess.run(["ctest", "--test-dir", os.environ["CF_BUILD"], "--show-only=json-v1"], check=True,
                            capture_output=True, text=True)
    for test in json.loads(listed.stdout)["tests"]:
        properties = {each["name"]: each["value"] for each in test["properties"]}
        yield test["name"], test.get("command", []), properties.get("LABELS", [])


def test_each_is_fast_or_slow_and_of_one_room():
    """What is sanitized runs in tests/run with sanitizers alone."""
    wrong = {name: found for name, _, found in labels()
             if len(set(found) - {"sanitized"}) != 2 or len(ROOMS & set(found)) != 1 or len({"fast", "slow"} & set(found)) != 1}
    assert not wrong


def test_what_runs_with_sanitizers_alone_is_a_suite_in_c():
    alone = {name: command for name, command, found in labels() if "sanitized" in found}
    assert len(alone) > 200
    assert not [name for name, command in alone.items() if not any("run_criterion" in word for word in command)]


def test_each_suite_of_a_program_is_run_by_one_test():
    run = {}
    for name, command, _ in labels():
        if len(command) > 2 and command[0].endswith("run_criterion") and Path(command[1]).exists():
            told = subprocess.run([command[0], "--suites", *command[2:]], check=True, capture_output=True, text=True).stdout
            run.setdefault(command[1], {})[name] = told.split()
    assert len(run) > 5
    for program, tests in run.items():
        listed = subprocess.run([program, "--list", "--ascii", "--color=never"], check=True, capture_output=True, text=True).stdout
        found = sorted(suite for suites in tests.values() for suite in suites)
        assert found == sorted(set(found)), f"{program}: a suite in two tests"
        assert set(found) == set(re.findall(r"^(\w+): \d+ tests?", listed, re.MULTILINE)), program


def test_nothing_in_python_and_no_real_program_is_fast():
    assert not [name for name, command, found in labels()
                if "fast" in found and name not in FAST_IN_PYTHON and ("pytest" in command or SLOW_ROOMS & set(found))]


def test_a_suite_in_c_is_fast_by_itself():
    found = dict((name, found) for name, _, found in labels())
    assert all("fast" in found[name] for name in FAST_IN_PYTHON)
    assert "fast" in found["codec_base32"] and "fast" in found["peer_csv"] and "slow" in found["peer_crash_points"]


@pytest.mark.skipif(re.search(r"^CF_SANITIZE:\w+=(?!OFF)", CACHE.read_text(), re.MULTILINE), reason="fewer tests")
def test_what_the_readme_promises_is_held_by_tests_that_there_are():
    rows = re.findall(r"^\| .* \| ((?:`[\w/]+`(?:, )?)+) \|$", README.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w/]+)`", row)}
    table = README.read_text().split("| promise | tests |")[1].split("\n\n")[0].splitlines()
    assert len(rows) == len(table) - 2 >= 15
    assert not named - {name for name, _, _ in labels()}
