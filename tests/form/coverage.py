#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the line coverage of include/ from a build with --coverage whose tests have run.

Only lines this processor can run are counted: code compiled for a vector target of which no function ever ran (namespace
N_<TARGET> in Highway's naming) is left out, and named in the output.

    tests/form/coverage.py --build build/coverage [--at-least 90] [--missing]
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = re.compile(r"\d+(N_[A-Z0-9_]+?)(?=\d|E|L|I|$)")


def gcov(gcda):
    done = subprocess.run(["gcov", "--json-format", "--stdout", str(gcda)], capture_output=True, cwd=gcda.parent)
    return [json.loads(line) for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("{")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "coverage")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit 1 below this percentage")
    parser.add_argument("--missing", action="store_true", help="list the lines that never ran")
    options = parser.parse_args()

    include = str(ROOT / "include") + "/"
    # (file, line) -> target or "" -> executions
    lines = collections.defaultdict(lambda: collections.defaultdict(int))
    ran = collections.defaultdict(int)
    files = sorted(options.build.resolve().rglob("*.gcda"))
    if not files:
        sys.exit(f"no .gcda below {options.build}: build the preset coverage and run its tests first")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for reports in pool.map(gcov, files):
            for report in reports:
                base = pathlib.Path(report["current_working_directory"])
                for file in report["files"]:
                    path = str((base / file["file"]).resolve())
                    if not path.startswith(include):
                        continue
                    for line in file["lines"]:
                        target = TARGET.search(line.get("function_name", ""))
                        target = target[1] if target else ""
                        lines[path.removeprefix(include), line["line_number"]][target] += line["count"]
                        ran[target] += line["count"]

    absent = {target for target, count in ran.items() if count == 0 and target}
    total, hit = collections.Counter(), collections.Counter()
    missing = collections.defaultdict(list)
    for (file, number), counts in sorted(lines.items()):
        counts = {target: count for target, count in counts.items() if target not in absent}
        if not counts:
            continue
        total[file] += 1
        if sum(counts.values()):
            hit[file] += 1
        else:
            missing[file].append(number)

    folders = collections.defaultdict(lambda: [0, 0])
    for file in total:
        folder = "/".join(file.split("/")[:2]) if file.count("/") > 1 else file
        folders[folder][0] += hit[file]
        folders[folder][1] += total[file]
    for folder, (covered, count) in sorted(folders.items()):
        print(f"{folder:40} {covered:6} of {count:6} lines  {100 * covered / count:5.1f} %")
    if options.missing:
        for file, numbers in sorted(missing.items()):
            print(f"{file}: {', '.join(map(str, numbers))}")
    if absent:
        print(f"not counted, for this processor does not run them: {', '.join(sorted(absent))}")
    percent = 100 * sum(hit.values()) / sum(total.values())
    print(f"line coverage of include/: {percent:.1f} % ({sum(hit.values())} of {sum(total.values())} lines)")
    return 1 if percent < options.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
