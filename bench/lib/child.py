# SPDX-License-Identifier: Apache-2.0
"""What the scripts share that drive programs over pipes, a line each way (bench/programs/ and model_peer.py), and the options of bench/models and
bench/large-model."""
import argparse
import json
import os
import pathlib
import subprocess
import sys


def arguments(parser, seconds):
    """Adds the options of both and reads them all. Called before anything that counts threads or asks a network is imported."""
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=seconds, help="of each peer, workload and round")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only what has this in its name; may be repeated")
    parser.add_argument("--cpu-time", action="store_true", help="time of the processor instead of the clock: for one thread, on a machine "
                        "that has other work")
    parser.add_argument("--program", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": str(given.threads), "MKL_NUM_THREADS": str(given.threads), "HF_HUB_OFFLINE": "1",
                   "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}
    return given


def say(text):
    print(text, file=sys.stderr, flush=True)


def put(**line):
    print(json.dumps(line), flush=True)


def unit(rows):
    return rows / (rows * rows).sum(axis=1, keepdims=True) ** 0.5


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
