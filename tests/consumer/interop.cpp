// SPDX-License-Identifier: Apache-2.0
// What an outside program does with xtensor: an embedding matrix seen where it lies, and its centre taken away.
#include <tessera/evaluate/centre.hpp>

int main() {
  using space = tessera::anonymous<3>;
  auto rows = tessera::embedding_matrix<space>::make(2);
  if (!rows) return 1;
  auto view = tessera::as_xtensor(*rows);
  view(1, 2) = 4.0f;
  const auto centring = tessera::centring<space>::fit(*rows);
  if (!centring) return 1;
  const auto centred = centring->apply(*rows);
  return centred && centred->row(0)[2] == -2.0f && centred->row(1)[2] == 2.0f ? 0 : 1;
}
