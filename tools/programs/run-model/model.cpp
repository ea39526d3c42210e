// SPDX-License-Identifier: Apache-2.0
/// The type of one model directory behind `any_model`: compiled by tools/run-model, once for each type, with the header of
/// tools/model-type included before it.
#include <tessera/model/reranker.hpp>
#include <tools/programs/run-model/any_model.hpp>

#include <algorithm>

namespace programs {
namespace {

/// What every type has; Model is `model_type`, a parameter so that only what it has is compiled.
template <class Model>
class typed_model : public any_model {
 public:
  explicit typed_model(Model model) noexcept : model_(std::move(model)) {}

  [[nodiscard]] std::size_t token_width() const noexcept override { return Model::graph::token_width; }
  [[nodiscard]] const ts::text_settings& settings() const noexcept override { return model_.settings(); }
  [[nodiscard]] ts::result<ts::aligned_buffer<float>> hidden_states(const ts::token_batch& batch) const override {
    return model_.hidden_states(batch);
  }
  [[nodiscard]] ts::result<ts::text_cache> start(std::size_t capacity) const override {
    if constexpr (requires { Model::start(capacity); }) return Model::start(capacity);
    else return not_causal();
  }
  [[nodiscard]] ts::result<ts::aligned_buffer<float>> extend(ts::text_cache& text, std::span<const std::uint32_t> ids) const override {
    if constexpr (requires { model_.extend(text, ids); }) return model_.extend(text, ids);
    else return not_causal();
  }

 protected:
  [[nodiscard]] static std::unexpected<ts::error> not_causal() {
    return ts::fail({.code = ts::error_code::unsupported, .thing = "inc_input_ids", .wanted = "a causal model", .found = "one that looks ahead"});
  }
  Model model_;
};

template <class Model>
class embedder final : public typed_model<Model> {
 public:
  using typed_model<Model>::typed_model;

  [[nodiscard]] std::size_t dimension() const noexcept override { return Model::dimension; }
  [[nodiscard]] ts::result<> encode_tokens(const ts::token_batch& batch, std::span<float> rows) const override {
    TESSERA_TRY(const auto made, this->model_.encode_tokens(batch));
    copy(made, rows);
    return {};
  }
  [[nodiscard]] ts::result<> encode(std::span<const std::string_view> texts, const ts::embed_options& options,
                                    std::span<float> rows) const override {
    TESSERA_TRY(const auto made, this->model_.encode(texts, options));
    copy(made, rows);
    return {};
  }
  [[nodiscard]] ts::result<> score(std::span<const std::string>, std::span<const std::string>, const ts::embed_options&,
                                   std::span<float>, std::span<float>) const override {
    return ts::fail({.code = ts::error_code::unsupported, .thing = "scores", .wanted = "a reranker", .found = "a model that makes vectors"});
  }

 private:
  static void copy(const typename Model::matrix& from, std::span<float> rows) {
    for (std::size_t i = 0; i < from.rows(); ++i)
      std::ranges::copy(from.row(i).values(), rows.subspan(i * Model::dimension).begin());
  }
};

template <class Model>
class judge final : public typed_model<Model> {
 public:
  using typed_model<Model>::typed_model;

  [[nodiscard]] std::size_t dimension() const noexcept override { return Model::outputs; }
  [[nodiscard]] bool reranks() const noexcept override { return true; }
  [[nodiscard]] ts::result<> encode_tokens(const ts::token_batch& batch, std::span<float> rows) const override {
    TESSERA_TRY(const auto made, this->model_.logits(batch));
    std::ranges::copy(made, rows.begin());
    return {};
  }
  [[nodiscard]] ts::result<> encode(std::span<const std::string_view>, const ts::embed_options&, std::span<float>) const override {
    return ts::fail({.code = ts::error_code::unsupported, .thing = "vectors", .wanted = "a model that makes them", .found = "a reranker"});
  }
  [[nodiscard]] ts::result<> score(std::span<const std::string> queries, std::span<const std::string> texts,
                                   const ts::embed_options& options, std::span<float> logits, std::span<float> scores) const override {
    std::vector<ts::text_pair> pairs;
    for (std::size_t i = 0; i < texts.size(); ++i) pairs.push_back({queries[i], texts[i]});
    TESSERA_TRY(const auto made, this->model_.scores(pairs, options));
    for (std::size_t i = 0; i < made.size(); ++i) logits[i] = made[i].logit, scores[i] = made[i].score;
    return {};
  }
};

template <class Model>
[[nodiscard]] std::unique_ptr<any_model> behind_functions(Model model) {
  if constexpr (requires { Model::outputs; }) return std::make_unique<judge<Model>>(std::move(model));
  else return std::make_unique<embedder<Model>>(std::move(model));
}

}  // namespace
}  // namespace programs

extern "C" void tessera_load_model(std::string_view directory, const tessera::load_options& options, programs::loaded_model& made) {
  auto model = tessera::load<model_type>(directory, options);
  if (model) made = programs::behind_functions(*std::move(model));
  else made = std::unexpected(std::move(model).error());
}
