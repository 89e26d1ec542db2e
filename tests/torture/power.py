"""A journal cut at every byte, in each of the ways a disk has of forgetting: power.c does the work."""
import subprocess

from campaign import Campaign, Option
from harness import BUILD


def run(options, progress):
    code = subprocess.run([str(BUILD / "tests" / "torture" / "power"), str(options.every)], check=False).returncode
    assert code == 0, f"power: exit code {code}; the line above says where"


CAMPAIGNS = [Campaign(
    "power", "of a journal with a torn tail, at every byte position, what stood before is there, nothing is misread"
             " and no number is used twice", "some 245,000 cuts, over an hour (estimated)", run,
    {"every": Option(1, "cut only at each such byte")})]
