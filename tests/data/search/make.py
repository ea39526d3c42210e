#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the files beside it: vectors, and what numpy and scipy say of them (made with numpy 2.4.6 and scipy 1.17.1, in f64).

    rows.npy queries.npy            f32 [200, 24] and [12, 24]; rows share a large mean and a falling spectrum; 3 rows are copies
    rows_f16_fortran.npy            the rows rounded to f16, Fortran order
    ids.npy                         u64 [200], in no order
    cosine.npy inner_product.npy squared_l2.npy   i64 [12, 10]: ids of the ten nearest, equal scores by lower id
    references.json                 mean, eigenvalues and principal components of the rows, correlations of lists with ties
"""
import json
import pathlib

import numpy as np
import scipy.stats

here = pathlib.Path(__file__).resolve().parent
random = np.random.default_rng(20261121)
scales = 1.0 / np.sqrt(1.0 + np.arange(24))
rows = (random.normal(size=(200, 24)) * scales + 0.5).astype(np.float32)
rows[[50, 120, 199]] = rows[7]
queries = (random.normal(size=(12, 24)) * scales + 0.5).astype(np.float32)
ids = random.permutation(10_000)[:200].astype(np.uint64) * np.uint64(1_000_000_007)
np.save(here / "rows.npy", rows)
np.save(here / "queries.npy", queries)
np.save(here / "rows_f16_fortran.npy", np.asfortranarray(rows.astype(np.float16)))
np.save(here / "ids.npy", ids)

wide, asked = rows.astype(np.float64), queries.astype(np.float64)
inner = asked @ wide.T
cosine = inner / np.linalg.norm(asked, axis=1)[:, None] / np.linalg.norm(wide, axis=1)
squared = ((asked[:, None, :] - wide[None, :, :]) ** 2).sum(2)


def nearest(scores):  # smaller is nearer; copies have equal scores up to rounding, so round below the gap that is asserted
    rounded = np.round(scores, 10)
    return np.stack([ids[np.lexsort((ids, line))[:10]] for line in rounded]).astype(np.int64)


for name, scores in {"cosine": -cosine, "inner_product": -inner, "squared_l2": squared}.items():
    # f32 arithmetic must not be able to swap two of them
    gaps = np.diff(np.sort(scores, axis=1)[:, :11], axis=1)
    assert gaps[gaps > 1e-9].min() > 2e-6, name
    np.save(here / f"{name}.npy", nearest(scores))

mean = wide.mean(0)
values, vectors = np.linalg.eigh(np.cov(wide, rowvar=False, bias=True))
a = random.integers(0, 6, 40).astype(np.float64)
b = np.round(a + random.normal(size=40) * 2)
c = random.normal(size=40) * 1e3 + 1e6
references = {
    "mean": mean.tolist(),
    "variances": values[::-1].tolist(),
    "components": vectors[:, ::-1].T[:4].tolist(),
    "a": a.tolist(), "b": b.tolist(), "c": c.tolist(),
    "pearson_ab": float(scipy.stats.pearsonr(a, b).statistic),
    "pearson_ac": float(scipy.stats.pearsonr(a, c).statistic),
    "spearman_ab": float(scipy.stats.spearmanr(a, b).statistic),
    "spearman_ac": float(scipy.stats.spearmanr(a, c).statistic),
    "ranks_a": scipy.stats.rankdata(a).tolist(),
}
(here / "references.json").write_text(json.dumps(references, indent=1) + "\n")
