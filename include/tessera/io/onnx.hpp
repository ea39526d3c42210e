// SPDX-License-Identifier: Apache-2.0
/// ONNX files as a source of weights: the initialisers, and the names and orientation under which a model was published before export.
///
///     TESSERA_TRY(const ts::onnx file, ts::onnx::open("onnx/model.onnx"));
///     for (const ts::tensor_view& tensor : file.initializers()) ...   // as stored: "onnx::MatMul_482" [384, 1536]
///     TESSERA_TRY(const auto weight, file.at("encoder.layer.0.intermediate.dense.weight"));   // [1536, 384], as published
///
/// Exporters fold the transposition of a linear map into its weight, which loses its name, and store equal tensors once behind Identity
/// nodes. The graph says what was lost. A map y = x·W + b is a MatMul, then an Add, or a Gemm; with W behind any number of Transpose,
/// Identity and Cast nodes, and its name is, in this order,
///
/// 1. that of W, where one on the way ends in ".weight";
/// 2. that of b, where it ends in ".bias" and no other map adds the same b;
/// 3. the path of the node: "/encoder/layer.0/output/dense/MatMul" is "encoder.layer.0.output.dense.weight".
///
/// Published weights of linear maps are [out, in]. A name that two different tensors could have is given to neither, so that loading
/// reports it missing. Nothing else of the graph is read: what it computes is not checked.
///
/// Data is raw, typed or external; external files lie in the folder of the .onnx file or below it, also after links are followed.
#pragma once

#include <tessera/io/mapped_file.hpp>
#include <tessera/io/tensor.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {
struct onnx_node;
}

/// Move-only; views stay valid while it (or what it was moved to) lives.
class onnx {
 public:
  /// Maps and checks the file and its external data. Errors: those of `mapped_file::open`; malformed with tensor, wanted, found and byte
  /// (a name twice, data that does not fit the shape, a location outside the folder); unsupported (sparse tensors; strings; numbers
  /// narrower than 8 bits).
  [[nodiscard]] static result<onnx> open(std::string_view path);
  /// Checks bytes that outlive the object; `path` only names them, and external data is an error (unsupported).
  [[nodiscard]] static result<onnx> view(std::span<const std::byte> bytes, std::string_view path);

  /// The initialisers as they are stored, sorted by name.
  [[nodiscard]] std::span<const tensor_view> initializers() const noexcept;
  /// The same under published names in published orientation, sorted by name; those of which the graph says nothing as they are stored.
  [[nodiscard]] std::span<const tensor_view> tensors() const noexcept;
  /// The published tensor of that name, or null.
  [[nodiscard]] const tensor_view* find(std::string_view name) const noexcept;
  /// The published tensor of that name. Error: not_found.
  [[nodiscard]] result<tensor_view> at(std::string_view name) const;

  [[nodiscard]] std::string_view path() const noexcept;
  /// The file, then the files of external data, for `unchanged` and `remembered_sha256`; after `view` one that is empty.
  [[nodiscard]] std::span<const mapped_file> files() const noexcept;

 private:
  struct contents;
  struct release {
    void operator()(contents* state) const noexcept;
  };
  class reader;
  class names;
  explicit onnx(std::unique_ptr<contents, release> state) noexcept : state_(std::move(state)) {}
  [[nodiscard]] static result<onnx> read(mapped_file file, std::span<const std::byte> bytes, std::string_view path,
                                         bool external);
  /// Makes the published tensors of the stored ones.
  static void give_names(contents& state, std::span<const detail::onnx_node> nodes);

  std::unique_ptr<contents, release> state_;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/onnx-inl.hpp>
#endif
