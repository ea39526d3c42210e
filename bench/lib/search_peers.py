#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FAISS, hnswlib and usearch on the vectors of bench/search, in its lines: search_peers.py VECTORS QUERIES THREADS cosine|ip|l2 [PEER...]

THREADS build; a search has one. One query at a time where a search is of one (flat, 1 bit); graphs get all queries in one call, which spares them Python's share of each.
The best of three rounds counts."""
import json
import sys
import time

import numpy as np

if len(sys.argv) < 5:
    sys.exit(__doc__)
threads, metric, k = int(sys.argv[3]), sys.argv[4], 10


def read(path):
    rows = np.load(path).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) if metric == "cosine" else rows


vectors, queries = read(sys.argv[1]), read(sys.argv[2])
count, dimension = vectors.shape
truth = None


def line(peer, what, found, seconds, build, **more):
    recall = float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), truth.tolist())]))
    print(json.dumps({"peer": peer, "what": what, "n": count, "dim": dimension, "recall10": round(recall, 5),
                      "us_per_query": round(seconds / len(queries) * 1e6, 3), "build_s": round(build, 3)} | more), flush=True)


def timed(run):
    found, best = run(), float("inf")
    for _ in range(3):
        start = time.perf_counter()
        found = run()
        best = min(best, time.perf_counter() - start)
    return found, best


def built(make):
    start = time.perf_counter()
    made = make()
    return made, time.perf_counter() - start


def exactly():
    """The ten nearest in double, by blocks of queries."""
    rows, found = vectors.astype(np.float64), []
    squares = (rows * rows).sum(axis=1)
    for first in range(0, len(queries), 100):
        products = queries[first:first + 100].astype(np.float64) @ rows.T
        scores = 2 * products - squares if metric == "l2" else products
        some = np.argpartition(-scores, k, axis=1)[:, :k]
        found.append(np.take_along_axis(some, np.argsort(-np.take_along_axis(scores, some, 1), axis=1, kind="stable"), 1))
    return np.concatenate(found)


def with_faiss():
    import faiss
    faiss.omp_set_num_threads(1)
    kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT

    def add(index):
        index.train(vectors)
        index.add(vectors)
        return index

    def one_by_one():
        return np.concatenate([index.search(queries[i:i + 1], k)[1] for i in range(len(queries))])

    index, build = built(lambda: add(faiss.IndexFlat(dimension, kind)))
    line("faiss", "flat f32", *timed(one_by_one), build)
    line("faiss", "flat f32, all queries at once", *timed(lambda: index.search(queries, k)[1]), build)
    codes = faiss.ScalarQuantizer
    for precision, code in (("f16", codes.QT_fp16), ("i8", codes.QT_8bit), ("i4", codes.QT_4bit)):
        index, build = built(lambda: add(faiss.IndexScalarQuantizer(dimension, code, kind)))
        line("faiss", f"flat {precision}", *timed(one_by_one), build)
    index, build = built(lambda: add(faiss.IndexRaBitQ(dimension, kind)))

    def rescored(many):
        found = np.empty((len(queries), k), np.int64)
        for i in range(len(queries)):
            some = index.search(queries[i:i + 1], many)[1][0]
            near = vectors[some] @ queries[i] if metric != "l2" else -((vectors[some] - queries[i]) ** 2).sum(axis=1)
            found[i] = some[np.argsort(-near, kind="stable")[:k]]
        return found

    for many in (40, 100):
        line("faiss", "1-bit + f32", *timed(lambda: rescored(many)), build, ef=many)
    index = faiss.IndexHNSWFlat(dimension, 16, kind)
    index.hnsw.efConstruction = 200
    faiss.omp_set_num_threads(threads)
    index, build = built(lambda: add(index))
    faiss.omp_set_num_threads(1)
    for effort in (16, 24, 32, 48, 64, 96, 128, 192, 256):
        index.hnsw.efSearch = effort
        line("faiss", "hnsw f32", *timed(lambda: index.search(queries, k)[1]), build, ef=effort)


def with_hnswlib():
    import hnswlib
    index = hnswlib.Index("l2" if metric == "l2" else "ip", dimension)
    index.init_index(count, M=16, ef_construction=200)
    _, build = built(lambda: index.add_items(vectors, num_threads=threads))
    for effort in (16, 24, 32, 48, 64, 96, 128, 192, 256):
        index.set_ef(effort)
        line("hnswlib", "hnsw f32", *timed(lambda: index.knn_query(queries, k, num_threads=1)[0]), build, ef=effort)


def with_usearch():
    from usearch.index import Index
    for precision in ("f32", "bf16"):
        index = Index(ndim=dimension, metric="l2sq" if metric == "l2" else "ip", dtype=precision, connectivity=16, expansion_add=200)
        _, build = built(lambda: index.add(np.arange(count), vectors, threads=threads))
        for effort in (16, 32, 64, 128, 256):
            index.expansion_search = effort
            line("usearch", f"hnsw {precision}", *timed(lambda: np.array(index.search(queries, k, threads=1).keys)), build, ef=effort)


truth = exactly()
for peer, ask in (("faiss", with_faiss), ("hnswlib", with_hnswlib), ("usearch", with_usearch)):
    if sys.argv[5:] and peer not in sys.argv[5:]:
        continue
    try:
        ask()
    except ImportError as missing:
        print(f"left out: {missing}", file=sys.stderr)
