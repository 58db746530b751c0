// Text to tokens and back.
#include "runtime/api/ApiModel.h"

using namespace tawny;

static tawny_status requireTokenizer(tawny_model *model) {
  if (model->tokenizer)
    return TAWNY_OK;
  return api::fail(model, makeError("the artifact holds no tokenizer"));
}

/// Copies a result to the caller's array if it is long enough.
template <typename Item>
static tawny_status store(const Item *items, size_t count, Item *array, size_t capacity,
                          size_t *stored) {
  *stored = count;
  if (count > capacity)
    return TAWNY_TOO_SHORT;
  std::copy_n(items, count, array);
  return TAWNY_OK;
}

tawny_status tawny_tokenize(tawny_model *model, const char *text, size_t bytes, bool bos,
                            bool special, int32_t *tokens, size_t capacity, size_t *count) {
  *count = 0;
  if (tawny_status status = requireTokenizer(model); status != TAWNY_OK)
    return status;
  EncodeOptions options;
  options.addBos = bos;
  options.parseSpecial = special;
  ErrorOr<std::vector<int32_t>> ids = model->tokenizer->encode({text, bytes}, options);
  if (!ids)
    return api::fail(model, ids.error());
  return store(ids->data(), ids->size(), tokens, capacity, count);
}

tawny_status tawny_detokenize(tawny_model *model, const int32_t *tokens, size_t count, bool special,
                              bool continuation, char *text, size_t capacity, size_t *bytes) {
  *bytes = 0;
  if (tawny_status status = requireTokenizer(model); status != TAWNY_OK)
    return status;
  DecodeOptions options;
  options.renderSpecial = special;
  options.continuation = continuation;
  ErrorOr<std::string> decoded = model->tokenizer->decode({tokens, count}, options);
  if (!decoded)
    return api::fail(model, decoded.error());
  return store(decoded->data(), decoded->size(), text, capacity, bytes);
}
