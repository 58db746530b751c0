// comgr is loaded with dlopen rather than linked: a compiler must run where ROCm is not installed,
// the installed version decides which chips it knows, and the LLVM it brings along stays out of
// processes that do not link for AMD.
#include "compiler/codegen/amdgpu/Comgr.h"

#include "compiler/codegen/SharedObject.h"
#include "llvm/ADT/ScopeExit.h"

#include <amd_comgr.h>
#include <dlfcn.h>

namespace tawny::amdgpu {
namespace {

/// comgr's functions that this file calls, by their names in the library.
#define TAWNY_COMGR_FUNCTIONS(X)                                                                   \
  X(status_string)                                                                                 \
  X(get_isa_count)                                                                                 \
  X(get_isa_name)                                                                                  \
  X(create_data)                                                                                   \
  X(release_data)                                                                                  \
  X(set_data)                                                                                      \
  X(set_data_name)                                                                                 \
  X(get_data)                                                                                      \
  X(get_data_isa_name)                                                                             \
  X(create_data_set)                                                                               \
  X(destroy_data_set)                                                                              \
  X(data_set_add)                                                                                  \
  X(create_action_info)                                                                            \
  X(destroy_action_info)                                                                           \
  X(action_info_set_isa_name)                                                                      \
  X(action_info_set_logging)                                                                       \
  X(do_action)                                                                                     \
  X(action_data_get_data)

struct Library {
#define TAWNY_COMGR_MEMBER(name) decltype(&amd_comgr_##name) name = nullptr;
  TAWNY_COMGR_FUNCTIONS(TAWNY_COMGR_MEMBER)
#undef TAWNY_COMGR_MEMBER
  bool isLoaded = false;

  Library() {
    void *handle = nullptr;
    for (const char *file : {"libamd_comgr.so.3", "libamd_comgr.so.2"})
      if (!handle)
        handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      return;
    isLoaded = true;
#define TAWNY_COMGR_LOOKUP(name)                                                                   \
  name = reinterpret_cast<decltype(name)>(dlsym(handle, "amd_comgr_" #name));                      \
  isLoaded = isLoaded && name;
    TAWNY_COMGR_FUNCTIONS(TAWNY_COMGR_LOOKUP)
#undef TAWNY_COMGR_LOOKUP
  }

  bool knows(llvm::StringRef isa) const {
    size_t count = 0;
    if (get_isa_count(&count) != AMD_COMGR_STATUS_SUCCESS)
      return false;
    for (size_t index = 0; index < count; ++index) {
      const char *known = nullptr;
      if (get_isa_name(index, &known) == AMD_COMGR_STATUS_SUCCESS && isa == known)
        return true;
    }
    return false;
  }

  llvm::Error check(amd_comgr_status_t status, const char *what) const {
    if (status == AMD_COMGR_STATUS_SUCCESS)
      return llvm::Error::success();
    const char *reason = "unknown status";
    status_string(status, &reason);
    return llvm::createStringError("comgr: %s failed: %s", what, reason);
  }
};

/// The library of this process; it stays loaded.
const Library &library() {
  static const Library loaded;
  return loaded;
}

/// One link: its handles are released together.
class Link {
public:
  explicit Link(const Library &comgr) : comgr(comgr) {}
  ~Link() {
    for (amd_comgr_data_t data : datas)
      comgr.release_data(data);
    for (amd_comgr_data_set_t set : sets)
      comgr.destroy_data_set(set);
    if (hasAction)
      comgr.destroy_action_info(action);
  }

  llvm::Expected<std::string> run(llvm::StringRef object, const std::string &isa) {
    amd_comgr_data_set_t input{}, output{};
    amd_comgr_data_t data{};
    if (llvm::Error error = createSet(input))
      return error;
    if (llvm::Error error = createSet(output))
      return error;
    if (llvm::Error error =
            comgr.check(comgr.create_data(AMD_COMGR_DATA_KIND_RELOCATABLE, &data), "create_data"))
      return error;
    datas.push_back(data);
    for (auto [status, what] :
         {std::pair(comgr.set_data(data, object.size(), object.data()), "set_data"),
          std::pair(comgr.set_data_name(data, "kernels.o"), "set_data_name"),
          std::pair(comgr.data_set_add(input, data), "data_set_add"),
          std::pair(comgr.create_action_info(&action), "create_action_info")})
      if (llvm::Error error = comgr.check(status, what))
        return error;
    hasAction = true;
    for (auto [status, what] :
         {std::pair(comgr.action_info_set_isa_name(action, isa.c_str()), "set_isa_name"),
          std::pair(comgr.action_info_set_logging(action, true), "set_logging")})
      if (llvm::Error error = comgr.check(status, what))
        return error;
    if (llvm::Error error = comgr.check(
            comgr.do_action(AMD_COMGR_ACTION_LINK_RELOCATABLE_TO_EXECUTABLE, action, input, output),
            "linking"))
      return llvm::createStringError(llvm::toString(std::move(error)) + "\n" + log(output));
    llvm::Expected<amd_comgr_data_t> linked = get(output, AMD_COMGR_DATA_KIND_EXECUTABLE);
    if (!linked)
      return linked.takeError();
    if (llvm::Error error = checkIsa(*linked, isa))
      return error;
    return bytes(*linked);
  }

private:
  llvm::Error createSet(amd_comgr_data_set_t &set) {
    if (llvm::Error error = comgr.check(comgr.create_data_set(&set), "create_data_set"))
      return error;
    sets.push_back(set);
    return llvm::Error::success();
  }

  llvm::Expected<amd_comgr_data_t> get(amd_comgr_data_set_t set, amd_comgr_data_kind_t kind) {
    amd_comgr_data_t data{};
    if (llvm::Error error =
            comgr.check(comgr.action_data_get_data(set, kind, 0, &data), "action_data_get_data"))
      return error;
    datas.push_back(data);
    return data;
  }

  llvm::Expected<std::string> bytes(amd_comgr_data_t data) {
    size_t size = 0;
    if (llvm::Error error = comgr.check(comgr.get_data(data, &size, nullptr), "get_data"))
      return error;
    std::string result(size, '\0');
    if (llvm::Error error = comgr.check(comgr.get_data(data, &size, result.data()), "get_data"))
      return error;
    return result;
  }

  std::string log(amd_comgr_data_set_t output) {
    llvm::Expected<amd_comgr_data_t> data = get(output, AMD_COMGR_DATA_KIND_LOG);
    llvm::Expected<std::string> text = data ? bytes(*data) : data.takeError();
    return text ? *text : llvm::toString(text.takeError());
  }

  /// The driver selects code by the name that comgr reads from it, so it must read ours.
  llvm::Error checkIsa(amd_comgr_data_t linked, const std::string &isa) {
    size_t size = 0;
    std::string name;
    if (llvm::Error error =
            comgr.check(comgr.get_data_isa_name(linked, &size, nullptr), "get_data_isa_name"))
      return error;
    name.resize(size);
    if (llvm::Error error =
            comgr.check(comgr.get_data_isa_name(linked, &size, name.data()), "get_data_isa_name"))
      return error;
    name.resize(std::min(name.find('\0'), name.size()));
    // Features that a chip has without being asked may follow the name.
    if (llvm::StringRef(name).split(':').first != isa)
      return llvm::createStringError("comgr: expected code for %s, found %s", isa.c_str(),
                                     name.c_str());
    return llvm::Error::success();
  }

  const Library &comgr;
  llvm::SmallVector<amd_comgr_data_t> datas;
  llvm::SmallVector<amd_comgr_data_set_t> sets;
  amd_comgr_action_info_t action{};
  bool hasAction = false;
};

} // namespace

llvm::Expected<std::string> linkCodeObject(llvm::StringRef object, llvm::StringRef chip) {
  const Library &comgr = library();
  std::string isa = ("amdgcn-amd-amdhsa--" + chip).str();
  if (comgr.isLoaded && comgr.knows(isa))
    return Link(comgr).run(object, isa);
  return linkSharedObject(object, "elf64_amdgpu");
}

} // namespace tawny::amdgpu
