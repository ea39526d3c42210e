// SPDX-License-Identifier: Apache-2.0
/// A model as a type: an embedding space and the stages that lead to it. Loaded once, immutable, shared by its copies.
///
///     using space = ts::space<"products", 256, ts::pooling::cls, ts::unit_length>;
///     using model = ts::model<space, ts::token_embedding<32'000, 256>, ..., ts::pool<ts::pooling::cls>, ts::l2_normalize>;
///     auto encoder = ts::load<model>("models/products");               // expected<model, error>
///     auto vector = encoder->encode("a multi-track sound editor");     // expected<embedding<space>, error>
///     auto rows = encoder->encode(texts, {.threads = &pool});          // expected<embedding_matrix<space>, error>
///
/// `encode` is const and safe from any number of threads without a lock. A vector's bits depend on the model, the text and the
/// processor's target only: not on the batch, its order, or the threads.
#pragma once

#include <tessera/graph/graph.hpp>
#include <tessera/model/architecture.hpp>
#include <tessera/model/loader.hpp>
#include <tessera/model/text_embedder.hpp>
#include <tessera/type/matrix.hpp>

#include <array>
#include <memory>
#include <ranges>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Sorts a model's parts: options here, stages into `graph`.
template <class Family, auto Shape, class Weights, class Stages, class... Parts>
struct model_parts;

template <class... Stages>
struct stage_list {};

/// False for a stage that no modules.json can name.
template <class Stage>
[[nodiscard]] consteval bool stands_in_modules() {
  if constexpr (requires { Stage::in_modules; }) return Stage::in_modules;
  else return true;
}

template <class Family, auto Shape, class Weights, class... Stages>
struct model_parts<Family, Shape, Weights, stage_list<Stages...>> {
  using family = Family;
  static constexpr auto shape = Shape;
  using stored = Weights;
  using weights = std::conditional_t<weight_precision<Weights>, Weights, f32>;
  using graph = tessera::graph<Stages...>;
  using checked = walk_stages<texts_in, produces<axis::ids>, Stages...>;
  using last = typename decltype((std::type_identity<Stages>{}, ...))::type;
  static constexpr bool normalized = std::is_same_v<last, l2_normalize>;
  /// Whether modules.json lists all that follows the encoder.
  static constexpr bool in_modules = (stands_in_modules<Stages>() && ...);
};
template <class Family, auto Shape, class Weights, class... Stages, class First, class... Rest>
struct model_parts<Family, Shape, Weights, stage_list<Stages...>, First, Rest...>
    : model_parts<Family, Shape, Weights, stage_list<Stages..., First>, Rest...> {};
template <class Family, auto Shape, class Weights, class... Stages, class NewFamily, auto NewShape, class... Rest>
struct model_parts<Family, Shape, Weights, stage_list<Stages...>, published_by<NewFamily, NewShape>, Rest...>
    : model_parts<NewFamily, NewShape, Weights, stage_list<Stages...>, Rest...> {};
template <class Family, auto Shape, class Weights, class... Stages, class NewWeights, class... Rest>
struct model_parts<Family, Shape, Weights, stage_list<Stages...>, stored_as<NewWeights>, Rest...>
    : model_parts<Family, Shape, NewWeights, stage_list<Stages...>, Rest...> {};

/// A dense stage as a value; other stages add nothing.
template <class Stage>
void add_dense(std::vector<dense_head>& heads) {
  if constexpr (requires { Stage::in, Stage::out, Stage::bias, Stage::activation; })
    heads.push_back({.in = Stage::in, .out = Stage::out, .bias = Stage::bias, .activation = Stage::activation});
}

// What can be wrong with a model besides its graph, as in graph/shape.hpp.
template <class Space, class Pool>
struct other_pooling {};
template <class Space, class Made>
struct other_output {};
template <class Space, class Last>
struct other_length {};
template <class Weights>
struct other_weights {};

template <class Space, class Pool>
struct report<other_pooling<Space, Pool>> {
  static_assert(std::is_same_v<other_pooling<Space, Pool>, no_fault>,
                "tessera: this model pools in a way that its space does not say");
};
template <class Space, class Made>
struct report<other_output<Space, Made>> {
  static_assert(std::is_same_v<other_output<Space, Made>, no_fault>,
                "tessera: this model does not end in one vector a text of its space's dimension");
};
template <class Space, class Last>
struct report<other_length<Space, Last>> {
  static_assert(std::is_same_v<other_length<Space, Last>, no_fault>,
                "tessera: a space has unit_length exactly where its model ends in l2_normalize");
};
template <class Weights>
struct report<other_weights<Weights>> {
  static_assert(std::is_same_v<other_weights<Weights>, no_fault>,
                "tessera: weights in this precision have no matrix kernels; use f32, bf16, i8 or i4");
};

/// The first stage that pools with another mode than the space's.
template <class Space, class... Stages>
struct pooling_fault {
  using type = no_fault;
};
template <class Space, class First, class... Rest>
struct pooling_fault<Space, First, Rest...> : pooling_fault<Space, Rest...> {};
template <class Space, pooling Mode, class... Rest>
  requires(Mode != Space::pooling_mode)
struct pooling_fault<Space, pool<Mode>, Rest...> {
  using type = other_pooling<Space, pool<Mode>>;
};

/// The first thing that is wrong with a model, its graph included.
template <class Space, class Parts, class... Stages>
[[nodiscard]] consteval auto model_fault() {
  using checked = typename Parts::checked;
  using made = typename checked::type;
  using pooling = typename pooling_fault<Space, Stages...>::type;
  if constexpr (!std::is_same_v<typename checked::fault, no_fault>) return typename checked::fault();
  else if constexpr (!weight_precision<typename Parts::stored>) return other_weights<typename Parts::stored>();
  else if constexpr (!std::is_same_v<pooling, no_fault>) return pooling();
  else if constexpr (!std::is_same_v<made, produces<axis::texts, Space::dimension>>) return other_output<Space, made>();
  else if constexpr (Space::unit_length != Parts::normalized) return other_length<Space, typename Parts::last>();
  else return no_fault();
}

}  // namespace detail

template <embedding_space Space, class... Parts>
class model {
  using parts = detail::model_parts<no_family, 0, f32, detail::stage_list<>, Parts...>;
  static_assert(sizeof(detail::report<decltype(detail::model_fault<Space, parts, Parts...>())>) > 0);

 public:
  using space = Space;
  using weights = typename parts::weights;
  using graph = typename parts::graph;
  using vector = embedding<Space>;
  using matrix = embedding_matrix<Space>;
  using input = std::string_view;
  using answer = vector;

  static constexpr std::size_t dimension = Space::dimension;
  static constexpr std::size_t parameter_count = graph::parameter_count;
  /// Every tensor that is read, under Tessera's names.
  [[nodiscard]] static constexpr const auto& manifest() noexcept { return graph::manifest(); }
  /// Peak bytes of workspace for a batch run in one piece.
  [[nodiscard]] static constexpr std::size_t workspace_bytes(batch_size size) noexcept { return graph::workspace_bytes(size); }
  /// Bytes of memory that the loaded weights hold on this processor: they are packed for its matrix kernel. A token table that stays in
  /// its file is not held.
  [[nodiscard]] static std::size_t memory_bytes(table_storage tokens = table_storage::copied) noexcept {
    return graph::template memory_bytes<weights>(tokens);
  }
  /// What this type is, as a value.
  [[nodiscard]] static model_description description() {
    model_description made;
    if constexpr (!std::is_same_v<typename parts::family, no_family>) {
      made.encoder = parts::family::facts(parts::shape);
      made.encoder.names = naming_of<typename parts::family>(parts::shape);
    }
    made.encoder.family = parts::family::label;
    made.encoder.vocabulary = graph::vocabulary;
    if (graph::positions != 0) made.encoder.positions = graph::positions;
    made.encoder.types = graph::types;
    made.encoder.adapters = graph::adapters;
    made.encoder.width = graph::token_width;
    for (const tensor_entry& entry : manifest())
      if (!entry.label().starts_with("dense.")) made.encoder.manifest.push_back(entry);
    made.pooling_mode = Space::pooling_mode;
    made.normalize = Space::unit_length;
    made.own_ending = !parts::in_modules;
    made.dimension = dimension;
    (detail::add_dense<Parts>(made.dense), ...);
    return made;
  }

  /// Reads a directory; `tessera::load<model>(directory)` is the same. Errors: see model/loader.hpp.
  [[nodiscard]] static result<model> load(std::string_view directory, const load_options& options = {}) {
    TESSERA_TRY(load_plan plan, plan_load(directory, description(), memory_bytes(options.token_table), options));
    auto made = std::make_shared<state>(std::move(plan.text));
    published_reader reader(plan.tensors, manifest().size(), options.listener, options.threads, options.token_table);
    TESSERA_CHECK(graph::template load<weights>(made->loaded, reader));
    TESSERA_CHECK(plan.tensors.unchanged());
    made->made_by = reader.made_by();
    made->mapped_bytes = reader.mapped_bytes();
    made->directory = directory;
    made->weights_path = options.weights;
    return model(std::move(made));
  }

  /// The vector of one text. Errors: see embed_texts.
  [[nodiscard]] result<vector> encode(std::string_view text, const embed_options& options = {}) const {
    vector made;
    made.set_made_by(state_->made_by);
    TESSERA_CHECK(embed_texts(runner(), state_->text, list_of(std::span<const std::string_view>(&text, 1)), options, made.data(), 0));
    return made;
  }
  /// The vectors of many, in their order.
  [[nodiscard]] result<matrix> encode(std::span<const std::string_view> texts, const embed_options& options = {}) const {
    return encode_list(list_of(texts), options);
  }
  [[nodiscard]] result<matrix> encode(std::span<const std::string> texts, const embed_options& options = {}) const {
    return encode_list(list_of(texts), options);
  }
  [[nodiscard]] result<matrix> encode(std::initializer_list<std::string_view> texts, const embed_options& options = {}) const {
    return encode_list(list_of(std::span<const std::string_view>(texts.begin(), texts.size())), options);
  }
  /// From ready tokens. Errors: invalid_argument, not_finite.
  [[nodiscard]] result<matrix> encode_tokens(const token_batch& batch, thread_pool* threads = nullptr) const {
    TESSERA_TRY(matrix made, matrix::make(batch.texts()));
    made.set_made_by(state_->made_by);
    TESSERA_CHECK(embed_tokens(runner(), batch, made.data(), matrix::stride, threads));
    return made;
  }
  /// The last hidden state of ready tokens, [tokens, graph::token_width]. Errors: invalid_argument, out_of_memory.
  [[nodiscard]] result<aligned_buffer<float>> hidden_states(const token_batch& batch) const {
    TESSERA_CHECK(check_tokens(runner(), batch));
    TESSERA_TRY(auto states, aligned_buffer<float>::make(batch.tokens() * graph::token_width));
    workspace memory;
    TESSERA_CHECK(memory.reserve(workspace_bytes({.texts = batch.texts(), .tokens = batch.tokens()})));
    const activations last = graph::run_tokens(state_->loaded, batch, memory);
    std::copy_n(last.data, states.size(), states.data());
    return states;
  }

  /// An empty text with room for `capacity` tokens, to be read piece by piece. Error: out_of_memory.
  [[nodiscard]] static result<text_cache> start(std::size_t capacity)
    requires(!graph::looks_ahead)
  {
    return text_cache::make(graph::attentions(), capacity);
  }
  /// Reads further tokens of a text: their last hidden states, [tokens, graph::token_width], with the bits that the whole text would give.
  /// Errors: too_long where the text has no room, invalid_argument, out_of_memory.
  [[nodiscard]] result<aligned_buffer<float>> extend(text_cache& text, std::span<const std::uint32_t> ids) const
    requires(!graph::looks_ahead)
  {
    if (ids.size() > text.capacity() - text.length())
      return fail({.code = error_code::too_long,
                   .thing = "text",
                   .wanted = "at most " + std::to_string(text.capacity()) + " tokens (its capacity)",
                   .found = std::to_string(text.length() + ids.size())});
    token_batch_builder batch;
    for (const std::uint32_t id : ids) batch.add_token(id, static_cast<std::uint32_t>(text.length() + batch.tokens()), 0);
    batch.end_text();
    TESSERA_CHECK(check_tokens(runner(), batch.view()));
    TESSERA_TRY(auto states, aligned_buffer<float>::make(ids.size() * graph::token_width));
    workspace memory;
    TESSERA_CHECK(memory.reserve(workspace_bytes({.texts = 1, .tokens = ids.size(), .cached = text.length()})));
    memory.set_cache(&text);
    text.begin();
    const activations last = graph::run_tokens(state_->loaded, batch.view(), memory);
    std::copy_n(last.data, states.size(), states.data());
    text.grow(ids.size());
    return states;
  }

  /// For what runs many callers' texts together (model/batching_engine.hpp): the loaded graph, and the vector of a row that it made.
  [[nodiscard]] graph_runner runner() const noexcept {
    return runner_of<graph>(state_->loaded, state_->beginnings, Space::unit_length);
  }
  [[nodiscard]] answer answer_of(const float* row) const noexcept {
    vector made;
    std::copy_n(row, dimension, made.data());
    made.set_made_by(state_->made_by);
    return made;
  }

  /// Tells vectors of these weights from those of others with the same type.
  [[nodiscard]] fingerprint made_by() const noexcept { return state_->made_by; }
  /// Bytes of the weight file that this model reads its token vectors from, beside memory_bytes(table_storage::mapped) of memory; their
  /// pages are the system's, which other processes share and which it can take back. 0 where token vectors were copied.
  [[nodiscard]] std::size_t mapped_bytes() const noexcept { return state_->mapped_bytes; }
  /// The model's tokenizer; none where it was loaded for ready tokens only.
  [[nodiscard]] const std::optional<tokenizer>& text_tokenizer() const noexcept { return state_->text.tokens; }
  /// Lengths and prompts, as the directory gave them.
  [[nodiscard]] const text_settings& settings() const noexcept { return state_->text; }
  /// Where it was loaded from.
  [[nodiscard]] const std::string& directory() const noexcept { return state_->directory; }
  /// SHA-256 of the weight files. Computed on the first call and remembered beside the file. Errors: io; mismatch where the files are no
  /// longer those that were loaded.
  [[nodiscard]] result<sha256_digest> sha256() const {
    return sha256_of_weights(state_->directory, description(), state_->weights_path, state_->made_by);
  }

 private:
  struct state {
    explicit state(text_settings settings) : text(std::move(settings)) {}

    typename graph::template weights<weights> loaded{};
    text_settings text;
    fingerprint made_by{};
    std::size_t mapped_bytes = 0;
    mutable kept_beginnings beginnings;  // grows as prompts are first used
    std::string directory;
    std::string weights_path;
  };
  explicit model(std::shared_ptr<const state> loaded) noexcept : state_(std::move(loaded)) {}

  template <class Text>
  [[nodiscard]] static text_list list_of(std::span<const Text> texts) noexcept {
    return {texts.data(), texts.size(),
            [](const void* first, std::size_t i) noexcept -> std::string_view { return static_cast<const Text*>(first)[i]; }};
  }
  [[nodiscard]] result<matrix> encode_list(text_list texts, const embed_options& options) const {
    if (texts.count > options.max_texts) texts.count = options.max_texts + 1;  // an error, found before memory is asked for
    TESSERA_TRY(matrix made, matrix::make(texts.count));
    made.set_made_by(state_->made_by);
    TESSERA_CHECK(embed_texts(runner(), state_->text, texts, options, made.data(), matrix::stride));
    return made;
  }

  std::shared_ptr<const state> state_;
};

namespace detail {
/// Completes the type first, so that what is wrong with it is said before std::expected looks at it.
template <class Model, std::size_t = sizeof(Model)>
using loaded = result<Model>;
}  // namespace detail

/// Reads a model of this type from a directory.
template <class Model>
[[nodiscard]] detail::loaded<Model> load(std::string_view directory, const load_options& options = {}) {
  return Model::load(directory, options);
}

}  // namespace tessera::inline TESSERA_ABI
