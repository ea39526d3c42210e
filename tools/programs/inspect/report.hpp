// SPDX-License-Identifier: Apache-2.0
/// The lines that tools/inspect prints: facts under a label, lists of tensors, and errors as one sentence.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/io/tensor.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace programs {

namespace ts = tessera;

/// Text from a file for a terminal: as it is where it is printable, else quoted and escaped.
[[nodiscard]] inline std::string printable(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = ts::detail::utf8_length(rest);
    const auto byte = static_cast<unsigned char>(rest.front());
    const bool control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && static_cast<unsigned char>(rest[length == 2 ? 1 : 0]) < 0xa0);
    if (length == 0 || control) return ts::quoted(text);
    rest.remove_prefix(length);
  }
  return std::string(text);
}

/// 30522 -> "30,522".
[[nodiscard]] inline std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// "90.9 MB".
[[nodiscard]] inline std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units = {"kB", "MB", "GB", "TB"};
  if (bytes < 1000) return std::to_string(bytes) + " bytes";
  double amount = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; amount >= 999.95 && unit + 1 < units.size(); ++unit) amount /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", amount, units[unit]);
  return text;
}

/// "1 tensor", "2 tensors".
[[nodiscard]] inline std::string count_of(std::uint64_t count, std::string_view thing) {
  return grouped(count) + ' ' + std::string(thing) + (count == 1 ? "" : "s");
}
[[nodiscard]] inline std::string count_of(std::uint64_t count, std::string_view thing, std::string_view things) {
  return grouped(count) + ' ' + std::string(count == 1 ? thing : things);
}

/// A failure on one line: the first differences of many, and how many more there are.
[[nodiscard]] inline std::string one_sentence(const ts::error& failure, std::size_t most = 6) {
  const std::string message = failure.message();
  std::string line;
  std::size_t pieces = 0;
  for (std::string_view rest = message; !rest.empty(); ++pieces) {
    const std::size_t end = std::min(rest.find("\n  "), rest.size());
    if (pieces <= most) line.append(pieces == 0 ? "" : pieces == 1 ? ": " : "; ").append(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 3, rest.size()));
  }
  if (pieces > most + 1) line += "; and " + std::to_string(pieces - most - 1) + " more";
  return line;
}

/// A tensor as it is listed.
struct listed_tensor {
  std::string_view name;
  std::string_view type;
  std::span<const std::size_t> shape;
  std::uint64_t bytes = 0;
};

[[nodiscard]] inline std::vector<listed_tensor> listed(std::span<const ts::tensor_view> tensors) {
  std::vector<listed_tensor> list;
  for (const ts::tensor_view& each : tensors) list.push_back({each.name, to_string(each.type), each.shape, each.bytes.size()});
  return list;
}

class report {
 public:
  /// `all`: lists are written in full.
  explicit report(bool all) noexcept : all_(all) {}

  void line(std::string_view text) { text_.append(text) += '\n'; }
  void fact(std::string_view label, std::string_view value) {
    text_.append(label);
    text_.append(label.size() < 14 ? 14 - label.size() : 1, ' ').append(value) += '\n';
  }

  /// Totals by type, then the tensors: those that differ only in a number of their names (a layer) as one line.
  void tensors(std::span<const listed_tensor> list) {
    struct total {
      std::uint64_t tensors = 0, values = 0, bytes = 0;
    };
    std::map<std::string_view, total> totals;
    for (const listed_tensor& each : list) {
      total& sum = totals[each.type];
      ++sum.tensors;
      sum.values += ts::element_count(each.shape);
      sum.bytes += each.bytes;
    }
    if (totals.empty()) fact("tensors", "none");
    for (const auto& [type, sum] : totals)
      fact(type, count_of(sum.tensors, "tensor") + ", " + count_of(sum.values, "value") + ", " + bytes_text(sum.bytes));
    struct group {
      const listed_tensor* first;
      std::string pattern;
      std::size_t count = 0;
    };
    std::vector<group> groups;
    std::map<std::string, std::size_t> places;
    for (const listed_tensor& each : list) {
      std::string pattern = all_ ? std::string(each.name) : numberless(each.name);
      std::string key = pattern + '\0' + std::string(each.type) + ts::shape_text(each.shape);
      const auto [place, fresh] = places.try_emplace(std::move(key), groups.size());
      if (fresh) groups.push_back({.first = &each, .pattern = std::move(pattern)});
      ++groups[place->second].count;
    }
    std::vector<std::string> names;
    std::size_t widest = 0;
    for (const group& each : groups) {
      names.push_back(printable(each.count == 1 ? each.first->name : std::string_view(each.pattern)));
      widest = std::max(widest, std::min<std::size_t>(names.back().size(), 80));
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
      std::string text = "  " + names[i];
      text.append(names[i].size() < widest ? widest - names[i].size() : 0, ' ').append("  ").append(groups[i].first->type);
      text.append(" ").append(ts::shape_text(groups[i].first->shape));
      if (groups[i].count > 1) text += " x " + std::to_string(groups[i].count);
      line(text);
    }
  }

  [[nodiscard]] bool all() const noexcept { return all_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  /// "encoder.layer.3.output.weight" -> "encoder.layer.N.output.weight".
  [[nodiscard]] static std::string numberless(std::string_view name) {
    std::string pattern;
    for (std::size_t begin = 0; begin <= name.size();) {
      const std::size_t end = std::min(name.find('.', begin), name.size());
      const std::string_view part = name.substr(begin, end - begin);
      const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
      pattern.append(begin == 0 ? "" : ".").append(number ? "N" : part);
      begin = end + 1;
    }
    return pattern;
  }

  std::string text_;
  bool all_;
};

/// One line for each tensor with NaN or infinity, at most eight. How many tensors have one.
inline std::size_t report_not_finite(std::span<const ts::tensor_view> tensors, report& into) {
  constexpr std::size_t most = 8;
  std::size_t count = 0;
  for (const ts::tensor_view& each : tensors) {
    const auto at = ts::first_not_finite(each);
    if (!at || !*at) continue;  // types that cannot be looked into are listed with their name
    if (count++ < most || into.all()) into.fact("not finite", printable(each.name) + '[' + std::to_string(**at) + "]: NaN or infinity");
  }
  if (count > most && !into.all()) into.fact("not finite", "and " + count_of(count - most, "more tensor"));
  return count;
}

}  // namespace programs
