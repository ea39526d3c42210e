// SPDX-License-Identifier: Apache-2.0
// Ways to build that base/config.hpp refuses.

#if CASE == 0  // an ordinary build
#include <tessera/base/config.hpp>
#elif CASE == 1  // -ffast-math, by the macro that it defines
// expect: tessera: -ffast-math removes NaN, infinity and the order of sums
#define __FAST_MATH__ 1
#include <tessera/base/config.hpp>
#elif CASE == 2  // two ways to build at once
// expect: tessera: TESSERA_COMPILED and TESSERA_STATIC exclude each other
#define TESSERA_STATIC 1
#define TESSERA_COMPILED 1
#include <tessera/base/config.hpp>
#endif
