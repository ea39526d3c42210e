# SPDX-License-Identifier: Apache-2.0
"""The programs that bench/models and bench/large-model drive over pipes, a line each way: bench/programs/models.cpp and model_peer.py."""
import json
import pathlib
import subprocess
import sys

import numpy as np


def say(text):
    print(text, file=sys.stderr, flush=True)


def put(**line):
    print(json.dumps(line), flush=True)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Child:
    """A program that says "ready" and what loading took, then answers line by line."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.line()

    def line(self):
        while True:
            answer = self.child.stdout.readline()
            if not answer or answer.startswith("error"):
                raise RuntimeError(answer.strip() or "the program ended")
            if answer[0] != "#":
                return answer.rstrip("\n")

    def ask(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()
        return self.line()

    def numbers(self, text):
        return [float(number) for number in self.ask(text).split()]

    def end(self):
        self.child.stdin.close()
        self.child.wait()


def peer_command(python, kind, folder, threads):
    return [python, str(pathlib.Path(__file__).with_name("model_peer.py")), kind, str(folder), str(threads)]


def tell_tokens(child, rows):
    """Gives a program all workloads: lists of texts, which are lists of ids."""
    for workload, texts in rows.items():
        child.ask(f"tokens {workload} {len(texts)} " + " ".join(f"{len(text)} " + " ".join(map(str, text)) for text in texts))
