// SPDX-License-Identifier: Apache-2.0
/// tools/demo: semantic search over the lines of a text file; embeds them once, keeps them in a store, answers queries.
#include <tessera/model/minilm.hpp>
#include <tessera/store/store.hpp>
#include <tools/programs/demo/progress.hpp>
#include <tools/programs/demo/texts.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include <unistd.h>

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

/// Where the store of these texts by this model lies. The digest of the texts is part of the name: other texts, another store.
struct places {
  std::filesystem::path directory;
  std::string store;
  std::string stem;  ///< of all stores that the model made in this directory
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
  made.store = (made.directory / (made.stem + hexadecimal(texts.digest()) + ".store")).string();
  return made;
}

/// The demo with one model type.
template <class Model>
class session {
 public:
  using space = typename Model::space;
  using store_type = ts::store<space, ts::f16, ts::cosine>;

  [[nodiscard]] static ts::result<> run(const settings& asked) {
    const auto begin = steady::now();
    session made(asked);
    TESSERA_TRY(made.texts_, text_file::open(asked.texts));
    TESSERA_TRY(auto encoder, ts::load<Model>(asked.model_directory));
    made.encoder_.emplace(std::move(encoder));
    TESSERA_TRY(made.places_, places_for(asked, made.texts_));
    TESSERA_CHECK(made.find_store());
    char ready[96];
    std::snprintf(ready, sizeof ready, "ready after %.2f s: %zu texts", seconds_since(begin), made.texts_.size());
    say(std::string(ready) + " of " + asked.texts + ", store " + made.places_.store);
    if (asked.queries.empty()) return made.converse();
    for (const std::string& query : asked.queries) TESSERA_CHECK(made.answer(query));
    return {};
  }

 private:
  explicit session(const settings& asked) : asked_(asked) {}

  /// The store that is there, whole; else it is made, or gone on with, by whoever has it for itself.
  [[nodiscard]] ts::result<> find_store() {
    for (bool waited = false; !open_to_read();) {
      auto made = make_store();
      if (made) continue;
      const bool others = made.error().code == ts::error_code::io && made.error().system == 0;  // somebody has it open
      if (!others) return made;
      if (!waited) say("waiting for another tools/demo that is embedding these texts ...");
      waited = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return {};
  }

  /// True where all texts are in a snapshot with their graph, by this model; any number of demos read it at once.
  [[nodiscard]] bool open_to_read() {
    auto opened = store_type::open(places_.store, {.read_only = true});
    if (!opened || opened->recovery().snapshot_rows != texts_.size() || opened->made_by() != encoder_->made_by()) return false;
    if (const auto whole = opened->verify(); !whole) {
      say("the saved store is not used: " + whole.error().message());
      return false;
    }
    store_.emplace(std::move(*opened));
    return true;
  }

  /// What is there of the store, for this process alone. One that is damaged or of another model is begun anew.
  [[nodiscard]] ts::result<store_type> open_to_write(const ts::store_options& options) const {
    auto opened = store_type::open(places_.store, options);
    if (!opened && opened.error().code == ts::error_code::io) return opened;
    std::string reason;
    if (!opened) reason = opened.error().message();
    else if (opened->made_by() && opened->made_by() != encoder_->made_by()) reason = "it is of another model";
    else if (!opened->verify() || !opened->recovery().damaged.empty()) reason = "it is damaged";
    if (reason.empty()) return opened;
    say("the saved store is not used: " + reason);
    if (opened) TESSERA_CHECK(opened->close());
    std::error_code failed;
    std::filesystem::remove_all(places_.store, failed);
    if (failed) return ts::fail({.code = ts::error_code::io, .thing = "cannot remove", .path = places_.store, .system = failed.value()});
    return store_type::open(places_.store, options);
  }

  [[nodiscard]] ts::result<> make_store() {
    {
      // No graph yet: made of all rows at once it is the same, wherever this is interrupted.
      TESSERA_TRY(auto store, open_to_write({.exact = true, .snapshot_after = 0}));
      TESSERA_CHECK(embed(store));
      TESSERA_CHECK(store.close());
    }
    const auto begin = steady::now();
    TESSERA_TRY(const auto weights, encoder_->sha256());
    TESSERA_TRY(auto store, store_type::open(places_.store, {.build_threads = pool_.size(), .snapshot_after = 0, .origin = {.weights = weights}}));
    TESSERA_CHECK(store.index());
    TESSERA_CHECK(store.snapshot());
    TESSERA_CHECK(store.close());
    remove_older_stores();
    char text[64];
    std::snprintf(text, sizeof text, "linked and saved in %.2f s: ", seconds_since(begin));
    say(text + places_.store);
    return {};
  }

  [[nodiscard]] ts::result<> embed(store_type& store) {
    constexpr std::size_t batch = 256;
    const std::size_t total = texts_.size();
    const std::size_t first = store.size();
    if (first > 0 && first < total) say("going on after " + std::to_string(first) + " texts that an interrupted call embedded");
    if (first < total)
      say("embedding " + std::to_string(total - first) + " texts with " + asked_.model_name + " on " + std::to_string(pool_.size()) +
          " threads (" + std::string(ts::kernel::kernels().name) + ")");
    progress bar(first, total);
    std::signal(SIGINT, [](int) { interrupted = 1; });
    for (std::size_t row = first; row < total;) {
      const std::size_t count = std::min(batch, total - row);
      std::vector<std::string_view> batch_texts;
      std::vector<std::uint64_t> ids;
      std::vector<ts::row_content> contents;
      for (std::size_t i = row; i < row + count; ++i) {
        ids.push_back(i);
        batch_texts.push_back(texts_[i].text);
        contents.push_back(ts::row_content::text(texts_[i].text, texts_[i].name));
      }
      TESSERA_TRY(const auto rows, encoder_->encode(batch_texts, {.threads = &pool_}));
      TESSERA_TRY(const auto halves, ts::cast<ts::f16>(rows));
      TESSERA_CHECK(store.add_rows(ids, halves, contents));
      row += count;
      bar.update(row);
      if (interrupted != 0 && row != total) {
        bar.stop();
        return ts::fail({.code = ts::error_code::stopped,
                         .thing = std::to_string(row) + " of " + std::to_string(total) +
                                  " texts are embedded and kept; the same call goes on from there"});
      }
    }
    std::signal(SIGINT, SIG_DFL);
    char rate[96];
    std::snprintf(rate, sizeof rate, " in %s: %.0f texts a second", duration_text(bar.seconds()).c_str(), bar.rate());
    if (first < total) say("embedded " + std::to_string(total - first) + " texts" + rate);
    return {};
  }

  /// What this model made of the texts that the file held before.
  void remove_older_stores() const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(places_.directory, ignored))
      if (entry.path().filename().string().starts_with(places_.stem) && entry.path().string() != places_.store)
        std::filesystem::remove_all(entry.path(), ignored);
  }

  [[nodiscard]] ts::result<> answer(const std::string& query) {
    const auto begin = steady::now();
    TESSERA_TRY(const auto vector, encoder_->encode(query, {.empty = ts::on_empty::refuse}));
    TESSERA_TRY(const auto hits, store_->search(vector, asked_.top));
    const double seconds = seconds_since(begin);
    if (!person_) std::printf("\n%s\n", printable(query, 200).c_str());  // a person has just typed it
    for (const ts::hit& hit : hits) {
      TESSERA_TRY(const auto found, store_->get(hit.id));
      const bool names_itself = found.payload_text().starts_with(found.metadata_text());
      const std::string name = names_itself ? "" : printable(found.metadata_text(), 60) + "  ";
      std::printf("  %.3f  %s%s\n", static_cast<double>(hit.score), name.c_str(), printable(found.payload_text(), 110).c_str());
    }
    std::fflush(stdout);
    std::fprintf(stderr, "  (%.1f ms, of %zu texts)\n", seconds * 1e3, store_->size());
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
  std::optional<store_type> store_;
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
  app.footer("Environment: TESSERA_CACHE, where texts and stores are kept (default: .cache in the source tree);\n"
             "TESSERA_MODELS, the directory of models (default: models in the source tree).");
  CLI11_PARSE(app, argc, argv);
  if (const auto done = demo::run(asked); !done) {
    const bool stopped = done.error().code == tessera::error_code::stopped;
    demo::say((stopped ? "interrupted: " : "error: ") + done.error().message());
    return stopped ? 130 : 1;
  }
  return 0;
}
