# SPDX-License-Identifier: Apache-2.0
"""counterfoil-bench: its words, its document, its limits but for times, and that it leaves nothing behind."""

import json
import os
import re
import subprocess

import pytest

BENCH = os.environ["COUNTERFOIL_BENCH"]


def bench(tmp_path, *arguments):
    scratch = tmp_path / "scratch"
    scratch.mkdir(parents=True)
    done = subprocess.run(
        [BENCH, *arguments], env={**os.environ, "TMPDIR": str(scratch)}, capture_output=True, text=True, timeout=900
    )
    assert not any(scratch.iterdir())
    return done


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All that is not long, in small, and judged: {name: what its document says}."""
    folder = tmp_path_factory.mktemp("whole")
    document = folder / "figures.json"
    done = bench(folder, "--quick", "--check", "--json", str(document))
    assert done.returncode == 0, done.stdout + done.stderr
    return {one["name"]: one for one in json.loads(document.read_text())}


def bounds_of(found):
    """Limits of bytes and memory."""
    return [limit for limit in found["limits"] if re.search(r", of \d+(\.\d+)? [KMG]?i?B$", limit["what"])]


def test_all_that_is_not_long_keeps_its_limits(whole):
    told = subprocess.run([BENCH, "--help"], capture_output=True, text=True, check=True).stdout
    questions = dict(re.findall(r"^  (\w+) +(.+)$", told.partition("\n\n")[2].partition("\n\n")[2], re.MULTILINE))
    assert len(questions) > 8 and list(whole) == [name for name, text in questions.items() if "only when named" not in text]
    for name, found in whole.items():
        assert found["results"] and all(limit["kept"] for limit in found["limits"] if not limit["time"]), name
    assert {name for name, found in whole.items() if not [one for one in found["limits"] if not one["time"]]} == {"log"}, "times alone"


def test_what_is_limited_is_not_far_from_its_limit(whole):
    """Else a limit would say nothing."""
    bounds = {(name, limit["what"]): limit["share"] for name, found in whole.items() for limit in bounds_of(found)}
    assert len(bounds) > 50 and all(share > 0.25 for share in bounds.values()), bounds
    assert {name for name, _ in bounds} == {"delta", "first_sync", "growth", "joiner", "latency", "sqlite", "strangers"}


def test_measures_beside_a_reference_and_writes_a_document(whole):
    text = whole["text"]
    assert not text["skipped"]
    sizes = {result["what"]: result for result in text["results"] if result["unit"] == "B"}
    for result in sizes.values():
        assert result["ours"]["min"] <= result["ours"]["median"] <= result["ours"]["max"]
        assert abs(result["ratio"] - result["ours"]["median"] / result["reference"]["median"]) < 1e-6
    assert sizes["10.0 MB of prose: size"]["ours"]["max"] < 10e6 * 0.37
    assert sizes["10.0 MB of random bytes: size"]["ours"]["max"] < 10e6 * 1.01
    limits = {limit["what"]: limit for limit in text["limits"]}
    assert set(limits) == {"10.0 MB of prose: on the wire", "10.0 MB of random bytes: on the wire"}
    for limit in limits.values():
        assert limit["kept"] and 0 < limit["share"] <= limit["limit"]


def test_a_limit_that_is_exceeded_is_told_by_the_exit_code(tmp_path, monkeypatch):
    library = os.environ.get("CF_NO_COMPRESSION_LIBRARY")
    if not library:
        pytest.skip("needs a library that is loaded first")
    monkeypatch.setenv("LD_PRELOAD", library)
    done = bench(tmp_path, "text", "--quick", "--check")
    assert done.returncode == 1 and "1 limit is exceeded" in done.stderr and "EXCEEDED" in done.stdout, done


def test_each_limit_is_exceeded_where_it_is_lower(tmp_path):
    """And that is said without --check, too."""
    for words, code in (["--check"], 1), ([], 0):
        document = tmp_path / f"figures{code}.json"
        done = bench(tmp_path / str(code), "joiner", "--quick", "--limits", "10", "--json", str(document), *words)
        (joiner,) = json.loads(document.read_text())
        assert done.returncode == code and not [limit for limit in joiner["limits"] if limit["kept"]], done
        assert (f"{len(joiner['limits'])} limits are exceeded" in done.stderr) == bool(code)
        assert done.stdout.count("EXCEEDED") == len(joiner["limits"]) == len(bounds_of(joiner)) >= 2


def test_sends_of_a_large_database_what_changed(whole):
    sent = [result for result in whole["sqlite"]["results"] if result["what"].endswith("bytes sent")]
    assert len(sent) == 3  # bookmarks, notes, an address book
    for result in sent:
        assert 0 < result["ours"]["max"] < 20_000, result
        assert result["reference"]["max"] > 0, result


def test_an_act_costs_the_same_whatever_there_is(whole):
    growth = whole["growth"]
    assert all(result["ours"]["median"] > 0 for result in growth["results"] if result["unit"] == "s")
    if os.geteuid() == 0:  # lookups can't be counted in some containers
        assert len(growth["limits"]) + len(growth["skipped"]) == 38


def test_what_is_long_runs_when_it_is_named(tmp_path):
    document = tmp_path / "figures.json"
    done = bench(tmp_path, "silence", "--quick", "--json", str(document))
    assert done.returncode == 0, done.stdout + done.stderr
    (silence,) = json.loads(document.read_text())
    assert [result["ours"]["name"] for result in silence["results"]] == ["19 sessions"] * 3


def test_refuses_what_it_does_not_know(tmp_path):
    done = bench(tmp_path, "weather")
    assert done.returncode == 2
    assert "unknown benchmark weather" in done.stderr
    done = bench(tmp_path / "percent", "text", "--limits", "half")
    assert done.returncode == 2 and "--limits wants a percentage, not half" in done.stderr
