// SPDX-License-Identifier: Apache-2.0
/// For programs that learn at run time which model they are given: a directory, a list of types, and a visitor for the loaded model.
///
///     constexpr auto known = boost::hana::tuple_t<ts::minilm_l6<>, ts::bge_small_en<>, ts::bge_reranker_base<>>;
///     auto tensors = ts::with_model(path, known, [](const auto& model) { return model.manifest().size(); });   // expected<size_t, error>
///
/// The registry is any Hana list of `hana::type`s of models and rerankers. The first that a directory fits is loaded: what the files say is
/// compared with each type as loading compares it, before a weight is read. Types that differ in their weights' precision or in a dimension
/// that the directory has too (Stella) all fit, so the preferred one comes first; so do fine-tunes of one architecture, whose spaces a
/// directory cannot tell apart: a registry has one of them. The visitor is compiled for every type of the registry and gives one type of
/// answer; in its body the model's type, and with it the space of every vector, is known again.
#pragma once

#include <tessera/model/loader.hpp>
#include <tessera/model/model.hpp>

#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>
#include <boost/hana/unpack.hpp>

#include <array>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A type of a registry, as a value.
struct registered_model {
  std::string_view label;  ///< its space's name; a reranker has none
  model_description (*description)();
};

/// The number of the first that a directory fits. Errors: mismatch, listing all types, each with what differs, and the type that would
/// fit; those of model_directory::read.
[[nodiscard]] result<std::size_t> choose_model(std::string_view directory, std::span<const registered_model> registry,
                                               const load_options& options);

template <class Model>
[[nodiscard]] constexpr registered_model registered() noexcept {
  if constexpr (requires { typename Model::space; }) return {Model::space::label(), Model::description};
  else return {"", Model::description};
}

/// What a visit gives: a visitor's own result as it is, another answer in one.
template <class Answer>
struct visit_result {
  using type = result<Answer>;
};
template <class T>
struct visit_result<result<T>> {
  using type = result<T>;
};

template <class Outcome, class Model, class Visitor>
[[nodiscard]] Outcome load_and_visit(std::string_view directory, Visitor& visitor, const load_options& options) {
  TESSERA_TRY(const Model model, Model::load(directory, options));
  if constexpr (std::is_void_v<std::invoke_result_t<Visitor&, const Model&>>) {
    std::invoke(visitor, model);
    return {};
  } else {
    return std::invoke(visitor, model);
  }
}

/// What a visitor answers for each type of a registry.
template <class... Answers>
struct answers;
template <class First, class... Rest>
struct answers<First, Rest...> {
  static constexpr bool same = (std::is_same_v<First, Rest> && ...);
};
template <class... Answers>
struct report<answers<Answers...>> {
  static_assert(answers<Answers...>::same,
                "tessera: a visitor of models gives the same type of answer for each type of the registry");
};

template <class... Models>
struct model_registry {
  static_assert(sizeof...(Models) > 0, "tessera: a registry of models has at least one type");

  template <class Visitor>
  using answers_of = answers<std::invoke_result_t<Visitor&, const Models&>...>;
  template <class Visitor>
  using outcome_of = typename visit_result<std::invoke_result_t<Visitor&, const first_of<Models...>&>>::type;

  template <class Visitor>
  [[nodiscard]] static outcome_of<Visitor> visit(std::string_view directory, Visitor& visitor, const load_options& options) {
    static_assert(sizeof(report<answers_of<Visitor>>) > 0);
    if constexpr (answers_of<Visitor>::same) {  // else the sentence above is all that is said
      static constexpr std::array known = {registered<Models>()...};
      static constexpr std::array runs = {&load_and_visit<outcome_of<Visitor>, Models, Visitor>...};
      TESSERA_TRY(const std::size_t number, choose_model(directory, known, options));
      return runs[number](directory, visitor, options);
    } else {
      return fail({});
    }
  }
};

}  // namespace detail

/// Loads `directory` as the first type of `registry` that it fits and gives the visitor's answer for the model, which is a result already
/// or becomes one. Errors: the visitor's; those of loading; mismatch where no type fits: it lists the registry's types with what differs
/// from each, and the type that the directory has.
template <class Registry, class Visitor>
[[nodiscard]] auto with_model(std::string_view directory, const Registry& registry, Visitor&& visitor, const load_options& options = {}) {
  using types = typename decltype(boost::hana::unpack(registry, boost::hana::template_<detail::model_registry>))::type;
  return types::visit(directory, visitor, options);
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/with_model-inl.hpp>
#endif
