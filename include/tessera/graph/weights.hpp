// SPDX-License-Identifier: Apache-2.0
/// How a graph's stages read their tensors: by Tessera's name, into f32, from whatever source a loader offers.
///
/// The loader has compared every tensor with the manifest before the first read, so a stage asks only for what is there; each read
/// still returns an error value, because a file can change or fail underneath.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/base/result.hpp>
#include <tessera/base/threads.hpp>

#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// A source of tensors in f32, by Tessera's names.
class weight_reader {
 public:
  /// Fills `values` with the tensor's elements, row-major. Errors: not_found, mismatch (size), io.
  [[nodiscard]] virtual result<> read(std::string_view name, std::span<float> values) = 0;
  /// What may share the work of reading and packing; null: the thread that calls does all of it.
  [[nodiscard]] thread_pool* threads() const noexcept { return threads_; }
  /// `count` floats of any value for what is read only to be packed, until the next call: memory that is asked for anew for each map
  /// costs more than all else in loading a large model. Error: out_of_memory.
  [[nodiscard]] result<std::span<float>> staging(std::size_t count) {
    if (count > staging_.size()) {
      staging_ = {};  // give back before asking for more
      TESSERA_TRY(staging_, aligned_buffer<float>::make(count));
    }
    return staging_.span().first(count);
  }

 protected:
  explicit weight_reader(thread_pool* threads = nullptr) noexcept : threads_(threads) {}
  weight_reader(weight_reader&&) = default;
  weight_reader& operator=(weight_reader&&) = default;
  ~weight_reader() = default;

 private:
  thread_pool* threads_;
  aligned_buffer<float> staging_;
};

/// A reader with a prefix before every name.
class weight_scope {
 public:
  explicit weight_scope(weight_reader& reader, std::string prefix = {}) : reader_(&reader), prefix_(std::move(prefix)) {}

  [[nodiscard]] weight_scope scope(std::string_view name) const {
    return weight_scope(*reader_, prefix_ + std::string(name) + ".");
  }
  [[nodiscard]] weight_scope scope(std::string_view name, std::size_t index) const {
    return scope(name).scope(index);
  }
  [[nodiscard]] weight_scope scope(std::size_t index) const { return scope(std::to_string(index)); }
  [[nodiscard]] result<> read(std::string_view name, std::span<float> values) const {
    return reader_->read(prefix_ + std::string(name), values);
  }
  [[nodiscard]] thread_pool* threads() const noexcept { return reader_->threads(); }
  [[nodiscard]] result<std::span<float>> staging(std::size_t count) const { return reader_->staging(count); }

 private:
  weight_reader* reader_;
  std::string prefix_;
};

}  // namespace tessera::inline TESSERA_ABI
