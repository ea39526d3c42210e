// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/families.hpp.
#pragma once

#include <tessera/model/bert_family.hpp>
#include <tessera/model/families.hpp>

#include <array>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A family's description of one of its shapes.
template <class Family>
[[nodiscard]] encoder_description describe_shape(const typename Family::shape& shape) {
  encoder_description made = Family::facts(shape);
  made.family = Family::label;
  made.names = {Family::names, Family::prefixes};
  auto add = [&made](const tensor_entry& entry) { made.manifest.push_back(entry); };
  Family::describe(shape, tensor_sink(add));
  return made;
}

template <class Family>
[[nodiscard]] result<encoder_description> describe_config(json_value config) {
  TESSERA_TRY(const auto shape, Family::read(config));
  return describe_shape<Family>(shape);
}

template <class Family>
inline constexpr family_entry entry_of{Family::label, Family::reads, describe_config<Family>};

inline constexpr std::array all_families = {entry_of<bert_family>};

}  // namespace detail

TESSERA_INLINE std::span<const family_entry> families() noexcept { return detail::all_families; }

TESSERA_INLINE const family_entry* find_family(std::string_view model_type) noexcept {
  for (const family_entry& entry : detail::all_families)
    if (entry.reads(model_type)) return &entry;
  return nullptr;
}

}  // namespace tessera::inline TESSERA_ABI
