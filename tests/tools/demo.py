#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program behind tools/demo, with the real MiniLM where tools/get-model has put it: interrupted anywhere it ends with the same
index, and answers from it.

    TESSERA_PROGRAMS=build/gcc/bin tests/tools/demo.py        the last line is `N passed, N failed, N skipped`
"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("TESSERA_PROGRAMS", ROOT / "build/tools/bin")) / "demo"
MODEL = ROOT / "models/all-MiniLM-L6-v2"
TEXTS = 1200
SUBJECTS = ["a sound editor", "a plum cake", "a chess program", "a guitar tuner", "a password safe", "a star map", "a tax form", "a bicycle"]
VERBS = ["records", "bakes", "plays", "tunes", "keeps", "shows", "fills in", "repairs"]


def lines(count=TEXTS):
    chosen = random.Random(1)
    return [f"n{i}\t{chosen.choice(SUBJECTS)} that {chosen.choice(VERBS)} number {i}" for i in range(count)]


@unittest.skipUnless(PROGRAM.exists() and MODEL.exists(), f"no {PROGRAM} or no {MODEL}")
class Demo(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.home = pathlib.Path(scratch.name)
        self.texts = self.home / "texts.tsv"
        self.texts.write_text("\n".join(lines()) + "\n")

    def command(self, *queries, home="home", texts=None, model=MODEL):
        return [str(PROGRAM), "--home", str(self.home / home), "--text", str(texts or self.texts), "--model-directory", str(model), *queries]

    def call(self, *queries, stdin="", **options):
        return subprocess.run(self.command(*queries, **options), input=stdin, capture_output=True, text=True, timeout=300)

    def files(self, home="home"):
        return sorted(path for path in (self.home / home).rglob("*") if path.is_file() and path.name != "lock")

    def index(self, home="home"):
        files = self.files(home)
        self.assertEqual([path.suffix for path in files], [".tsi"])
        return files[0].read_bytes()

    def partial(self, home, size):
        """Waits until the file of vectors is that large."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = [path for path in self.files(home) if path.suffix == ".partial" and path.stat().st_size >= size]
            if found:
                return found[0]
            time.sleep(0.005)
        self.fail("no vectors were kept")

    def test_interrupted_anywhere_it_ends_with_the_same_index(self):
        done = self.call("edit audio recordings")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("texts a second", done.stderr)
        wanted = self.index()
        chosen = random.Random(2)
        for number, how in enumerate((signal.SIGKILL, signal.SIGKILL, signal.SIGINT)):
            home = f"interrupted{number}"
            process = subprocess.Popen(self.command("chess", home=home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            # after the head and one record or two of 256 vectors
            partial = self.partial(home, 100 + (1 + number % 2) * 256 * 384 * 4)
            process.send_signal(how)
            _, said = process.communicate(timeout=60)
            if how == signal.SIGINT:
                self.assertEqual(process.returncode, 130)
                self.assertIn("are embedded and kept", said)
            else:
                size = partial.stat().st_size
                os.truncate(partial, size - chosen.randrange(1, 100_000))  # as if killed within a write
            again = self.call("edit audio recordings", home=home)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertRegex(again.stderr, "going on after|embedding 1200")
            self.assertEqual(self.index(home), wanted)
            self.assertEqual(again.stdout, done.stdout)

    def test_answers_from_the_saved_index(self):
        first = self.call("edit audio recordings", "what is in the sky tonight")
        self.assertEqual(first.returncode, 0, first.stderr)
        again = self.call("edit audio recordings", "what is in the sky tonight")
        self.assertEqual((again.returncode, again.stdout), (0, first.stdout))
        self.assertNotIn("embedding", again.stderr)
        answers = again.stdout.split("\n\n")
        self.assertEqual(len(answers), 2)
        self.assertEqual(answers[0].strip().splitlines()[0], "edit audio recordings")
        self.assertIn("a sound editor", answers[0].splitlines()[2])
        self.assertIn("a star map", answers[1].splitlines()[1])
        asked = self.call(stdin="edit audio recordings\n\nwhat is in the sky tonight")
        self.assertEqual(asked.returncode, 0, asked.stderr)
        self.assertTrue(asked.stdout.startswith(answers[0]))

    def test_other_texts_make_another_index_and_the_old_one_goes(self):
        self.assertEqual(self.call("chess").returncode, 0)
        before = self.files()
        self.texts.write_text("\n".join(lines(300)) + "\n")
        done = self.call("chess")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("embedding 300 texts", done.stderr)
        self.assertNotEqual(self.files(), before)
        self.index()

    def test_a_damaged_index_is_made_anew(self):
        self.texts.write_text("\n".join(lines(300)) + "\n")
        done = self.call("chess")
        path = self.files()[0]
        wanted = path.read_bytes()
        path.write_bytes(wanted[:70_000] + bytes([wanted[70_000] ^ 1]) + wanted[70_001:])
        again = self.call("chess")
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout), again.stderr)
        self.assertIn("the saved index is not used", again.stderr)
        self.assertEqual(self.index(), wanted)

    def test_two_at_once(self):
        self.texts.write_text("\n".join(lines(600)) + "\n")
        both = [subprocess.Popen(self.command("chess"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        outputs = [process.communicate(timeout=300) for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], outputs)
        self.assertEqual(outputs[0][0], outputs[1][0])
        self.assertEqual(sum("embedding 600 texts" in said for _, said in outputs), 1)

    def test_errors_are_one_sentence(self):
        self.texts.write_text("a\tone\nno tab\n")
        cases = [(self.call("x"), "line 2"), (self.call("x", texts=self.home / "none.tsv"), "none.tsv"),
                 (self.call("x", texts=self.home), str(self.home))]
        self.texts.write_text("a\tone\n")
        cases += [(self.call("x", model=self.home / "nowhere"), "nowhere"), (self.call(""), "empty")]
        for done, word in cases:
            self.assertEqual(done.returncode, 1, done.stderr)
            last = done.stderr.splitlines()[-1]
            self.assertTrue(last.startswith("error: ") and word in last, done.stderr)


if __name__ == "__main__":
    done = unittest.main(exit=False, verbosity=0).result
    failed = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - failed - len(done.skipped)} passed, {failed} failed, {len(done.skipped)} skipped")
    sys.exit(failed != 0)
