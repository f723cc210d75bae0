# SPDX-License-Identifier: Apache-2.0
"""The model keeps its own laws: in its examples and in random histories all see the same whatever the order, nothing is lost or
invented, deletes stay dead, what nobody moved stays where it is, and all come to rest. Each rule undone is noticed."""
import doctest
import functools
import io
import operator
import os
import random
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import file_histories  # noqa: E402
import record_histories  # noqa: E402
import trials  # noqa: E402
from undone import UNDONE  # noqa: E402

MODULES = ("merge_model", "merge_scan", "file_histories", "record_same", "record_item", "record_view", "record_alike",
           "record_scanned", "record_model", "record_rebase", "record_pairs", "record_users", "record_histories")  # lower ones first
RULES = ("merge_model", "merge_scan", "record_same", "record_item", "record_view", "record_alike", "record_scanned", "record_model")


def run_examples(tests):
    """How many examples of these docstrings don't hold, how many there are, and what is said of those that don't."""
    runner, said = doctest.DocTestRunner(verbose=False), []
    for test in tests:
        runner.run(test, out=said.append)
    return runner.failures, runner.tries, "".join(said)


def examples(name, what=None):
    """Of a module, or of what is in it, the docstrings that have some."""
    played = {"files": sys.modules["file_histories"].files, "rows": sys.modules["record_histories"].rows}
    module, what = sys.modules[name], what or sys.modules[name]
    return doctest.DocTestFinder(recurse=what is module).find(what, module=module, extraglobs=played)


def test_the_examples_hold():
    failed, tried, said = run_examples([test for name in RULES for test in examples(name)])
    assert tried >= 50 and not failed, said


def some(count):
    """Of so many random histories the short form lives three in five, the first ones."""
    return count if os.environ.get("CF_ALL_CASES") else count * 3 // 5


def test_files_keep_the_laws():
    trials.try_random("files", some(50))


def test_records_keep_the_laws():
    trials.try_random("records", some(75))


def test_events_that_are_moved_keep_the_laws():
    for seed in trials.seeds(some(50)):
        script = record_histories.event_history(random.Random(str(seed)))
        try:
            with redirect_stdout(io.StringIO()):
                record_histories.rows(script)
        except record_histories.Broken as error:
            pytest.fail(f"{error}: rows({script!r})")


def test_who_comes_back_late_is_helped_by_his_base():
    for seed in trials.seeds(some(25)):
        file_histories.run_return(seed)


# ---- Each rule undone ------------------------------------------------------------------------------------------------

@functools.cache
def compiled(name, text="", instead=""):
    source = (HERE / f"{name}.py").read_text()
    if text:
        assert source.count(text) == 1, f"the text stands {source.count(text)} times in {name}.py: {text}"
        source = source.replace(text, instead)
    return compile(source, f"{name}.py", "exec")


@contextmanager
def undone(module, text, instead):
    """One module with other words, and those above it, which may know it, anew."""
    kept = {name: sys.modules[name] for name in MODULES}
    try:
        for name in MODULES[MODULES.index(module):]:
            sys.modules[name] = ModuleType(name)
            exec(compiled(name, text, instead) if name == module else compiled(name), sys.modules[name].__dict__)
        yield
    finally:
        sys.modules.update(kept)


@pytest.mark.parametrize("what,module,text,instead,example", UNDONE, ids=[what for what, *_ in UNDONE])
def test_a_rule_undone_breaks_an_example(what, module, text, instead, example):
    with undone(module, text, instead):
        name, _, whose = example.partition(".")
        failed, tried, said = run_examples(examples(name, operator.attrgetter(whose)(sys.modules[name])))
        assert failed and "NameError" not in said, said or f"{example} doesn't need it ({tried} examples)"
