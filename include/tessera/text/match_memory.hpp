// SPDX-License-Identifier: Apache-2.0
/// What a search with a regular expression needs while it works; kept from call to call. Apart from the patterns (text/pattern.hpp), so
/// that whoever keeps one needs none of them.
#pragma once

#include <tessera/base/config.hpp>

#include <utility>

namespace tessera::inline TESSERA_ABI::detail {

class match_memory {
 public:
  match_memory() = default;
  match_memory(match_memory&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  match_memory& operator=(match_memory&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~match_memory() { release(); }

  /// PCRE2's block, made on the first call; null where memory is out.
  [[nodiscard]] void* block();

 private:
  void release() noexcept;
  void* data_ = nullptr;
};

}  // namespace tessera::inline TESSERA_ABI::detail

#if TESSERA_HEADER_ONLY
#include <tessera/text/match_memory-inl.hpp>
#endif
