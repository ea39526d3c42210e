// SPDX-License-Identifier: Apache-2.0
/// An immutable JSON document and cheap handles to its values; every getter's error names the file and the key path.
///
///     TESSERA_TRY(const ts::json config, ts::read_json("model/config.json"));
///     TESSERA_TRY(const auto width, config.root().get<std::uint32_t>("hidden_size"));
///     // config.json: hidden_size: wanted an unsigned integer, found a string
///     TESSERA_TRY(const auto vocabulary, config.root().members());
///     for (const auto& [key, value] : vocabulary) ...           // in file order
///
/// RFC 8259 read strictly: valid UTF-8, no byte order mark, no lone surrogates, nesting at most `json::max_depth`, and
/// no key twice in one object anywhere (readers disagree which of two wins). Integers of 64 bits are exact.
#pragma once

#include <tessera/base/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// What a value is; `integer` holds every number written without fraction and exponent that fits int64 or uint64.
enum class json_kind : std::uint8_t { null, boolean, integer, real, string, array, object };

/// "null", "a boolean", "an integer", "a number", "a string", "an array", "an object".
[[nodiscard]] std::string_view to_string(json_kind kind) noexcept;

namespace detail {

/// One value: 24 bytes in document order; an array or object is followed by its children and knows where they end.
struct json_node {
  std::uint64_t
      bits;  // integer, real or boolean as bits; string: offset, length; container: end node, count (32 bits each)
  std::uint32_t key_offset;  // the member's name within the text, where the parent is an object
  std::uint32_t key_length;
  json_kind kind;
  bool above_int64;  // an integer that only uint64 holds

  [[nodiscard]] std::uint32_t low() const noexcept { return static_cast<std::uint32_t>(bits); }
  [[nodiscard]] std::uint32_t high() const noexcept { return static_cast<std::uint32_t>(bits >> 32U); }
};

struct json_tape {
  std::string path;
  std::string text;  // all strings and keys, unescaped
  std::vector<json_node> nodes;

  [[nodiscard]] std::string_view slice(std::uint32_t offset, std::uint32_t length) const noexcept {
    return std::string_view(text).substr(offset, length);
  }
  [[nodiscard]] std::uint32_t next(std::uint32_t node) const noexcept {
    const json_node& n = nodes[node];
    return n.kind == json_kind::array || n.kind == json_kind::object ? n.low() : node + 1;
  }
};

}  // namespace detail

template <class T>
concept json_readable = std::same_as<T, bool> || std::integral<T> || std::floating_point<T> ||
    std::same_as<T, std::string_view> || std::same_as<T, std::string>;

class json_value;
struct json_member;
template <class Item>
class json_range;
using json_elements = json_range<json_value>;
using json_members = json_range<json_member>;

/// A value within a `json`, valid as long as the document lives (moving the document keeps it valid). 16 bytes, copied
/// freely.
class json_value {
 public:
  json_value(const detail::json_tape& tape, std::uint32_t node) noexcept : tape_(&tape), node_(node) {}

  [[nodiscard]] json_kind kind() const noexcept { return node().kind; }
  [[nodiscard]] bool is_null() const noexcept { return kind() == json_kind::null; }
  [[nodiscard]] bool is_string() const noexcept { return kind() == json_kind::string; }
  [[nodiscard]] bool is_number() const noexcept { return kind() == json_kind::integer || kind() == json_kind::real; }
  [[nodiscard]] bool is_array() const noexcept { return kind() == json_kind::array; }
  [[nodiscard]] bool is_object() const noexcept { return kind() == json_kind::object; }

  /// Elements of an array, members of an object, else 0.
  [[nodiscard]] std::size_t size() const noexcept { return is_array() || is_object() ? node().high() : 0; }

  /// The value as T: bool; an integer type (range checked; written without fraction); a floating type (from any
  /// number); std::string_view (into the document) or std::string. Error: mismatch, with the key path, wanted and
  /// found.
  template <json_readable T>
  [[nodiscard]] result<T> get() const;

  /// The member `key` as T. Errors: those of `at` and `get`.
  template <json_readable T>
  [[nodiscard]] result<T> get(std::string_view key) const {
    TESSERA_TRY(const json_value member, at(key));
    return member.get<T>();
  }
  /// The member `key` as T, or `otherwise` where the key is absent or its value null. Any other kind is an error.
  template <json_readable T>
  [[nodiscard]] result<T> get_or(std::string_view key, T otherwise) const {
    TESSERA_CHECK(expect(json_kind::object));
    const auto member = find(key);
    if (!member || member->is_null()) return otherwise;
    return member->get<T>();
  }
  /// The member `key` as T, or nothing where the key is absent or its value null.
  template <json_readable T>
  [[nodiscard]] result<std::optional<T>> get_optional(std::string_view key) const {
    TESSERA_CHECK(expect(json_kind::object));
    const auto member = find(key);
    if (!member || member->is_null()) return std::optional<T>();
    TESSERA_TRY(T value, member->get<T>());
    return std::optional<T>(std::move(value));
  }

  /// An integer, also where it is written as a real without fraction (512.0, 1e3) of at most 2^53. Error: mismatch.
  [[nodiscard]] result<std::int64_t> integral() const;

  /// The member `key`; nothing where it is absent or this is no object. Linear in the members: iterate large objects.
  [[nodiscard]] std::optional<json_value> find(std::string_view key) const noexcept;
  /// The member `key`. Errors: mismatch (no object), not_found.
  [[nodiscard]] result<json_value> at(std::string_view key) const;

  /// The members of an object in file order. Error: mismatch.
  [[nodiscard]] result<json_members> members() const;
  /// The elements of an array. Error: mismatch.
  [[nodiscard]] result<json_elements> elements() const;

  /// Nothing, or the error "wanted an object, found a string" located at this value.
  [[nodiscard]] result<> expect(json_kind wanted) const;
  /// Where this value stands, as `model.vocab` or `added_tokens[3].id`; empty for the root. Linear: for messages.
  [[nodiscard]] std::string key_path() const;
  /// A mismatch located here: for checks of the caller's own ("wanted a multiple of 8").
  [[nodiscard]] error mismatch(std::string wanted, std::string found = {}) const;
  /// The same for a legal request that the caller does not serve: code `unsupported`.
  [[nodiscard]] error unsupported(std::string wanted, std::string found = {}) const {
    error failure = mismatch(std::move(wanted), std::move(found));
    failure.code = error_code::unsupported;
    return failure;
  }
  /// What stands here, for messages: "a string", "the integer 7", "the string \"relu\"".
  [[nodiscard]] std::string description() const;
  /// The file that the document came from.
  [[nodiscard]] std::string_view path() const noexcept { return tape_->path; }

 private:
  template <class Item>
  friend class json_range;

  [[nodiscard]] const detail::json_node& node() const noexcept { return tape_->nodes[node_]; }
  [[nodiscard]] std::string_view key() const noexcept { return tape_->slice(node().key_offset, node().key_length); }
  [[nodiscard]] result<bool> boolean() const;
  [[nodiscard]] result<std::int64_t> signed_within(std::int64_t lowest, std::int64_t highest) const;
  [[nodiscard]] result<std::uint64_t> unsigned_up_to(std::uint64_t highest) const;
  [[nodiscard]] result<double> real() const;
  [[nodiscard]] result<std::string_view> string() const;

  const detail::json_tape* tape_;
  std::uint32_t node_;
};

static_assert(std::is_trivially_copyable_v<json_value> && sizeof(json_value) <= 2 * sizeof(void*));

/// A member of an object.
struct json_member {
  std::string_view key;
  json_value value;
};

/// The elements of an array (`json_value`) or the members of an object (`json_member`), in file order; a forward range.
template <class Item>
class json_range {
 public:
  class iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    iterator(const detail::json_tape* tape, std::uint32_t node) noexcept : tape_(tape), node_(node) {}
    [[nodiscard]] Item operator*() const noexcept {
      const json_value value(*tape_, node_);
      if constexpr (std::same_as<Item, json_member>) return {value.key(), value};
      else return value;
    }
    iterator& operator++() noexcept {
      node_ = tape_->next(node_);
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator old = *this;
      ++*this;
      return old;
    }
    [[nodiscard]] bool operator==(const iterator&) const = default;

   private:
    const detail::json_tape* tape_ = nullptr;
    std::uint32_t node_ = 0;
  };

  explicit json_range(json_value container) noexcept : container_(container) {}
  [[nodiscard]] iterator begin() const noexcept { return {container_.tape_, container_.node_ + 1}; }
  [[nodiscard]] iterator end() const noexcept { return {container_.tape_, container_.node().low()}; }
  [[nodiscard]] std::size_t size() const noexcept { return container_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

 private:
  json_value container_;
};

/// A parsed document. Move-only; owns everything its values refer to.
class json {
 public:
  /// Arrays and objects within each other; deeper is an error before anything is built.
  static constexpr std::size_t max_depth = 64;

  [[nodiscard]] json_value root() const noexcept { return {*tape_, 0}; }
  [[nodiscard]] std::string_view path() const noexcept { return tape_->path; }

 private:
  friend result<json> parse_json(std::string_view text, std::string_view path, std::uint64_t base);
  explicit json(std::unique_ptr<const detail::json_tape> tape) noexcept : tape_(std::move(tape)) {}

  std::unique_ptr<const detail::json_tape> tape_;
};

/// Parses `text`; `path` only names it in errors, and `base` is the place of the text within that file.
/// Errors: malformed with the byte or the key path (also for duplicate keys, depth, UTF-8), out_of_memory.
[[nodiscard]] result<json> parse_json(std::string_view text, std::string_view path = {}, std::uint64_t base = 0);
/// Maps and parses the file at `path`. Errors: those of `mapped_file::open` and `parse_json`.
[[nodiscard]] result<json> read_json(std::string_view path);

template <json_readable T>
result<T> json_value::get() const {
  if constexpr (std::same_as<T, bool>) {
    return boolean();
  } else if constexpr (std::unsigned_integral<T>) {
    TESSERA_TRY(const std::uint64_t value, unsigned_up_to(std::numeric_limits<T>::max()));
    return static_cast<T>(value);
  } else if constexpr (std::integral<T>) {
    TESSERA_TRY(const std::int64_t value, signed_within(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    return static_cast<T>(value);
  } else if constexpr (std::floating_point<T>) {
    TESSERA_TRY(const double value, real());
    return static_cast<T>(value);
  } else {
    TESSERA_TRY(const std::string_view value, string());
    return T(value);
  }
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/json-inl.hpp>
#endif
