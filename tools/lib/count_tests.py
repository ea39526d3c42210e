#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up a ctest report (JUnit): prints `PASSED FAILED SKIPPED`.

A test program's own last line `N passed, N failed, N skipped` counts where it printed one, else the program as one test.
"""
import re
import sys
import xml.etree.ElementTree

LINE = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped\s*$", re.M)

totals = [0, 0, 0]
for case in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
    status = case.get("status")
    lines = LINE.findall(case.findtext("system-out") or "")
    counted = [int(number) for number in lines[-1]] if lines else [0, 0, 0]
    if status == "run":
        if not lines:
            counted = [1, 0, 0]
    elif status == "fail":
        if counted[1] == 0:  # crashed, timed out, or counted nothing
            counted[1] = 1
    else:
        counted = [0, 0, 1]
    totals = [total + number for total, number in zip(totals, counted)]
print(*totals)
