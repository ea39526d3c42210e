// SPDX-License-Identifier: Apache-2.0
/// How the names in tokenizer.ggml.pre split a text: the expressions, applied one after the other to what the ones
/// before left.
///
/// Included by text/gguf_tokenizer-inl.hpp alone.
#pragma once

#include <tessera/text/pattern.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace tessera::inline TESSERA_ABI::detail {

struct gguf_pattern_set {
  std::string_view names;  // separated by blanks
  std::array<std::string_view, 4> expressions;
  bool ignores_merges = false;  // a word that is a token is that token
  bool begins = false;          // a begin token stands before texts where the file does not say
};

inline constexpr gguf_pattern_set gguf_patterns[] = {
    {"gpt-2 phi-2 mpt olmo jais trillion granite-docling jina-es jina-de jina-v1-en jina-v2-es jina-v2-de jina-v2-code "
     "roberta-bpe gigachat a.x-4.0 mellum",
     {gpt2_expression}},
    {"qwen2 deepseek-r1-qwen kormo stablelm2 hunyuan megrez grok-2", {qwen2_expression}},
    {"llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2", {llama3_expression}, true, true},
    {"dbrx smaug-bpe glm4 chatglm-bpe", {llama3_expression}},
    {"qwen35",
     {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
      R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
    {"starcoder refact command-r smollm codeshell exaone minerva-7b", {R"(\p{N})", gpt2_expression}},
    {"falcon", {R"([\p{P}\$\+<=>\^~\|`]+)", gpt2_expression, "[0-9][0-9][0-9]"}},
    {"default", {R"([\p{P}\$\+<=>\^~\|]+)", gpt2_expression, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
    {"deepseek-v3 hunyuan-dense",
     {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+",
      R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
      R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
    {"gpt-4o llama4 kanana2 minimax-m2",
     {R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|)"
      R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|)"
      R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
    {"tekken",
     {R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|)"
      R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)"
      R"(\s*[\r\n]+|\s+(?!\S)|\s+)"},
     true,
     true},
    {"bloom gpt3-finnish poro-chat", {" ?[^(\\s|.,!?…。，、।۔،)]+"}},
    {"viking", {" ?[^(\\s|.,!?…。，、।۔،)]+", R"(\p{N})"}},
};

/// The set of that name, or null.
[[nodiscard]] inline const gguf_pattern_set* find_gguf_patterns(std::string_view name) noexcept {
  for (const gguf_pattern_set& set : gguf_patterns)
    for (std::string_view names = set.names; !names.empty();) {
      const std::size_t end = std::min(names.find(' '), names.size());
      if (names.substr(0, end) == name) return &set;
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  return nullptr;
}

}  // namespace tessera::inline TESSERA_ABI::detail
