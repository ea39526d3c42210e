#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program behind tools/demo, with the real MiniLM where tools/get-model has put it: interrupted anywhere it ends with the same
answers, from its store.

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

    def store(self, home="home"):
        """The one snapshot of the one store, complete."""
        files = self.files(home)
        self.assertEqual([path.name.split("-")[0] for path in files], ["log", "snapshot"], files)
        self.assertEqual({path.parent.suffix for path in files}, {".store"})
        return files[1]

    def log(self, home, size):
        """Waits until the log of vectors is that large."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = [path for path in self.files(home) if path.name.startswith("log-") and path.stat().st_size >= size]
            if found:
                return found[0]
            time.sleep(0.005)
        self.fail("no vectors were kept")

    def test_interrupted_anywhere_it_ends_with_the_same_answers(self):
        queries = ("edit audio recordings", "what is in the sky tonight", "something to eat", "two wheels")
        done = self.call(*queries)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("texts a second", done.stderr)
        self.store()
        chosen = random.Random(2)
        for number, how in enumerate((signal.SIGKILL, signal.SIGKILL, signal.SIGINT)):
            home = f"interrupted{number}"
            process = subprocess.Popen(self.command("chess", home=home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            # after the head and one batch or two of 256 vectors of f16
            log = self.log(home, 100 + (1 + number % 2) * 256 * 384 * 2)
            process.send_signal(how)
            _, said = process.communicate(timeout=60)
            if how == signal.SIGINT:
                self.assertEqual(process.returncode, 130)
                self.assertIn("are embedded and kept", said)
            elif log.exists():
                size = log.stat().st_size
                os.truncate(log, size - chosen.randrange(1, 100_000))  # as if killed within a write
            again = self.call(*queries, home=home)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertRegex(again.stderr, "going on after|embedding 1200")
            self.store(home)
            self.assertEqual(again.stdout, done.stdout)

    def test_answers_from_the_saved_store(self):
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

    def test_other_texts_make_another_store_and_the_old_one_goes(self):
        self.assertEqual(self.call("chess").returncode, 0)
        before = self.files()
        self.texts.write_text("\n".join(lines(300)) + "\n")
        done = self.call("chess")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("embedding 300 texts", done.stderr)
        self.assertNotEqual(self.files(), before)
        self.store()

    def test_a_damaged_store_is_made_anew(self):
        self.texts.write_text("\n".join(lines(300)) + "\n")
        done = self.call("chess")
        path = self.store()
        wanted = path.read_bytes()
        path.write_bytes(wanted[:70_000] + bytes([wanted[70_000] ^ 1]) + wanted[70_001:])
        again = self.call("chess")
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout), again.stderr)
        self.assertIn("the saved store is not used", again.stderr)
        self.store()
        self.assertNotIn("not used", self.call("chess").stderr)

    def test_one_that_waits_for_questions_keeps_nobody_out(self):
        self.texts.write_text("\n".join(lines(300)) + "\n")
        done = self.call("chess")
        waiting = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        waiting.stdin.write("chess\n")
        waiting.stdin.flush()
        waiting.stdout.readline()
        again = self.call("chess")
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout), again.stderr)
        waiting.communicate("", timeout=60)

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
