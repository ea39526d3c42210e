// SPDX-License-Identifier: Apache-2.0
/// How a graph's stages read their tensors: by Tessera's name, into f32 or f16, from whatever source a loader offers.
///
/// The loader has compared every tensor with the manifest before the first read, so a stage asks only for what is there; each read
/// still returns an error value, because a file can change or fail underneath.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/base/result.hpp>
#include <tessera/base/threads.hpp>
#include <tessera/dispatch.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// Rounds to f16; false where a number is beyond its range.
[[nodiscard]] inline bool round_to_f16(std::span<const float> from, std::uint16_t* to) noexcept {
  kernel::kernels().convert.f32_to_f16(from.data(), to, from.size());
  constexpr std::uint16_t exponent = 0x7c00;
  std::size_t infinite = 0;
  for (std::size_t i = 0; i < from.size(); ++i) infinite += (to[i] & exponent) == exponent ? 1u : 0u;
  return infinite == 0;
}
}  // namespace detail

/// Where a model has its table of token vectors.
enum class table_storage {
  /// In memory of its own, as all other weights. Nothing that happens to the file later matters.
  copied,
  /// In the weight file, which stays mapped, read-only, as long as the model or a copy of it lives: rows are read from it whenever a text
  /// is run. **The file must not be written to or truncated meanwhile: that is undefined behaviour, of which the mildest form is a vector
  /// of neither file, and the usual one the end of the process (SIGBUS).** To replace it by renaming another over it, or to remove it, is
  /// safe: the model goes on with the file that it has.
  mapped,
};

/// Numbers that stay in a file, which stays mapped as long as a copy of this lives.
struct mapped_numbers {
  std::shared_ptr<const std::byte> bytes = nullptr;
  std::size_t element_bytes = 0;
  void (*widen)(const std::byte* from, float* to, std::size_t count) noexcept = nullptr;  ///< exactly, from any alignment

  [[nodiscard]] explicit operator bool() const noexcept { return bytes != nullptr; }
  /// Elements [begin, begin + into.size()).
  void read(std::size_t begin, std::span<float> into) const noexcept {
    widen(bytes.get() + begin * element_bytes, into.data(), into.size());
  }
};

/// A source of tensors by Tessera's names.
class weight_reader {
 public:
  /// Fills `values` with the tensor's elements, row-major. Errors: not_found, mismatch (size), io.
  [[nodiscard]] virtual result<> read(std::string_view name, std::span<float> values) = 0;
  /// The same, rounded to f16. A reader that knows how does it without a copy of the tensor in f32. Errors: also out_of_memory;
  /// not_finite where a number is beyond the range of f16.
  [[nodiscard]] virtual result<> read_f16(std::string_view name, std::span<std::uint16_t> values) {
    TESSERA_TRY(const std::span<float> plain, staging(values.size()));
    TESSERA_CHECK(read(name, plain));
    if (detail::round_to_f16(plain, values.data())) return {};
    return fail({.code = error_code::not_finite,
                 .thing = std::string(name),
                 .wanted = "numbers within the range of F16",
                 .found = "one beyond it"});
  }
  /// The numbers that read() would give, `count` of them, where they lie, after the same checks; `in_f16`: those of read_f16 before they
  /// are rounded. Errors: those of the two; unsupported where no file has them so.
  [[nodiscard]] virtual result<mapped_numbers> map(std::string_view name, [[maybe_unused]] std::size_t count,
                                                   [[maybe_unused]] bool in_f16) {
    return fail({.code = error_code::unsupported,
                 .thing = std::string(name),
                 .wanted = "numbers of a file, to be mapped",
                 .found = "others"});
  }
  /// What the caller wants of the table of token vectors.
  [[nodiscard]] table_storage token_storage() const noexcept { return token_storage_; }
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
  /// Weights of so many bytes in all are going to be loaded: they will lie in one block, in the order in which a text meets them. Each
  /// alone is smaller than what large pages pay for; in such pages a text of 16 tokens takes a tenth less time, longer ones 2 to 4 %
  /// (MiniLM in f32 and bf16, Zen 4). Errors: out_of_memory.
  [[nodiscard]] result<> expect(std::size_t bytes) {
    if (bytes < detail::large_bytes) return {};
    TESSERA_TRY(block_, buffer_block::make(bytes));
    return {};
  }
  [[nodiscard]] buffer_block* block() noexcept { return &block_; }

 protected:
  explicit weight_reader(thread_pool* threads = nullptr, table_storage tokens = table_storage::copied) noexcept
      : threads_(threads), token_storage_(tokens) {}
  weight_reader(weight_reader&&) = default;
  weight_reader& operator=(weight_reader&&) = default;
  ~weight_reader() = default;

 private:
  thread_pool* threads_;
  table_storage token_storage_;
  aligned_buffer<float> staging_;
  buffer_block block_;
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
  [[nodiscard]] result<> read(std::string_view name, std::span<std::uint16_t> values) const {
    return reader_->read_f16(prefix_ + std::string(name), values);
  }
  [[nodiscard]] result<mapped_numbers> map(std::string_view name, std::size_t count, bool in_f16) const {
    return reader_->map(prefix_ + std::string(name), count, in_f16);
  }
  [[nodiscard]] table_storage token_storage() const noexcept { return reader_->token_storage(); }
  [[nodiscard]] thread_pool* threads() const noexcept { return reader_->threads(); }
  [[nodiscard]] result<std::span<float>> staging(std::size_t count) const { return reader_->staging(count); }
  [[nodiscard]] buffer_block* block() const noexcept { return reader_->block(); }

 private:
  weight_reader* reader_;
  std::string prefix_;
};

}  // namespace tessera::inline TESSERA_ABI
