// SPDX-License-Identifier: Apache-2.0
/// What every index checks of the vectors it is given: the space and precision when compiling, the model when running.
///
/// An index type offers `space`, `precision` and `metric`; a vector or a matrix offers `space`, `precision` and `made_by()`.
#pragma once

#include <tessera/op/metric.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::detail {

template <class Held, class Given>
[[nodiscard]] consteval bool same_space() {
  static_assert(std::is_same_v<Held, Given>, "tessera: this index holds another embedding space");
  return std::is_same_v<Held, Given>;
}

template <class Held, class Given>
[[nodiscard]] consteval bool same_precision() {
  static_assert(std::is_same_v<Held, Given>,
                "tessera: this index holds another precision (cast<> or quantize<> the rows; queries may be f32)");
  return std::is_same_v<Held, Given>;
}

template <class Held, class Given>
[[nodiscard]] consteval bool answers_precision() {
  constexpr bool wide_query = std::is_same_v<Given, f32> && !std::is_same_v<Held, b1>;
  static_assert(std::is_same_v<Held, Given> || wide_query || std::is_same_v<Held, b1>,
                "tessera: this index holds another precision (queries have the rows' precision or are f32)");
  static_assert(!std::is_same_v<Held, b1> || std::is_same_v<Given, b1>,
                "tessera: this index holds binary codes, so its queries are binary codes too; use quantize<b1>");
  return std::is_same_v<Held, Given> || wide_query;
}

/// Rows of this type can be added to the index. The space is looked at first: one mistake, one sentence.
template <class Index, class Rows>
[[nodiscard]] consteval bool index_holds() {
  if constexpr (!same_space<typename Index::space, typename Rows::space>()) return false;
  else return same_precision<typename Index::precision, typename Rows::precision>();
}

/// Queries of this type can be asked.
template <class Index, class Queries>
[[nodiscard]] consteval bool index_answers() {
  if constexpr (!same_space<typename Index::space, typename Queries::space>()) {
    return false;
  } else if constexpr (std::is_same_v<typename Index::metric, sign_product>) {
    static_assert(std::is_same_v<typename Queries::precision, f32>,
                  "tessera: this index meets its binary codes with f32 queries (sign_product); for binary queries use hamming");
    return std::is_same_v<typename Queries::precision, f32>;
  } else {
    return answers_precision<typename Index::precision, typename Queries::precision>();
  }
}

/// The fingerprint of `held` and `given` together, where 0 stands for a vector that does not say; always 0 in anonymous spaces.
template <class Space>
[[nodiscard]] result<fingerprint> same_model(fingerprint held, fingerprint given, const char* what) {
  if constexpr (Space::anonymous) {
    return fingerprint{};
  } else {
    if (held && given && held != given) [[unlikely]]
      return fail({.code = error_code::mismatch,
                   .thing = std::string(what) + " of " + std::string(Space::label()),
                   .wanted = "the model with fingerprint " + hex_text(held.value, 16),
                   .found = hex_text(given.value, 16)});
    return held ? held : given;
  }
}

[[nodiscard]] inline result<> one_a_row(const char* thing, std::size_t found, std::size_t rows) {
  if (found == rows) return {};
  return fail({.code = error_code::mismatch,
               .thing = thing,
               .wanted = std::to_string(rows) + ", one a row",
               .found = std::to_string(found)});
}

/// `found`: what keeps this id from being a new row's.
[[nodiscard]] inline std::unexpected<error> no_new_id(std::uint64_t id, const char* found) {
  return fail({.code = error_code::invalid_argument,
               .thing = "id " + std::to_string(id),
               .wanted = "an id that no other row has",
               .found = found});
}

}  // namespace tessera::inline TESSERA_ABI::detail
