# SPDX-License-Identifier: Apache-2.0
"""The vectors of tests/peer/vectors, from the model.

    python3 tests/model/make_vectors.py                       makes those that are checked in anew
    python3 tests/model/make_vectors.py files|records N SEED  prints N others
"""
import json
import subprocess
import sys
from pathlib import Path

import trials

SEED, COUNTS, FILES = 20, {"files": 600, "records": 500}, {"files": "merge.jsonl.zst", "records": "records.jsonl.zst"}


def lines(vectors):
    return "".join(json.dumps(vector, separators=(",", ":")) + "\n" for vector in vectors)


def path_of(name):
    return Path(__file__).parent.parent / "peer" / "vectors" / FILES[name]


def checked_in(name):
    return lines(trials.KINDS[name].vectors(COUNTS[name], SEED))


def main(arguments):
    if arguments:
        name, count, seed = arguments
        sys.stdout.write(lines(trials.KINDS[name].vectors(int(count), seed)))
        return
    for name in FILES:
        subprocess.run(["zstd", "-19", "-q", "-f", "-o", path_of(name)], input=checked_in(name).encode(), check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
