// SPDX-License-Identifier: Apache-2.0
/// What single files hold: tensors, arrays, tokenizers, GGUF, indexes of this library.
#pragma once

#include <tessera/index/index_file.hpp>
#include <tessera/io/gguf.hpp>
#include <tessera/io/json.hpp>
#include <tessera/io/npy.hpp>
#include <tessera/io/onnx.hpp>
#include <tessera/io/sha256.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/text/tokenizer.hpp>
#include <tessera/text/tokenizer_parts.hpp>
#include <tools/programs/inspect/report.hpp>

namespace programs {

inline ts::result<> inspect_safetensors(const std::string& path, report& into) {
  TESSERA_TRY(const ts::safetensors file, ts::safetensors::open(path));
  into.fact("safetensors", printable(path));
  for (const auto& [key, value] : file.metadata()) into.fact("metadata", printable(key) + ": " + ts::quoted(value));
  into.tensors(listed(file.tensors()));
  report_not_finite(file.tensors(), into);
  return {};
}

inline ts::result<> inspect_weights_index(const std::string& path, report& into) {
  TESSERA_TRY(const ts::weights file, ts::weights::open(path));
  into.fact("weights", printable(path) + ", " + count_of(file.files().size(), "shard"));
  for (const std::string_view shard : file.files()) into.fact("shard", printable(shard));
  into.tensors(listed(file.tensors()));
  report_not_finite(file.tensors(), into);
  return {};
}

inline ts::result<> inspect_onnx(const std::string& path, report& into) {
  TESSERA_TRY(const ts::onnx file, ts::onnx::open(path));
  into.fact("ONNX", printable(path) + ", " + count_of(file.initializers().size(), "initialiser"));
  for (const ts::mapped_file& data : file.files().subspan(1)) into.fact("external data", printable(data.path()));
  into.tensors(listed(file.tensors()));
  report_not_finite(file.tensors(), into);
  return {};
}

inline ts::result<> inspect_npy(const std::string& path, report& into) {
  TESSERA_TRY(const ts::npy file, ts::npy::open(path));
  ts::tensor_view array = file.tensor();
  into.fact("npy array", printable(path));
  into.fact("type", to_string(array.type));
  into.fact("shape", ts::shape_text(array.shape));
  into.fact("bytes", bytes_text(array.bytes.size()));
  array.name = "array";
  report_not_finite(std::span(&array, 1), into);
  return {};
}

inline void report_tokenizer(const ts::tokenizer& tokenizer, report& into) {
  const ts::tokenizer_parts& parts = tokenizer.parts();
  const std::size_t words = std::visit([](const auto& model) { return model.words().size(); }, parts.model);
  const std::string_view kind = std::visit(
      [](const auto& model) {
        using model_type = std::remove_cvref_t<decltype(model)>;
        return std::is_same_v<model_type, ts::wordpiece> ? std::string_view("WordPiece")
               : std::is_same_v<model_type, ts::bpe>     ? std::string_view("BPE")
                                                         : std::string_view("Unigram");
      },
      parts.model);
  into.fact("tokenizer", std::string(kind) + ", " + count_of(words, "token") + ", ids below " + grouped(tokenizer.vocabulary_size()));
  const auto token = [&](ts::token_id id) {
    return printable(tokenizer.token_of(id).value_or("")) + " (" + std::to_string(id) + ')';
  };
  std::string special;
  const auto add = [&](std::string_view name, std::optional<ts::token_id> id) {
    if (id) special += (special.empty() ? "" : ", ") + std::string(name) + ' ' + token(*id);
  };
  add("unknown", tokenizer.unknown_id());
  add("first", tokenizer.begin_id());
  add("last", tokenizer.end_id());
  add("padding", tokenizer.padding_id());
  into.fact("special", special);
  if (const std::size_t count = tokenizer.added_tokens().size(); count > 0) {
    constexpr std::size_t most = 12;
    std::string list;
    for (std::size_t i = 0; i < count && (i < most || into.all()); ++i)
      list += (i == 0 ? "" : " ") + printable(tokenizer.added_tokens()[i].content);
    into.fact("added", count_of(count, "token") + ": " + list + (count > most && !into.all() ? " ..." : ""));
  }
}

inline ts::result<> inspect_tokenizer(const std::string& path, report& into) {
  TESSERA_TRY(const ts::tokenizer tokenizer, ts::tokenizer::open(path));
  into.fact("file", printable(path));
  report_tokenizer(tokenizer, into);
  if (const auto& cut = tokenizer.truncation()) into.fact("truncation", "to " + count_of(cut->max_length, "token") + ", as the file says");
  if (const auto& pad = tokenizer.padding())
    into.fact("padding", (pad->length ? "to " + count_of(*pad->length, "token") : std::string("to the longest text")) + ", as the file says");
  return {};
}

[[nodiscard]] inline std::string value_text(const ts::gguf_value& value) {
  if (value.is_array()) return grouped(value.size()) + " x " + std::string(to_string(value.type()));
  switch (value.type()) {
    case ts::gguf_type::string: return ts::quoted(value.get<std::string_view>().value_or(""));
    case ts::gguf_type::boolean: return value.get<bool>().value_or(false) ? "true" : "false";
    case ts::gguf_type::f32:
    case ts::gguf_type::f64: {
      char text[32];
      std::snprintf(text, sizeof text, "%.9g", value.get<double>().value_or(0.0));
      return text;
    }
    case ts::gguf_type::u64: return std::to_string(value.get<std::uint64_t>().value_or(0));
    default: return std::to_string(value.get<std::int64_t>().value_or(0));
  }
}

inline ts::result<> inspect_gguf(const std::string& path, report& into) {
  TESSERA_TRY(const ts::gguf file, ts::gguf::open(path));
  into.fact("GGUF", printable(path));
  for (const ts::gguf_value& value : file.values()) into.line("  " + printable(value.key()) + " = " + value_text(value));
  if (file.find("tokenizer.ggml.model") != nullptr) {
    if (const auto tokenizer = ts::tokenizer::open(path)) report_tokenizer(*tokenizer, into);
    else if (tokenizer.error().code == ts::error_code::unsupported) into.fact("tokenizer", one_sentence(tokenizer.error()));
    else return std::unexpected(tokenizer.error());
  }
  std::vector<listed_tensor> list;
  std::vector<ts::tensor_view> readable;
  for (const ts::gguf_tensor& each : file.tensors()) {
    list.push_back({each.name, each.format, each.shape, each.bytes.size()});
    if (!each.readable) continue;
    TESSERA_TRY(const ts::tensor_view view, file.tensor(each.name));
    readable.push_back(view);
  }
  into.tensors(list);
  report_not_finite(readable, into);
  return {};
}

/// What rows of an index or a store are.
inline void report_rows(const ts::index_description& what, report& into) {
  into.fact("kind", printable(what.kind) + ", " + printable(what.precision) + ", " + printable(what.metric));
  into.fact("space", ts::quoted(what.label) + ", " + count_of(what.dimension, "dimension") + ", " + std::string(to_string(what.pooling)) +
                         " pooling" + (what.unit_length ? ", unit length" : ""));
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(what.made_by.value));
  into.fact("made by", what.made_by ? std::string_view(digits) : "no model");
}

/// The graph of an hnsw or of a store's snapshot, where there is one.
inline ts::result<> report_graph(const ts::index_file& file, report& into) {
  const auto numbers = file.section("graph");
  const auto links = file.section("links"), levels = file.section("levels");
  if (!numbers || !links || !levels) return {};
  const auto number = [&](std::size_t i) { return ts::read_le<std::uint64_t>(*numbers, 8 * i); };
  TESSERA_TRY(const auto degree, number(0));
  TESSERA_TRY(const auto build_effort, number(1));
  TESSERA_TRY(const auto effort, number(2));
  std::uint64_t used = 0;
  for (std::size_t at = 0; at + 4 <= links->size(); at += 4)
    used += *ts::read_le<std::uint32_t>(*links, at) != 0xFFFFFFFFu ? 1u : 0u;
  std::size_t highest = 0;
  for (const std::byte level : *levels) highest = std::max(highest, std::to_integer<std::size_t>(level));
  const double mean = levels->empty() ? 0.0 : static_cast<double>(used) / static_cast<double>(levels->size());
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", mean);
  into.fact("graph", "degree " + grouped(degree) + ", build effort " + grouped(build_effort) + ", effort " + grouped(effort) + ", " +
                         count_of(highest + 1, "level") + ", " + text + " links a row on the lowest");
  return {};
}

inline ts::result<> inspect_index(const std::string& path, report& into) {
  TESSERA_TRY(const ts::mapped_file file, ts::mapped_file::open(path));
  TESSERA_TRY(const ts::index_file index, ts::index_file::view(file.bytes(), path));
  TESSERA_CHECK(index.verify());
  const ts::index_description& what = index.description();
  into.fact(what.kind == "store" ? "snapshot" : "index", printable(path));
  into.fact("rows", grouped(what.rows) + " of " + count_of(what.dimension, "dimension") + ", " + bytes_text(file.size()));
  report_rows(what, into);
  if (what.origin.weights) into.fact("weights", "SHA-256 " + ts::to_hex(*what.origin.weights));
  TESSERA_CHECK(report_graph(index, into));
  if (index.section("recall")) into.fact("calibrated", "a search may ask for a recall");
  into.fact("checksums", "right");
  return {};
}

}  // namespace programs
