// SPDX-License-Identifier: Apache-2.0
/// The kernels of tessera::compiled, for every target, compiled once.
#include <tessera/dispatch-inl.hpp>
