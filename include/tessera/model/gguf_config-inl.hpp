// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/gguf_config.hpp.
#pragma once

#include <tessera/io/gguf.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/model/directory.hpp>
#include <tessera/model/gguf_config.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A member of config.json and the key, behind "<architecture>.", that has its value. `needed` where there is no model without it; else
/// `otherwise` is what is taken, or nothing.
struct gguf_setting {
  std::string_view ours;
  std::string_view theirs;
  bool needed = true;
  std::string_view otherwise = {};
};
using gguf_settings = std::span<const gguf_setting>;

struct gguf_architecture {
  std::string_view name;
  std::string_view model_type;     ///< of a BERT with another tokenizer than WordPiece: xlm-roberta
  gguf_settings sizes;             ///< in the spelling of its config.json
  gguf_settings settings;          ///< what it has besides
  std::string_view positions;      ///< the member for the context length, which is counted from behind the padding in xlm-roberta
  std::size_t positions_factor = 1;  ///< of the published value to the context length
  std::string_view fixed;          ///< members that every file of the kind has in common
};

inline constexpr auto gguf_sizes_of_bert = std::to_array<gguf_setting>({
    {"num_hidden_layers", "block_count"},
    {"hidden_size", "embedding_length"},
    {"num_attention_heads", "attention.head_count"},
    {"intermediate_size", "feed_forward_length"},
});
inline constexpr auto gguf_sizes_of_gpt2 = std::to_array<gguf_setting>({
    {"n_layer", "block_count"},
    {"n_embd", "embedding_length"},
    {"n_head", "attention.head_count"},
    {"n_inner", "feed_forward_length"},
});
inline constexpr auto gguf_of_bert = std::to_array<gguf_setting>({
    {"layer_norm_eps", "attention.layer_norm_epsilon"},
    {"rotary_emb_base", "rope.freq_base", false},
});
inline constexpr auto gguf_of_nomic_bert = std::to_array<gguf_setting>({
    {"layer_norm_epsilon", "attention.layer_norm_epsilon"},
    {"rotary_emb_base", "rope.freq_base"},
    {"moe_every_n_layers", "moe_every_n_layers", false},
    {"num_experts", "expert_count", false},
    {"moe_top_k", "expert_used_count", false},
});
inline constexpr auto gguf_of_modernbert = std::to_array<gguf_setting>({
    {"norm_eps", "attention.layer_norm_epsilon"},
    {"local_attention", "attention.sliding_window"},
    {"global_attn_every_n_layers", "attention.sliding_window_pattern", false},
    {"global_rope_theta", "rope.freq_base"},
    {"local_rope_theta", "rope.freq_base_swa", false, "10000.0"},
});
inline constexpr auto gguf_of_qwen = std::to_array<gguf_setting>({
    {"num_key_value_heads", "attention.head_count_kv"},
    {"head_dim", "attention.key_length", false},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon"},
    {"rope_theta", "rope.freq_base"},
    {"is_causal", "attention.causal", false},
});
inline constexpr auto gguf_of_gemma = std::to_array<gguf_setting>({
    {"num_key_value_heads", "attention.head_count_kv"},
    {"head_dim", "attention.key_length"},
    {"query_pre_attn_scalar", "attention.key_length"},
    {"sliding_window", "attention.sliding_window"},
    {"_sliding_window_pattern", "attention.sliding_window_pattern", false, "6"},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon"},
    {"rope_theta", "rope.freq_base"},
    {"rope_local_base_freq", "rope.freq_base_swa", false, "10000.0"},
});

inline constexpr gguf_architecture gguf_architectures[] = {
    {"bert", "bert", gguf_sizes_of_bert, gguf_of_bert, "max_position_embeddings", 1, R"("hidden_act":"gelu")"},
    {"jina-bert-v3", "xlm-roberta", gguf_sizes_of_bert, gguf_of_bert, "max_position_embeddings", 1,
     R"("hidden_act":"gelu","position_embedding_type":"rotary")"},
    {"nomic-bert", "nomic_bert", gguf_sizes_of_gpt2, gguf_of_nomic_bert, "n_positions", 4, R"("activation_function":"swiglu")"},
    {"nomic-bert-moe", "nomic_bert", gguf_sizes_of_gpt2, gguf_of_nomic_bert, "n_positions", 4,
     R"("activation_function":"gelu","moe_expert_bias":false)"},
    {"modern-bert", "modernbert", gguf_sizes_of_bert, gguf_of_modernbert, "max_position_embeddings", 1,
     R"("hidden_activation":"gelu","classifier_pooling":"mean")"},
    {"qwen2", "qwen2", gguf_sizes_of_bert, gguf_of_qwen, "max_position_embeddings", 1, R"("hidden_act":"silu")"},
    {"qwen3", "qwen3", gguf_sizes_of_bert, gguf_of_qwen, "max_position_embeddings", 1, R"("hidden_act":"silu")"},
    {"gemma-embedding", "gemma3_text", gguf_sizes_of_bert, gguf_of_gemma, "max_position_embeddings", 1,
     R"("hidden_activation":"gelu_pytorch_tanh","use_bidirectional_attention":true)"},
};

/// Writes the config.json of one file.
class gguf_config_writer {
 public:
  /// The first of a model's files has its metadata.
  gguf_config_writer(std::span<const gguf> files, const gguf_architecture& kind)
      : files_(files), file_(files.front()), kind_(kind), text_("{") {
    text_ += kind.fixed;
  }

  void add(std::string_view key, std::string_view value) { text_.append(",\"").append(key).append("\":").append(value); }
  /// Error: not_found where it is needed, mismatch where it is no number or boolean.
  [[nodiscard]] result<> copy(const gguf_setting& setting) {
    const std::string key = std::string(kind_.name) + '.' + std::string(setting.theirs);
    if (file_.find(key) == nullptr && !setting.needed) {
      if (!setting.otherwise.empty()) add(setting.ours, setting.otherwise);
      return {};
    }
    TESSERA_TRY(const std::string text, number(key));
    add(setting.ours, text);
    return {};
  }
  [[nodiscard]] result<std::size_t> size(std::string_view key) const {
    return file_.get<std::size_t>(std::string(kind_.name) + '.' + std::string(key));
  }
  [[nodiscard]] const gguf_tensor* tensor(std::string_view name) const noexcept {
    for (const gguf& file : files_)
      for (const gguf_tensor& each : file.tensors())
        if (each.name == name) return &each;
    return nullptr;
  }
  [[nodiscard]] result<json> finish(std::string_view path) { return parse_json(text_ + "}", path); }

 private:
  [[nodiscard]] result<std::string> number(const std::string& key) const {
    TESSERA_TRY(const gguf_value value, file_.at(key));
    if (value.type() == gguf_type::boolean) {
      TESSERA_TRY(const bool on, value.get<bool>());
      return std::string(on ? "true" : "false");
    }
    if (value.type() != gguf_type::f32 && value.type() != gguf_type::f64) {
      TESSERA_TRY(const auto whole, value.get<std::int64_t>());
      return std::to_string(whole);
    }
    TESSERA_TRY(const auto real, value.get<double>());
    if (!std::isfinite(real))
      return fail({.code = error_code::mismatch, .thing = key, .wanted = "a finite number", .found = std::to_string(real)});
    // The decimal that was meant: 1e-12, and not what the nearest float is.
    char digits[32];
    const auto end = value.type() == gguf_type::f32 ? std::to_chars(digits, digits + sizeof digits, static_cast<float>(real))
                                                    : std::to_chars(digits, digits + sizeof digits, real);
    std::string text(digits, end.ptr);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }

  std::span<const gguf> files_;
  const gguf& file_;
  const gguf_architecture& kind_;
  std::string text_;
};

/// Sizes that stand in tensors, and those that llama.cpp changes.
[[nodiscard]] inline result<> add_gguf_sizes(const gguf& file, const gguf_architecture& kind, gguf_config_writer& config) {
  const gguf_tensor* table = config.tensor("token_embd.weight");
  if (table == nullptr || table->shape.size() != 2)
    return fail({.code = error_code::not_found,
                 .thing = "token_embd.weight",
                 .wanted = "a table of one vector a token",
                 .found = table == nullptr ? "no such tensor" : shape_text(table->shape)});
  config.add("vocab_size", std::to_string(table->shape[0]));
  if (const gguf_tensor* types = config.tensor("token_types.weight"))
    config.add("type_vocab_size", std::to_string(types->shape.size() == 2 ? types->shape[0] : 1));
  if (kind.model_type == "nomic_bert")
    for (const std::string_view key : {"qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias"})
      config.add(key, config.tensor("blk.0.attn_qkv.bias") != nullptr ? "true" : "false");
  TESSERA_TRY(const std::size_t context, config.size("context_length"));
  if (context > std::numeric_limits<std::uint32_t>::max())
    return fail({.code = error_code::mismatch, .thing = "context_length", .wanted = "less than 2^32", .found = std::to_string(context)});
  TESSERA_TRY(const auto tokenizer, file.get<std::string_view>("tokenizer.ggml.model"));
  const bool after_padding = kind.model_type == "xlm-roberta" || (kind.model_type == "bert" && tokenizer != "bert");
  std::size_t before = 0;
  if (after_padding) {
    TESSERA_TRY(const auto padding, file.get<std::uint32_t>("tokenizer.ggml.padding_token_id"));
    config.add("pad_token_id", std::to_string(padding));
    before = std::size_t{padding} + 1;
  }
  config.add(kind.positions, std::to_string(kind.positions_factor * context + before));
  config.add("model_type", tessera::quoted(after_padding ? "xlm-roberta" : kind.model_type));
  return {};
}

/// Pooling, the longest text, and dense modules.
[[nodiscard]] inline result<> read_gguf_modules(const gguf& file, std::string_view architecture, const gguf_config_writer& config,
                                                bool reranks, model_directory& into) {
  TESSERA_TRY(into.max_tokens, config.size("context_length"));
  const std::string key = std::string(architecture) + ".pooling_type";
  std::size_t type = 0;
  if (file.find(key) != nullptr) {
    TESSERA_TRY(type, file.get<std::size_t>(key));
  }
  constexpr std::array modes = {pooling::mean, pooling::cls, pooling::last_token};  // 1, 2, 3; 4 is a reranker's
  if (type > modes.size() + 1)
    return fail({.code = error_code::unsupported, .thing = key, .wanted = "0 to 4", .found = std::to_string(type)});
  if (reranks || type == 0 || type > modes.size()) return {};
  into.has_modules = true;
  into.pooling_mode = modes[type - 1];
  for (const std::string_view module : {"dense_2", "dense_3"}) {
    const std::string in = std::string(module) + "_feat_in";
    if (file.find(std::string(architecture) + '.' + in) == nullptr) continue;
    dense_head head{.folder = std::string(module), .bias = false};
    TESSERA_TRY(head.in, config.size(in));
    TESSERA_TRY(head.out, config.size(std::string(module) + "_feat_out"));
    into.dense.push_back(std::move(head));
  }
  return {};
}

}  // namespace detail

TESSERA_INLINE result<> read_gguf_config(std::span<const gguf> files, model_directory& into) {
  const gguf& file = files.front();
  into.is_gguf = true;
  if (const gguf_value* type = file.find("general.type")) {
    TESSERA_TRY(const auto what, type->get<std::string_view>());
    if (what != "model")
      return fail({.code = error_code::unsupported, .thing = "general.type", .wanted = "\"model\"", .found = tessera::quoted(what)});
  }
  TESSERA_TRY(const auto name, file.get<std::string_view>("general.architecture"));
  const detail::gguf_architecture* kind = nullptr;
  std::string known;
  for (const detail::gguf_architecture& each : detail::gguf_architectures) {
    if (each.name == name) kind = &each;
    known += (known.empty() ? "" : ", ") + std::string(each.name);
  }
  if (kind == nullptr)
    return fail({.code = error_code::unsupported,
                 .thing = "general.architecture",
                 .wanted = "one of the supported architectures (" + known + ")",
                 .found = tessera::quoted(name)});
  detail::gguf_config_writer config(files, *kind);
  for (const detail::gguf_settings settings : {kind->sizes, kind->settings})
    for (const detail::gguf_setting& setting : settings) TESSERA_CHECK(config.copy(setting));
  TESSERA_CHECK(detail::add_gguf_sizes(file, *kind, config));
  const bool reranks = config.tensor("cls.output.weight") != nullptr;
  if (reranks) config.add("architectures", name == "qwen3" ? R"(["Qwen3ForCausalLM"])" : R"(["ForSequenceClassification"])");
  TESSERA_CHECK(detail::read_gguf_modules(file, name, config, reranks, into));
  TESSERA_TRY(into.config, config.finish(into.path));
  return {};
}

TESSERA_INLINE result<> read_gguf_config(model_directory& into) {
  TESSERA_TRY(const std::vector<gguf> files, open_gguf_parts(into.path));
  if (auto done = read_gguf_config(files, into); !done) return fail(std::move(done).error().in(into.path));
  return {};
}

}  // namespace tessera::inline TESSERA_ABI
