// SPDX-License-Identifier: Apache-2.0
// Notes that survive the death of the process that wrote them:   13_durable_notes [MODEL_DIRECTORY] [STORE_DIRECTORY]
#include <tessera/model/minilm.hpp>
#include <tessera/store/store.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

namespace ts = tessera;

using model = ts::minilm_l6<>;
using note_store = ts::store<model::space, ts::f16>;

constexpr std::string_view notes[] = {"a multi-track sound editor for recording and mixing", "a plum cake in forty minutes",
                                      "draws function plots from the command line", "tunes a guitar by ear training"};

// [write]
ts::result<> write_notes(const model& encoder, const char* directory) {
  TESSERA_TRY(auto store, note_store::open(directory, {.sync = ts::sync_policy::each_write()}));
  for (std::uint64_t id = 0; id < std::size(notes); ++id) {
    if (store.contains(id)) continue;
    TESSERA_TRY(const auto row, encoder.encode(notes[id]));
    TESSERA_CHECK(store.add(id, ts::cast<ts::f16>(row), ts::row_content::text(notes[id])));
  }
  std::raise(SIGKILL);  // every add has returned, so every note is there, whatever happens now
  return {};
}
// [/write]

// [read]
ts::result<> read_notes(const model& encoder, const char* directory) {
  TESSERA_TRY(auto store, note_store::open(directory));
  std::printf("%zu notes, %s\n", store.size(), store.recovery().clean() ? "nothing was damaged" : "with damage");
  TESSERA_TRY(const auto query, encoder.encode("edit audio recordings"));
  TESSERA_TRY(const auto hits, store.search(query, 3));
  for (const ts::hit& hit : hits) {
    TESSERA_TRY(const auto note, store.get(hit.id));
    std::printf("%.3f  %.*s\n", static_cast<double>(hit.score), static_cast<int>(note.payload.size()), note.payload_text().data());
  }
  return store.snapshot();  // the next opening reads this instead of the log
}
// [/read]

int main(int argc, char** argv) {
  const char* const directory = argc > 2 ? argv[2] : "/tmp/tessera-13_durable_notes";
  const auto encoder = ts::load<model>(argc > 1 ? argv[1] : "models/all-MiniLM-L6-v2");
  if (encoder && ::fork() == 0) ::_exit(write_notes(*encoder, directory) ? 0 : 1);
  ::wait(nullptr);
  const auto done = encoder ? read_notes(*encoder, directory) : ts::result<>(std::unexpected(encoder.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
