# SPDX-License-Identifier: Apache-2.0
"""counterfoil-bench: its words, its document, and that it leaves nothing behind. No time is asserted."""

import json
import os
import subprocess

import pytest

BENCH = os.environ["COUNTERFOIL_BENCH"]


def bench(tmp_path, *arguments):
    scratch = tmp_path / "scratch"
    scratch.mkdir(parents=True)
    done = subprocess.run(
        [BENCH, *arguments], env={**os.environ, "TMPDIR": str(scratch)}, capture_output=True, text=True, timeout=300
    )
    assert not any(scratch.iterdir())
    return done


def test_measures_beside_a_reference_and_writes_a_document(tmp_path):
    document = tmp_path / "figures.json"
    done = bench(tmp_path, "text", "--quick", "--json", str(document))
    assert done.returncode == 0, done.stderr
    (text,) = json.loads(document.read_text())
    assert text["name"] == "text" and not text["skipped"]
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
    for words, code in (["--check"], 1), (["--check=all"], 1), ([], 0):
        done = bench(tmp_path / str(len(words[0]) if words else 0), "text", "--quick", *words)
        assert done.returncode == code, done.stdout + done.stderr
        assert ("1 limit is exceeded" in done.stderr) == bool(words) and "EXCEEDED" in done.stdout
    monkeypatch.delenv("LD_PRELOAD")
    assert bench(tmp_path / "kept", "text", "--quick", "--check").returncode == 0


def test_sends_of_a_large_database_what_changed(tmp_path):
    document = tmp_path / "figures.json"
    done = bench(tmp_path, "sqlite", "--quick", "--json", str(document))
    assert done.returncode == 0, done.stderr
    (sqlite,) = json.loads(document.read_text())
    sent = [result for result in sqlite["results"] if result["what"].endswith("bytes sent")]
    assert len(sent) == 3  # bookmarks, notes, an address book
    for result in sent:
        assert 0 < result["ours"]["max"] < 20_000, result
        assert result["reference"]["max"] > 0, result


def test_an_act_costs_the_same_whatever_there_is(tmp_path):
    document = tmp_path / "figures.json"
    done = bench(tmp_path, "growth", "--quick", "--check", "--json", str(document))
    assert done.returncode == 0, done.stdout + done.stderr
    (growth,) = json.loads(document.read_text())
    assert all(result["ours"]["median"] > 0 for result in growth["results"] if result["unit"] == "s")
    if os.geteuid() == 0:  # lookups can't be counted in some containers
        assert len(growth["limits"]) + len(growth["skipped"]) == 27
        assert all(limit["kept"] or limit["time"] for limit in growth["limits"])


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
