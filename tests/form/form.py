#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks of form that need no compiler: the layer table, the shape of headers, licence lines, quoted code in the docs.

    tests/form/form.py              check everything; one line for each finding
    tests/form/form.py --write      first fill the quoted code of the docs from the files it is quoted from

Quoted code in README.md and docs/: every ```cpp block is preceded by a comment line that says where it stands:
    <!-- code: examples/01_embed.cpp -->           the whole file without its licence line
    <!-- code: examples/01_embed.cpp#search -->    the lines between `// [search]` and `// [/search]`
    <!-- code: not compiled: WHY -->               a fragment that cannot be a file
The files named are compiled by the build, so what the docs show compiles.
"""
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "tessera"

# ------------------------------------------------------------------------------------------------ the layers
# folder: what it may include besides itself; what those may include comes with them. `dispatch` is dispatch.hpp and what it
# lets through of kernel/: the kernels themselves are reached only through it.
LAYERS = {
    "base": [],
    "type": ["base"],
    "kernel": ["base"],
    "dispatch": ["base", "kernel"],
    "op": ["type", "dispatch"],
    "graph": ["op"],
    "io": ["type"],
    "text": ["io"],
    "model": ["graph", "io", "text"],
    "index": ["op", "io"],
    "store": ["index"],
    "interop": ["type"],
    "evaluate": ["op", "interop"],
    "distributed": ["store", "model"],
}
# kernel/all.hpp is the list that dispatch.hpp includes, and refers back to it.
EXCEPTIONS = {("kernel/all.hpp", "tessera/dispatch.hpp")}

# third-party headers: where they may stand, and whether only in -inl.hpp files
THIRD_PARTY = {
    "hwy/": (["kernel", "dispatch"], False),
    "boost/": (["graph", "model"], False),
    "simdjson": (["io"], True),
    "openssl/": (["io"], True),
    "utf8proc": (["text"], True),
    "pcre2": (["text"], True),
    "zstd": (["store"], True),
    "xtensor/": (["interop", "evaluate"], False),
    "xsimd/": (["interop", "evaluate"], False),
    "xtl/": (["interop", "evaluate"], False),
    "mpi.h": (["distributed"], True),
}
NOT_IN_FLOOR = {"format", "print", "mdspan", "flat_map", "flat_set", "generator", "stacktrace", "spanstream"}
MOST_LINES = 330  # "near 300"

findings = []


def finding(path, line, text):
    place = path.relative_to(ROOT) if path.is_absolute() else path
    findings.append(f"{place}:{line}: {text}" if line else f"{place}: {text}")


def closure(folder):
    seen, todo = set(), [folder]
    while todo:
        current = todo.pop()
        for below in LAYERS[current]:
            if below not in seen:
                seen.add(below)
                # the kernels stop at their door
                if below != "dispatch":
                    todo.append(below)
                else:
                    todo.append("base"), seen.add("base")
    return seen | {folder}


def layer_of(relative):
    parts = relative.parts
    return parts[0] if len(parts) > 1 else re.sub(r"(-inl)?\.hpp$", "", parts[0])


def without_comments(text):
    """The text with comments and string literals blanked, line numbers kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def check_header(path):
    relative = path.relative_to(INCLUDE)
    layer = layer_of(relative)
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    if layer not in LAYERS:
        finding(path, 0, f"folder {layer} is not in the layer table of tests/form/form.py")
        return
    allowed = closure(layer)
    for number, line in enumerate(lines, 1):
        include = re.match(r"\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", line)
        if include:
            target = include[1]
            if target.startswith("tessera/"):
                below = layer_of(pathlib.PurePosixPath(target.removeprefix("tessera/")))
                if below not in allowed and (relative.as_posix(), target) not in EXCEPTIONS:
                    finding(path, number, f"{layer}/ may not include {below}/ ({target})")
                if layer == "evaluate" and below == "interop" and "xtensor" not in target:
                    finding(path, number, "evaluate/ reaches interop/xtensor only")
                if not (ROOT / "include" / target).exists():
                    finding(path, number, f"no such header: {target}")
            elif '"' in line:
                finding(path, number, "include with <tessera/...>, not with quotes")
            elif target in NOT_IN_FLOOR and relative.parts[0] != "interop":
                finding(path, number, f"<{target}> is not in the library floor (g++ 12)")
            for prefix, (folders, only_inl) in THIRD_PARTY.items():
                if target.startswith(prefix):
                    if layer not in folders:
                        finding(path, number, f"{target} may stand in {', '.join(folders)} only")
                    elif only_inl and not path.name.endswith("-inl.hpp"):
                        finding(path, number, f"{target} may stand in -inl.hpp files only")
        define = re.match(r"\s*#\s*define\s+(\w+)", line)
        if define and not define[1].startswith(("TESSERA_", "HWY_", "PCRE2_")):
            finding(path, number, f"macro without TESSERA_: {define[1]}")
        if len(line) > 140:
            finding(path, number, f"{len(line)} characters")
    # kernel files are included once for each target, so they have two guards of their own (dispatch.hpp)
    if not re.search(r"^#pragma once|^#if.*defined\(HWY_TARGET_TOGGLE\)", text, re.M) and relative.as_posix() != "kernel/all.hpp":
        finding(path, 0, "no #pragma once")
    if len(lines) < 2 or not lines[1].startswith("///"):
        finding(path, 2, "the second line says in a `///` sentence what the header is for")
    if len(lines) - 1 > MOST_LINES:
        finding(path, 0, f"{len(lines) - 1} lines; near 300 at most, one subject a header")
    code = without_comments(text)
    for match in re.finditer(r"\bthrow\b|\bstd::(?:abort|terminate|exit|cout|cerr|clog|format)\b|\babort\s*\(|\bf?printf\s*\(|\bputs\s*\(", code):
        finding(path, code.count("\n", 0, match.start()) + 1, f"the library never does this: {match[0].strip()}")


# ------------------------------------------------------------------------------------------------ every file
def tracked():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True)
    if listed.returncode != 0:  # an unpacked archive
        return sorted(path for path in ROOT.rglob("*") if path.is_file() and not {".deps", "build", ".git"} & set(path.relative_to(ROOT).parts))
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


SOURCE = {".hpp", ".cpp", ".py", ".sh", ".cmake", ".in"}
HOSTS = re.compile(r"deb\.debian\.org|snapshot\.debian|archive\.ubuntu|pypi\.org|pythonhosted|conda\.anaconda|crates\.io|registry\.npm")
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def check_any(path):
    relative = path.relative_to(ROOT)
    if relative.parts[:2] == ("tests", "data") or relative.name == "LICENSE":
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    lines = text.split("\n")
    is_source = path.suffix in SOURCE or path.name == "CMakeLists.txt" or text.startswith("#!")
    if is_source and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:2]) and not path.name.endswith((".in", ".md")):
        finding(path, 1, "no licence line (SPDX-License-Identifier: Apache-2.0)")
    if relative.as_posix() != "tests/form/form.py":
        for number, line in enumerate(lines, 1):
            if HOSTS.search(line):
                finding(path, number, "names a package host; Debian and Python packages are named by name only")
            if is_source and MARKS.search(line):
                finding(path, number, "an unfinished mark: finish it, or open an issue")
    if is_source and path.suffix in {".hpp", ".cpp"}:
        for number, line in enumerate(lines, 1):
            if "\t" in line:
                finding(path, number, "a tab")
            if line != line.rstrip():
                finding(path, number, "blanks at the end of the line")
    if relative.parts[0] == "examples" and path.suffix == ".cpp" and len(lines) - 1 > 60:
        finding(path, 0, f"{len(lines) - 1} lines; an example stays under 60")


# ------------------------------------------------------------------------------------------------ quoted code
def quoted(source):
    """The text that `source` (path or path#region) stands for."""
    name, _, region = source.partition("#")
    file = ROOT / name
    if not file.is_file():
        return None, f"no such file: {name}"
    lines = file.read_text(encoding="utf-8").split("\n")
    if region:
        begin = [i for i, line in enumerate(lines) if line.strip() == f"// [{region}]"]
        end = [i for i, line in enumerate(lines) if line.strip() == f"// [/{region}]"]
        if len(begin) != 1 or len(end) != 1 or end[0] < begin[0]:
            return None, f"{name} has no single region `// [{region}]` … `// [/{region}]`"
        body = textwrap.dedent("\n".join(lines[begin[0] + 1:end[0]]))
    else:
        body = "\n".join(line for line in lines if "SPDX-License-Identifier" not in line and not re.match(r"\s*// \[/?\w+\]$", line))
    return body.strip("\n"), None


def check_document(path, write):
    lines = path.read_text(encoding="utf-8").split("\n")
    result, i, changed = [], 0, False
    while i < len(lines):
        result.append(lines[i])
        if re.match(r"\s*```(cpp|c\+\+)\s*$", lines[i]):
            end = next((j for j in range(i + 1, len(lines)) if lines[j].strip() == "```"), None)
            if end is None:
                finding(path, i + 1, "a code block that never ends")
                break
            mark = re.match(r"<!-- code: (.*?) -->$", lines[i - 1].strip()) if i else None
            body = lines[i + 1:end]
            if not mark:
                finding(path, i + 1, "a ```cpp block without `<!-- code: FILE -->` above it")
            elif not mark[1].startswith("not compiled"):
                wanted, problem = quoted(mark[1])
                if problem:
                    finding(path, i, problem)
                elif body != wanted.split("\n"):
                    if write:
                        body, changed = wanted.split("\n"), True
                    else:
                        finding(path, i + 1, f"differs from {mark[1]} (tests/form/form.py --write mends it)")
            result += body + [lines[end]]
            i = end
        i += 1
    if changed:
        path.write_text("\n".join(result), encoding="utf-8")


def main():
    write = "--write" in sys.argv[1:]
    headers = sorted(INCLUDE.rglob("*.hpp"))
    for path in headers:
        check_header(path)
    files = tracked()
    for path in files:
        check_any(path)
    documents = [path for path in files if path.suffix == ".md" and "data" not in path.relative_to(ROOT).parts[:2]]
    for path in documents:
        check_document(path, write)
    for line in findings:
        print(line)
    print(f"{len(headers)} headers, {len(files)} files, {len(documents)} documents: {len(findings)} findings")
    print(f"{0 if findings else 1} passed, {1 if findings else 0} failed, 0 skipped")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
