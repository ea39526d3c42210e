// SPDX-License-Identifier: Apache-2.0
/// The lines of a .jsonl file. A line ends at LF only: U+0085, U+2028 and other control characters may stand raw inside a text, also
/// those that strict JSON wants escaped.
#pragma once

#include <tessera/io/json.hpp>
#include <tessera/io/mapped_file.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace programs {

/// `line` with the control characters inside its strings escaped.
[[nodiscard]] inline std::string with_escaped_controls(std::string_view line) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string made;
  bool inside = false;
  bool escaped = false;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (inside && !escaped && byte < 0x20) {
      made += "\\u00";
      made += digits[byte >> 4U];
      made += digits[byte & 15U];
      continue;
    }
    if (c == '"' && !escaped) inside = !inside;
    escaped = inside && !escaped && c == '\\';
    made += c;
  }
  return made;
}

/// Calls `each(object, place)` for every line of the file at `path`; `place` is "PATH line N" and stands in the errors of the object.
template <class Each>
[[nodiscard]] tessera::result<> for_each_line(const std::string& path, Each&& each) {
  TESSERA_TRY(const tessera::mapped_file file, tessera::mapped_file::open(path));
  std::size_t number = 0;
  for (std::string_view rest = file.text(); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string place = path + " line " + std::to_string(++number);
    const bool controls = std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    TESSERA_TRY(const tessera::json parsed, tessera::parse_json(controls ? std::string_view(with_escaped_controls(line)) : line, place));
    TESSERA_CHECK(each(parsed.root(), place));
  }
  return {};
}

}  // namespace programs
