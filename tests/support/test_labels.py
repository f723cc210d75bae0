# SPDX-License-Identifier: Apache-2.0
"""The labels of tests: each is fast or slow, of one room, and sanitized or not; what is in Python, or drives the real
programs, is slow, but for a few. And the names that the README, and who runs some tests, have for them."""

import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ["CF_BUILD"])
CACHE = BUILD / "CMakeCache.txt"
TESTS = Path(__file__).parents[1]
README = TESTS.parent / "README.md"

ROOMS = {"bench", "broker", "codec", "crash", "disks", "fuzz", "model", "peer", "power", "system", "tools", "worlds"}
FAST_IN_PYTHON = {"codec_limits", "harnesses", "rooms", "seeded_texts", "system_manuals", "words"}  # which read texts
SLOW_ROOMS = {"crash", "disks", "power", "system"}
of_all_tests = pytest.mark.skipif(re.search(r"^CF_SANITIZE:\w+=(?!OFF)", CACHE.read_text(), re.MULTILINE), reason="fewer tests")


def all_tests():
    """[(name, command, properties)]"""
    listed = subprocess.run(["ctest", "--test-dir", BUILD, "--show-only=json-v1"], check=True, capture_output=True, text=True)
    for test in json.loads(listed.stdout)["tests"]:
        yield test["name"], test.get("command", []), {each["name"]: each["value"] for each in test["properties"]}


def labels():
    for name, command, properties in all_tests():
        yield name, command, properties.get("LABELS", [])


def tool(name):
    """The script of tests/ as a module."""
    loader = importlib.machinery.SourceFileLoader(Path(name).stem, str(TESTS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_each_is_fast_or_slow_and_of_one_room():
    """What is sanitized runs in tests/run with sanitizers alone."""
    wrong = {name: found for name, _, found in labels()
             if len(set(found) - {"sanitized"}) != 2 or len(ROOMS & set(found)) != 1 or len({"fast", "slow"} & set(found)) != 1}
    assert not wrong


def test_what_runs_with_sanitizers_alone_is_a_suite_in_c_or_writes_what_harms():
    alone = {name: command for name, command, found in labels() if "sanitized" in found}
    assert len(alone) > 200
    others = [name for name, command in alone.items() if not any("run_criterion" in word for word in command)]
    assert len(others) < 10 and all(re.match("system_(hostile_|bad_input$)", name) for name in others)


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
    assert all("fast" in found[name] for name in FAST_IN_PYTHON & set(found))
    assert "fast" in found["codec_base32"] and "fast" in found["peer_csv"] and "slow" in found["peer_crash_saves"]


@of_all_tests
def test_what_the_readme_promises_is_held_by_tests_that_there_are():
    rows = re.findall(r"^\| .* \| ((?:`[\w/]+`(?:, )?)+) \|$", README.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w/]+)`", row)}
    table = README.read_text().split("| promise | tests |")[1].split("\n\n")[0].splitlines()
    assert len(rows) == len(table) - 2 >= 15
    assert not named - {name for name, _, _ in labels()}


@of_all_tests
def test_by_hand_python_finds_what_ctest_names():
    told = [variable.split("=", 1) for _, _, properties in all_tests() for variable in properties.get("ENVIRONMENT", [])]
    built = {name: path.removeprefix(f"{BUILD}/") for name, path in told
             if name.startswith(("COUNTERFOIL", "CF_")) and path.startswith(f"{BUILD}/")}
    assert tool("conftest.py").BUILT == built


@of_all_tests
def test_what_coverage_leaves_out_is_there():
    names = {name for name, _, _ in all_tests()}
    left_out = re.split(r"\|(?![^(]*\))", tool("coverage").LEFT_OUT.pattern)
    assert not [pattern for part in left_out for pattern in each_of(part)
                if not any(re.fullmatch(pattern, name) for name in names)]


def each_of(pattern):
    """`a_(b|c)`: `a_b` and `a_c`."""
    within = re.fullmatch(r"(.*)\((.*)\)(.*)", pattern)
    return [within[1] + one + within[3] for one in within[2].split("|")] if within else [pattern]


@of_all_tests
def test_tests_of_threads_are_built_and_there():
    text = (TESTS / "threads").read_text()
    suites = re.search(r'^suites="([^"]*)"', text, re.MULTILINE)[1].split()
    built = re.search(r"--target ([\w\s\\]+?)\n\n", text)[1].replace("\\", " ").split()
    program = {name: Path(command[1]).name if len(command) > 1 else f"test_{name}" for name, command, _ in all_tests()}
    assert not {"system_sync", *suites} - program.keys()
    assert set(built) == {program[name] for name in suites} | {"counterfoil", "counterfoild"}
