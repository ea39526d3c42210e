// SPDX-License-Identifier: Apache-2.0
/// The peers that this build found, on one thread: FAISS (libfaiss-dev), hnswlib (libhnswlib-dev), OpenBLAS (libopenblas-dev).
///
/// TESSERA_BENCH_FAISS, TESSERA_BENCH_HNSWLIB and TESSERA_BENCH_OPENBLAS are defined for those that are there. A benchmark of a
/// peer has the name of ours and the peer's behind it, and says in its label which library it is.
#pragma once

#if defined(TESSERA_BENCH_OPENBLAS)
extern "C" void openblas_set_num_threads(int);
#endif
#if defined(TESSERA_BENCH_FAISS)
extern "C" void omp_set_num_threads(int);
#endif

namespace tessera_bench {

inline void peers_on_one_thread() {
#if defined(TESSERA_BENCH_OPENBLAS)
  openblas_set_num_threads(1);
#endif
#if defined(TESSERA_BENCH_FAISS)
  omp_set_num_threads(1);
#endif
}

}  // namespace tessera_bench
