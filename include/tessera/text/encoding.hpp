// SPDX-License-Identifier: Apache-2.0
/// The tokens of one text: ids, types, where each stands in the text, and which are special.
///
///     encoding.ids[i], encoding.offsets[i].of(text)       // 14324, "Hello"
///
/// All four lists have the same length. An `encoding` that is encoded into again keeps its memory: a warm call
/// allocates nothing.
#pragma once

#include <tessera/text/byte_range.hpp>
#include <tessera/text/truncate.hpp>
#include <tessera/text/vocabulary.hpp>

#include <array>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

struct encoding_scratch;

/// Memory that a tokenizer needs while it works, kept with the encoding it fills: made when it is first asked for, empty
/// in copies. Behind a pointer, so that who holds encodings does not compile tokenizers.
class working_memory {
 public:
  working_memory() noexcept = default;
  working_memory(const working_memory&) noexcept {}
  working_memory& operator=(const working_memory&) noexcept { return *this; }
  working_memory(working_memory&& other) noexcept : made_(std::exchange(other.made_, nullptr)) {}
  working_memory& operator=(working_memory&& other) noexcept {
    std::swap(made_, other.made_);
    return *this;
  }
  ~working_memory() {
    if (made_ != nullptr) drop(made_);
  }

  [[nodiscard]] encoding_scratch& get() { return made_ != nullptr ? *made_ : *(made_ = make()); }

 private:
  [[nodiscard]] static encoding_scratch* make();
  static void drop(encoding_scratch* made) noexcept;

  encoding_scratch* made_ = nullptr;
};

}  // namespace detail

struct encoding {
  std::vector<token_id> ids;
  std::vector<std::uint32_t> type_ids;
  std::vector<byte_range> offsets;
  std::vector<std::uint8_t> special_tokens_mask;  ///< 1 for tokens that the post-processor put in
  std::vector<std::uint8_t> attention_mask = {};  ///< 0 for padding; empty until `pad` was called
  std::array<token_range, 2> texts = {};          ///< the tokens of the text and of its pair
  std::vector<encoding> overflowing = {};         ///< what truncation cut off, where it was asked for
  detail::working_memory scratch = {};            ///< working memory, kept for the next call

  [[nodiscard]] std::size_t size() const noexcept { return ids.size(); }
  [[nodiscard]] bool empty() const noexcept { return ids.empty(); }
  void clear() noexcept {
    ids.clear();
    type_ids.clear();
    offsets.clear();
    special_tokens_mask.clear();
    attention_mask.clear();
    texts = {};
    overflowing.clear();
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/encoding-inl.hpp>
#endif
