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

#include <optional>
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
  /// The sizes that every encoder of BERT's spelling has.
  template <class Shape>
  void encoder_sizes(Shape& shape) {
    size("vocab_size", shape.vocabulary);
    size("num_hidden_layers", shape.layers, most_layers);
    size("hidden_size", shape.width);
    size("num_attention_heads", shape.heads);
    size("intermediate_size", shape.inner);
    size("max_position_embeddings", shape.positions);
  }
  /// A whole number from 0 on, `value` where the key is absent.
  void index_or(std::string_view key, std::size_t& value, std::size_t limit = most) {
    const auto member = config_.find(key);
    if (!member || member->is_null()) return;
    const auto number = member->integral();
    if (!number) return add(number.error());
    if (*number < 0 || static_cast<std::uint64_t>(*number) > limit)
      return add(member->mismatch("0 to " + std::to_string(limit), std::to_string(*number)));
    value = static_cast<std::size_t>(*number);
  }
  /// Error where transformers 5's layer_types, if present, says otherwise than is_local(i) for one of `layers` layers.
  template <class IsLocal>
  void layer_types(const IsLocal& is_local, std::size_t layers) {
    const auto list = config_.find("layer_types");
    if (!list || list->is_null()) return;
    const auto types = list->elements();
    if (!types) return add(types.error());
    if (types->size() != layers)
      return add(list->mismatch(std::to_string(layers) + " types (num_hidden_layers)", std::to_string(types->size())));
    std::size_t i = 0;
    for (const json_value type : *types) {
      const std::string_view wanted = is_local(i++) ? "sliding_attention" : "full_attention";
      const auto found = type.get<std::string_view>();
      if (!found) return add(found.error());
      if (*found != wanted) return add(type.unsupported(tessera::quoted(wanted) + " in this place", tessera::quoted(*found)));
    }
  }
  /// The number of the first layer that layer_types calls full, or of layers where none is; nothing without layer_types.
  [[nodiscard]] std::optional<std::size_t> first_full_layer() const {
    const auto list = config_.find("layer_types");
    if (!list || list->is_null()) return std::nullopt;
    const auto types = list->elements();
    if (!types) return std::nullopt;
    std::size_t i = 0;
    for (const json_value type : *types) {
      if (const auto name = type.get<std::string_view>(); name && *name == "full_attention") return i;
      ++i;
    }
    return i;
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
  /// A number above 0, `value` where the key is absent.
  void positive(std::string_view key, double& value) {
    if (const auto member = config_.find(key); member && !member->is_null()) read_positive(*member, value);
  }
  /// True or false, `value` where the key is absent.
  void flag(std::string_view key, bool& value) {
    const auto member = config_.find(key);
    if (!member || member->is_null()) return;
    const auto found = member->get<bool>();
    if (found) value = *found;
    else add(found.error());
  }
  /// The base of rotary positions in either spelling: `key` of old, or rope_parameters[.kind].rope_theta. Types other than "default" are
  /// an error.
  void rotary_base(std::string_view key, std::string_view kind, double& value) {
    positive(key, value);
    auto parameters = config_.find("rope_parameters");
    if (parameters && !parameters->is_null() && !kind.empty()) parameters = parameters->find(kind);
    if (!parameters || parameters->is_null()) return;
    if (const auto type = parameters->find("rope_type"); type && !type->is_null()) {
      const auto name = type->get<std::string_view>();
      if (!name) return add(name.error());
      if (*name != "default") return add(type->unsupported("\"default\"", tessera::quoted(*name)));
    }
    if (const auto theta = parameters->find("rope_theta"); theta && !theta->is_null()) read_positive(*theta, value);
  }
  /// Error where the key holds anything but null.
  void absent(std::string_view key) {
    if (const auto member = config_.find(key); member && !member->is_null()) add(member->unsupported("null", member->description()));
  }
  [[nodiscard]] json_value config() const noexcept { return config_; }
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
  /// Error where `value` is not below `limit`; silent where one of them was in error already.
  void below(std::string_view key, std::size_t value, std::string_view limit_key, std::size_t limit) {
    if (!problems_.empty() || value < limit) return;
    add({.code = error_code::mismatch,
         .thing = std::string(key),
         .wanted = "less than " + std::string(limit_key) + " (" + std::to_string(limit) + ")",
         .found = std::to_string(value),
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
  void read_positive(json_value member, double& value) {
    const auto number = member.get<double>();
    if (!number) return add(number.error());
    if (!(*number > 0.0 && *number < 1e15)) return add(member.mismatch("a number above 0", member.description()));
    value = *number;
  }
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

}  // namespace tessera::inline TESSERA_ABI
