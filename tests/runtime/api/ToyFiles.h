// Files for the test of the C interface.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Write an artifact of the toy model, or of its vocabulary alone; the path is good until the next
 * call. */
const char *writeToyModel(void);
const char *writeToyVocabulary(void);

/* The toy model's logit of token `column` (1 to 31) after `count` tokens. */
float toyLogit(const int *tokens, unsigned count, unsigned column);

#ifdef __cplusplus
}
#endif
