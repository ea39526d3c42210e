// SPDX-License-Identifier: Apache-2.0
/// Values and errors out of results: where the other one is found, the test fails and shows it.
#pragma once

#include <tests/support/catch.hpp>

#include <tessera/base/result.hpp>

#include <string>
#include <utility>

namespace tessera_tests {

/// The value, or a failed test that shows the error.
template <class T>
T value_of(tessera::result<T> outcome) {
  if (!outcome) FAIL(outcome.error().message());
  return std::move(*outcome);
}
inline void succeed(const tessera::result<>& outcome) {
  if (!outcome) FAIL(outcome.error().message());
}
/// The message of the error, or a failed test.
template <class T>
std::string message_of(const tessera::result<T>& outcome) {
  if (outcome) FAIL("wanted an error, found a value");
  return outcome.error().message();
}

}  // namespace tessera_tests
