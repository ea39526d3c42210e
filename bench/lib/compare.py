#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs two Google Benchmark programs by turns and prints the ratio of their times, with confidence; bench/compare builds the two."""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys


def run(program, given):
    """Real time of each benchmark, in its own unit: the least of three repetitions, which others on the machine disturb least."""
    command = [program, f"--benchmark_min_time={given.seconds / 3}", "--benchmark_repetitions=3", "--benchmark_format=json"]
    if given.filter:
        command.append(f"--benchmark_filter={given.filter}")
    done = subprocess.run(command, capture_output=True, text=True, cwd=os.path.dirname(program))
    if done.returncode != 0 or not done.stdout.strip():
        sys.exit(f"error: {program}: {done.stderr.strip() or 'no benchmark matches'}")
    times = {}
    for line in json.loads(done.stdout)["benchmarks"]:
        if line.get("run_type") == "iteration" and not line.get("error_occurred"):
            times.setdefault(line["name"], []).append(line["real_time"])
    return {name: min(all_times) for name, all_times in times.items()}


def interval(ratios):
    """95 % interval of the median, from resampled rounds; the same numbers always give the same interval."""
    source = random.Random(1)
    medians = sorted(statistics.median(source.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[-51]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    parser.add_argument("here")
    parser.add_argument("--filter")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.1)
    given = parser.parse_args()

    ratios, last = {}, {}
    for number in range(given.rounds):
        print(f"\rround {number + 1} of {given.rounds}", end="", file=sys.stderr, flush=True)
        # Who begins changes, so that warming up and slowing down favour nobody.
        order = [given.base, given.here] if number % 2 == 0 else [given.here, given.base]
        times = {program: run(program, given) for program in order}
        for name in times[given.base].keys() & times[given.here].keys():
            ratios.setdefault(name, []).append(times[given.base][name] / times[given.here][name])
        last = times
    print(file=sys.stderr)

    width = max(map(len, ratios), default=0)
    print(f"{'base time / this time':{width}}  median  95 % interval")
    for name in (name for name in last[given.here] if name in ratios):
        low, high = interval(ratios[name])
        mark = "faster" if low > 1 else "slower" if high < 1 else ""
        print(f"{name:{width}}  {statistics.median(ratios[name]):6.3f}  {low:.3f} .. {high:.3f}  {mark}")
    for which, program in (("base", given.base), ("this tree", given.here)):
        alone = [name for name in last[program] if name not in ratios]
        if alone:
            print(f"only in {which}: " + ", ".join(alone))


if __name__ == "__main__":
    main()
