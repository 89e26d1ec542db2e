"""Folders of the core include only headers of lower levels and their own; plugins only the public ones."""
import os
import re
import sys

source = os.environ["FEEDLOOM_SOURCE"]
level = {"kit": 0, "base": 0, "os": 1, "wire": 2, "client": 2, "bus": 2, "config": 2, "host": 3, "cli": 4}
allowed = {"base": {"kit"}}  # numbers and times as text are kit's
core = os.path.join(source, "core")
homes = {}
for folder in level:
    for name in os.listdir(os.path.join(core, folder)):
        if name.endswith(".h"):
            homes.setdefault(name, set()).add(folder)
problems = []
uv = re.compile(r'#include\s+[<"]uv\.h')
for folder, own in level.items():
    for name in sorted(os.listdir(os.path.join(core, folder))):
        if not name.endswith((".c", ".h")):
            continue
        with open(os.path.join(core, folder, name), encoding="utf-8") as text:
            code = text.read()
        if uv.search(code) and folder != "os":
            problems.append(f"core/{folder}/{name}: uv.h belongs to core/os")
        for header in re.findall(r'#include\s+"([^"]+)"', code):
            where = homes.get(os.path.basename(header))
            if where is None or folder in where:
                continue
            if all(level[other] >= own and other not in allowed.get(folder, ()) for other in where):
                problems.append(f"core/{folder}/{name}: includes {header} of {'/'.join(sorted(where))}")
for folder, _, names in os.walk(os.path.join(source, "plugins")):
    for name in names:
        if not name.endswith((".c", ".h")):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as text:
            for header in re.findall(r'#include\s+"([^"]+)"', text.read()):
                # Sinks share plugins/sink, which is compiled into each.
                homes_of = [folder] + [os.path.join(source, "plugins", "sink")] * ("/sink_" in folder)
                if not any(os.path.exists(os.path.join(home, header)) for home in homes_of) and (
                        not header.endswith(".inc")):
                    problems.append(f"{os.path.relpath(os.path.join(folder, name), source)}: includes {header}")
print("\n".join(problems) or "every include goes down")
sys.exit(bool(problems))
