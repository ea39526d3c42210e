// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/match_memory.hpp, over PCRE2.
#pragma once

#include <tessera/text/match_memory.hpp>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

namespace tessera::inline TESSERA_ABI::detail {

TESSERA_INLINE void* match_memory::block() {
  if (data_ == nullptr) data_ = pcre2_match_data_create_8(1, nullptr);
  return data_;
}
TESSERA_INLINE void match_memory::release() noexcept {
  if (data_ != nullptr) pcre2_match_data_free_8(static_cast<pcre2_match_data_8*>(data_));
}

}  // namespace tessera::inline TESSERA_ABI::detail
