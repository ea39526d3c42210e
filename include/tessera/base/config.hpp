// SPDX-License-Identifier: Apache-2.0
/// Which Tessera this translation unit sees: its version, how it reaches the kernels, and the macros every header uses.
///
/// Three ways to build exist (docs/architecture.md, "Three ways to build"). Each has its own inline namespace, so
/// translation units built in different ways link together without sharing one inline function between two definitions.
///
/// | macro set by the user | meaning                                                             | namespace        |
/// | --------------------- | ------------------------------------------------------------------- | ---------------- |
/// | none                  | every target inline, chosen at run time; links Highway's library    | tessera::v0...   |
/// | TESSERA_COMPILED      | kernels and readers live in the library tessera::compiled           | tessera::v0c     |
/// | TESSERA_STATIC        | one target, that of -march; links nothing                           | tessera::v0s...  |
#pragma once

#define TESSERA_VERSION_MAJOR 0
#define TESSERA_VERSION_MINOR 1
#define TESSERA_VERSION_PATCH 0

#if !defined(__cplusplus) || __cplusplus < 202100L
#error "tessera: C++23 is needed (-std=c++23)"
#endif
#if defined(__FAST_MATH__)
#error "tessera: -ffast-math removes NaN, infinity and the order of sums, which Tessera promises; build without it"
#endif
#if defined(TESSERA_COMPILED) && defined(TESSERA_STATIC)
#error "tessera: TESSERA_COMPILED and TESSERA_STATIC exclude each other"
#endif

// Builds with different -march must not share an inline function either, so outside the compiled build the tag names the
// instruction set that the compiler was given.
#if defined(__AVX512BF16__) && defined(__AVX512FP16__)
#define TESSERA_DETAIL_ISA _avx512fp16
#elif defined(__AVX512BF16__)
#define TESSERA_DETAIL_ISA _avx512bf16
#elif defined(__AVX512VNNI__)
#define TESSERA_DETAIL_ISA _avx512vnni
#elif defined(__AVX512F__)
#define TESSERA_DETAIL_ISA _avx512
#elif defined(__AVX2__)
#define TESSERA_DETAIL_ISA _avx2
#elif defined(__AVX__)
#define TESSERA_DETAIL_ISA _avx
#elif defined(__SSE4_2__)
#define TESSERA_DETAIL_ISA _sse4
#else
#define TESSERA_DETAIL_ISA
#endif
#define TESSERA_DETAIL_JOIN2(a, b) a##b
#define TESSERA_DETAIL_JOIN(a, b) TESSERA_DETAIL_JOIN2(a, b)
#if defined(TESSERA_COMPILED)
#define TESSERA_ABI v0c
#elif defined(TESSERA_STATIC)
#define TESSERA_ABI TESSERA_DETAIL_JOIN(v0s, TESSERA_DETAIL_ISA)
#else
#define TESSERA_ABI TESSERA_DETAIL_JOIN(v0, TESSERA_DETAIL_ISA)
#endif

/// 1 where the definitions of non-template functions are included with their declarations.
#if defined(TESSERA_COMPILED)
#define TESSERA_HEADER_ONLY 0
#define TESSERA_INLINE
#else
#define TESSERA_HEADER_ONLY 1
#define TESSERA_INLINE inline
#endif

/// A precondition that the types cannot hold: checked in debug builds, free in release builds. Never used for outside input.
#if defined(NDEBUG)
#define TESSERA_ASSERT(condition) static_cast<void>(0)
#else
#include <cassert>
#define TESSERA_ASSERT(condition) assert(condition)
#endif
