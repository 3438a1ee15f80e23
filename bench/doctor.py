"""The doctor, judged: runs made ill on purpose beside healthy ones; which it finds, names and mends.

    python bench/doctor.py runs   --part tuning --out DIR [--jobs 2] [--only WORDS]    plays what is not there yet
    python bench/doctor.py ratios --part tuning --out DIR      what the causes did to the scores, without a doctor
    python bench/doctor.py judge  --part tuning --out DIR [--json]
    python bench/doctor.py early  --part tuning --out DIR [--jobs 2] [--json]    runs that have only begun
    python bench/doctor.py treat  --part unseen --out DIR [--jobs 2] [--json]

Small recipes on ring, grid, digits, stacked digits and Fashion-MNIST (bench/doctor/settings.py; the last in the folder
that SPARRING_DATA names), made ill by fourteen causes in several severities (bench/doctor/causes.py). A run is sick
when its last held-out score is worse than 1.5 times the median of its setting's healthy runs, or when it fell before it
had one, whatever was or was not done to it. The score is FID, by the setting's default features; for points it is one
over coverage, so that 1.5 times worse is to cover two thirds as much: their FID sees the mean and covariance of two
numbers, hardly changes when modes are missing, and scatters several-fold over healthy seeds.

`tuning` is for building the doctor, `unseen` for judging it once, at the end: other seeds, other severities, and a
quarter of its settings are new. Severities were chosen by scores in short trials, and no doctor was run on any of them:
most induced runs are to be plainly sick or plainly healthy; those in between stay in. Runs are deterministic on one
machine; each is played in a process of its own with one thread and takes some seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "doctor"))

import beginnings
import judging
import parts
import playing
import reading
import treating


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["runs", "ratios", "judge", "early", "treat"])
    options.add_argument("--part", choices=parts.PARTS, required=True)
    options.add_argument("--out", type=Path, required=True, help="where runs are, and come")
    options.add_argument("--jobs", type=int, default=1, help="runs at a time")
    options.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_argument(
        "--only",
        default="",
        help="with runs, and of sick ones with treat: those in whose SETTING/NAME one of these words stands",
    )
    said = options.parse_args()
    cases = parts.cases_of(said.part)
    wanted = [case for case in cases if any(word in f"{case.setting}/{case.name}" for word in said.only.split(","))]
    if said.what == "runs":
        playing.play_all(wanted, said.out, said.jobs)
    elif said.what == "ratios":
        print(reading.table_of_ratios(cases, said.out))
    elif said.what == "judge":
        found = judging.summary(reading.judged(cases, said.out))
        print(json.dumps(found) if said.json else reading.told(found))
    elif said.what == "early":
        found = beginnings.summary(wanted, said.out, said.jobs)
        print(json.dumps(found) if said.json else beginnings.told(found))
    else:
        found = treating.treated(cases, wanted, said.out, said.jobs)
        print(json.dumps(found) if said.json else treating.told(found))


if __name__ == "__main__":
    main()
