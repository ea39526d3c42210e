// SPDX-License-Identifier: Apache-2.0
/// BERT's tokenizer over a vocabulary, however the vocabulary was written.
///
/// Included by the readers of vocab.txt and GGUF alone.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/tokenizer_parts.hpp>

namespace tessera::inline TESSERA_ABI::detail {

struct bert_special_names {
  std::string_view unknown = "[UNK]", begin = "[CLS]", end = "[SEP]", padding = "[PAD]", mask = "[MASK]";
};

/// BERT's tokenizer over a vocabulary in "##" form.
[[nodiscard]] inline result<tokenizer_parts> bert_parts(std::span<const vocabulary::entry> entries,
                                                        const bert_normalizer& how, const bert_special_names& names) {
  using kind = template_piece::kind;
  TESSERA_TRY(auto made, vocabulary::make(entries));
  const auto words = std::make_shared<const vocabulary>(std::move(made));
  const auto id_of = [&](std::string_view name) -> result<token_id> {
    if (const auto id = words->id_of(name)) return *id;
    return fail({.code = error_code::not_found, .thing = "vocabulary", .wanted = tessera::quoted(name)});
  };
  TESSERA_TRY(const token_id begin, id_of(names.begin));
  TESSERA_TRY(const token_id end, id_of(names.end));
  tokenizer_parts parts;
  parts.normalize = how;
  parts.split = bert_pre_tokenizer{};
  parts.join = wordpiece_decoder{};
  TESSERA_TRY(parts.model, wordpiece::make(words, {.unknown_token = std::string(names.unknown)}));
  parts.process.single = {{kind::special, 0, {begin}}, {kind::first, 0, {}}, {kind::special, 0, {end}}};
  parts.process.pair = parts.process.single;
  parts.process.pair.push_back({kind::second, 1, {}});
  parts.process.pair.push_back({kind::special, 1, {end}});
  for (const std::string_view name : {names.padding, names.unknown, names.begin, names.end, names.mask})
    if (const auto id = words->id_of(name))
      parts.added.push_back({.id = *id, .content = std::string(name), .special = true});
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI::detail
