"""A journal cut at every byte, in each of the ways a disk has of forgetting: power.c does the work."""
import subprocess

from campaign import Campaign, Option
from harness import BUILD

AT_ONCE = 16  # most of a cut's time is waiting, for a worker or a timer


def run(options, progress):
    program = str(BUILD / "tests" / "torture" / "power")
    parts = []
    for part in range(AT_ONCE):
        quiet = subprocess.PIPE if part > 0 else None  # the first one's progress is that of all
        parts.append(subprocess.Popen([program, str(options.every * AT_ONCE), str(options.every * part)],
                                      stdout=quiet, stderr=subprocess.STDOUT if quiet else None, text=True))
    ended = [(part.communicate()[0], part.returncode) for part in parts]
    for said, code in ended:
        assert code == 0, f"power: exit code {code}; {said or 'the lines above say where'}"


CAMPAIGNS = [Campaign(
    "power", "of a journal with a torn tail, at every byte position, what stood before is there, nothing is misread"
             " and no number is used twice", "some 245,000 cuts, under 10 min", run,
    {"every": Option(1, "cut only at each such byte")})]
