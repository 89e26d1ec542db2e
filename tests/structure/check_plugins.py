"""The boundary, held against every built plugin: one exported symbol; only fl_*, yyjson and pure libc from
outside; no mutable data of its own; and a plugin that includes a header of the core's inside does not compile."""
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

source = os.environ["FEEDLOOM_SOURCE"]
build = os.environ["FEEDLOOM_BUILD"]
compiler = shlex.split(os.environ["CC"])
pure = set(
    """abort calloc free malloc realloc bcmp memchr memcmp memcpy memmove memset qsort bsearch
    strchr strrchr strcmp strncmp strcasecmp strncasecmp strlen strnlen strstr strspn strcspn strpbrk strdup strndup
    strcpy strncpy strcat strtod strtol strtoll strtoul strtoull snprintf vsnprintf
    tolower toupper isalnum isalpha isdigit isspace isupper islower isprint isxdigit
    __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc __errno_location __assert_fail
    __stack_chk_fail __cxa_finalize __gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable
    acos asin atan atan2 cbrt ceil copysign cos erf erfc exp exp2 expm1 fabs floor fma fmax fmin fmod frexp hypot
    ldexp llrint lrint llround lround log log10 log1p log2 modf nan nearbyint pow rint round sin sqrt tan tanh trunc
    __isnan __isinf __finite""".split()
)
problems = []


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def is_allowed(name):
    name = name.split("@")[0]
    plain = re.sub(r"^__(?:isoc\d+_)?(\w+?)(?:_chk)?$", r"\1", name)
    return name.startswith(("fl_", "yyjson_", "unsafe_yyjson_")) or name in pure or plain in pure


def is_sanitized(path):
    return any("__asan_" in line or "__ubsan_" in line for line in lines("nm", "-D", "--undefined-only", path))


def sections(path):
    found = {}
    for line in lines("size", "-A", path):
        parts = line.split()
        if len(parts) >= 2 and parts[0].startswith("."):
            found[parts[0]] = int(parts[1])
    return found


def empty_object(folder):
    text, target = os.path.join(folder, "empty.c"), os.path.join(folder, "empty.so")
    with open(text, "w", encoding="utf-8") as out:
        out.write("extern int unused;\n")
    subprocess.run([*compiler, "-shared", "-fPIC", "-o", target, text], check=True)
    return sections(target)


def check_plugin(path, empty):
    name = os.path.basename(path)
    exported = [line.split()[-1] for line in lines("nm", "-D", "--defined-only", path)]
    if is_sanitized(path):
        return print(f"{name}: built with sanitizers, whose own symbols and data would be found; skipped")
    if exported != ["feedloom_plugin"]:
        problems.append(f"{name}: exports {exported}")
    for line in lines("nm", "-D", "--undefined-only", path):
        if not is_allowed(line.split()[-1]):
            problems.append(f"{name}: calls {line.split()[-1]}")
    # What an empty shared object has there is the compiler's; the rest would be the plugin's.
    found = sections(path)
    for section in (".data", ".bss", ".tdata", ".tbss"):
        if found.get(section, 0) > empty.get(section, 0):
            problems.append(f"{name}: {found[section]} bytes of mutable data in {section}")
    for section in (".init_array", ".fini_array"):
        if found.get(section, 0) > empty.get(section, 0):
            problems.append(f"{name}: a constructor or destructor in {section}")
    return print(f"{name}: checked")


def check_fence(folder):
    """A plugin's include paths lead to the public headers only."""
    text = os.path.join(folder, "nosy.c")
    public = os.path.join(source, "core", "include")
    for header, must_compile in (("<feedloom/plugin.h>", True), ('"journal.h"', False), ('"loop.h"', False)):
        with open(text, "w", encoding="utf-8") as out:
            out.write(f"#include {header}\n")
        result = subprocess.run(
            [*compiler, "-std=c11", "-I", public, "-fsyntax-only", text], capture_output=True, check=False
        )
        if (result.returncode == 0) != must_compile:
            problems.append(f"#include {header} in a plugin: compiles is {not must_compile}")


def check_commands(modules):
    """The build itself gives plugins no other include path of the source tree."""
    import json

    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as text:
        for entry in json.load(text):
            path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source)
            # Tests compile plugins' sources too, and may see more.
            if not entry.get("output", "").startswith("plugins" + os.sep):
                continue
            for folder in re.findall(r"-I(\S+)", entry["command"]):
                real = os.path.relpath(os.path.join(entry["directory"], folder), source)
                if real.startswith("core") and real != os.path.join("core", "include"):
                    problems.append(f"{path}: is given the include path {real}")
    if not modules:
        problems.append("no plugin was built")


modules = sorted(glob.glob(os.path.join(build, "plugins", "*", "*.so")))
with tempfile.TemporaryDirectory() as folder:
    base = empty_object(folder)
    for module in modules:
        check_plugin(module, base)
    check_fence(folder)
check_commands(modules)
print("\n".join(problems))
sys.exit(bool(problems))
