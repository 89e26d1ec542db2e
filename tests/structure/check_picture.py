"""ARCHITECTURE.md's picture of a message's way: every file and function in it exists."""
import os
import re
import sys

source = os.environ["FEEDLOOM_SOURCE"]
with open(os.path.join(source, "ARCHITECTURE.md"), encoding="utf-8") as text:
    picture = re.search(r"```picture\n(.*?)```", text.read(), re.S).group(1)
stages = re.findall(r"((?:core|plugins)/\S+\.c)\s+(\w+)", picture)
problems = []
for path, function in stages:
    try:
        with open(os.path.join(source, path), encoding="utf-8") as text:
            code = text.read()
    except FileNotFoundError:
        problems.append(f"{path}: no such file")
        continue
    # A definition: the name at the start of a declarator, its parameters, then a body.
    if not re.search(rf"^[\w\s*]*\b{function}\([^;{{]*\)\s*\n\{{", code, re.M):
        problems.append(f"{path}: defines no {function}")
if len(stages) < 14:
    problems.append(f"only {len(stages)} stages in the picture")
print("\n".join(problems) or f"{len(stages)} stages, all there")
sys.exit(bool(problems))
