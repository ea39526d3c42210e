// SPDX-License-Identifier: Apache-2.0
// corpus: text/vocabularies/*.gguf
// Any bytes as a GGUF file with a tokenizer: refused with a reason, or a tokenizer that keeps its promises.
#include <tests/fuzz/tokenizer_promises.hpp>

#include <tessera/io/gguf.hpp>
#include <tessera/text/tokenizer_file.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = ts::gguf::view(tessera_fuzz::bytes_of(data, size), "fuzz.gguf");
  if (!file) return 0;
  auto parts = ts::read_gguf_tokenizer(*file);
  if (!parts) {
    tessera_fuzz::promise(!parts.error().message().empty(), "an error says something");
    return 0;
  }
  const auto tokenizer = ts::tokenizer::make(std::move(*parts));
  if (tokenizer) tessera_fuzz::check_tokenizer(*tokenizer, "");
  return 0;
}
