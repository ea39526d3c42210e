// SPDX-License-Identifier: Apache-2.0
// corpus: text/vocabularies/*.model
// Any bytes as a sentencepiece model: refused with a reason, or a tokenizer that keeps its promises.
#include <tests/fuzz/tokenizer_promises.hpp>

#include <tessera/text/tokenizer_file.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto parts = ts::read_sentencepiece(tessera_fuzz::bytes_of(data, size));
  if (!parts) {
    tessera_fuzz::promise(!parts.error().message().empty(), "an error says something");
    return 0;
  }
  const auto tokenizer = ts::tokenizer::make(std::move(*parts));
  if (tokenizer) tessera_fuzz::check_tokenizer(*tokenizer, "");
  return 0;
}
