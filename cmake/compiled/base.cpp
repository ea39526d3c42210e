// SPDX-License-Identifier: Apache-2.0
/// The non-template functions of base/ in tessera::compiled, compiled once.
#include <tessera/base/aligned-inl.hpp>
#include <tessera/base/error-inl.hpp>
#include <tessera/base/threads-inl.hpp>
