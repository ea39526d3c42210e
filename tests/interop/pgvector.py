#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""interop/pgvector.hpp against a real PostgreSQL with pgvector (Debian: postgresql-15; pgvector from its own source or package).

    tests/interop/pgvector.py make              writes tests/data/pgvector/: what COPY TO gives for known rows
    tests/interop/pgvector.py check PROGRAM     has PROGRAM (test_interop) write COPY streams, reads them into PostgreSQL, compares
                                                every row, makes an index over each column, and asks it

A cluster of its own in a scratch directory, on a socket, no network; exit 77 where the server or the extension is not installed.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parents[1] / "data" / "pgvector"
BIN = next((path for path in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True) if (path / "initdb").exists()), None)
TYPES = {"vector": "vector(20)", "halfvec": "halfvec(20)", "bit": "bit(20)"}
OPERATORS = {"vector": "vector_cosine_ops", "halfvec": "halfvec_l2_ops", "bit": "bit_hamming_ops"}


def rows(kind):
    """Row i, component j: ((i * 7 + j * 3) % 41 - 20) / 16, exact in f16 and f32; the first component of row 0 is the least of its type."""
    made = []
    for i in range(6):
        row = [((i * 7 + j * 3) % 41 - 20) / 16 for j in range(20)]
        if kind == "bit":
            made.append("".join("1" if value > 0 else "0" for value in row))
            continue
        if i == 0:
            row[0], row[1] = (1e-45, 3.4028235e38) if kind == "vector" else (5.9604645e-8, 65504.0)
        made.append("[" + ",".join(repr(value) for value in row) + "]")
    return made


class Server:
    def __init__(self):
        self.at = pathlib.Path(tempfile.mkdtemp(prefix="tessera-pg-"))
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.at, "postgres")
        self.run([BIN / "initdb", "-D", self.at / "data", "-A", "trust", "-U", "postgres"])
        self.run([BIN / "pg_ctl", "-D", self.at / "data", "-w", "-l", self.at / "log", "-o", f"-k {self.at} -c listen_addresses=''", "start"])

    def run(self, command, **more):
        return subprocess.run([*self.user, *map(str, command)], check=True, capture_output=True, cwd="/", **more).stdout

    def sql(self, text, stdin=None):
        return self.run(["psql", "-h", self.at, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qAtc", text], input=stdin)

    def close(self):
        self.run([BIN / "pg_ctl", "-D", self.at / "data", "-m", "immediate", "stop"])
        shutil.rmtree(self.at, ignore_errors=True)


def make(server):
    HERE.mkdir(parents=True, exist_ok=True)
    for kind, column in TYPES.items():
        server.sql(f"CREATE TABLE {kind}_rows (id bigint, embedding {column})")
        lines = "".join(f"{i * 5}\t{text}\n" for i, text in enumerate(rows(kind)))
        server.sql(f"COPY {kind}_rows FROM STDIN", lines.encode())
        (HERE / f"{kind}.copy").write_bytes(server.sql(f"COPY {kind}_rows TO STDOUT (FORMAT binary)"))
        (HERE / f"{kind}.txt").write_bytes(server.sql(f"COPY {kind}_rows TO STDOUT"))


def check(server, program):
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([program, "[pgvector]"], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TESSERA_PGVECTOR_DIR": scratch})
        passed = 0
        for kind, column in TYPES.items():
            for form, options in (("copy", "(FORMAT binary)"), ("txt", "")):
                table = f"{kind}_{form}"
                server.sql(f"CREATE TABLE {table} (id bigint, embedding {column})")
                server.sql(f"COPY {table} FROM STDIN {options}", (pathlib.Path(scratch) / f"{kind}.{form}").read_bytes())
                assert server.sql(f"COPY {table} TO STDOUT (FORMAT binary)") == (HERE / f"{kind}.copy").read_bytes(), table
                passed += 1
            index = (pathlib.Path(scratch) / f"{kind}.index").read_text()
            assert OPERATORS[kind] in index, index
            server.sql(f"CREATE INDEX ON {kind}_copy USING {index}")
            nearest = "<~>" if kind == "bit" else "<->"
            found = server.sql(f"SELECT id FROM {kind}_copy ORDER BY embedding {nearest} '{rows(kind)[3]}' LIMIT 1")
            assert found.strip() == b"15", found
            passed += 1
        print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    if BIN is None:
        print("PostgreSQL is not installed")
        sys.exit(77)
    running = Server()
    try:
        try:
            running.sql("CREATE EXTENSION vector")
        except subprocess.CalledProcessError:
            print("pgvector is not installed")
            sys.exit(77)
        if sys.argv[1:2] == ["make"]:
            make(running)
        else:
            check(running, sys.argv[2])
    finally:
        running.close()
