// SPDX-License-Identifier: Apache-2.0
/// How near a family's vectors are to the reference's where its weights are narrow.
#pragma once

#include <tests/families/toys.hpp>

namespace tessera_tests {

/// The least cosine of a model's vectors, from the ids of expected.safetensors, with those that the file calls `vectors_name`.
template <class Model>
double least_cosine(const std::string& folder, const std::string& vectors_name) {
  const Model model = load_for_tokens<Model>(folder);
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected.safetensors"));
  const id_batch batch(expected);
  const std::vector<float> found = flat_values(value_of(model.encode_tokens(batch.packed.view())));
  const std::vector<float> wanted = floats(expected, vectors_name);
  REQUIRE(found.size() == wanted.size());
  double least = 1.0;
  for (std::size_t i = 0; i < found.size(); i += Model::dimension) {
    double product = 0.0, square_found = 0.0, square_wanted = 0.0;
    for (std::size_t j = i; j < i + Model::dimension; ++j) {
      const double x = static_cast<double>(found[j]), y = static_cast<double>(wanted[j]);
      product += x * y, square_found += x * x, square_wanted += y * y;
    }
    const double cosine = product / std::sqrt(square_found * square_wanted);
    if (!(cosine >= least)) least = std::isnan(cosine) ? -2.0 : cosine;
  }
  return least;
}

/// What docs/models.md promises of a fixture in each precision.
struct precision_bounds {
  double bf16;
  double i8;
  double i4;
};

template <template <class> class Toy>
void check_precisions(const std::string& vectors_name, precision_bounds bounds) {
  const std::string name(Toy<ts::f32>::space::label());
  const std::string folder = fixture("text/" + name).string();
  const double bf16 = least_cosine<Toy<ts::bf16>>(folder, vectors_name);
  const double i8 = least_cosine<Toy<ts::i8>>(folder, vectors_name);
  const double i4 = least_cosine<Toy<ts::i4>>(folder, vectors_name);
  INFO(name << ": least cosine " << bf16 << " in bf16, " << i8 << " in i8, " << i4 << " in i4");
  CHECK(bf16 >= bounds.bf16);
  CHECK(i8 >= bounds.i8);
  CHECK(i4 >= bounds.i4);
}

}  // namespace tessera_tests
