// SPDX-License-Identifier: Apache-2.0
/// Reads the numbers of a config.json and gathers everything that is wrong with them into one error.
///
///     config_reader reader(config);
///     reader.size("hidden_size", shape.width);
///     TESSERA_CHECK(reader.finish("config.json of a BERT"));
#pragma once

#include <tessera/io/json.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/model/directory.hpp>

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class config_reader {
 public:
  /// No size of a published model comes near these; a file that exceeds them is damaged, and nothing is allocated for it.
  static constexpr std::size_t most = 100'000'000;
  static constexpr std::size_t most_layers = 4096;

  explicit config_reader(json_value config) noexcept : config_(config) {}

  /// A needed whole number from 1 to `limit`.
  void size(std::string_view key, std::size_t& value, std::size_t limit = most) {
    const auto member = config_.at(key);
    if (!member) return add(member.error());
    read_size(*member, value, limit);
  }
  /// The same, keeping `value` where the key is absent.
  void size_or(std::string_view key, std::size_t& value, std::size_t limit = most) {
    if (const auto member = config_.find(key); member && !member->is_null()) read_size(*member, value, limit);
  }
  /// A needed activation by its name.
  void activation(std::string_view key, kernel::activation& value) {
    const auto member = config_.at(key);
    if (!member) return add(member.error());
    const auto name = member->get<std::string_view>();
    if (!name) return add(name.error());
    const auto found = activation_from_name(*name);
    if (!found) return add(member->mismatch("a known activation (gelu, gelu_new, relu, silu, tanh, ...)", tessera::quoted(*name)));
    value = *found;
  }
  /// A number from 0 to 1, `value` where the key is absent.
  void epsilon(std::string_view key, double& value) {
    const auto member = config_.find(key);
    if (!member || member->is_null()) return;
    const auto number = member->get<double>();
    if (!number) return add(number.error());
    if (!(*number >= 0.0 && *number <= 1.0)) return add(member->mismatch("a number from 0 to 1", member->description()));
    value = *number;
  }
  /// Error where the key is present with another value: what the architecture does not implement.
  template <class T>
  void only(std::string_view key, T wanted) {
    const auto member = config_.find(key);
    if (!member || member->is_null()) return;
    using value = std::conditional_t<std::is_convertible_v<T, std::string_view>, std::string_view, T>;
    const auto found = member->get<value>();
    if (!found) return add(found.error());
    if (*found == value(wanted)) return;
    if constexpr (std::is_same_v<value, bool>) add(member->mismatch(wanted ? "true" : "false", wanted ? "false" : "true"));
    else add(member->mismatch(tessera::quoted(wanted), member->description()));
  }
  /// Error where `part` does not divide `whole`; silent where one of them was in error already.
  void divides(std::string_view part_key, std::size_t part, std::string_view whole_key, std::size_t whole) {
    if (!problems_.empty() || (part != 0 && whole % part == 0)) return;
    add({.code = error_code::mismatch,
         .thing = std::string(part_key),
         .wanted = "a divisor of " + std::string(whole_key) + " (" + std::to_string(whole) + ")",
         .found = std::to_string(part),
         .path = std::string(config_.path())});
  }
  void add(error problem) { problems_.push_back(std::move(problem)); }

  /// The one error, or nothing.
  [[nodiscard]] result<> finish(std::string_view thing) {
    if (problems_.empty()) return {};
    if (problems_.size() == 1) return fail(std::move(problems_.front()));
    return fail({.code = error_code::mismatch,
                 .thing = std::string(thing),
                 .found = std::to_string(problems_.size()) + " problems",
                 .path = std::string(config_.path()),
                 .causes = std::move(problems_)});
  }

 private:
  void read_size(json_value member, std::size_t& value, std::size_t limit) {
    const auto number = member.integral();
    if (!number) return add(number.error());
    if (*number < 1 || static_cast<std::uint64_t>(*number) > limit)
      return add(member.mismatch("1 to " + std::to_string(limit), std::to_string(*number)));
    value = static_cast<std::size_t>(*number);
  }

  json_value config_;
  std::vector<error> problems_;
};

namespace detail {

/// The shortest text that reads back as this number: "1e-12".
[[nodiscard]] inline std::string shortest(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end.ptr);
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
