// SPDX-License-Identifier: Apache-2.0
/// The demo's texts: a file of lines `name<TAB>text`, mapped and checked, whose digest tells whether an index is of these texts.
///
/// Lines end at LF (a CR before it is dropped), empty lines are skipped. Everything else that is not UTF-8 with a tab is an error
/// that names the line.
#pragma once

#include <tessera/base/fingerprint.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/text/utf8.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace demo {

namespace ts = tessera;

struct named_text {
  std::string_view name;
  std::string_view text;
};

class text_file {
 public:
  [[nodiscard]] static ts::result<text_file> open(std::string_view path) {
    text_file made;
    TESSERA_TRY(made.file_, ts::mapped_file::open(path));
    std::size_t number = 0;
    for (std::string_view rest = made.file_.text(); !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      ++number;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) continue;
      const std::string place = std::string(path) + " line " + std::to_string(number);
      if (auto valid = ts::check_utf8(line, "line"); !valid) return ts::fail(std::move(valid).error().in(place));
      const std::size_t tab = line.find('\t');
      if (tab == 0 || tab >= line.size() - 1)
        return ts::fail({.code = ts::error_code::malformed,
                         .thing = "line",
                         .wanted = "name<TAB>text",
                         .found = ts::quoted(line),
                         .path = place});
      made.texts_.push_back({line.substr(0, tab), line.substr(tab + 1)});
    }
    if (made.texts_.empty())
      return ts::fail({.code = ts::error_code::malformed,
                       .wanted = "lines of name<TAB>text",
                       .found = "none",
                       .path = std::string(path)});
    made.digest_ = ts::digest64(made.file_.bytes());
    return made;
  }

  [[nodiscard]] std::size_t size() const noexcept { return texts_.size(); }
  [[nodiscard]] const named_text& operator[](std::size_t i) const noexcept { return texts_[i]; }
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }
  [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }

 private:
  ts::mapped_file file_;
  std::vector<named_text> texts_;
  std::uint64_t digest_ = 0;
};

}  // namespace demo
