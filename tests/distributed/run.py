#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `ranks` (ranks.cpp) with four processes under mpirun, in every scenario, and in network namespaces as separate hosts.

    tests/distributed/run.py RANKS FIXTURE      RANKS the program, FIXTURE the directory text/bert_mean

Each scenario has a time limit: a hang is a failure, not a test that never ends. `hosts` (four ranks on two hosts of one rank each side of a virtual
cable) and `cable` (the cable is pulled while they work) need root and iproute2; they are skipped elsewhere.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

RANKS, FIXTURE = (os.path.abspath(path) for path in sys.argv[1:3])
LIMIT = 90
HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
               "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_plm_rsh_no_tree_spawn": "1"}


def run(scenario, path="", options=()):
    """The one line of rank 0. What is left of the job is ended: after a loss mpirun may wait for it."""
    command = ["mpirun", "--oversubscribe", *options, "-np", "4", RANKS, scenario, path]
    with tempfile.TemporaryFile() as out:
        job = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=ENVIRONMENT, start_new_session=True)
        end = time.monotonic() + LIMIT
        text = ""
        while time.monotonic() < end:
            ended = job.poll() is not None
            out.seek(0)
            text = out.read().decode()
            if "\n" in text or ended:
                break
            time.sleep(0.05)
        try:
            job.wait(5)
        except subprocess.TimeoutExpired:
            pass
        subprocess.run(["pkill", "-KILL", "-s", str(os.getsid(job.pid))] if job.poll() is None else ["true"], check=False)
    return text.strip() or "nothing was printed"


class Hosts:
    """Two network namespaces joined by a virtual cable; mpirun starts its daemons in them by an agent in the place of ssh."""

    def __init__(self, scratch):
        self.names = [f"tsr{os.getpid()}a", f"tsr{os.getpid()}b"]
        self.addresses = ["10.99.71.1", "10.99.71.2"]
        for name in self.names:
            self.ip("netns", "add", name)
        self.ip("link", "add", "tsrcable0", "netns", self.names[0], "type", "veth", "peer", "name", "tsrcable1", "netns", self.names[1])
        for i, name in enumerate(self.names):
            self.ip("-n", name, "addr", "add", f"{self.addresses[i]}/24", "dev", f"tsrcable{i}")
            self.ip("-n", name, "link", "set", f"tsrcable{i}", "up")
            self.ip("-n", name, "link", "set", "lo", "up")
        agent = scratch / "agent"
        cases = "".join(f'  {address}) exec ip netns exec {name} sh -c "$*" ;;\n' for name, address in zip(self.names, self.addresses))
        agent.write_text(f'#!/bin/sh\nhost=$1\nshift\ncase "$host" in\n{cases}esac\nexit 1\n')
        agent.chmod(0o755)
        self.options = ["--mca", "plm_rsh_agent", str(agent), "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "10.99.71.0/24",
                        "--mca", "oob_tcp_if_include", "10.99.71.0/24", "--host", ",".join(f"{address}:2" for address in self.addresses)]

    def ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def close(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def over_hosts(scratch):
    hosts = Hosts(scratch)
    try:
        global RANKS
        inside, RANKS_before = ["ip", "netns", "exec", hosts.names[0]], RANKS
        command = [*inside, "mpirun", "--oversubscribe", *hosts.options, "-np", "4", RANKS_before, "flat", str(scratch)]
        done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, timeout=LIMIT, stdin=subprocess.DEVNULL)
        return done.stdout.decode().strip() or done.stderr.decode()[-400:]
    finally:
        hosts.close()


def main():
    if not os.access(RANKS, os.X_OK):
        sys.exit(f"{RANKS} is no program")
    if shutil.which("mpirun") is None:
        print("mpirun is not installed")
        sys.exit(77)
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as made:
        scratch = pathlib.Path(made)
        scenarios = [(name, lambda name=name: run(name, made)) for name in ("flat", "flat_i8", "bits", "certified", "store")]
        scenarios += [("embed", lambda: run("embed", FIXTURE))]
        scenarios += [(name, lambda name=name: run(name, made, ["--enable-recovery"])) for name in ("hangs", "killed")]
        if os.geteuid() == 0 and shutil.which("ip") and subprocess.run(["ip", "netns", "add", "tsrprobe"], capture_output=True).returncode == 0:
            subprocess.run(["ip", "netns", "del", "tsrprobe"], check=False)
            scenarios.append(("hosts", lambda: over_hosts(scratch)))
        else:
            skipped += 1
        for name, scenario in scenarios:
            said = scenario()
            right = said.splitlines()[-1] == "right"
            passed, failed = passed + right, failed + (not right)
            if not right:
                print(f"{name}: {said}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
