// SPDX-License-Identifier: Apache-2.0
/// The parts of a tokenizer whose vocabulary is a list of pieces with scores and types, as sentencepiece and GGUF files
/// hold it.
///
/// Included by their readers alone.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/tokenizer_parts.hpp>

#include <algorithm>
#include <functional>
#include <numeric>

namespace tessera::inline TESSERA_ABI::detail {

/// What a piece is; the numbers of both formats.
enum class piece_type : std::uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct piece {
  std::string_view text;
  float score = 0;
  piece_type type = piece_type::normal;
};

/// Ids and texts; the id is the place in the list.
[[nodiscard]] inline result<std::shared_ptr<const vocabulary>> piece_vocabulary(std::span<const piece> pieces) {
  std::vector<vocabulary::entry> entries;
  entries.reserve(pieces.size());
  for (const piece& p : pieces) {
    TESSERA_CHECK(check_utf8(p.text, "token " + std::to_string(entries.size())));
    entries.push_back({p.text, static_cast<token_id>(entries.size())});
  }
  TESSERA_TRY(auto made, vocabulary::make(entries));
  return std::make_shared<const vocabulary>(std::move(made));
}

/// Tokens that are found in the text before anything else: control tokens, which are special, and those the user
/// defined.
inline void add_piece_tokens(std::span<const piece> pieces, tokenizer_parts& parts) {
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const piece_type type = pieces[id].type;
    if (pieces[id].text.empty() || (type != piece_type::control && type != piece_type::user_defined)) continue;
    parts.added.push_back({.id = static_cast<token_id>(id),
                           .content = std::string(pieces[id].text),
                           .special = type == piece_type::control});
  }
}

/// The way back: "▁" to blanks, byte tokens to text, and no blank in front where the normaliser put one.
[[nodiscard]] inline decoder piece_decoder(bool prefix) {
  decoder made;
  made.steps.emplace_back(replace_decoder{text_pattern::literal("\u2581"), " "});
  made.steps.emplace_back(byte_fallback_decoder{});
  made.steps.emplace_back(fuse_decoder{});
  if (prefix) made.steps.emplace_back(strip_decoder{.content = " ", .start = 1});
  return made;
}

/// sentencepiece's BPE has no list of merges: two neighbours merge where their text is a piece, the one of the highest
/// score first.
[[nodiscard]] inline std::vector<bpe_merge> merges_by_score(std::span<const piece> pieces, const vocabulary& words) {
  const auto merges_into = [&](token_id id) {
    return pieces[id].type == piece_type::normal || pieces[id].type == piece_type::unused;
  };
  std::vector<token_id> order(pieces.size());
  std::iota(order.begin(), order.end(), token_id{0});
  std::erase_if(order, [&](token_id id) { return !merges_into(id); });
  std::ranges::sort(order, [&](token_id a, token_id b) {
    return pieces[a].score != pieces[b].score ? pieces[a].score > pieces[b].score : a < b;
  });
  std::vector<bpe_merge> merges;
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string_view text = pieces[order[i]].text;
    if (i != 0 && pieces[order[i]].score != pieces[order[i - 1]].score) ++rank;
    if (text.empty()) continue;
    for (std::size_t at = utf8_size(text.front()); at < text.size(); at += utf8_size(text[at])) {
      const auto left = words.id_of(text.substr(0, at));
      if (!left || !merges_into(*left)) continue;
      const auto right = words.id_of(text.substr(at));
      if (!right || !merges_into(*right)) continue;
      merges.push_back({*left, *right, order[i], rank});
    }
  }
  return merges;
}

/// BPE by scores, with bytes for what is in no piece where the pieces have them all.
[[nodiscard]] inline result<token_model> bpe_of_pieces(std::span<const piece> pieces,
                                                       std::optional<token_id> unknown) {
  TESSERA_TRY(auto words, piece_vocabulary(pieces));
  bpe_settings settings{.fuse_unknown = true, .byte_fallback = true};
  if (unknown && *unknown < pieces.size()) settings.unknown_token = std::string(pieces[*unknown].text);
  for (std::size_t id = 0; id < pieces.size(); ++id)
    if (pieces[id].type == piece_type::user_defined && !pieces[id].text.empty())
      settings.whole.push_back(static_cast<token_id>(id));
  const auto merges = merges_by_score(pieces, *words);
  TESSERA_TRY(auto model, bpe::make(std::move(words), merges, std::move(settings)));
  return token_model(std::move(model));
}

/// Unigram; only pieces of text are found in text. Sums are floats in sentencepiece and doubles in llama.cpp.
[[nodiscard]] inline result<token_model> unigram_of_pieces(std::span<const piece> pieces,
                                                           std::optional<token_id> unknown, bool single_precision) {
  TESSERA_TRY(auto words, piece_vocabulary(pieces));
  unigram_settings settings{.unknown = unknown, .single_precision = single_precision};
  std::vector<double> scores(pieces.size());
  double lowest = std::numeric_limits<double>::max(), highest = std::numeric_limits<double>::lowest();
  bool bytes = false;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const piece_type type = pieces[id].type;
    scores[id] = type == piece_type::user_defined ? 0.0 : static_cast<double>(pieces[id].score);
    if (type == piece_type::normal) {
      lowest = std::min(lowest, scores[id]);
      highest = std::max(highest, scores[id]);
    }
    bytes = bytes || type == piece_type::byte;
    const bool text = type == piece_type::normal || type == piece_type::user_defined ||
                      (type == piece_type::unused && !single_precision);
    if (!text) settings.hidden.push_back(static_cast<token_id>(id));
  }
  // Better than any tokens of so many bytes: what the user defined is always one token.
  if (single_precision)
    for (std::size_t id = 0; id < pieces.size(); ++id)
      if (pieces[id].type == piece_type::user_defined)
        scores[id] = static_cast<double>(pieces[id].text.size()) * highest - 0.1;
  settings.byte_fallback = bytes;
  settings.unknown_score = lowest - unigram_settings::unknown_penalty;
  TESSERA_TRY(auto model, unigram::make(std::move(words), std::move(scores), std::move(settings)));
  return token_model(std::move(model));
}

}  // namespace tessera::inline TESSERA_ABI::detail
