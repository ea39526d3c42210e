// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/weights.hpp.
#pragma once

#include <tessera/io/json.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/io/weights.hpp>

#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <map>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline constexpr std::array<std::string_view, 4> weight_files = {"model.safetensors", "model.safetensors.index.json", "onnx/model.onnx",
                                                                 "model.onnx"};

/// 'f' file, 'd' directory, 0 nothing there (or not to be looked at).
[[nodiscard]] inline char kind_of_path(const std::string& path) noexcept {
  struct stat status {};
  if (path.find('\0') != std::string::npos || ::stat(path.c_str(), &status) != 0) return 0;
  return S_ISDIR(status.st_mode) ? 'd' : 'f';
}

/// `name` beside the file `path`.
[[nodiscard]] inline std::string beside(std::string_view path, std::string_view name) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1)).append(name);
}

}  // namespace detail

TESSERA_INLINE result<weights> weights::open(std::string_view path) {
  std::string place(path);
  if (detail::kind_of_path(place) != 'd') return path.ends_with(".json") ? open_index(path) : open_file(path);
  if (!place.ends_with('/')) place += '/';
  std::string looked;
  for (const std::string_view name : detail::weight_files) {
    const std::string file = place + std::string(name);
    if (detail::kind_of_path(file) == 'f') return name.ends_with(".json") ? open_index(file) : open_file(file);
    looked += (looked.empty() ? "" : name == detail::weight_files.back() ? " or " : ", ") + std::string(name);
  }
  std::string found = "none of them";
  for (const std::string_view other : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (detail::kind_of_path(place + std::string(other)) == 'f') found = std::string(other) + ", which is not read";
  return fail({.code = error_code::not_found,
               .thing = "weights",
               .wanted = std::move(looked),
               .found = std::move(found),
               .path = std::string(path)});
}

TESSERA_INLINE result<weights> weights::open_file(std::string_view path) {
  if (path.ends_with(".onnx")) return open_onnx(path);
  if (path.ends_with(".gguf")) return open_gguf(path);
  for (const std::string_view ending : {".bin", ".pt", ".pth", ".h5", ".msgpack"})
    if (path.ends_with(ending))
      return fail({.code = error_code::unsupported,
                   .thing = "weights",
                   .wanted = "a .safetensors file, its .index.json, an .onnx or a .gguf file",
                   .found = "a " + std::string(ending) + " file",
                   .path = std::string(path)});
  weights opened;
  opened.path_ = path;
  TESSERA_TRY(safetensors file, safetensors::open(path));
  opened.sources_.push_back(std::move(file));
  TESSERA_CHECK(opened.gather());
  return opened;
}

TESSERA_INLINE result<weights> weights::open_index(std::string_view path) {
  TESSERA_TRY(const json index, read_json(path));
  TESSERA_TRY(const json_value map, index.root().at("weight_map"));
  TESSERA_TRY(const json_members entries, map.members());
  std::map<std::string_view, std::vector<std::string_view>> shards;  // file -> tensors that the index puts there
  for (const auto& [tensor, value] : entries) {
    TESSERA_TRY(const auto file, value.get<std::string_view>());
    // Only a plain name: an index must not reach beyond its directory, and no published one has subdirectories.
    if (file.empty() || file == "." || file == ".." ||
        file.find_first_of(std::string_view("/\\\0", 3)) != std::string_view::npos)
      return std::unexpected(value.mismatch("a file name beside the index", quoted(file)));
    shards[file].push_back(tensor);
  }
  if (shards.empty()) return std::unexpected(map.mismatch("at least one tensor", "none"));
  weights opened;
  opened.path_ = path;
  opened.sources_.reserve(shards.size());
  for (const auto& [file, tensors] : shards) {
    auto shard = safetensors::open(detail::beside(path, file));
    if (!shard)
      return fail({.code = shard.error().code,
                   .thing = "shard " + quoted(file),
                   .path = std::string(path),
                   .causes = {std::move(shard).error()}});
    for (const std::string_view tensor : tensors)
      if (shard->find(tensor) == nullptr)
        return fail({.code = error_code::mismatch,
                     .thing = quoted(tensor),
                     .wanted = "a tensor of " + std::string(file) + " as the index says",
                     .found = "none of that name",
                     .path = std::string(path)});
    opened.sources_.push_back(*std::move(shard));
  }
  TESSERA_CHECK(opened.gather());
  return opened;
}

TESSERA_INLINE result<weights> weights::open_onnx(std::string_view path) {
  weights opened;
  opened.path_ = path;
  TESSERA_TRY(onnx file, onnx::open(path));
  opened.exports_.push_back(std::move(file));
  TESSERA_CHECK(opened.gather());
  return opened;
}

TESSERA_INLINE result<weights> weights::open_gguf(std::string_view path) {
  weights opened;
  opened.path_ = path;
  TESSERA_TRY(opened.ggufs_, open_gguf_parts(path));
  for (const gguf& file : opened.ggufs_)
    for (const gguf_tensor& each : file.tensors()) {
      TESSERA_TRY(const tensor_view tensor, file.tensor(each.name));
      opened.tensors_.push_back(tensor);
    }
  TESSERA_CHECK(opened.gather());
  return opened;
}

TESSERA_INLINE result<> weights::gather() {
  for (const safetensors& source : sources_)
    tensors_.insert(tensors_.end(), source.tensors().begin(), source.tensors().end());
  for (const onnx& source : exports_) tensors_.insert(tensors_.end(), source.tensors().begin(), source.tensors().end());
  std::ranges::sort(tensors_, [](const tensor_view& a, const tensor_view& b) {
    return a.name != b.name ? a.name < b.name : a.file < b.file;
  });
  const auto twice = std::ranges::adjacent_find(tensors_, {}, &tensor_view::name);
  if (twice == tensors_.end()) return {};
  return fail({.code = error_code::malformed,
               .thing = quoted(twice->name),
               .wanted = "each tensor in one shard",
               .found = std::string(twice->file) + " and " + std::string(std::next(twice)->file),
               .path = path_});
}

TESSERA_INLINE const tensor_view* weights::find(std::string_view name) const noexcept { return find_tensor(tensors_, name); }

TESSERA_INLINE result<tensor_view> weights::at(std::string_view name) const { return tensor_at(tensors_, name, path_); }

TESSERA_INLINE std::vector<const mapped_file*> weights::mappings() const {
  std::vector<const mapped_file*> all;
  for (const safetensors& source : sources_) all.push_back(&source.file());
  for (const onnx& source : exports_)
    for (const mapped_file& file : source.files()) all.push_back(&file);
  for (const gguf& source : ggufs_) all.push_back(&source.file());
  return all;
}

TESSERA_INLINE result<std::shared_ptr<const std::byte>> weights::part(const tensor_view& tensor) const {
  for (const mapped_file* file : mappings())
    if (file->contains(tensor.bytes)) return file->part(tensor.bytes);
  return fail({.code = error_code::unsupported,
               .thing = quoted(tensor.name),
               .wanted = "bytes of the file, in one piece",
               .found = "numbers put together when it was opened",
               .path = std::string(tensor.file)});
}

TESSERA_INLINE std::vector<std::string_view> weights::files() const {
  std::vector<std::string_view> paths;
  for (const mapped_file* file : mappings()) paths.push_back(file->path());
  return paths;
}

TESSERA_INLINE result<> weights::unchanged() const {
  for (const mapped_file* file : mappings()) TESSERA_CHECK(file->unchanged());
  return {};
}

TESSERA_INLINE result<sha256_digest> weights::sha256() const {
  std::vector<std::byte> digests;
  const std::vector<const mapped_file*> files = mappings();
  for (const mapped_file* file : files) {
    TESSERA_TRY(const sha256_digest digest, remembered_sha256(*file));
    if (files.size() == 1) return digest;
    digests.insert(digests.end(), digest.begin(), digest.end());
  }
  return tessera::sha256(digests);
}

}  // namespace tessera::inline TESSERA_ABI
