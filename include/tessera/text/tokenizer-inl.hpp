// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/tokenizer.hpp: the way of a text through the parts, truncation, decoding.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/assemble-inl.hpp>
#include <tessera/text/text_tokens-inl.hpp>
#include <tessera/text/tokenizer.hpp>
#include <tessera/text/tokenizer_file.hpp>
#include <tessera/text/tokenizer_parts.hpp>

#include <limits>

namespace tessera::inline TESSERA_ABI {

struct tokenizer::state {
  tokenizer_parts parts;
  added_token_finder raw;                      // tokens found in the text as given
  added_token_finder normalized;               // tokens found in the normalised text
  std::vector<std::string> normal_forms;       // of parts.added, by position
  vocabulary added;                            // contents and ids of parts.added
  std::vector<std::uint32_t> added_positions;  // in parts.added, in the order of `added`
  std::size_t id_bound = 0;

  [[nodiscard]] const added_token* find_added(token_id id) const noexcept {
    const auto at =
        std::ranges::lower_bound(added_positions, id, {}, [this](std::uint32_t i) { return parts.added[i].id; });
    return at != added_positions.end() && parts.added[*at].id == id ? &parts.added[*at] : nullptr;
  }
};

namespace detail {

/// Whether all that happens to a text before BPE is that each blank becomes a mark: with a mark before it, or without; nothing where more
/// happens.
[[nodiscard]] inline std::optional<bool> only_marks_blanks(const tokenizer_parts& parts) {
  constexpr std::string_view mark = "\u2581";
  const auto finds_blanks = [](const text_pattern& pattern) { return pattern.text() == std::string_view(" "); };
  std::span<const normalizer_step> steps = parts.normalize.steps;
  bool prefixed = false;
  if (!steps.empty())
    if (const auto* prefix = std::get_if<prepend_text>(&steps.front())) {
      if (prefix->prefix != mark) return std::nullopt;
      prefixed = true;
      steps = steps.subspan(1);
    }
  if (steps.size() != 1) return std::nullopt;
  const auto* replace = std::get_if<replace_pattern>(&steps.front());
  if (replace == nullptr || !finds_blanks(replace->pattern) || replace->content != mark) return std::nullopt;
  if (parts.split.steps.empty()) return prefixed;
  // A split at blanks finds none any more.
  const auto* split = std::get_if<pattern_split>(&parts.split.steps.front());
  if (parts.split.steps.size() != 1 || split == nullptr || split->invert || !finds_blanks(split->pattern)) return std::nullopt;
  return prefixed;
}

/// Takes blanks at the ends of the model's tokens out of their offsets.
inline void trim_blanks(const tokenizer& tokenizer, std::string_view text, token_range part, encoding& tokens) {
  const tokenizer_parts& parts = tokenizer.parts();
  const bool prefixed = parts.process.trims_blanks == template_processor::trim::all_but_prefix;
  // What Unigram does not know is to the reference a token with the text for its name.
  const auto* unigrams = std::get_if<unigram>(&parts.model);
  for (std::size_t i = part.begin; i < part.end; ++i) {
    if (std::exchange(tokens.special_tokens_mask[i], std::uint8_t{0}) == found_mark) continue;  // trimmed when it was found
    byte_range& range = tokens.offsets[i];
    std::string_view token = tokenizer.token_of(tokens.ids[i]).value_or("");
    if (unigrams != nullptr && (tokens.ids[i] == unigrams->unknown() || token.starts_with("<0x"))) token = range.of(text);
    range = without_blanks(range, text, token, prefixed && (i == part.begin || range.begin == 0));
  }
}

}  // namespace detail

TESSERA_INLINE result<tokenizer> tokenizer::open(std::string_view path) {
  TESSERA_TRY(tokenizer_parts parts, read_tokenizer(path));
  auto made = make(std::move(parts));
  if (!made) return fail(std::move(made).error().in(path));
  return made;
}

TESSERA_INLINE result<tokenizer> tokenizer::make(tokenizer_parts parts) {
  auto made = std::make_shared<state>();
  const vocabulary& words = detail::words_of(parts.model);
  std::vector<vocabulary::entry> entries;
  normalizer_scratch scratch;
  made->normal_forms.resize(parts.added.size());
  for (std::size_t i = 0; i < parts.added.size(); ++i) {
    const added_token& token = parts.added[i];
    TESSERA_CHECK(check_utf8(token.content, "added token"));
    const auto known = words.id_of(token.content);
    const auto other = words.token_of(token.id);
    if ((known && *known != token.id) || (!known && other))
      return fail(
          {.code = error_code::malformed,
           .thing = "added token " + tessera::quoted(token.content),
           .wanted = known ? "id " + std::to_string(*known) + ", which the vocabulary gives it" : "an id of its own",
           .found = "id " + std::to_string(token.id) + (known ? "" : ", which is " + tessera::quoted(*other))});
    entries.push_back({token.content, token.id});
    made->normal_forms[i] = token.content;
    if (token.normalized) made->normal_forms[i] = normalize(parts.normalize, {token.content}, scratch).text;
  }
  TESSERA_TRY(made->added, vocabulary::make(entries));
  made->id_bound = std::max(words.id_bound(), made->added.id_bound());
  for (const bool pair : {false, true})
    for (const template_piece& piece : parts.process.pieces(pair))
      for (const token_id id : piece.ids) made->id_bound = std::max(made->id_bound, std::size_t{id} + 1);
  for (const bool normalized : {false, true}) {
    std::vector<added_token> tokens;
    std::vector<std::string_view> patterns;
    for (std::size_t i = 0; i < parts.added.size(); ++i) {
      if (parts.added[i].normalized != normalized || made->normal_forms[i].empty() || !parts.added[i].searched) continue;
      tokens.push_back(parts.added[i]);
      patterns.push_back(made->normal_forms[i]);
    }
    std::vector<std::string_view> sorted = patterns;
    std::ranges::sort(sorted);
    if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
      return fail({.code = error_code::malformed,
                   .thing = "added tokens",
                   .wanted = "each its own text",
                   .found = "two that are both found as " + tessera::quoted(*twice)});
    (normalized ? made->normalized : made->raw) =
        tokens.empty() ? added_token_finder() : added_token_finder(std::move(tokens), patterns);
  }
  for (std::uint32_t i = 0; i < parts.added.size(); ++i) made->added_positions.push_back(i);
  std::ranges::sort(made->added_positions, {}, [&](std::uint32_t i) { return parts.added[i].id; });
  if (auto* model = std::get_if<bpe>(&parts.model); model != nullptr && made->normalized.empty())
    if (const auto prefixed = detail::only_marks_blanks(parts)) static_cast<void>(model->read_blanks(*prefixed));
  made->parts = std::move(parts);
  return tokenizer(std::move(made));
}

TESSERA_INLINE result<> tokenizer::encode_pieces(std::string_view text, const std::string_view* pair,
                                                 const encode_options& options, encoding& out) const {
  constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  const state& s = *state_;
  out.clear();
  const std::string_view* const texts_given[] = {&text, pair};
  for (const std::string_view* checked : texts_given) {
    if (checked == nullptr) continue;
    if (checked->size() >= std::numeric_limits<std::uint32_t>::max())
      return fail({.code = error_code::too_long, .thing = "text", .wanted = "less than 4 GiB"});
    TESSERA_CHECK(check_utf8(*checked, checked == pair ? "pair" : "text"));
  }
  const auto& pieces = s.parts.process.pieces(pair != nullptr);
  const std::size_t special = options.add_special_tokens ? s.parts.process.added(pair != nullptr) : 0;
  if (options.max_length && *options.max_length < special)
    return fail({.code = error_code::invalid_argument,
                 .thing = "max_length",
                 .wanted = "at least the " + std::to_string(special) + " special tokens",
                 .found = std::to_string(*options.max_length)});
  const std::size_t budget = options.max_length ? *options.max_length - special : unlimited;

  // What is certain to be cut off need not be made: one token more than is kept shows that something is cut.
  const bool early =
      budget != unlimited && !options.overflowing && pair == nullptr && options.direction == text_side::right;
  auto& [first, second] = out.texts;
  std::visit(
      [&]<class Model>(const Model& model) {
        if constexpr (requires { model.number(); }) out.scratch.get().cache.prepare(model.number(), text.size());
      },
      s.parts.model);
  for (const template_piece& piece : pieces) {
    if (piece.what == template_piece::kind::special) {
      if (options.add_special_tokens) detail::put_special(piece, out);
      continue;
    }
    const bool is_second = piece.what == template_piece::kind::second;
    const std::size_t begin = out.ids.size();
    const std::size_t limit = early ? begin + budget + 1 : unlimited;
    if (is_second && pair == nullptr) continue;
    TESSERA_CHECK(detail::text_tokens(s.parts, s.raw, s.normalized, limit, out).append(is_second ? *pair : text));
    (is_second ? second : first) = token_range{begin, out.ids.size()};  // g++ 14 does not see through the bare braces
    out.type_ids.resize(out.ids.size(), piece.type_id);
    out.special_tokens_mask.resize(out.ids.size(), 0);
  }
  if (first.size() + second.size() <= budget) return {};

  TESSERA_TRY(const auto keep, keep_lengths(first.size(), second.size(), pair != nullptr, budget, options.strategy));
  if (!options.overflowing) {
    TESSERA_CHECK(check_stride(first.size(), keep.first, options.stride));
    TESSERA_CHECK(check_stride(second.size(), keep.second, options.stride));
    detail::keep_windows(pieces, options.add_special_tokens,
                         {first_window(first.size(), keep.first, options.direction),
                          first_window(second.size(), keep.second, options.direction)},
                         out);
    return {};
  }
  TESSERA_TRY(const auto first_windows, windows(first.size(), keep.first, options.stride, options.direction));
  TESSERA_TRY(const auto second_windows, windows(second.size(), keep.second, options.stride, options.direction));
  const auto [whole_first, whole_second] = out.texts;
  std::vector<std::vector<token_range>> texts;
  for (const template_piece& piece : pieces) {
    if (piece.what == template_piece::kind::special) continue;
    const bool is_second = piece.what == template_piece::kind::second;
    const token_range whole = is_second ? whole_second : whole_first;
    texts.push_back(is_second ? second_windows : first_windows);
    for (token_range& window : texts.back()) window = {window.begin + whole.begin, window.end + whole.begin};
  }
  const auto rows = detail::combine_windows(texts);
  encoding whole;
  std::swap(whole.ids, out.ids);
  std::swap(whole.offsets, out.offsets);
  std::swap(whole.special_tokens_mask, out.special_tokens_mask);
  out.clear();
  detail::fill_template(pieces, options.add_special_tokens, whole, rows.front(), out);
  out.overflowing.resize(rows.size() - 1);
  for (std::size_t i = 1; i < rows.size(); ++i)
    detail::fill_template(pieces, options.add_special_tokens, whole, rows[i], out.overflowing[i - 1]);
  return {};
}

TESSERA_INLINE result<> tokenizer::encode_whole(std::string_view text, const std::string_view* pair,
                                                const encode_options& options, encoding& out) const {
  TESSERA_CHECK(encode_pieces(text, pair, options, out));
  if (state_->parts.process.trims_blanks == template_processor::trim::none) return {};
  const auto trim_row = [&](encoding& row) {
    detail::trim_blanks(*this, text, row.texts[0], row);
    if (pair != nullptr) detail::trim_blanks(*this, *pair, row.texts[1], row);
  };
  trim_row(out);
  for (encoding& row : out.overflowing) trim_row(row);
  return {};
}

TESSERA_INLINE result<> tokenizer::encode_into(std::string_view text, const encode_options& options,
                                               encoding& out) const {
  return encode_whole(text, nullptr, options, out);
}
TESSERA_INLINE result<> tokenizer::encode_into(std::string_view text, std::string_view pair,
                                               const encode_options& options, encoding& out) const {
  return encode_whole(text, &pair, options, out);
}
TESSERA_INLINE result<encoding> tokenizer::encode(std::string_view text, const encode_options& options) const {
  encoding out;
  TESSERA_CHECK(encode_whole(text, nullptr, options, out));
  return out;
}
TESSERA_INLINE result<encoding> tokenizer::encode(std::string_view text, std::string_view pair,
                                                  const encode_options& options) const {
  encoding out;
  TESSERA_CHECK(encode_whole(text, &pair, options, out));
  return out;
}

TESSERA_INLINE result<std::string> tokenizer::decode(std::span<const token_id> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const added_token* added = state_->find_added(ids[i]);
    const auto token = added != nullptr
                           ? std::optional<std::string_view>(
                                 state_->normal_forms[static_cast<std::size_t>(added - state_->parts.added.data())])
                           : token_of(ids[i]);
    // A special token whose normal form is another text is none to the reference.
    if (skip_special && added != nullptr)
      if (const auto same = state_->added.id_of(*token); same && is_special(*same)) continue;
    if (!token)
      return fail({.code = error_code::not_found,
                   .thing = "ids[" + std::to_string(i) + "]",
                   .wanted = "the id of a token",
                   .found = std::to_string(ids[i])});
    tokens.emplace_back(*token);
  }
  return state_->parts.join.decode(std::move(tokens));
}

TESSERA_INLINE std::optional<token_id> tokenizer::id_of(std::string_view token) const noexcept {
  if (const auto id = state_->added.id_of(token)) return id;
  return detail::words_of(state_->parts.model).id_of(token);
}
TESSERA_INLINE std::optional<std::string_view> tokenizer::token_of(token_id id) const noexcept {
  if (const auto token = state_->added.token_of(id)) return token;
  return detail::words_of(state_->parts.model).token_of(id);
}
TESSERA_INLINE std::size_t tokenizer::vocabulary_size() const noexcept { return state_->id_bound; }
TESSERA_INLINE bool tokenizer::is_special(token_id id) const noexcept {
  const added_token* added = state_->find_added(id);
  return added != nullptr && added->special;
}
TESSERA_INLINE bool tokenizer::is_added(token_id id) const noexcept { return state_->find_added(id) != nullptr; }
TESSERA_INLINE std::optional<token_id> tokenizer::unknown_id() const noexcept {
  return std::visit([](const auto& model) -> std::optional<token_id> { return model.unknown(); }, state_->parts.model);
}
TESSERA_INLINE std::optional<token_id> tokenizer::begin_id() const noexcept {
  const auto& pieces = state_->parts.process.single;
  if (pieces.empty() || pieces.front().ids.empty()) return std::nullopt;
  return pieces.front().ids.front();
}
TESSERA_INLINE std::optional<token_id> tokenizer::end_id() const noexcept {
  const auto& pieces = state_->parts.process.single;
  if (pieces.empty() || pieces.back().ids.empty()) return std::nullopt;
  return pieces.back().ids.back();
}
TESSERA_INLINE std::optional<token_id> tokenizer::padding_id() const noexcept {
  if (state_->parts.padding) return state_->parts.padding->pad_id;
  for (const std::string_view name : {"[PAD]", "<pad>"})
    if (const auto id = id_of(name)) return id;
  return std::nullopt;
}
TESSERA_INLINE const std::optional<truncation_settings>& tokenizer::truncation() const noexcept {
  return state_->parts.truncation;
}
TESSERA_INLINE const std::optional<padding_settings>& tokenizer::padding() const noexcept {
  return state_->parts.padding;
}
TESSERA_INLINE const std::vector<added_token>& tokenizer::added_tokens() const noexcept { return state_->parts.added; }
TESSERA_INLINE std::size_t tokenizer::special_tokens_added(bool with_pair) const noexcept {
  return state_->parts.process.added(with_pair);
}
TESSERA_INLINE const tokenizer_parts& tokenizer::parts() const noexcept { return state_->parts; }

}  // namespace tessera::inline TESSERA_ABI
