// SPDX-License-Identifier: Apache-2.0
/// Counts allocations. A program that names one of the counters gets an operator new that counts.
///
///     #if TESSERA_TEST_COUNTS   // not under a sanitizer, which replaces it too
///     const std::size_t before = tessera_tests::allocations;
#pragma once

#include <atomic>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TESSERA_TEST_COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TESSERA_TEST_COUNTS 0
#endif
#endif
#ifndef TESSERA_TEST_COUNTS
#define TESSERA_TEST_COUNTS 1
#endif

#if TESSERA_TEST_COUNTS
namespace tessera_tests {
extern thread_local std::size_t allocations;  ///< made by this thread so far
extern std::atomic<std::size_t> bytes_held;     ///< by all threads, now
extern std::atomic<std::size_t> aligned_bytes_held;  ///< of these, what lies on wider boundaries than it must (aligned_buffer)
extern std::atomic<std::size_t> most_bytes_held;  ///< since it was last set
}
#endif
