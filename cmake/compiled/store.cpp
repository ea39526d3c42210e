// SPDX-License-Identifier: Apache-2.0
/// The non-template functions of store/ in tessera::compiled.
#include <tessera/store/compression-inl.hpp>
#include <tessera/store/engine-inl.hpp>
#include <tessera/store/log-inl.hpp>
#include <tessera/store/reserved_memory-inl.hpp>
#include <tessera/store/row_table-inl.hpp>
#include <tessera/store/stored_graph-inl.hpp>
