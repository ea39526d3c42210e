// SPDX-License-Identifier: Apache-2.0
/// `result<T>` is a T or the error that prevented it; two macros pass the error on.
///
///     ts::result<float> half(std::string_view text) {
///       TESSERA_TRY(const float number, parse(text));   // returns parse's error, or declares number
///       TESSERA_CHECK(validate(number));                // returns validate's error
///       return number / 2;
///     }
#pragma once

#include <tessera/base/error.hpp>

#include <expected>

namespace tessera::inline TESSERA_ABI {

template <class T = void>
using result = std::expected<T, error>;

/// The error as the unexpected side of any result: `return fail({.code = error_code::not_found, .thing = name});`
[[nodiscard]] inline std::unexpected<error> fail(error failure) { return std::unexpected<error>(std::move(failure)); }

}  // namespace tessera::inline TESSERA_ABI

#define TESSERA_DETAIL_TRY(temporary, declaration, ...)                                   \
  auto temporary = (__VA_ARGS__);                                                         \
  if (!temporary) [[unlikely]] return ::std::unexpected(::std::move(temporary).error());  \
  declaration = *::std::move(temporary)

/// Declares `declaration` from the result's value, or returns its error from the enclosing function.
#define TESSERA_TRY(declaration, ...) \
  TESSERA_DETAIL_TRY(TESSERA_DETAIL_JOIN(tessera_try_, __LINE__), declaration, __VA_ARGS__)
/// Returns the error of a `result<>` from the enclosing function.
#define TESSERA_CHECK(...)                                                                \
  do {                                                                                    \
    auto tessera_check = (__VA_ARGS__);                                                   \
    if (!tessera_check) [[unlikely]] return ::std::unexpected(::std::move(tessera_check).error()); \
  } while (false)
