// SPDX-License-Identifier: Apache-2.0
/// What the programs that are driven line by line share: ready tokens under names, and vectors as a line of numbers.
#pragma once

#include <tessera/graph/batch.hpp>
#include <tessera/type/matrix.hpp>

#include <map>
#include <sstream>
#include <string>

namespace tessera_bench {

class workloads {
 public:
  /// Reads "TEXTS LENGTH ID ... LENGTH ID ...", one text after the other; "ok" or an error.
  [[nodiscard]] std::string read(const std::string& name, std::istringstream& line) {
    tessera::token_batch_builder& batch = by_name_[name];
    batch.clear();
    std::size_t texts = 0;
    line >> texts;
    for (std::size_t i = 0; i < texts; ++i) {
      std::size_t length = 0;
      line >> length;
      for (std::size_t t = 0; t < length; ++t) {
        std::uint32_t id = 0;
        line >> id;
        batch.add_token(id, static_cast<std::uint32_t>(t), 0);
      }
      batch.end_text();
    }
    return line ? "ok" : "error: too few numbers for workload " + name;
  }
  /// Null where nothing has that name.
  [[nodiscard]] const tessera::token_batch_builder* find(const std::string& name) const {
    const auto place = by_name_.find(name);
    return place == by_name_.end() ? nullptr : &place->second;
  }

 private:
  std::map<std::string, tessera::token_batch_builder> by_name_;
};

/// All rows in one line, as precise as they are; or the error.
template <class Space>
[[nodiscard]] std::string line_of(const tessera::result<tessera::embedding_matrix<Space>>& vectors) {
  if (!vectors) return "error: " + vectors.error().message();
  std::ostringstream out;
  out.precision(9);
  for (std::size_t i = 0; i < vectors->rows(); ++i)
    for (const float x : vectors->row(i).values()) out << x << ' ';
  return out.str();
}

}  // namespace tessera_bench
