// SPDX-License-Identifier: Apache-2.0
/// The door for vectors from outside (files, sockets, shared memory), whose bytes are little-endian and promise no alignment.
///
/// | call                   | result                                    | errors                                       |
/// | ---------------------- | ----------------------------------------- | -------------------------------------------- |
/// | read<Space, P>(b)      | an embedding: a copy, at any alignment    | mismatch (size), malformed (unused bits)     |
/// | read_rows<Space, P>(b) | an embedding_matrix of rows without gaps  | the same, out_of_memory                      |
/// | as<Space, P>(b)        | an embedding_view of the bytes themselves | misaligned, mismatch, malformed, unsupported |
/// | as<P>(b)               | a span of storage elements, of any number | misaligned, mismatch, unsupported            |
///
///     TESSERA_TRY(const auto copy, ts::read<space, ts::f16>(message.subspan(12, 768)));
///     TESSERA_TRY(const auto row, ts::as<space, ts::f16>(file.bytes().subspan(64, 768)));   // no copy
///
/// What lies beside the components (the scale and length of narrow precisions, the fingerprint) is the caller's to pass on.
/// Without it the length is measured where it is needed, and i8 and i4 codes have scale 1.
#pragma once

#include <tessera/base/bytes.hpp>
#include <tessera/type/matrix.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The bits behind the last component, which every operation takes for zero (a Hamming distance would count them).
template <embedding_space Space, precision Precision>
[[nodiscard]] constexpr bool unused_bits_clear(const typename Precision::storage* values) noexcept {
  constexpr std::size_t used = Space::dimension * Precision::bits % (sizeof(typename Precision::storage) * 8);
  if constexpr (used == 0) return true;
  else return values[storage_size<Precision>(Space::dimension) - 1] >> used == 0;
}

[[nodiscard]] inline std::unexpected<error> size_error(std::string_view space, std::size_t wanted, std::size_t found) {
  return fail({.code = error_code::mismatch,
               .thing = "bytes of a vector of " + std::string(space),
               .wanted = std::to_string(wanted) + " bytes",
               .found = std::to_string(found)});
}

[[nodiscard]] inline std::unexpected<error> unused_bits_error(std::string_view space) {
  return fail({.code = error_code::malformed,
               .thing = "vector of " + std::string(space),
               .wanted = "zero in the bits behind the last component",
               .found = "ones"});
}

}  // namespace detail

/// One vector, copied from exactly its bytes. Errors: mismatch, malformed.
template <embedding_space Space, precision Precision = f32>
[[nodiscard]] result<embedding<Space, Precision>> read(std::span<const std::byte> bytes, row_facts<Precision> facts = {},
                                                       fingerprint made_by = {}) {
  using made_type = embedding<Space, Precision>;
  constexpr std::size_t size = made_type::stored * sizeof(typename Precision::storage);
  if (bytes.size() != size) return detail::size_error(Space::label(), size, bytes.size());
  made_type made;
  TESSERA_CHECK(copy_le<typename Precision::storage>(bytes, made.values()));
  if (!detail::unused_bits_clear<Space, Precision>(made.data())) return detail::unused_bits_error(Space::label());
  made.set_facts(facts);
  made.set_made_by(made_by);
  return made;
}

/// Rows that stand one after the other without gaps; their facts are those of `read` without any.
/// Errors: mismatch (not a whole number of rows), malformed, out_of_memory.
template <embedding_space Space, precision Precision = f32>
[[nodiscard]] result<embedding_matrix<Space, Precision>> read_rows(std::span<const std::byte> bytes, fingerprint made_by = {}) {
  using made_type = embedding_matrix<Space, Precision>;
  constexpr std::size_t size = made_type::stored * sizeof(typename Precision::storage);
  if (bytes.size() % size != 0)
    return fail({.code = error_code::mismatch,
                 .thing = "rows of " + std::string(Space::label()),
                 .wanted = "a multiple of " + std::to_string(size) + " bytes",
                 .found = std::to_string(bytes.size())});
  TESSERA_TRY(auto made, made_type::make(bytes.size() / size));
  for (std::size_t i = 0; i < made.rows(); ++i) {
    TESSERA_CHECK(copy_le<typename Precision::storage>(bytes.subspan(i * size, size), made.values(i)));
    if (!detail::unused_bits_clear<Space, Precision>(made.row(i).data())) return detail::unused_bits_error(Space::label());
    made.set_facts(i, {});
  }
  made.set_made_by(made_by);
  return made;
}

/// The bytes themselves as storage elements, where their address allows it. Errors: misaligned, mismatch (a part of an element
/// is left over), unsupported (a big-endian processor would have to swap them).
template <precision Precision>
[[nodiscard]] result<std::span<const typename Precision::storage>> as(std::span<const std::byte> bytes) {
  using storage = typename Precision::storage;
  if constexpr (std::endian::native == std::endian::big && sizeof(storage) > 1)
    return fail({.code = error_code::unsupported,
                 .thing = "a view of little-endian bytes",
                 .wanted = "a little-endian processor, or read<> for a copy"});
  if (bytes.size() % sizeof(storage) != 0)
    return fail({.code = error_code::mismatch,
                 .thing = "bytes of " + std::string(Precision::label) + " values",
                 .wanted = "a multiple of " + std::to_string(sizeof(storage)) + " bytes",
                 .found = std::to_string(bytes.size())});
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (address % alignof(storage) != 0)
    return fail({.code = error_code::misaligned,
                 .thing = "address of " + std::string(Precision::label) + " values",
                 .wanted = "a multiple of " + std::to_string(alignof(storage)),
                 .found = "remainder " + std::to_string(address % alignof(storage))});
  return std::span(static_cast<const storage*>(static_cast<const void*>(bytes.data())), bytes.size() / sizeof(storage));
}

/// A view of exactly one vector's bytes, which must outlive it. Errors: misaligned, mismatch, malformed, unsupported.
template <embedding_space Space, precision Precision = f32, std::size_t Alignment = alignof(typename Precision::storage)>
[[nodiscard]] result<embedding_view<Space, Precision, Alignment>> as(std::span<const std::byte> bytes,
                                                                     row_facts<Precision> facts = {},
                                                                     fingerprint made_by = {}) {
  using view = embedding_view<Space, Precision, Alignment>;
  using storage = typename Precision::storage;
  if constexpr (std::endian::native == std::endian::big && sizeof(storage) > 1) {
    TESSERA_TRY([[maybe_unused]] const auto never, as<Precision>(bytes));
  }
  using promised = aligned_bytes<view::stored * sizeof(storage), Alignment>;
  TESSERA_TRY(const auto aligned, promised::from(bytes));
  const view made(aligned, facts, made_by);
  if (!detail::unused_bits_clear<Space, Precision>(made.data())) return detail::unused_bits_error(Space::label());
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
