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
#include <tessera/model/qwen_family.hpp>
#include <tessera/model/roberta_family.hpp>
#include <tessera/model/rotary_roberta_family.hpp>
#include <tessera/model/static_family.hpp>

#include <array>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A family's description of one of its shapes.
template <class Family>
[[nodiscard]] encoder_description describe_shape(const typename Family::shape& shape) {
  encoder_description made = Family::facts(shape);
  made.family = Family::label;
  made.names = naming_of<Family>(shape);
  auto add = [&made](const tensor_entry& entry) { made.manifest.push_back(entry); };
  Family::describe(shape, tensor_sink(add));
  return made;
}

template <class Family>
[[nodiscard]] result<encoder_description> describe_config(json_value config) {
  TESSERA_TRY(const auto shape, Family::read(config));
  return describe_shape<Family>(shape);
}

/// Most families are known by their model_type alone.
template <class Family>
[[nodiscard]] bool reads_config(std::string_view model_type, json_value config) {
  if constexpr (requires { Family::reads(model_type, config); }) return Family::reads(model_type, config);
  else return Family::reads(model_type);
}

template <class Family>
inline constexpr family_entry entry_of{Family::label, reads_config<Family>, describe_config<Family>};

/// The first that reads a directory has it.
inline constexpr std::array all_families = {
    entry_of<bert_family>,       entry_of<rotary_roberta_family>, entry_of<roberta_family>,    entry_of<gte_family>,
    entry_of<qwen2_family>,      entry_of<qwen3_family>,          entry_of<modernbert_family>, entry_of<nomic_bert_family>,
    entry_of<gemma3_family>};

/// Whether the first of config.json's architectures ends so.
[[nodiscard]] inline bool has_architecture(json_value config, std::string_view ending) {
  const auto list = config.find("architectures");
  if (!list) return false;
  const auto names = list->elements();
  if (!names || names->size() == 0) return false;
  const auto name = (*names->begin()).get<std::string_view>();
  return name && name->ends_with(ending);
}

/// The head of a reranker, or nothing. A causal Qwen3 without modules.json is one that answers yes or no.
[[nodiscard]] inline result<std::optional<rerank_head>> read_rerank_head(const model_directory& directory, json_value config,
                                                                         std::string_view family) {
  if (directory.has_modules) return std::nullopt;
  if (family == "qwen3" && has_architecture(config, "ForCausalLM"))
    return rerank_head{.pooling_mode = pooling::last_token, .activation = kernel::activation::none, .bias = false, .answers = true};
  if (!has_architecture(config, "ForSequenceClassification")) return std::nullopt;
  if (const auto labels = config.find("id2label"); labels && !labels->is_null()) {
    TESSERA_TRY(const json_members members, labels->members());
    if (members.size() != 1) return fail(labels->unsupported("one label, as a reranker has", std::to_string(members.size())));
  }
  rerank_head head;
  if (family != "modernbert") return head;
  TESSERA_TRY(const auto mode, config.get_or<std::string_view>("classifier_pooling", "cls"));
  const auto known = pooling_from_name(mode);
  if (!known || (*known != pooling::cls && *known != pooling::mean))
    return fail(config.find("classifier_pooling")->unsupported("\"cls\" or \"mean\"", tessera::quoted(mode)));
  head.pooling_mode = *known;
  TESSERA_TRY(const auto act, config.get_or<std::string_view>("classifier_activation", "gelu"));
  const auto activation = activation_from_name(act);
  if (!activation) return fail(config.find("classifier_activation")->unsupported("a known activation", tessera::quoted(act)));
  head.activation = *activation;
  TESSERA_TRY(head.bias, config.get_or<bool>("classifier_bias", false));
  return head;
}

/// The tensors behind a reranker's encoder.
inline void describe_rerank_head(model_description& made, bool norm_bias) {
  auto add = [&](const tensor_entry& entry) { made.encoder.manifest.push_back(entry); };
  const tensor_sink sink(add);
  const std::size_t width = made.encoder.width;
  described::linear(sink.scope("dense"), width, width, made.rerank->bias);
  if (made.encoder.family == "modernbert") described::norm(sink.scope("norm", 2), width, norm_bias);
  described::linear(sink.scope("dense", 1), width, 1);
}

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

/// A table of token vectors: its sizes are the tensor's. Without modules.json model2vec's config.json says whether vectors are normalised.
[[nodiscard]] inline result<model_description> describe_static(const model_directory& directory, std::string_view weights_path) {
  TESSERA_TRY(const weights file, weights::open(weights_path.empty() ? directory.encoder_file("") : std::string(weights_path)));
  TESSERA_TRY(const static_shape shape, static_family::read(file));
  model_description made;
  made.encoder = describe_shape<static_family>(shape);
  made.dimension = shape.width;
  made.pooling_mode = pooling::mean;
  if (!directory.has_modules) {
    TESSERA_TRY(made.normalize, directory.config->root().get_or<bool>("normalize", false));
  }
  TESSERA_CHECK(describe_modules(directory, made));
  return made;
}

}  // namespace detail

TESSERA_INLINE std::span<const family_entry> families() noexcept { return detail::all_families; }

TESSERA_INLINE const family_entry* find_family(std::string_view model_type, json_value config) {
  for (const family_entry& entry : detail::all_families)
    if (entry.reads(model_type, config)) return &entry;
  return nullptr;
}

TESSERA_INLINE result<model_description> describe(const model_directory& directory, std::string_view weights_path) {
  if (directory.is_static) return detail::describe_static(directory, weights_path);
  if (!directory.config)
    return fail({.code = error_code::not_found,
                 .thing = "config.json",
                 .wanted = "the model's architecture and sizes",
                 .found = "no such file",
                 .path = directory.path});
  const json_value config = directory.config->root();
  TESSERA_TRY(const auto type, config.get<std::string_view>("model_type"));
  if (!directory.has_modules && static_family::reads(type)) return detail::describe_static(directory, weights_path);
  const family_entry* family = find_family(type, config);
  if (family == nullptr) {
    std::string known(static_family::label);
    for (const family_entry& entry : families()) known += ", " + std::string(entry.label);
    TESSERA_TRY(const json_value where, config.at("model_type"));
    return fail(where.unsupported("one of the supported architectures (" + known + ")", tessera::quoted(type)));
  }
  model_description made;
  TESSERA_TRY(made.encoder, family->describe(config));
  made.dimension = made.encoder.width;
  TESSERA_TRY(made.rerank, detail::read_rerank_head(directory, config, made.encoder.family));
  if (made.rerank) {
    TESSERA_TRY(const bool norm_bias, config.get_or<bool>("norm_bias", false));
    if (!made.rerank->answers) detail::describe_rerank_head(made, norm_bias);
    made.dimension = 1;
  }
  TESSERA_CHECK(detail::describe_modules(directory, made));
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
