// SPDX-License-Identifier: Apache-2.0
/// The weights of a model as one set of tensors, however they are stored: one file, shards behind an index, an ONNX export, or GGUF.
///
///     TESSERA_TRY(const ts::weights file, ts::weights::open("models/all-MiniLM-L6-v2"));   // or a file, or an index
///     TESSERA_TRY(const auto table, file.at("embeddings.word_embeddings.weight"));
///     TESSERA_CHECK(ts::read_f32(table, floats));
///     TESSERA_CHECK(file.unchanged());
///
/// Shards (`model.safetensors.index.json`: weight_map from tensor to file) must be plain file names beside the index,
/// hold what the index says, and share no tensor name; the index's total_size is not used, published ones are often
/// wrong. Of an ONNX export the tensors have their published names and orientation (io/onnx.hpp); of a GGUF file, or of all files of a
/// split one, llama.cpp's.
#pragma once

#include <tessera/io/gguf.hpp>
#include <tessera/io/onnx.hpp>
#include <tessera/io/safetensors.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Move-only; views stay valid while it (or what it was moved to) lives.
class weights {
 public:
  /// `path` is a .safetensors file, an index (.json), an .onnx or .gguf file or a directory that holds `model.safetensors`,
  /// `model.safetensors.index.json`, `onnx/model.onnx` or `model.onnx`, looked for in this order. Errors: not_found with
  /// the list of what was looked for, malformed, mismatch, unsupported, io; each names the file.
  [[nodiscard]] static result<weights> open(std::string_view path);

  /// All tensors of all files, sorted by name.
  [[nodiscard]] std::span<const tensor_view> tensors() const noexcept { return tensors_; }
  /// The tensor of that name, or null.
  [[nodiscard]] const tensor_view* find(std::string_view name) const noexcept;
  /// The tensor of that name. Error: not_found.
  [[nodiscard]] result<tensor_view> at(std::string_view name) const;

  /// What was opened: the file or the index.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The files that hold the tensors, one or more, in order of their names; an export, then its external data.
  [[nodiscard]] std::vector<std::string_view> files() const;

  /// True for an ONNX export, which may wrap the model: any prefix may stand before its names.
  [[nodiscard]] bool exported() const noexcept { return !exports_.empty(); }
  /// True for a GGUF file, whose tensors have names of their own.
  [[nodiscard]] bool is_gguf() const noexcept { return !ggufs_.empty(); }

  /// The bytes of one of its tensors as a mapping of their own, which outlives this object. Errors: unsupported where no file has them in
  /// one piece (numbers of an ONNX file that were put together); io.
  [[nodiscard]] result<std::shared_ptr<const std::byte>> part(const tensor_view& tensor) const;

  /// Error (mismatch) where a file was written to since it was opened: what was copied may be of two states.
  [[nodiscard]] result<> unchanged() const;
  /// SHA-256 of the file; of several files, that of their digests one after another in order of the file names. Reads
  /// everything, once: remembered beside each file (`remembered_sha256`).
  [[nodiscard]] result<sha256_digest> sha256() const;

 private:
  [[nodiscard]] static result<weights> open_file(std::string_view path);
  [[nodiscard]] static result<weights> open_index(std::string_view path);
  [[nodiscard]] static result<weights> open_onnx(std::string_view path);
  [[nodiscard]] static result<weights> open_gguf(std::string_view path);
  [[nodiscard]] std::vector<const mapped_file*> mappings() const;
  [[nodiscard]] result<> gather();

  std::string path_;
  std::vector<safetensors> sources_;
  std::vector<onnx> exports_;  // none or one
  std::vector<gguf> ggufs_;    // none, one, or the parts of a split one
  std::vector<tensor_view> tensors_;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/weights-inl.hpp>
#endif
