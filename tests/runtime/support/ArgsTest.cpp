#include "runtime/support/Args.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

using Kind = ParsedArguments::Kind;

/// A tool with one command that has an option of each type.
struct Tool {
  Tool() : parser("owl", "hunts at night", "1.2") {
    parser.command("run", "Runs a model.")
        .positional("MODEL", &model, "the model")
        .positional("TEXT", &text, "a text", /*required=*/false)
        .text("-p,--prompt", "TEXT", &prompt, "the prompt")
        .integer("-n,--count", "N", &count, {1, 100}, "how many (default 8)")
        .real("--temp", "T", &temperature, {0, 10}, "temperature")
        .real("--top-p", "P", &topP, {0, 1, true}, "nucleus")
        .unsignedInteger("--seed", "S", &seed, "random seed")
        .integerList("--batch", "B,…", &batch, {1, 64}, "batch sizes")
        .choice("--device", {"cpu", "hip"}, &device, "where to run")
        .flag("--json", &json, "write JSON");
    parser.command("inspect", "Shows a model.").positional("MODEL", &model, "the model");
  }

  ParsedArguments parse(std::vector<std::string> arguments) { return parser.parse(arguments); }

  ArgumentParser parser;
  std::string model, text, prompt, device = "cpu";
  int64_t count = 8;
  double temperature = 0, topP = 1;
  uint64_t seed = 0;
  std::vector<int64_t> batch;
  bool json = false;
};

/// The first line of the usage error for `owl run m ARGUMENTS…`.
std::string runError(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"run", "m"});
  ParsedArguments parsed = Tool().parse(arguments);
  EXPECT_EQ(parsed.kind, Kind::Usage);
  size_t end = parsed.text.find('\n');
  EXPECT_EQ(parsed.text.substr(end + 1), "see 'owl run --help'");
  return parsed.text.substr(0, end);
}

TEST(Args, SetsVariables) {
  Tool tool;
  auto parsed = tool.parse({"run", "--temp=0.5", "m.tawny", "-n", "5", "--top-p", "1", "--json",
                            "--seed", "18446744073709551615", "--batch=1,8,32", "--device", "hip",
                            "-p", "--json", "-"});
  ASSERT_EQ(parsed.kind, Kind::Run) << parsed.text;
  EXPECT_EQ(parsed.command, "run");
  EXPECT_EQ(tool.model, "m.tawny");
  EXPECT_EQ(tool.text, "-");
  EXPECT_EQ(tool.prompt, "--json");
  EXPECT_EQ(tool.count, 5);
  EXPECT_EQ(tool.temperature, 0.5);
  EXPECT_EQ(tool.seed, UINT64_MAX);
  EXPECT_EQ(tool.batch, (std::vector<int64_t>{1, 8, 32}));
  EXPECT_EQ(tool.device, "hip");
  EXPECT_TRUE(tool.json);
}

TEST(Args, KeepsDefaultsAndTellsWhatWasGiven) {
  ArgumentParser parser("owl", "", "");
  int64_t count = 8;
  std::string model;
  Command &run = parser.command("run", "")
                     .integer("-n,--count", "N", &count, {}, "")
                     .positional("MODEL", &model, "", /*required=*/false);
  EXPECT_EQ(parser.parse(std::vector<std::string>{"run", "--count=9"}).kind, Kind::Run);
  EXPECT_EQ(count, 9);
  EXPECT_TRUE(run.given("-n") && run.given("--count"));
  EXPECT_FALSE(run.given("MODEL") || run.given("--other"));
}

TEST(Args, TakesAnythingAfterTwoDashes) {
  Tool tool;
  ASSERT_EQ(tool.parse({"run", "--", "--json", "-n"}).kind, Kind::Run);
  EXPECT_EQ(tool.model, "--json");
  EXPECT_EQ(tool.text, "-n");
  EXPECT_FALSE(tool.json);
}

TEST(Args, TakesEmptyValuesAndEqualsSigns) {
  Tool tool;
  ASSERT_EQ(tool.parse({"run", "m", "--prompt=a=b"}).kind, Kind::Run);
  EXPECT_EQ(tool.prompt, "a=b");
  Tool other;
  ASSERT_EQ(other.parse({"run", "m", "", "--prompt="}).kind, Kind::Run);
  EXPECT_EQ(other.prompt, "");
}

TEST(Args, ChecksTypesAndRanges) {
  EXPECT_EQ(runError({"-n", "0"}), "-n needs an integer from 1 to 100, not '0'");
  EXPECT_EQ(runError({"-n", "-5"}), "-n needs an integer from 1 to 100, not '-5'");
  EXPECT_EQ(runError({"--count=5x"}), "--count needs an integer from 1 to 100, not '5x'");
  EXPECT_EQ(runError({"--count="}), "--count needs an integer from 1 to 100, not ''");
  EXPECT_EQ(runError({"--count=99999999999999999999"}),
            "--count needs an integer from 1 to 100, not '99999999999999999999'");
  EXPECT_EQ(runError({"--temp", "nan"}),
            "--temp needs a number of at least 0 and at most 10, not 'nan'");
  EXPECT_EQ(runError({"--temp=inf"}),
            "--temp needs a number of at least 0 and at most 10, not 'inf'");
  EXPECT_EQ(runError({"--temp=warm"}),
            "--temp needs a number of at least 0 and at most 10, not 'warm'");
  EXPECT_EQ(runError({"--top-p=0"}), "--top-p needs a number above 0 and at most 1, not '0'");
  EXPECT_EQ(runError({"--seed=-1"}),
            "--seed needs an integer from 0 to 18446744073709551615, not '-1'");
  EXPECT_EQ(runError({"--batch=1,,2"}),
            "--batch is a list with commas, each item of which needs an integer from 1 to 64, "
            "not ''");
  EXPECT_EQ(runError({"--device=cuda"}), "--device needs one of cpu|hip, not 'cuda'");
}

TEST(Args, ExplainsMistakes) {
  EXPECT_EQ(runError({"--tmp=1"}), "there is no option '--tmp'; did you mean '--temp'?");
  EXPECT_EQ(runError({"--jsno"}), "there is no option '--jsno'; did you mean '--json'?");
  EXPECT_EQ(runError({"--completely-different"}), "there is no option '--completely-different'");
  EXPECT_EQ(runError({"-x"}), "there is no option '-x'");
  EXPECT_EQ(runError({"--json=yes"}), "--json takes no value");
  EXPECT_EQ(runError({"--json", "--json"}), "--json is given twice");
  EXPECT_EQ(runError({"-n", "1", "--count=2"}), "--count is given twice");
  EXPECT_EQ(runError({"-n"}), "-n needs a value: N");
  EXPECT_EQ(runError({"a", "b"}), "the argument 'b' is one too many");
  std::string longName = "--" + std::string(500, 'x');
  EXPECT_EQ(runError({longName}), "there is no option '" + longName.substr(0, 60) + "…'");
}

TEST(Args, ExplainsWrongCommands) {
  EXPECT_EQ(Tool().parse({}).text, "a command is missing\nsee 'owl --help'");
  EXPECT_EQ(Tool().parse({"rnu"}).text,
            "there is no command 'rnu'; did you mean 'run'?\nsee 'owl --help'");
  EXPECT_EQ(Tool().parse({"fly"}).text, "there is no command 'fly'\nsee 'owl --help'");
  EXPECT_EQ(Tool().parse({"run"}).text, "the argument MODEL is missing\nsee 'owl run --help'");
}

TEST(Args, PrintsHelpFromTheSameTable) {
  EXPECT_EQ(Tool().parse({"--version"}).text, "owl 1.2\n");
  auto all = Tool().parse({"--help"});
  EXPECT_EQ(all.kind, Kind::Help);
  EXPECT_EQ(all.text, "owl: hunts at night\n\n"
                      "usage: owl COMMAND [ARGUMENTS]\n\n"
                      "commands:\n"
                      "  run                           Runs a model.\n"
                      "  inspect                       Shows a model.\n\n"
                      "'owl COMMAND --help' shows the options of a command; 'owl --version' the "
                      "version.\n");
  auto run = Tool().parse({"run", "--temp=0", "--help"});
  EXPECT_EQ(run.kind, Kind::Help);
  EXPECT_EQ(run.text, Tool().parse({"help", "run"}).text);
  EXPECT_EQ(run.text.substr(0, 69), "usage: owl run MODEL [TEXT] [OPTIONS]\n\nRuns a model.\n\n"
                                    "arguments:\n  MO");
  for (const char *line : {"  -p, --prompt TEXT             the prompt\n",
                           "  --temp=T                      temperature\n",
                           "  --device=cpu|hip              where to run\n",
                           "  --json                        write JSON\n"})
    EXPECT_NE(run.text.find(line), std::string::npos) << line << run.text;
}

TEST(Args, BreaksLongHelp) {
  ArgumentParser parser("owl", "", "");
  bool flag = false;
  std::string words;
  for (int i = 0; i < 30; ++i)
    words += (i ? " word" : "word");
  parser.command("run", "Flies.")
      .details(words)
      .flag("--an-option-with-a-rather-long-name", &flag, words);
  std::string text = parser.parse(std::vector<std::string>{"run", "--help"}).text;
  EXPECT_NE(text.find("Flies.\n\nword word "), std::string::npos) << text;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    EXPECT_LE(end - begin, 100u);
    EXPECT_TRUE(end == begin || text[end - 1] != ' ') << text;
  }
}

} // namespace
