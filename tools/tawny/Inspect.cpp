// tawny inspect: what lies in an artifact.
#include "runtime/support/Progress.h"
#include "tools/tawny/Inspection.h"
#include "tools/tawny/Tool.h"

#include <optional>

namespace tawny::tool {
namespace {

class Inspect final : public Subcommand {
public:
  const char *name() const override { return "inspect"; }
  Command &declare(ArgumentParser &parser) override {
    return parser.command("inspect", "show what an artifact holds")
        .details("Metadata, and for each target its kernels (registers, spills, shared memory, "
                 "code), programs, memory plan line by line, and where which format is "
                 "dequantised. Runs nothing, so files for other machines can be looked at.")
        .positional("MODEL.tawny", &path, "what tawnyc wrote")
        .flag("--json", &json, "print one JSON object")
        .flag("--verify", &verify,
              "also read all weights and compare them with their checksums; header and code are "
              "always compared");
  }
  ErrorOr<int> execute() override;

private:
  ErrorOr<void> verifyWeights(const Artifact &artifact) const;

  std::string path;
  bool json = false;
  bool verify = false;
};

ErrorOr<void> Inspect::verifyWeights(const Artifact &artifact) const {
  std::optional<Progress> bar;
  return artifact.verifyWeights([&](uint64_t bytes, uint64_t total) {
    if (!bar)
      bar.emplace("verifying", total, common.quiet);
    bar->update(bytes);
    return true;
  });
}

ErrorOr<int> Inspect::execute() {
  ErrorOr<std::unique_ptr<Artifact>> artifact = Artifact::open(path);
  if (!artifact)
    return artifact.takeError();
  if (verify)
    if (ErrorOr<void> verified = verifyWeights(**artifact); !verified)
      return verified.takeError();
  if (json) {
    Json object = inspectionJson(**artifact);
    if (verify)
      object["weights_verified"] = true;
    print(dumpJson(object) + "\n");
    return done;
  }
  printInspection(**artifact);
  if (verify)
    std::printf("\nweights   verified: they match their checksums\n");
  return done;
}

} // namespace

std::unique_ptr<Subcommand> makeInspect() { return std::make_unique<Inspect>(); }

} // namespace tawny::tool
