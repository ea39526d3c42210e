// SPDX-License-Identifier: Apache-2.0
// An outside program that reads: one translation unit of two (with distance.cpp's main), from the io component.
#include <tessera/io/json.hpp>
#include <tessera/io/sha256.hpp>

#include <cstdio>

namespace ts = tessera;

int main() {
  const auto document = ts::parse_json(R"({"hidden_size": 384})", "config.json");
  if (!document) return 1;
  const auto broken = ts::parse_json("{", "config.json");
  if (broken) return 2;
  std::printf("%s\n", broken.error().message().c_str());
  return 0;
}
