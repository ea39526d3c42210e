// SPDX-License-Identifier: Apache-2.0
/// Runs texts piece by piece, as inc_chunk_lengths cuts them, and writes what the cached path gives: states, the first layer's keys and
/// values, and the logits of the last token where they are asked for.
#pragma once

#include <tessera/io/safetensors.hpp>
#include <tools/programs/run-model/any_model.hpp>
#include <tools/programs/run-model/outputs.hpp>
#include <tools/programs/run-model/scores.hpp>

#include <numeric>

namespace programs {

[[nodiscard]] inline ts::result<> run_chunks(const any_model& model, const std::optional<logit_table>& table,
                                             const ts::safetensors& file, const std::vector<std::string>& names,
                                             outputs& into) {
  const auto read = [&](std::string_view name) -> ts::result<std::vector<std::int64_t>> {
    TESSERA_TRY(const ts::tensor_view tensor, file.at(name));
    std::vector<std::int64_t> values(ts::element_count(tensor));
    TESSERA_CHECK(ts::read_i64(tensor, values));
    return values;
  };
  TESSERA_TRY(const auto ids, read("inc_input_ids"));
  TESSERA_TRY(const auto lengths, read("inc_chunk_lengths"));
  TESSERA_TRY(const ts::tensor_view shape, file.at("inc_input_ids"));
  const std::int64_t whole = std::reduce(lengths.begin(), lengths.end());
  if (shape.shape.size() != 2 || whole < 0 || shape.shape[1] != static_cast<std::size_t>(whole) ||
      std::ranges::any_of(lengths, [](auto n) { return n < 0; }))
    return ts::fail({.code = ts::error_code::mismatch,
                     .thing = "inc_chunk_lengths",
                     .wanted = "lengths that add up to the columns of inc_input_ids",
                     .found = "others",
                     .path = std::string(file.path())});
  const std::size_t rows = shape.shape[0], columns = shape.shape[1], width = model.token_width();
  std::vector<float>& states = into.add("inc_last_hidden_state", {rows, columns, width});
  std::vector<float> last(rows * width);
  std::vector<float>*keys = nullptr, *values = nullptr;
  for (std::size_t row = 0; row < rows; ++row) {
    TESSERA_TRY(ts::text_cache text, model.start(columns));
    for (const std::int64_t length : lengths) {
      const std::size_t first = text.length();
      std::vector<std::uint32_t> piece;
      for (std::size_t i = 0; i < static_cast<std::size_t>(length); ++i)
        piece.push_back(static_cast<std::uint32_t>(ids[row * columns + first + i]));
      TESSERA_TRY(const auto made, model.extend(text, piece));
      std::copy_n(made.data(), made.size(), states.data() + (row * columns + first) * width);
    }
    if (columns > 0)
      std::copy_n(states.data() + (row * columns + columns - 1) * width, width, last.data() + row * width);
    if (text.layers() == 0) continue;
    // [rows, heads, columns, width of a head]
    const std::size_t heads = text.shape(0).kv_heads, head = text.shape(0).head_width;
    if (keys == nullptr) {
      keys = &into.add("inc_cache_keys_layer0", {rows, heads, columns, head});
      values = &into.add("inc_cache_values_layer0", {rows, heads, columns, head});
    }
    std::vector<float> k(columns * heads * head), v(k.size());
    text.read(0, k.data(), v.data());
    for (std::size_t t = 0; t < columns; ++t)
      for (std::size_t h = 0; h < heads; ++h) {
        const std::size_t to = ((row * heads + h) * columns + t) * head;
        std::copy_n(k.data() + (t * heads + h) * head, head, keys->data() + to);
        std::copy_n(v.data() + (t * heads + h) * head, head, values->data() + to);
      }
  }
  return table ? table->add_logits(names, "inc_", rows, width, last, into) : ts::result<>();
}

}  // namespace programs
