// SPDX-License-Identifier: Apache-2.0
// corpus: text/bad/ok_tokenizer*.json text/bad/tokenizer_*.json text/tokenizers/wordpiece_cased/tokenizer.json
// text/tokenizers/bpe_gemma/tokenizer.json Any tokenizer.json: refused, or a tokenizer whose ids, offsets and windows
// keep their promises on texts of its own making.
#include <tests/fuzz/target.hpp>

#include <tessera/text/tokenizer.hpp>
#include <tessera/text/tokenizer_json.hpp>

#include <string>

namespace ts = tessera;

namespace {

void check(const ts::tokenizer& tokenizer, std::string_view text, const ts::encode_options& options) {
  const auto encoding = tokenizer.encode(text, options);
  if (!encoding) {
    tessera_fuzz::promise(!encoding.error().message().empty(), "an error says something");
    return;
  }
  const std::size_t count = encoding->size();
  tessera_fuzz::promise(encoding->offsets.size() == count && encoding->type_ids.size() == count &&
                            encoding->special_tokens_mask.size() == count,
                        "the lists of an encoding have one length");
  tessera_fuzz::promise(!options.max_length || count <= *options.max_length, "no more tokens than max_length");
  for (std::size_t i = 0; i < count; ++i) {
    tessera_fuzz::promise(encoding->ids[i] < tokenizer.vocabulary_size(), "ids lie below the size of the vocabulary");
    const auto range = encoding->offsets[i];
    tessera_fuzz::promise(range.begin <= range.end && range.end <= text.size(), "offsets lie within the text");
  }
  // A template may name ids that the vocabulary skips: encode gives them, as the reference does, and decode says that
  // they are no token.
  const auto decoded = tokenizer.decode(encoding->ids, false);
  tessera_fuzz::promise(decoded.has_value() || decoded.error().code == ts::error_code::not_found,
                        "ids are decoded or said to be no token");
}

}  // namespace

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
  for (const std::string_view sample :
       {std::string_view(), std::string_view("Hello, w\u00f6rld! \u4f60\u597d [SEP] [MASK]x 1e9\u0000"),
        text.substr(0, 300)}) {
    check(*tokenizer, sample, {});
    check(*tokenizer, sample, {.add_special_tokens = false});
    check(*tokenizer, sample, {.max_length = 8, .stride = 2, .overflowing = true});
  }
  return 0;
}
