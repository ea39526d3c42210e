// SPDX-License-Identifier: Apache-2.0
/// How the states of a text's tokens become one vector, with the names that sentence-transformers uses in files.
#pragma once

#include <tessera/base/config.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// With T tokens h_1 .. h_T of a text, special tokens included:
enum class pooling : std::uint8_t {
  mean,           ///< (1/T) sum of h_t
  cls,            ///< h_1
  last_token,     ///< h_T
  max,            ///< the largest value of each component
  weighted_mean,  ///< sum of t·h_t / sum of t (SGPT, arXiv:2202.08904)
};

inline constexpr std::array all_poolings{pooling::mean, pooling::cls, pooling::last_token, pooling::max,
                                         pooling::weighted_mean};

/// The name as it is spelled in C++.
[[nodiscard]] constexpr std::string_view to_string(pooling mode) noexcept {
  switch (mode) {
    case pooling::mean: return "mean";
    case pooling::cls: return "cls";
    case pooling::last_token: return "last_token";
    case pooling::max: return "max";
    case pooling::weighted_mean: return "weighted_mean";
  }
  return "unknown";
}

/// From C++'s spelling or from that of a published 1_Pooling/config.json ("lasttoken", "weightedmean").
[[nodiscard]] constexpr std::optional<pooling> pooling_from_name(std::string_view name) noexcept {
  for (const pooling mode : all_poolings)
    if (name == to_string(mode)) return mode;
  if (name == "lasttoken" || name == "last") return pooling::last_token;
  if (name == "weightedmean") return pooling::weighted_mean;
  if (name == "cls_token" || name == "first") return pooling::cls;
  return std::nullopt;
}

}  // namespace tessera::inline TESSERA_ABI
