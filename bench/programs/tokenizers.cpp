// SPDX-License-Identifier: Apache-2.0
/// Our side of bench/tokenizers: tokenizers over files of texts, driven line by line over standard input. Answers are one line each.
///
///     bench_tokenizers [cpu]               times are of the clock, or the processor's
///     load NAME FILE                       -> ok
///     texts NAME FILE                      -> ok                a text a line
///     run TOKENIZER TEXTS SECONDS          -> milliseconds of each pass over all texts
///     ids TOKENIZER TEXTS                  -> all ids, one text after the other
#include <bench/support/line_program.hpp>
#include <tessera/text/tokenizer.hpp>

#include <fstream>
#include <map>

namespace ts = tessera;

namespace {

class session {
 public:
  [[nodiscard]] std::string answer(std::istringstream& line) {
    std::string command, name, rest;
    line >> command >> name >> std::ws;
    if (command == "load") {
      std::getline(line, rest);
      auto opened = ts::tokenizer::open(rest);
      if (!opened) return "error: " + opened.error().message();
      tokenizers_.insert_or_assign(name, *std::move(opened));
      return "ok";
    }
    if (command == "texts") {
      std::getline(line, rest);
      std::ifstream file(rest, std::ios::binary);
      if (!file) return "error: cannot read " + rest;
      std::vector<std::string>& lines = texts_[name];
      for (std::string text; std::getline(file, text);) lines.push_back(text);
      return "ok";
    }
    double seconds = 1.0;
    line >> rest >> seconds;
    const auto tokenizer = tokenizers_.find(name);
    const auto texts = texts_.find(rest);
    if (tokenizer == tokenizers_.end() || texts == texts_.end()) return "error: nothing is called " + name + " or " + rest;
    return command == "run"   ? run(tokenizer->second, texts->second, seconds)
           : command == "ids" ? ids(tokenizer->second, texts->second)
                              : "error: no command " + command;
  }

 private:
  /// Every text into one encoding, whose memory is reused; false at the first that fails.
  template <class Use>
  static bool each(const ts::tokenizer& tokenizer, const std::vector<std::string>& texts, const Use& use) {
    ts::encoding tokens;
    return std::ranges::all_of(texts, [&](const std::string& text) {
      if (!tokenizer.encode_into(text, {}, tokens)) return false;
      use(tokens);
      return true;
    });
  }
  static std::string run(const ts::tokenizer& tokenizer, const std::vector<std::string>& texts, double seconds) {
    std::size_t count = 0;
    bool failed = false;
    const std::string times = tessera_bench::time_of(seconds, [&] {
      failed = failed || !each(tokenizer, texts, [&](const ts::encoding& tokens) { count += tokens.size(); });
    });
    return failed || count == 0 ? "error: a text cannot be encoded" : times;
  }
  static std::string ids(const ts::tokenizer& tokenizer, const std::vector<std::string>& texts) {
    std::string out;
    const bool made = each(tokenizer, texts, [&](const ts::encoding& tokens) {
      for (const ts::token_id id : tokens.ids) out += std::to_string(id) + ' ';
    });
    return made ? out : "error: a text cannot be encoded";
  }

  std::map<std::string, ts::tokenizer> tokenizers_;
  std::map<std::string, std::vector<std::string>> texts_;
};

}  // namespace

int main(int argc, char** argv) {
  tessera_bench::clock_type::of_process = argc > 1 && std::string_view(argv[1]) == "cpu";
  session here;
  std::cout << "ready" << std::endl;
  tessera_bench::answer_lines([&](std::istringstream& line) { return here.answer(line); });
}
