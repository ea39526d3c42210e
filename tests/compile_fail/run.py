#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that what must not compile does not, and that the compiler then says why.

A file tests/compile_fail/NAME.cpp holds numbered cases:

    // SPDX-License-Identifier: Apache-2.0
    // What the cases have in common, in a line.
    #include <tessera/op/distance.hpp>
    ...shared declarations...

    #if CASE == 0    // the twin: the same code as it should be; it must compile without a warning
    float right = ts::dot(a, b);
    #elif CASE == 1  // a few words: what is wrong here
    // expect: these two vectors belong to different embedding spaces
    // expect: space<"minilm_l6", 384>
    // expect[clang]: space<"stella_400m", 1024>
    float wrong = ts::dot(a, c);
    #endif

Each `// expect: TEXT` must occur in what the compiler prints; `// expect~: REGEX` must match it (Python's re.search, `.` also
matches line ends); `[gcc]` or `[clang]` after `expect` limits a line to one compiler. Runs of blanks and line ends count as one
blank on both sides. Every case but 0 must fail, print `tessera:`, match all its lines (at least one), and stay under 25 lines of
output. Every file needs a case 0; a case may have a twin of its own as `CASE == 0` with more code.

    tests/compile_fail/run.py --compiler g++ [--jobs 2] [--only SUBSTRING] [--show] [FILE...] -- -std=c++23 -Iinclude

`--show` prints what the compiler said for every case. The last line is `N passed, N failed, N skipped`.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

LINES_BELOW = 25  # a reader sees the whole message without scrolling

BRANCH = re.compile(r"^\s*#\s*(?:el)?if\s+CASE\s*==\s*(\d+)")
EXPECT = re.compile(r"^\s*//\s*expect(?:\[(gcc|clang)\])?(~?):\s?(.*?)\s*$")


class Case:
    def __init__(self, path, number):
        self.path, self.number, self.expected = path, number, []

    def __str__(self):
        return f"{self.path.name} case {self.number}"


def cases_of(path):
    cases, current = [], None
    for line in path.read_text(encoding="utf-8").splitlines():
        if branch := BRANCH.match(line):
            current = Case(path, int(branch[1]))
            cases.append(current)
        elif re.match(r"^\s*#\s*endif\b", line):
            current = None
        elif expect := EXPECT.match(line):
            if current is None:
                sys.exit(f"{path}: an expect line outside a case: {line.strip()}")
            current.expected.append(expect.groups())
    numbers = [case.number for case in cases]
    if 0 not in numbers:
        sys.exit(f"{path}: no `#if CASE == 0` (the twin that must compile)")
    if len(set(numbers)) != len(numbers):
        sys.exit(f"{path}: a case number stands twice")
    for case in cases:
        if (case.number == 0) == bool(case.expected):
            sys.exit(f"{case}: case 0 expects nothing, every other case at least one line")
    return cases


def one_blank(text):
    return re.sub(r"\s+", " ", text)


def check(case, compiler, kind, flags):
    command = [compiler, "-fsyntax-only", "-fdiagnostics-color=never", f"-DCASE={case.number}", *flags, str(case.path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    output = done.stderr + done.stdout
    wrong = []
    if case.number == 0:
        if done.returncode != 0 or output.strip():
            wrong.append("the twin must compile and print nothing")
        return case, wrong, output
    if done.returncode == 0:
        wrong.append("it compiles")
    elif done.returncode < 0 or "internal compiler error" in output:
        wrong.append("the compiler crashed")
    if "tessera:" not in output:
        wrong.append("no sentence that begins `tessera:`")
    lines = [line for line in output.splitlines() if line.strip()]
    if len(lines) >= LINES_BELOW:
        wrong.append(f"{len(lines)} lines of output, wanted fewer than {LINES_BELOW}")
    flat = one_blank(output)
    for only, is_regex, wanted in case.expected:
        if only and only != kind:
            continue
        found = re.search(wanted, flat, re.S) if is_regex else one_blank(wanted) in flat
        if not found:
            wrong.append(f"not in the output: {wanted}")
    return case, wrong, output


def main():
    arguments, flags = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, flags = arguments[:cut], arguments[cut + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="only files whose name holds this")
    parser.add_argument("--show", action="store_true", help="print what the compiler said for every case")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args(arguments)

    version = subprocess.run([options.compiler, "--version"], capture_output=True, text=True).stdout
    kind = "clang" if "clang" in version else "gcc"
    files = options.files or sorted(pathlib.Path(__file__).parent.glob("*.cpp"))
    cases = [case for path in files if options.only in path.name for case in cases_of(path)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for case, wrong, output in pool.map(lambda case: check(case, options.compiler, kind, flags), cases):
            failed += bool(wrong)
            if wrong:
                print(f"FAILED {case} ({kind}): " + "; ".join(wrong))
            if wrong or (options.show and case.number):
                print("".join(f"    {line}\n" for line in output.splitlines()[:60]), end="")
                print(f"    ({case} with {options.compiler}: {len(output.splitlines())} lines)")
    print(f"{len(cases) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
