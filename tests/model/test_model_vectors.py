# SPDX-License-Identifier: Apache-2.0
"""The model and the product agree: the vectors that are checked in are the model's, the product gives the views and the scans of
fresh ones, and both live the same random histories."""
import ast
import contextlib
import doctest
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import file_histories  # noqa: E402
import make_vectors  # noqa: E402
import merge_model  # noqa: E402
import merge_scan  # noqa: E402
import record_alike  # noqa: E402
import record_histories  # noqa: E402
import record_item  # noqa: E402
import record_model  # noqa: E402
import record_same  # noqa: E402
import record_view  # noqa: E402
import trials  # noqa: E402

PROGRAMS = {"files": ("CF_MERGE_VECTORS", "CF_PEER_VECTORS"), "records": ("CF_RECORD_VECTORS", "CF_PEER_RECORDS_VECTORS")}
FRESH, HISTORIES = 120, 30
kinds = pytest.mark.parametrize("name", PROGRAMS)


@kinds
def test_the_vectors_that_are_checked_in_are_the_models(name):
    text = subprocess.run(["zstd", "-dcq", make_vectors.path_of(name)], check=True, capture_output=True, text=True).stdout
    is_same = make_vectors.checked_in(name) == text  # pytest would look for the differences of megabytes
    assert is_same, "python3 tests/model/make_vectors.py makes them anew"


def ask_product(name, vectors, directory):
    (variable, program), path = PROGRAMS[name], directory / "vectors.jsonl"
    path.write_text(make_vectors.lines(vectors))
    return subprocess.run([os.environ[program], "-j1"], env={**os.environ, variable: str(path)}, capture_output=True, text=True)


@kinds
def test_the_product_agrees_with_fresh_vectors(name, tmp_path):
    for n in trials.numbers(1):
        vectors = list(trials.KINDS[name].vectors(FRESH, f"fresh {os.environ.get('MODEL_SEED', '1')} {n}"))
        answer = ask_product(name, vectors, tmp_path)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    change = next(c for v in reversed(vectors) for s in reversed(v["scans"]) for c in s["changes"] if c["over"])
    change["over"] = ()  # one that is wrong is noticed
    answer = ask_product(name, vectors, tmp_path)
    assert answer.returncode != 0 and "give_their_scans" in answer.stdout + answer.stderr


def example_worlds():
    """Of each example of the records' rules; those with events are the model's alone."""
    worlds = []

    def rows(script):
        if " event " not in script:
            worlds.append(record_histories.lived(script))
    for module in (record_same, record_item, record_view, record_alike, record_model):
        for test in doctest.DocTestFinder().find(module, extraglobs={"rows": rows}):
            doctest.DocTestRunner(verbose=False).run(test, out=lambda said: None)  # of which nothing is printed
    return worlds


def test_the_product_agrees_with_the_examples_of_records(tmp_path):
    vectors = [record_histories.vector_of(f"example {n}", world) for n, world in enumerate(example_worlds())]
    assert len(vectors) >= 80
    vectors += record_histories.vectors(40, "beside the examples")  # fewer than 100 in all are none to the product's suite
    answer = ask_product("records", vectors, tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr


# ---- Histories that both live ----------------------------------------------------------------------------------------

class Product:
    """model_history: the product's rules, which are told each step of a history and asked for what comes of it."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["CF_MODEL_HISTORY"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def tell(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")

    def ask(self, *words):
        self.tell(*words)
        self.process.stdin.flush()
        answer = {}
        for line in self.process.stdout:
            if line == ".\n":
                return answer
            kind, mode, content, path = line[:-1].split("\t")
            answer[tuple(path.split("/"))] = (kind, content, mode)
        raise file_histories.Broken("product: " + self.process.stderr.read())

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


class Beside(file_histories.Device):
    """A device of the model that lives beside one of the product's. What a user did and both hear of is told; the views after
    each scan and the disks after each whole application must be equal. Steps that are applied in part differ by their order."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.told = {}  # the disk as the product has it

    def compare(self, step, model, product):
        if model != product:
            raise file_histories.Broken(f"difference: {self.name} {step}: the model has {model}, the product {product}")

    def scan(self):
        serial = self.world.serial
        if not super().scan():
            return False
        self.tell_disk()
        self.compare("scan", self.shown(), self.world.product.ask("scan", self.name, self.time, serial))
        return True

    def tell_disk(self):
        old = {file.inode: "/".join(path) for path, file in self.told.items()}
        self.world.product.tell("become", self.name, len(self.disk))
        for path, file in sorted(self.disk.items()):
            self.world.product.tell(old.get(file.inode, ""), file.kind, file.mode, file.content, "/".join(path))
        self.told = dict(self.disk)

    def receive(self, other, part):
        news = super().receive(other, part)
        for entry in news:
            self.world.product.tell("hear", self.name, entry.writer, entry.sequence)
        return news

    def apply(self):
        if not self.is_dirty():
            super().apply()
            self.told = dict(self.disk)
            self.compare("apply", self.there(), self.world.product.ask("apply", self.name))

    def part(self, chance, rng):
        pass


class BothWorlds(file_histories.World):
    device = Beside
    product = None

    def __init__(self, count, **options):
        super().__init__(count, **options)
        self.product.tell("devices", count)


class Both:
    """As trials.py wants it."""
    World = BothWorlds


@pytest.fixture
def product():
    BothWorlds.product = Product()
    yield
    assert BothWorlds.product.end() == 0


def test_both_live_the_same_histories(product):
    for seed in trials.seeds(HISTORIES):
        history = file_histories.random_history(random.Random(f"both {seed}"), revoke=0)
        why = trials.failure(Both, history)
        assert not why, f"{why}\n{json.dumps(history)}"


def test_both_live_the_examples(product):
    examples = [example for module in (merge_model, merge_scan) for test in doctest.DocTestFinder().find(module)
                for example in test.examples if example.source.startswith("files(")]
    assert len(examples) >= 20
    for example in examples:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            file_histories.files(ast.literal_eval(ast.parse(example.source).body[0].value.args[0]), BothWorlds)
        assert said.getvalue() == example.want, example.source
