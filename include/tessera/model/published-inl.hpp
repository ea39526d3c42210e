// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/published.hpp: all tensors of a directory.
#pragma once

#include <tessera/model/published.hpp>
#include <tessera/model/published_map-inl.hpp>
#include <tessera/model/published_tensor-inl.hpp>

#include <set>

namespace tessera::inline TESSERA_ABI {

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
  for (const tensor_entry& entry : model.encoder.manifest)
    if (entry.label() == "position_embedding.weight" && entry.shape[0] > model.encoder.positions)
      opened.before_positions_ = entry.shape[0] - model.encoder.positions;
  if (!opened.names_.names.empty() && !directory.is_gguf)  // one GGUF file has the heads too
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
    return {found, each.part, each.parts, beside(each.rows), beside(each.factors), each.more, each.cut ? before_positions_ : 0, each.stack};
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

TESSERA_INLINE result<published_tensor> published_reader::find(std::string_view name) const {
  if (const published_tensor tensor = tensors_->find(name)) return tensor;
  return fail({.code = error_code::not_found, .thing = std::string(name), .wanted = "a tensor", .found = "none"});
}

TESSERA_INLINE void published_reader::count(std::uint64_t share) {
  digest_ += share;
  notify(*listener_, {.kind = event_kind::progress, .what = "tensors", .done = ++done_, .total = total_});
}

TESSERA_INLINE result<> published_reader::read(std::string_view name, std::span<float> values) {
  TESSERA_TRY(const published_tensor tensor, find(name));
  TESSERA_TRY(const std::uint64_t share, tensor.read_with_digest(name, values, threads()));
  count(share);
  return {};
}

TESSERA_INLINE result<> published_reader::read_f16(std::string_view name, std::span<std::uint16_t> values) {
  TESSERA_TRY(const published_tensor tensor, find(name));
  if (!tensor.is_plain()) return weight_reader::read_f16(name, values);
  TESSERA_TRY(const std::uint64_t share, tensor.read_with_digest(name, values, threads()));
  count(share);
  return {};
}

}  // namespace tessera::inline TESSERA_ABI
