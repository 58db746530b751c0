"""lit for every folder of tests. The build's lit.site.cfg.py says where things lie."""

import os
import shutil
import subprocess

import lit.formats

config.name = "tawny"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(config.tawny_source_dir, "tests")
config.test_exec_root = os.path.join(config.tawny_binary_dir, "tests")

# This build's tools come first; FileCheck, not, llvm-objdump and llvm-readobj are LLVM's.
config.environment["PATH"] = os.pathsep.join(
    [
        os.path.join(config.tawny_binary_dir, "bin"),
        config.llvm_tools_dir,
        os.environ.get("PATH", ""),
    ]
)
# A CHECK variable without `$` must not leak from one CHECK-LABEL to the next.
config.environment["FILECHECK_OPTS"] = "--enable-var-scope --dump-input=fail"

# %samples: the models that ship with the repository. %data: the larger test data, which tests ask
# for with `REQUIRES: shared-data`.
data = os.environ.get("TAWNY_TEST_DATA") or os.path.join(config.tawny_source_dir, "..", "shared")
data = os.path.realpath(data)
config.substitutions.append(
    ("%samples", os.path.join(config.tawny_source_dir, "models", "samples"))
)
config.substitutions.append(("%data", data))
# The fake drivers and, where it is built, the simulator.
libraries = os.path.join(config.tawny_binary_dir, "lib")
config.substitutions.append(("%libraries", libraries))
if os.path.exists(os.path.join(libraries, "libhipsim.so")):
    config.available_features.add("simulator")
if os.path.isdir(os.path.join(data, "models")):
    config.available_features.add("shared-data")

# %unprivileged COMMAND: with no right to what its user may not read. Root has that right, but can
# start processes without it.
unprivileged = "env"
if os.geteuid() == 0:
    unprivileged = "setpriv --bounding-set=-dac_override,-dac_read_search"
if shutil.which(unprivileged.split()[0]) and subprocess.call(unprivileged.split() + ["true"]) == 0:
    config.available_features.add("unprivileged")
config.substitutions.append(("%unprivileged", unprivileged))


def cpu_flags():
    """The feature names Linux reports for the first CPU; empty where it reports none."""
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            for line in cpuinfo:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


# Features named as LLVM names them, for tests that execute what they compile.
flags = cpu_flags()
for feature, needed in {
    "avx2": {"avx2", "fma", "f16c"},
    "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"},
    "avx512vnni": {"avx512_vnni"},
    "avx512bf16": {"avx512_bf16"},
}.items():
    if needed <= flags:
        config.available_features.add(feature)

# NVIDIA's assembler, where the code generator looks for it.
folders = [
    os.environ.get("PATH", ""),
    os.path.join(os.environ.get("CUDA_HOME", "/nonexistent"), "bin"),
    "/usr/local/cuda/bin",
]
if shutil.which("ptxas", path=os.pathsep.join(folders)):
    config.available_features.add("ptxas")
else:
    lit_config.note("ptxas is not installed: tests that assemble PTX are skipped")
