// SPDX-License-Identifier: Apache-2.0
/// What a translation unit says about the Tessera it sees. No Tessera header: main.cpp must not choose a way itself.
#pragma once

#include <string>
#include <vector>

struct part_report {
  std::string abi;                    ///< the inline namespace: v0, v0c, v0s_...
  const void* table;                  ///< the kernels this part uses
  std::string target;                 ///< their name
  std::vector<std::string> available; ///< all targets it could use
  float dot;                          ///< 1·1 + 2·2 + ... + 100·100, exact in f32
  std::string message;                ///< of an error, from a non-template function
};

part_report part_inline_a();
part_report part_inline_b();
part_report part_compiled_a();
part_report part_compiled_b();
part_report part_static_a();
part_report part_static_b();
part_report part_static_avx2();
