#include "compiler/targets/Target.h"
#include "compiler/targets/TargetTables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <vector>

namespace tawny {

llvm::ArrayRef<TargetInfo> allTargets() {
  static const std::vector<TargetInfo> targets = [] {
    std::vector<TargetInfo> all;
    for (llvm::ArrayRef<TargetInfo> table : {x86Targets(), amdTargets(), nvidiaTargets()})
      all.insert(all.end(), table.begin(), table.end());
    return all;
  }();
  return targets;
}

llvm::Expected<const TargetInfo *> findTarget(llvm::StringRef name) {
  if (name == "cpu") {
    llvm::Expected<llvm::StringRef> host = hostTarget();
    if (!host)
      return host.takeError();
    name = *host;
  }
  for (const TargetInfo &target : allTargets())
    if (target.name == name)
      return &target;
  std::string names = "cpu";
  for (const TargetInfo &target : allTargets())
    names += (", " + target.name).str();
  return llvm::createStringError("target '%s' is unknown; known are %s", name.str().c_str(),
                                 names.c_str());
}

} // namespace tawny
