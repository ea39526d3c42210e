// SPDX-License-Identifier: Apache-2.0
// Layout, alignment and conversions of embeddings, views and matrices.
#include <tessera/type/matrix.hpp>

#include <type_traits>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;

template <class Space, class Precision>
consteval bool laid_out(std::size_t stored, std::size_t stride) {
  using one = ts::embedding<Space, Precision>;
  using rows = ts::embedding_matrix<Space, Precision>;
  return alignof(one) == ts::vector_alignment && one::stored == stored && rows::stored == stored && rows::stride == stride &&
         rows::stride * sizeof(typename Precision::storage) % ts::vector_alignment == 0 && one::size() == Space::dimension &&
         std::is_trivially_copyable_v<one> && std::is_nothrow_default_constructible_v<one>;
}
static_assert(laid_out<minilm, ts::f32>(384, 384) && laid_out<minilm, ts::f16>(384, 384) && laid_out<minilm, ts::bf16>(384, 384));
static_assert(laid_out<minilm, ts::i8>(384, 384) && laid_out<minilm, ts::i4>(192, 192) && laid_out<minilm, ts::b1>(48, 64));
static_assert(laid_out<ts::anonymous<1>, ts::f32>(1, 16) && laid_out<ts::anonymous<1>, ts::f16>(1, 32));
static_assert(laid_out<ts::anonymous<1>, ts::i4>(1, 64) && laid_out<ts::anonymous<1>, ts::b1>(1, 64));
static_assert(laid_out<ts::anonymous<17>, ts::f32>(17, 32) && laid_out<ts::anonymous<65>, ts::i8>(65, 128));

// The default view promises its element's alignment, a view of an embedding or a row that of a vector register.
static_assert(ts::embedding_view<minilm>::alignment == 4 && ts::embedding_view<minilm, ts::f16>::alignment == 2);
static_assert(ts::embedding_view<minilm, ts::i8>::alignment == 1);
static_assert(decltype(ts::embedding<minilm>().view())::alignment == 64);
static_assert(ts::embedding_matrix<minilm>::row_view::alignment == 64);

// A promise may be forgotten, not invented; a space or precision never changes.
template <class From, class To>
inline constexpr bool becomes = std::is_convertible_v<From, To>;
static_assert(becomes<ts::embedding<minilm>, ts::embedding_view<minilm>>);
static_assert(becomes<ts::embedding<minilm>, ts::embedding_view<minilm, ts::f32, 64>>);
static_assert(becomes<ts::embedding_view<minilm, ts::f32, 64>, ts::embedding_view<minilm, ts::f32, 16>>);
static_assert(!becomes<ts::embedding_view<minilm>, ts::embedding_view<minilm, ts::f32, 64>>);
static_assert(!becomes<ts::embedding<minilm>, ts::embedding<e5>> && !becomes<ts::embedding<minilm>, ts::embedding_view<e5>>);
static_assert(!becomes<ts::embedding_view<minilm>, ts::embedding_view<e5>>);
static_assert(!becomes<ts::embedding<minilm>, ts::embedding<minilm, ts::f16>>);
static_assert(!becomes<ts::embedding<minilm, ts::f16>, ts::embedding<minilm>>);
static_assert(!becomes<ts::embedding<minilm>, ts::embedding_view<minilm, ts::f16>>);
static_assert(!becomes<std::span<const float, 384>, ts::embedding<minilm>>);
static_assert(!becomes<std::span<const float, 384>, ts::embedding_view<minilm>>);
static_assert(!std::is_constructible_v<ts::embedding<minilm>, const float*>);

static_assert(ts::embedding_like<ts::embedding<minilm>> && ts::embedding_like<ts::embedding_view<minilm, ts::b1>>);
static_assert(!ts::embedding_like<ts::embedding_matrix<minilm>> && !ts::embedding_like<std::span<float>>);

static_assert(!std::is_copy_constructible_v<ts::embedding_matrix<minilm>>);
static_assert(std::is_nothrow_move_constructible_v<ts::embedding_matrix<minilm>> &&
              std::is_nothrow_move_assignable_v<ts::embedding_matrix<minilm>>);

// What narrow precisions keep beside a vector costs the others nothing.
static_assert(std::is_empty_v<ts::row_facts<ts::f32>> && std::is_empty_v<ts::row_facts<ts::b1>>);
static_assert(sizeof(ts::row_facts<ts::f16>) == 4 && sizeof(ts::row_facts<ts::bf16>) == 4);
static_assert(sizeof(ts::row_facts<ts::i8>) == 8 && sizeof(ts::row_facts<ts::i4>) == 8);
static_assert(sizeof(ts::embedding_view<minilm>) == sizeof(const float*) + sizeof(ts::fingerprint));

// Vectors are constants where their values are.
constexpr ts::embedding<ts::anonymous<3>> three(std::array{1.0f, 2.0f, 2.0f}, {}, {7});
static_assert(three[0] == 1.0f && three[2] == 2.0f && three.made_by() == ts::fingerprint{7} && three.end() - three.begin() == 3);
static_assert(three.values().size() == 3 && three.view()[1] == 2.0f && three.view().made_by() == ts::fingerprint{7});
constexpr float given[] = {3.0f, 4.0f};
static_assert(ts::embedding<ts::anonymous<2>>(given)[1] == 4.0f);
static_assert(ts::embedding<ts::anonymous<2>>()[0] == 0.0f && !ts::embedding<ts::anonymous<2>>().made_by());
