// SPDX-License-Identifier: Apache-2.0
// One part of the modes test; compiled several times with other macros and flags.
#include <tests/modes/part.hpp>

#include <tessera/dispatch.hpp>
#include <tessera/base/error.hpp>

#include <array>
#include <cstddef>

#define TESSERA_PART_TEXT2(text) #text
#define TESSERA_PART_TEXT(text) TESSERA_PART_TEXT2(text)

part_report TESSERA_PART() {
  std::array<float, 100> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i + 1);
  const tessera::kernel::kernel_table& table = tessera::kernel::kernels();
  part_report report{
      .abi = TESSERA_PART_TEXT(TESSERA_ABI),
      .table = &table,
      .target = std::string(table.name),
      .available = {},
      .dot = table.distance.dot_f32(numbers.data(), numbers.data(), numbers.size()),
      .message = tessera::error{.code = tessera::error_code::mismatch, .thing = "part", .wanted = "1", .found = "2"}.message(),
  };
  for (const tessera::kernel::kernel_table* each : tessera::kernel::available_kernels())
    report.available.emplace_back(each->name);
  return report;
}
