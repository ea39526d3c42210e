// SPDX-License-Identifier: Apache-2.0
/// The header that declares the type of a model directory: what tools/model-type prints and tools/run-model compiles.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/model/description.hpp>
#include <tessera/model/families.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace programs {

namespace ts = tessera;

/// The pooling of a name on the command line. Error: invalid_argument, listing the known ones.
[[nodiscard]] inline ts::result<ts::pooling> pooling_option(std::string_view name) {
  if (const auto mode = ts::pooling_from_name(name)) return *mode;
  std::string known;
  for (const ts::pooling mode : ts::all_poolings) known += (known.empty() ? "" : ", ") + std::string(to_string(mode));
  return ts::fail({.code = ts::error_code::invalid_argument,
                   .thing = "--pooling",
                   .wanted = "one of " + known,
                   .found = ts::quoted(name)});
}

/// The pooling for the type of a directory: what modules.json says, else the name asked for, else mean. Error: mismatch where both
/// speak and disagree.
[[nodiscard]] inline ts::result<ts::pooling> pooling_of(const ts::model_directory& directory, std::string_view asked) {
  if (asked.empty()) return directory.pooling_mode.value_or(ts::pooling::mean);
  TESSERA_TRY(const ts::pooling mode, pooling_option(asked));
  if (directory.pooling_mode.value_or(mode) == mode) return mode;
  return ts::fail({.code = ts::error_code::mismatch,
                   .thing = "--pooling",
                   .wanted = std::string(to_string(*directory.pooling_mode)) + ", as modules.json says",
                   .found = std::string(to_string(mode)),
                   .path = directory.path});
}

/// The directory's own name: that of its model's space.
[[nodiscard]] inline std::string name_of(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path place = std::filesystem::weakly_canonical(path, ignored);
  return (place.has_filename() ? place : place.parent_path()).filename().string();
}

/// A type broken into lines at its arguments of namespace tessera.
[[nodiscard]] inline std::string in_lines(std::string_view type, std::size_t columns = 110) {
  constexpr std::string_view place = ", tessera::";
  std::string lines;
  while (type.size() > columns) {
    const std::size_t cut = type.rfind(place, columns);
    if (cut == std::string_view::npos || cut == 0) break;
    lines += std::string(type.substr(0, cut + 1)) + "\n    ";
    type.remove_prefix(cut + 2);
  }
  return lines.append(type);
}

/// `using model_type = tessera::bert<...>;` with the header that it needs.
[[nodiscard]] inline std::string model_header(const ts::model_description& model, std::string_view name, ts::pooling mode,
                                              std::string_view weights = ts::f32::label) {
  return "// Printed by tools/model-type.\n#pragma once\n\n#include <tessera/model/" + std::string(model.encoder.family) +
         (model.rerank ? "_reranker" : "") + ".hpp>\n\nusing model_type =\n    " + in_lines(ts::type_text(model, name, mode, weights)) + ";\n";
}

}  // namespace programs
