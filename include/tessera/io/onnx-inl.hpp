// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/onnx.hpp: what is kept of a file, opening, looking up.
#pragma once

#include <tessera/io/onnx.hpp>

#include <algorithm>
#include <deque>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A node through which a weight may reach a linear map, or the map itself.
struct onnx_node {
  std::string_view operation;
  std::string_view name;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<std::uint64_t> permutation = {};
  bool transposes_input = false;   // Gemm's transA
  bool transposes_weight = false;  // Gemm's transB
};

}  // namespace detail

struct onnx::contents {
  std::string path;
  std::vector<mapped_file> files = {};
  std::deque<std::string> names = {};  // stable addresses for the views
  std::deque<std::vector<std::size_t>> shapes = {};
  std::deque<std::vector<std::byte>> data = {};  // of typed and of transposed tensors
  std::vector<tensor_view> initializers = {};    // by name
  std::vector<tensor_view> tensors = {};         // by name
};

TESSERA_INLINE void onnx::release::operator()(contents* state) const noexcept { delete state; }

TESSERA_INLINE std::span<const tensor_view> onnx::initializers() const noexcept { return state_->initializers; }
TESSERA_INLINE std::span<const tensor_view> onnx::tensors() const noexcept { return state_->tensors; }
TESSERA_INLINE std::string_view onnx::path() const noexcept { return state_->path; }
TESSERA_INLINE std::span<const mapped_file> onnx::files() const noexcept { return state_->files; }

TESSERA_INLINE const tensor_view* onnx::find(std::string_view name) const noexcept { return find_tensor(state_->tensors, name); }

TESSERA_INLINE result<tensor_view> onnx::at(std::string_view name) const { return tensor_at(state_->tensors, name, state_->path); }

TESSERA_INLINE result<onnx> onnx::open(std::string_view path) {
  TESSERA_TRY(mapped_file file, mapped_file::open(path));
  const auto bytes = file.bytes();
  return read(std::move(file), bytes, path, true);
}

TESSERA_INLINE result<onnx> onnx::view(std::span<const std::byte> bytes, std::string_view path) {
  return read(mapped_file(), bytes, path, false);
}

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/io/onnx_names-inl.hpp>
#include <tessera/io/onnx_read-inl.hpp>
