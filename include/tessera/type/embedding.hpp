// SPDX-License-Identifier: Apache-2.0
/// One vector of an embedding space: `embedding` owns it on a 64-byte boundary, `embedding_view` borrows it.
///
///     ts::embedding<ts::anonymous<3>> e(std::array{1.0f, 2.0f, 2.0f});
///     ts::embedding_view<ts::anonymous<3>> v = e;             // promises the alignment of float
///     ts::embedding_view<ts::anonymous<3>, ts::f32, 64> w = e;  // promises a whole vector register
///
/// Space and precision are in the type. What a type cannot know goes beside the components: the fingerprint of the model that
/// made them (two fine-tunes of one architecture share a type) and, for narrow precisions, the scale and the length.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/base/fingerprint.hpp>
#include <tessera/type/precision.hpp>
#include <tessera/type/space.hpp>

#include <array>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

/// What a narrow precision stores beside its components; `unknown` lengths are computed where they are needed.
template <precision Precision>
struct row_facts {};

template <floating_precision Precision>
  requires(!std::is_same_v<Precision, f32>)
struct row_facts<Precision> {
  static constexpr float unknown = -1.0f;
  float norm = unknown;  ///< Euclidean length of the stored values
};

template <scaled_precision Precision>
struct row_facts<Precision> {
  static constexpr float unknown = -1.0f;
  float scale = 1.0f;    ///< component = code · scale
  float norm = unknown;  ///< Euclidean length of code · scale
};

/// An embedding or a view of one.
template <class T>
concept embedding_like = requires(const T& vector) {
  typename T::space;
  typename T::precision;
  vector.view();
};

/// Borrows one vector whose address is a multiple of Alignment bytes.
template <embedding_space Space, precision Precision = f32,
          std::size_t Alignment = alignof(typename Precision::storage)>
class embedding_view;

/// Owns one vector; the storage behind the last component up to the next multiple of 64 bytes is zero.
template <embedding_space Space, precision Precision = f32>
class alignas(vector_alignment) embedding {
 public:
  using space = Space;
  using precision = Precision;
  using storage = typename Precision::storage;
  static constexpr std::size_t dimension = Space::dimension;
  static constexpr std::size_t stored = storage_size<Precision>(dimension);  ///< storage elements

  /// All components zero.
  constexpr embedding() = default;

  /// From exactly `stored` storage elements whose number is known to the compiler (std::array, fixed span, C array).
  template <class Values>
    requires requires(const Values& values) { std::span(values); }
  constexpr explicit embedding(const Values& values, row_facts<Precision> facts = {}, fingerprint made_by = {})
      : facts_(facts), made_by_(made_by) {
    using given = decltype(std::span(values));
    constexpr bool list = !embedding_like<Values>;
    constexpr bool fitting = list && std::is_same_v<typename given::value_type, storage>;
    static_assert(list, "tessera: an embedding of another space or precision is not a list of values; cast<> and quantize<> "
                        "change the precision, nothing changes the space");
    static_assert(!list || std::is_same_v<typename given::value_type, storage>,
                  "tessera: these values are not of the storage type of this precision; use cast<> or quantize<>");
    static_assert(!fitting || given::extent == stored,
                  "tessera: the number of values is not the dimension of this space "
                  "(for a length known only at run time use embedding::from)");
    if constexpr (fitting)  // an error has one sentence, not what follows from it
      for (std::size_t i = 0; i < stored; ++i) values_[i] = values[i];
  }

  /// From a length known only at run time. Errors: mismatch.
  [[nodiscard]] static result<embedding> from(std::span<const storage> values, row_facts<Precision> facts = {},
                                              fingerprint made_by = {}) {
    if (values.size() != stored)
      return fail({.code = error_code::mismatch,
                   .thing = "embedding of " + std::string(Space::label()),
                   .wanted = std::to_string(stored) + " values",
                   .found = std::to_string(values.size())});
    embedding made;
    for (std::size_t i = 0; i < stored; ++i) made.values_[i] = values[i];
    made.facts_ = facts;
    made.made_by_ = made_by;
    return made;
  }

  [[nodiscard]] static constexpr std::size_t size() noexcept { return dimension; }
  [[nodiscard]] constexpr std::span<const storage, stored> values() const noexcept {
    return std::span<const storage, stored>(values_.data(), stored);
  }
  [[nodiscard]] constexpr std::span<storage, stored> values() noexcept {
    return std::span<storage, stored>(values_.data(), stored);
  }
  [[nodiscard]] constexpr const storage* data() const noexcept { return values_.data(); }
  [[nodiscard]] constexpr storage* data() noexcept { return values_.data(); }
  [[nodiscard]] constexpr const storage& operator[](std::size_t i) const noexcept {
    TESSERA_ASSERT(i < stored);
    return values_[i];
  }
  [[nodiscard]] constexpr storage& operator[](std::size_t i) noexcept {
    TESSERA_ASSERT(i < stored);
    return values_[i];
  }
  [[nodiscard]] constexpr const storage* begin() const noexcept { return values_.data(); }
  [[nodiscard]] constexpr const storage* end() const noexcept { return values_.data() + stored; }

  [[nodiscard]] constexpr const row_facts<Precision>& facts() const noexcept { return facts_; }
  constexpr void set_facts(row_facts<Precision> facts) noexcept { facts_ = facts; }
  [[nodiscard]] constexpr fingerprint made_by() const noexcept { return made_by_; }
  constexpr void set_made_by(fingerprint model) noexcept { made_by_ = model; }
  [[nodiscard]] constexpr embedding_view<Space, Precision, vector_alignment> view() const noexcept;

 private:
  static constexpr std::size_t padded_ = round_up(stored * sizeof(storage), vector_alignment) / sizeof(storage);
  std::array<storage, padded_> values_{};
  [[no_unique_address]] row_facts<Precision> facts_{};
  fingerprint made_by_{};
};

/// Bytes whose address is known to be a multiple of Alignment: what a view over bytes asks for.
/// `aligned_bytes<768, 2>::from(bytes)` checks address and size once, and the promise is in the type from there on.
template <std::size_t Extent, std::size_t Alignment>
class aligned_bytes {
 public:
  /// Errors: misaligned, mismatch (size).
  [[nodiscard]] static result<aligned_bytes> from(std::span<const std::byte> bytes) {
    if (bytes.size() != Extent)
      return fail({.code = error_code::mismatch,
                   .thing = "bytes of a vector",
                   .wanted = std::to_string(Extent) + " bytes",
                   .found = std::to_string(bytes.size())});
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    if (address % Alignment != 0)
      return fail({.code = error_code::misaligned,
                   .thing = "address of a vector",
                   .wanted = "a multiple of " + std::to_string(Alignment),
                   .found = "remainder " + std::to_string(address % Alignment)});
    return aligned_bytes(bytes.data());
  }
  [[nodiscard]] constexpr const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] static constexpr std::size_t size() noexcept { return Extent; }

 private:
  constexpr explicit aligned_bytes(const std::byte* data) noexcept : data_(data) {}
  const std::byte* data_;
};

template <embedding_space Space, precision Precision, std::size_t Alignment>
class embedding_view {
 public:
  using space = Space;
  using precision = Precision;
  using storage = typename Precision::storage;
  static constexpr std::size_t dimension = Space::dimension;
  static constexpr std::size_t stored = storage_size<Precision>(dimension);
  static constexpr std::size_t alignment = Alignment;
  static_assert(Alignment >= alignof(storage) && (Alignment & (Alignment - 1)) == 0,
                "tessera: the alignment of a view is a power of two that suits its storage type");

  /// Of an embedding, or of a view that promises at least as much.
  constexpr embedding_view(const embedding<Space, Precision>& owner) noexcept  // NOLINT: borrowing is what a view is for
      : data_(owner.data()), facts_(owner.facts()), made_by_(owner.made_by()) {}
  template <std::size_t Stronger>
    requires(Stronger > Alignment)
  constexpr embedding_view(const embedding_view<Space, Precision, Stronger>& other) noexcept  // NOLINT: weaker promise
      : data_(other.data()), facts_(other.facts()), made_by_(other.made_by()) {}

  /// Of storage elements or bytes whose number and alignment are known to the compiler.
  template <class T, std::size_t Extent>
  constexpr explicit embedding_view(std::span<T, Extent> values, row_facts<Precision> facts = {},
                                    fingerprint made_by = {}) noexcept
      : facts_(facts), made_by_(made_by) {
    using element = std::remove_const_t<T>;
    constexpr bool suits = std::is_same_v<element, storage> || sizeof(element) == 1;
    static_assert(std::is_same_v<element, storage> || suits,
                  "tessera: these values are not of the storage type of this precision; use cast<> or quantize<>");
    static_assert(!suits || alignof(element) >= Alignment,
                  "tessera: the type of these bytes does not promise the alignment of this view; use as<>, aligned_bytes or read<>");
    static_assert(Extent * sizeof(element) == stored * sizeof(storage) && Extent != std::dynamic_extent,
                  "tessera: the extent of these values is not exactly the vector's");
    if constexpr (std::is_same_v<element, storage>) data_ = values.data();
    else if constexpr (suits) data_ = reinterpret_cast<const storage*>(values.data());
  }
  template <std::size_t Extent, std::size_t Promised>
  explicit embedding_view(aligned_bytes<Extent, Promised> bytes, row_facts<Precision> facts = {},
                          fingerprint made_by = {}) noexcept
      : data_(reinterpret_cast<const storage*>(bytes.data())), facts_(facts), made_by_(made_by) {
    static_assert(Promised >= Alignment,
                  "tessera: the type of these bytes does not promise the alignment of this view; use as<>, aligned_bytes or read<>");
    static_assert(Extent == stored * sizeof(storage), "tessera: the extent of these values is not exactly the vector's");
  }

  /// Of `stored` elements at a pointer that the caller vouches for (rows of a matrix, mapped files checked before).
  [[nodiscard]] static constexpr embedding_view trusted(const storage* data, row_facts<Precision> facts = {},
                                                        fingerprint made_by = {}) noexcept {
    return embedding_view(data, facts, made_by);
  }

  [[nodiscard]] static constexpr std::size_t size() noexcept { return dimension; }
  [[nodiscard]] constexpr std::span<const storage, stored> values() const noexcept {
    return std::span<const storage, stored>(data_, stored);
  }
  [[nodiscard]] constexpr const storage* data() const noexcept { return data_; }
  [[nodiscard]] constexpr const storage& operator[](std::size_t i) const noexcept {
    TESSERA_ASSERT(i < stored);
    return data_[i];
  }
  [[nodiscard]] constexpr const storage* begin() const noexcept { return data_; }
  [[nodiscard]] constexpr const storage* end() const noexcept { return data_ + stored; }
  [[nodiscard]] constexpr const row_facts<Precision>& facts() const noexcept { return facts_; }
  [[nodiscard]] constexpr fingerprint made_by() const noexcept { return made_by_; }
  [[nodiscard]] constexpr embedding_view view() const noexcept { return *this; }

 private:
  constexpr embedding_view(const storage* data, row_facts<Precision> facts, fingerprint made_by) noexcept
      : data_(data), facts_(facts), made_by_(made_by) {}

  const storage* data_ = nullptr;
  [[no_unique_address]] row_facts<Precision> facts_{};
  fingerprint made_by_{};
};

template <embedding_space Space, precision Precision>
constexpr embedding_view<Space, Precision, vector_alignment> embedding<Space, Precision>::view() const noexcept {
  return *this;
}

}  // namespace tessera::inline TESSERA_ABI
