# SPDX-License-Identifier: Apache-2.0
"""The model keeps its own laws: in its examples and in random histories all see the same whatever the order, nothing is lost or
invented, deletes stay dead, what nobody moved stays where it is, and all come to rest. Each rule undone is noticed."""
import doctest
import functools
import io
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
           "record_model", "record_pairs", "record_users", "record_histories")  # lower ones first
RULES = ("merge_model", "merge_scan", "record_same", "record_item", "record_view", "record_alike", "record_model")


def run_examples(names=RULES, until_one_fails=False):
    """How many examples of these modules don't hold, how many there are, and what is said of those that don't."""
    played = {"files": sys.modules["file_histories"].files, "rows": sys.modules["record_histories"].rows}
    runner, said = doctest.DocTestRunner(verbose=False, optionflags=doctest.FAIL_FAST if until_one_fails else 0), []
    for name in names:
        for test in doctest.DocTestFinder().find(sys.modules[name], extraglobs=played):
            runner.run(test, out=said.append)
            if until_one_fails and runner.failures:
                break
    return runner.failures, runner.tries, "".join(said)


def test_the_examples_hold():
    failed, tried, said = run_examples()
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
    """All modules anew, one of them with other words."""
    kept = {name: sys.modules[name] for name in MODULES}
    try:
        for name in MODULES:
            sys.modules[name] = ModuleType(name)
            exec(compiled(name, text, instead) if name == module else compiled(name), sys.modules[name].__dict__)
        yield
    finally:
        sys.modules.update(kept)


@pytest.mark.parametrize("what,module,text,instead", UNDONE, ids=[what for what, *_ in UNDONE])
def test_a_rule_undone_breaks_an_example(what, module, text, instead):
    with undone(module, text, instead):
        names = [name for name in RULES if name[:6] == module[:6]]  # of files, or of records
        names.sort(key=lambda name: name != module)
        failed, _, said = run_examples(names, until_one_fails=True)
        assert failed and "NameError" not in said, said or "no example needs it"
