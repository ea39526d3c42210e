// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/onnx.hpp: the types of onnx.proto, and where external data may lie.
#pragma once

#include <tessera/io/dtype.hpp>

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A type of onnx.proto, and the field that holds its numbers where they are not raw.
struct onnx_format {
  std::uint64_t number;
  std::string_view name;
  std::optional<dtype> type;
  std::uint32_t typed;
};

inline constexpr std::uint32_t onnx_float_data = 4, onnx_int32_data = 5, onnx_string_data = 6, onnx_int64_data = 7, onnx_raw_data = 9,
                               onnx_double_data = 10, onnx_uint64_data = 11;

inline constexpr std::array onnx_formats = {
    onnx_format{1, "FLOAT", dtype::f32, onnx_float_data},
    onnx_format{2, "UINT8", dtype::u8, onnx_int32_data},
    onnx_format{3, "INT8", dtype::i8, onnx_int32_data},
    onnx_format{4, "UINT16", dtype::u16, onnx_int32_data},
    onnx_format{5, "INT16", dtype::i16, onnx_int32_data},
    onnx_format{6, "INT32", dtype::i32, onnx_int32_data},
    onnx_format{7, "INT64", dtype::i64, onnx_int64_data},
    onnx_format{8, "STRING", {}, onnx_string_data},
    onnx_format{9, "BOOL", dtype::boolean, onnx_int32_data},
    onnx_format{10, "FLOAT16", dtype::f16, onnx_int32_data},
    onnx_format{11, "DOUBLE", dtype::f64, onnx_double_data},
    onnx_format{12, "UINT32", dtype::u32, onnx_uint64_data},
    onnx_format{13, "UINT64", dtype::u64, onnx_uint64_data},
    onnx_format{14, "COMPLEX64", dtype::c64, onnx_float_data},
    onnx_format{15, "COMPLEX128", {}, onnx_double_data},
    onnx_format{16, "BFLOAT16", dtype::bf16, onnx_int32_data},
    onnx_format{17, "FLOAT8E4M3FN", dtype::f8_e4m3, onnx_int32_data},
    onnx_format{18, "FLOAT8E4M3FNUZ", dtype::f8_e4m3fnuz, onnx_int32_data},
    onnx_format{19, "FLOAT8E5M2", dtype::f8_e5m2, onnx_int32_data},
    onnx_format{20, "FLOAT8E5M2FNUZ", dtype::f8_e5m2fnuz, onnx_int32_data},
    onnx_format{21, "UINT4", {}, onnx_int32_data},
    onnx_format{22, "INT4", {}, onnx_int32_data},
    onnx_format{23, "FLOAT4E2M1", {}, onnx_int32_data},
    onnx_format{24, "FLOAT8E8M0", dtype::f8_e8m0, onnx_int32_data},
};

/// Where a tensor's data lies outside the file.
struct onnx_location {
  std::optional<std::string_view> file = {};
  std::optional<std::uint64_t> offset = {};
  std::optional<std::uint64_t> length = {};
};

/// True where `location` is a relative path that never goes up.
[[nodiscard]] inline bool stays_below(std::string_view location) noexcept {
  if (location.empty() || location.starts_with('/') || location.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos)
    return false;
  for (;;) {
    const std::size_t slash = location.find('/');
    if (location.substr(0, slash) == "..") return false;
    if (slash == std::string_view::npos) return true;
    location.remove_prefix(slash + 1);
  }
}

/// `path` without links, or "".
[[nodiscard]] inline std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : std::string();
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
