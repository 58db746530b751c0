// tawny tokenize, tawny detokenize: the artifact's tokenizer alone; nothing computes.
#include "runtime/support/InputFile.h"
#include "runtime/support/Json.h"
#include "tools/tawny/Tool.h"

namespace tawny::tool {
namespace {

constexpr size_t maxTextBytes = size_t(1) << 28;

ErrorOr<ModelHandle> openVocabulary(const std::string &path, const CommonOptions &common) {
  tawny_options options = optionsFor(common);
  options.vocabulary_only = true;
  ErrorOr<ModelHandle> model = openModel(path, options, common.quiet);
  if (model && !infoOf(model->get()).has_tokenizer)
    return makeError("'%s' holds no tokenizer", path.c_str());
  return model;
}

class Tokenize final : public Subcommand {
public:
  const char *name() const override { return "tokenize"; }
  Command &declare(ArgumentParser &parser) override {
    return parser.command("tokenize", "print the token ids of a text")
        .details("They have commas between them, which is what --tokens and detokenize take.")
        .positional("MODEL.tawny", &path, "what tawnyc wrote, also with --vocab-only")
        .positional("TEXT|-", &text, "the text; - reads standard input, untrimmed")
        .flag("--json", &json, "print a JSON list")
        .flag("--bos", &bos, "put the model's BOS in front")
        .flag("--special", &special, "take the text of control tokens, such as </s>, as the token");
  }
  ErrorOr<int> execute() override;

private:
  std::string path, text;
  bool json = false, bos = false, special = false;
};

ErrorOr<int> Tokenize::execute() {
  ErrorOr<ModelHandle> model = openVocabulary(path, common);
  if (!model)
    return model.takeError();
  if (text == "-") {
    ErrorOr<std::string> bytes = readInput("-", maxTextBytes);
    if (!bytes)
      return bytes.takeError();
    text = std::move(*bytes);
  }
  ErrorOr<std::vector<int32_t>> ids = tokenize(model->get(), text, bos, special);
  if (!ids)
    return ids.takeError();
  std::string line;
  for (int32_t id : *ids)
    line += (line.empty() ? "" : ",") + std::to_string(id);
  print(json ? dumpJson(Json(*ids)) : line);
  print("\n");
  return done;
}

class Detokenize final : public Subcommand {
public:
  const char *name() const override { return "detokenize"; }
  Command &declare(ArgumentParser &parser) override {
    return parser.command("detokenize", "print the text of token ids")
        .details("Byte for byte, without a line break behind it.")
        .positional("MODEL.tawny", &path, "what tawnyc wrote, also with --vocab-only")
        .positional("IDS", &ids,
                    "1,2,3, or a file with such a list or one in JSON; - reads that from standard "
                    "input")
        .flag("--special", &special,
              "show control tokens, such as </s>, instead of leaving them "
              "out");
  }
  ErrorOr<int> execute() override;

private:
  std::string path, ids;
  bool special = false;
};

ErrorOr<int> Detokenize::execute() {
  ErrorOr<ModelHandle> model = openVocabulary(path, common);
  if (!model)
    return model.takeError();
  ErrorOr<std::vector<int32_t>> tokens = readTokens(model->get(), ids);
  if (!tokens)
    return tokens.takeError();
  ErrorOr<std::string> text = detokenize(model->get(), *tokens, special, false);
  if (!text)
    return text.takeError();
  print(*text);
  return done;
}

} // namespace

std::unique_ptr<Subcommand> makeTokenize() { return std::make_unique<Tokenize>(); }
std::unique_ptr<Subcommand> makeDetokenize() { return std::make_unique<Detokenize>(); }

} // namespace tawny::tool
