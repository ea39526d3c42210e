// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/checkpoint.hpp.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/base/half.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/model/checkpoint.hpp>
#include <tessera/model/loader-inl.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <map>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Gathers tensors under published names, then writes them all.
class checkpoint_writer {
 public:
  explicit checkpoint_writer(dtype type) noexcept : type_(type) {}

  /// Reads a tensor of this shape as part `where.part` of the published one.
  [[nodiscard]] result<> add(const naming::candidate& where, const tensor_entry& entry, weight_reader& source) {
    TESSERA_TRY(auto values, aligned_buffer<float>::make(entry.size()));
    TESSERA_CHECK(source.read(entry.label(), values.span()));
    if (where.more != 0.0f)
      for (float& x : values.span()) x += where.more;
    tensor& into = tensors_[where.name];
    if (into.shape.empty()) {
      into.shape.assign(entry.shape.begin(), entry.shape.begin() + static_cast<std::ptrdiff_t>(entry.rank));
      into.shape.front() *= where.parts;
      TESSERA_TRY(into.bytes, aligned_buffer<std::byte>::make(entry.size() * where.parts * width()));
    }
    std::byte* place = into.bytes.data() + where.part * entry.size() * width();
    for (const float x : values.span()) {
      TESSERA_CHECK(put(place, x, where.name));
      place += width();
    }
    return {};
  }
  [[nodiscard]] result<> write(std::string_view path) const {
    std::vector<tensor_view> views;
    for (const auto& [name, each] : tensors_)
      views.push_back({.name = name, .type = type_, .shape = each.shape, .bytes = each.bytes.span(), .file = {}});
    // transformers reads no file that does not say this.
    const std::pair<std::string, std::string> format = {"format", "pt"};
    return write_safetensors(path, views, std::span(&format, 1));
  }

 private:
  struct tensor {
    std::vector<std::size_t> shape;
    aligned_buffer<std::byte> bytes;
  };
  [[nodiscard]] std::size_t width() const noexcept { return type_ == dtype::f32 ? 4 : 2; }
  [[nodiscard]] result<> put(std::byte* place, float x, std::string_view name) const {
    static_assert(std::endian::native == std::endian::little, "tessera: tensors in memory are written on little-endian processors only");
    if (type_ == dtype::f32 && std::isfinite(x)) {
      std::memcpy(place, &x, sizeof x);
      return {};
    }
    const std::uint16_t bits = type_ == dtype::f16 ? float16(x).bits : bfloat16(x).bits;
    const std::uint16_t exponent = type_ == dtype::f16 ? 0x7c00 : 0x7f80;
    if ((bits & exponent) == exponent)
      return fail({.code = error_code::not_finite,
                   .thing = std::string(name),
                   .wanted = "numbers within the range of " + std::string(to_string(type_)),
                   .found = std::to_string(x)});
    std::memcpy(place, &bits, sizeof bits);
    return {};
  }

  dtype type_;
  std::map<std::string, tensor, std::less<>> tensors_;
};

[[nodiscard]] inline result<> check_checkpoint_type(dtype type) {
  if (type == dtype::f32 || type == dtype::f16 || type == dtype::bf16) return {};
  return fail({.code = error_code::invalid_argument,
               .thing = "checkpoint",
               .wanted = "F32, F16 or BF16",
               .found = std::string(to_string(type))});
}

/// True for a tensor that stands beside the encoder and not in it, by its published name.
[[nodiscard]] inline bool is_beside_encoder(std::string_view name) noexcept {
  return name.starts_with("classifier.") || name.starts_with("head.");
}

}  // namespace detail

TESSERA_INLINE result<> write_checkpoint(std::string_view path, const model_description& model, weight_reader& source, dtype type) {
  TESSERA_CHECK(detail::check_checkpoint_type(type));
  if (model.rerank && model.rerank->answers)
    return fail({.code = error_code::unsupported,
                 .thing = "checkpoint",
                 .wanted = "an encoder or a classifier",
                 .found = "a reranker that answers"});
  const naming& names = model.encoder.names;
  const bool inside = model.rerank || model.encoder.adapters != 0;  // the encoder is a part of what is published
  const std::string_view prefix = inside && names.prefixes.size() > 1 ? names.prefixes[1] : std::string_view();
  detail::checkpoint_writer writer(type);
  for (const tensor_entry& entry : model.encoder.manifest) {
    const std::vector<naming::candidate> all = naming::published(entry.label(), names.names);
    // What PyTorch calls a parameter with adapters is not what it calls one without.
    const auto plain = [&](const naming::candidate& each) { return each.name.find(".parametrizations.") == std::string::npos; };
    naming::candidate chosen = all.front();
    if (const auto place = std::ranges::find_if(all, plain); model.encoder.adapters == 0 && place != all.end()) chosen = *place;
    if (!detail::is_beside_encoder(chosen.name)) chosen.name.insert(0, prefix);
    TESSERA_CHECK(writer.add(chosen, entry, source));
  }
  return writer.write(path);
}

TESSERA_INLINE result<> write_dense_checkpoint(std::string_view path, const model_description& model, std::size_t head,
                                               weight_reader& source, dtype type) {
  TESSERA_CHECK(detail::check_checkpoint_type(type));
  if (head >= model.dense.size())
    return fail({.code = error_code::invalid_argument,
                 .thing = "dense module",
                 .wanted = "one of " + std::to_string(model.dense.size()),
                 .found = "number " + std::to_string(head)});
  const std::string scope = head == 0 ? "dense." : "dense." + std::to_string(head) + ".";
  detail::checkpoint_writer writer(type);
  for (const tensor_entry& entry : model.manifest())
    if (const std::string_view label = entry.label(); label == scope + "weight" || label == scope + "bias")
      TESSERA_CHECK(writer.add({.name = "linear." + std::string(label.substr(scope.size()))}, entry, source));
  return writer.write(path);
}

TESSERA_INLINE result<> convert_checkpoint(std::string_view directory, std::string_view path, const convert_options& options) {
  TESSERA_TRY(const model_directory published, model_directory::read(directory));
  TESSERA_TRY(const model_description model, describe(published, options.weights));
  const load_options how{.weights = options.weights, .tokens_only = true};
  TESSERA_TRY(const load_plan plan, check_directory(published, model, how));
  published_reader reader(plan.tensors, model.manifest().size(), how.listener);
  TESSERA_CHECK(write_checkpoint(path, model, reader, options.type));
  return plan.tensors.unchanged();
}

}  // namespace tessera::inline TESSERA_ABI
