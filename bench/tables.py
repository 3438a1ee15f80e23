"""Tables, measured: synthetic rows of Sparring beside those of the `ctgan` package and of simple baselines.

    python bench/tables.py --out DIR [--only adult,titanic] [--seeds 3] [--systems sparring,ctgan,...] [--json FILE]
    python bench/tables.py --out DIR --reference FOLDER     takes from there what CTGAN made before
    python bench/tables.py cost --out DIR [--rows 10000,100000] [--columns 10,100] [--for 60s-cpu] [--systems tvae]
    python bench/tables.py facts --out DIR [--seeds 3] [--systems sparring,ctgan]

A fifth of each data set is held out (another one for each seed), the rest trained on; each system makes as many rows as
it was trained on, in a process of its own, and all are read and scored alike (docs/tables.md). CTGAN trains at its
defaults, for some 20 minutes on adult and longer on diamonds. Each result is kept in --out as it comes: the same
command goes on, and after a change of Sparring another --out is due. The baselines (columns each for itself, a
Gaussian copula, a TVAE-style autoencoder) are in bench/tables/ and no part of the package; `real` is the training rows.

`cost` trains for a while on made-up tables of several sizes and says rows a second and peak memory. `facts` looks
whether rare categories and the modes of a number are kept. Data are looked for in --data, below the folder that
SPARRING_DATA names, and beside the project. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "tables"))

import costs
import facts
from comparing import Comparison, compared
from sets import SETS, data_folder
from systems import SYSTEMS
from verdicts import names, table_of, told_verdict, verdicts


def chosen(word: str, known: dict[str, Any], option: str) -> list[str]:
    """Names by commas. Raises SystemExit for an unknown one."""
    found = word.split(",")
    for one in found:
        if one not in known:
            raise SystemExit(f"{option}: no '{one}' here; known: {', '.join(known)}")
    return found


def compare(said: argparse.Namespace) -> dict[str, Any]:
    systems = chosen(said.systems or ",".join(SYSTEMS), SYSTEMS, "--systems")
    tables = chosen(said.only, SETS, "--only")
    data = data_folder(said.data)
    wanted = Comparison(
        data,
        said.out,
        tables,
        said.seeds,
        said.small_seeds,
        systems,
        said.reference,
        said.threads,
        said.budget,
        tuple(said.override),
    )
    results = list(compared(wanted))
    for table in names(results, "set"):
        print(f"{table_of(results, table)}\n")
    found = verdicts(results)
    print("\n".join(map(told_verdict, found)))
    return {"results": results, "verdicts": [one._asdict() for one in found]}


def cost(said: argparse.Namespace) -> dict[str, Any]:
    systems = chosen(said.systems or "sparring", SYSTEMS, "--systems")
    sizes = [(int(rows), int(columns)) for columns in said.columns.split(",") for rows in said.rows.split(",")]
    rows = list(costs.measured(systems, sizes, said.out, said.budget or "60s", said.threads, tuple(said.override)))
    print(costs.told(rows))
    return {"cost": rows}


def fact(said: argparse.Namespace) -> dict[str, Any]:
    systems = chosen(said.systems or "sparring", SYSTEMS, "--systems")
    found = list(facts.found(systems, said.seeds, said.out, said.budget, said.threads, tuple(said.override)))
    print(facts.told(found))
    return {"facts": found}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", nargs="?", default="compare", choices=["compare", "cost", "facts"])
    options.add_argument("--out", type=Path, required=True, help="where results are kept, and found again")
    options.add_argument("--data", type=Path, help="folder of the CSV files")
    options.add_argument("--only", default=",".join(SETS), help="data sets, by commas")
    options.add_argument("--systems", help=f"by commas, of {', '.join(SYSTEMS)}")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--small-seeds", type=int, default=5, help="for data sets of under a thousand rows")
    options.add_argument("--reference", type=Path, help="folder of what CTGAN made before")
    options.add_argument("--rows", default="10000,100000,1000000", help="with cost")
    options.add_argument("--columns", default="10,100", help="with cost; in tens")
    options.add_argument("--for", dest="budget", help="how long Sparring trains, such as 5m-cpu or 2000steps")
    options.add_argument("--override", nargs="*", default=[], metavar="key=value", help="of Sparring's recipe")
    options.add_argument("--threads", type=int, help="of every system; by default as the environment says")
    options.add_argument("--json", type=Path, help="write all results there")
    said = options.parse_args()
    found = {"compare": compare, "cost": cost, "facts": fact}[said.what](said)
    if said.json is not None:
        said.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
