// SPDX-License-Identifier: Apache-2.0
/// Reads a Hugging Face tokenizer.json into the parts of a tokenizer.
///
///     TESSERA_TRY(const ts::json file, ts::read_json("tokenizer.json"));
///     TESSERA_TRY(ts::tokenizer_parts parts, ts::read_tokenizer_json(file));
///
/// Whatever the file asks for and this library lacks is `unsupported`, naming it and its key path: an unknown component, and also an
/// unknown setting of a known one, since both change ids.
#pragma once

#include <tessera/io/json.hpp>
#include <tessera/text/tokenizer_parts.hpp>

namespace tessera::inline TESSERA_ABI {

/// Errors: malformed or mismatch (with the key path) where the file breaks its own format, unsupported, not_found.
[[nodiscard]] result<tokenizer_parts> read_tokenizer_json(const json& file);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/tokenizer_json-inl.hpp>
#endif
