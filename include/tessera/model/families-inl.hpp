// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/families.hpp.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/model/bert_family.hpp>
#include <tessera/model/families.hpp>
#include <tessera/model/gemma3_family.hpp>
#include <tessera/model/gte_family.hpp>
#include <tessera/model/modernbert_family.hpp>
#include <tessera/model/nomic_bert_family.hpp>
#include <tessera/model/qwen2_family.hpp>
#include <tessera/model/qwen3_family.hpp>
#include <tessera/model/roberta_family.hpp>

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

inline constexpr std::array all_families = {entry_of<bert_family>,  entry_of<roberta_family>,    entry_of<gte_family>,
                                            entry_of<qwen2_family>, entry_of<qwen3_family>,      entry_of<modernbert_family>,
                                            entry_of<nomic_bert_family>, entry_of<gemma3_family>};

/// What follows the encoder, of which `made` knows width and positions already.
[[nodiscard]] inline result<> describe_modules(const model_directory& directory, model_description& made) {
  const auto check = [](std::string thing, std::size_t wanted, std::string_view of, std::size_t found, std::string path) -> result<> {
    if (found == wanted) return {};
    return fail({.code = error_code::mismatch,
                 .thing = std::move(thing),
                 .wanted = std::to_string(wanted) + " (" + std::string(of) + ")",
                 .found = std::to_string(found),
                 .path = std::move(path)});
  };
  if (directory.max_tokens && made.encoder.positions != 0 && *directory.max_tokens > made.encoder.positions)
    return fail({.code = error_code::mismatch,
                 .thing = "max_seq_length",
                 .wanted = "at most " + std::to_string(made.encoder.positions) + " (max_position_embeddings)",
                 .found = std::to_string(*directory.max_tokens),
                 .path = directory.path});
  if (!directory.has_modules) return {};
  made.pooling_mode = directory.pooling_mode;
  made.dense = directory.dense;
  made.normalize = directory.normalize;
  TESSERA_CHECK(check("dimension of the pooling module", made.encoder.width, "the encoder's width",
                      directory.pooling_width.value_or(made.encoder.width), directory.file("modules.json")));
  if (made.dense.empty()) return {};
  made.dimension = made.dense.back().out;
  return check("in_features", made.encoder.width, "the encoder's width", made.dense.front().in,
               directory.file(made.dense.front().folder + "/config.json"));
}

}  // namespace detail

TESSERA_INLINE std::span<const family_entry> families() noexcept { return detail::all_families; }

TESSERA_INLINE const family_entry* find_family(std::string_view model_type) noexcept {
  for (const family_entry& entry : detail::all_families)
    if (entry.reads(model_type)) return &entry;
  return nullptr;
}

TESSERA_INLINE result<model_description> describe(const model_directory& directory) {
  if (!directory.config)
    return fail({.code = error_code::not_found,
                 .thing = "config.json",
                 .wanted = "the model's architecture and sizes",
                 .found = "no such file",
                 .path = directory.path});
  const json_value config = directory.config->root();
  TESSERA_TRY(const auto type, config.get<std::string_view>("model_type"));
  const family_entry* family = find_family(type);
  if (family == nullptr) {
    std::string known;
    for (const family_entry& entry : families()) known += (known.empty() ? "" : ", ") + std::string(entry.label);
    TESSERA_TRY(const json_value where, config.at("model_type"));
    return fail(where.unsupported("one of the supported architectures (" + known + ")", tessera::quoted(type)));
  }
  model_description made;
  TESSERA_TRY(made.encoder, family->describe(config));
  made.dimension = made.encoder.width;
  TESSERA_CHECK(detail::describe_modules(directory, made));
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
