#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps compile time in bounds by what decides it: how many templates a translation unit makes the compiler instantiate.

Counts are clang's (-ftime-trace, every event), so they are the same on every run of one compiler and standard library; seconds
are printed for information and decide nothing. A count over its limit fails: make it smaller, or raise the limit in the change
that needs it and say why there.

    tests/budget/budget.py --compiler clang++-19 -- -std=c++23 -Iinclude
"""
import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent

# file: (defines, most instantiations of classes and functions). The limits leave a fifth above what was counted with clang 19 and
# libstdc++ 12, for other standard libraries and small changes.
LIMITS = {
    "distance.cpp": (["-DTESSERA_COMPILED"], 4000),
    "minilm.cpp": (["-DTESSERA_COMPILED"], 17000),
}


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(compiler, flags, file):
    with tempfile.TemporaryDirectory() as scratch:
        trace = pathlib.Path(scratch, "trace.json")
        command = [compiler, *flags, "-O2", "-c", str(file), "-o", str(pathlib.Path(scratch, "unit.o"))]
        before = children_seconds()
        subprocess.run(command, check=True)
        seconds = children_seconds() - before
        subprocess.run([*command, f"-ftime-trace={trace}", "-ftime-trace-granularity=0"], check=True)
        events = json.loads(trace.read_text())["traceEvents"]
        return sum(event["name"] in ("InstantiateClass", "InstantiateFunction") for event in events), seconds


def main():
    arguments, flags = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, flags = arguments[:cut], arguments[cut + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="clang++-19")
    options = parser.parse_args(arguments)
    passed = failed = 0
    for name, (defines, limit) in LIMITS.items():
        file = HERE / name
        if not file.exists():
            continue
        count, seconds = measure(options.compiler, [*flags, *defines], file)
        fits = count <= limit
        passed, failed = passed + fits, failed + (not fits)
        print(f"{'ok' if fits else 'FAILED'} {name}: {count} instantiations, limit {limit} (information: {seconds:.1f} s at -O2)")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
