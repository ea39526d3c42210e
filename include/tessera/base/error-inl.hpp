// SPDX-License-Identifier: Apache-2.0
/// Definitions of base/error.hpp: how an error becomes a sentence.
#pragma once

#include <tessera/base/error.hpp>

#include <cstring>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE std::string error::message() const {
  std::string text;
  auto part = [&text](std::string_view piece) {
    if (piece.empty()) return;
    if (!text.empty()) text += ": ";
    text += piece;
  };
  std::string place = path;
  if (offset) place += (place.empty() ? "byte " : " (byte ") + std::to_string(*offset) + (place.empty() ? "" : ")");
  part(place);
  part(thing);
  if (thing.empty() && wanted.empty() && found.empty() && causes.empty()) part(to_string(code));
  if (!wanted.empty()) part("wanted " + wanted);
  if (!found.empty()) {
    if (wanted.empty()) part("found " + found);
    else text += ", found " + found;
  }
  if (system != 0) part(std::strerror(system));
  if (causes.size() == 1) part(causes.front().message());
  if (causes.size() > 1)
    for (const error& cause : causes) text += "\n  " + cause.message();
  return text;
}

TESSERA_INLINE error error::in(std::string_view file) && {
  if (path.empty()) path = file;
  return std::move(*this);
}

}  // namespace tessera::inline TESSERA_ABI
