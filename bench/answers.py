"""A study's answers again from its records: against another arm, or by the scores of the last step.

    python bench/answers.py DIR [--baseline ARM] [--last]

`--last` asks what comes of not selecting a step: each run counts with its last score on the reporting part.
"""

from __future__ import annotations

import argparse

from sparring.kinds.scores import metric
from sparring.studies.answers.statistics import analyse
from sparring.studies.folder import StudyDir


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("study")
    options.add_argument("--baseline", help="the arm to compare with; by default the study's own")
    options.add_argument("--last", action="store_true")
    said = options.parse_args()
    records = StudyDir(said.study).read_records()
    if said.last:
        records = [r._replace(score=r.curve[-1].report) if r.state == "finished" else r for r in records]
    better = metric(records[0].metric).better
    for line in analyse(records, better=better, baseline=said.baseline or records[0].arm).lines():
        print(line)


if __name__ == "__main__":
    main()
