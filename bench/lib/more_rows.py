#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many rows like some that are real, for bench/search at sizes that no corpus at hand has: more_rows.py REAL.npy COUNT OUT.npy [SEED]

The real rows come first. Each further one is a real row and half the difference of two others, at the length of the first: clusters stay
where they are, and mean and spectrum are those of the real rows. Written in float16 and in parts, so a million rows need little memory.

    bench/lib/more_rows.py real.npy 1000000 many.npy
    bench/search --vectors many.npy --queries queries.npy --peers --plot many.svg
"""
import sys

import numpy as np


def write_rows(real, count, path, seed=1):
    random = np.random.default_rng(seed)
    made = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(count, real.shape[1]))
    taken = min(count, len(real))
    made[:taken] = real[:taken]
    for first in range(taken, count, 10_000):
        base, plus, minus = (real[random.integers(len(real), size=min(10_000, count - first))].astype(np.float32) for _ in range(3))
        rows = base + 0.5 * (plus - minus)
        lengths = np.linalg.norm(base, axis=1, keepdims=True) / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
        made[first:first + len(rows)] = rows * lengths
    made.flush()


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    real = np.load(sys.argv[1], mmap_mode="r")
    if real.ndim != 2 or len(real) < 3:
        sys.exit(f"{sys.argv[1]}: wanted at least three rows, found {real.shape}")
    write_rows(real, int(sys.argv[2]), sys.argv[3], *(int(seed) for seed in sys.argv[4:]))


if __name__ == "__main__":
    main()
