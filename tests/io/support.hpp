// SPDX-License-Identifier: Apache-2.0
/// What the tests of the readers share: damaged copies of bytes, the manifest of the damaged files.
#pragma once

#include <tests/support/catch.hpp>
#include <tests/support/fixtures.hpp>
#include <tests/support/result.hpp>

#include <tessera/io/json.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera_tests {

/// A copy that ends where its allocation ends, so that the address sanitizer sees every byte read beyond it.
class exact_bytes {
 public:
  explicit exact_bytes(std::string_view text) : size_(text.size()), data_(new std::byte[text.size()]) {
    if (!text.empty()) std::memcpy(data_.get(), text.data(), text.size());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data_.get()), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> data_;
};

/// Calls `use(text, position)` for every proper prefix.
template <class Use>
void each_truncation(std::string_view whole, Use use) {
  for (std::size_t length = 0; length < whole.size(); ++length) use(whole.substr(0, length), length);
}
/// Calls `use(text, position)` with every byte changed in turn: each single bit flipped, all bits flipped, 0 and 255.
template <class Use>
void each_flip(std::string_view whole, Use use) {
  std::string text(whole);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto old = static_cast<unsigned char>(text[i]);
    for (unsigned bit = 0; bit < 8; ++bit) {
      text[i] = static_cast<char>(old ^ (1U << bit));
      use(std::string_view(text), i);
    }
    for (const unsigned other : {old ^ 0xffU, 0U, 255U}) {
      text[i] = static_cast<char>(other);
      use(std::string_view(text), i);
    }
    text[i] = static_cast<char>(old);
  }
}

/// The number that the fixtures write as a number or as "inf", "-inf", "nan".
inline double number_of(tessera::json_value value) {
  if (const auto word = value.get<std::string>()) return std::stod(*word);
  return value_of(value.get<double>());
}
/// All numbers of a value that is a number or arrays within arrays, in row-major order.
inline void append_numbers(tessera::json_value value, std::vector<double>& out) {
  if (!value.is_array()) return out.push_back(number_of(value));
  for (const tessera::json_value element : value_of(value.elements())) append_numbers(element, out);
}
inline std::vector<double> numbers_of(tessera::json_value value) {
  std::vector<double> out;
  append_numbers(value, out);
  return out;
}

}  // namespace tessera_tests
