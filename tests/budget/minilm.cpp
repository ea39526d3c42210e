// SPDX-License-Identifier: Apache-2.0
// A user of tessera::compiled that declares, loads and runs MiniLM, and compares two vectors of its.
#include <tessera/model/minilm.hpp>
#include <tessera/op/distance.hpp>

namespace ts = tessera;

ts::result<float> similarity(std::string_view directory, std::string_view a, std::string_view b) {
  TESSERA_TRY(const auto encoder, ts::load<ts::minilm_l6<>>(directory));
  TESSERA_TRY(const auto rows, encoder.encode({a, b}));
  return ts::cosine_similarity(rows[0], rows[1]);
}
