#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the demo's text, one `name<TAB>text` a line: the packages that this machine's package list knows, with name, title and the
first 300 characters of the description. Where there is no such list: the titles of the manual pages, else Tessera's own documents.

    tools/lib/package_texts.py OUT
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DESCRIPTION = 300  # characters


def say(text):
    print(text, file=sys.stderr, flush=True)


def output_of(*command):
    """What a command prints, or nothing where it fails or does not exist."""
    try:
        done = subprocess.run(command, capture_output=True)
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def one_line(text):
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()


def cut(text, length):
    """At most `length` characters, cut between words."""
    if len(text) <= length:
        return text
    head = text[:length + 1]
    return (head[:head.rfind(" ")] if " " in head else text[:length]).rstrip(" ,;:")


# ------------------------------------------------------------------------------------------------ packages
def stanzas(text):
    """The fields of each stanza of a Debian control file, names in lower case, continuation lines kept."""
    for stanza in text.split("\n\n"):
        fields, name = {}, None
        for line in stanza.split("\n"):
            if line[:1] in (" ", "\t"):
                if name:
                    fields[name] += "\n" + line.strip()
            else:
                name, _, value = line.partition(":")
                name = name.lower()
                fields[name] = value.strip()
        if "package" in fields:
            yield fields


def split_description(text):
    """Title and body; a line with a dot alone is an empty one."""
    title, _, body = text.partition("\n")
    return one_line(title), one_line(re.sub(r"(?m)^\.$", "", body))


def translations(options):
    """English descriptions by the hash that package lists name them with."""
    bodies = {}
    for line in output_of("apt-get", "indextargets", *options, "--format", "$(LANGUAGE) $(FILENAME)", "Created-By: Translations").splitlines():
        language, _, file = line.partition(" ")
        if language.startswith("en"):
            for fields in stanzas(output_of("/usr/lib/apt/apt-helper", *options, "cat-file", file)):
                if "description-md5" in fields and "description-en" in fields:
                    bodies[fields["description-md5"]] = fields["description-en"]
    return bodies


def packages(options=()):
    """[name, title, description] of every package, and how many have a description."""
    listed = output_of("apt-cache", "dumpavail", *options)
    if not listed.strip():
        return {}, 0
    bodies = translations(options)
    found, described = {}, 0
    for fields in stanzas(listed):
        text = fields.get("description", fields.get("description-en", ""))
        title, body = split_description(text)
        if not body:
            title, body = split_description(bodies.get(fields.get("description-md5"), text))
        if title and fields["package"] not in found:
            found[fields["package"]] = (title, body)
            described += bool(body)
    return found, described


def with_private_lists():
    """The same from lists fetched into a folder of our own: for machines whose lists are empty or leave descriptions out."""
    with tempfile.TemporaryDirectory() as home:
        for folder in ("lists/partial", "cache/archives/partial"):
            pathlib.Path(home, folder).mkdir(parents=True)
        options = ["-o", f"Dir::State::lists={home}/lists", "-o", f"Dir::Cache={home}/cache", "-o", "Acquire::Languages=en",
                   "-o", f"APT::Sandbox::User={output_of('id', '-un').strip()}",
                   "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20"]
        output_of("apt-get", "update", *options)  # a source that fails leaves the others
        return packages(options)


def package_texts():
    if not shutil.which("apt-cache"):
        return []
    found, described = packages()
    if described < len(found) / 2 or len(found) < 1000:
        say("  this machine's package list has no descriptions: reading one that has, for this demo only")
        fuller, fuller_described = with_private_lists()
        if fuller_described > described:
            found, described = fuller, fuller_described
    if len(found) < 1000:
        return []
    say(f"  {len(found)} packages, {described} with a description")
    lines = []
    for name, (title, body) in sorted(found.items()):
        text = f"{name}: {title}"
        if body:
            text += ("" if title.endswith((".", "!", "?")) else ".") + " " + cut(body, DESCRIPTION)
        lines.append(f"{one_line(name)}\t{one_line(text)}")
    return lines


# ------------------------------------------------------------------------------------------------ where there are none
def manual_titles():
    lines = []
    for line in output_of("apropos", "-l", ".").splitlines():
        match = re.match(r"(.+?) +(\(\S+\)) +- (.+)$", line)
        if match:
            lines.append(f"{one_line(match[1])} {match[2]}\t{one_line(match[1])}: {one_line(match[3])}")
    if len(lines) < 200:
        return []
    say(f"  no package list here; {len(lines)} titles of manual pages instead")
    return sorted(set(lines))


def our_documents():
    lines = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]:
        if not path.is_file():
            continue
        text = re.sub(r"```.*?```|<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.S)
        for number, paragraph in enumerate(part for part in re.split(r"\n\s*\n", text) if len(part.split()) > 3):
            lines.append(f"{path.relative_to(ROOT)} {number + 1}\t{one_line(paragraph)}")
    for path in sorted((ROOT / "include").rglob("*.hpp")):
        match = re.search(r"^/// (.+)$", path.read_text(encoding="utf-8"), re.M)
        if match:
            lines.append(f"{path.relative_to(ROOT / 'include')}\t{one_line(match[1])}")
    say(f"  neither packages nor manual pages here; {len(lines)} paragraphs of Tessera's documents instead")
    return lines


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    say(f"collecting texts into {out}")
    lines = package_texts() or manual_titles() or our_documents()
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(temporary, out)


if __name__ == "__main__":
    main()
