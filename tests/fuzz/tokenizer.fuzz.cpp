// SPDX-License-Identifier: Apache-2.0
// corpus: text/bad/ok_tokenizer*.json text/bad/tokenizer_*.json text/tokenizers/wordpiece_cased/tokenizer.json text/tokenizers/bpe_gemma/tokenizer.json
// Any tokenizer.json: refused, or a tokenizer whose ids, offsets and windows keep their promises.
#include <tests/fuzz/tokenizer_promises.hpp>

#include <tessera/text/tokenizer_json.hpp>
#include <tessera/text/tokenizer_parts.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tessera_fuzz::text_of(data, size);
  const auto file = ts::parse_json(text, "fuzz.json");
  if (!file) return 0;
  auto parts = ts::read_tokenizer_json(*file);
  if (!parts) {
    tessera_fuzz::promise(!parts.error().message().empty() && parts.error().path == "fuzz.json",
                          "an error names the file");
    return 0;
  }
  const auto tokenizer = ts::tokenizer::make(std::move(*parts));
  if (!tokenizer) return 0;
  tessera_fuzz::check_tokenizer(*tokenizer, text.substr(0, 300));
  return 0;
}
