// SPDX-License-Identifier: Apache-2.0
// The code of docs/models.md.
#include <tessera/model/bge.hpp>
#include <tessera/model/jina_v3.hpp>
#include <tessera/model/minilm.hpp>
#include <tessera/model/with_model.hpp>
#include <tessera/op/distance.hpp>

namespace ts = tessera;

namespace docs {

inline ts::result<float> similarity(const ts::jina_v3<>& encoder, std::string_view query, std::string_view passage) {
  // [tasks]
  using task = ts::jina_v3_task;
  TESSERA_TRY(const auto asked, encoder.encode(query, {.task = task::retrieval_query}));
  TESSERA_TRY(const auto found, encoder.encode(passage, {.task = task::retrieval_passage}));
  // [/tasks]
  return ts::cosine_similarity(asked, found);
}

inline ts::result<std::size_t> mapped(const char* directory) {
  // [mapped]
  TESSERA_TRY(const auto encoder, ts::load<ts::minilm_l6<>>(directory, {.token_table = ts::table_storage::mapped}));
  const std::size_t held = encoder.memory_bytes(ts::table_storage::mapped);  // bytes of memory: half of what copying takes
  const std::size_t in_file = encoder.mapped_bytes();                        // bytes of the file that rows are read from
  // [/mapped]
  return held + in_file;
}

// [with_model]
constexpr auto known = boost::hana::tuple_t<ts::minilm_l6<>, ts::bge_small_en<>, ts::jina_v3<ts::bf16>>;

inline ts::result<float> likeness(const char* directory, std::string_view a, std::string_view b) {
  return ts::with_model(directory, known, [&](const auto& encoder) -> ts::result<float> {  // compiled for each of the three
    TESSERA_TRY(const auto first, encoder.encode(a));
    TESSERA_TRY(const auto second, encoder.encode(b));
    return ts::cosine_similarity(first, second);
  });
}
// [/with_model]

// [adapters]
using my_layer = ts::encoder_layer<256, ts::heads<8>, ts::feed_forward<1024, ts::gelu, ts::adapters<3, 8>>,  // three of rank 8
                                   ts::layer_norm<256>, ts::rotary<32>, ts::adapters<3, 8>>;
using my_model = ts::model<ts::space<"my_tasks", 256, ts::pooling::mean>, ts::token_embedding<32'000, 256>, ts::layer_norm<256>,
                           ts::repeat<6, my_layer>, ts::pool<ts::pooling::mean>>;
static_assert(my_model::graph::adapters == 3);
// [/adapters]

}  // namespace docs
