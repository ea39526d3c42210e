// SPDX-License-Identifier: Apache-2.0
/// Calls a built program as a person would, and keeps what it says.
#pragma once

#include <tests/support/fixtures.hpp>
#include <tests/support/result.hpp>

#include <tessera/io/safetensors.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <sys/wait.h>

namespace tessera_tests {

namespace ts = tessera;

struct answer {
  int status = -1;
  std::string out;
  std::string err;
};

[[nodiscard]] inline std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// Runs a command of these words.
[[nodiscard]] inline answer call(const std::vector<std::string>& words) {
  const scratch_directory scratch;
  std::string command;
  for (const std::string& word : words) command += shell_quoted(word) + ' ';
  command += "> " + shell_quoted((scratch / "out").string()) + " 2> " + shell_quoted((scratch / "err").string()) + " < /dev/null";
  const int status = std::system(command.c_str());
  REQUIRE(WIFEXITED(status));
  return {.status = WEXITSTATUS(status), .out = read_file(scratch / "out"), .err = read_file(scratch / "err")};
}
/// One of ours, by its name.
[[nodiscard]] inline answer program(const std::string& name, const std::vector<std::string>& words) {
  std::vector<std::string> command{TESSERA_PROGRAMS "/" + name};
  for (const std::string& word : words) command.push_back(word);
  return call(command);
}

[[nodiscard]] inline std::vector<float> floats_of(const ts::safetensors& file, std::string_view name) {
  const ts::tensor_view tensor = value_of(file.at(name));
  std::vector<float> values(ts::element_count(tensor));
  succeed(ts::read_f32(tensor, values));
  return values;
}

/// The largest difference of `name` in one and `other_name`, the same where it is empty, in the other; infinity where the shapes differ or a number is none.
[[nodiscard]] inline double distance_of(const ts::safetensors& one, const ts::safetensors& other, std::string_view name,
                                        std::string_view other_name = {}) {
  if (other_name.empty()) other_name = name;
  const ts::tensor_view a = value_of(one.at(name));
  const ts::tensor_view b = value_of(other.at(other_name));
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!std::ranges::equal(a.shape, b.shape)) return infinity;
  const std::vector<float> x = floats_of(one, name);
  const std::vector<float> y = floats_of(other, other_name);
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double difference = std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i]));
    if (!(difference <= most)) most = std::isnan(difference) ? infinity : difference;
  }
  return most;
}

}  // namespace tessera_tests
