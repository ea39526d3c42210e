// SPDX-License-Identifier: Apache-2.0
// corpus: text/tokenizers/*/golden.jsonl text/bad/ok_tokenizer.json
// Any bytes as a text: refused where they are not UTF-8, else tokens that stand in it, whatever is cut or put together.
#include <tests/fuzz/target.hpp>

#include <tessera/text/tokenizer.hpp>
#include <tessera/text/tokenizer_file.hpp>

#include <algorithm>
#include <string>

namespace ts = tessera;

namespace {

using tessera_fuzz::promise;

ts::tokenizer make(const ts::bert_normalizer& how) {
  std::string words = "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\n";
  for (char c = '!'; c <= '~'; ++c) ((((words += c) += "\n##") += c)) += '\n';
  words += "the\n##ing\nte\n##xt\nid\n##er\n\u4e2d\n\u00e9\n##\u00e9\n\u1100\n##\u1161\n##\u11a8\n";
  auto parts = ts::read_vocabulary_text(words, how);
  promise(parts.has_value(), "the vocabulary is well-formed");
  parts->added.push_back({.id = 1000, .content = "<x>", .lstrip = true, .rstrip = true});
  parts->added.push_back({.id = 1001, .content = "Id", .single_word = true, .normalized = true});
  auto made = ts::tokenizer::make(std::move(*parts));
  promise(made.has_value(), "the tokenizer is well-formed");
  return *std::move(made);
}

void check(const ts::tokenizer& tokenizer, std::string_view text) {
  static thread_local ts::encoding tokens;
  const auto outcome = tokenizer.encode_into(text, {.add_special_tokens = false}, tokens);
  const auto bad = ts::find_invalid_utf8(text);
  promise(outcome.has_value() == !bad.has_value(), "exactly UTF-8 is accepted");
  if (!outcome) return promise(outcome.error().offset == bad, "the error says where");
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto [begin, end] = tokens.offsets[i];
    promise(begin < end && end <= text.size(), "a token stands for something in the text");
    const auto boundary = [&](std::size_t at) {
      return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80U;
    };
    promise(boundary(begin) && boundary(end), "offsets lie between characters");
    promise(i == 0 || tokens.offsets[i - 1].begin <= begin, "offsets ascend");
  }
  // Nothing reaches over a line end but the white space that an added token takes.
  const std::string twice = std::string(text) + "\n" + std::string(text);
  const auto both = tokenizer.encode(twice, {.add_special_tokens = false});
  promise(both.has_value() && both->size() == 2 * tokens.size() &&
              std::equal(tokens.ids.begin(), tokens.ids.end(), both->ids.begin()) &&
              std::equal(tokens.ids.begin(), tokens.ids.end(),
                         both->ids.begin() + static_cast<std::ptrdiff_t>(tokens.size())),
          "a text and itself again have the tokens twice");
  if (text.size() > 2000) return;
  const auto windows = tokenizer.encode(text, {.max_length = 7, .stride = 2, .overflowing = true});
  promise(windows.has_value(), "windows of UTF-8 are made");
  std::vector<ts::token_id> again(windows->ids.begin() + 1, windows->ids.end() - 1);
  for (const ts::encoding& window : windows->overflowing)
    again.insert(again.end(), window.ids.begin() + 3, window.ids.end() - 1);
  promise(again == tokens.ids, "windows together are the text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ts::tokenizer uncased = make({});
  static const ts::tokenizer cased = make({.lowercase = false});
  static const ts::tokenizer raw = make({.clean_text = false, .strip_accents = true});
  const std::string_view text = tessera_fuzz::text_of(data, size);
  for (const ts::tokenizer* tokenizer : {&uncased, &cased, &raw}) check(*tokenizer, text);
  return 0;
}
