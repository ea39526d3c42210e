// SPDX-License-Identifier: Apache-2.0
/// The type of one model directory behind `any_model`: compiled by tools/run-model, once for each type, with the header of
/// tools/model-type included before it.
#include <tools/programs/run-model/any_model.hpp>

#include <algorithm>

namespace programs {
namespace {

class typed_model final : public any_model {
 public:
  explicit typed_model(model_type model) noexcept : model_(std::move(model)) {}

  [[nodiscard]] std::size_t token_width() const noexcept override { return model_type::graph::token_width; }
  [[nodiscard]] std::size_t dimension() const noexcept override { return model_type::dimension; }
  [[nodiscard]] const ts::text_settings& settings() const noexcept override { return model_.settings(); }
  [[nodiscard]] ts::result<ts::aligned_buffer<float>> hidden_states(const ts::token_batch& batch) const override {
    return model_.hidden_states(batch);
  }
  [[nodiscard]] ts::result<> encode_tokens(const ts::token_batch& batch, std::span<float> rows) const override {
    TESSERA_TRY(const auto made, model_.encode_tokens(batch));
    copy(made, rows);
    return {};
  }
  [[nodiscard]] ts::result<> encode(std::span<const std::string_view> texts, const ts::embed_options& options,
                                    std::span<float> rows) const override {
    TESSERA_TRY(const auto made, model_.encode(texts, options));
    copy(made, rows);
    return {};
  }

 private:
  static void copy(const typename model_type::matrix& from, std::span<float> rows) {
    for (std::size_t i = 0; i < from.rows(); ++i)
      std::ranges::copy(from.row(i).values(), rows.subspan(i * model_type::dimension).begin());
  }

  model_type model_;
};

}  // namespace
}  // namespace programs

extern "C" void tessera_load_model(std::string_view directory, const tessera::load_options& options, programs::loaded_model& made) {
  auto model = tessera::load<model_type>(directory, options);
  if (model) made = std::make_unique<programs::typed_model>(*std::move(model));
  else made = std::unexpected(std::move(model).error());
}
