// SPDX-License-Identifier: Apache-2.0
/// Codes of rows as records of `stride` bytes in one array: what a graph that is walked by codes keeps beside its rows.
///
///     class my_guide : protected code_records { public: using code_records::take_out, code_records::drop_last; ... };
///
/// Records follow the rows of the index: they come at the end, and the last takes the place of one that goes. A file keeps them as a
/// section `codes`, so that opening it codes nothing anew.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/index/index_file.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

class code_records {
 public:
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }
  [[nodiscard]] const std::uint8_t* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::uint8_t* record(std::size_t row) noexcept { return bytes_.data() + row * stride_; }
  [[nodiscard]] std::size_t coded_rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t record_bytes() const noexcept { return bytes_.bytes(); }

  /// No records, and the next will have another size.
  void begin(std::size_t stride) noexcept { bytes_ = {}, rows_ = 0, stride_ = stride; }
  /// Records of `rows` rows, the new ones zeros; with room for more where they come one by one. Errors: out_of_memory; then nothing has
  /// changed.
  [[nodiscard]] result<> grow(std::size_t rows) {
    if (rows * stride_ > bytes_.size()) {
      const std::size_t room = rows_ > 0 && rows == rows_ + 1 ? rows + rows / 2 : rows;
      TESSERA_TRY(auto bytes, aligned_buffer<std::uint8_t>::make(room * stride_));
      std::copy_n(bytes_.data(), rows_ * stride_, bytes.data());
      bytes_ = std::move(bytes);
    }
    rows_ = rows;
    return {};
  }
  /// Those of another, in its order or as record order[i] of it, and room for `room`. Errors: out_of_memory.
  [[nodiscard]] result<> copy_records(const code_records& from, std::size_t room, const std::uint32_t* order) {
    begin(from.stride_);
    TESSERA_TRY(bytes_, aligned_buffer<std::uint8_t>::make(room * stride_));
    rows_ = order == nullptr ? std::min(from.rows_, room) : room;
    for (std::size_t i = 0; i < rows_; ++i)
      std::memcpy(record(i), from.data() + (order == nullptr ? i : order[i]) * stride_, stride_);
    return {};
  }
  void take_out(std::size_t row) noexcept {
    --rows_;
    if (row != rows_) std::memcpy(record(row), record(rows_), stride_);
  }
  void drop_last() noexcept { --rows_; }

  void add_codes(std::vector<index_section>& sections) const {
    sections.push_back({"codes", std::as_bytes(std::span(bytes_.data(), rows_ * stride_))});
  }
  /// The records of `rows` rows from a file, after `begin`. Errors: malformed, out_of_memory.
  [[nodiscard]] result<> read_codes(const index_file& file, std::size_t rows) {
    TESSERA_TRY(const auto bytes, file.section("codes", stride_));
    if (bytes.size() != rows * stride_)
      return fail({.code = error_code::malformed,
                   .thing = "section codes",
                   .wanted = std::to_string(rows * stride_) + " bytes",
                   .found = std::to_string(bytes.size())});
    TESSERA_CHECK(grow(rows));
    if (!bytes.empty()) std::memcpy(bytes_.data(), bytes.data(), bytes.size());
    return {};
  }

 private:
  std::size_t stride_ = 64, rows_ = 0;
  aligned_buffer<std::uint8_t> bytes_;  // [room, stride]
};

}  // namespace tessera::inline TESSERA_ABI::detail
