// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/onnx.hpp: how a file is walked and checked. Field numbers are those of onnx.proto.
#pragma once

#include <tessera/io/onnx-inl.hpp>
#include <tessera/io/onnx_formats-inl.hpp>
#include <tessera/io/protobuf.hpp>
#include <tessera/io/quoted.hpp>

#include <charconv>
#include <limits>
#include <map>

namespace tessera::inline TESSERA_ABI {

class onnx::reader {
 public:
  reader(contents& state, bool external) : state_(state), external_(external) {}

  [[nodiscard]] result<> model(std::span<const std::byte> bytes) {
    if (is_git_lfs_pointer({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
      return malformed({}, "an ONNX file", std::string(git_lfs_pointer), 0);
    std::optional<protobuf_field> graph;
    const auto find_graph = [&](const protobuf_field& field) -> result<> {
      if (field.number != 7) return {};
      if (graph) return malformed("graph", "one", "a second", field.offset);
      TESSERA_CHECK(field.message(state_.path));
      graph = field;
      return {};
    };
    TESSERA_CHECK(each(bytes, 0, find_graph));
    if (!graph) return malformed({}, "an ONNX model", "none: no graph", 0);
    TESSERA_CHECK(each(graph->bytes, graph->offset, [&](const protobuf_field& field) -> result<> {
      switch (field.number) {
        case 1: return read_node(field);
        case 5: return read_tensor(field);
        case 15: return unsupported("sparse_initializer", "dense tensors", "a sparse one", field.offset);
        default: return {};
      }
    }));
    std::ranges::sort(state_.initializers, {}, &tensor_view::name);
    const auto twice = std::ranges::adjacent_find(state_.initializers, {}, &tensor_view::name);
    if (twice != state_.initializers.end())
      return malformed(quoted(twice->name), "one tensor of that name", "another one", std::next(twice)->offset);
    give_names(state_, nodes_);
    return {};
  }

 private:
  [[nodiscard]] std::unexpected<error> refuse(error_code code, std::string thing, std::string wanted, std::string found,
                                              std::uint64_t offset) const {
    return fail({.code = code,
                 .thing = std::move(thing),
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = state_.path,
                 .offset = offset});
  }
  [[nodiscard]] std::unexpected<error> malformed(std::string thing, std::string wanted, std::string found, std::uint64_t offset) const {
    return refuse(error_code::malformed, std::move(thing), std::move(wanted), std::move(found), offset);
  }
  [[nodiscard]] std::unexpected<error> unsupported(std::string thing, std::string wanted, std::string found, std::uint64_t offset) const {
    return refuse(error_code::unsupported, std::move(thing), std::move(wanted), std::move(found), offset);
  }

  template <class Use>
  [[nodiscard]] result<> each(std::span<const std::byte> message, std::uint64_t offset, const Use& use) const {
    protobuf_reader fields(message, state_.path, offset);
    protobuf_field field;
    for (;;) {
      TESSERA_TRY(const bool more, fields.next(field));
      if (!more) return {};
      TESSERA_CHECK(use(field));
    }
  }
  /// Whole numbers, packed or one a field.
  [[nodiscard]] result<> add_integers(const protobuf_field& field, std::vector<std::uint64_t>& into) const {
    if (field.kind != protobuf_kind::bytes) {
      TESSERA_TRY(const std::uint64_t value, field.integer(state_.path));
      into.push_back(value);
      return {};
    }
    protobuf_reader packed(field.bytes, state_.path, field.offset);
    while (!packed.at_end()) {
      TESSERA_TRY(const std::uint64_t value, packed.varint());
      into.push_back(value);
    }
    return {};
  }

  [[nodiscard]] result<> read_node(const protobuf_field& message) {
    TESSERA_CHECK(message.message(state_.path));
    detail::onnx_node made;
    TESSERA_CHECK(each(message.bytes, message.offset, [&](const protobuf_field& field) -> result<> {
      if (field.number > 4) return {};
      TESSERA_TRY(const std::string_view text, field.text(state_.path));
      if (field.number == 1) made.inputs.push_back(text);
      if (field.number == 2) made.outputs.push_back(text);
      if (field.number == 3) made.name = text;
      if (field.number == 4) made.operation = text;
      return {};
    }));
    constexpr std::array<std::string_view, 8> followed = {"MatMul", "Gemm", "Add", "BiasGelu", "Identity", "Transpose", "Cast", "Gather"};
    if (std::ranges::find(followed, made.operation) == followed.end()) return {};
    TESSERA_CHECK(each(message.bytes, message.offset, [&](const protobuf_field& field) {
      return field.number == 5 ? read_attribute(field, made) : result<>();
    }));
    nodes_.push_back(std::move(made));
    return {};
  }
  [[nodiscard]] result<> read_attribute(const protobuf_field& message, detail::onnx_node& into) const {
    TESSERA_CHECK(message.message(state_.path));
    std::string_view name;
    std::uint64_t number = 0;
    std::vector<std::uint64_t> numbers;
    TESSERA_CHECK(each(message.bytes, message.offset, [&](const protobuf_field& field) -> result<> {
      if (field.number == 1) {
        TESSERA_TRY(name, field.text(state_.path));
      } else if (field.number == 3) {
        TESSERA_TRY(number, field.integer(state_.path));
      } else if (field.number == 8) {
        return add_integers(field, numbers);
      }
      return {};
    }));
    if (name == "perm") into.permutation = std::move(numbers);
    if (name == "transA") into.transposes_input = number != 0;
    if (name == "transB") into.transposes_weight = number != 0;
    return {};
  }

  /// What a TensorProto says before its data is looked at.
  struct description {
    std::string_view name = {};
    std::vector<std::uint64_t> extents = {};
    std::uint64_t type = 0;
    bool external = false;
    std::optional<protobuf_field> raw = {};
    detail::onnx_location location = {};
    std::uint32_t typed = 0;  // the field of typed data, if there is any
  };

  [[nodiscard]] result<> read_tensor(const protobuf_field& message) {
    TESSERA_CHECK(message.message(state_.path));
    description what;
    TESSERA_CHECK(each(message.bytes, message.offset, [&](const protobuf_field& field) { return describe(field, what); }));
    const std::string label = what.name.empty() ? "initializer" : quoted(what.name);
    if (what.name.empty()) return malformed(label, "a name", "none", message.offset);
    const auto format = std::ranges::find(detail::onnx_formats, what.type, &detail::onnx_format::number);
    if (format == detail::onnx_formats.end()) return malformed(label, "a known data_type", std::to_string(what.type), message.offset);
    if (!format->type) return unsupported(label, "a number of at least 8 bits", std::string(format->name), message.offset);
    std::vector<std::size_t>& shape = state_.shapes.emplace_back();
    shape.reserve(what.extents.size());
    for (const std::uint64_t extent : what.extents) {
      if (extent > std::numeric_limits<std::int64_t>::max())
        return malformed(label, "dims of 0 and more", std::to_string(static_cast<std::int64_t>(extent)), message.offset);
      shape.push_back(static_cast<std::size_t>(extent));
    }
    const auto needed = storage_bytes(*format->type, shape);
    if (!needed || *needed > std::numeric_limits<std::size_t>::max() / 2)
      return malformed(label, "a possible number of bytes", std::string(format->name) + ' ' + shape_text(shape), message.offset);
    tensor_view tensor{
        .name = what.name, .type = *format->type, .shape = shape, .bytes = {}, .file = state_.path, .offset = message.offset};
    if (what.typed != 0 && (what.raw || what.external))
      return malformed(label, "data in one place", "typed data beside raw or external data", message.offset);
    if (what.raw && what.external) return malformed(label, "data in one place", "raw data beside external data", message.offset);
    if (what.external) {
      TESSERA_CHECK(read_external(what.location, *needed, label, tensor));
    } else if (what.raw) {
      tensor.bytes = what.raw->bytes;
      tensor.offset = what.raw->offset;
    } else if (what.typed != 0) {
      if (what.typed != format->typed)
        return malformed(label, "data in the field of " + std::string(format->name), "field " + std::to_string(what.typed), message.offset);
      TESSERA_CHECK(read_typed(message, *needed, label, tensor));
    }
    if (tensor.bytes.size() != *needed)
      return malformed(label, std::to_string(*needed) + " bytes for " + std::string(format->name) + ' ' + shape_text(shape),
                       std::to_string(tensor.bytes.size()), tensor.offset);
    state_.initializers.push_back(tensor);
    return {};
  }

  [[nodiscard]] result<> describe(const protobuf_field& field, description& into) const {
    switch (field.number) {
      case 1: return add_integers(field, into.extents);
      case 2: {
        TESSERA_TRY(into.type, field.integer(state_.path));
        return {};
      }
      case 3: return unsupported("segment", "whole tensors", "one in segments", field.offset);
      case 8: {
        TESSERA_TRY(into.name, field.text(state_.path));
        return {};
      }
      case detail::onnx_raw_data: {
        TESSERA_CHECK(field.message(state_.path));
        if (into.raw) return malformed("raw_data", "one", "a second", field.offset);
        into.raw = field;
        return {};
      }
      case 13: return read_location(field, into.location);
      case 14: {
        TESSERA_TRY(const std::uint64_t place, field.integer(state_.path));
        if (place > 1) return malformed("data_location", "0 or 1", std::to_string(place), field.offset);
        into.external = place == 1;
        return {};
      }
      case detail::onnx_float_data:
      case detail::onnx_int32_data:
      case detail::onnx_string_data:
      case detail::onnx_int64_data:
      case detail::onnx_double_data:
      case detail::onnx_uint64_data:
        if (field.kind == protobuf_kind::bytes && field.bytes.empty() && field.number != detail::onnx_string_data) return {};
        if (into.typed != 0 && into.typed != field.number) return malformed("typed data", "one field", "two", field.offset);
        into.typed = field.number;
        return {};
      default: return {};
    }
  }

  /// One StringStringEntryProto of external_data.
  [[nodiscard]] result<> read_location(const protobuf_field& message, detail::onnx_location& into) const {
    TESSERA_CHECK(message.message(state_.path));
    std::string_view key;
    std::string_view value;
    TESSERA_CHECK(each(message.bytes, message.offset, [&](const protobuf_field& field) -> result<> {
      if (field.number == 1) {
        TESSERA_TRY(key, field.text(state_.path));
      } else if (field.number == 2) {
        TESSERA_TRY(value, field.text(state_.path));
      }
      return {};
    }));
    const auto number = [&](std::optional<std::uint64_t>& place) -> result<> {
      std::uint64_t size = 0;
      const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (failed != std::errc() || end != value.data() + value.size() || place)
        return malformed("external_data " + std::string(key), place ? "one" : "a whole number", quoted(value), message.offset);
      place = size;
      return {};
    };
    if (key == "offset") return number(into.offset);
    if (key == "length") return number(into.length);
    if (key != "location") return {};  // a checksum, or what other writers note
    if (into.file) return malformed("external_data location", "one", "a second", message.offset);
    into.file = value;
    return {};
  }

  [[nodiscard]] result<> read_external(const detail::onnx_location& location, std::uint64_t needed, const std::string& label,
                                       tensor_view& tensor);
  /// The number of a file of external data among `files`.
  [[nodiscard]] result<std::size_t> open_external(std::string_view location);
  /// The numbers of a typed field: packed floats in one piece are read where they lie, all others are copied.
  [[nodiscard]] result<> read_typed(const protobuf_field& message, std::uint64_t needed, const std::string& label, tensor_view& tensor);
  [[nodiscard]] result<> add_typed_integers(const protobuf_field& field, std::uint64_t needed, const std::string& label, dtype type,
                                            std::vector<std::byte>& into) const;

  contents& state_;
  bool external_;
  std::vector<detail::onnx_node> nodes_;
  std::vector<std::string_view> external_names_;
  std::map<std::string_view, std::size_t> locations_;
};

TESSERA_INLINE result<onnx> onnx::read(mapped_file file, std::span<const std::byte> bytes, std::string_view path, bool external) {
  std::unique_ptr<contents, release> state(new contents{.path = std::string(path)});
  state->files.push_back(std::move(file));
  TESSERA_CHECK(reader(*state, external).model(bytes));
  return onnx(std::move(state));
}

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/io/onnx_data-inl.hpp>
