// SPDX-License-Identifier: Apache-2.0
/// The tensors of a published directory under Tessera's names: compared with a manifest before anything is read, all mismatches at once.
///
/// Legacy spellings (`LayerNorm.gamma`, `.beta`) are found too, and names behind the prefix of an ONNX export's wrapper.
/// Extra tensors are listed, never fatal.
#pragma once

#include <tessera/base/fingerprint.hpp>
#include <tessera/base/observer.hpp>
#include <tessera/graph/weights.hpp>
#include <tessera/io/sha256.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

/// A tensor of a file, one of the equal parts of a packed one, or a table whose rows are looked up in one.
struct published_tensor {
  const tensor_view* whole = nullptr;
  std::size_t part = 0;
  std::size_t parts = 1;
  const tensor_view* rows = nullptr;     ///< row i is row rows[i] of `whole`; null: row i
  const tensor_view* factors = nullptr;  ///< row i is multiplied by factors[i]; null: by 1
  float more = 0.0f;                     ///< what the file's numbers exceed the tensor's by
  std::size_t missing = 0;               ///< first rows that the file leaves out; read as NaN, so that a text that needs one is an error
  published_name::stack_form stack = published_name::stack_form::none;

  [[nodiscard]] explicit operator bool() const noexcept { return whole != nullptr; }
  [[nodiscard]] std::vector<std::size_t> shape() const;
  /// Whether that is the shape wanted. llama.cpp leaves out a first extent of 1.
  [[nodiscard]] bool fits(const tensor_entry& wanted, bool in_gguf) const;
  /// The first thing that is wrong with its type, or with the tensors that say how to look up.
  [[nodiscard]] std::optional<error> fault() const;
  /// Errors: mismatch, where it has not values.size() elements, or `rows` names one that is not there; not_finite.
  [[nodiscard]] result<> read(std::span<float> values) const;
  /// Whether its elements are those of the file, in the file's order.
  [[nodiscard]] bool is_plain() const noexcept {
    return rows == nullptr && factors == nullptr && missing == 0 && stack != published_name::stack_form::turned;
  }
  /// The same, pieces of it shared among threads, and the digest beside them.
  [[nodiscard]] result<std::uint64_t> read_with_digest(std::string_view name, std::span<float> values, thread_pool* threads) const;
  /// The same in f16, for one that is plain.
  [[nodiscard]] result<std::uint64_t> read_with_digest(std::string_view name, std::span<std::uint16_t> values, thread_pool* threads) const;
  /// Its numbers where the file has them, for one that `file` has as they are: f32, f16 or bf16, in their order. Errors: unsupported,
  /// mismatch (another count), io.
  [[nodiscard]] result<mapped_numbers> map(const weights& file, std::size_t count) const;
  /// The checks and the digest of read_with_digest, for numbers that are not kept; `in_f16`: those of reading in f16.
  [[nodiscard]] result<std::uint64_t> check_with_digest(std::string_view name, bool in_f16, thread_pool* threads) const;
  /// One tensor's share of a model's fingerprint, under Tessera's name; the shares are added.
  [[nodiscard]] std::uint64_t digest(std::string_view name) const noexcept;

 private:
  /// Elements of a piece: enough that waking a thread is nothing beside it, whole blocks of every type.
  static constexpr std::size_t piece = std::size_t{1} << 17u;
  [[nodiscard]] bool read_piece(std::span<float> into, std::size_t begin) const noexcept;
  [[nodiscard]] bool read_piece(std::span<std::uint16_t> into, std::size_t begin) const noexcept;
  [[nodiscard]] bool check_piece(std::size_t begin, std::size_t count, bool in_f16) const noexcept;
  /// The digest, and `good(begin, count)` of each piece of `size` elements, shared among threads; nothing where one is not good.
  template <class Good>
  [[nodiscard]] std::optional<std::uint64_t> each_piece(std::string_view name, std::size_t size, thread_pool* threads, Good good) const;
  [[nodiscard]] error wrong_size(std::size_t wanted) const;
  /// The error for what is no finite number, or beyond the range of that type.
  [[nodiscard]] result<> refuse_numbers(std::string_view range) const;
  [[nodiscard]] tensor_view own() const noexcept;
  [[nodiscard]] result<> look_up(std::span<float> values) const;
  [[nodiscard]] result<> read_turned(std::span<float> values) const;
};

/// The weights of a model directory: the encoder's file and one file for each dense head.
class published_tensors {
 public:
  /// Opens the files of `directory`; `weights_path` replaces the encoder's file where it is not empty. Errors: those of weights::open.
  [[nodiscard]] static result<published_tensors> open(const model_directory& directory, const model_description& model,
                                                      std::string_view weights_path = {});

  /// The tensor behind one of Tessera's names, or nothing.
  [[nodiscard]] published_tensor find(std::string_view ours) const;
  /// Every entry that is missing, of another shape, or not floating-point.
  [[nodiscard]] std::vector<error> compare(std::span<const tensor_entry> manifest) const;
  /// Published names of the encoder's file that the manifest does not ask for.
  [[nodiscard]] std::vector<std::string_view> extra(std::span<const tensor_entry> manifest) const;
  /// Error (mismatch) where a file changed since it was opened.
  [[nodiscard]] result<> unchanged() const;

  [[nodiscard]] const weights& encoder() const noexcept { return encoder_; }
  /// What tells these weights from others: a digest over names and bytes of the manifest's tensors, in any order.
  [[nodiscard]] fingerprint digest(std::span<const tensor_entry> manifest) const;
  /// SHA-256 of the one weight file, or over those of all (encoder first, heads in order).
  [[nodiscard]] result<sha256_digest> sha256() const;

 private:
  /// The file and the published names that one of Tessera's names may stand for.
  struct place {
    const weights* file;
    std::vector<naming::candidate> names;
  };
  [[nodiscard]] place locate(std::string_view ours) const;
  /// What an export puts before the published names, by where it has Tessera's tensor `first`.
  [[nodiscard]] std::string wrapper(std::string_view first) const;

  naming names_;
  std::string prefix_;
  std::size_t before_positions_ = 0;  // rows of the position table before the first text position
  weights encoder_;
  std::vector<weights> dense_;
};

/// Reads published tensors for a graph, refuses what is not finite, and sums up the fingerprint of what it has read.
class published_reader final : public weight_reader {
 public:
  /// `total`: tensors that will be read, for the progress events.
  published_reader(const published_tensors& tensors, std::size_t total, const observer& listener, thread_pool* threads = nullptr,
                   table_storage tokens = table_storage::copied) noexcept
      : weight_reader(threads, tokens), tensors_(&tensors), listener_(&listener), total_(total) {}

  [[nodiscard]] result<> read(std::string_view name, std::span<float> values) override;
  [[nodiscard]] result<> read_f16(std::string_view name, std::span<std::uint16_t> values) override;
  [[nodiscard]] result<mapped_numbers> map(std::string_view name, std::size_t count, bool in_f16) override;
  [[nodiscard]] fingerprint made_by() const noexcept { return {digest_ == 0 ? 1 : digest_}; }
  /// Bytes of all that was mapped.
  [[nodiscard]] std::size_t mapped_bytes() const noexcept { return mapped_bytes_; }

 private:
  [[nodiscard]] result<published_tensor> find(std::string_view name) const;
  /// A tensor was read: its digest, and one step of progress.
  void count(std::uint64_t share);

  const published_tensors* tensors_;
  const observer* listener_;
  std::uint64_t digest_ = 0;
  std::size_t done_ = 0;
  std::size_t total_ = 0;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/published-inl.hpp>
#endif
