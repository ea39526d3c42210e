// SPDX-License-Identifier: Apache-2.0
// What makes two spaces one, and what a space says about its vectors.
#include <tessera/type/space.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using nested = ts::space<"nested", 1024, ts::pooling::cls, ts::unit_length, ts::matryoshka<256, 512>>;

// One space: the same name, dimension, pooling and properties. A difference in any makes two.
static_assert(std::is_same_v<minilm, ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>>);
static_assert(std::is_same_v<ts::space<"a", 8>, ts::space<"a", 8, ts::pooling::mean>>);
static_assert(!std::is_same_v<minilm, ts::space<"minilm_l7", 384, ts::pooling::mean, ts::unit_length>>);
static_assert(!std::is_same_v<minilm, ts::space<"minilm_l", 384, ts::pooling::mean, ts::unit_length>>);
static_assert(!std::is_same_v<minilm, ts::space<"minilm_l6", 385, ts::pooling::mean, ts::unit_length>>);
static_assert(!std::is_same_v<minilm, ts::space<"minilm_l6", 384, ts::pooling::cls, ts::unit_length>>);
static_assert(!std::is_same_v<minilm, ts::space<"minilm_l6", 384, ts::pooling::mean>>);
static_assert(!std::is_same_v<nested, ts::space<"nested", 1024, ts::pooling::cls, ts::unit_length, ts::matryoshka<256>>>);
static_assert(std::is_same_v<ts::anonymous<384>, ts::space<"anonymous", 384>>);
static_assert(!std::is_same_v<ts::anonymous<384>, ts::anonymous<383>>);

static_assert(minilm::dimension == 384 && minilm::pooling_mode == ts::pooling::mean && minilm::label() == "minilm_l6");
static_assert(minilm::unit_length && !minilm::anonymous && !minilm::truncates_to(256));
static_assert(ts::anonymous<3>::anonymous && !ts::anonymous<3>::unit_length && ts::anonymous<3>::label() == "anonymous");
static_assert(!ts::space<"anonymouse", 3>::anonymous);
static_assert(ts::space<"only", 6, ts::pooling::max, ts::matryoshka<3>>::truncates_to(3));
static_assert(!ts::space<"only", 6, ts::pooling::max, ts::matryoshka<3>>::unit_length);

// Matryoshka lengths are the listed ones, and shorter than the whole.
static_assert(nested::truncates_to(256) && nested::truncates_to(512));
static_assert(!nested::truncates_to(255) && !nested::truncates_to(1024) && !nested::truncates_to(0) && !nested::truncates_to(2048));
static_assert(!ts::space<"whole", 8, ts::pooling::cls, ts::matryoshka<4, 8>>::truncates_to(8));

using half = ts::truncated<nested, 512>;
static_assert(half::dimension == 512 && half::unit_length && half::label() == "nested" && half::pooling_mode == ts::pooling::cls);
static_assert(half::truncates_to(256) && !half::truncates_to(512) && !half::truncates_to(300));
static_assert(!std::is_same_v<half, nested> && !std::is_same_v<half, ts::truncated<nested, 256>>);
static_assert(ts::truncated<ts::anonymous<4>, 2>::anonymous);

using both = ts::concatenated<minilm, nested>;
static_assert(both::label() == "minilm_l6+nested");
static_assert(both::dimension == 1408 && both::unit_length && !both::anonymous && !both::truncates_to(384));
static_assert(!std::is_same_v<both, ts::concatenated<nested, minilm>>);
static_assert(!ts::concatenated<minilm, ts::anonymous<3>>::unit_length);

static_assert(ts::embedding_space<minilm> && ts::embedding_space<half> && ts::embedding_space<both>);
struct derived : ts::space<"own", 16> {};
static_assert(ts::embedding_space<derived>);
static_assert(!ts::embedding_space<int> && !ts::embedding_space<ts::unit_length>);

static_assert(ts::name("abc").view() == "abc" && ts::name("").view().empty());
static_assert(ts::name("abc") == ts::name("abc") && !(ts::name("abc") == ts::name("abd")) && !(ts::name("abc") == ts::name("ab")));

// Every pooling has a name that leads back to it; published files spell some in their own way.
consteval bool names_lead_back() {
  for (const ts::pooling mode : ts::all_poolings)
    if (ts::pooling_from_name(ts::to_string(mode)) != mode) return false;
  return true;
}
static_assert(names_lead_back() && ts::all_poolings.size() == 5);
static_assert(ts::pooling_from_name("lasttoken") == ts::pooling::last_token && ts::pooling_from_name("last") == ts::pooling::last_token);
static_assert(ts::pooling_from_name("weightedmean") == ts::pooling::weighted_mean);
static_assert(ts::pooling_from_name("cls_token") == ts::pooling::cls && ts::pooling_from_name("first") == ts::pooling::cls);
static_assert(!ts::pooling_from_name("") && !ts::pooling_from_name("Mean") && !ts::pooling_from_name("mean_sqrt_len"));
static_assert(ts::to_string(static_cast<ts::pooling>(200)) == "unknown");
