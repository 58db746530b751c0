#include "tests/runtime/api/ToyFiles.h"

#include "tests/runtime/toy/ToyArtifact.h"

using namespace tawny::test;

static const char *write(const char *name, ToyFile file) {
  static std::string path;
  path = writeTemporary(name, file.encode().span());
  return path.c_str();
}

const char *writeToyModel(void) { return write("api-model", toyModel(toyCode())); }

const char *writeToyVocabulary(void) { return write("api-vocabulary", toyVocabulary()); }

float toyLogit(const int *tokens, unsigned count, unsigned column) {
  return expectedLogits({tokens, count})[column - 1];
}
