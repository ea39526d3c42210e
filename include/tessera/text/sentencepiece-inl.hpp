// SPDX-License-Identifier: Apache-2.0
/// Reads a sentencepiece .model: the fields of its protocol buffer that say how texts are cut.
///
/// ModelProto: 1 pieces {1 text, 2 score, 3 type}, 2 trainer {3 model type, 24 blanks end words, 35 byte fallback, 40
/// unknown id}, 3 normaliser {2 character map, 3 blank before the text, 4 single blanks, 5 "▁" for blanks}. Included by
/// text/tokenizer_file-inl.hpp alone.
#pragma once

#include <tessera/io/bytes.hpp>
#include <tessera/text/piece_parts-inl.hpp>
#include <tessera/text/tokenizer_file.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The fields of one message of a protocol buffer, in order; every length is checked.
class proto_reader {
 public:
  struct field {
    std::uint32_t number = 0;
    std::uint64_t value = 0;    // of varints and fixed words
    std::string_view bytes = {};  // of length-delimited fields
  };

  /// `base` is where the message stands in its file.
  proto_reader(std::string_view bytes, std::uint64_t base) noexcept : bytes_(bytes), base_(base) {}

  [[nodiscard]] bool done() const noexcept { return at_ == bytes_.size(); }
  /// Where the bytes of the field read last stand in the file.
  [[nodiscard]] std::uint64_t offset_of(const field& read) const noexcept {
    return base_ + static_cast<std::uint64_t>(read.bytes.data() - bytes_.data());
  }

  [[nodiscard]] result<field> next() {
    TESSERA_TRY(const std::uint64_t tag, varint());
    field made{.number = static_cast<std::uint32_t>(tag >> 3U)};
    switch (tag & 7U) {
      case 0: {
        TESSERA_TRY(made.value, varint());
        break;
      }
      case 1: {
        TESSERA_TRY(const std::string_view raw, take(8));
        made.value = load<std::endian::little, std::uint64_t>(reinterpret_cast<const std::byte*>(raw.data()));
        break;
      }
      case 2: {
        TESSERA_TRY(const std::uint64_t length, varint());
        TESSERA_TRY(made.bytes, take(length));
        break;
      }
      case 5: {
        TESSERA_TRY(const std::string_view raw, take(4));
        made.value = load<std::endian::little, std::uint32_t>(reinterpret_cast<const std::byte*>(raw.data()));
        break;
      }
      default: return malformed("a field of a known wire type");
    }
    return made;
  }

 private:
  [[nodiscard]] std::unexpected<error> malformed(std::string wanted) const {
    return fail({.code = error_code::malformed,
                 .thing = "sentencepiece model",
                 .wanted = std::move(wanted),
                 .offset = base_ + at_});
  }
  [[nodiscard]] result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      TESSERA_TRY(const std::string_view byte, take(1));
      const auto bits = static_cast<std::uint64_t>(static_cast<unsigned char>(byte[0]));
      value |= (bits & 0x7fU) << shift;
      if ((bits & 0x80U) == 0) return value;
    }
    return malformed("a number of at most 10 bytes");
  }
  [[nodiscard]] result<std::string_view> take(std::uint64_t count) {
    if (count > bytes_.size() - at_) return malformed(std::to_string(count) + " bytes more");
    const std::string_view part = bytes_.substr(at_, static_cast<std::size_t>(count));
    at_ += part.size();
    return part;
  }

  std::string_view bytes_;
  std::uint64_t base_;
  std::size_t at_ = 0;
};

[[nodiscard]] inline result<piece> read_piece(const proto_reader::field& from, std::uint64_t base) {
  piece made;
  for (proto_reader reader(from.bytes, base); !reader.done();) {
    TESSERA_TRY(const auto field, reader.next());
    if (field.number == 1) made.text = field.bytes;
    if (field.number == 2) made.score = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
    if (field.number == 3) {
      if (field.value < 1 || field.value > 6)
        return fail({.code = error_code::malformed,
                     .thing = "type of a piece",
                     .wanted = "1 to 6",
                     .found = std::to_string(field.value),
                     .offset = base});
      made.type = static_cast<piece_type>(field.value);
    }
  }
  return made;
}

}  // namespace detail

TESSERA_INLINE result<tokenizer_parts> read_sentencepiece(std::span<const std::byte> bytes) {
  constexpr std::uint64_t unigram_type = 1, bpe_type = 2;
  std::vector<detail::piece> pieces;
  std::uint64_t model_type = unigram_type;
  bool byte_fallback = false, marks_blanks = true;
  piece_normalizer normal;
  detail::proto_reader file({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 0);
  while (!file.done()) {
    TESSERA_TRY(const auto field, file.next());
    if (field.number == 1) {
      TESSERA_TRY(auto piece, detail::read_piece(field, file.offset_of(field)));
      pieces.push_back(piece);
      continue;
    }
    if (field.number != 2 && field.number != 3) continue;
    for (detail::proto_reader inner(field.bytes, file.offset_of(field)); !inner.done();) {
      TESSERA_TRY(const auto setting, inner.next());
      const bool on = setting.value != 0;
      if (field.number == 2) {
        if (setting.number == 3) model_type = setting.value;
        if (setting.number == 24) normal.blanks_end_words = on;
        if (setting.number == 35) byte_fallback = on;
        continue;
      }
      if (setting.number == 2 && !setting.bytes.empty()) {
        TESSERA_TRY(normal.map, charsmap::make(setting.bytes));
      }
      if (setting.number == 3) normal.prefix = on;
      if (setting.number == 4) normal.single_blanks = on;
      if (setting.number == 5) marks_blanks = on;
    }
  }
  if (pieces.empty())
    return fail({.code = error_code::malformed, .thing = "sentencepiece model", .wanted = "pieces", .found = "none"});
  if (model_type != unigram_type && model_type != bpe_type)
    return fail({.code = error_code::unsupported,
                 .thing = "trainer_spec.model_type",
                 .wanted = "1 (Unigram) or 2 (BPE)",
                 .found = std::to_string(model_type)});
  if (!marks_blanks)
    return fail({.code = error_code::unsupported, .thing = "normalizer_spec.escape_whitespaces", .wanted = "true"});
  std::optional<token_id> unknown;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].type == detail::piece_type::unknown) unknown = static_cast<token_id>(id);
    if (pieces[id].type == detail::piece_type::byte && !byte_fallback) pieces[id].type = detail::piece_type::unused;
  }
  if (!unknown)
    return fail({.code = error_code::not_found, .thing = "sentencepiece model", .wanted = "an unknown piece"});
  tokenizer_parts parts;
  if (model_type == unigram_type) {
    TESSERA_TRY(parts.model, detail::unigram_of_pieces(pieces, unknown, true));
  } else {
    TESSERA_TRY(parts.model, detail::bpe_of_pieces(pieces, unknown));
  }
  // Control pieces are never found in text, but decoding leaves them out; what the user defined is found by the model.
  std::vector<std::string_view> verbatim;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const auto& [text, score, type] = pieces[id];
    if (type == detail::piece_type::user_defined && !text.empty()) verbatim.push_back(text);
    if (type == detail::piece_type::control && !text.empty())
      parts.added.push_back(
          {.id = static_cast<token_id>(id), .content = std::string(text), .special = true, .searched = false});
  }
  if (!verbatim.empty()) normal.verbatim = std::make_shared<const trie>(trie::build(verbatim));
  parts.join = detail::piece_decoder(normal.prefix && !normal.blanks_end_words);
  parts.normalize = std::move(normal);
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI
