// SPDX-License-Identifier: Apache-2.0
// The code of docs/serving.md.
#include <tessera/model/batching_engine.hpp>
#include <tessera/model/minilm.hpp>

#include <string>

namespace ts = tessera;

namespace docs {

struct connection {
  void reply(const ts::minilm_l6<>::vector& vector);
  void refuse(const ts::error& why);
};

// [start]
using model = ts::minilm_l6<>;
using engine_type = ts::batching_engine<model>;

inline ts::result<engine_type> start(const char* directory) {
  TESSERA_TRY(const auto encoder, ts::load<model>(directory));
  return engine_type::start(encoder, {.workers = 2, .waiting_texts = 512});
}
// [/start]

// [ask]
/// One caller of many: any thread, no lock of its own.
inline ts::result<model::vector> answer(const engine_type& engine, const std::string& text) {
  return engine.encode(text, {.too_long = ts::on_too_long::refuse});  // waits for this text only
}

/// A caller that must not wait, such as an event loop.
inline void answer_later(const engine_type& engine, const std::string& text, connection& client) {
  const auto taken = engine.submit(text, [&client](ts::result<model::vector> vector) {
    if (vector) client.reply(*vector);
    else client.refuse(vector.error());
  });
  if (!taken) client.refuse(taken.error());  // overloaded: say so and let the client come back
}
// [/ask]

}  // namespace docs
