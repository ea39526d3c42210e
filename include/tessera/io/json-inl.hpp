// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/json.hpp: simdjson parses and validates; its document is copied into a tape of our own, whose
/// nodes carry their key, so that handles are small, paths can be told, and simdjson stays out of the interface.
#pragma once

#include <tessera/io/json.hpp>
#include <tessera/io/json_fault-inl.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/io/quoted.hpp>

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI {

static_assert(json::max_depth == detail::json_deepest);

namespace detail {

/// Copies a simdjson document into a tape, refusing what simdjson lets through: duplicate keys and lone surrogates.
/// Only error codes of simdjson are used, so translation units with and without exceptions instantiate the same
/// functions.
class json_builder {
 public:
  explicit json_builder(json_tape& tape) noexcept : tape_(tape) {}

  /// Recursion is bounded: the parser was given json::max_depth.
  [[nodiscard]] result<> append(simdjson::dom::element element, std::string_view key) {
    const auto index = static_cast<std::uint32_t>(tape_.nodes.size());
    const std::uint32_t key_offset = store(key);
    tape_.nodes.push_back({0, key_offset, static_cast<std::uint32_t>(key.size()), json_kind::null, false});
    if (!whole(key)) return lone_surrogate(index);
    switch (element.type()) {
      case simdjson::dom::element_type::NULL_VALUE: break;
      case simdjson::dom::element_type::BOOL: set(index, json_kind::boolean, take<bool>(element) ? 1U : 0U); break;
      case simdjson::dom::element_type::INT64:
        set(index, json_kind::integer, std::bit_cast<std::uint64_t>(take<std::int64_t>(element)));
        break;
      case simdjson::dom::element_type::UINT64: {
        const auto value = take<std::uint64_t>(element);
        set(index, json_kind::integer, value);
        tape_.nodes[index].above_int64 = value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        break;
      }
      case simdjson::dom::element_type::DOUBLE:
        set(index, json_kind::real, std::bit_cast<std::uint64_t>(take<double>(element)));
        break;
      case simdjson::dom::element_type::STRING: {
        const auto value = take<std::string_view>(element);
        const std::uint32_t offset = store(value);
        set(index, json_kind::string, pair(offset, static_cast<std::uint32_t>(value.size())));
        if (!whole(value)) return lone_surrogate(index);
        break;
      }
      case simdjson::dom::element_type::ARRAY: {
        set(index, json_kind::array, pair(unfinished, 0));
        std::uint32_t count = 0;
        for (const simdjson::dom::element child : take<simdjson::dom::array>(element)) {
          TESSERA_CHECK(append(child, {}));
          ++count;
        }
        finish(index, count);
        break;
      }
      case simdjson::dom::element_type::OBJECT: {
        set(index, json_kind::object, pair(unfinished, 0));
        std::uint32_t count = 0;
        for (const auto member : take<simdjson::dom::object>(element)) {
          TESSERA_CHECK(append(member.value, member.key));
          ++count;
        }
        finish(index, count);
        return check_keys(index);
      }
      default:  // kinds that later versions add behind options we do not set
        return fail({.code = error_code::unsupported,
                     .thing = "JSON value of a kind this library does not know",
                     .path = tape_.path});
    }
    return {};
  }

 private:
  static constexpr std::uint32_t unfinished = std::numeric_limits<std::uint32_t>::max();

  template <class T>
  [[nodiscard]] static T take(simdjson::dom::element element) {
    T value{};
    [[maybe_unused]] const simdjson::error_code code = element.get(value);
    TESSERA_ASSERT(code == simdjson::SUCCESS);  // the caller has looked at the type
    return value;
  }

  [[nodiscard]] static constexpr std::uint64_t pair(std::uint32_t low, std::uint32_t high) noexcept {
    return low | (static_cast<std::uint64_t>(high) << 32U);
  }
  void set(std::uint32_t index, json_kind kind, std::uint64_t bits) noexcept {
    tape_.nodes[index].kind = kind;
    tape_.nodes[index].bits = bits;
  }
  void finish(std::uint32_t index, std::uint32_t count) noexcept {
    tape_.nodes[index].bits = pair(static_cast<std::uint32_t>(tape_.nodes.size()), count);
  }
  [[nodiscard]] std::uint32_t store(std::string_view piece) {
    const auto offset = static_cast<std::uint32_t>(tape_.text.size());
    tape_.text += piece;
    return offset;
  }

  /// False where an escape named half a surrogate pair (some versions of simdjson write it as three bytes, ED A0..BF
  /// xx).
  [[nodiscard]] static bool whole(std::string_view piece) noexcept {
    for (std::size_t at = piece.find('\xed'); at != std::string_view::npos; at = piece.find('\xed', at + 1))
      if (at + 1 >= piece.size() || static_cast<unsigned char>(piece[at + 1]) >= 0xa0) return false;
    return true;
  }
  [[nodiscard]] result<> lone_surrogate(std::uint32_t index) const {
    return fail({.code = error_code::malformed,
                 .thing = json_value(tape_, index).key_path(),
                 .wanted = "Unicode text",
                 .found = "half a surrogate pair",
                 .path = tape_.path});
  }

  /// Sorted by hash and then by key, so that no choice of keys costs more than n log n comparisons.
  [[nodiscard]] result<> check_keys(std::uint32_t object) {
    const std::uint32_t end = tape_.nodes[object].low();
    const auto key = [this](std::uint32_t node) {
      return tape_.slice(tape_.nodes[node].key_offset, tape_.nodes[node].key_length);
    };
    keys_.clear();
    for (std::uint32_t node = object + 1; node < end; node = tape_.next(node))
      keys_.push_back({std::hash<std::string_view>{}(key(node)), node});
    const auto before = [&](const hashed_key& a, const hashed_key& b) {
      return a.hash != b.hash ? a.hash < b.hash : key(a.node) < key(b.node);
    };
    std::ranges::sort(keys_, before);
    const auto twice = std::ranges::adjacent_find(keys_, [&](const hashed_key& a, const hashed_key& b) {
      return a.hash == b.hash && key(a.node) == key(b.node);
    });
    if (twice == keys_.end()) return {};
    return fail({.code = error_code::malformed,
                 .thing = json_value(tape_, object).key_path(),
                 .wanted = "each key once",
                 .found = "key " + quoted(key(twice->node)) + " twice",
                 .path = tape_.path});
  }

  struct hashed_key {
    std::size_t hash;
    std::uint32_t node;
  };

  json_tape& tape_;
  std::vector<hashed_key> keys_;
};

}  // namespace detail

TESSERA_INLINE std::string_view to_string(json_kind kind) noexcept {
  switch (kind) {
    case json_kind::null: return "null";
    case json_kind::boolean: return "a boolean";
    case json_kind::integer: return "an integer";
    case json_kind::real: return "a number";
    case json_kind::string: return "a string";
    case json_kind::array: return "an array";
    case json_kind::object: return "an object";
  }
  return "an unknown value";
}

TESSERA_INLINE result<json> parse_json(std::string_view text, std::string_view path, std::uint64_t base) {
  const auto malformed = [&](std::string found) {
    return fail(
        {.code = error_code::malformed, .wanted = "JSON", .found = std::move(found), .path = std::string(path)});
  };
  if (text.empty()) return malformed("nothing");
  if (is_git_lfs_pointer(text)) return malformed(std::string(git_lfs_pointer));
  if (text.starts_with("\xef\xbb\xbf")) return malformed("a byte order mark");
  simdjson::dom::parser parser;
  if (const auto code = parser.allocate(std::max<std::size_t>(text.size(), 32), json::max_depth);
      code != simdjson::SUCCESS) {
    if (code == simdjson::CAPACITY) return malformed("more than 4 GiB");
    return fail({.code = error_code::out_of_memory, .thing = "JSON parser", .path = std::string(path)});
  }
  simdjson::dom::element root;
  if (const auto code = parser.parse(text.data(), text.size()).get(root); code != simdjson::SUCCESS) {
    if (code == simdjson::MEMALLOC)
      return fail({.code = error_code::out_of_memory, .thing = "JSON parser", .path = std::string(path)});
    const auto fault = detail::find_json_fault(text);
    if (!fault) return malformed(simdjson::error_message(code));
    const std::size_t length = std::max<std::size_t>(detail::utf8_length(text.substr(fault->offset)), 1);
    return fail({.code = error_code::malformed,
                 .wanted = std::string(fault->wanted),
                 .found = fault->offset < text.size() ? quoted(text.substr(fault->offset, length)) : "the end",
                 .path = std::string(path),
                 .offset = base + fault->offset});
  }
  auto tape = std::make_unique<detail::json_tape>();
  tape->path = path;
  tape->text.reserve(text.size());  // pages that are not touched cost nothing
  tape->nodes.reserve(text.size() / 12);
  TESSERA_CHECK(detail::json_builder(*tape).append(root, {}));
  return json(std::move(tape));
}

TESSERA_INLINE result<json> read_json(std::string_view path) {
  TESSERA_TRY(const mapped_file file, mapped_file::open(path));
  return parse_json(file.text(), path);
}

TESSERA_INLINE std::optional<json_value> json_value::find(std::string_view key) const noexcept {
  if (!is_object()) return std::nullopt;
  for (std::uint32_t child = node_ + 1; child < node().low(); child = tape_->next(child))
    if (const json_value member(*tape_, child); member.key() == key) return member;
  return std::nullopt;
}

TESSERA_INLINE result<json_value> json_value::at(std::string_view key) const {
  TESSERA_CHECK(expect(json_kind::object));
  if (const auto member = find(key)) return *member;
  std::string thing = key_path();
  if (!thing.empty()) thing += '.';
  thing += key;
  return fail({.code = error_code::not_found,
               .thing = std::move(thing),
               .wanted = "this key",
               .found = "none",
               .path = tape_->path});
}

TESSERA_INLINE result<json_members> json_value::members() const {
  TESSERA_CHECK(expect(json_kind::object));
  return json_members(*this);
}

TESSERA_INLINE result<json_elements> json_value::elements() const {
  TESSERA_CHECK(expect(json_kind::array));
  return json_elements(*this);
}

TESSERA_INLINE result<> json_value::expect(json_kind wanted) const {
  if (kind() == wanted) return {};
  return std::unexpected(mismatch(std::string(to_string(wanted))));
}

TESSERA_INLINE std::string json_value::key_path() const {
  std::string out;
  for (std::uint32_t container = 0; container != node_;) {
    std::uint32_t child = container + 1;
    std::size_t position = 0;
    for (; child != node_ && tape_->next(child) <= node_; child = tape_->next(child)) ++position;
    if (tape_->nodes[container].kind == json_kind::array) {
      out += '[' + std::to_string(position) + ']';
    } else {
      if (!out.empty()) out += '.';
      out += json_value(*tape_, child).key();
    }
    container = child;
  }
  return out;
}

TESSERA_INLINE std::string json_value::description() const {
  switch (kind()) {
    case json_kind::boolean: return node().bits != 0 ? "true" : "false";
    case json_kind::integer:
      return "the integer " + (node().above_int64 ? std::to_string(node().bits)
                                                  : std::to_string(std::bit_cast<std::int64_t>(node().bits)));
    case json_kind::string: return "the string " + quoted(tape_->slice(node().low(), node().high()));
    default: return std::string(to_string(kind()));
  }
}

TESSERA_INLINE error json_value::mismatch(std::string wanted, std::string found) const {
  return {.code = error_code::mismatch,
          .thing = key_path(),
          .wanted = std::move(wanted),
          .found = found.empty() ? description() : std::move(found),
          .path = tape_->path};
}

TESSERA_INLINE result<bool> json_value::boolean() const {
  TESSERA_CHECK(expect(json_kind::boolean));
  return node().bits != 0;
}

TESSERA_INLINE result<std::int64_t> json_value::signed_within(std::int64_t lowest, std::int64_t highest) const {
  if (kind() != json_kind::integer) return std::unexpected(mismatch("an integer"));
  const auto value = std::bit_cast<std::int64_t>(node().bits);
  if (!node().above_int64 && value >= lowest && value <= highest) return value;
  return std::unexpected(mismatch("an integer from " + std::to_string(lowest) + " to " + std::to_string(highest)));
}

TESSERA_INLINE result<std::uint64_t> json_value::unsigned_up_to(std::uint64_t highest) const {
  if (kind() != json_kind::integer) return std::unexpected(mismatch("an unsigned integer"));
  const bool negative = !node().above_int64 && std::bit_cast<std::int64_t>(node().bits) < 0;
  if (!negative && node().bits <= highest) return node().bits;
  return std::unexpected(mismatch("an integer from 0 to " + std::to_string(highest)));
}

TESSERA_INLINE result<std::int64_t> json_value::integral() const {
  if (kind() == json_kind::real) {
    const auto value = std::bit_cast<double>(node().bits);
    if (std::abs(value) <= 9007199254740992.0 && std::trunc(value) == value) return static_cast<std::int64_t>(value);
    return std::unexpected(mismatch("an integer"));
  }
  return signed_within(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
}

TESSERA_INLINE result<double> json_value::real() const {
  if (kind() == json_kind::real) return std::bit_cast<double>(node().bits);
  if (kind() != json_kind::integer) return std::unexpected(mismatch("a number"));
  return node().above_int64 ? static_cast<double>(node().bits)
                            : static_cast<double>(std::bit_cast<std::int64_t>(node().bits));
}

TESSERA_INLINE result<std::string_view> json_value::string() const {
  TESSERA_CHECK(expect(json_kind::string));
  return tape_->slice(node().low(), node().high());
}

}  // namespace tessera::inline TESSERA_ABI
