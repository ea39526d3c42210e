// SPDX-License-Identifier: Apache-2.0
/// The non-template functions of distributed/, in tessera::distributed.
#include <tessera/distributed/communicator-inl.hpp>
#include <tessera/distributed/conversation-inl.hpp>
