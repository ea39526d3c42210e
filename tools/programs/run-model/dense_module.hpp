// SPDX-License-Identifier: Apache-2.0
/// A dense module of a model directory outside its graph: one that modules.json names, or one that lies beside it for another dimension.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/model/directory.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

namespace programs {

namespace ts = tessera;

/// A dense module outside the graph, whose output before normalisation is wanted too.
class dense_module {
 public:
  [[nodiscard]] static ts::result<dense_module> read(const ts::model_directory& directory, const ts::dense_head& head) {
    dense_module made(head);
    TESSERA_TRY(const ts::weights file, ts::weights::open(directory.file(head.folder)));
    std::vector<float> matrix(head.in * head.out);
    TESSERA_TRY(const ts::tensor_view weight, file.at("linear.weight"));
    TESSERA_CHECK(ts::read_f32(weight, matrix));
    if (head.bias) {
      made.bias_.resize(head.out);
      TESSERA_TRY(const ts::tensor_view bias, file.at("linear.bias"));
      TESSERA_CHECK(ts::read_f32(bias, made.bias_));
    }
    const auto& kernel = ts::kernel::kernels().matmul;
    made.packed_.resize(kernel.packed_size_f32(head.in, head.out));
    kernel.pack_f32(matrix.data(), head.in, head.out, made.packed_.data());
    return made;
  }
  /// Of rows that are not `attended` nothing is made: they stay zero.
  [[nodiscard]] std::vector<float> run(const std::vector<float>& rows, const std::vector<bool>& attended) const {
    const std::size_t count = attended.size();
    std::vector<float> made(count * head_.out);
    ts::kernel::kernels().matmul.matmul_f32(rows.data(), head_.in, packed_.data(), bias_.empty() ? nullptr : bias_.data(), head_.activation,
                                            nullptr, made.data(), head_.out, count, head_.out, head_.in);
    for (std::size_t row = 0; row < count; ++row)
      if (!attended[row]) std::fill_n(made.begin() + static_cast<std::ptrdiff_t>(row * head_.out), head_.out, 0.0f);
    return made;
  }
  [[nodiscard]] std::size_t out() const noexcept { return head_.out; }

 private:
  explicit dense_module(const ts::dense_head& head) : head_(head) {}

  ts::dense_head head_;
  std::vector<float> packed_;
  std::vector<float> bias_;
};

/// The dense modules in folders N_Dense and N_Dense_K of a directory, by the size of what they give, where they take `in` values.
[[nodiscard]] inline ts::result<std::map<std::size_t, dense_module>> dense_modules_beside(const ts::model_directory& directory,
                                                                                          std::size_t in) {
  std::map<std::size_t, dense_module> modules;
  std::error_code failed;
  for (std::filesystem::directory_iterator place(directory.path, failed), end; !failed && place != end; place.increment(failed)) {
    const std::string folder = place->path().filename().string();
    if (folder.find("_Dense") == std::string::npos || !place->is_directory()) continue;
    TESSERA_TRY(const ts::dense_head head, ts::read_dense_head(directory, folder));
    if (head.in != in) continue;
    TESSERA_TRY(dense_module module, dense_module::read(directory, head));
    modules.emplace(head.out, std::move(module));
  }
  return modules;
}

}  // namespace programs
