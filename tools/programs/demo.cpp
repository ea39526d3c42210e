// SPDX-License-Identifier: Apache-2.0
/// tools/demo: semantic search over the lines of a text file; embeds them once, keeps the index, answers queries.
#include <tessera/index/flat.hpp>
#include <tessera/model/minilm.hpp>
#include <tools/programs/demo/progress.hpp>
#include <tools/programs/demo/texts.hpp>
#include <tools/programs/demo/vector_log.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <filesystem>
#include <iostream>

#include <sys/file.h>

namespace demo {
namespace {

struct settings {
  std::vector<std::string> queries;
  std::string texts;
  std::string model_name = "all-MiniLM-L6-v2";
  std::string model_directory;
  std::string home;
  std::size_t top = 10;
};

volatile std::sig_atomic_t interrupted = 0;

void say(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

[[nodiscard]] std::string hexadecimal(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

/// Text from outside for a terminal: control characters (U+0000 to U+001F, U+007F to U+009F) become blanks; cut between characters.
[[nodiscard]] std::string printable(std::string_view text, std::size_t longest) {
  std::string out;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (characters++ == longest) return out + "…";
    const std::size_t begin = at;
    const ts::code_point c = ts::decode_utf8(text, at);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) out += ' ';
    else out += text.substr(begin, at - begin);
  }
  return out;
}

/// Where the index of these texts by this model lies. The digest of the texts is part of the name: other texts, another index.
struct places {
  std::filesystem::path directory;
  std::string index;
  std::string log;
  std::string lock;
  std::string stem;  ///< of all indexes that the model made in this directory
};

[[nodiscard]] ts::result<places> places_for(const settings& asked, const text_file& texts) {
  std::error_code failed;
  const auto source = std::filesystem::absolute(asked.texts, failed).lexically_normal();
  const std::uint64_t tag = ts::digest64(std::as_bytes(std::span(source.native())));
  places made;
  made.directory = std::filesystem::path(asked.home) / (source.stem().string() + "-" + hexadecimal(tag).substr(0, 8));
  std::filesystem::create_directories(made.directory, failed);
  if (failed)
    return ts::fail({.code = ts::error_code::io,
                     .thing = "cannot make the directory",
                     .path = made.directory.string(),
                     .system = failed.value()});
  made.stem = asked.model_name + ".";
  const std::string base = (made.directory / (made.stem + hexadecimal(texts.digest()))).string();
  made.index = base + ".tsi";
  made.log = base + ".partial";
  made.lock = (made.directory / "lock").string();
  return made;
}

/// Held while an index is made; the kernel gives it back when the process ends, however it ends.
class file_lock {
 public:
  explicit file_lock(const std::string& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      say("waiting for another tools/demo that is embedding these texts ...");
      static_cast<void>(::flock(descriptor_, LOCK_EX));
    }
  }
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  int descriptor_;
};

/// The demo with one model type.
template <class Model>
class session {
 public:
  using space = typename Model::space;
  using index_type = ts::flat<space, ts::f16, ts::cosine>;

  [[nodiscard]] static ts::result<> run(const settings& asked) {
    const auto begin = steady::now();
    session made(asked);
    TESSERA_TRY(made.texts_, text_file::open(asked.texts));
    TESSERA_TRY(auto encoder, ts::load<Model>(asked.model_directory));
    made.encoder_.emplace(std::move(encoder));
    TESSERA_TRY(made.places_, places_for(asked, made.texts_));
    if (!made.open_index()) {
      const file_lock lock(made.places_.lock);
      if (!made.open_index()) TESSERA_CHECK(made.make_index());  // the one waited for may have made it
    }
    char ready[96];
    std::snprintf(ready, sizeof ready, "ready after %.2f s: %zu texts", seconds_since(begin), made.texts_.size());
    say(std::string(ready) + " of " + asked.texts + ", index " + made.places_.index);
    if (asked.queries.empty()) return made.converse();
    for (const std::string& query : asked.queries) TESSERA_CHECK(made.answer(query));
    return {};
  }

 private:
  explicit session(const settings& asked) : asked_(asked) {}

  /// True where the saved index is there and is of this model and as many texts; one of another model or format is made anew.
  [[nodiscard]] bool open_index() {
    if (!std::filesystem::exists(places_.index)) return false;
    auto opened = index_type::open(places_.index);
    if (opened && opened->size() == texts_.size() && opened->made_by() == encoder_->made_by()) {
      index_ = std::move(*opened);
      return true;
    }
    say("the saved index is not used: " + (opened ? "it is of another model" : opened.error().message()));
    return false;
  }

  [[nodiscard]] ts::result<> make_index() {
    TESSERA_TRY(auto log, vector_log::open(places_.log, {.model = encoder_->made_by().value,
                                                         .texts = texts_.digest(),
                                                         .rows = texts_.size(),
                                                         .dimension = space::dimension}));
    TESSERA_CHECK(embed(log));
    const auto begin = steady::now();
    TESSERA_CHECK(index_.reserve(texts_.size()));
    ts::result<> kept;
    TESSERA_CHECK(log.read([&](std::size_t row, std::span<const std::byte> bytes) {
      ts::embedding<space> vector;
      if (kept) kept = ts::copy_le<float>(bytes, vector.values());
      vector.set_made_by(encoder_->made_by());
      if (kept) kept = index_.add(row, ts::cast<ts::f16>(vector));
    }));
    TESSERA_CHECK(kept);
    if (index_.size() != texts_.size())
      return ts::fail({.code = ts::error_code::mismatch,
                       .thing = "rows",
                       .wanted = std::to_string(texts_.size()),
                       .found = std::to_string(index_.size()),
                       .path = places_.log});
    TESSERA_TRY(const auto weights, encoder_->sha256());
    TESSERA_CHECK(index_.save(places_.index, {.weights = weights}));
    log.remove();
    remove_older_indexes();
    char text[64];
    std::snprintf(text, sizeof text, "saved the index in %.2f s: ", seconds_since(begin));
    say(text + places_.index);
    return {};
  }

  [[nodiscard]] ts::result<> embed(vector_log& log) {
    constexpr std::size_t batch = 256;
    const std::size_t total = texts_.size();
    const std::size_t first = log.rows();
    if (first > 0) say("going on after " + std::to_string(first) + " texts that an interrupted call embedded");
    say("embedding " + std::to_string(total - first) + " texts with " + asked_.model_name + " on " + std::to_string(pool_.size()) +
        " threads (" + std::string(ts::kernel::kernels().name) + ")");
    progress bar(first, total);
    std::signal(SIGINT, [](int) { interrupted = 1; });
    std::vector<std::string_view> batch_texts;
    for (std::size_t row = first; row < total; row = log.rows()) {
      batch_texts.clear();
      for (std::size_t i = row; i < std::min(row + batch, total); ++i) batch_texts.push_back(texts_[i].text);
      TESSERA_TRY(const auto rows, encoder_->encode(batch_texts, {.threads = &pool_}));
      TESSERA_CHECK(log.append(rows.data(), rows.rows(), rows.stride));
      bar.update(log.rows());
      if (interrupted != 0 && log.rows() != total) {
        bar.stop();
        return ts::fail({.code = ts::error_code::stopped,
                         .thing = std::to_string(log.rows()) + " of " + std::to_string(total) +
                                  " texts are embedded and kept; the same call goes on from there"});
      }
    }
    std::signal(SIGINT, SIG_DFL);
    char rate[96];
    std::snprintf(rate, sizeof rate, " in %s: %.0f texts a second", duration_text(bar.seconds()).c_str(), bar.rate());
    if (first < total) say("embedded " + std::to_string(total - first) + " texts" + rate);
    return {};
  }

  /// Indexes and logs that this model made of what the file held before.
  void remove_older_indexes() const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(places_.directory, ignored)) {
      const std::string path = entry.path().string();
      const std::string name = entry.path().filename().string();
      if (name.starts_with(places_.stem) && (name.ends_with(".tsi") || name.ends_with(".partial")) && path != places_.index)
        std::filesystem::remove(entry.path(), ignored);
    }
  }

  [[nodiscard]] ts::result<> answer(const std::string& query) {
    const auto begin = steady::now();
    TESSERA_TRY(const auto vector, encoder_->encode(query, {.empty = ts::on_empty::refuse}));
    TESSERA_TRY(const auto hits, index_.search(vector, asked_.top, {.threads = &pool_}));
    const double seconds = seconds_since(begin);
    if (!person_) std::printf("\n%s\n", printable(query, 200).c_str());  // a person has just typed it
    for (const ts::hit& hit : hits) {
      const named_text& found = texts_[hit.id];
      const bool names_itself = found.text.starts_with(found.name);
      const std::string name = names_itself ? "" : printable(found.name, 60) + "  ";
      std::printf("  %.3f  %s%s\n", static_cast<double>(hit.score), name.c_str(), printable(found.text, 110).c_str());
    }
    std::fflush(stdout);
    std::fprintf(stderr, "  (%.1f ms: %zu texts compared)\n", seconds * 1e3, index_.size());
    return {};
  }

  /// Queries from stdin until it ends; a query that cannot be answered is said and passed over.
  [[nodiscard]] ts::result<> converse() {
    person_ = ::isatty(STDIN_FILENO) == 1;
    if (person_) say("Ask in your own words; an empty line or Ctrl-D ends.");
    while (true) {
      if (person_) {
        std::printf("\n> ");
        std::fflush(stdout);
      }
      std::string query;
      if (!std::getline(std::cin, query) || (person_ && query.empty())) break;
      if (query.empty()) continue;
      if (const auto answered = answer(query); !answered) say("error: " + answered.error().message());
    }
    if (person_ && std::cin.eof()) std::printf("\n");
    return {};
  }

  const settings& asked_;
  ts::thread_pool pool_;
  text_file texts_;
  places places_;
  std::optional<Model> encoder_;
  index_type index_;
  bool person_ = false;  ///< queries are typed at a prompt
};

struct known_model {
  std::string_view name;
  ts::result<> (*run)(const settings&);
};
constexpr known_model known_models[] = {{"all-MiniLM-L6-v2", session<ts::minilm_l6<>>::run}};

[[nodiscard]] ts::result<> run(const settings& asked) {
  std::string names;
  for (const known_model& model : known_models) {
    if (model.name == asked.model_name) return model.run(asked);
    names += (names.empty() ? "" : ", ") + std::string(model.name);
  }
  return ts::fail({.code = ts::error_code::not_found, .thing = "model", .wanted = names, .found = asked.model_name});
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  demo::settings asked;
  CLI::App app("Semantic search over tens of thousands of texts: what is asked and what is found need not share a word.", "tools/demo");
  app.add_option("QUERY", asked.queries, "what to search for, each answered in turn; without one the program asks for them");
  app.add_option("--text", asked.texts, "lines of name<TAB>text (default: the packages this machine's package list knows)");
  app.add_option("--model", asked.model_name, "a model's published name, or its directory, which has that name")->capture_default_str();
  app.add_option("--top", asked.top, "answers to a query")->capture_default_str()->check(CLI::Range(1, 1000));
  bool refresh = false;  // done by the script before this program runs
  app.add_flag("--refresh", refresh, "read the machine's package list again");
  app.add_option("--model-directory", asked.model_directory)->required()->group("");
  app.add_option("--home", asked.home)->required()->group("");
  app.footer("Environment: TESSERA_CACHE, where texts and indexes are kept (default: .cache in the source tree);\n"
             "TESSERA_MODELS, the directory of models (default: models in the source tree).");
  CLI11_PARSE(app, argc, argv);
  if (const auto done = demo::run(asked); !done) {
    const bool stopped = done.error().code == tessera::error_code::stopped;
    demo::say((stopped ? "interrupted: " : "error: ") + done.error().message());
    return stopped ? 130 : 1;
  }
  return 0;
}
