# SPDX-License-Identifier: Apache-2.0
# Upstream releases for machines where neither the system nor tools/bootstrap has a dependency. Each hash is that of the same
# release archive in Debian's source packages (the project's own tag archive, which Debian takes unchanged); those of HIGHWAY and
# CATCH2 are checked by every tools/bootstrap on Debian 12, the others' downloads could not be tried where this was written.
# Boost, OpenSSL and PCRE2 are not fetched: every distribution has them at our floors.

set(TESSERA_PIN_HIGHWAY_URL https://github.com/google/highway/archive/refs/tags/1.2.0.tar.gz)
set(TESSERA_PIN_HIGHWAY_SHA256 7e0be78b8318e8bdbf6fa545d2ecb4c90f947df03f7aadc42c1967f019e63343)
set(TESSERA_PIN_SIMDJSON_URL https://github.com/simdjson/simdjson/archive/refs/tags/v3.12.3.tar.gz)
set(TESSERA_PIN_SIMDJSON_SHA256 d0af071f2f4187d8b26b556e83ef832b634bd5feb4e2f537b9dabbd334d4e334)
set(TESSERA_PIN_UTF8PROC_URL https://github.com/JuliaStrings/utf8proc/archive/refs/tags/v2.9.0.tar.gz)
set(TESSERA_PIN_UTF8PROC_SHA256 18c1626e9fc5a2e192311e36b3010bfc698078f692888940f1fa150547abb0c1)
set(TESSERA_PIN_XTL_URL https://github.com/xtensor-stack/xtl/archive/refs/tags/0.7.7.tar.gz)
set(TESSERA_PIN_XTL_SHA256 44fb99fbf5e56af5c43619fc8c29aa58e5fad18f3ba6e7d9c55c111b62df1fbb)
set(TESSERA_PIN_XSIMD_URL https://github.com/xtensor-stack/xsimd/archive/refs/tags/13.2.0.tar.gz)
set(TESSERA_PIN_XSIMD_SHA256 edd8cd3d548c185adc70321c53c36df41abe64c1fe2c67bc6d93c3ecda82447a)
set(TESSERA_PIN_XTENSOR_URL https://github.com/xtensor-stack/xtensor/archive/refs/tags/0.25.0.tar.gz)
set(TESSERA_PIN_XTENSOR_SHA256 32d5d9fd23998c57e746c375a544edf544b74f0a18ad6bc3c38cbba968d5e6c7)
set(TESSERA_PIN_CATCH2_URL https://github.com/catchorg/Catch2/archive/refs/tags/v3.7.1.tar.gz)
set(TESSERA_PIN_CATCH2_SHA256 c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c)
set(TESSERA_PIN_BENCHMARK_URL https://github.com/google/benchmark/archive/refs/tags/v1.9.1.tar.gz)
set(TESSERA_PIN_BENCHMARK_SHA256 32131c08ee31eeff2c8968d7e874f3cb648034377dfc32a4c377fa8796d84981)
