// SPDX-License-Identifier: Apache-2.0
/// What went wrong, as a value: a code, the thing, what was wanted, what was found, where, and why.
///
///     auto file = ts::mapped_file::open("model.safetensors");
///     if (!file) std::cerr << file.error();   // model.safetensors: cannot open: No such file or directory
///
/// `message()` prints one sentence with the chain of causes; several mismatches found together are `causes` of one error.
#pragma once

#include <tessera/base/config.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// The kind of failure, for programs that decide by it; people read `error::message()`.
enum class error_code : std::uint8_t {
  not_found,        ///< a file, tensor, name or id that is not there
  io,               ///< the operating system refused or failed (`error::system` holds errno)
  malformed,        ///< bytes that break the rules of their format
  unsupported,      ///< a legal thing that this library does not read or run; the message names it
  mismatch,         ///< a file and a type, or two files, that disagree
  invalid_argument, ///< a setting or argument outside its range
  invalid_text,     ///< text that is not UTF-8, or empty where the caller refuses empty text
  too_long,         ///< a text or batch over its limit
  misaligned,       ///< bytes whose address does not suit the type asked for
  not_finite,       ///< NaN or infinity where only numbers make sense
  over_budget,      ///< the memory budget given by the caller does not suffice
  out_of_memory,    ///< an allocation failed
  checksum,         ///< bytes that are not the bytes that were written
  stopped,          ///< a stop token asked to stop, a deadline passed, or what was asked has been stopped
  overloaded,       ///< a bounded queue is full: the same call may succeed later
};

[[nodiscard]] constexpr std::string_view to_string(error_code code) noexcept;

/// One failure. Empty fields are left out of the message.
struct error {
  error_code code = error_code::invalid_argument;
  std::string thing = {};                       ///< what it is about: a tensor, a setting, a format rule
  std::string wanted = {};                      ///< what would have been right
  std::string found = {};                       ///< what was there instead
  std::string path = {};                        ///< the file or directory, where there is one
  std::optional<std::uint64_t> offset = {};     ///< byte offset in the file, where it is known
  int system = 0;                          ///< errno of the failed call, or 0
  std::vector<error> causes = {};               ///< the inner error, or all failures found together

  /// "path (byte N): thing: wanted W, found F: system message; causes".
  [[nodiscard]] std::string message() const;

  /// The same error, located: sets the path where none is set yet, also in the causes.
  [[nodiscard]] error in(std::string_view file) &&;
};

/// Prints the message to any stream; a template so that no stream header is needed here.
template <class Stream>
  requires requires(Stream& stream, const std::string& text) { { stream << text } -> std::convertible_to<Stream&>; }
Stream& operator<<(Stream& stream, const error& failure) {
  stream << failure.message();
  return stream;
}

constexpr std::string_view to_string(error_code code) noexcept {
  switch (code) {
    case error_code::not_found: return "not found";
    case error_code::io: return "input/output error";
    case error_code::malformed: return "malformed";
    case error_code::unsupported: return "unsupported";
    case error_code::mismatch: return "mismatch";
    case error_code::invalid_argument: return "invalid argument";
    case error_code::invalid_text: return "invalid text";
    case error_code::too_long: return "too long";
    case error_code::misaligned: return "misaligned";
    case error_code::not_finite: return "not finite";
    case error_code::over_budget: return "over the memory budget";
    case error_code::out_of_memory: return "out of memory";
    case error_code::checksum: return "checksum mismatch";
    case error_code::stopped: return "stopped";
    case error_code::overloaded: return "overloaded";
  }
  return "unknown error";
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/base/error-inl.hpp>
#endif
