// SPDX-License-Identifier: Apache-2.0
/// The non-template functions of index/ in tessera::compiled.
#include <tessera/index/graph_links-inl.hpp>
#include <tessera/index/index_file-inl.hpp>
