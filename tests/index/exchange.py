#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Index files of hnswlib, FAISS and usearch, made and opened by those libraries themselves (PyPI: hnswlib, faiss-cpu,
usearch, numpy; exit 77 where one is missing).

    tests/index/exchange.py make            writes tests/data/exchange/, which the tests read
    tests/index/exchange.py check PROGRAM   has PROGRAM (test_index) write files of all three and opens them with their libraries

Row i, column j of the rows is ((i * 37 + j * 11 + i * j * 7) % 101) / 50 - 1 in f32, which the tests compute too; unit rows are divided by their
length. Ids are 3 * i + 7.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import faiss
    import hnswlib
    import numpy as np
    import usearch.index
except ImportError as missing:
    print(missing)
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parents[1] / "data" / "exchange"
N, D, M = 80, 16, 4


def rows():
    i, j = np.arange(N)[:, None], np.arange(D)[None, :]
    return (((i * 37 + j * 11 + i * j * 7) % 101).astype(np.float32) / np.float32(50) - np.float32(1)).astype(np.float32)


def unit_rows():
    plain = rows()
    return (plain / np.linalg.norm(plain.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)


def bits():
    return np.packbits(rows() > 0, axis=1, bitorder="little")


IDS = np.arange(N, dtype=np.int64) * 3 + 7


def make():
    HERE.mkdir(parents=True, exist_ok=True)
    for name, space, vectors in (("hnswlib_l2.bin", "l2", rows()), ("hnswlib_ip.bin", "ip", rows()), ("hnswlib_removed.bin", "cosine", unit_rows())):
        index = hnswlib.Index(space=space, dim=D)
        index.init_index(max_elements=100, M=M, ef_construction=40, random_seed=7)
        index.add_items(vectors, IDS, num_threads=1)
        if "removed" in name:
            for i in (3, 40):
                index.mark_deleted(int(IDS[i]))
        index.save_index(str(HERE / name))
    for name, metric in (("faiss_flat_l2.index", faiss.METRIC_L2), ("faiss_flat_ip.index", faiss.METRIC_INNER_PRODUCT)):
        index = faiss.IndexFlat(D, metric)
        index.add(rows())
        faiss.write_index(index, str(HERE / name))
    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(D, M, faiss.METRIC_L2)
    index.add(rows())
    faiss.write_index(index, str(HERE / "faiss_hnsw_l2.index"))
    index = faiss.IndexIDMap2(faiss.IndexHNSWFlat(D, M, faiss.METRIC_INNER_PRODUCT))
    index.add_with_ids(unit_rows(), IDS)
    faiss.write_index(index, str(HERE / "faiss_hnsw_ids.index"))
    index = faiss.IndexBinaryFlat(D)
    index.add(bits())
    faiss.write_index_binary(index, str(HERE / "faiss_binary.index"))
    index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(D))
    index.add_with_ids(bits(), IDS)
    faiss.write_index_binary(index, str(HERE / "faiss_binary_ids.index"))
    index = faiss.IndexPQ(D, 4, 4)
    index.train(np.tile(rows(), (4, 1)))
    index.add(rows())
    faiss.write_index(index, str(HERE / "faiss_pq.index"))
    for name, metric, dtype, vectors in (("usearch_l2.usearch", "l2sq", "f32", rows()), ("usearch_f16.usearch", "cos", "f16", unit_rows()),
                                         ("usearch_bits.usearch", "hamming", "b1", bits())):
        index = usearch.index.Index(ndim=D, metric=metric, dtype=dtype, connectivity=M, expansion_add=40)
        index.add(IDS.astype(np.uint64), vectors, threads=1)
        index.save(str(HERE / name))


def neighbours(path):
    """The five nearest of each row, as the library that owns the format finds them in the file, widest effort."""
    name = path.name
    if name.endswith(".hnswlib"):
        space = "l2" if "_l2" in name else "ip"
        index = hnswlib.Index(space=space, dim=D)
        index.load_index(str(path))
        index.set_ef(N)
        return index.knn_query(rows() if "unit" not in name else unit_rows(), k=5)[0], index.get_current_count()
    if name.endswith(".faiss"):
        if "binary" in name:
            index = faiss.read_index_binary(str(path))
            return index.search(bits(), 5)[1], index.ntotal
        index = faiss.read_index(str(path))
        inner = faiss.downcast_index(index.index) if isinstance(index, (faiss.IndexIDMap, faiss.IndexIDMap2)) else index
        if isinstance(inner, faiss.IndexHNSW):
            inner.hnsw.efSearch = N
            inner.hnsw.check_bounded_queue = False
        return index.search(rows() if "unit" not in name else unit_rows(), 5)[1], index.ntotal
    index = usearch.index.Index.restore(str(path))
    index.expansion_search = N
    queries = bits() if "bits" in name else unit_rows() if "f16" in name else rows()
    return index.search(queries, 5, exact=False).keys, len(index)


def check(program):
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([program, "[exchange]"], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TESSERA_EXCHANGE_DIR": scratch})
        written = sorted(pathlib.Path(scratch).iterdir())
        assert written, "nothing was written"
        for path in written:
            found, count = neighbours(path)
            ids = IDS if "ids" in path.name else np.arange(N)
            first = found[:, 0].astype(np.int64)
            # Each row's nearest is itself or a row that is the same (inner products of rows of other lengths aside).
            own = np.mean(first == ids) if "_ip" not in path.name else 1.0
            print(f"{path.name}: {count} rows, {own:.3f} find themselves first")
            assert count == N and (own > 0.95 or "binary" in path.name or "bits" in path.name), path.name
    print(f"{len(written)} passed, 0 failed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make()
    else:
        check(sys.argv[2])
