#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that an example's mistakes are what it says: `#if MISTAKE == N` … lines that must not compile, each with the beginning of
the compiler's sentence behind it (`// tessera: ...`). And that the compiler output shown in a document is what g++ prints.

    tests/form/mistakes.py --compiler g++ [--write] EXAMPLE DOCUMENT... -- -std=c++23 -Iinclude

In a document the output stands in a ```text block below `<!-- output: EXAMPLE MISTAKE=N -->`; paths, the line numbers of the library's
headers and lines that only point at an include are left out of it. --write fills it in. The last line is `N passed, N failed, N skipped`.
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def one_blank(text):
    return re.sub(r"\s+", " ", text)


def compile_with(compiler, flags, example, number):
    done = subprocess.run([compiler, "-fsyntax-only", "-fdiagnostics-color=never", f"-DMISTAKE={number}", *flags, example],
                          capture_output=True, text=True, errors="replace", cwd=ROOT)
    return done.returncode, done.stderr + done.stdout


def readable(output):
    """What a reader needs of the compiler's words, the same on every machine."""
    lines = []
    for line in output.splitlines():
        if re.match(r"(In file included from|\s+from) ", line):
            continue
        line = re.sub(r"(?:/\S*/|\b)include/(tessera/\S+?\.hpp)(:\d+)*", r"\1", line)
        line = re.sub(r"^/\S*/(examples/)", r"\1", line)
        # the inline namespace says how Tessera was built, which is no part of the lesson
        lines.append(re.sub(r"tessera::v0\w*::", "tessera::", line).rstrip())
    return lines


def main():
    arguments, flags = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, flags = arguments[:cut], arguments[cut + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("example")
    parser.add_argument("documents", nargs="*", type=pathlib.Path)
    options = parser.parse_args(arguments)
    gcc = "clang" not in subprocess.run([options.compiler, "--version"], capture_output=True, text=True).stdout
    passed, failed, outputs = 0, 0, {}

    def verdict(good, text):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print(f"FAILED {text}")

    text = (ROOT / options.example).read_text(encoding="utf-8")
    status, output = compile_with(options.compiler, flags, options.example, 0)
    verdict(status == 0 and not output.strip(), f"{options.example} without a mistake: {output}")
    cases = re.findall(r"#(?:el)?if MISTAKE == (\d+)\n(.*?)(?=\n#)", text, re.S)
    verdict(cases, "no mistakes found")
    for number, body in cases:
        wanted = re.search(r"// (tessera: .*)", body)
        status, output = compile_with(options.compiler, flags, options.example, number)
        outputs[number] = output
        verdict(status > 0 and wanted and one_blank(wanted[1]) in one_blank(output), f"mistake {number}: wanted {wanted and wanted[1]}, found:\n{output}")

    for path in options.documents if gcc else []:
        document = path.read_text(encoding="utf-8")
        for mark in re.finditer(rf"<!-- output: {re.escape(options.example)} MISTAKE=(\d+) -->\n```text\n(.*?)```", document, re.S):
            shown = "\n".join(readable(outputs[mark[1]])) + "\n"
            if options.write and shown != mark[2]:
                document = document.replace(mark[0], mark[0].replace(mark[2], shown) if mark[2] else mark[0].replace("```text\n", "```text\n" + shown))
                path.write_text(document, encoding="utf-8")
            else:
                # Another g++ words its notes otherwise; the sentence and the place are ours.
                sentence = next((line for line in mark[2].splitlines() if "tessera:" in line and "error" in line), None)
                verdict(sentence and one_blank(sentence) in one_blank("\n".join(readable(outputs[mark[1]]))), f"{path}: output of mistake {mark[1]}; --write mends it")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
