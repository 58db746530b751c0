/* The C interface of the Tawny runtime: open a compiled model, feed it tokens, read logits, sample.
 *
 * Objects. Everything hangs off a `tawny_model`; nothing is global. Two models, even of the same
 * file, may live in one process and be used at the same time.
 *
 * Threads. A model and all that was made from it (sequences, samplers) may be used by one thread at
 * a time; the caller serialises. Any thread may do so, not only the one that opened the model. The
 * thread that calls tawny_step computes too: it needs 256 KiB of stack beyond the `stack_bytes` of
 * tawny_model_info. The runtime installs no signal handlers, and its own threads take no signals.
 *
 * Memory. What a model needs is summed and checked when it is opened; after that no call allocates,
 * except to describe a failure. Pointers that the interface hands out belong to the model; each
 * function says until when they may be read. All sizes are in bytes unless a name says otherwise.
 *
 * Failure. Functions that can fail return a tawny_status; the sentence for a person is
 * tawny_last_error(model), which names what was expected, what was found and where. No call ends
 * the process.
 *
 * Stability. Structures that the caller fills start with `struct_bytes`, set by the tawny_default_*
 * functions; later versions append fields and keep accepting shorter structures.
 */
#ifndef TAWNY_H
#define TAWNY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TAWNY_API __attribute__((visibility("default")))
#else
#define TAWNY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* An opened artifact, ready to run on one device (or, vocabulary alone, to tokenize). */
typedef struct tawny_model tawny_model;

/* How the next token is chosen; it remembers the tokens it has seen and its random state. */
typedef struct tawny_sampler tawny_sampler;

/* Names one sequence of a model. 0 is never a sequence, and the name of a freed sequence is not
 * reused soon: using it is an error, not a mix-up. */
typedef uint64_t tawny_sequence;

/* What became of a call. */
typedef enum tawny_status {
  TAWNY_OK = 0,
  /* The call did nothing; tawny_last_error says why. */
  TAWNY_ERROR = 1,
  /* The KV pool has too few free pages for the call, or all sequences are taken. An ordinary event:
   * nothing has changed; free or truncate something and try again. */
  TAWNY_EXHAUSTED = 2,
  /* The sequence would pass the longest context that the file was compiled for; nothing changed. */
  TAWNY_CONTEXT_FULL = 3,
  /* The caller's array is too short; the needed length was stored. */
  TAWNY_TOO_SHORT = 4
} tawny_status;

/* Called while gigabytes are read. `done` and `total` are bytes; return false to stop, which makes
 * the call that reads fail. */
typedef bool (*tawny_progress)(uint64_t done, uint64_t total, void *user);

/* -- Opening --------------------------------------------------------------------------------- */

/* How a model is opened. */
typedef struct tawny_options {
  uint32_t struct_bytes;
  /* "cpu", "hip[:N]" or "cuda[:N]"; NULL is "cpu". */
  const char *device;
  /* Threads of the CPU device, the caller's included; 0: one per physical core that the affinity
   * mask and the cgroup's quota leave to this process. */
  uint32_t threads;
  /* Sequences that may exist at once; 0: four times the file's largest batch. */
  uint32_t max_sequences;
  /* Rows of logits that one tawny_step may ask for; 0: as many as the file's programs make. */
  uint32_t max_logit_rows;
  /* After each dispatch, look for values that are not finite and fail naming the dispatch. Slow. */
  bool check;
  /* Read all weights before returning, so that the first step is as fast as the others. */
  bool prefault;
  /* Open the tokenizer and the metadata only; nothing that computes may be called. */
  bool vocabulary_only;
  /* NULL, or told about the reading of weights. */
  tawny_progress progress;
  void *progress_user;
  /* How a GPU gets the launches of a decode step: "eager", "graph", or "auto", which measures both
   * in the first step and keeps the faster; NULL is "auto". */
  const char *launch;
} tawny_options;

/* The defaults that the comments above state; prefault is on. */
TAWNY_API tawny_options tawny_default_options(void);

/* Opens `path`. `options` may be NULL. On failure returns NULL and, where `error_bytes` > 0, leaves
 * a sentence in `error`, cut to fit and always terminated. The file stays mapped until tawny_close;
 * replacing or deleting its path meanwhile does not matter, changing its bytes in place does. */
TAWNY_API tawny_model *tawny_open(const char *path, const tawny_options *options, char *error,
                                  size_t error_bytes);

/* Closes the model and frees all its sequences. Its samplers must be freed before. NULL is fine. */
TAWNY_API void tawny_close(tawny_model *model);

/* Why the last call on this model that returned something else than TAWNY_OK did so; "" before any
 * failure. Valid until the next call on the model. */
TAWNY_API const char *tawny_last_error(const tawny_model *model);

/* -- What the file says ------------------------------------------------------------------------ */

/* What the file and the opened model are. */
typedef struct tawny_model_info {
  const char *name;
  const char *architecture;
  /* The file the model was compiled from, without its folder. */
  const char *source;
  const char *compiler_version;
  /* The Jinja template of chats, or "". */
  const char *chat_template;
  /* The device and target in use, "" where vocabulary_only. */
  const char *device;
  const char *target;
  const char *activations;
  uint64_t parameters;
  uint32_t layers;
  uint32_t hidden_size;
  /* Columns of a row of logits; token ids are below it. */
  uint32_t vocabulary;
  /* Longest sequence, in tokens. */
  uint32_t max_context;
  /* Sequences with one new token each that a decode program takes at once. */
  uint32_t max_batch;
  uint32_t max_sequences;
  uint32_t max_logit_rows;
  /* Tokens of one KV page, and pages of the pool. */
  uint32_t page_tokens;
  uint32_t pages;
  uint32_t threads;
  /* Stack that the kernels may use on the thread that calls tawny_step. */
  uint64_t stack_bytes;
  /* Special tokens, -1 where the model has none. */
  int32_t bos;
  int32_t eos;
  int32_t unk;
  int32_t pad;
  bool add_bos;
  bool add_eos;
  bool has_tokenizer;
  /* Weights are random numbers that were made at load: outputs mean nothing. */
  bool generated_weights;
} tawny_model_info;

/* The strings live as long as the model. `struct_bytes` is sizeof(tawny_model_info): of a longer
 * structure of a later caller the known part is filled and the rest zeroed. */
TAWNY_API void tawny_get_model_info(const tawny_model *model, tawny_model_info *info,
                                    size_t struct_bytes);

/* One line of the memory plan that was checked before anything was allocated. */
typedef struct tawny_memory_line {
  /* weights, kv, arena, resident, step, logits, host, generated, staging; lives as long as the
   * model. */
  const char *name;
  uint64_t bytes;
  /* True where the bytes are the file's own pages, which the system may drop and read again. */
  bool mapped;
} tawny_memory_line;

/* Lines of the plan; 0 where vocabulary_only. */
TAWNY_API size_t tawny_memory_line_count(const tawny_model *model);
/* `index` must be below the count. */
TAWNY_API tawny_memory_line tawny_get_memory_line(const tawny_model *model, size_t index);

/* Reads the weights of the file and compares them with their checksums. */
TAWNY_API tawny_status tawny_verify_weights(tawny_model *model, tawny_progress progress,
                                            void *user);

/* -- Text ------------------------------------------------------------------------------------- */

/* Splits `bytes` bytes of UTF-8 (other bytes are taken as they are) into tokens. `bos` puts the
 * model's BOS first, `special` lets the text of control tokens stand for them. Stores the number of
 * tokens in `count`; where that is more than `capacity`, returns TAWNY_TOO_SHORT and stores no
 * tokens. A capacity of `bytes` + 2 is always enough. This call may allocate. */
TAWNY_API tawny_status tawny_tokenize(tawny_model *model, const char *text, size_t bytes, bool bos,
                                      bool special, int32_t *tokens, size_t capacity,
                                      size_t *count);

/* Joins the texts of tokens. Stores the bytes of the text in `bytes`; where that is more than
 * `capacity`, returns TAWNY_TOO_SHORT and stores no text. No terminating zero is stored. A text may
 * end inside a UTF-8 character when the tokens do. `special` shows control tokens by their text
 * instead of leaving them out; `continuation` says that other tokens came before, so that a space
 * at the start is part of the text. This call may allocate. */
TAWNY_API tawny_status tawny_detokenize(tawny_model *model, const int32_t *tokens, size_t count,
                                        bool special, bool continuation, char *text,
                                        size_t capacity, size_t *bytes);

/* -- Sequences -------------------------------------------------------------------------------- */

/* An empty sequence. TAWNY_EXHAUSTED when max_sequences exist. */
TAWNY_API tawny_status tawny_create_sequence(tawny_model *model, tawny_sequence *sequence);

/* A sequence with the same tokens that shares the memory of the first until one of them grows. */
TAWNY_API tawny_status tawny_fork_sequence(tawny_model *model, tawny_sequence parent,
                                           tawny_sequence *child);

/* Forgets all tokens from position `length` on. */
TAWNY_API tawny_status tawny_truncate_sequence(tawny_model *model, tawny_sequence sequence,
                                               uint32_t length);

/* Gives the sequence and its pages back. */
TAWNY_API tawny_status tawny_free_sequence(tawny_model *model, tawny_sequence sequence);

/* Tokens in the sequence; 0 also for what is no sequence. */
TAWNY_API uint32_t tawny_sequence_length(const tawny_model *model, tawny_sequence sequence);

/* Pages of the pool that no sequence holds. */
TAWNY_API uint32_t tawny_free_pages(const tawny_model *model);

/* -- Computing -------------------------------------------------------------------------------- */

/* The new tokens of one sequence. */
typedef struct tawny_span {
  tawny_sequence sequence;
  const int32_t *tokens;
  size_t count;
  /* One flag per token, nonzero where its logits are wanted; NULL: those of the last token only. */
  const uint8_t *logits;
} tawny_span;

/* Appends each span's tokens to its sequence and computes the wanted logits. Spans may be of any
 * length and number (each sequence at most once); what passes the bounds of the compiled programs
 * is run in several parts. All or nothing: where it does not return TAWNY_OK, no sequence has
 * changed. */
TAWNY_API tawny_status tawny_step(tawny_model *model, const tawny_span *spans, size_t count);

/* The logits of the last tawny_step: row-major f32 [rows, vocabulary], in the order of the spans
 * and, within a span, of the tokens that wanted them. Valid until the next tawny_step; NULL where
 * there are none, or where they cannot be read from the device, which tawny_last_error explains. */
TAWNY_API const float *tawny_logits(const tawny_model *model, size_t *rows);

/* -- Sampling --------------------------------------------------------------------------------- */

/* Applied in this order: repeat_penalty, top_k, temperature, top_p, min_p. */
typedef struct tawny_sampler_params {
  uint32_t struct_bytes;
  /* 0 takes the most likely token. */
  float temperature;
  /* Keep the k most likely tokens; 0 keeps all. */
  uint32_t top_k;
  /* Keep the fewest tokens whose probabilities sum to p; 1 keeps all. */
  float top_p;
  /* Drop tokens less likely than min_p times the most likely one; 0 drops none. */
  float min_p;
  /* Divide (or, below zero, multiply) the logits of recent tokens by this; 1 leaves them. */
  float repeat_penalty;
  /* How many tokens are recent; 0 turns the penalty off. */
  uint32_t repeat_window;
  uint64_t seed;
} tawny_sampler_params;

/* Greedy: temperature 0 and nothing else in force; a window of 64 tokens. */
TAWNY_API tawny_sampler_params tawny_default_sampler_params(void);

/* Makes a sampler for one sequence. NULL where a parameter is out of range; tawny_last_error(model)
 * says which. */
TAWNY_API tawny_sampler *tawny_create_sampler(tawny_model *model,
                                              const tawny_sampler_params *params);
/* NULL is fine. */
TAWNY_API void tawny_free_sampler(tawny_sampler *sampler);

/* Tells the sampler a token that it did not choose, such as one of the prompt. */
TAWNY_API tawny_status tawny_sampler_accept(tawny_model *model, tawny_sampler *sampler,
                                            int32_t token);

/* Chooses a token from row `row` of the last step's logits and remembers it. */
TAWNY_API tawny_status tawny_sample(tawny_model *model, tawny_sampler *sampler, size_t row,
                                    int32_t *token);

/* -- Measuring -------------------------------------------------------------------------------- */

/* Reads the model's weights with the model's threads; the best of several passes in bytes per
 * second. Takes about half a second, or as long as three passes. */
TAWNY_API tawny_status tawny_measure_read(tawny_model *model, double *bytes_per_second);

/* Operations per second of the unit that the target's linears use, all threads together. `unit` may
 * be NULL; the text lives as long as the model. */
TAWNY_API tawny_status tawny_measure_peak(tawny_model *model, double *operations_per_second,
                                          const char **unit);

#ifdef __cplusplus
}
#endif

#endif
