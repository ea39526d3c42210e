// SPDX-License-Identifier: Apache-2.0
// An outside program that declares MiniLM: needs tessera::model. With a model directory it also runs it.
#include <tessera/index/flat.hpp>
#include <tessera/model/minilm.hpp>

#include <cstdio>

namespace ts = tessera;
using model = ts::minilm_l6<>;

static_assert(model::parameter_count > 22'000'000 && model::space::dimension == 384);

int main(int argc, char** argv) {
  const auto nowhere = ts::load<model>("/nowhere/at/all");
  if (nowhere || nowhere.error().code != ts::error_code::not_found) return 1;
  std::printf("%s\n", nowhere.error().message().c_str());
  if (argc < 2) return 0;
  const auto encoder = ts::load<model>(argv[1]);
  if (!encoder) return 2;
  const auto vector = encoder->encode("a multi-track sound editor");
  ts::flat<model::space> index;
  if (!vector || !index.add(7, *vector)) return 3;
  const auto hits = index.search(*vector, 1);
  return hits && hits->size() == 1 && hits->front().id == 7 ? 0 : 4;
}
