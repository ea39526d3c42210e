#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The texts of tools/demo, from package lists made here: commands of the package manager stand in a folder of our own.

    tests/tools/package_texts.py        the last line is `N passed, N failed, N skipped`
"""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tools/lib/package_texts.py"
COUNT = 1200


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class PackageTexts(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.home = pathlib.Path(scratch.name)
        (self.home / "bin").mkdir()
        for name in ("python3", "id", "sh", "cat", "bash"):  # nothing else of this machine is seen
            (self.home / "bin" / name).symlink_to(subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True).stdout.strip())

    def fake(self, name, script):
        path = self.home / "bin" / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def lines(self):
        out = self.home / "out.tsv"
        done = subprocess.run([sys.executable, str(PROGRAM), str(out)], capture_output=True, text=True,
                              env={"PATH": str(self.home / "bin"), "HOME": str(self.home)}, timeout=120)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        self.assertEqual([path.name for path in self.home.iterdir() if path.name.startswith("out")], ["out.tsv"])
        self.said = done.stderr
        return out.read_text().splitlines()

    def list_packages(self, stanza, count=COUNT):
        (self.home / "available").write_text("\n".join(stanza(number) for number in range(count)))
        self.fake("apt-cache", f'[ "$1" = dumpavail ] && cat {self.home}/available\n')
        self.fake("apt-get", "exit 100\n")

    def test_descriptions_in_the_list(self):
        body = " It records.\n .\n  * and\tedits\n " + "word " * 100
        self.list_packages(lambda n: f"Package: p{n:04}\nVersion: 1\nDescription: title {n}\n{body}\nSection: sound\n")
        lines = self.lines()
        self.assertEqual(len(lines), COUNT)
        name, text = lines[7].split("\t")
        self.assertEqual(name, "p0007")
        self.assertTrue(text.startswith("p0007: title 7. It records. * and edits word word"), text)
        self.assertTrue(text.endswith("word"))
        self.assertLessEqual(len(text.split(". ", 1)[1]), 300)

    def test_a_name_twice_stands_once(self):
        self.list_packages(lambda n: f"Package: p{n // 2:04}\nDescription: title {n}\n Body.\n", 2 * COUNT)
        self.assertEqual(len(self.lines()), COUNT)

    def test_descriptions_in_a_list_of_translations(self):
        self.list_packages(lambda n: f"Package: p{n:04}\nDescription: title {n}\nDescription-md5: {md5(str(n))}\n")
        translated = "\n".join(f"Package: p{n:04}\nDescription-md5: {md5(str(n))}\nDescription-en: title {n}\n Body {n}.\n" for n in range(COUNT))
        (self.home / "translations").write_text(translated)
        # The helper that prints a list has a fixed place, and is there or not; either way the program answers.
        self.fake("apt-get", f'[ "$1" = indextargets ] && echo en {self.home}/translations\n')
        lines = self.lines()
        self.assertEqual(len(lines), COUNT)
        if pathlib.Path("/usr/lib/apt/apt-helper").exists():
            self.assertEqual(lines[7], "p0007\tp0007: title 7. Body 7.")
        else:
            self.assertEqual(lines[7], "p0007\tp0007: title 7")

    def test_titles_where_descriptions_cannot_be_had(self):
        self.list_packages(lambda n: f"Package: p{n:04}\nDescription: title {n}\n")
        self.assertEqual(self.lines()[7], "p0007\tp0007: title 7")

    def test_manual_pages_where_there_are_no_packages(self):
        self.fake("apropos", "\n".join(f'echo "page{n:04} (1)          - does {n}"' for n in range(300)))
        lines = self.lines()
        self.assertEqual((len(lines), lines[7]), (300, "page0007 (1)\tpage0007: does 7"))

    def test_our_documents_where_there_is_nothing(self):
        self.fake("apt-cache", "exit 0\n")  # a machine whose lists are empty
        self.fake("apt-get", "exit 100\n")
        lines = self.lines()
        self.assertIn("documents", self.said)
        self.assertGreater(len(lines), 100)
        for line in lines:
            name, _, text = line.partition("\t")
            self.assertTrue(name and text and "\t" not in text, line)


if __name__ == "__main__":
    done = unittest.main(exit=False, verbosity=0).result
    failed = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - failed - len(done.skipped)} passed, {failed} failed, {len(done.skipped)} skipped")
    sys.exit(failed != 0)
