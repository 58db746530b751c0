/* Uses every function of tawny.h from C, with the toy model. */
#include "runtime/include/tawny.h"
#include "tests/runtime/api/ToyFiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOCABULARY = 32, MESSAGE_BYTES = 512 };

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                     \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

static bool contains(const char *text, const char *part) {
  if (strstr(text, part))
    return true;
  fprintf(stderr, "expected '%s' in '%s'\n", part, text);
  return false;
}

static tawny_model *openToy(const tawny_options *options) {
  char message[MESSAGE_BYTES] = "";
  const char *path = writeToyModel();
  tawny_model *model = tawny_open(path, options, message, sizeof(message));
  if (!model)
    fprintf(stderr, "%s\n", message);
  CHECK(model);
  /* The mapping needs no path. */
  remove(path);
  return model;
}

static void testOpening(void) {
  char message[MESSAGE_BYTES] = "", shortMessage[8];
  tawny_options options = tawny_default_options();
  CHECK(!tawny_open("/nonexistent/a.tawny", NULL, message, sizeof(message)));
  CHECK(contains(message, "cannot open '/nonexistent/a.tawny'"));
  CHECK(!tawny_open("/nonexistent/a.tawny", NULL, shortMessage, sizeof(shortMessage)));
  CHECK(strcmp(shortMessage, "cannot ") == 0);
  CHECK(!tawny_open("/nonexistent/a.tawny", NULL, NULL, 0));
  CHECK(!tawny_open(NULL, NULL, message, sizeof(message)));
  CHECK(contains(message, "path: expected the name of a file"));
  options.device = "abacus";
  const char *path = writeToyModel();
  CHECK(!tawny_open(path, &options, message, sizeof(message)));
  CHECK(contains(message, "device 'abacus': expected cpu"));
  options.struct_bytes = 0;
  CHECK(!tawny_open(path, &options, message, sizeof(message)));
  CHECK(contains(message, "struct_bytes: expected the size"));
  remove(path);
  tawny_close(NULL);
}

static void testInformation(tawny_model *model) {
  tawny_model_info info;
  tawny_get_model_info(model, &info, sizeof(info));
  CHECK(strcmp(info.name, "toy") == 0 && strcmp(info.source, "toy.gguf") == 0);
  CHECK(strcmp(info.device, "cpu") == 0 && strcmp(info.target, "toy-cpu") == 0);
  CHECK(strcmp(info.chat_template, "") == 0);
  CHECK(info.vocabulary == VOCABULARY && info.max_context == 40 && info.max_batch == 4);
  CHECK(info.max_sequences == 5 && info.threads == 2 && info.pages == 16);
  CHECK(info.bos == 1 && info.eos == 2 && info.pad == -1 && info.add_bos && !info.add_eos);
  CHECK(info.has_tokenizer && info.stack_bytes == 128);
  uint64_t kv = 0;
  for (size_t i = 0; i < tawny_memory_line_count(model); ++i) {
    tawny_memory_line line = tawny_get_memory_line(model, i);
    if (strcmp(line.name, "kv") == 0)
      kv = line.bytes;
  }
  CHECK(kv == 16384);
  CHECK(tawny_verify_weights(model, NULL, NULL) == TAWNY_OK);
}

static void testText(tawny_model *model) {
  int32_t tokens[8];
  size_t count = 0, bytes = 0;
  char text[8];
  CHECK(tawny_tokenize(model, "head", 4, true, false, tokens, 8, &count) == TAWNY_OK);
  CHECK(count == 4 && tokens[0] == 1 && tokens[1] == 30 && tokens[2] == 3 && tokens[3] == 6);
  CHECK(tawny_tokenize(model, "head", 4, true, false, tokens, 3, &count) == TAWNY_TOO_SHORT);
  CHECK(count == 4);
  CHECK(tawny_detokenize(model, tokens, 4, false, false, text, 8, &bytes) == TAWNY_OK);
  CHECK(bytes == 4 && memcmp(text, "head", 4) == 0);
  CHECK(tawny_detokenize(model, tokens, 4, true, false, text, 6, &bytes) == TAWNY_TOO_SHORT);
  CHECK(bytes == 7);
  tokens[0] = 77;
  CHECK(tawny_detokenize(model, tokens, 4, false, false, text, 8, &bytes) == TAWNY_ERROR);
  CHECK(strlen(tawny_last_error(model)) > 0);
}

static void testSequences(tawny_model *model) {
  int32_t prompt[6] = {3, 1, 4, 1, 5, 9}, next[2] = {7, 8};
  uint8_t flags[6] = {0, 1, 0, 0, 0, 1};
  tawny_sequence a, b;
  size_t rows;
  CHECK(tawny_create_sequence(model, &a) == TAWNY_OK && a != 0);
  tawny_span span = {a, prompt, 6, flags};
  CHECK(tawny_step(model, &span, 1) == TAWNY_OK);
  const float *logits = tawny_logits(model, &rows);
  CHECK(rows == 2);
  for (unsigned v = 1; v < VOCABULARY; ++v) {
    CHECK(logits[v] == toyLogit(prompt, 2, v));
    CHECK(logits[VOCABULARY + v] == toyLogit(prompt, 6, v));
  }
  CHECK(tawny_fork_sequence(model, a, &b) == TAWNY_OK && b != a);
  CHECK(tawny_sequence_length(model, b) == 6);
  CHECK(tawny_truncate_sequence(model, b, 5) == TAWNY_OK);
  CHECK(tawny_truncate_sequence(model, b, 6) == TAWNY_ERROR);
  CHECK(contains(tawny_last_error(model), "expected a length of at most 5"));
  tawny_span both[2] = {{a, &next[0], 1, NULL}, {b, &next[1], 1, NULL}};
  CHECK(tawny_step(model, both, 2) == TAWNY_OK);
  logits = tawny_logits(model, &rows);
  int32_t first[7] = {3, 1, 4, 1, 5, 9, 7}, second[6] = {3, 1, 4, 1, 5, 8};
  CHECK(rows == 2);
  CHECK(logits[5] == toyLogit(first, 7, 5) && logits[VOCABULARY + 5] == toyLogit(second, 6, 5));
  CHECK(tawny_free_sequence(model, b) == TAWNY_OK);
  CHECK(tawny_free_sequence(model, b) == TAWNY_ERROR);
  CHECK(tawny_sequence_length(model, b) == 0);
  CHECK(tawny_free_sequence(model, a) == TAWNY_OK);
  CHECK(tawny_free_pages(model) == 16);
}

static void testExhaustion(tawny_model *model) {
  int32_t tokens[41] = {0};
  tawny_sequence made[6];
  size_t rows;
  for (int i = 0; i < 5; ++i)
    CHECK(tawny_create_sequence(model, &made[i]) == TAWNY_OK);
  CHECK(tawny_create_sequence(model, &made[5]) == TAWNY_EXHAUSTED && made[5] == 0);
  CHECK(tawny_fork_sequence(model, made[0], &made[5]) == TAWNY_EXHAUSTED);
  tawny_span spans[2] = {{made[0], tokens, 40, NULL}, {made[1], tokens, 25, NULL}};
  CHECK(tawny_step(model, spans, 2) == TAWNY_EXHAUSTED);
  CHECK(contains(tawny_last_error(model), "too few free pages"));
  CHECK(!tawny_logits(model, &rows) && rows == 0);
  spans[0].count = 41;
  CHECK(tawny_step(model, spans, 1) == TAWNY_CONTEXT_FULL);
  CHECK(tawny_sequence_length(model, made[0]) == 0 && tawny_free_pages(model) == 16);
  CHECK(tawny_step(model, spans, 6) == TAWNY_ERROR);
  CHECK(contains(tawny_last_error(model), "expected at most 5 spans, found 6"));
  for (int i = 0; i < 5; ++i)
    CHECK(tawny_free_sequence(model, made[i]) == TAWNY_OK);
}

static void testSampling(tawny_model *model) {
  tawny_sampler_params params = tawny_default_sampler_params();
  tawny_sampler *sampler = tawny_create_sampler(model, &params);
  tawny_sequence a;
  int32_t prompt[3] = {1, 2, 3}, token;
  size_t rows;
  CHECK(sampler);
  CHECK(tawny_create_sequence(model, &a) == TAWNY_OK);
  tawny_span span = {a, prompt, 3, NULL};
  CHECK(tawny_step(model, &span, 1) == TAWNY_OK);
  CHECK(tawny_sample(model, sampler, 0, &token) == TAWNY_OK);
  const float *logits = tawny_logits(model, &rows);
  for (int v = 0; v < VOCABULARY; ++v)
    CHECK(logits[v] <= logits[token]);
  CHECK(tawny_sample(model, sampler, 1, &token) == TAWNY_ERROR);
  CHECK(contains(tawny_last_error(model), "expected a row below the 1 of the last step, found 1"));
  CHECK(tawny_sampler_accept(model, sampler, 3) == TAWNY_OK);
  CHECK(tawny_sampler_accept(model, sampler, VOCABULARY) == TAWNY_ERROR);
  tawny_free_sampler(sampler);
  params.top_p = 2;
  CHECK(!tawny_create_sampler(model, &params));
  CHECK(strlen(tawny_last_error(model)) > 0);
  CHECK(tawny_free_sequence(model, a) == TAWNY_OK);
}

static void testMeasuring(tawny_model *model) {
  double read = 0, peak = 0;
  const char *unit;
  CHECK(tawny_measure_read(model, &read) == TAWNY_OK && read > 0);
  CHECK(tawny_measure_peak(model, &peak, &unit) == TAWNY_OK && peak > 0);
  CHECK(strcmp(unit, "imul") == 0);
}

static void testChecking(void) {
  tawny_options options = tawny_default_options();
  options.check = true;
  tawny_model *model = openToy(&options);
  tawny_sequence a;
  int32_t poison[1] = {31};
  CHECK(tawny_create_sequence(model, &a) == TAWNY_OK);
  tawny_span span = {a, poison, 1, NULL};
  CHECK(tawny_step(model, &span, 1) == TAWNY_ERROR);
  CHECK(contains(tawny_last_error(model), "check: dispatch 1, 'attend', of program 'decode[1]'"));
  CHECK(tawny_sequence_length(model, a) == 0);
  tawny_close(model);
}

static void testVocabulary(void) {
  char message[MESSAGE_BYTES] = "";
  tawny_options options = tawny_default_options();
  const char *path = writeToyVocabulary();
  CHECK(!tawny_open(path, &options, message, sizeof(message)));
  CHECK(contains(message, "holds a vocabulary but no code"));
  options.vocabulary_only = true;
  tawny_model *model = tawny_open(path, &options, message, sizeof(message));
  CHECK(model);
  remove(path);
  testText(model);
  tawny_sequence sequence;
  tawny_model_info info;
  CHECK(tawny_create_sequence(model, &sequence) == TAWNY_ERROR);
  CHECK(contains(tawny_last_error(model), "vocabulary only and cannot compute"));
  tawny_get_model_info(model, &info, sizeof(info));
  CHECK(info.vocabulary == VOCABULARY && strcmp(info.device, "") == 0);
  CHECK(tawny_memory_line_count(model) == 0 && tawny_free_pages(model) == 0);
  CHECK(tawny_verify_weights(model, NULL, NULL) == TAWNY_OK);
  tawny_close(model);
}

static bool countCalls(uint64_t done, uint64_t total, void *user) {
  ++*(int *)user;
  return done <= total;
}

int main(void) {
  int calls = 0;
  tawny_options options = tawny_default_options();
  options.threads = 2;
  options.max_sequences = 5;
  options.progress = countCalls;
  options.progress_user = &calls;
  testOpening();
  tawny_model *model = openToy(&options);
  CHECK(calls == 1);
  CHECK(strcmp(tawny_last_error(model), "") == 0);
  testInformation(model);
  testText(model);
  testSequences(model);
  testExhaustion(model);
  testSampling(model);
  testMeasuring(model);
  tawny_close(model);
  testChecking();
  testVocabulary();
  return 0;
}
