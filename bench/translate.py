"""Images from images, measured: the recipes beside what the same command runs for comparison, on held-out images.

    python bench/translate.py maps --out DIR [--seeds 3] [--for 20m-cpu] [--data maps.zip] [override ...]
    python bench/translate.py unpaired --out DIR ...      photos into maps, without pairs
    python bench/translate.py cycle --out DIR ...         the same by `translate/cycle`, both ways at once
    python bench/translate.py mri --out DIR ...           holes of a quarter of the area in slices of brains
    python bench/translate.py faces --out DIR ...         the same in faces
    python bench/translate.py throughput --out DIR        images a second and memory at 512, 1024 and 4096 pixels

Beside `maps`: the nearest training photo's map, and the same U-Net trained for as long on the reconstruction alone.
Beside `unpaired` and `cycle`: the photos as they are, and with the colours of maps (histogram matching). Beside `mri`
and `faces`: scikit-image's biharmonic inpainting, OpenCV's Telea, and the mean of what lies around. Each result is
kept in --out as it comes: the same command goes on. Data are looked for in --data, or below the folder that
SPARRING_DATA names. Needs
the extra `bench` (scikit-image, OpenCV). Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "translate"))

import throughput
from tasks import TASKS, results_of

from tables import told, verdicts

WHERE = {
    "maps": "image-to-image/maps.zip",
    "unpaired": "image-to-image/maps.zip",
    "cycle": "image-to-image/maps.zip",
    "mri": "medical/brain-tumor-mri.zip",
    "faces": "faces/lfw-aligned-112-subset.zip",
}


def data_of(task: str, given: Path | None) -> Path:
    """The task's data. Raises SystemExit where they are not."""
    place = given or Path(os.environ.get("SPARRING_DATA", "data")) / WHERE[task]
    if not place.exists():
        raise SystemExit(f"{place}: not there; say --data, or SPARRING_DATA")
    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=[*TASKS, "throughput"])
    parser.add_argument("overrides", nargs="*", help="key=value for every training")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--for", dest="budget", default="20m-cpu")
    parser.add_argument("--json", type=Path)
    said = parser.parse_intermixed_args()
    found: dict[str, Any]
    if said.task == "throughput":
        rows = list(throughput.measured(said.out, said.data))
        print(throughput.told(rows))
        found = {"throughput": rows}
    else:
        data = data_of(said.task, said.data)
        results = list(results_of(said.task, data, said.out, said.seeds, said.budget, said.overrides))
        print(told(results))
        holds = verdicts(said.task, results)
        print(
            "\n".join(f"{'holds' if one['holds'] else 'does not hold'}: {one['what']} ({one['why']})" for one in holds)
        )
        found = {"results": results, "verdicts": holds}
    if said.json is not None:
        said.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
