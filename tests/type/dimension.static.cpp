// SPDX-License-Identifier: Apache-2.0
// A dimension is a constant for the standard library and for Boost.Hana.
#include <tessera/type/dimension.hpp>

#include <boost/hana/core/tag_of.hpp>
#include <boost/hana/div.hpp>
#include <boost/hana/equal.hpp>
#include <boost/hana/ext/std/integral_constant.hpp>
#include <boost/hana/integral_constant.hpp>
#include <boost/hana/less.hpp>
#include <boost/hana/minus.hpp>
#include <boost/hana/mod.hpp>
#include <boost/hana/mult.hpp>
#include <boost/hana/plus.hpp>
#include <boost/hana/value.hpp>

namespace ts = tessera;
namespace hana = boost::hana;

static_assert(ts::dimension<384>::value == 384 && ts::dim<384> == 384);
static_assert(std::is_same_v<ts::dimension<384>::value_type, std::size_t>);
static_assert(std::is_base_of_v<std::integral_constant<std::size_t, 384>, ts::dimension<384>>);
static_assert(std::is_same_v<decltype(ts::dim<384>), const ts::dimension<384>>);
static_assert(std::is_empty_v<ts::dimension<1>>);
static_assert(!std::is_same_v<ts::dimension<384>, ts::dimension<385>>);

// Hana sees one of its constants: the tag, the concepts, the value.
static_assert(std::is_same_v<hana::tag_of_t<ts::dimension<384>>, hana::ext::std::integral_constant_tag<std::size_t>>);
static_assert(hana::IntegralConstant<ts::dimension<384>>::value && hana::Constant<ts::dimension<384>>::value);
static_assert(hana::value<ts::dimension<384>>() == 384 && hana::value(ts::dim<384>) == 384);

// Comparisons and arithmetic are constants too, with each other and with Hana's own.
static_assert(decltype(hana::equal(ts::dim<384>, ts::dim<384>))::value);
static_assert(!decltype(hana::equal(ts::dim<384>, ts::dim<383>))::value);
static_assert(decltype(hana::equal(ts::dim<384>, hana::size_c<384>))::value);
static_assert(decltype(hana::less(ts::dim<256>, ts::dim<384>))::value);
static_assert(decltype(hana::plus(ts::dim<384>, ts::dim<384>))::value == 768);
static_assert(decltype(hana::minus(ts::dim<384>, ts::dim<128>))::value == 256);
static_assert(decltype(hana::mult(ts::dim<12>, ts::dim<32>))::value == 384);
static_assert(decltype(hana::div(ts::dim<384>, ts::dim<12>))::value == 32);
static_assert(decltype(hana::mod(ts::dim<384>, ts::dim<12>))::value == 0);
static_assert(decltype(hana::plus(ts::dim<384>, hana::size_c<1>))::value == 385);
