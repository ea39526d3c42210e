// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/published.hpp.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/io/tensor_blocks.hpp>
#include <tessera/model/published.hpp>

#include <algorithm>
#include <atomic>
#include <set>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE std::vector<std::size_t> published_tensor::shape() const {
  if (whole == nullptr) return {};
  std::vector<std::size_t> extents(whole->shape.begin(), whole->shape.end());
  if (parts > 1) extents.front() /= parts;
  if (rows != nullptr && !extents.empty()) extents.front() = element_count(*rows);
  return extents;
}

TESSERA_INLINE bool published_tensor::fits(const tensor_entry& wanted, bool in_gguf) const {
  const std::vector<std::size_t> extents = shape();
  std::span<const std::size_t> want(wanted.shape.data(), wanted.rank);
  if (in_gguf && extents.size() < want.size() && want.front() == 1) want = want.subspan(1);
  return std::ranges::equal(extents, want);
}

/// The part, its shape excepted.
TESSERA_INLINE tensor_view published_tensor::own() const noexcept {
  tensor_view mine = *whole;
  const std::size_t size = mine.bytes.size() / parts;
  mine.bytes = mine.bytes.subspan(part * size, size);
  mine.offset += part * size;
  return mine;
}

TESSERA_INLINE std::optional<error> published_tensor::fault() const {
  const auto is_float = [](dtype type) { return type == dtype::f32 || type == dtype::f16 || type == dtype::bf16; };
  const auto wrong = [](const tensor_view& tensor, std::string wanted, std::string found) {
    return error{.code = error_code::mismatch,
                 .thing = std::string(tensor.name),
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(tensor.file)};
  };
  const bool numbers = is_float(whole->type) || is_blocks(whole->type);
  // Tables of whole numbers are those that model2vec quantised: the numbers themselves, without a scale.
  const bool whole_numbers = (rows != nullptr || factors != nullptr) && whole->type == dtype::i8;
  if (!numbers && !whole_numbers) return wrong(*whole, "F32, F16 or BF16", std::string(to_string(whole->type)));
  if (rows != nullptr && (rows->shape.size() != 1 || (rows->type != dtype::i64 && rows->type != dtype::i32)))
    return wrong(*rows, "I64, one number a token", std::string(to_string(rows->type)) + ' ' + shape_text(rows->shape));
  if (rows != nullptr) {
    std::vector<std::int64_t> places(rows->shape[0]);
    if (auto done = read_i64(*rows, places); !done) return std::move(done).error();
    const auto beyond = std::ranges::find_if(
        places, [&](std::int64_t place) { return place < 0 || static_cast<std::uint64_t>(place) >= whole->shape.front(); });
    if (beyond != places.end())
      return wrong(*rows, "rows below " + std::to_string(whole->shape.front()) + " (those of " + std::string(whole->name) + ')',
                   std::to_string(*beyond) + " for token " + std::to_string(beyond - places.begin()));
  }
  if (factors != nullptr && (factors->shape.size() != 1 || factors->shape[0] != shape().front() ||
                             (!is_float(factors->type) && factors->type != dtype::f64)))
    return wrong(*factors, "a factor for each of " + std::to_string(shape().front()) + " rows",
                 std::string(to_string(factors->type)) + ' ' + shape_text(factors->shape));
  return std::nullopt;
}

TESSERA_INLINE bool published_tensor::read_piece(std::span<float> values, std::size_t begin) const noexcept {
  const std::size_t count = std::min(piece, values.size() - begin);
  tensor_view mine = own();
  const std::size_t unit = is_blocks(mine.type) ? layout_of(mine.type).elements : 1;
  const std::size_t unit_bytes = is_blocks(mine.type) ? layout_of(mine.type).bytes : bits_of(mine.type) / 8;
  mine.shape = std::span(&count, 1);
  mine.bytes = mine.bytes.subspan(begin / unit * unit_bytes, count / unit * unit_bytes);
  const std::span<float> into = values.subspan(begin, count);
  if (!read_f32(mine, into)) return false;
  if (more != 0.0f)
    for (float& x : into) x -= more;
  return kernel::kernels().quantize.all_finite(into.data(), count);
}

TESSERA_INLINE result<std::uint64_t> published_tensor::read_with_digest(std::string_view name, std::span<float> values,
                                                                          thread_pool* threads) const {
  const std::vector<std::size_t> extents = shape();
  const bool in_pieces = threads != nullptr && rows == nullptr && factors == nullptr && element_count(extents) == values.size();
  const std::size_t pieces = in_pieces ? (values.size() + piece - 1) / piece : 1;
  std::uint64_t made = 0;
  if (pieces <= 1) {
    TESSERA_CHECK(read(values));
    made = digest(name);
    return made;
  }
  std::atomic<bool> good = true;
  for_each(threads, pieces + 1, [&](std::size_t i) {
    if (i == 0) made = digest(name);
    else if (!read_piece(values, (i - 1) * piece)) good = false;
  });
  if (!good) TESSERA_CHECK(read(values));  // says what is wrong
  return made;
}

TESSERA_INLINE result<> published_tensor::read(std::span<float> values) const {
  if (rows == nullptr && factors == nullptr) {
    const std::vector<std::size_t> extents = shape();
    tensor_view mine = own();
    mine.shape = extents;
    TESSERA_CHECK(read_f32(mine, values));
  } else {
    TESSERA_CHECK(look_up(values));
  }
  if (more != 0.0f)
    for (float& x : values) x -= more;
  if (kernel::kernels().quantize.all_finite(values.data(), values.size())) return {};
  TESSERA_CHECK(check_finite(*whole));
  if (factors != nullptr) TESSERA_CHECK(check_finite(*factors));
  return fail({.code = error_code::not_finite,
               .thing = std::string(whole->name),
               .wanted = "numbers within the range of float",
               .found = "one beyond it",
               .path = std::string(whole->file)});
}

TESSERA_INLINE result<> published_tensor::look_up(std::span<float> values) const {
  const std::vector<std::size_t> extents = shape();
  const std::size_t stored = whole->shape.front();
  const std::size_t width = stored == 0 ? 0 : element_count(*whole) / stored;
  if (values.size() != extents.front() * width)
    return fail({.code = error_code::mismatch,
                 .thing = std::string(whole->name),
                 .wanted = std::to_string(values.size()) + " elements",
                 .found = shape_text(extents),
                 .path = std::string(whole->file)});
  std::vector<std::int64_t> places(rows == nullptr ? 0 : extents.front());
  if (rows != nullptr) TESSERA_CHECK(read_i64(*rows, places));
  std::vector<float> scale(factors == nullptr ? 0 : extents.front());
  if (factors != nullptr) TESSERA_CHECK(read_f32(*factors, scale));
  std::vector<std::int64_t> integers(whole->type == dtype::i8 ? width : 0);
  const std::size_t row_bytes = stored == 0 ? 0 : whole->bytes.size() / stored;
  for (std::size_t i = 0; i < extents.front(); ++i) {
    const auto place = rows == nullptr ? static_cast<std::int64_t>(i) : places[i];
    if (place < 0 || static_cast<std::uint64_t>(place) >= stored)
      return fail({.code = error_code::mismatch,
                   .thing = std::string(rows == nullptr ? whole->name : rows->name),
                   .wanted = "rows below " + std::to_string(stored),
                   .found = std::to_string(place) + " for token " + std::to_string(i),
                   .path = std::string(whole->file)});
    tensor_view row = *whole;
    row.shape = std::span(&width, 1);
    row.bytes = row.bytes.subspan(static_cast<std::size_t>(place) * row_bytes, row_bytes);
    const std::span<float> into = values.subspan(i * width, width);
    if (integers.empty()) {
      TESSERA_CHECK(read_f32(row, into));
    } else {
      TESSERA_CHECK(read_i64(row, integers));
      std::ranges::transform(integers, into.begin(), [](std::int64_t number) { return static_cast<float>(number); });
    }
    if (factors != nullptr)
      for (float& x : into) x *= scale[i];
  }
  return {};
}

TESSERA_INLINE std::uint64_t published_tensor::digest(std::string_view name) const noexcept {
  std::uint64_t made = digest64(own().bytes, digest64(std::as_bytes(std::span(name))));
  for (const tensor_view* each : {rows, factors})
    if (each != nullptr) made = digest64(each->bytes, made);
  return made;
}

TESSERA_INLINE result<published_tensors> published_tensors::open(const model_directory& directory, const model_description& model,
                                                                 std::string_view weights_path) {
  published_tensors opened;
  opened.names_ = model.encoder.names;
  TESSERA_TRY(opened.encoder_, weights::open(weights_path.empty() ? directory.encoder_file("") : std::string(weights_path)));
  if (opened.encoder_.is_gguf() && opened.names_.gguf.empty())
    return fail({.code = error_code::unsupported,
                 .thing = "weights",
                 .wanted = "safetensors or ONNX for the family " + std::string(model.encoder.family),
                 .found = "a GGUF file, whose names are not known for it",
                 .path = opened.encoder_.path()});
  if (!opened.names_.names.empty())
    for (const dense_head& head : directory.dense) {
      TESSERA_TRY(weights file, weights::open(directory.file(head.folder)));
      opened.dense_.push_back(std::move(file));
    }
  // A checkpoint with a task head puts a prefix before every name: the first tensor tells which.
  if (!model.encoder.manifest.empty())
    for (const std::string_view prefix : opened.names_.prefixes) {
      opened.prefix_ = prefix;
      if (opened.find(model.encoder.manifest.front().label())) break;
      opened.prefix_ = {};
    }
  if (opened.encoder_.exported() && !model.encoder.manifest.empty() && !opened.find(model.encoder.manifest.front().label()))
    opened.prefix_ = opened.wrapper(model.encoder.manifest.front().label());
  return opened;
}

TESSERA_INLINE std::string published_tensors::wrapper(std::string_view first) const {
  std::string prefix;
  for (const naming::candidate& each : naming::published(first, names_.names))
    for (const tensor_view& tensor : encoder_.tensors()) {
      if (!tensor.name.ends_with("." + each.name)) continue;
      if (!prefix.empty()) return {};  // two of them: neither is known to be the model
      prefix = tensor.name.substr(0, tensor.name.size() - each.name.size());
    }
  return prefix;
}

TESSERA_INLINE published_tensors::place published_tensors::locate(std::string_view ours) const {
  if (ours.starts_with("dense.") && !dense_.empty()) {
    std::string_view rest = ours.substr(6);
    std::size_t head = 0;
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
      head = head * 10 + static_cast<std::size_t>(rest.front() - '0');
      rest.remove_prefix(1);
    }
    if (rest.starts_with('.')) rest.remove_prefix(1);
    if (head < dense_.size()) return {&dense_[head], {{"linear." + std::string(rest)}}};
  }
  place where{&encoder_, naming::published(ours, encoder_.is_gguf() ? names_.gguf : names_.names)};
  if (prefix_.empty()) return where;
  // The head of a checkpoint with a prefix stands outside it: of "model.bert." behind "model." or behind nothing.
  const std::vector<naming::candidate> bare = std::move(where.names);
  where.names.clear();
  for (std::string_view prefix = prefix_;; prefix = prefix.substr(0, prefix.rfind('.', prefix.size() - 2) + 1)) {
    for (naming::candidate each : bare) {
      each.name.insert(0, prefix);
      where.names.push_back(std::move(each));
    }
    if (prefix.empty()) return where;
  }
}

TESSERA_INLINE published_tensor published_tensors::find(std::string_view ours) const {
  place where = locate(ours);
  for (naming::candidate& each : where.names) {
    const tensor_view* found = where.file->find(each.name);
    // Checkpoints converted from TensorFlow keep its names for a layer norm's parts.
    for (const auto& [today, legacy] : {std::pair(std::string_view("LayerNorm.weight"), std::string_view("LayerNorm.gamma")),
                                        std::pair(std::string_view("LayerNorm.bias"), std::string_view("LayerNorm.beta"))})
      if (found == nullptr && each.name.ends_with(today)) {
        each.name.replace(each.name.size() - today.size(), today.size(), legacy);
        found = where.file->find(each.name);
      }
    if (found == nullptr) continue;
    // What cannot be cut is compared whole, and found wrong.
    if (found->shape.empty() || found->shape.front() % each.parts != 0) return {found};
    const auto beside = [&](std::string_view name) { return name.empty() ? nullptr : where.file->find(name); };
    return {found, each.part, each.parts, beside(each.rows), beside(each.factors), each.more};
  }
  return {};
}

TESSERA_INLINE std::vector<error> published_tensors::compare(std::span<const tensor_entry> manifest) const {
  std::vector<error> problems;
  for (const tensor_entry& entry : manifest) {
    const place where = locate(entry.label());
    const published_tensor found = find(entry.label());
    tensor_entry wanted = entry;
    wanted.shape[0] *= found.parts;
    error problem{.code = error_code::mismatch,
                  .thing = found ? std::string(found.whole->name) : where.names.front().name,
                  .wanted = wanted.shape_text(),
                  .path = where.file->path()};
    if (!found) {
      for (std::size_t i = 1; i < where.names.size(); ++i) problem.thing += " or " + where.names[i].name;
      problem.found = "no such tensor";
    } else if (!found.fits(entry, where.file->is_gguf())) {
      problem.found = shape_text(found.whole->shape);
    } else if (auto fault = found.fault()) {
      problem = *std::move(fault);
    } else {
      continue;
    }
    // The parts of a packed tensor have one fault in common.
    if (!problems.empty() && problems.back().thing == problem.thing) continue;
    problems.push_back(std::move(problem));
  }
  return problems;
}

TESSERA_INLINE std::vector<std::string_view> published_tensors::extra(std::span<const tensor_entry> manifest) const {
  std::set<std::string_view> wanted;
  for (const tensor_entry& entry : manifest)
    if (const published_tensor found = find(entry.label()))
      for (const tensor_view* each : {found.whole, found.rows, found.factors})
        if (each != nullptr) wanted.insert(each->name);
  std::vector<std::string_view> rest;
  for (const tensor_view& tensor : encoder_.tensors())
    if (!wanted.contains(tensor.name)) rest.push_back(tensor.name);
  return rest;
}

TESSERA_INLINE result<> published_tensors::unchanged() const {
  TESSERA_CHECK(encoder_.unchanged());
  for (const weights& file : dense_) TESSERA_CHECK(file.unchanged());
  return {};
}

TESSERA_INLINE fingerprint published_tensors::digest(std::span<const tensor_entry> manifest) const {
  std::uint64_t sum = 0;
  for (const tensor_entry& entry : manifest)
    if (const published_tensor found = find(entry.label())) sum += found.digest(entry.label());
  return {sum == 0 ? 1 : sum};
}

TESSERA_INLINE result<sha256_digest> published_tensors::sha256() const {
  TESSERA_TRY(sha256_digest digest, encoder_.sha256());
  if (dense_.empty()) return digest;
  std::vector<std::byte> digests(digest.begin(), digest.end());
  for (const weights& file : dense_) {
    TESSERA_TRY(digest, file.sha256());
    digests.insert(digests.end(), digest.begin(), digest.end());
  }
  return tessera::sha256(digests);
}

TESSERA_INLINE result<> published_reader::read(std::string_view name, std::span<float> values) {
  const published_tensor tensor = tensors_->find(name);
  if (!tensor) return fail({.code = error_code::not_found, .thing = std::string(name), .wanted = "a tensor", .found = "none"});
  TESSERA_TRY(const std::uint64_t share, tensor.read_with_digest(name, values, threads()));
  digest_ += share;
  notify(*listener_, {.kind = event_kind::progress, .what = "tensors", .done = ++done_, .total = total_});
  return {};
}

}  // namespace tessera::inline TESSERA_ABI
